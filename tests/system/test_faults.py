"""Crashes and absences: processes that are killed, a database and a broker that go away (INV-02, INV-03)."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
import pytest
import uvloop
from prometheus_client import REGISTRY

from servicekit.batches import GaveUpError
from servicekit.consumer import Consumer
from servicekit.database import DATABASE_ERRORS, Connection, TransientError, is_transient, new_pool
from servicekit.records import Outcome, Received
from services.registry.register import apply
from tests.system.installation import TOWN, Installation, installed, numbers, resident, started
from tests.system.witness import (
    DAY,
    Server,
    bury,
    committed,
    events_in_the_log,
    is_one_clean_pass,
    lives,
    nobody_reads_the_day,
    stored,
    waiting_for_a_lock,
)


async def test_a_process_killed_in_the_middle_is_made_good_by_the_next_one(registry: Installation) -> None:
    """INV-02: killed once inside a transaction and once between others; nothing is lost, nothing happens twice."""
    events = lives(500)
    first = registry.start("registry", KAA_BATCH="20")
    await asyncio.to_thread(first.ready)
    async with nobody_reads_the_day(registry):
        await registry.publish(events)
        await waiting_for_a_lock(registry)
        first.kill()
    assert await events_in_the_log(registry) == 0
    await bury(registry)
    second = registry.start("registry", KAA_BATCH="20")
    while await events_in_the_log(registry) < 100:
        await asyncio.sleep(0.005)
    second.kill()
    applied = await events_in_the_log(registry)
    assert applied < len(events), "it was done before it was killed"
    await bury(registry)
    async with registry.consuming():
        await registry.settled("registry")
    account = await is_one_clean_pass(registry, events)
    assert account.total("applied") == len(events)


async def test_killed_between_the_commit_in_the_database_and_that_of_the_offsets(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-02, INV-03: everything is delivered again, recognised, and told to nobody a second time."""
    events = lives(60)
    await registry.publish(events)

    async def never(_self: Consumer, _ends: object) -> None: ...

    with monkeypatch.context() as patched:
        patched.setattr(Consumer, "_commit", never)
        async with registry.consuming(batch=50), asyncio.timeout(30):
            while await events_in_the_log(registry) < len(events):
                await asyncio.sleep(0.02)
    assert await committed(registry) == {}
    told = await registry.fetch("SELECT seq FROM outbox ORDER BY seq")
    recognised = _counted("kaa_events_duplicate_total")
    async with registry.consuming():
        await registry.settled("registry")
    assert _counted("kaa_events_duplicate_total") == recognised + len(events)
    assert await registry.fetch("SELECT seq FROM outbox ORDER BY seq") == told
    await is_one_clean_pass(registry, events)


async def test_a_process_told_to_stop_finishes_the_batch_in_hand_and_nothing_else(
    registry: Installation,
) -> None:
    """INV-02, INV-03: SIGTERM in the middle of a batch: its effects and its offsets are committed, exit status 0."""
    events = lives(100)
    process = registry.start("registry", KAA_BATCH="50")
    await asyncio.to_thread(process.ready)
    async with nobody_reads_the_day(registry):
        await registry.publish(events)
        await waiting_for_a_lock(registry)
        process.popen.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        assert process.popen.poll() is None, "it left its batch unfinished"
    assert await asyncio.to_thread(process.popen.wait, 20) == 0
    in_hand = await stored(registry)
    assert 0 < sum(map(len, in_hand.values())) <= 50
    assert await committed(registry) == {partition: max(held) + 1 for partition, held in in_hand.items()}
    recognised = _counted("kaa_events_duplicate_total")
    async with registry.consuming():
        await registry.settled("registry")
    assert _counted("kaa_events_duplicate_total") == recognised
    await is_one_clean_pass(registry, events)


async def test_a_database_away_at_the_start_and_killed_in_the_middle_is_waited_for(
    kafka: str, own_postgres: Server, tmp_path: Path
) -> None:
    """INV-02: the process says what it waits for, stays, and takes everything up where it was."""
    async with installed(kafka, own_postgres.address, tmp_path, services=("registry",)) as here:
        await here.set_day(DAY)
        events = lives(100)
        await here.publish(events[:150])
        await own_postgres.stop()
        process = here.start("registry", KAA_BATCH="50")
        async with asyncio.timeout(30):
            while "database.away" not in process.log.read_text():
                await asyncio.sleep(0.05)
        await own_postgres.start()
        await here.settled("registry")
        async with nobody_reads_the_day(here):
            await here.publish(events[150:])
            await waiting_for_a_lock(here)
            await own_postgres.kill()
        await asyncio.sleep(1)
        assert process.popen.poll() is None
        await own_postgres.start()
        await here.settled("registry", relayed=True)
        assert await asyncio.to_thread(process.terminate) == 0
        assert "batch.retried" in process.log.read_text()
        await is_one_clean_pass(here, events)


