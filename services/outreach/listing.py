"""The queue as a list: a worker's own tasks and the team's, page by page; how many; what happened to one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, cast
from uuid import UUID

from servicekit.access_log import looked_at
from servicekit.database import Connection
from services.outreach.kinds import Channel, Kind
from services.outreach.queue import full_name
from services.outreach.tasks import Happening, State

#: Days within which a task is due soon, in ``Overview``.
SOON_DAYS: Final = 10

#: Lines of a task's history that are shown: the latest.
MOST_HAPPENED: Final = 200

#: ``mine``: what the worker holds, or what is reserved for the worker. ``team``: what everybody may take, what others
#: hold, and what is reserved for them. ``asleep``: what was put off until a day. What waits for nothing is in one of
#: them for everybody, but for a routed case: its worker's list has it, and the registrar's (INV-11).
Whose = Literal["mine", "team", "asleep"]
#: Where a page ends: rank, whether anybody reached the person, since, number. The next page begins after it.
Key = tuple[date, bool, date, int]

# Each part is the beginning of an index of its own, or the few that are held: asked for with OR between them, all
# that is open was sorted for each page. What is open for its holder alone is held.
_WHOSE: Final[dict[Whose, Sequence[str]]] = {
    "mine": (
        "(waits_for IS NULL OR waits_for = 'holder') AND leased_by = $2 AND leased_until > now()",
        "waits_for IS NULL AND snoozed_until IS NULL AND assigned_to = $2 AND leased_by IS NULL",
        """
        (waits_for IS NULL OR waits_for = 'holder') AND snoozed_until IS NULL AND assigned_to = $2
        AND leased_by IS NOT NULL AND (leased_by <> $2 OR leased_until <= now())
        """,
    ),
    "team": (
        "waits_for IS NULL AND snoozed_until IS NULL AND assigned_to IS NULL AND leased_by IS NULL",
        """
        waits_for IS NULL AND snoozed_until IS NULL AND assigned_to IS NULL
        AND leased_by IS NOT NULL AND (leased_by <> $2 OR leased_until <= now())
        """,
        """
        waits_for IS NULL AND snoozed_until IS NULL AND assigned_to <> $2 AND leased_by IS NULL
        AND person_id NOT IN (SELECT all_shielded())
        """,
        """
        waits_for IS NULL AND snoozed_until IS NULL AND assigned_to <> $2
        AND leased_by IS NOT NULL AND (leased_by <> $2 OR leased_until <= now())
        AND person_id NOT IN (SELECT all_shielded())
        """,
    ),
    "asleep": (
        """
        waits_for IS NULL AND snoozed_until IS NOT NULL
        AND (assigned_to IS NULL OR assigned_to = $2 OR person_id NOT IN (SELECT all_shielded()))
        """,
    ),
}
_PART = """
(SELECT * FROM task
 WHERE municipality = $1 AND state = 'open' AND {part} AND (rank_on, contacted, since, task_id) > ($3, $4, $5, $6)
 ORDER BY rank_on, contacted, since, task_id LIMIT $7)
"""
# The page first: the persons on it alone are asked for.
_LIST = """
SELECT task_id, kind, step, channel, due_on, rank_on, contacted, since, opened_on, assigned_to, snoozed_until,
       CASE WHEN leased_until > now() THEN leased_by END AS held_by, person_id, given_name, family_name, birth_date,
       protection
FROM (
  SELECT * FROM ({parts}) AS whose
  ORDER BY rank_on, contacted, since, task_id LIMIT $7
) AS page JOIN person USING (person_id)
ORDER BY rank_on, contacted, since, task_id
"""
_BEFORE_ALL: Final[Key] = (date.min, False, date.min, 0)
_OF_PERSON = """
SELECT task_id, kind, step, state, reason, opened_on, due_on, done_on, assigned_to, snoozed_until,
       CASE WHEN leased_until > now() THEN leased_by END AS held_by
FROM task WHERE person_id = $1 AND municipality = $2 AND waits_for IS DISTINCT FROM 'routing' ORDER BY task_id
"""
_HISTORY = """
SELECT at, happening, who, reason FROM (
  SELECT * FROM task_history WHERE task_id = $1 AND municipality = $2 ORDER BY history_id DESC LIMIT $3
) AS latest
ORDER BY history_id
"""
_HISTORIES = """
SELECT task_id, at, happening, who, reason FROM task_history
WHERE task_id = ANY($1::bigint[]) AND municipality = $2 ORDER BY history_id
"""
# Of protected registration nothing is counted; what is ready and reserved for nobody is of none of them.
_TO_TAKE = """
SELECT count(*) FILTER (WHERE NOT held) AS ready, count(*) FILTER (WHERE held) AS held,
       count(*) FILTER (WHERE due_on < $2) AS late
