"""Contacts: attempts to reach a young person, successful or not, with or without a task; every correction is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from contracts.identifiers import EARLIEST
from contracts.own import ContactMade, Occupation
from servicekit.access_log import looked
from servicekit.calendar import now
from servicekit.database import Connection
from servicekit.outbox import append
from services.outreach import cases, notices, queue, store
from services.outreach.code_list import occupations
from services.outreach.kinds import WITHOUT_CONTACT, Channel, Outcome
from services.outreach.ladder import NO_ANSWER
from services.outreach.ladder_file import Ladders
from services.outreach.publication import message
from services.outreach.queue import (
    ContactNeededError,
    OvertakenError,
    UnknownError,
    UnlistedError,
    WrongDayError,
)

_ADD: Final = """
INSERT INTO contact (contact_id, person_id, municipality, task_id, revision) VALUES ($1, $2, $3, $4, 1)
"""
_ADD_REVISION: Final = """
INSERT INTO contact_revision (contact_id, revision, municipality, on_day, channel, outcome, occupation, who)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_WHOSE: Final = "SELECT person_id FROM contact WHERE contact_id = $1 AND municipality = $2"
_OVERTAKE: Final = """
UPDATE contact SET revision = revision + 1 WHERE contact_id = $1 AND person_id = $2 AND revision = $3 RETURNING true
"""
# By what stands: a correction may give another day.
_OF: Final = """
SELECT contact_id, r.revision, task_id, r.on_day, r.channel, r.outcome, r.occupation, r.who, r.at
FROM contact AS c JOIN contact_revision AS stands USING (contact_id, revision)
  JOIN contact_revision AS r USING (contact_id)
WHERE c.person_id = $1 AND c.municipality = $2 AND (r.revision = c.revision OR $3)
ORDER BY stands.on_day, stands.at, contact_id, r.revision
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a worker says of a contact. ``occupation``: what was learnt of it, if anything."""

    on: date
    channel: Channel
    outcome: Outcome
    occupation: Occupation | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """One revision of a contact; ``at`` in UTC, ``task_id`` None for one that no task called for."""

    contact_id: UUID
    revision: int
    task_id: int | None
    said: Said
    who: str
    at: datetime


async def record(connection: Connection, ladders: Ladders, task_id: int, who: str, said: Said) -> ContactMade:
    """Closes a task that the worker holds, records the contact made for it and tells of it through the outbox.

    Call it in a transaction. Raises queue.NotHeldError, and RefusedError for a day to come, or an occupation
    that was not in the code list on it.
    """
    await _check(connection, said)
    held = await cases.hold(connection, task_id, who)
    await queue.finish(connection, held, who)
    # while her task was held she may have turned out to be another
    whose = await cases.now_is(connection, held.person_id)
    contact_id = uuid4()
    await connection.execute(_ADD, contact_id, whose, held.municipality, task_id)
    made = await _say(connection, held.municipality, whose, contact_id, 1, who, said)
    day = await store.calendar_day(connection)
    if held.kind == "early_support":
        answered = said.outcome not in NO_ANSWER
        await notices.tried(connection, held.municipality, whose, contact_id, day, answered=answered)
    await cases.bring_up(connection, ladders, {held.person_id}, cases.LADDER, day)
    if held.kind == "early_support":
        await _tried_again(connection, ladders, held.municipality, whose, said)
    await looked(connection, "outreach done", who=who, person_id=whose, municipality=held.municipality)
    return made


async def done_without(connection: Connection, ladders: Ladders, task_id: int, who: str) -> None:
    """Closes a task that the worker holds and that asks for no contact: what she found out, or handed over, others
    told her or took over. Nothing is published, and the young person does not count as contacted.

    Call it in a transaction. Raises queue.NotHeldError, and RefusedError for a task that a contact alone does.
    """
    held = await cases.hold(connection, task_id, who)
    if held.kind not in WITHOUT_CONTACT:
        raise ContactNeededError(f"task {task_id} is done by a contact, or an attempt at one")
    await queue.finish(connection, held, who)
    whose = await cases.now_is(connection, held.person_id)
    await cases.bring_up(
        connection, ladders, {held.person_id}, cases.LADDER, await store.calendar_day(connection)
    )
    await looked(connection, "outreach done", who=who, person_id=whose, municipality=held.municipality)


