"""Cases of protected population registration (skyddad folkbokföring): a registrar says who deals with each.

The municipality of registration says nothing of where such a person is, so nobody else sees a case before that, and
then its worker alone (INV-11). That another municipality is to act is not decided here (docs/decisions/0019).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal
from uuid import UUID

from servicekit.access_log import looked, looked_at
from servicekit.calendar import STOCKHOLM
from servicekit.database import Connection
from services.outreach import cases, notices, store
from services.outreach.ladder_file import Ladders
from services.outreach.queue import UnknownError

#: What became of a case; ``ended``: its protection was lifted, or it was over.
Decided = Literal["routed", "taken_back", "ended"]
#: The longest reason, in characters: enough for why, too short for where she is.
REASON_LENGTH: Final = 200
#: Lines of a case's history that are shown: the latest.
MOST_DECIDED: Final = 200
#: Where a page of cases ends: when it was routed, since when it has tasks, the person. The next begins after it.
Key = tuple[datetime, date, UUID]
#: Stands for when a case was routed that is not: before all that are.
_NOT_ROUTED: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BEFORE_ALL: Final[Key] = (_NOT_ROUTED, date.min, UUID(int=0))

#: Whether a person (``p``) with protected registration has a case in the municipality of a row (``r``).
GOES_ON: Final = f"""
p.protection = 'protected_registration' AND p.merged_into IS NULL AND (
  EXISTS (
    SELECT FROM episode AS e
    WHERE e.person_id = p.person_id AND e.municipality = r.municipality AND from_day IS NOT NULL AND to_day IS NULL
  )
  OR EXISTS (
    SELECT FROM notice AS n
    WHERE n.person_id = p.person_id AND n.municipality = r.municipality AND {notices.calls(notices.TODAY)}
  )
)
"""
_LIST: Final = """
SELECT p.person_id, identity_number, open.since, open.tasks, r.worker, r.since
FROM person AS p
LEFT JOIN routing AS r ON r.person_id = p.person_id AND r.municipality = $1
LEFT JOIN LATERAL (
  SELECT min(opened_on) AS since, count(*) AS tasks FROM task
  WHERE task.person_id = p.person_id AND municipality = $1 AND state = 'open'
) AS open ON true
WHERE protection = 'protected_registration' AND ($2::uuid IS NULL OR p.person_id = $2) AND p.person_id IN (
  SELECT person_id FROM routing WHERE municipality = $1
  UNION SELECT person_id FROM task WHERE municipality = $1 AND state = 'open' AND waits_for = 'routing'
)
AND (coalesce(r.since, 'epoch'), coalesce(open.since, 'infinity'), p.person_id) > ($3, $4, $5)
ORDER BY coalesce(r.since, 'epoch'), coalesce(open.since, 'infinity'), p.person_id LIMIT $6
"""
_CASE: Final = f"""
SELECT worker
FROM (SELECT $2::text AS municipality) AS r
JOIN person AS p ON p.person_id = $1
LEFT JOIN routing ON routing.person_id = p.person_id AND routing.municipality = r.municipality
WHERE {GOES_ON}
"""
_HISTORY: Final = """
SELECT at, happening, worker, who, reason FROM routing_history
WHERE person_id = $1 AND municipality = $2 ORDER BY routing_id DESC LIMIT $3
"""
_ROUTE: Final = """
INSERT INTO routing (person_id, municipality, worker) VALUES ($1, $2, $3)
ON CONFLICT (person_id, municipality) DO UPDATE SET worker = excluded.worker, since = now()
"""
_TAKE_BACK: Final = "DELETE FROM routing WHERE person_id = $1 AND municipality = $2"
_NOTE: Final = """
INSERT INTO routing_history (person_id, municipality, happening, worker, who, reason) VALUES ($1, $2, $3, $4, $5, $6)
"""
# Whoever holds one of her tasks holds it no more.
_FREE: Final = """
WITH freed AS (
  UPDATE task SET leased_by = NULL, leased_until = NULL
  WHERE person_id = $1 AND municipality = $2 AND state = 'open' RETURNING task_id
)
INSERT INTO task_history (task_id, municipality, happening, who, reason)
SELECT task_id, $2, 'reassigned', $3, $4 FROM freed ORDER BY task_id
"""
_SETTLE: Final = f"""
WITH over AS (
  DELETE FROM routing AS r USING person AS p
  WHERE r.person_id = ANY($1::uuid[]) AND p.person_id = r.person_id AND NOT ({GOES_ON})
  RETURNING r.person_id, r.municipality, r.worker, coalesce(p.merged_into, p.person_id) AS now_is
), unreserved AS (
  UPDATE task SET assigned_to = NULL FROM over
  WHERE task.person_id = over.person_id AND task.municipality = over.municipality AND task.state <> 'done'
    AND task.assigned_to = over.worker
)
INSERT INTO routing_history (person_id, municipality, happening, worker, who)
SELECT now_is, municipality, 'ended', worker, $2 FROM over ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Shielded:
    """A case of protected registration, with its open tasks. No name, no contact data."""

    person_id: UUID
    identity_number: str
    #: The day the first of its open tasks was opened; None when none is open.
    since: date | None
    tasks: int
    #: To whom it is routed, and since when (UTC); both None while it waits for the registrar.
    worker: str | None
    routed_at: datetime | None

    @property
    def key(self) -> Key:
        """To give as ``after`` for the page that follows."""
        return self.routed_at or _NOT_ROUTED, self.since or date.max, self.person_id

    @property
    def routed_on(self) -> date | None:
        """The day it was routed (Europe/Stockholm)."""
        return None if self.routed_at is None else self.routed_at.astimezone(STOCKHOLM).date()


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of a case's history; ``at`` in UTC, ``reason`` None where it ended by itself."""

    at: datetime
    happening: Decided
    worker: str
    who: str
    reason: str | None