async def test_a_batch_that_cannot_be_stored_in_time_ends_the_process_and_is_left_to_the_next_one(
    kafka: str, own_postgres: Server, tmp_path: Path
) -> None:
    """INV-03: exit status 1, with the group's offsets untouched."""
    async with installed(kafka, own_postgres.address, tmp_path, services=("registry",)) as here:
        await here.set_day(DAY)
        events = lives(40)
        process = here.start("registry", KAA_RETRY_SECONDS="1")
        await asyncio.to_thread(process.ready)
        async with nobody_reads_the_day(here):
            await here.publish(events)
            await waiting_for_a_lock(here)
            await own_postgres.kill()
        assert await asyncio.to_thread(process.popen.wait, 40) == 1
        log = process.log.read_text()
        assert "a batch could not be stored within 1 s" in log
        assert "Traceback" not in log
        await own_postgres.start()
        assert await committed(here) == {}
        async with here.consuming():
            await here.settled("registry")
        await is_one_clean_pass(here, events)


async def test_a_broker_away_at_the_start_and_killed_in_the_middle_is_waited_for(
    own_kafka: Server, postgres: str, tmp_path: Path
) -> None:
    """INV-02, INV-03: what was committed while the broker could not hear of it comes again and is recognised."""
    async with installed(own_kafka.address, postgres, tmp_path, services=("registry",)) as here:
        await here.set_day(DAY)
        events = lives(100)
        await here.publish(events[:150])
        await own_kafka.stop()
        process = here.start("registry")
        async with asyncio.timeout(30):
            while "kafka.away" not in process.log.read_text():
                await asyncio.sleep(0.05)
        await own_kafka.start()
        await here.settled("registry")
        async with nobody_reads_the_day(here):
            await here.publish(events[150:])
            await waiting_for_a_lock(here)
            await own_kafka.kill()
        async with asyncio.timeout(20):
            while await events_in_the_log(here) == 150:
                await asyncio.sleep(0.05)
        await own_kafka.start()
        await here.settled("registry", relayed=True, seconds=90)
        assert await asyncio.to_thread(process.terminate) == 0
        await is_one_clean_pass(here, events)


async def test_a_broker_that_falls_silent_does_not_hold_up_the_end(
    own_kafka: Server, postgres: str, tmp_path: Path
) -> None:
    """INV-03: who is told to stop leaves in time, without a farewell; what was not committed is recognised."""
    async with installed(own_kafka.address, postgres, tmp_path, services=("registry",)) as here:
        await here.set_day(DAY)
        events = lives(100)
        await here.publish(events)
        process = here.start("registry", command=("tests.faults.victim", "registry", "--leaving=1"))
        await here.settled("registry")
        broker = psutil.Process(own_kafka.running.pid)
        broker.suspend()
        try:
            assert await asyncio.to_thread(process.terminate, 20) == 0
        finally:
            broker.resume()
        assert "group.not_left" in process.log.read_text()
        async with here.consuming():
            await here.settled("registry")
        await is_one_clean_pass(here, events)


async def test_offsets_on_the_broker_are_never_ahead_of_the_database(registry: Installation) -> None:
    """INV-03: watched all the while; each committed offset has every record before it in the database."""
    events = lives(150)
    looks = 0

    async def slowly(connection: Connection, received: Sequence[Received]) -> Sequence[Outcome]:
        outcomes = await apply(connection, received)
        await asyncio.sleep(0.02)
        return outcomes

    await registry.publish(events[:200])
    await registry.send([(f"school.{TOWN}.enrolment.v1", b"no event"), (f"school.{TOWN}.leave.v1", None)])
    await registry.publish(events[200:])
    async with registry.consuming(apply=slowly, batch=20), asyncio.timeout(60):
        done = False
        while not done:
            done = await registry.lag("registry") == 0
            ahead, held = await committed(registry), await stored(registry)
            for partition, end in ahead.items():
                assert held[partition] >= set(range(end)), partition
            looks += 0 < sum(ahead.values()) < len(events)
    assert looks > 3
    await is_one_clean_pass(registry, [*events[:200], b"no event", *events[200:]])


async def test_work_that_fails_before_its_commit_leaves_the_offsets_untouched(registry: Installation) -> None:
    """INV-03: the consumer gives up and polls no further, past the work that failed; the next one has it all."""
    events = lives(30)
    await registry.publish(events)
    first: list[Sequence[Received]] = []

    async def breaks_off(connection: Connection, received: Sequence[Received]) -> Sequence[Outcome]:
        outcomes = await apply(connection, received)
        first.append(received)
        if received == first[0]:
            raise TransientError
        return outcomes

    async with registry.consuming(apply=breaks_off, retry_seconds=0.3, batch=10) as consumer:
        with pytest.raises(GaveUpError):
            await asyncio.wait_for(consumer.failed, 20)
        assert not consumer.running
        await asyncio.sleep(0.5)
        assert await committed(registry) == {}
        assert await stored(registry) == {}
    async with registry.consuming():
        await registry.settled("registry")
    await is_one_clean_pass(registry, events)


