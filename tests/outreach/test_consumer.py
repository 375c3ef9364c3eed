"""What the registry tells becomes a queue, on a real database."""

import asyncio
import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import permutations
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.catalogue import read_by
from contracts.envelope import Event
from servicekit.calendar import today
from servicekit.database import Connection, TransientError, connect
from servicekit.records import Outcome
from services.outreach.kinds import Kind
from services.outreach.store import all_tasks
from services.outreach.tasks import NOT_CALLED_FOR, Task
from tests.outreach.reference import endings, open_tasks
from tests.outreach.tellings import SINCE, Person, crossing_lives, dealt, life, tell, tombstone


async def tasks_of(connection: Connection, *episodes: UUID) -> list[Task]:
    return [task for task in await all_tasks(connection) if task.episode_id in episodes]


async def task_of(connection: Connection, person: Person) -> Task:
    (task,) = await tasks_of(connection, person.episode_id)
    return task


async def history_of(connection: Connection, person: Person) -> list[str]:
    rows = await connection.fetch(
        "SELECT happening FROM task_history JOIN task USING (task_id) WHERE episode_id = $1 ORDER BY history_id",
        person.episode_id,
    )
    return [row[0] for row in rows]


def as_queued(tasks: Sequence[Task]) -> dict[tuple[UUID | None, Kind], tuple[object, ...]]:
    """Open tasks, as the reference gives them."""
    return {
        (t.episode_id, t.kind): (
            t.person_id,
            t.municipality,
            t.since,
            t.due_on,
            t.rank_on,
            t.waits_for or "ready",
        )
        for t in tasks
        if t.state == "open"
    }


async def test_an_episode_that_starts_opens_a_task(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered())
    task = await task_of(outreach, vera)
    assert (task.kind, task.state, task.municipality) == ("inform", "open", "0180")
    assert (task.opened_on, task.due_on) == (today(), today() + timedelta(days=10))
    assert task.waits_for is None
    assert await history_of(outreach, vera) == ["opened"]


async def test_its_end_closes_the_task_and_takes_it_from_whoever_holds_it(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered())
    await outreach.execute(
        "UPDATE task SET leased_by = 'bo', leased_until = now() + interval '1 hour' WHERE episode_id = $1",
        vera.episode_id,
    )
    await tell(outreach, vera.no_longer(2, "moved"))
    task = await task_of(outreach, vera)
    assert (task.state, task.reason) == ("closed", "episode_ended: moved")
    assert (
        await outreach.fetchval("SELECT leased_by FROM task WHERE episode_id = $1", vera.episode_id) is None
    )


async def test_a_wrong_listing_taken_back_closes_the_task_and_forgets_what_was_said(
    outreach: Connection,
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered())
    await tell(outreach, vera.never(2))
    task = await task_of(outreach, vera)
    assert (task.state, task.reason) == ("closed", "withdrawn")
    kept = await outreach.fetchrow(
        "SELECT revision, municipality, from_day FROM episode WHERE episode_id = $1", vera.episode_id
    )
    assert tuple(kept) == (2, None, None)


async def test_a_correction_that_opens_the_episode_again_reopens_the_task(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered())
    opened = await task_of(outreach, vera)
    await tell(outreach, vera.no_longer(2))
    await tell(outreach, vera.corrected(3))
    assert await task_of(outreach, vera) == opened
    assert await history_of(outreach, vera) == ["opened", "closed", "reopened"]


async def test_a_task_done_by_a_worker_is_not_reopened(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered())
    await outreach.execute(
        "UPDATE task SET state = 'done', done_on = $2 WHERE episode_id = $1", vera.episode_id, today()
    )
    await tell(outreach, vera.no_longer(2))
    await tell(outreach, vera.corrected(3))
    assert (await task_of(outreach, vera)).state == "done"


async def test_an_episode_first_told_as_ended_opens_no_task(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.no_longer(2))
    await tell(outreach, vera.covered(1))
    assert await tasks_of(outreach, vera.episode_id) == []


async def test_a_task_waits_for_the_revision_of_the_person_that_its_episode_needs(
    outreach: Connection,
) -> None:
    vera = Person()
    await tell(outreach, vera.covered(person_revision=2))
    assert (await task_of(outreach, vera)).waits_for == "person"
    await tell(outreach, vera.known(1))
    assert (await task_of(outreach, vera)).waits_for == "person"
    await tell(outreach, vera.known(2, protection="confidential"))
    assert (await task_of(outreach, vera)).waits_for is None
    await tell(outreach, vera.known(3, protection="protected_registration"))
    assert (await task_of(outreach, vera)).waits_for == "routing"
    await tell(outreach, vera.known(4))
    assert (await task_of(outreach, vera)).waits_for is None


