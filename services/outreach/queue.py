"""The queue as a worker meets it: take the next task, keep it, give it back, put it off, be done with it.

A task is held by at most one worker (INV-12): taking one locks its row and passes over rows that others are taking;
the lease gives it back when a worker is lost. Call each function in a transaction of its own.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import asyncpg

from contracts.own import EntryReason
from servicekit.calendar import STOCKHOLM
from servicekit.database import Connection
from servicekit.viewers import Viewer, called_by
from services.outreach import store
from services.outreach.ages import at_age
from services.outreach.kinds import Channel, Kind
from services.outreach.tasks import NOT_CALLED_FOR

#: The longest that a task may be put off, in days: nobody falls silent for longer than an occupation is current.
SNOOZE_DAYS: Final = 90

# In the database, sql/outreach_2.sql: one round trip, since this is what the queue does most.
_NEXT = "SELECT * FROM claim_task(next_task($1, $2), $2, $3, 'outreach next')"
_THIS = "SELECT * FROM claim_task(this_task($1, $2, $4), $2, $3, 'outreach take')"
_NOTE = "INSERT INTO task_history (task_id, municipality, happening, who, reason) VALUES ($1, $2, $3, $4, $5)"
_LOCK = """
SELECT person_id, municipality, kind, state, reason, leased_by, leased_until, leased_until > now() AS lasts, waits_for
FROM task WHERE task_id = $1 FOR NO KEY UPDATE
"""
_HEARTBEAT = """
UPDATE task SET leased_until = greatest(leased_until, now() + $2::interval) WHERE task_id = $1 RETURNING leased_until
"""
# What was open only for its holder closes when she gives it back.
_RELEASE = """
UPDATE task SET leased_by = NULL, leased_until = NULL,
                waits_for = CASE WHEN waits_for = 'holder' THEN NULL ELSE waits_for END,
                state = CASE WHEN waits_for = 'holder' THEN 'closed' ELSE state END,
                reason = CASE WHEN waits_for = 'holder' THEN $2 END,
                snoozed_until = CASE WHEN waits_for = 'holder' THEN NULL ELSE coalesce($3::date, snoozed_until) END
WHERE task_id = $1 RETURNING state
"""
_ASSIGN = "UPDATE task SET assigned_to = $2 WHERE task_id = $1"
_IS_ROUTED = "SELECT protection = 'protected_registration' FROM person WHERE person_id = $1"
_DONE = """
UPDATE task SET state = 'done', done_on = (now() AT TIME ZONE 'Europe/Stockholm')::date, waits_for = NULL,
                snoozed_until = NULL, leased_by = NULL, leased_until = NULL
WHERE task_id = $1
"""
_SLEEP = """
WITH asleep AS (
  UPDATE task SET snoozed_until = $3
  WHERE person_id = $1 AND municipality = $2 AND kind = 'early_support' AND state = 'open' AND leased_by IS NULL
    AND snoozed_until IS NULL AND (now() AT TIME ZONE 'Europe/Stockholm')::date < $3
  RETURNING task_id, municipality
)
INSERT INTO task_history (task_id, municipality, happening, who, reason)
SELECT task_id, municipality, 'snoozed', $4, 'until ' || $3 FROM asleep
"""


class NotHeldError(Exception):
    """The worker does not hold the task; says in one line what became of it, and what to do."""


class RefusedError(Exception):
    """The queue does not allow it; says in one line why."""


class UnknownError(RefusedError):
    """The municipality has no such thing, or nobody may be told of it."""


class OvertakenError(RefusedError):
    """Somebody else changed it since it was read."""


class HeldError(RefusedError):
    """A colleague holds it, and only who leads the work may take it out of her hands."""


class RoutedError(RefusedError):
    """Only a registrar says who deals with it: protected registration (skyddad folkbokföring, INV-11)."""


class ContactNeededError(RefusedError):
    """A task of this kind is done by a contact, or an attempt at one."""


class WrongDayError(RefusedError):
    """It cannot have this day."""


class UnlistedError(RefusedError):
    """The code list of that day does not have the occupation."""


@dataclass(frozen=True, slots=True)
class Youth:
    """Whom a task is about, and why she is on the list; both None for early support, which makes no entry there."""

    person_id: UUID
    identity_number: str
    name: str
    entry_reason: EntryReason | None
    since: date | None
    turns_20_on: date


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task in a worker's hands until ``leased_until`` (UTC). ``youth`` is None for a protected person."""

    task_id: int
    kind: Kind
    step: str
    channel: Channel | None
    due_on: date
    leased_until: datetime
    youth: Youth | None


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker holds, locked until the end of the transaction."""

    task_id: int
    person_id: UUID
    municipality: str
    kind: Kind


async def next_task(connection: Connection, municipality: str, who: str, lease: timedelta) -> Claimed | None:
    """Takes the first task of a municipality that nobody holds, for the time of the lease; None when none waits.

    First what is reserved for the worker, then what a lost worker held, then the team's. Show what it gives after the
    commit: the access log is written in its transaction.
    """
    row = await connection.fetchrow(_NEXT, municipality, who, lease)
    return None if row is None else _claimed(row)


async def take_next_once(pool: asyncpg.Pool, viewer: Viewer, lease: timedelta, form: str) -> int | None:
    """The number of the task so taken, for who looks; with the same ``form``, a key of hers, the same task again.

    For as long as it is in her hands: after that the form gives the next one. A transaction of its own, in one round
    trip.
    """
    key = sha256(form.encode()).digest()
    number: int | None = await called_by(pool, viewer, "take_next_once", lease, key)
    return number


async def take(
    connection: Connection, municipality: str, task_id: int, who: str, lease: timedelta
) -> Claimed:
    """Takes this task of a municipality, also one that sleeps or is reserved for somebody; again renews the lease.

    Raises RefusedError: there is none, it is over, it waits, or another worker holds it.
    """
    row = await connection.fetchrow(_THIS, municipality, who, lease, task_id)
    if row is None:
        raise RefusedError(
            f"task {task_id} cannot be taken: it is over, it waits, or another worker holds it"
        )
    return _claimed(row)


def _claimed(row: Connection) -> Claimed:
    # the person cannot change before the commit: whoever changes her needs the row of this task, which we hold
    youth = None
    if row["protection"] == "none":
        youth = Youth(
            person_id=row["person_id"],
            identity_number=row["identity_number"],
            name=full_name(row["given_name"], row["family_name"]),
            entry_reason=row["entry_reason"],
            since=row["from_day"],
            turns_20_on=at_age(row["birth_date"], 20),
        )
    return Claimed(
        row["task_id"], row["kind"], row["step"], row["channel"], row["due_on"], row["leased_until"], youth
    )


def full_name(given: str | None, family: str | None) -> str:
    """The name in one; empty when none is known."""
    return " ".join(part for part in (given, family) if part)


async def hold(connection: Connection, task_id: int, who: str) -> Held:
    """Locks a task that the worker holds. Raises NotHeldError: unknown, over, another's, or the lease ran out."""
    row = await _lock(connection, task_id)
    if row["leased_by"] is None:
        raise NotHeldError(f"nobody holds task {task_id}: take tasks with `kaa outreach next`")
    until = f"{row['leased_until'].astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"
    if row["leased_by"] != who:
        verb = "is held by another worker until" if row["lasts"] else "was held by another worker until"
        raise NotHeldError(f"task {task_id} {verb} {until}, not by you: take tasks with `kaa outreach next`")
    if not row["lasts"]:
        raise NotHeldError(
            f"your lease of task {task_id} ran out {until}: take it anew with `kaa outreach next`"
        )
    return Held(task_id, row["person_id"], row["municipality"], row["kind"])


