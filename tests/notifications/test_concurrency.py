"""Several processes of the service at once, in transactions that commit."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random

import asyncpg
import pytest

from contracts.envelope import Event
from servicekit.database import Connection, connect
from tests.databases import Database
from tests.notifications.conftest import check, forget, takes
from tests.notifications.sayings import (
    COORDINATION,
    PUPIL,
    absence_retracted,
    absent,
    left,
    person,
    resumed,
    retracted,
    started,
)
from tests.notifications.test_order import random_history

#: Long enough for a statement that does not wait for a lock to be over.
A_MOMENT = 0.3


@pytest.fixture
async def processes(database: Database) -> AsyncIterator[list[Connection]]:
    """Connections of four processes, on tables that were empty and are emptied again."""
    opened = [await connect(database.url, timezone="UTC") for _ in range(4)]
    yield opened
    for connection in opened:
        await connection.close()
    await forget(database)


async def at_once(
    one: Connection, other: Connection, first: Sequence[Event], second: Sequence[Event]
) -> bool:
    """Takes two batches in transactions that are open at the same time; whether the second waited for the first."""
    begun = one.transaction()
    await begun.start()
    await takes(one, *first)

    async def take_second() -> None:
        async with other.transaction():
            await takes(other, *second)

    waiting = asyncio.create_task(take_second())
    done, _ = await asyncio.wait({waiting}, timeout=A_MOMENT)
    await begun.commit()
    await waiting
    return not done


BEGUN, AWAY = started(), absent()
PAIRS = {
    "a fact and its retraction": ([BEGUN], [retracted(BEGUN)]),
    "a fact and its replacement": ([BEGUN], [started("2024-08-26", replaces=BEGUN.id)]),
    "a fact and the person": ([BEGUN], [person()]),
    "the start that shows the form and the leaving": ([started(form="FHS")], [left()]),
    "absence and its retraction": ([AWAY], [absence_retracted(AWAY)]),
    "absence and the return": ([AWAY], [resumed()]),
    "two totals of a month": ([AWAY], [absent(minutes=100, on="29")]),
    "the same fact under two ids": ([BEGUN], [started(system=":other")]),
    "an identity change and a fact under either number": (
        [person(numbers=(PUPIL, COORDINATION)), started(form="GR")],
        [left(pupil=COORDINATION)],
    ),
    "two persons who turn out to be one": (
        [person("alva", 2, numbers=(PUPIL, COORDINATION)), BEGUN],
        [person("noor", 2, numbers=(PUPIL, COORDINATION), merged_into="alva"), left(pupil=COORDINATION)],
    ),
}


@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
async def test_two_batches_about_one_pupil_meet(
    processes: list[Connection], pair: tuple[list[Event], list[Event]], turned: bool
) -> None:
    known_before = [] if any(".person." in e.type for e in (*pair[0], *pair[1])) else [person()]
    async with processes[0].transaction():
        await takes(processes[0], *known_before)
    first, second = reversed(pair) if turned else pair
    assert await at_once(processes[0], processes[1], first, second)
    await check(processes[0], [*known_before, *first, *second])


async def test_two_batches_about_different_pupils_do_not_wait(processes: list[Connection]) -> None:
    other = started(pupil=COORDINATION)
    assert not await at_once(processes[0], processes[1], [started(), person()], [other])


@pytest.mark.parametrize("seed", range(12))
async def test_several_processes_that_work_at_once_give_the_notices_that_follow(
    processes: list[Connection], seed: int
) -> None:
    rng = Random(seed)
    events = random_history(rng)
    shares: list[list[Event]] = [rng.sample(events, k=len(events) * 2 // 3) for _ in processes[1:]]
    shares.append([e for e in events if not any(e in share for share in shares)])

    async def work_off(connection: Connection, share: list[Event], sizes: list[int]) -> None:
        while share:
            size = sizes.pop()
            while True:
                try:
                    async with connection.transaction():
                        await takes(connection, *share[:size])
                    break
                except asyncpg.DeadlockDetectedError:
                    continue
            del share[:size]

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for connection, share in zip(processes, shares, strict=True):
            group.create_task(work_off(connection, share, [rng.randrange(1, 6) for _ in range(40)]))
    await check(processes[0], events)