async def test_the_rank_follows_the_birth_date(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.covered())
    due = today() + timedelta(days=10)
    assert (await task_of(outreach, vera)).rank_on == due
    # under 180 days are left, and more than the three months before 20 in which the case is handed over
    turns_20 = today() + timedelta(days=150)
    await tell(outreach, vera.known(1, birth_date=date(turns_20.year - 20, turns_20.month, 15)))
    assert (await task_of(outreach, vera)).rank_on == turns_20.replace(day=15) - timedelta(days=180)
    await tell(outreach, vera.known(2, birth_date=date(due.year - 17, 1, 1)))
    assert (await task_of(outreach, vera)).rank_on == due


async def test_the_task_of_a_merged_person_waits_until_its_episode_says_whose_it_is(
    outreach: Connection,
) -> None:
    vera, winner = Person(), Person()
    await tell(outreach, vera.known(), vera.covered(), winner.known(4))
    await tell(outreach, vera.known(2, merged_into=winner.person_id))
    assert (await task_of(outreach, vera)).waits_for == "person"
    re_keyed = Person(person_id=winner.person_id, episode_id=vera.episode_id)
    await tell(outreach, re_keyed.corrected(2, person_revision=5))
    task = await task_of(outreach, vera)
    assert (task.person_id, task.waits_for) == (winner.person_id, "person")
    await tell(outreach, winner.known(5))
    assert (await task_of(outreach, vera)).waits_for is None
    assert await history_of(outreach, vera) == ["opened", "changed", "changed"]


async def test_two_persons_who_turn_out_to_be_one_leave_one_task_and_what_was_done_for_either(
    outreach: Connection,
) -> None:
    vera, winner = Person(), Person()
    await tell(
        outreach,
        vera.known(),
        vera.covered(),
        winner.known(),
        winner.covered(since=SINCE + timedelta(days=3)),
    )
    await outreach.execute(
        "UPDATE task SET state = 'done', done_on = $2 WHERE episode_id = $1", winner.episode_id, today()
    )
    # her episode becomes the winner's before the winner's own is taken back
    mine = Person(person_id=winner.person_id, episode_id=vera.episode_id)
    await tell(outreach, vera.known(2, merged_into=winner.person_id), mine.corrected(2))
    assert [(t.kind, t.state) for t in await tasks_of(outreach, winner.episode_id)] == [("inform", "done")]
    assert [(t.person_id, t.reason) for t in await tasks_of(outreach, vera.episode_id)] == [
        (winner.person_id, "not_called_for")
    ]
    await tell(outreach, winner.never(2))
    assert (
        await outreach.fetchval(
            "SELECT count(*) FROM task WHERE person_id = $1 AND state = 'open'", winner.person_id
        )
        == 0
    )


async def test_while_two_episodes_of_one_person_are_open_the_later_ones_tasks_are_closed_as_merged(
    outreach: Connection,
) -> None:
    vera = Person()
    later = Person(person_id=vera.person_id)
    await tell(outreach, vera.known(), later.covered(since=SINCE + timedelta(days=3)))
    await tell(outreach, vera.covered())
    assert ((await task_of(outreach, later)).state, (await task_of(outreach, later)).reason) == (
        "closed",
        "merged",
    )
    assert (await task_of(outreach, vera)).state == "open"
    await tell(outreach, vera.never(2))
    assert (await task_of(outreach, later)).state == "open"
    assert (await task_of(outreach, vera)).reason == "withdrawn"


async def test_who_is_close_to_20_is_to_be_handed_over_as_well(outreach: Connection) -> None:
    turns_20 = today() + timedelta(days=60)
    vera = Person(born=date(turns_20.year - 20, turns_20.month, 15))
    await tell(outreach, vera.known(), vera.covered())
    tasks = await tasks_of(outreach, vera.episode_id)
    assert {(task.kind, task.state) for task in tasks} == {("inform", "open"), ("hand_over", "open")}


async def test_a_resident_whom_no_source_accounts_for_is_cleared_up_first(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered(entry_reason="no_known_school"))
    assert (await task_of(outreach, vera)).kind == "clear_up"


async def test_of_several_revisions_in_one_batch_the_last_counts(outreach: Connection) -> None:
    vera, kim = Person(), Person()
    await tell(
        outreach, vera.corrected(3), vera.covered(1), vera.no_longer(2), vera.known(2), vera.known(1),
        kim.no_longer(2), kim.known(), kim.covered(1),
    )  # fmt: skip
    assert (await task_of(outreach, vera)).state == "open"
    assert await tasks_of(outreach, kim.episode_id) == []


async def test_the_same_event_again_has_no_effect(outreach: Connection) -> None:
    vera = Person()
    started = vera.covered()
    assert await tell(outreach, vera.known(), started, started) == [
        Outcome.APPLIED,
        Outcome.APPLIED,
        Outcome.DUPLICATE,
    ]
    assert await tell(outreach, started) == [Outcome.DUPLICATE]
    assert await history_of(outreach, vera) == ["opened"]


