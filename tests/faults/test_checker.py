"""The checker sees what is wrong: each store is falsified in turn, and it says so."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from servicekit.settings import Service
from tests.faults.checker import Sending, check
from tests.faults.history import history
from tests.faults.scene import Scene
from tests.faults.schedule import Schedule
from tests.faults.telling import tell
from tests.faults.trial import DAYS, at_rest, move_days, scene_of, stack
from tests.system.installation import ORGANISERS, Installation

#: Table by table: (service, what is done to its database, words of the violation).
FALSE: dict[str, tuple[tuple[Service, str, str], ...]] = {
    "lost": (
        ("registry", "DELETE FROM episode WHERE told IS NOT NULL", "episodes in the register"),
        ("registry", "DELETE FROM event_log WHERE source = 'urn:se:beda'", "events applied by registry"),
        ("registry", "DELETE FROM dead_letter WHERE kind = 'malformed'", "dead letters of registry"),
        ("registry", "DELETE FROM receipt", "receipts of registry"),
        ("notifications", "DELETE FROM notice WHERE status = 'registered'", "notices: "),
        ("outreach", "DELETE FROM task WHERE state = 'open'", "open tasks"),
        ("outreach", "DELETE FROM inbox", "outreach: "),
        ("reporting", "DELETE FROM received WHERE about = 'episode'", "events that reporting keeps"),
    ),
    "wrong": (
        ("registry", "UPDATE person_number SET person_id = (SELECT person_id FROM person ORDER BY created LIMIT 1)",
         "numbers in the database differs"),
        ("notifications", "UPDATE dead_letter SET kind = 'store' WHERE kind = 'contract'",
         "dead letters of notifications"),
        ("notifications", "UPDATE receipt SET applied = applied + 1", "receipts of notifications"),
        ("notifications", "UPDATE notice SET municipality = '0182' WHERE status = 'registered'", "notices: "),
        ("outreach", "UPDATE task SET municipality = '0182'", "open tasks"),
        ("reporting", "UPDATE inbox SET \"offset\" = \"offset\" + 100000", "reporting: "),
    ),
}  # fmt: skip


@asynccontextmanager
async def told() -> AsyncIterator[tuple[Scene, Sending]]:
    """An installation to which a small history was told in peace."""
    with stack(None) as servers:
        async with scene_of(servers, Schedule(), ORGANISERS) as scene:
            sending = Sending()
            await tell(servers.brokers, history(5, 600, scene.here.directory), sending, 600)
            await move_days(scene, 0)
            assert await at_rest(scene, 60) is None
            yield scene, sending


@pytest.mark.timeout(150)
async def test_what_is_lost_or_wrong_in_a_store_is_said() -> None:
    async with told() as (scene, sending):
        here = scene.here
        for falsehoods in FALSE.values():
            async with AsyncExitStack() as undone:
                for service, falsehood, _ in falsehoods:
                    await undone.enter_async_context(_undone(here, service, falsehood))
                found = (await check(here, sending, DAYS[-1])).violations
            unsaid = [words for _, _, words in falsehoods if not any(words in one for one in found)]
            assert unsaid == [], found
        # and when all is as it was, what the broker lost
        sending.good.add(b"nowhere!")
        lost = "1 records that the broker acknowledged are not on their topics"
        assert (await check(here, sending, DAYS[-1])).violations == [lost]


@asynccontextmanager
async def _undone(here: Installation, service: Service, falsehood: str) -> AsyncIterator[None]:
    """The database with a falsehood in it, and afterwards without."""
    table = next(word for word in falsehood.split() if word not in ("DELETE", "FROM", "UPDATE"))
    path = urlsplit(here.settings.database(service)).path
    admin = await asyncpg.connect(urlunsplit(urlsplit(here.settings.postgres)._replace(path=path)))
    try:
        # neither foreign keys nor rights stand in the way
        await admin.execute("SET session_replication_role = replica")
        await admin.execute(f"CREATE TEMP TABLE kept AS TABLE {table}")
        await admin.execute(falsehood)
        yield
        await admin.execute(
            f"DELETE FROM {table}; INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept"
        )
    finally:
        await admin.close()
