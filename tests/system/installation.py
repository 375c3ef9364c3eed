"""An installation for one test: topics, databases and groups of its own on the session's broker and database."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from contracts.catalogue import Topic, family_of, topics_of
from contracts.envelope import CONTENT_TYPE, Event, decode
from contracts.organisers import Directory, load
from kaa.run import parts_of
from kaa.status import groups_of
from localstack.services import health
from servicekit import books
from servicekit.consumer import Consumer
from servicekit.database import pool, prepare_and_migrate
from servicekit.lag import ends, lags
from servicekit.publishing import topic_of
from servicekit.records import Apply
from servicekit.settings import DATABASE_ROLES, SERVICES, Role, Service, Settings, role_name
from servicekit.topics import administration, carry_out, plan
from services.registry import reading

#: The municipality's own organiser, an independent one, and a neighbouring municipality's.
TOWN, FREE, NEIGHBOUR = "2120000142", "5565550000", "2120000829"
ORGANISERS = [
    {"number": TOWN, "name": "Stad", "municipality": "0180", "units": [
        {"code": "10000001", "name": "Grundskolan"}, {"code": "10000002", "name": "Gymnasiet"}]},
    {"number": FREE, "name": "Fri skola AB", "units": [{"code": "13000001", "name": "Fria gymnasiet"}]},
    {"number": NEIGHBOUR, "name": "Grannstad", "municipality": "0182", "units": [
        {"code": "12000001", "name": "Granngymnasiet"}]},
]  # fmt: skip


def wire(event: Event | dict[str, Any] | bytes) -> bytes:
    """An event as it stands on a topic, in structured mode."""
    if isinstance(event, bytes):
        return event
    if isinstance(event, dict):
        return json.dumps(event, ensure_ascii=False).encode()
    raise TypeError("give an event as its JSON")


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as anybody may write it; a null value is a tombstone."""

    topic: str
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = (CONTENT_TYPE,)
    key: bytes | None = b"k"


