"""A database of the service, and the service's effect on it, without Kafka."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import UUID

import pytest

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event, decode
from contracts.own import NoticeRegistered, NoticeUpdated, PersonUpdated
from servicekit.database import Connection, connect
from servicekit.records import Outcome, Received, Record
from services.notifications.consumer import effect
from tests.databases import Database, throwaway_database
from tests.notifications.expected import disagreements, expected_notices, standing_notices
from tests.notifications.sayings import DIRECTORY, person_id

Told = NoticeRegistered | NoticeUpdated

_offsets = count()
_effect = effect(lambda: DIRECTORY)


async def forget(database: Database) -> None:
    """Empties the tables: what tests that commit must do when they end."""
    owner = await connect(database.owner_url)
    for table in (
        "notice",
        "school_fact",
        "pupil",
        "person_number",
        "person",
        "inbox",
        "outbox",
        "access_log",
    ):
        await owner.execute(f"DELETE FROM {table}")
    await owner.close()


@pytest.fixture(scope="session")
async def database(postgres: str) -> AsyncIterator[Database]:
    async with throwaway_database(postgres, "notifications") as made:
        yield made


@dataclass(frozen=True, slots=True)
class Service:
    """The service in a transaction of its own, and what it then says and holds."""

    connection: Connection

    async def takes(self, *events: Event) -> Sequence[Outcome]:
        """One batch."""
        return await takes(self.connection, *events)

    async def takes_one_by_one(self, *events: Event) -> None:
        for event in events:
            await self.takes(event)

    async def hears_of_purge(self, name: str) -> None:
        key = str(person_id(name)).encode()
        record = Record("registry.person.v1", 0, next(_offsets), 0, key, None, ())
        await _effect(self.connection, [Received(record, "registry.person", None, b"")])

    async def told(self) -> list[Told]:
        return await told(self.connection)

    async def read_by_others(self) -> dict[UUID, Told]:
        return await read_by_others(self.connection)


async def takes(connection: Connection, *events: Event) -> Sequence[Outcome]:
    """The effect of a batch, in the connection's transaction."""
    received = []
    for event in events:
        family = FAMILY_OF_TYPE[event.type].name
        record = Record("topic", 0, next(_offsets), 0, None, b"", ())
        received.append(Received(record, family, event, event.digest))
    return await _effect(connection, received)


async def told(connection: Connection) -> list[Told]:
    """What was published, in order; each a valid event with the key it must have."""
    notices: list[Told] = []
    for topic, key, value in await connection.fetch("SELECT topic, key, value FROM outbox ORDER BY seq"):
        event = decode(value)
        assert isinstance(event.data, NoticeRegistered | NoticeUpdated)
        assert (topic, key) == ("notifications.notice.v1", str(event.data.person_id).encode())
        assert event.id == f"{event.data.notice_id}.{event.data.revision}"
        notices.append(event.data)
    return notices


async def read_by_others(connection: Connection) -> dict[UUID, Told]:
    """What a reader has folded from what was published: the latest of each notice."""
    latest: dict[UUID, Told] = {}
    for notice in await told(connection):
        before = latest.get(notice.notice_id)
        assert notice.revision == (before.revision + 1 if before else 1)
        assert isinstance(notice, NoticeRegistered) == (before is None)
        latest[notice.notice_id] = notice
    return latest


async def check(connection: Connection, events: Sequence[Event]) -> None:
    """The notices are as expected, and readers of what was published know exactly those that were told."""
    states = [event.data for event in events if isinstance(event.data, PersonUpdated)]
    expected = expected_notices(events, states, DIRECTORY)
    assert disagreements(await standing_notices(connection), expected) == []
    read = {
        (n.notice_id, n.revision, n.person_id, n.municipality, n.kind, n.school_unit, n.status)
        for n in (await read_by_others(connection)).values()
    }
    rows = await connection.fetch(
        "SELECT notice_id, revision, person_id, municipality, kind, school_unit, status"
        " FROM notice JOIN school_fact USING (source, id) WHERE status IN ('registered', 'closed', 'withdrawn')"
    )
    assert read == {tuple(row) for row in rows}


@pytest.fixture(scope="session")
async def application(database: Database) -> AsyncIterator[Connection]:
    """A connection with the rights of the service."""
    connection = await connect(database.url, timezone="UTC")
    yield connection
    await connection.close()


@pytest.fixture
async def service(application: Connection) -> AsyncIterator[Service]:
    """The service on empty tables; what it does is rolled back."""
    transaction = application.transaction()
    await transaction.start()
    yield Service(application)
    await transaction.rollback()
