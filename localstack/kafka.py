"""Apache Kafka on this machine without Docker: one node, broker and controller in one (KRaft), on the loopback
interface, its data kept from one start to the next."""

import asyncio
import base64
import logging
import shutil
import subprocess
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import Signals
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from localstack import jars
from localstack.errors import StackError
from localstack.places import KAFKA_LIB, KAFKA_LOG4J, KAFKA_PROPERTIES
from localstack.ports import HOST, free_port, is_free, listens
from localstack.processes import Process, launch
from localstack.running import Running, locked, recall, recorded, remember, see_it_up

#: The same in deploy/local/kafka/pom.xml and deploy/compose.yaml.
VERSION = "4.3.1"

#: No second, optimising compiler: on 2 cores with other work it starts in half the time (4-7 s instead of 7-18), and
#: since the compiler takes nothing from the others, 360,000 records went through in half the CPU and no slower.
_SMALL_MACHINE = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def start_kafka(folder: Path) -> Running:
    """Start the broker of this folder, or find it running; it answers on return.

    Its ports are chosen at the first start in a new folder and kept. `StackError` when Java or the jars are missing,
    another process has one of the ports, or it does not come up.
    """
    with locked(folder):
        if (found := running_kafka(folder)) is not None:
            return found
        program = jars.java()
        if not jars.present():
            raise StackError(f"no jars of Apache Kafka {VERSION} in {KAFKA_LIB}: run `make setup`")
        state = recall(folder)
        if not state:
            port = free_port()
            state = {"port": port, "controller_port": free_port(other_than=port)}
            _format(program, folder, state)
            remember(folder, state)
        for port in (state["port"], state["controller_port"]):
            if not is_free(port):
                raise StackError(
                    f"port {port} of the Kafka in {folder} is taken by another process: stop that one"
                )
        _write_properties(folder, state)
        log = folder / "kafka.log"
        process = launch(
            [
                program,
                "-Xmx512m",
                *_SMALL_MACHINE,
                "-XX:+ExitOnOutOfMemoryError",
                "-Djava.awt.headless=true",
                f"-Dlog4j2.configurationFile={KAFKA_LOG4J}",
                "-cp",
                f"{KAFKA_LIB}/*",
                "kafka.Kafka",
                str(_properties(folder)),
            ],
            log,
        )
        running = _running(folder, state, process)
        see_it_up(running, kafka_answers, f"Apache Kafka {VERSION}", log)
        return running


def running_kafka(folder: Path) -> Running | None:
    """The broker of this folder if its process runs; it may not answer yet."""
    process = recorded(folder)
    return None if process is None else _running(folder, recall(folder), process)


def forget_kafka(folder: Path) -> None:
    """Stop the broker of this folder and remove its data, ports and log."""
    if (found := running_kafka(folder)) is not None:
        found.stop()
    shutil.rmtree(folder, ignore_errors=True)


def kafka_answers(address: str) -> bool:
    """Whether a broker answers at `HOST:PORT[,…]` with metadata that names a broker and a controller."""
    host, _, port = address.split(",")[0].rpartition(":")
    if not listens(host, int(port)):
        return False
    # In a thread of its own: the caller may have an event loop running.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_ask, address).result()


def _ask(address: str) -> bool:
    here = threading.get_ident()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    # "Not yet" is an answer here; aiokafka would log it as an error. Its clients in other threads go on logging.
    log = logging.getLogger("aiokafka")
    log.addFilter(from_elsewhere)
    try:
        return asyncio.run(_metadata(address))
    finally:
        log.removeFilter(from_elsewhere)


async def _metadata(address: str) -> bool:
    client = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=2000)
    try:
        await client.start()
        cluster = await client.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await client.close()
    return bool(cluster["brokers"]) and cluster["controller_id"] >= 0


def _running(folder: Path, state: dict[str, Any], process: Process) -> Running:
    return Running(
        address=f"{HOST}:{state['port']}",
        folder=folder,
        data=_data(folder),
        process=process,
        stop_signal=Signals.SIGTERM,
    )


def _format(java: str, folder: Path, state: dict[str, Any]) -> None:
    """Make the empty data folder, anew if an earlier attempt broke off."""
    shutil.rmtree(_data(folder), ignore_errors=True)
    _write_properties(folder, state)
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    formatting = subprocess.run(
        [
            java,
            *_SMALL_MACHINE,
            f"-Dlog4j2.configurationFile={KAFKA_LOG4J}",
            "-cp",
            f"{KAFKA_LIB}/*",
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "-t",
            cluster,
            "-c",
            str(_properties(folder)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if formatting.returncode != 0:
        said = (formatting.stderr or formatting.stdout).strip().splitlines() or [
            "no word from Kafka's storage tool"
        ]
        raise StackError(f"cannot make Kafka's data folder {_data(folder)}: {said[-1]}")


def _write_properties(folder: Path, state: dict[str, Any]) -> None:
    client, controller = f"{HOST}:{state['port']}", f"{HOST}:{state['controller_port']}"
    own = (
        f"\nlog.dirs={_data(folder)}"
        f"\nlisteners=PLAINTEXT://{client},CONTROLLER://{controller}"
        f"\nadvertised.listeners=PLAINTEXT://{client},CONTROLLER://{controller}"
        f"\ncontroller.quorum.bootstrap.servers={controller}\n"
    )
    _properties(folder).write_text(KAFKA_PROPERTIES.read_text() + own)


def _properties(folder: Path) -> Path:
    return folder / "server.properties"


def _data(folder: Path) -> Path:
    return folder / "data"
