"""A task is one worker's at a time: held, kept, lost, given back, put off and reserved, on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from servicekit.calendar import today
from servicekit.database import Connection, connect
from services.outreach import listing, queue
from services.outreach.queue import (
    HeldError,
    NotHeldError,
    RefusedError,
    heartbeat,
    next_task,
    reassign,
    release,
    snooze,
)
from tests.outreach.queueing import BLINK, HOUR, covered, finish, history_of, take
from tests.outreach.tellings import HOME, Person, tell


async def test_20_workers_at_once_get_20_tasks(empty: Connection, database: str) -> None:
    """INV-12: each its own."""
    await covered(empty, 20)
    connections = [await connect(database) for _ in range(24)]
    taken = await asyncio.gather(
        *(take(connection, f"worker-{number}") for number, connection in enumerate(connections))
    )
    await asyncio.gather(*(connection.close() for connection in connections))
    numbers = [claimed.task_id for claimed in taken if claimed]
    assert len(numbers) == len(set(numbers)) == 20
    assert taken.count(None) == 4


async def test_what_a_worker_took_and_did_not_commit_is_free(empty: Connection, database: str) -> None:
    """INV-12: a crash before the commit leaves no lease."""
    await covered(empty, 1)
    dying = await connect(database)
    transaction = dying.transaction()
    await transaction.start()
    assert await next_task(dying, HOME, "dying", HOUR) is not None
    assert await take(empty) is None
    dying.terminate()
    for _ in range(100):
        taken = await take(empty)
        if taken:
            break
        await asyncio.sleep(0.02)
    assert taken is not None
    assert [what for what, *_ in await history_of(empty, taken.task_id)] == ["opened", "claimed"]


async def test_a_lost_workers_task_comes_back_when_the_lease_has_run_out(empty: Connection) -> None:
    """INV-12: and not before."""
    await covered(empty, 1)
    lost = await take(empty, "lost", BLINK)
    assert lost is not None
    await asyncio.sleep(0.01)
    found = await take(empty, "bo")
    assert found is not None
    assert found.task_id == lost.task_id
    assert await take(empty, "third") is None
    assert await history_of(empty, lost.task_id) == [
        ("opened", "registry", None),
        ("claimed", "lost", None),
        ("released", "lost", "lease_expired"),
        ("claimed", "bo", None),
    ]


async def test_only_who_holds_a_task_can_be_done_with_it(empty: Connection) -> None:
    """INV-12: once, and while the lease lasts."""
    await covered(empty, 1)
    with pytest.raises(NotHeldError, match="there is no task 0"):
        await finish(empty, 0)
    number = await empty.fetchval("SELECT task_id FROM task")
    with pytest.raises(NotHeldError, match="nobody holds"):
        await finish(empty, number)
    claimed = await take(empty, "kim", BLINK)
    assert claimed is not None
    await asyncio.sleep(0.01)
    with pytest.raises(NotHeldError, match="ran out"):
        await finish(empty, number, "kim")
    with pytest.raises(NotHeldError, match="was held by another"):
        await finish(empty, number, "bo")
    await take(empty, "bo")
    with pytest.raises(NotHeldError, match="is held by another"):
        await finish(empty, number, "kim")
    await finish(empty, number, "bo")
    with pytest.raises(NotHeldError, match="done already"):
        await finish(empty, number, "bo")
    assert await empty.fetchval("SELECT count(*) FROM contact") == 1


async def test_a_task_whose_episode_ended_in_the_workers_hands_is_no_longer_the_workers(
    empty: Connection,
) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered())
    claimed = await take(empty)
    assert claimed is not None
    await tell(empty, vera.no_longer(2, "moved"))
    with pytest.raises(NotHeldError, match=r"closed \(episode_ended: moved\)"):
        await finish(empty, claimed.task_id)


async def test_a_heartbeat_lengthens_the_lease_and_never_shortens_it(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty, lease=timedelta(minutes=1))
    assert claimed is not None
    longer = await heartbeat(empty, claimed.task_id, "bo", HOUR)
    assert longer - claimed.leased_until > timedelta(minutes=58)
    assert await heartbeat(empty, claimed.task_id, "bo", BLINK) == longer
    with pytest.raises(NotHeldError, match="held by another"):
        await heartbeat(empty, claimed.task_id, "kim", HOUR)
    assert [what for what, *_ in await history_of(empty, claimed.task_id)] == ["opened", "claimed"]


async def test_a_heartbeat_that_comes_too_late_is_told_so(empty: Connection) -> None:
    """INV-12: a worker learns that the task is lost."""
    await covered(empty, 1)
    claimed = await take(empty, lease=BLINK)
    assert claimed is not None
    await asyncio.sleep(0.01)
    with pytest.raises(NotHeldError, match="ran out"):
        await heartbeat(empty, claimed.task_id, "bo", HOUR)


async def test_a_task_given_back_is_the_next_ones(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty)
    assert claimed is not None
    with pytest.raises(NotHeldError):
        await release(empty, claimed.task_id, "kim")
    await release(empty, claimed.task_id, "bo")
    again = await take(empty, "kim")
    assert again is not None
    assert again.task_id == claimed.task_id
    assert [tuple(row[:2]) for row in await history_of(empty, claimed.task_id)] == [
        ("opened", "registry"), ("claimed", "bo"), ("released", "bo"), ("claimed", "kim")
    ]  # fmt: skip


async def test_a_task_put_off_is_given_to_nobody_before_its_day(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty)
    assert claimed is not None
    for day in (today(), today() + timedelta(days=queue.SNOOZE_DAYS + 1)):
        with pytest.raises(RefusedError, match="put off until a day after today"):
            await snooze(empty, claimed.task_id, day, "bo")
    tomorrow = today() + timedelta(days=1)
    await snooze(empty, claimed.task_id, tomorrow, "bo")
    assert await take(empty) is None
    assert (await history_of(empty, claimed.task_id))[-1] == ("snoozed", "bo", f"until {tomorrow}")
    (asleep,) = (await listing.tasks(empty, HOME, "bo", "asleep")).tasks
    assert (asleep.task_id, asleep.snoozed_until) == (claimed.task_id, tomorrow)
    # whoever needs it takes it all the same, and it sleeps on when it is given back
    async with empty.transaction():
        woken = await queue.take(empty, HOME, claimed.task_id, "kim", HOUR)
    assert woken.task_id == claimed.task_id
    await release(empty, claimed.task_id, "kim")
    assert await take(empty) is None


async def test_a_task_reserved_for_a_worker_is_that_workers_next_and_nobody_elses(empty: Connection) -> None:
    await covered(empty, 2)
    first = await take(empty)
    assert first is not None
    with pytest.raises(HeldError, match="held by another worker"):
        await reassign(empty, first.task_id, "kim", "colleague", leads=False)
    await reassign(empty, first.task_id, "kim", "leader", leads=True)
    with pytest.raises(NotHeldError, match="nobody holds"):
        await finish(empty, first.task_id)
    second = await take(empty)
    assert second is not None
    assert second.task_id != first.task_id
    assert await take(empty) is None
    hers = await take(empty, "kim")
    assert hers is not None
    assert hers.task_id == first.task_id
    await reassign(empty, first.task_id, None, "leader", leads=True)
    again = await take(empty)
    assert again is not None
    assert again.task_id == first.task_id
    said = [
        (what, who, why) for what, who, why in await history_of(empty, first.task_id) if what == "reassigned"
    ]
    assert said == [("reassigned", "leader", "to kim"), ("reassigned", "leader", "to the team")]


async def test_one_task_is_taken_by_its_number_unless_another_holds_it(empty: Connection) -> None:
    await covered(empty, 1)
    number = await empty.fetchval("SELECT task_id FROM task")
    async with empty.transaction():
        mine = await queue.take(empty, HOME, number, "bo", HOUR)
        again = await queue.take(empty, HOME, number, "bo", 2 * HOUR)
    assert mine.youth is not None
    assert again.leased_until > mine.leased_until
    for municipality, task_id, worker in ((HOME, number, "kim"), ("1480", number, "bo"), (HOME, 0, "bo")):
        with pytest.raises(RefusedError, match=f"task {task_id} cannot be taken"):
            await queue.take(empty, municipality, task_id, worker, HOUR)


async def test_what_happened_to_a_task_is_told_with_when_and_by_whom(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty)
    assert claimed is not None
    happened = await listing.history(empty, HOME, claimed.task_id)
    assert [(one.happening, one.who) for one in happened] == [("opened", "registry"), ("claimed", "bo")]
    assert all(datetime.now(UTC) - one.at < HOUR for one in happened)
    assert await listing.history(empty, "1480", claimed.task_id) == []


async def test_a_task_that_nothing_calls_for_closes_when_its_holder_gives_it_back(empty: Connection) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered(entry_reason="no_known_school"))
    claimed = await take(empty)
    assert claimed is not None
    await tell(empty, vera.corrected(2))
    assert {row[0]: row[1] for row in await empty.fetch("SELECT kind, waits_for FROM task")} == {
        "clear_up": "holder", "inform": None
    }  # fmt: skip
    await release(empty, claimed.task_id, "bo")
    assert (
        await empty.fetchval("SELECT reason FROM task WHERE task_id = $1", claimed.task_id)
        == "not_called_for"
    )
    assert [what for what, *_ in await history_of(empty, claimed.task_id)] == [
        "opened", "claimed", "changed", "released", "closed"
    ]  # fmt: skip
