"""What a test sees of an installation from outside: in the broker, in the database, of its processes."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import TopicPartition
from aiokafka.protocol.group import LeaveGroupRequest

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event, decode
from contracts.own import CoverageWithdrawn, PersonUpdated
from localstack.running import Running
from servicekit import books
from servicekit.publishing import topic_of
from servicekit.records import Received, Record
from servicekit.settings import Service
from servicekit.topics import administration
from services.registry.evaluation import evaluate
from services.registry.register import DAY_LOCK
from tests.system.installation import Installation, left, numbers, resident, started, wire

#: The day on which the register stands in these tests.
DAY = date(2025, 5, 15)

_offsets = count()

_PLACES = """
SELECT topic, partition, "offset" FROM event_log WHERE digest IS NOT NULL
UNION ALL
SELECT topic, partition, "offset" FROM dead_letter
"""


_WAITING = """
SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
"""


@dataclass(slots=True)
class Server:
    """A broker or database of the tests' own: it may be stopped or killed, and is started again at its address."""

    begin: Callable[[Path], Running]
    folder: Path
    running: Running

    @property
    def address(self) -> str:
        return self.running.address

    async def stop(self) -> None:
        """In an orderly way."""
        await asyncio.to_thread(self.running.stop)

    async def kill(self) -> None:
        """SIGKILL: the machine lost its power."""
        await asyncio.to_thread(self.running.kill)

    async def start(self) -> None:
        """It answers on return."""
        self.running = await asyncio.to_thread(self.begin, self.folder)


def lives(count: int, mark: str = "") -> list[dict[str, Any]]:
    """Three events about each of so many persons: resident, begins upper secondary school, leaves it."""
    return [
        event
        for number in numbers(count)
        for event in (
            resident(f"{mark}r{number}", number),
            started(f"{mark}s{number}", number, "2023-08-21"),
            left(f"{mark}l{number}", number, "2024-11-15"),
        )
    ]


def received(events: Iterable[dict[str, Any] | bytes]) -> list[Received]:
    """A batch as the consumer hands it on to a service's effect, without Kafka."""
    batch = []
    for value in map(wire, events):
        event = decode(value)
        record = Record(topic_of(event), 0, next(_offsets), 0, None, value, ())
        batch.append(Received(record, FAMILY_OF_TYPE[event.type].name, event, event.digest))
    return batch


async def is_one_clean_pass(
    here: Installation, events: Iterable[dict[str, Any] | bytes], day: date = DAY
) -> books.Books:
    """The register is what the pure function gives, and each record has exactly one fate; gives the books."""
    meant = evaluate(map(wire, events), day, True)["persons"]
    expected = {person["identity_number"]: person["episodes"] for person in meant if person["episodes"]}
    assert expected
    assert await here.episodes() == expected
    account = await here.books()
    assert account.balance, (account.unaccounted, account.doubly, account.from_nowhere)
    return account


async def committed(here: Installation, service: Service = "registry") -> dict[TopicPartition, int]:
    """The offsets that a service's group has committed on the broker, where it has."""
    async with administration(here.brokers) as client:
        known = await client.list_consumer_group_offsets(here.settings.group(service))
    return {partition: one.offset for partition, one in known.items()}


async def stored(here: Installation) -> dict[TopicPartition, set[int]]:
    """The offsets of the records whose effects the registry's database holds."""
    places: dict[TopicPartition, set[int]] = defaultdict(set)
    for topic, partition, offset in await here.fetch(_PLACES):
        places[TopicPartition(topic, partition)].add(offset)
    return places


async def bury(here: Installation, service: Service = "registry") -> None:
    """Tells the broker that the killed members of a group are gone; by itself it waits 30 s for their heartbeat."""
    group = here.settings.group(service)
    async with administration(here.brokers) as client:
        coordinator = await client.find_coordinator(group)
        (described,) = await client.describe_consumer_groups([group])
        for member in described.groups[0][5]:
            await client._send_request(LeaveGroupRequest(group, member[0]), coordinator)


@asynccontextmanager
async def nobody_reads_the_day(here: Installation) -> AsyncIterator[None]:
    """Meanwhile every batch of the registry stays in hand: its transaction has begun and can do nothing."""
    connection = await asyncpg.connect(here.settings.database("registry"))
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", DAY_LOCK)
        yield
    finally:
        # with it, if the server is still there, the lock
        connection.terminate()


async def waiting_for_a_lock(here: Installation, seconds: float = 20) -> None:
    """Returns when some transaction in the registry's database waits for another."""
    async with asyncio.timeout(seconds):
        while not await here.fetch(_WAITING):
            await asyncio.sleep(0.01)


async def events_in_the_log(here: Installation) -> int:
    """How many events have taken effect."""
    rows = await here.fetch("SELECT count(*) FROM event_log WHERE digest IS NOT NULL")
    return int(rows[0][0])


class Told:
    """What a reader knows who has folded the registry's published events, given in order per person."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.persons: dict[UUID, PersonUpdated] = {}
        self.episodes: dict[UUID, Any] = {}
        seen: dict[tuple[str, str], bytes] = {}
        for event in events:
            assert seen.setdefault((event.source, event.id), event.digest) == event.digest
            data: Any = event.data
            if isinstance(data, PersonUpdated):
                _keep(self.persons, data.person_id, data)
            else:
                _keep(self.episodes, data.episode_id, data)

    @property
    def register(self) -> dict[str, list[dict[str, Any]]]:
        """Identity number → episodes, as ``Installation.episodes`` gives them."""
        listed: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for told in self.episodes.values():
            if not isinstance(told, CoverageWithdrawn):
                person = self.persons[told.person_id]
                assert person.merged_into is None
                assert person.revision >= told.person_revision
                said = json.loads(told.model_dump_json(by_alias=True))
                names = ("municipality", "from", "to", "entry_reason", "exit_reason")
                listed[person.identity_number].append({name: said[name] for name in names})
        return {
            number: sorted(found, key=lambda episode: str(episode["from"]))
            for number, found in sorted(listed.items())
        }


def _keep(known: dict[UUID, Any], entity: UUID, data: Any) -> None:
    if entity not in known or known[entity].revision < data.revision:
        known[entity] = data


async def outbox(here: Installation, service: Service = "registry") -> list[Event]:
    """The events that wait in a service's outbox, in its order."""
    rows = await here.fetch("SELECT value FROM outbox ORDER BY seq", service=service)
    return [decode(row[0]) for row in rows]


async def published(here: Installation, *topics: str) -> list[Event]:
    """The committed events on topics, in the order of offsets within each partition."""
    return [decode(record.value, record.headers) for topic in topics for record in await here.read(topic)]