async def test_a_transaction_rolled_back_for_a_serialization_failure_is_tried_again(
    registry: Installation,
) -> None:
    """INV-02: the third attempt is let through; no record is put aside for it."""
    # a sequence counts also what is rolled back
    await registry.as_owner("""
        CREATE SEQUENCE attempt;
        GRANT USAGE ON SEQUENCE attempt TO PUBLIC;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('attempt') <= 2 THEN
                RAISE EXCEPTION 'could not serialize access' USING ERRCODE = 'serialization_failure';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER refuse AFTER INSERT ON event_log FOR EACH STATEMENT EXECUTE FUNCTION refuse();
    """)
    events = lives(20)
    retries = _counted("kaa_batch_retries_total")
    await registry.publish(events)
    async with registry.consuming():
        await registry.settled("registry")
    assert _counted("kaa_batch_retries_total") == retries + 2
    account = await is_one_clean_pass(registry, events)
    assert account.total("applied") == len(events)


def test_a_connection_cut_while_the_process_slept_is_no_fault_of_a_record(postgres: str) -> None:
    """INV-05: of an idle connection that is gone asyncpg says, on the loop of our services, that it erred itself."""

    async def cut_all() -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'sleeper'"
        )
        await connection.close()

    async def sleep_and_go_on() -> BaseException:
        async with new_pool(postgres, name="sleeper", size=1) as opened:
            await opened.fetchval("SELECT 1")
            # nothing is read from the connection meanwhile, as in a process that was stopped
            other = Thread(target=asyncio.run, args=(cut_all(),))
            other.start()
            other.join()
            # the server's farewell is read, that the connection is closed not yet
            await asyncio.sleep(0)
            with pytest.raises(DATABASE_ERRORS) as met:
                async with opened.acquire() as connection, connection.transaction():
                    pass
            await asyncio.sleep(0.1)
            assert await opened.fetchval("SELECT 2") == 2
        return met.value

    met = uvloop.run(sleep_and_go_on())
    assert is_transient(met), met


async def test_a_transaction_rolled_back_for_a_deadlock_is_tried_again(registry: Installation) -> None:
    """INV-02: a real one, with somebody who locks two persons in the other order."""
    first, second = numbers(2)
    known = [resident("r1", first), resident("r2", second)]
    news = [started("s1", first, "2025-04-01"), started("s2", second, "2025-04-02")]
    async with registry.consuming():
        await registry.publish(known)
        await registry.settled("registry")
    one, two = [row[0] for row in await registry.fetch("SELECT person_id FROM person ORDER BY person_id")]
    attempts = 0
    retries = _counted("kaa_batch_retries_total")
    holds_one = asyncio.Event()

    async def step_by_step(connection: Connection, received: Sequence[Received]) -> Sequence[Outcome]:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await connection.execute(_LOCK, one)
            holds_one.set()
            await waiting_for_a_lock(registry)
        return await apply(connection, received)

    other = await asyncpg.connect(_in_database(registry))
    try:
        # whoever waits shorter finds the deadlock, and is rolled back
        await other.execute("SET deadlock_timeout = '60s'; SET ROLE " + _app_role(registry))
        async with registry.consuming(apply=step_by_step):
            transaction = other.transaction()
            await transaction.start()
            await other.execute(_LOCK, two)
            await registry.publish(news)
            await asyncio.wait_for(holds_one.wait(), 20)
            await asyncio.wait_for(other.execute(_LOCK, one), 20)
            await transaction.commit()
            await registry.settled("registry")
    finally:
        other.terminate()
    assert attempts >= 2
    assert _counted("kaa_batch_retries_total") == retries + 1
    account = await is_one_clean_pass(registry, [*known, *news])
    assert account.total("applied") == 4


_LOCK = "SELECT 1 FROM person WHERE person_id = $1 FOR NO KEY UPDATE"


def _in_database(here: Installation) -> str:
    """The administrator's address inside the registry's database."""
    path = urlsplit(here.settings.database("registry")).path
    return urlunsplit(urlsplit(here.settings.postgres)._replace(path=path))


def _app_role(here: Installation) -> str:
    return urlsplit(here.settings.database("registry")).username or ""


def _counted(metric: str) -> float:
    """A counter of the registry in this process, over all its other labels."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == metric and sample.labels.get("service") == "registry"
    )
