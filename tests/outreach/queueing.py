"""Workers at the queue, in few words: they take the next task and are done with it."""

from datetime import timedelta

from contracts.own import ContactMade
from servicekit.calendar import today
from servicekit.database import Connection
from services.outreach.contacts import Said, record
from services.outreach.kinds import Outcome
from services.outreach.queue import (
    Claimed,
    next_task,
)
from tests.outreach.tellings import HOME, LADDERS, Person, tell

HOUR = timedelta(hours=1)
BLINK = timedelta(milliseconds=1)


async def take(
    connection: Connection, worker: str = "bo", lease: timedelta = HOUR, municipality: str = HOME
) -> Claimed | None:
    async with connection.transaction():
        return await next_task(connection, municipality, worker, lease)


async def finish(
    connection: Connection, task_id: int, worker: str = "bo", outcome: Outcome = "reached"
) -> ContactMade:
    async with connection.transaction():
        return await record(connection, LADDERS, task_id, worker, Said(today(), "phone", outcome))


async def history_of(connection: Connection, task_id: int) -> list[tuple[str, str, str | None]]:
    rows = await connection.fetch(
        "SELECT happening, who, reason FROM task_history WHERE task_id = $1 ORDER BY history_id", task_id
    )
    return [tuple(row) for row in rows]


async def covered(connection: Connection, count: int) -> None:
    """So many persons with an open task."""
    persons = [Person() for _ in range(count)]
    await tell(connection, *(p.known() for p in persons), *(p.covered() for p in persons))
