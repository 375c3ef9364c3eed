"""The registry's whole way, from Kafka to the committed transaction, against the usual per-event handler.

The same events on the same topics, databases of their own, fsync on. The reference takes a part of them, since it is
slow; both in random order, so the part is like the whole. Also against the slower of two bare moves that nobody can
do without: reading the records (`getmany`) and writing the rows (`COPY`).
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import date

import asyncpg
from aiokafka import AIOKafkaConsumer

from benchmarks.reference import work_off
from benchmarks.stage import (
    ROUNDS,
    Figure,
    Stage,
    as_in_a_service,
    partitions_of,
    put_on_topics,
    told,
    year,
)
from contracts.envelope import decode
from servicekit.consumer import Consumer
from servicekit.database import Connection, pool
from servicekit.records import Outcome, Received
from services.registry.register import apply
from services.registry.statement import TYPES, statement_of

_DAY = date(2025, 6, 30)
_REFERENCE_EVENTS = 1_500
_COLUMNS = """source id digest topic partition offset type time names identity_number on_day school_unit school_form
    study_path outcome municipality birth_date registered_in_sweden_on previous_identity_number protection
    given_name family_name"""


async def _set_day(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE business_day SET day = $1", _DAY)
    await connection.close()


async def _ours(stage: Stage, count: int) -> float:
    """Events a second from the first commit to the last, in a process set up as a service's."""
    settings = stage.settings()
    await stage.database(settings)
    await _set_day(settings.database("registry", "owner"))
    marks: list[tuple[float, int]] = []
    taken = 0
    done = asyncio.Event()

    async def counted(connection: Connection, received: Sequence[Received]) -> Sequence[Outcome]:
        nonlocal taken
        outcomes = await apply(connection, received)
        taken += len(received)
        return outcomes

    def committed() -> None:
        marks.append((time.perf_counter(), taken))
        if taken >= count:
            done.set()

    async with pool(settings.database("registry"), name="bench") as opened:
        consumer = Consumer("registry", settings, opened, counted, committed)
        await consumer.start()
        async with asyncio.timeout(300):
            await done.wait()
        await consumer.stop()
    await stage.drop(settings)
    (begun, first), (ended, last) = marks[0], marks[-1]
    return (last - first) / (ended - begun)


async def _reference(stage: Stage) -> float:
    settings = stage.settings()
    await stage.database(settings)
    partitions = partitions_of(stage.directory, "registry")
    # the application role of a usual service owns its tables: the reference may do as the owner does
    url = settings.database("registry", "owner")
    with as_in_a_service():
        rate = await work_off(stage.brokers, partitions, url, _REFERENCE_EVENTS, _DAY)
    await stage.drop(settings)
    return rate


async def _getmany(stage: Stage, count: int) -> float:
    async with AIOKafkaConsumer(
        bootstrap_servers=stage.brokers, enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
    ) as consumer:
        consumer.assign(partitions_of(stage.directory, "registry"))
        seen, begun, first = 0, 0.0, 0
        while seen < count:
            batch = await consumer.getmany(timeout_ms=1000, max_records=1000)
            seen += sum(len(records) for records in batch.values())
            if not begun and seen:
                begun, first = time.perf_counter(), seen
        return (seen - first) / (time.perf_counter() - begun)


async def _copy(stage: Stage, lines: Sequence[bytes]) -> float:
    settings = stage.settings()
    await stage.database(settings)
    unique = {(s.source, s.id): s for s in (statement_of(decode(line)) for line in lines)}
    rows = [
        (
            s.source, s.id, b"0123456789abcdef", "school.2120000142.enrolment.v1", 0, number, s.type, s.time, s.names,
            s.identity_number, s.on, s.school_unit, s.school_form, s.study_path, s.outcome, s.municipality,
            s.birth_date, s.registered_in_sweden_on, s.previous_identity_number, s.protection, s.given_name,
            s.family_name,
        )
        for number, s in enumerate(unique.values())
    ]  # fmt: skip
    columns = _COLUMNS.split()
    connection = await asyncpg.connect(settings.database("registry", "owner"))
    begun = time.perf_counter()
    for at in range(0, len(rows), 1000):
        await connection.copy_records_to_table("event_log", records=rows[at : at + 1000], columns=columns)
    rate = len(rows) / (time.perf_counter() - begun)
    await connection.close()
    await stage.drop(settings)
    return rate


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figures."""
    lines = [line for line in year(stage.directory, 2_500) if decode(line).type in TYPES]
    await put_on_topics(stage, lines)
    print(f"Registry, {len(lines):,} events of a simulated year in random order, batches of at most 1,000")
    ours, reference, reading, copying = [], [], [], []
    for _ in range(ROUNDS):
        with as_in_a_service():
            ours.append(await _ours(stage, len(lines)))
        reference.append(await _reference(stage))
        reading.append(await _getmany(stage, len(lines)))
        copying.append(await _copy(stage, lines))
    whole = told("whole way, Kafka to commit", ours)
    usual = told("reference: one message, one ORM session, one commit", reference)
    bare = min(told("bare getmany of the same records", reading), told("bare COPY of the same rows", copying))
    name = "registry, Kafka to commit"
    return [
        Figure(name, whole, "one message, one ORM session, one commit", usual, "events/s", at_least=20),
        Figure(name, whole, "the slower of bare getmany and bare COPY", bare, "events/s"),
        Figure("the per-event reference itself", usual, "asked for", 300, "events/s", at_least=1),
    ]