async def shielded_cases(
    connection: Connection, municipality: str, who: str, *, after: Key | None = None, limit: int | None = None
) -> Sequence[Shielded]:
    """The cases of protected registration in a municipality, first those that wait for the registrar.

    The oldest first; all, or a page of at most ``limit``. For registrars: others are shown none. Each shown is in the
    access log.
    """
    rows = await connection.fetch(_LIST, municipality, None, *(after or _BEFORE_ALL), limit)
    found = [Shielded(*row) for row in rows]
    seen = [one.person_id for one in found]
    await looked_at(connection, "outreach routing", seen, who=who, municipality=municipality)
    return found


async def shielded_case(
    connection: Connection, municipality: str, person_id: UUID, who: str
) -> Shielded | None:
    """The one of a person, if the list has it. The look is in the access log."""
    row = await connection.fetchrow(_LIST, municipality, person_id, *_BEFORE_ALL, None)
    if row is None:
        return None
    await looked(connection, "outreach routing", who=who, person_id=person_id, municipality=municipality)
    return Shielded(*row)


async def history(connection: Connection, municipality: str, person_id: UUID) -> Sequence[Decision]:
    """What was decided of a person's case in a municipality, the latest first, at most ``MOST_DECIDED`` lines.

    The caller logs the look.
    """
    return [Decision(*row) for row in await connection.fetch(_HISTORY, person_id, municipality, MOST_DECIDED)]


async def route(
    connection: Connection,
    ladders: Ladders,
    municipality: str,
    person_id: UUID,
    worker: str,
    who: str,
    reason: str,
) -> None:
    """Gives a case to a worker, ``<issuer>:<subject>``, who alone deals with it from now on; anew to another.

    Whoever held a task of hers holds it no more. The same worker again changes nothing. Call it in a transaction, as
    a registrar. ``reason`` has at most REASON_LENGTH characters and says nothing of where she is. Raises UnknownError
    when the municipality has no such case, or none of protected registration.
    """
    if await _enter(connection, municipality, person_id) != worker:
        await connection.execute(_ROUTE, person_id, municipality, worker)
        await connection.execute(_NOTE, person_id, municipality, "routed", worker, who, reason)
        await _hand_over(connection, ladders, municipality, person_id, who, f"to {worker}")
    await looked(connection, "outreach route", who=who, person_id=person_id, municipality=municipality)


async def take_back(
    connection: Connection, ladders: Ladders, municipality: str, person_id: UUID, who: str, reason: str
) -> None:
    """Takes a case back from whom it was routed to; it waits for the registrar again. Raises as ``route`` does.

    One that waits already is left as it is.
    """
    worker = await _enter(connection, municipality, person_id)
    if worker is not None:
        await connection.execute(_TAKE_BACK, person_id, municipality)
        await connection.execute(_NOTE, person_id, municipality, "taken_back", worker, who, reason)
        await _hand_over(connection, ladders, municipality, person_id, who, "to the registrar")
    await looked(connection, "outreach take back", who=who, person_id=person_id, municipality=municipality)


async def settle(connection: Connection, persons: Collection[UUID], who: str) -> None:
    """Ends the routing of locked persons whose protection was lifted or whose case is over, wherever it was routed.

    For the consumer and the timers: ``who`` stands in the history. Call ``cases.bring_up`` after it.
    """
    await connection.execute(_SETTLE, list(persons), who)


async def _enter(connection: Connection, municipality: str, person_id: UUID) -> str | None:
    """Locks a person whose case a registrar routes; gives to whom it is routed, if it is. Raises UnknownError."""
    await store.lock(connection, {person_id})
    row = await connection.fetchrow(_CASE, person_id, municipality)
    if row is None:
        raise UnknownError("the municipality has no case of protected registration of this person")
    worker: str | None = row["worker"]
    return worker


async def _hand_over(
    connection: Connection, ladders: Ladders, municipality: str, person_id: UUID, who: str, how: str
) -> None:
    await connection.execute(_FREE, person_id, municipality, who, how)
    await cases.bring_up(connection, ladders, {person_id}, cases.LADDER, await store.calendar_day(connection))