FROM (
  SELECT due_on, false AS held FROM task
  WHERE municipality = $1 AND state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NULL
    AND assigned_to IS NULL
  UNION ALL
  SELECT due_on, false FROM task
  WHERE municipality = $1 AND state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NULL
    AND assigned_to IS NOT NULL AND person_id NOT IN (SELECT all_shielded())
  UNION ALL
  SELECT due_on, leased_until > now() FROM task
  WHERE municipality = $1 AND state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NOT NULL
    AND person_id NOT IN (SELECT all_shielded())
) AS ready_or_held
"""
_OVERVIEW = """
SELECT count(*) FILTER (WHERE ready AND NOT held) AS ready, count(*) FILTER (WHERE ready AND held) AS held,
       count(*) FILTER (WHERE state = 'open' AND waits_for IS NULL AND snoozed_until IS NOT NULL) AS asleep,
       count(*) FILTER (WHERE state = 'open' AND waits_for = 'person') AS waiting,
       count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'closed') AS closed,
       count(*) FILTER (WHERE ready AND due_on < $2::date) AS late,
       count(*) FILTER (WHERE ready AND due_on BETWEEN $2::date AND $3::date) AS due_soon,
       count(*) FILTER (WHERE ready AND due_on > $3::date) AS due_later
FROM (SELECT *, state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AS ready,
             coalesce(leased_until > now(), false) AS held
      FROM task WHERE municipality = $1 AND person_id NOT IN (SELECT all_shielded())) AS of_municipality
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One task in a list. ``name`` and ``birth_date`` are None for a protected person."""

    task_id: int
    kind: Kind
    step: str
    channel: Channel | None
    due_on: date
    rank_on: date
    contacted: bool
    since: date
    opened_on: date
    assigned_to: str | None
    snoozed_until: date | None
    held_by: str | None
    person_id: UUID
    name: str | None
    birth_date: date | None

    @property
    def key(self) -> Key:
        """To give as ``after`` for the page that follows."""
        return self.rank_on, self.contacted, self.since, self.task_id


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list; ``more``: another follows."""

    tasks: Sequence[Listed]
    more: bool

    @property
    def following(self) -> Key | None:
        """To give as ``after`` for the page that follows; None on the last."""
        return self.tasks[-1].key if self.more else None


@dataclass(frozen=True, slots=True)
class Past:
    """One task of a person, in any state."""

    task_id: int
    kind: Kind
    step: str
    state: State
    reason: str | None
    opened_on: date
    due_on: date
    done_on: date | None
    assigned_to: str | None
    snoozed_until: date | None
    held_by: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of a task's history; ``at`` in UTC."""

    at: datetime
    happening: Happening
    who: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ToTake:
    """Tasks of a municipality that can be taken now, or are held; ``late``: of both, they were due before today."""

    ready: int
    held: int
    late: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Tasks of a municipality, without protected registration. ``late`` and ``due_…``: of those ready or held."""

    ready: int
    held: int
    asleep: int
    waiting: int
    done: int
    closed: int
    late: int
    due_soon: int
    due_later: int


async def tasks(
    connection: Connection,
    municipality: str,
    who: str,
    whose: Whose,
    *,
    after: Key | None = None,
    limit: int = 50,
) -> Page:
    """A page of open tasks, the most urgent first. The look at each person on it is in the access log."""
    parts = "UNION ALL".join(_PART.format(part=part) for part in _WHOSE[whose])
    query = _LIST.format(parts=parts)
    # one more than are shown says that a page follows
    rows = await connection.fetch(query, municipality, who, *(after or _BEFORE_ALL), limit + 1)
    shown = rows[:limit]
    seen = {row["person_id"] for row in shown}
    await looked_at(connection, f"outreach list {whose}", seen, who=who, municipality=municipality)
    return Page([_listed(row) for row in shown], len(rows) > limit)


def _listed(row: Connection) -> Listed:
    *task, given, family, birth_date, protection = tuple(row)
    shown = (full_name(given, family), birth_date) if protection == "none" else (None, None)
    return Listed(*task, *shown)


async def of_person(connection: Connection, municipality: str, person_id: UUID) -> Sequence[Past]:
    """A municipality's tasks of a person, in the order in which they were opened. The caller logs the look."""
    return [Past(*row) for row in await connection.fetch(_OF_PERSON, person_id, municipality)]


async def history(connection: Connection, municipality: str, task_id: int) -> Sequence[Happened]:
    """What happened to a task of a municipality, oldest first: the latest ``MOST_HAPPENED`` lines.

    It names no person. Empty when there is no such task.
    """
    rows = await connection.fetch(_HISTORY, task_id, municipality, MOST_HAPPENED)
    return [Happened(*row) for row in rows]


async def histories(
    connection: Connection, municipality: str, task_ids: Collection[int]
) -> Mapping[int, Sequence[Happened]]:
    """The same of several tasks at once, by their numbers."""
    found: dict[int, list[Happened]] = {task_id: [] for task_id in task_ids}
    for task_id, *happened in await connection.fetch(_HISTORIES, list(task_ids), municipality):
        found[task_id].append(Happened(*happened))
    return found


async def to_take(connection: Connection, municipality: str, today: date) -> ToTake:
    """How many tasks can be taken, are held, are late: the part of ``overview`` for which no done task is read."""
    return ToTake(*await connection.fetchrow(_TO_TAKE, municipality, today))


async def overview(connection: Connection, municipality: str, today: date) -> Overview:
    """How many tasks a municipality has: by state, and by the day they are due (``SOON_DAYS``)."""
    row = await connection.fetchrow(_OVERVIEW, municipality, today, today + timedelta(days=SOON_DAYS))
    return Overview(*row)


async def routing_count(connection: Connection) -> int:
    """Cases that a registrar must route, in the whole installation: where she is registered says nothing of where."""
    return cast(int, await connection.fetchval("SELECT cases_to_route()"))
