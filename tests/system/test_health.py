"""Health answers and metrics, asked over HTTP as a supervisor asks them: each says what it knows, no more."""

import asyncio
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import parser
from prometheus_client.metrics import MetricWrapperBase

from contracts.catalogue import FAMILIES
from localstack.services import health
from servicekit import telemetry
from servicekit.batches import GaveUpError
from servicekit.consumer import MAX_POLL_INTERVAL_MS
from servicekit.database import Connection, TransientError
from servicekit.dead_letters import WHAT_TO_DO
from servicekit.health import CHECK_SECONDS, DEBOUNCE, Health, serve
from servicekit.process import _alive
from servicekit.records import Outcome, Received
from servicekit.settings import SERVICES
from servicekit.topics import administration
from tests.system.installation import TOWN, Installation, Process, installed
from tests.system.witness import Server, lives


async def asked(folder: Path, kind: str) -> tuple[bool, str]:
    """The answer to ``startup``, ``live`` or ``ready``: (good, reason)."""
    return await asyncio.to_thread(health, folder, kind)


async def test_a_service_has_started_when_its_group_took_it_in_and_not_before(registry: Installation) -> None:
    """A member that sleeps keeps the group from letting a second one in: it lives, has not started, is not ready."""
    first = registry.start("registry")
    await asyncio.to_thread(first.ready)
    first.popen.send_signal(signal.SIGSTOP)
    second = registry.start("registry")
    try:
        async with asyncio.timeout(20):
            while "rebalance" not in await group_state(registry):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert await asked(second.folder, "startup") == (False, "starting")
        assert await asked(second.folder, "live") == (True, "alive")
        assert await asked(second.folder, "ready") == (False, "starting")
        assert "service.started" not in second.log.read_text()
    finally:
        first.popen.send_signal(signal.SIGCONT)
    await asyncio.to_thread(second.ready)
    assert await asked(second.folder, "startup") == (True, "started")
    assert "partitions.assigned" in second.log.read_text()


async def test_one_failed_check_is_no_reason_to_be_taken_out_and_the_third_in_a_row_is(
    kafka: str, own_postgres: Server, tmp_path: Path
) -> None:
    """While the database is away the service is alive: starting it anew would not help."""
    async with installed(kafka, own_postgres.address, tmp_path, services=("registry",)) as here:
        process = here.start("registry")
        await asyncio.to_thread(process.ready)
        began = time.monotonic()
        await own_postgres.stop()
        answers = [await asked(process.folder, "ready")]
        async with asyncio.timeout(20):
            while answers[-1][0]:
                await asyncio.sleep(0.05)
                answers.append(await asked(process.folder, "ready"))
                assert await asked(process.folder, "live") == (True, "alive")
        assert time.monotonic() - began > (DEBOUNCE - 1) * CHECK_SECONDS, (
            "it gave up at the first failed checks"
        )
        assert answers[-1][1].startswith("database: ")
        assert answers[0] == (True, "ready")
        await own_postgres.start()
        async with asyncio.timeout(20):
            while not (await asked(process.folder, "ready"))[0]:
                await asyncio.sleep(0.05)
        assert await asked(process.folder, "live") == (True, "alive")


def test_two_failed_checks_with_a_good_one_between_them_leave_a_service_ready() -> None:
    """*In a row*: a database that is slow now and then does not count up to being away."""
    known = Health()
    known.note(None)
    for trouble in ("slow", "slow", None, "slow", "slow"):
        known.note(trouble)
        assert known.ready
    known.note("slow")
    assert (known.ready, known.reason) == (False, "slow")


async def test_a_consumer_that_stopped_or_is_stuck_in_a_batch_is_not_alive(
    registry: Installation, tmp_path: Path
) -> None:
    """What starting anew does help against, with the reason; on the way there it is alive."""

    async def fails(_connection: Connection, _received: Sequence[Received]) -> Sequence[Outcome]:
        raise TransientError

    async with (
        registry.consuming(apply=fails, retry_seconds=0.3) as consumer,
        answering(Health(alive=lambda: _alive(consumer, ())), tmp_path),
    ):
        assert await asked(tmp_path, "live") == (True, "alive")
        consumer.since = time.monotonic() - MAX_POLL_INTERVAL_MS / 1000 + 60
        assert await asked(tmp_path, "live") == (True, "alive")
        consumer.since = time.monotonic() - MAX_POLL_INTERVAL_MS / 1000 - 1
        assert await asked(tmp_path, "live") == (False, "a batch is in hand for too long")
        consumer.since = None
        assert await asked(tmp_path, "live") == (True, "alive")
        await registry.publish(lives(1))
        with pytest.raises(GaveUpError):
            await asyncio.wait_for(asyncio.shield(consumer.failed), 20)
        assert await asked(tmp_path, "live") == (False, "the consumer has stopped")


