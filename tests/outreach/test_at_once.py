"""Two transactions at once about one person: whatever the interleaving, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import date, timedelta
from typing import Any

import pytest_asyncio

from servicekit.calendar import today
from servicekit.database import Connection, connect
from services.outreach import contacts
from services.outreach.contacts import Said, record
from services.outreach.queue import next_task
from services.outreach.store import all_tasks
from services.outreach.tasks import Task
from tests.outreach.tellings import LADDERS, Person, tell, tombstone

HOUR = timedelta(hours=1)
UPPSALA, KIRUNA, MORA, LULEA = "0380", "2584", "2062", "2580"


@pytest_asyncio.fixture
async def other(database: str) -> AsyncIterator[Connection]:
    """A second process's connection."""
    connection = await connect(database)
    yield connection
    await connection.close()


async def during(
    connection: Connection, first: Coroutine[Any, Any, object], second: Coroutine[Any, Any, object]
) -> None:
    """Does the first on a connection, and commits it only when the second has begun and waits, or is through."""
    async with connection.transaction():
        await first
        meanwhile = asyncio.create_task(second)
        await asyncio.wait({meanwhile}, timeout=0.3)
    await meanwhile


async def reach(connection: Connection, task_id: int, who: str = "bo") -> None:
    await record(connection, LADDERS, task_id, who, Said(today(), "phone", "reached"))


async def task_of(connection: Connection, person: Person) -> Task | None:
    return next((task for task in await all_tasks(connection) if task.episode_id == person.episode_id), None)


async def test_the_person_data_comes_while_the_episode_that_needs_it_is_taken_in(
    outreach: Connection, other: Connection
) -> None:
    vera = Person()
    await tell(outreach, vera.known(1))
    await during(outreach, tell(outreach, vera.covered(person_revision=2)), tell(other, vera.known(2)))
    task = await task_of(outreach, vera)
    assert task is not None
    assert task.waits_for is None


async def test_two_hear_of_a_person_for_the_first_time(outreach: Connection, other: Connection) -> None:
    vera = Person()
    await during(outreach, tell(outreach, vera.covered()), tell(other, vera.known(1)))
    task = await task_of(outreach, vera)
    assert task is not None
    assert task.waits_for is None


async def test_a_person_changes_while_her_episode_becomes_anothers(
    outreach: Connection, other: Connection
) -> None:
    vera, winner = Person(), Person()
    await tell(outreach, vera.known(), vera.covered(), winner.known())
    re_keyed = Person(person_id=winner.person_id, episode_id=vera.episode_id)
    await during(
        outreach,
        tell(outreach, re_keyed.corrected(2)),
        tell(other, vera.known(2, merged_into=winner.person_id)),
    )
    task = await task_of(outreach, vera)
    assert task is not None
    assert (task.person_id, task.waits_for) == (winner.person_id, None)


async def test_a_person_is_purged_while_her_episode_is_taken_in(
    outreach: Connection, other: Connection
) -> None:
    vera = Person()
    await tell(outreach, vera.known())
    await during(outreach, tell(outreach, vera.covered()), tell(other, tombstone(vera.person_id)))
    assert await task_of(outreach, vera) is None


async def test_the_episode_ends_while_its_task_is_being_done(outreach: Connection, other: Connection) -> None:
    """INV-12: what a worker was done with first stays done."""
    vera = Person(municipality=UPPSALA)
    await tell(outreach, vera.known(), vera.covered())
    async with outreach.transaction():
        claimed = await next_task(outreach, UPPSALA, "bo", HOUR)
    assert claimed is not None
    await during(outreach, reach(outreach, claimed.task_id), tell(other, vera.no_longer(2)))
    task = await task_of(outreach, vera)
    assert task is not None
    assert task.state == "done"


async def test_who_holds_a_task_keeps_it_when_what_is_known_of_the_person_changes(
    outreach: Connection, other: Connection
) -> None:
    vera = Person(municipality=KIRUNA)
    await tell(outreach, vera.known(), vera.covered())
    await during(
        outreach,
        next_task(outreach, KIRUNA, "bo", HOUR),
        tell(other, vera.known(2, birth_date=date(2007, 1, 1))),
    )
    held = await outreach.fetchval(
        "SELECT task_id FROM task WHERE leased_by = 'bo' AND municipality = $1", KIRUNA
    )
    async with outreach.transaction():
        await reach(outreach, held)


async def test_a_claim_passes_over_a_person_whose_protection_is_being_taken_in(
    outreach: Connection, other: Connection
) -> None:
    vera = Person(municipality=MORA)
    await tell(outreach, vera.known(), vera.covered())
    async with other.transaction():
        await tell(other, vera.known(2, protection="protected_registration"))
        assert await next_task(outreach, MORA, "bo", HOUR) is None
    assert await next_task(outreach, MORA, "bo", HOUR) is None


async def test_a_person_becomes_protected_only_after_a_claim_that_reads_her(
    outreach: Connection, other: Connection
) -> None:
    vera = Person(municipality=MORA)
    await tell(outreach, vera.known(), vera.covered())
    async with outreach.transaction():
        claimed = await next_task(outreach, MORA, "bo", HOUR)
        told = asyncio.create_task(tell(other, vera.known(2, protection="protected_registration")))
        await asyncio.sleep(0.2)
        assert not told.done()
    await told
    assert claimed is not None
    # it stays with its holder, who may have called by now; nobody else is given it
    async with outreach.transaction():
        await reach(outreach, claimed.task_id)


async def test_two_workers_are_done_with_two_tasks_of_one_person_at_once(
    outreach: Connection, other: Connection
) -> None:
    turns_20 = today() + timedelta(days=60)
    vera = Person(born=date(turns_20.year - 20, turns_20.month, 15), municipality=LULEA)
    await tell(outreach, vera.known(), vera.covered())
    held = {}
    for who in ("bo", "kim"):
        async with outreach.transaction():
            claimed = await next_task(outreach, LULEA, who, HOUR)
        assert claimed is not None
        held[who] = claimed.task_id

    async def finish(connection: Connection, who: str) -> None:
        async with connection.transaction():
            await reach(connection, held[who], who)

    await during(outreach, reach(outreach, held["bo"], "bo"), finish(other, "kim"))
    tasks = [task for task in await all_tasks(outreach) if task.episode_id == vera.episode_id]
    assert {(task.kind, task.state) for task in tasks} == {("inform", "done"), ("hand_over", "done")}


async def test_a_contact_made_while_the_person_turns_out_to_be_another_is_that_others(
    outreach: Connection, other: Connection
) -> None:
    for merged_first in (False, True):
        vera, winner = Person(municipality=LULEA), Person(municipality=LULEA)
        await tell(outreach, vera.known(), vera.covered(), winner.known())
        async with outreach.transaction():
            claimed = await next_task(outreach, LULEA, "bo", HOUR)
        assert claimed is not None
        re_keyed = Person(person_id=winner.person_id, episode_id=vera.episode_id, municipality=LULEA)
        merging = vera.known(2, merged_into=winner.person_id), re_keyed.corrected(2)

        async def finish(task_id: int) -> None:
            async with other.transaction():
                await reach(other, task_id)

        if merged_first:
            await during(outreach, tell(outreach, *merging), finish(claimed.task_id))
        else:
            await during(outreach, reach(outreach, claimed.task_id), tell(other, *merging))
        made = await contacts.of_person(outreach, LULEA, winner.person_id)
        assert [one.task_id for one in made] == [claimed.task_id]
        task = await task_of(outreach, vera)
        assert task is not None
        assert (task.state, task.person_id) == ("done", winner.person_id)
