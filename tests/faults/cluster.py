"""Three brokers that are one cluster: every record in three copies, acknowledged when it is on two."""

import base64
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from localstack import jars
from localstack.errors import StackError
from localstack.kafka import kafka_answers
from localstack.places import KAFKA_LIB, KAFKA_LOG4J, KAFKA_PROPERTIES
from localstack.ports import HOST, free_port
from localstack.processes import launch
from localstack.running import Running, remember, see_it_up
from localstack.throwaway import throwaway_folder

_SMALL = (
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    f"-Dlog4j2.configurationFile={KAFKA_LOG4J}",
)
_SAFE = """
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
"""


@dataclass(slots=True)
class Node:
    """One broker and controller of the three, in its own folder, at its own ports."""

    number: int
    folder: Path
    port: int
    controller_port: int
    running: Running | None = None

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def format(self, cluster: str, voters: str) -> None:
        """Makes its empty data folder. ``voters``: all three controllers."""
        self.folder.mkdir(parents=True)
        # as a broker alone has it: so what clears up finds the process
        remember(self.folder, {"port": self.port, "controller_port": self.controller_port})
        client, controller = f"{HOST}:{self.port}", f"{HOST}:{self.controller_port}"
        self._properties.write_text(
            f"{KAFKA_PROPERTIES.read_text()}{_SAFE}\nnode.id={self.number}\nlog.dirs={self.folder / 'data'}"
            f"\nlisteners=PLAINTEXT://{client},CONTROLLER://{controller}"
            f"\nadvertised.listeners=PLAINTEXT://{client},CONTROLLER://{controller}"
            f"\ncontroller.quorum.voters={voters}\n"
        )
        done = subprocess.run(
            [*_java(), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise StackError(f"cannot make a data folder of the cluster: {done.stderr.strip()[-300:]}")

    def start(self) -> None:
        """It answers on return, which takes a second one of the three."""
        log = self.folder / "kafka.log"
        process = launch([*_java(), "kafka.Kafka", str(self._properties)], log)
        data = self.folder / "data"
        self.running = Running(f"{HOST}:{self.port}", self.folder, data, process, Signals.SIGTERM)
        see_it_up(self.running, kafka_answers, f"broker {self.number}", log)

    def kill(self) -> None:
        """SIGKILL."""
        if self.running is not None:
            self.running.kill()

    def stop(self) -> None:
        """In an orderly way."""
        if self.running is not None:
            self.running.stop()


def _java() -> list[str]:
    return [jars.java(), *_SMALL, "-cp", f"{KAFKA_LIB}/*"]


@contextmanager
def three_brokers() -> Iterator[list[Node]]:
    """They answer when the block begins; all of them are gone after it, in whatever way this process ends."""
    with ExitStack() as cleanup:
        ports: set[int] = set()
        while len(ports) < 6:
            ports.add(free_port())
        free = iter(ports)
        # each a folder of its own: what clears up after us knows one broker a folder
        nodes = [
            Node(number, cleanup.enter_context(throwaway_folder()) / "kafka", next(free), next(free))
            for number in (1, 2, 3)
        ]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        voters = ",".join(f"{node.number}@{HOST}:{node.controller_port}" for node in nodes)
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda node: node.format(cluster, voters), nodes))
            list(threads.map(Node.start, nodes))
        # at once: told to stop, the last of three would wait a minute for a quorum that is gone
        for node in nodes:
            cleanup.callback(node.kill)
        yield nodes


def address(nodes: list[Node]) -> str:
    """The addresses of all of them."""
    return ",".join(f"{HOST}:{node.port}" for node in nodes)