async def log(
    connection: Connection, ladders: Ladders, municipality: str, person_id: UUID, who: str, said: Said
) -> ContactMade:
    """Records a contact that no task called for, and tells of it: she rang, or was met by chance.

    What schools had told of her absence by then is handled with it, if she answered.

    Call it in a transaction. Raises RefusedError: a day to come, an occupation not listed then, or no case of hers.
    """
    await _check(connection, said)
    await cases.enter(connection, municipality, person_id)
    contact_id = uuid4()
    await connection.execute(_ADD, contact_id, person_id, municipality, None)
    made = await _say(connection, municipality, person_id, contact_id, 1, who, said)
    if said.outcome not in NO_ANSWER:
        await notices.tried(connection, municipality, person_id, contact_id, said.on, answered=True)
    await cases.bring_up(connection, ladders, {person_id}, cases.LADDER, await store.calendar_day(connection))
    await looked(connection, "outreach contact", who=who, person_id=person_id, municipality=municipality)
    return made


async def correct(
    connection: Connection,
    ladders: Ladders,
    municipality: str,
    contact_id: UUID,
    revision: int,
    who: str,
    said: Said,
) -> ContactMade:
    """Says a contact anew; ``revision`` is the one that was seen. The earlier ones are kept.

    Call it in a transaction. Raises RefusedError: as ``log`` does, no such contact, or corrected meanwhile.
    """
    await _check(connection, said)
    person_id = await connection.fetchval(_WHOSE, contact_id, municipality)
    if person_id is None:
        raise UnknownError("there is no such contact")
    await cases.enter(connection, municipality, person_id)
    if not await connection.fetchval(_OVERTAKE, contact_id, person_id, revision):
        raise OvertakenError("the contact was changed by somebody else meanwhile: look at it again")
    made = await _say(connection, municipality, person_id, contact_id, revision + 1, who, said)
    support = await notices.corrected(connection, contact_id, answered=said.outcome not in NO_ANSWER)
    await cases.bring_up(connection, ladders, {person_id}, cases.LADDER, await store.calendar_day(connection))
    if support:
        await _tried_again(connection, ladders, municipality, person_id, said)
    await looked(
        connection, "outreach correct contact", who=who, person_id=person_id, municipality=municipality
    )
    return made


async def of_person(
    connection: Connection, municipality: str, person_id: UUID, *, every_revision: bool = False
) -> Sequence[Contact]:
    """The contacts that a municipality has had with a person, oldest first, each with its revisions in
    order. The caller logs the look.
    """
    rows = await connection.fetch(_OF, person_id, municipality, every_revision)
    return [_contact(row) for row in rows]


def _contact(row: Connection) -> Contact:
    said = Said(row["on_day"], row["channel"], row["outcome"], row["occupation"])
    return Contact(row["contact_id"], row["revision"], row["task_id"], said, row["who"], row["at"])


async def _check(connection: Connection, said: Said) -> None:
    if not EARLIEST <= said.on <= await store.calendar_day(connection):
        raise WrongDayError("a contact is recorded when it has been made: its day cannot be one to come")
    if said.occupation is not None and said.occupation not in occupations().on(said.on):
        raise UnlistedError("the code list of that day does not have the occupation")


async def _tried_again(
    connection: Connection, ladders: Ladders, municipality: str, person_id: UUID, said: Said
) -> None:
    """Puts the next attempt at early support off, if nobody answered this one.

    It is part of no case, whose ladder would open it when its day has come.
    """
    if said.outcome in NO_ANSWER:
        until = said.on + timedelta(days=ladders.of(municipality).early_support.again_after_days)
        await queue.support_later(connection, municipality, person_id, until, cases.LADDER)


async def _say(
    connection: Connection,
    municipality: str,
    person_id: UUID,
    contact_id: UUID,
    revision: int,
    who: str,
    said: Said,
) -> ContactMade:
    words = said.on, said.channel, said.outcome, said.occupation
    await connection.execute(_ADD_REVISION, contact_id, revision, municipality, *words, who)
    made = ContactMade(
        person_id=person_id,
        municipality=municipality,
        contact_id=contact_id,
        revision=revision,
        on=said.on,
        channel=said.channel,
        outcome=said.outcome,
        occupation=said.occupation,
    )
    await append(connection, [message(made, contact_id, now())])
    return made
