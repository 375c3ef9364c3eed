"""What a worker does, in few words: each step in a transaction of its own, as the pages and commands do it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from contracts.envelope import CONTENT_TYPE, Event, decode
from contracts.own import ContactMade, Occupation
from servicekit.calendar import today
from servicekit.database import Connection
from services.outreach import contacts, queue
from services.outreach.contacts import Said
from services.outreach.kinds import Channel, Outcome
from tests.outreach.tellings import LADDERS, Person

HOUR = timedelta(hours=1)


def said(
    outcome: Outcome = "reached",
    channel: Channel = "phone",
    on: date | None = None,
    occupation: Occupation | None = None,
) -> Said:
    """A contact, made today unless said otherwise."""
    return Said(on or today(), channel, outcome, occupation)


async def take_of(connection: Connection, person: Person, kind: str, who: str = "bo") -> int:
    """Takes the open task of a kind of a person; gives its number."""
    number = await connection.fetchval(
        "SELECT task_id FROM task WHERE person_id = $1 AND kind = $2 AND state = 'open'",
        person.person_id,
        kind,
    )
    assert number is not None, f"no task of the kind {kind} is open"
    async with connection.transaction():
        claimed = await queue.take(connection, person.municipality, number, who, HOUR)
    return claimed.task_id


async def do(connection: Connection, person: Person, kind: str, what: Said, who: str = "bo") -> ContactMade:
    """Takes the open task of a kind of a person and is done with it."""
    number = await take_of(connection, person, kind, who)
    async with connection.transaction():
        return await contacts.record(connection, LADDERS, number, who, what)


async def calls_for(connection: Connection, person: Person) -> dict[str, tuple[str, str | None]]:
    """Kind → (step, channel) of the open tasks of a person."""
    rows = await connection.fetch(
        "SELECT kind, step, channel FROM task WHERE person_id = $1 AND state = 'open'", person.person_id
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def history_of(connection: Connection, person: Person, kind: str) -> list[tuple[Any, ...]]:
    """(happening, who, reason) of all tasks of a kind of a person."""
    rows = await connection.fetch(
        """SELECT happening, who, h.reason FROM task_history AS h JOIN task USING (task_id)
           WHERE person_id = $1 AND kind = $2 ORDER BY history_id""",
        person.person_id, kind,
    )  # fmt: skip
    return [tuple(row) for row in rows]


async def looks_on(connection: Connection, person: Person) -> date | None:
    """The day on which time next changes what the person's case calls for."""
    found: date | None = await connection.fetchval(
        "SELECT look_on FROM episode WHERE episode_id = $1", person.episode_id
    )
    return found


async def told_of(connection: Connection, person_id: UUID) -> list[Event]:
    """What is told of a person through the outbox, in order."""
    rows = await connection.fetch(
        "SELECT topic, value FROM outbox WHERE key = $1 ORDER BY seq", str(person_id).encode()
    )
    assert {row["topic"] for row in rows} <= {"outreach.activity.v1"}
    return [decode(row["value"], [CONTENT_TYPE]) for row in rows]
