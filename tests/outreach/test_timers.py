"""What days alone make true, on a real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import pytest_asyncio

from servicekit.calendar import today
from servicekit.database import Connection, new_pool
from services.outreach import measures, queue
from services.outreach.ladder_file import Ladders, default
from services.outreach.plans import Plan
from services.outreach.timers import look, renew, timers, wake
from tests.outreach.steps import HOUR, calls_for, do, history_of, said, take_of
from tests.outreach.tellings import LADDERS, Person, tell


@pytest_asyncio.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    async with new_pool(database, name="test", size=2) as opened:
        yield opened


def in_days(days: int) -> date:
    return today() + timedelta(days=days)


async def covered(connection: Connection, born: date = date(2009, 3, 15)) -> Person:
    vera = Person(born=born)
    await tell(connection, vera.known(), vera.covered())
    return vera


async def test_a_step_opens_on_its_day_and_not_before(outreach: Connection, pool: asyncpg.Pool) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("reached"))
    await look(pool, LADDERS, in_days(6))
    assert await calls_for(outreach, vera) == {}
    await look(pool, LADDERS, in_days(7))
    assert await calls_for(outreach, vera) == {"talk": ("talk", "meeting")}
    assert (await history_of(outreach, vera, "talk")) == [("opened", "ladder", None)]


async def test_a_known_occupation_is_to_be_checked_again_after_90_days(
    outreach: Connection, pool: asyncpg.Pool
) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("reached", occupation="work"))
    await look(pool, LADDERS, in_days(89))
    assert await calls_for(outreach, vera) == {}
    await look(pool, LADDERS, in_days(90))
    assert set(await calls_for(outreach, vera)) == {"recheck_occupation"}


async def test_a_case_is_handed_over_from_19_years_and_9_months(
    outreach: Connection, pool: asyncpg.Pool
) -> None:
    # 20 on the 15th, four or five months from now
    turns_20 = in_days(140).replace(day=15)
    vera = await covered(outreach, born=turns_20.replace(year=turns_20.year - 20))
    month = turns_20.year * 12 + turns_20.month - 1 - 3
    day = date(month // 12, month % 12 + 1, 15)
    await look(pool, LADDERS, day - timedelta(days=1))
    assert set(await calls_for(outreach, vera)) == {"inform"}
    await look(pool, LADDERS, day)
    assert set(await calls_for(outreach, vera)) == {"inform", "hand_over"}


async def test_a_planned_follow_up_becomes_a_task_when_its_day_comes_near(
    outreach: Connection, pool: asyncpg.Pool
) -> None:
    vera = await covered(outreach)
    plan = Plan(kind="talks", content="Samtal", from_day=today(), follow_up_on=(in_days(30),))
    async with outreach.transaction():
        await measures.start(outreach, LADDERS, vera.municipality, vera.person_id, "bo", plan)
    await look(pool, LADDERS, in_days(22))
    assert await calls_for(outreach, vera) == {}
    await look(pool, LADDERS, in_days(23))
    assert set(await calls_for(outreach, vera)) == {"follow_up"}


async def test_a_day_costs_what_is_due_on_it_and_is_looked_at_once(
    outreach: Connection, pool: asyncpg.Pool
) -> None:
    await look(pool, LADDERS, in_days(3))
    vera, kim = await covered(outreach), await covered(outreach)
    assert await look(pool, LADDERS, in_days(3)) == 0
    await do(outreach, vera, "inform", said("not_reached"))
    assert await look(pool, LADDERS, in_days(7)) >= 1
    assert set(await calls_for(outreach, vera)) == {"contact"}
    assert await look(pool, LADDERS, in_days(7)) == 0
    assert set(await calls_for(outreach, kim)) == {"inform"}


async def test_a_ladder_that_a_municipality_has_changed_takes_effect_with_the_next_start(
    outreach: Connection, pool: asyncpg.Pool
) -> None:
    vera = await covered(outreach)
    await renew(pool, LADDERS, today())
    assert await renew(pool, LADDERS, today()) == 0
    ladder = default()
    sooner = ladder.steps["inform"].model_copy(update={"due_in_days": 3})
    steps = {**ladder.steps, "inform": sooner}
    changed = Ladders({vera.municipality: ladder.model_copy(update={"steps": steps})})
    assert await renew(pool, changed, today()) == 1
    await look(pool, changed, today())
    due = await outreach.fetchval("SELECT due_on FROM task WHERE person_id = $1", vera.person_id)
    assert due == in_days(3)
    assert await renew(pool, changed, today()) == 0


async def test_a_snooze_ends_on_its_day(outreach: Connection, pool: asyncpg.Pool) -> None:
    vera = await covered(outreach)
    number = await take_of(outreach, vera, "inform")
    await queue.snooze(outreach, number, in_days(5), "bo")
    assert await wake(pool, in_days(4)) == 0
    assert await wake(pool, in_days(5)) == 1
    assert (await history_of(outreach, vera, "inform"))[-1] == ("woken", "ladder", None)
    async with outreach.transaction():
        again = await queue.take(outreach, vera.municipality, number, "kim", HOUR)
    assert again.task_id == number


async def test_what_was_open_for_its_holder_alone_closes_when_the_lease_has_run_out(
    outreach: Connection, pool: asyncpg.Pool
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered(entry_reason="no_known_school"))
    number = await take_of(outreach, vera, "clear_up")
    await tell(outreach, vera.corrected(2))
    await look(pool, LADDERS, today())
    assert set(await calls_for(outreach, vera)) == {"clear_up", "inform"}
    await outreach.execute("UPDATE task SET leased_until = now() WHERE task_id = $1", number)
    await look(pool, LADDERS, today())
    assert set(await calls_for(outreach, vera)) == {"inform"}


async def test_whom_somebody_else_has_locked_is_passed_over_and_looked_at_later(
    outreach: Connection, pool: asyncpg.Pool
) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("reached"))
    async with outreach.transaction():
        await outreach.execute("SELECT 1 FROM person WHERE person_id = $1 FOR NO KEY UPDATE", vera.person_id)
        await look(pool, LADDERS, in_days(7))
    assert await calls_for(outreach, vera) == {}
    await look(pool, LADDERS, in_days(7))
    assert set(await calls_for(outreach, vera)) == {"talk"}


async def test_the_service_looks_at_its_start(outreach: Connection, pool: asyncpg.Pool) -> None:
    vera, kim = await covered(outreach), Person()
    # as if nobody had looked since the day before her birthday
    await tell(outreach, kim.known(), kim.noticed())
    await outreach.execute(
        "UPDATE person SET birth_date = $2 WHERE person_id = $1", kim.person_id, in_days(-20 * 366)
    )
    # as if her contact of today had been made a week ago, and the service had been away since
    await do(outreach, vera, "inform", said("reached", on=in_days(-7)))
    assert set(await calls_for(outreach, vera)) == {"talk"}
    await outreach.execute("DELETE FROM task WHERE person_id = $1 AND kind = 'talk'", vera.person_id)
    await outreach.execute(
        "UPDATE episode SET look_on = $2 WHERE episode_id = $1", vera.episode_id, in_days(-3)
    )
    running = asyncio.create_task(timers(LADDERS)(pool, lambda: None))
    async with asyncio.timeout(10):
        while not await calls_for(outreach, vera) or await calls_for(outreach, kim):
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait({running})
    assert set(await calls_for(outreach, vera)) == {"talk"}
