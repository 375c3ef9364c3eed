"""How long a school's event takes to become a task in the queue, at 300 events a second.

From the call that produces a `leave.left` to the committed task in outreach's database: registry, outbox, relay and
outreach lie between, as processes of their own. The reference: from produce to the hands of a bare consumer that
reads the same records at the same time, so with the same load on the machine; and once by itself, at the same rate.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic

from benchmarks.stage import Figure, Stage, put_on_topics, running
from contracts.envelope import CONTENT_TYPE
from contracts.identifiers import luhn
from servicekit.settings import Service
from servicekit.topics import administration

_RATE: Final = 300
_SECONDS: Final = 40
#: Seconds whose events are not counted: connections are made, caches filled.
_WARM: Final = 10
_COUNT: Final = _RATE * _SECONDS
_ORGANISER, _UNIT = "2120000142", "10000002"
_TOPIC: Final = f"school.{_ORGANISER}.leave.v1"
_BARE: Final = "bench.bare"
#: Milliseconds a producer gathers; what Kafka's own client does by default since version 4.
_LINGER: Final = 5


def _numbers(count: int) -> list[str]:
    """Identity numbers of as many persons born in 2009, of all serials: for a throw-away database."""
    found = []
    for ordinal in range(count):
        day, serial = divmod(ordinal, 999)
        nine = f"{date(2009, 1, 1) + timedelta(days=day):%y%m%d}{serial + 1:03}"
        found.append("20" + next(ten for ten in (f"{nine}{last}" for last in range(10)) if luhn(ten)))
    return found


def _event(kind: str, event_id: str, data: dict[str, Any]) -> bytes:
    source = "urn:se:kommun:0180" if kind.startswith("municipality") else f"urn:se:orgnr:{_ORGANISER}"
    event = {
        "specversion": "1.0", "id": event_id, "source": source, "type": f"se.kaa.{kind}.v1",
        "time": "2026-11-20T12:00:00+01:00", "data": data,
    }  # fmt: skip
    return json.dumps(event).encode()


def _before(number: str) -> tuple[bytes, bytes]:
    """Resident in 0180, and at school: not covered."""
    person = {"identity_number": number}
    resident = {"person": person, "municipality": "0180", "since": "2009-12-31", "protection": "none"}
    started = {"pupil": person, "school_unit": _UNIT, "school_form": "GY", "study_path": "NA"}
    return (
        _event("municipality.resident.registered", f"r{number}", resident),
        _event("school.enrolment.started", f"s{number}", started | {"started_on": "2025-08-18"}),
    )


def _leaves(number: str) -> bytes:
    left = {"pupil": {"identity_number": number}, "school_unit": _UNIT, "last_day": "2026-11-20"}
    return _event("school.leave.left", f"l{number}", left)


async def _produce(brokers: str, topic: str, values: Sequence[bytes]) -> list[float]:
    """Sends them at the rate; gives when each was handed to the producer (seconds of the monotonic clock)."""
    at = []
    async with AIOKafkaProducer(
        bootstrap_servers=brokers, enable_idempotence=True, acks="all", linger_ms=_LINGER
    ) as producer:
        begun = time.perf_counter()
        sent = []
        for ordinal, value in enumerate(values):
            await asyncio.sleep(begun + ordinal / _RATE - time.perf_counter())
            at.append(time.perf_counter())
            sent.append(await producer.send(topic, value, headers=[CONTENT_TYPE]))
        await asyncio.gather(*sent)
    return at


@asynccontextmanager
async def _reading(stage: Stage, topic: str, count: int) -> AsyncIterator[list[float]]:
    """Reads so many new records of a topic, and does nothing with them; gives when each was in hand."""
    arrived: list[float] = []
    async with AIOKafkaConsumer(topic, bootstrap_servers=stage.brokers, group_id=None) as consumer:
        await consumer.seek_to_end()

        async def read() -> None:
            while len(arrived) < count:
                await consumer.getone()
                arrived.append(time.perf_counter())

        reading = asyncio.create_task(read())
        yield arrived
        await asyncio.wait_for(reading, 60)


async def _bare(stage: Stage, values: Sequence[bytes]) -> list[float]:
    """Seconds from produce to a consumer, each, with the machine at nothing else."""
    async with administration(stage.brokers) as client:
        await client.create_topics([NewTopic(_BARE, 1, 1)])
    async with _reading(stage, _BARE, len(values)) as arrived:
        at = await _produce(stage.brokers, _BARE, values)
    return _between(at, arrived)


def _between(sent: Sequence[float], arrived: Sequence[float]) -> list[float]:
    return [there - at for at, there in zip(sent, arrived, strict=True)]


# The server tells of new tasks when they are committed. Who looked for them all the time would take a share of the
# machine that is measured.
_TELL = """
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('opened', string_agg(person_id::text, ' ')) FROM fresh;
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT ON task REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION tell();
"""


async def _whole(stage: Stage, numbers: Sequence[str]) -> tuple[list[float], list[float]]:
    """Seconds from produce to the committed task, each; and to a bare consumer of the same records meanwhile."""
    settings = stage.settings()
    services: tuple[Service, ...] = ("registry", "outreach")
    for service in services:
        await stage.database(settings, service)
    registry = await asyncpg.connect(settings.database("registry", "owner"))
    outreach = await asyncpg.connect(settings.database("outreach"))
    await registry.execute("UPDATE business_day SET day = '2026-11-22'")
    owner = await asyncpg.connect(settings.database("outreach", "owner"))
    await owner.execute(_TELL)
    await put_on_topics(stage, [line for number in numbers for line in _before(number)])
    async with running(settings, *services):
        async with asyncio.timeout(120):
            while await outreach.fetchval("SELECT count(*) FROM person_number") < len(numbers):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        number_of = dict(await outreach.fetch("SELECT person_id, identity_number FROM person_number"))
        seen: dict[str, float] = {}

        def told(_connection: object, _pid: int, _channel: str, persons: object) -> None:
            at = time.perf_counter()
            for person_id in str(persons).split():
                seen[number_of[UUID(person_id)]] = at

        await outreach.add_listener("opened", told)
        async with _reading(stage, _TOPIC, len(numbers)) as arrived:
            sent = await _produce(stage.brokers, _TOPIC, [_leaves(number) for number in numbers])
        async with asyncio.timeout(60):
            while len(seen) < len(numbers):  # noqa: ASYNC110 (the listener fills it)
                await asyncio.sleep(0.1)
    for connection in (registry, outreach, owner):
        await connection.close()
    for service in services:
        await stage.drop(settings, service)
    return _between(sent, [seen[number] for number in numbers]), _between(sent, arrived)


def _told(name: str, seconds: Sequence[float]) -> float:
    """Prints the middle and the 99th percentile; gives the latter in milliseconds."""
    counted = sorted(seconds[_RATE * _WARM :])
    middle, most = statistics.median(counted) * 1000, counted[int(len(counted) * 0.99)] * 1000
    print(f"  {name:58} median {middle:6.1f} ms, p99 {most:6.1f} ms", flush=True)
    return most


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figure."""
    numbers = _numbers(_COUNT)
    print(f"From produce to task, {_RATE} events a second for {_SECONDS - _WARM} s")
    alone = _told("bare produce to consume, by itself", await _bare(stage, [_leaves(n) for n in numbers]))
    whole, beside = await _whole(stage, numbers)
    ours = _told("school's event to the task in the queue", whole)
    bare = _told("bare produce to consume of the same records meanwhile", beside)
    name = "from produce to task, 99th percentile"
    return [
        Figure(name, ours, "bare produce to consume of the same records meanwhile", bare, "ms", at_most=10),
        Figure(name, ours, "bare produce to consume by itself, the machine idle", alone, "ms"),
    ]