async def test_a_notice_of_anything_but_absence_changes_nothing(outreach: Connection) -> None:
    vera = Person()
    notice = vera.noticed("left")
    assert notice.type in {name for family in read_by("outreach") for name in family.types}
    before = await all_tasks(outreach)
    assert await tell(outreach, notice) == [Outcome.APPLIED]
    assert await tell(outreach, notice) == [Outcome.DUPLICATE]
    assert await all_tasks(outreach) == before


async def test_a_purge_leaves_nothing_of_the_person_whatever_comes_later(outreach: Connection) -> None:
    for purged_first in (False, True):
        vera, other = Person(), Person()
        # told of vera first, the episode became another's; that other is the one who is purged
        mine = Person(person_id=other.person_id, episode_id=vera.episode_id)
        steps: list[tuple[Event, ...]] = [(vera.known(), vera.covered(1)), (mine.corrected(2), other.known())]
        if purged_first:
            await tell(outreach, tombstone(other.person_id))
            for step in reversed(steps):
                await tell(outreach, *step)
        else:
            for step in steps:
                await tell(outreach, *step)
            await tell(outreach, tombstone(other.person_id))
        assert await tasks_of(outreach, vera.episode_id) == []
        kept = await outreach.fetchrow(
            "SELECT revision, municipality, from_day FROM episode WHERE episode_id = $1", vera.episode_id
        )
        assert tuple(kept) == (2, None, None)
        assert (
            await outreach.fetchval(
                "SELECT identity_number FROM person WHERE person_id = $1", other.person_id
            )
            is None
        )


async def test_any_order_of_an_episodes_events_ends_in_the_same_task(outreach: Connection) -> None:
    orders: list[tuple[Event, ...]] = []
    for order in permutations(range(5)):
        vera = Person()
        told = (
            vera.covered(1),
            vera.no_longer(2),
            vera.corrected(3, person_revision=2),
            vera.known(1),
            vera.known(2),
        )
        orders.append(tuple(told[place] for place in order))
    # all first events in one batch, then all second ones, and so on
    for batch in zip(*orders, strict=True):
        await tell(outreach, *batch)
    told_all = [event for order in orders for event in order]
    expected = open_tasks(told_all, today())
    assert len(expected) == 120
    assert as_queued(await tasks_of(outreach, *(episode for episode, _ in expected))) == expected


@pytest.mark.parametrize("seed", range(4))
async def test_two_processes_that_are_told_in_any_order_end_in_the_same_queue(
    database: str, outreach: Connection, seed: int
) -> None:
    generator = random.Random(seed)
    lives = [life(generator, generator.randint(1, 6)) for _ in range(60)]
    told = [event for events, _ in lives for event in events]
    at_random = dealt(told, generator)
    hands: list[list[Event]] = [[], []]
    for event in at_random:
        generator.choice(hands).append(event)

    async def process(events: list[Event]) -> None:
        connection = await connect(database)
        while events:
            batch = [events.pop() for _ in range(min(len(events), 25))]
            await _tell_until_told(connection, batch)
        await connection.close()

    await asyncio.gather(*(process(events) for events in hands))
    episodes = {getattr(event.data, "episode_id", uuid4()) for event in told}
    tasks = await tasks_of(outreach, *episodes)
    assert as_queued(tasks) == open_tasks(told, today())
    over = endings(told)
    closed = {t.episode_id: t.reason for t in tasks if t.state == "closed" and t.reason != NOT_CALLED_FOR}
    assert closed.items() <= over.items()


@pytest.mark.parametrize("seed", range(3))
async def test_episodes_that_change_between_two_persons_of_one_municipality_leave_each_one_task_of_a_kind(
    database: str, outreach: Connection, seed: int
) -> None:
    generator = random.Random(seed)
    lives = [crossing_lives(generator, generator.randint(1, 4)) for _ in range(40)]
    told = [event for life in lives for event in life]
    hands: list[list[Event]] = [[], []]
    for event in dealt(told, generator):
        generator.choice(hands).append(event)

    async def process(events: list[Event]) -> None:
        connection = await connect(database)
        while events:
            await _tell_until_told(connection, [events.pop() for _ in range(min(len(events), 10))])
        await connection.close()

    await asyncio.gather(*(process(events) for events in hands))
    episodes = {getattr(event.data, "episode_id", uuid4()) for event in told}
    assert as_queued(await tasks_of(outreach, *episodes)) == open_tasks(told, today())


async def _tell_until_told(connection: Connection, batch: list[Event]) -> None:
    """As the consumer does: what passes is tried again, what does not is tried one by one."""
    while True:
        try:
            await tell(connection, *batch)
            return
        except (asyncpg.DeadlockDetectedError, TransientError):
            continue
        except asyncpg.UniqueViolationError:
            assert len(batch) > 1
            for event in batch:
                await _tell_until_told(connection, [event])
            return


async def test_the_history_of_tasks_can_only_be_added_to(outreach: Connection) -> None:
    for change in ("UPDATE task_history SET who = 'x'", "DELETE FROM task_history", "TRUNCATE task_history"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await outreach.execute(change)
