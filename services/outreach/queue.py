"""The queue as staff meet it: take the next task, be done with it, see how much there is.

A task is held by at most one worker (INV-12): taking one locks its row and passes over rows that others are taking;
the lease gives it back when a worker is lost.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from contracts.own import EntryReason
from servicekit.access_log import looked
from servicekit.calendar import STOCKHOLM
from servicekit.database import Connection
from services.outreach.tasks import DUE_DAYS, Kind, twentieth_birthday

_CLAIM = """
WITH next AS (
    SELECT task_id, leased_by AS lost_by FROM task
    WHERE municipality = $1 AND state = 'open' AND waits_for IS NULL
      AND (leased_until IS NULL OR leased_until <= now())
    ORDER BY rank_on, since, task_id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE task SET leased_by = $2, leased_until = now() + $3::interval
FROM next WHERE task.task_id = next.task_id
RETURNING task.task_id, kind, due_on, leased_until, person_id, episode_id, lost_by
"""
_ABOUT = """
SELECT p.identity_number, given_name, family_name, birth_date, protection, entry_reason, from_day
FROM episode AS e JOIN person AS p USING (person_id) WHERE episode_id = $1
"""
_NOTE = "INSERT INTO task_history (task_id, municipality, happening, who, reason) VALUES ($1, $2, $3, $4, $5)"
_HELD = """
SELECT person_id, municipality, state, reason, leased_by, leased_until, leased_until > now() AS lasts
FROM task WHERE task_id = $1 FOR NO KEY UPDATE
"""
_DONE = "UPDATE task SET state = 'done', leased_by = NULL, leased_until = NULL WHERE task_id = $1"
_OVERVIEW = """
SELECT count(*) FILTER (WHERE ready AND NOT held) AS ready, count(*) FILTER (WHERE ready AND held) AS held,
       count(*) FILTER (WHERE state = 'open' AND waits_for = 'person') AS waiting,
       count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'closed') AS closed,
       count(*) FILTER (WHERE ready AND rank_on < $2::date) AS rank_passed,
       count(*) FILTER (WHERE ready AND rank_on BETWEEN $2::date AND $3::date) AS rank_near,
       count(*) FILTER (WHERE ready AND rank_on > $3::date) AS rank_later
FROM (SELECT *, state = 'open' AND waits_for IS NULL AS ready, coalesce(leased_until > now(), false) AS held
      FROM task WHERE municipality = $1) AS of_municipality
"""


class NotHeldError(Exception):
    """The worker does not hold the task; says in one line what became of it, and what to do."""


@dataclass(frozen=True, slots=True)
class Youth:
    """Whom a task is about, and why she is on the list."""

    person_id: UUID
    identity_number: str
    name: str
    entry_reason: EntryReason
    since: date
    turns_20_on: date


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task in a worker's hands until ``leased_until`` (UTC). ``youth`` is None for a protected person."""

    task_id: int
    kind: Kind
    due_on: date
    leased_until: datetime
    youth: Youth | None


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker holds, locked until the end of the transaction."""

    task_id: int
    person_id: UUID
    municipality: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Tasks of a municipality, without those that wait for routing. ``rank_…``: of those ready or held."""

    ready: int
    held: int
    waiting: int
    done: int
    closed: int
    rank_passed: int
    rank_near: int
    rank_later: int


async def next_task(
    connection: Connection, municipality: str, worker: str, lease: timedelta
) -> Claimed | None:
    """Takes the first task of a municipality that nobody holds, for the time of the lease; None when none waits.

    Call it in a transaction and show what it gives after the commit: the access log is written in it.
    """
    row = await connection.fetchrow(_CLAIM, municipality, worker, lease)
    if row is None:
        return None
    if row["lost_by"] is not None:
        await connection.execute(
            _NOTE, row["task_id"], municipality, "released", row["lost_by"], "lease_expired"
        )
    await connection.execute(_NOTE, row["task_id"], municipality, "claimed", worker, None)
    await looked(connection, "outreach next", person_id=row["person_id"], municipality=municipality)
    # the person cannot change meanwhile: whoever changes her needs the row of this task, which we hold
    about = await connection.fetchrow(_ABOUT, row["episode_id"])
    youth = None
    if about["protection"] == "none":
        youth = Youth(
            person_id=row["person_id"],
            identity_number=about["identity_number"],
            name=" ".join(part for part in (about["given_name"], about["family_name"]) if part),
            entry_reason=about["entry_reason"],
            since=about["from_day"],
            turns_20_on=twentieth_birthday(about["birth_date"]),
        )
    return Claimed(row["task_id"], row["kind"], row["due_on"], row["leased_until"], youth)


async def hold(connection: Connection, task_id: int, worker: str) -> Held:
    """Locks a task that the worker holds. Raises NotHeldError: unknown, over, another's, or the lease ran out."""
    row = await connection.fetchrow(_HELD, task_id)
    if row is None:
        raise NotHeldError(f"there is no task {task_id}")
    if row["state"] == "done":
        raise NotHeldError(f"task {task_id} is done already")
    if row["state"] == "closed":
        raise NotHeldError(f"task {task_id} is closed ({row['reason']}): nothing is left to do")
    if row["leased_by"] is None:
        raise NotHeldError(f"nobody holds task {task_id}: take tasks with `kaa outreach next`")
    until = f"{row['leased_until'].astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"
    if row["leased_by"] != worker:
        verb = "is held by another worker until" if row["lasts"] else "was held by another worker until"
        raise NotHeldError(f"task {task_id} {verb} {until}, not by you: take tasks with `kaa outreach next`")
    if not row["lasts"]:
        raise NotHeldError(
            f"your lease of task {task_id} ran out {until}: take it anew with `kaa outreach next`"
        )
    return Held(task_id, row["person_id"], row["municipality"])


async def finish(connection: Connection, held: Held, worker: str) -> None:
    """Closes a held task as done."""
    await connection.execute(_DONE, held.task_id)
    await connection.execute(_NOTE, held.task_id, held.municipality, "done", worker, None)


async def overview(connection: Connection, municipality: str, today: date) -> Overview:
    """How many tasks a municipality has: by state, and by rank (passed, within ``DUE_DAYS``, later)."""
    row = await connection.fetchrow(_OVERVIEW, municipality, today, today + timedelta(days=DUE_DAYS))
    return Overview(*row)


async def routing_count(connection: Connection) -> int:
    """Cases that a registrar must route, in the whole installation: where she is registered says nothing of where."""
    return cast(
        int,
        await connection.fetchval("SELECT count(*) FROM task WHERE state = 'open' AND waits_for = 'routing'"),
    )