async def _lock(connection: Connection, task_id: int) -> Connection:
    """An open task, locked. Raises NotHeldError."""
    row = await connection.fetchrow(_LOCK, task_id)
    if row is None:
        raise NotHeldError(f"there is no task {task_id}")
    if row["state"] == "done":
        raise NotHeldError(f"task {task_id} is done already")
    if row["state"] == "closed":
        raise NotHeldError(f"task {task_id} is closed ({row['reason']}): nothing is left to do")
    return row


async def heartbeat(connection: Connection, task_id: int, who: str, lease: timedelta) -> datetime:
    """Lengthens the lease of a task that the worker holds, never shortens it; gives its end. Raises NotHeldError."""
    await hold(connection, task_id, who)
    until: datetime = await connection.fetchval(_HEARTBEAT, task_id, lease)
    return until


async def release(connection: Connection, task_id: int, who: str) -> None:
    """Gives a task back to whom it was taken from: the team, or whom it is reserved for. Raises NotHeldError."""
    await _give_back(connection, await hold(connection, task_id, who), who, "released", None, None)


async def snooze(connection: Connection, task_id: int, until: date, who: str) -> None:
    """Puts a held task off: it is given back, and to nobody before that day. Raises NotHeldError, RefusedError."""
    day = await store.calendar_day(connection)
    if not day < until <= day + timedelta(days=SNOOZE_DAYS):
        raise WrongDayError(f"a task is put off until a day after today, at most {SNOOZE_DAYS} days on")
    held = await hold(connection, task_id, who)
    await _give_back(connection, held, who, "snoozed", f"until {until}", until)


async def _give_back(
    connection: Connection, held: Held, who: str, happening: str, reason: str | None, until: date | None
) -> None:
    await connection.execute(_NOTE, held.task_id, held.municipality, happening, who, reason)
    state = await connection.fetchval(_RELEASE, held.task_id, NOT_CALLED_FOR, until)
    if state == "closed":
        await connection.execute(_NOTE, held.task_id, held.municipality, "closed", who, NOT_CALLED_FOR)


async def reassign(connection: Connection, task_id: int, to: str | None, who: str, *, leads: bool) -> None:
    """Reserves an open task for a worker, or (None) gives it back to the team. Who holds it holds it no more.

    ``leads``: whether who asks leads the work. Raises NotHeldError when it is unknown or over, HeldError when a
    colleague holds it and who asks does not lead, RoutedError when a registrar alone decides. Whether ``to`` is
    somebody is the caller's to say (``workers.is_worker``).
    """
    row = await _lock(connection, task_id)
    if await connection.fetchval(_IS_ROUTED, row["person_id"]):
        raise RoutedError(f"task {task_id} is kept for whom a registrar routed it to: ask the registrar")
    if row["lasts"] and row["leased_by"] != who and not leads:
        raise HeldError(f"task {task_id} is held by another worker: who leads the work may reassign it")
    held = Held(task_id, row["person_id"], row["municipality"], row["kind"])
    await connection.execute(_ASSIGN, task_id, to)
    reason = "to the team" if to is None else f"to {to}"
    await _give_back(connection, held, who, "reassigned", reason, None)


async def finish(connection: Connection, held: Held, who: str) -> None:
    """Closes a held task as done.

    What is called for now ``cases.bring_up`` says; ``contacts`` and ``measures`` call both.
    """
    await connection.execute(_DONE, held.task_id)
    await connection.execute(_NOTE, held.task_id, held.municipality, "done", who, None)


async def support_later(
    connection: Connection, municipality: str, person_id: UUID, until: date, who: str
) -> None:
    """Puts off the early support of a person that nobody holds or has put off: the next attempt waits so long."""
    await connection.execute(_SLEEP, person_id, municipality, until, who)
