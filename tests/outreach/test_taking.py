"""Who takes a task waits for nobody who is just taking one."""

import asyncio
from datetime import timedelta

from servicekit.database import Connection, connect
from services.outreach.queue import Claimed, next_task
from tests.outreach.tellings import Person, tell

HOUR = timedelta(hours=1)
VISBY = "0980"


async def take(connection: Connection, worker: str) -> Claimed | None:
    async with connection.transaction():
        return await next_task(connection, VISBY, worker, HOUR)


async def test_the_next_one_gets_another_task_while_the_first_is_not_through(
    outreach: Connection, database: str
) -> None:
    anna, bo = Person(municipality=VISBY), Person(municipality=VISBY)
    await tell(outreach, anna.known(), anna.covered(), bo.known(), bo.covered())
    other = await connect(database)
    async with outreach.transaction():
        first = await next_task(outreach, VISBY, "slow", HOUR)
        taking = asyncio.create_task(take(other, "quick"))
        await asyncio.wait({taking}, timeout=3)
        waited = not taking.done()
    second = await taking
    await other.close()
    assert not waited
    assert first is not None
    assert second is not None
    assert first.task_id != second.task_id