@dataclass(slots=True)
class Process:
    """A service as a real process (`python -m kaa run …`), with its log."""

    popen: subprocess.Popen[bytes]
    log: Path
    folder: Path

    def ready(self, seconds: float = 40) -> None:
        """Returns when the service says that it is ready."""
        until = time.monotonic() + seconds
        while not health(self.folder, "ready")[0]:
            assert self.popen.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < until, self.log.read_text()[-2000:]
            time.sleep(0.1)

    def terminate(self, seconds: float = 40) -> int:
        """SIGTERM, and the exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(seconds)

    def kill(self) -> None:
        """SIGKILL: nothing is finished."""
        self.popen.kill()
        self.popen.wait()


@dataclass(slots=True)
class Installation:
    """What a test needs of an installation. ``settings`` are those of its services."""

    settings: Settings
    folder: Path
    directory: Directory
    processes: list[Process] = field(default_factory=list)

    @property
    def brokers(self) -> str:
        """The session's broker."""
        return self.settings.kafka

    async def publish(self, events: Iterable[dict[str, Any] | bytes]) -> None:
        """Sends events (JSON objects) to the topics they belong on."""
        await self.send([(topic_of(decode(value)), value) for value in map(wire, events)])

    async def send(self, records: Sequence[Raw | tuple[str, bytes | None]]) -> None:
        """Sends raw records, in order; the broker has acknowledged them on return."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.brokers, enable_idempotence=True, linger_ms=20, max_request_size=2_000_000
        ) as producer:
            sent = [
                await producer.send(raw.topic, raw.value, key=raw.key, headers=list(raw.headers))
                for raw in (one if isinstance(one, Raw) else Raw(*one) for one in records)
            ]
            await asyncio.gather(*sent)

    @asynccontextmanager
    async def pool(self, service: Service = "registry") -> AsyncIterator[asyncpg.Pool]:
        """A pool of the application role."""
        async with pool(self.settings.database(service), name="test", size=4) as opened:
            yield opened

    async def fetch(
        self, query: str, *arguments: object, service: Service = "registry", role: Role = "app"
    ) -> list[Any]:
        """Rows of a service's database."""
        connection = await asyncpg.connect(self.settings.database(service, role))
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def as_owner(self, statement: str, service: Service = "registry") -> None:
        """Runs SQL with the owner's rights, as migrations do."""
        connection = await asyncpg.connect(self.settings.database(service, "owner"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @asynccontextmanager
    async def consuming(
        self, service: Service = "registry", apply: Apply | None = None, **settings: Any
    ) -> AsyncIterator[Consumer]:
        """A service's consumer in this process, without relay, scheduler and health answers."""
        its = self.settings.model_copy(update=settings)
        async with self.pool(service) as opened:
            consumer = Consumer(service, its, opened, apply or parts_of(service, its).apply)
            await consumer.start()
            watching = asyncio.create_task(consumer.watch())
            try:
                yield consumer
            finally:
                watching.cancel()
                await asyncio.wait({watching})
                await consumer.stop()

    def start(self, service: Service, command: Sequence[str] = (), **settings: str) -> Process:
        """A service as a process of its own; ``settings`` are added to its environment (KAA_…).

        ``command``: the module that runs it and its arguments, else `kaa run SERVICE`.
        """
        folder = self.folder / f"{service}-{len(self.processes)}"
        folder.mkdir()
        log = folder / "log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("KAA_")}
        stated = self.settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        environment |= {f"KAA_{name.upper()}": str(value) for name, value in stated.items()}
        environment |= {"KAA_HEALTH_FOLDER": str(folder)} | settings
        with log.open("wb") as output:
            words = command or ("kaa", "run", service)
            popen = subprocess.Popen(
                [sys.executable, "-m", *words], stdout=output, stderr=output, env=environment
            )
        process = Process(popen, log, folder)
        self.processes.append(process)
        return process

    async def lag(self, *services: Service) -> int:
        """Records these services have not committed."""
        groups = groups_of(self.settings, await ends(self.brokers))
        wanted = {self.settings.group(service): groups[self.settings.group(service)] for service in services}
        return sum(lag.records for lag in await lags(self.brokers, wanted))

    async def settled(self, *services: Service, seconds: float = 60, relayed: bool = False) -> None:
        """Waits until these services (default: all) took every record; ``relayed``: and their outboxes are empty."""
        chosen = services or SERVICES
        quiet = 0
        async with asyncio.timeout(seconds):
            while quiet < 2:
                try:
                    waiting = await self.lag(*chosen)
                except KafkaError as error:
                    # a broker that was just started
                    if not error.retriable:
                        raise
                    waiting = 1
                if relayed:
                    for service in chosen:
                        waiting += (await self.fetch("SELECT count(*) FROM outbox", service=service))[0][0]
                quiet = quiet + 1 if waiting == 0 else 0
                await asyncio.sleep(0.1)

    async def books(self, service: Service = "registry") -> books.Books:
        """The account of every record that the service's topics hold."""
        async with self.pool(service) as opened:
            return await books.check(self.brokers, service, opened)

    async def episodes(self, as_of: date | None = None) -> dict[str, list[dict[str, Any]]]:
        """Identity number → episodes of the running register."""
        async with self.pool() as opened, opened.acquire() as connection:
            found = await reading.episodes(connection, as_of, None)
        return {person["identity_number"]: person["episodes"] for person in found["persons"]}

    async def dead_letters(self, service: Service = "registry") -> list[tuple[str, str | None, str]]:
        """(class, field, detail) in order of topic and offset."""
        rows = await self.fetch(
            'SELECT kind, field, detail FROM dead_letter ORDER BY topic, partition, "offset"', service=service
        )
        return [tuple(row) for row in rows]

    def again(self) -> "Installation":
        """The same databases with consumer groups that have read nothing yet: everything is delivered again."""
        prefix = f"{self.settings.group_prefix}again."
        return replace(self, settings=self.settings.model_copy(update={"group_prefix": prefix}))

    async def set_day(self, day: date) -> None:
        """Sets the business day before anything was published."""
        await self.as_owner(f"UPDATE business_day SET day = '{day}'")

    async def read(self, topic: str) -> list[Any]:
        """Every committed record of a topic, in the order of offsets within each partition."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.brokers, isolation_level="read_committed", enable_auto_commit=False
        ) as reader:
            partitions = [
                TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()
            ]
            partitions = partitions or [p for p in await ends(self.brokers) if p.topic == topic]
            reader.assign(partitions)
            await reader.seek_to_beginning()
            end = await reader.end_offsets(partitions)
            found = []
            while any([await reader.position(p) < end[p] for p in partitions]):
                for records in (await reader.getmany(timeout_ms=200)).values():
                    found.extend(records)
            return found


@asynccontextmanager
async def installed(
    brokers: str,
    admin_url: str,
    folder: Path,
    organisers: object = ORGANISERS,
    services: Sequence[Service] = SERVICES,
) -> AsyncIterator[Installation]:
    """An installation with empty topics and databases; all of it is gone afterwards, processes too."""
    file = folder / "organisers.yaml"
    if isinstance(organisers, Path):
        file = organisers
    else:
        file.write_text(json.dumps({"organisers": organisers}), encoding="utf-8")
    directory = load(file)
    mark = uuid4().hex[:8]
    settings = Settings(
        kafka=brokers, postgres=admin_url, database_prefix=f"t_{mark}_", group_prefix=f"t.{mark}.", organisers=file,
        calendar=False,
    )  # fmt: skip
    topics = topics_of(directory)
    await _make(brokers, topics)
    await asyncio.gather(
        *(prepare_and_migrate(admin_url, service, settings.database_prefix) for service in services)
    )
    here = Installation(settings, folder, directory)
    try:
        yield here
    finally:
        for process in here.processes:
            if process.popen.poll() is None:
                process.kill()
        await _drop_databases(admin_url, settings, services)
        await _delete_topics(brokers)


async def _make(brokers: str, topics: Sequence[Topic]) -> None:
    await _delete_topics(brokers)
    async with administration(brokers) as client:
        await carry_out(client, await plan(client, topics))


async def _delete_topics(brokers: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await client.start()
    try:
        mine = [topic for topic in await client.list_topics() if family_of(topic)]
        if mine:
            await client.delete_topics(mine)
        while [topic for topic in await client.list_topics() if family_of(topic)]:
            await asyncio.sleep(0.1)
    finally:
        await client.close()


async def _drop_databases(admin_url: str, settings: Settings, services: Sequence[Service]) -> None:
    admin = await asyncpg.connect(admin_url)
    try:
        for service in services:
            name = f"{settings.database_prefix}{service}"
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            for role in DATABASE_ROLES:
                await admin.execute(f"DROP ROLE IF EXISTS {role_name(name, role)}")
    finally:
        await admin.close()


def said(
    event_id: str,
    kind: str,
    data: dict[str, Any],
    *,
    source: str | None = None,
    time: str = "2025-06-01T12:00:00+02:00",
    **more: Any,
) -> dict[str, Any]:
    """An event as its source would write it; ``kind`` without prefix and version, e.g. ``school.leave.left``."""
    sources = {
        "school": f"urn:se:orgnr:{TOWN}",
        "municipality": "urn:se:kommun:0180",
        "national": "urn:se:beda",
    }
    assert datetime.fromisoformat(time).tzinfo
    return {
        "specversion": "1.0", "id": event_id, "source": source or sources[kind.partition(".")[0]],
        "type": f"se.kaa.{kind}.v1", "time": time, "data": data,
    } | more  # fmt: skip


def resident(event_id: str, number: str, **data: Any) -> dict[str, Any]:
    """Registered in 0180 since birth, unprotected."""
    person = {"identity_number": number}
    stated = {"person": person, "municipality": "0180", "since": f"{number[:4]}-12-31", "protection": "none"}
    return said(event_id, "municipality.resident.registered", stated | data)


def started(event_id: str, number: str, on: str, unit: str = "10000002", **data: Any) -> dict[str, Any]:
    """Starts upper secondary school at the town's unit."""
    pupil = {"identity_number": number}
    stated = {"pupil": pupil, "school_unit": unit, "school_form": "GY", "study_path": "NA", "started_on": on}
    return said(event_id, "school.enrolment.started", stated | data)


def left(event_id: str, number: str, on: str, unit: str = "10000002", **data: Any) -> dict[str, Any]:
    """Leaves the town's unit."""
    stated = {"pupil": {"identity_number": number}, "school_unit": unit, "last_day": on}
    return said(event_id, "school.leave.left", stated | data)


def numbers(count: int, year: int = 2007) -> list[str]:
    """Made-up identity numbers with birth serials 980 to 999, all different."""
    found = []
    for ordinal in range(count):
        day, serial = divmod(ordinal, 20)
        month, day = divmod(day, 28)
        nine = f"{year % 100:02}{month % 12 + 1:02}{day + 1:02}{980 + serial}"
        total = sum(sum(divmod(int(c) * (2 - i % 2), 10)) for i, c in enumerate(nine))
        found.append(f"{year // 100}{nine}{-total % 10}")
    return found