async def test_a_service_whose_background_work_ended_is_not_alive(
    registry: Installation, tmp_path: Path
) -> None:
    """The relay, the scheduler and the checks run as long as the service does."""
    async with registry.consuming() as consumer:
        work = asyncio.create_task(forever())
        async with answering(Health(alive=lambda: _alive(consumer, [work])), tmp_path):
            assert await asked(tmp_path, "live") == (True, "alive")
            work.cancel()
            await asyncio.wait({work})
            assert await asked(tmp_path, "live") == (False, "background work has stopped")


async def test_the_metrics_are_the_declared_ones_and_their_labels_name_nobody(registry: Installation) -> None:
    """Whatever is in the events, a label is a service, a family of topics or a class of dead letters (INV-08)."""
    process = registry.start("registry")
    await asyncio.to_thread(process.ready)
    events = lives(3)
    await registry.publish([*events, events[0]])
    await registry.send([(f"school.{TOWN}.leave.v1", b"no event")])
    await registry.settled("registry", relayed=True)
    shown = list(parser.text_string_to_metric_families(await asyncio.to_thread(metrics, process)))
    declared = {
        family.name
        for one in vars(telemetry).values()
        if isinstance(one, MetricWrapperBase)
        for family in one.describe()
    }
    names = {family.name.removesuffix("_created") for family in shown}
    assert {name for name in names if not name.startswith(("python_", "process_"))} == declared
    labels = [
        sample.labels for family in shown if family.name.startswith("kaa_") for sample in family.samples
    ]
    families = {family.name for family in FAMILIES}
    allowed: dict[str, set[str]] = {"service": set(SERVICES), "family": families, "kind": set(WHAT_TO_DO)}
    values = {(name, value) for each in labels for name, value in each.items() if name != "le"}
    assert {(name, value) for name, value in values if value not in allowed[name]} == set()
    assert values >= {("service", "registry"), ("family", "school.leave"), ("kind", "malformed")}


async def test_the_address_of_the_answers_stands_in_a_file_while_there_are_answers(
    registry: Installation,
) -> None:
    """A port that was free: whoever asks finds it there, and finds nothing once the service is gone."""
    process = registry.start("registry", KAA_HEALTH_PORT="0")
    await asyncio.to_thread(process.ready)
    (file,) = process.folder.glob("*.address")
    assert file.name == f"registry-{process.popen.pid}.address"
    assert file.read_text().startswith("http://127.0.0.1:")
    assert await asyncio.to_thread(process.terminate) == 0
    assert [left.name for left in process.folder.iterdir()] == ["log"]


async def forever() -> None:
    """Work that ends only when it is broken off."""
    await asyncio.Event().wait()


def metrics(process: Process) -> str:
    """What a service answers to its metrics' reader."""
    (file,) = process.folder.glob("*.address")
    with urllib.request.urlopen(f"{file.read_text().strip()}/metrics") as answer:
        return str(answer.read().decode())


@asynccontextmanager
async def answering(known: Health, folder: Path) -> AsyncIterator[None]:
    """Health answers of this process, on a free port whose address stands in the folder."""
    task = asyncio.create_task(serve(known, "127.0.0.1", 0, folder / "answers.address"))
    try:
        async with asyncio.timeout(5):
            while not (folder / "answers.address").exists():
                await asyncio.sleep(0.02)
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def group_state(here: Installation) -> str:
    """What the broker says of the registry's group: stable, preparing a rebalance …; in small letters."""
    async with administration(here.brokers) as client:
        (described,) = await client.describe_consumer_groups([here.settings.group("registry")])
    _, _, state, *_ = described.groups[0]
    return str(state).lower()
