"""Episodes, notices and tasks in SQL; many rows a statement."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from contracts.own import Ground
from servicekit.database import Connection, TransientError
from services.outreach.tasks import Brought, Coverage, Episode, Task, stands

#: What an episode rests on, as its row has it: JSON.
GROUNDS: Final = TypeAdapter(tuple[Ground, ...])

# In the database, sql/outreach_2.sql: one round trip for what every batch begins with.
_MEET = """
SELECT person_id, purged, today, EXISTS (SELECT FROM routing WHERE routing.person_id = met.person_id) AS routed
FROM meet($1, $2, $3) AS met
"""
_LOCK_PERSONS = """
SELECT 1 FROM person WHERE person_id = ANY($1::uuid[]) ORDER BY person_id FOR NO KEY UPDATE
"""
_LOCK_EPISODES = """
SELECT 1 FROM episode WHERE person_id = ANY($1::uuid[]) ORDER BY episode_id FOR NO KEY UPDATE
"""
# Whose it was until now is said by ``old`` (PostgreSQL 18).
_KEEP_EPISODES = """
INSERT INTO episode AS known (episode_id, revision, person_id, municipality, person_revision, from_day, entry_reason,
                              to_day, exit_reason, grounds, opened_on)
SELECT *, CASE WHEN from_day IS NOT NULL AND to_day IS NULL THEN $11::date END
FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::int[], $6::date[], $7::text[], $8::date[],
            $9::text[], $10::jsonb[]) AS told (episode_id, revision, person_id, municipality, person_revision,
                                               from_day, entry_reason, to_day, exit_reason, grounds)
ORDER BY episode_id
ON CONFLICT (episode_id) DO UPDATE SET
  revision = excluded.revision, person_id = excluded.person_id, municipality = excluded.municipality,
  person_revision = excluded.person_revision, from_day = excluded.from_day, entry_reason = excluded.entry_reason,
  to_day = excluded.to_day, exit_reason = excluded.exit_reason, grounds = excluded.grounds,
  opened_on = coalesce(known.opened_on, excluded.opened_on)
WHERE known.revision < excluded.revision
RETURNING episode_id, old.person_id
"""
_FORGET_EPISODES = """
UPDATE episode SET municipality = NULL, person_revision = NULL, from_day = NULL, entry_reason = NULL, to_day = NULL,
                   exit_reason = NULL, grounds = NULL, look_on = NULL
WHERE person_id = ANY($1::uuid[])
"""
# Not all tasks of her episodes: what was done for her before she turned out to be another is that other's.
_FORGET: Final = ("contact", "measure", "contact_way", "notice", "routing", "routing_history", "task")
_EPISODES = """
SELECT episode_id, revision, person_id, municipality, person_revision, from_day, entry_reason, to_day, exit_reason,
       opened_on
FROM episode WHERE person_id = ANY($1::uuid[])
"""
_TASK = """
task_id, episode_id, kind, step, channel, person_id, municipality, since, opened_on, due_on, rank_on, contacted,
assigned_to, waits_for, state, reason, done_on, coalesce(leased_until > now(), false) AS held
"""
_LOCK_TASKS = f"""
SELECT {_TASK} FROM task WHERE person_id = ANY($1::uuid[]) OR episode_id = ANY($2::uuid[])
ORDER BY task_id FOR NO KEY UPDATE
"""
_NEW_TASK = """
episode_id, kind, step, channel, person_id, municipality, since, opened_on, due_on, rank_on, contacted, assigned_to,
waits_for, state
"""
_OPEN_TASKS = f"""
WITH fresh AS (
  INSERT INTO task ({_NEW_TASK})
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::date[], $8::date[],
                       $9::date[], $10::date[], $11::boolean[], $12::text[], $13::text[], $14::text[])
  RETURNING task_id, municipality
)
INSERT INTO task_history (task_id, municipality, happening, who)
SELECT task_id, municipality, 'opened', $15 FROM fresh ORDER BY task_id
"""
# A task that is not open any more is held by nobody, and asleep for nobody.
_KEEP_TASKS = """
UPDATE task SET
  step = new.step, channel = new.channel, since = new.since, due_on = new.due_on, rank_on = new.rank_on,
  contacted = new.contacted, assigned_to = new.assigned_to, waits_for = new.waits_for, state = new.state,
  reason = new.reason,
  leased_by = CASE WHEN new.state = 'open' THEN leased_by END,
  leased_until = CASE WHEN new.state = 'open' THEN leased_until END,
  snoozed_until = CASE WHEN new.state = 'open' THEN snoozed_until END
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::date[], $5::date[], $6::date[], $7::boolean[], $8::text[],
            $9::text[], $10::text[], $11::text[])
  AS new (task_id, step, channel, since, due_on, rank_on, contacted, assigned_to, waits_for, state, reason)
WHERE task.task_id = new.task_id
"""
# An event about a person or an episode may; staff at work may not.
_MOVE_TASKS = """
UPDATE task SET person_id = new.person_id, municipality = new.municipality
FROM unnest($1::bigint[], $2::uuid[], $3::text[]) AS new (task_id, person_id, municipality)
WHERE task.task_id = new.task_id
"""
_NOTE = """
INSERT INTO task_history (task_id, municipality, happening, reason, who)
SELECT *, $5
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS new (task_id, municipality, happening, reason)
ORDER BY task_id
"""
# What was done for one who turned out to be another was done for that other; open tasks follow their episodes.
_RE_KEY: Final = """
UPDATE {table} AS mine SET person_id = loser.merged_into FROM person AS loser
WHERE mine.person_id = loser.person_id AND loser.merged_into IS NOT NULL AND loser.person_id = ANY($1::uuid[])
{and_only}
"""
_LOOK_ON = """
UPDATE episode SET look_on = new.look_on
FROM unnest($1::uuid[], $2::date[]) AS new (episode_id, look_on)
WHERE episode.episode_id = new.episode_id AND episode.look_on IS DISTINCT FROM new.look_on
"""


async def calendar_day(connection: Connection) -> date:
    """Today (Europe/Stockholm) by the database's clock: processes whose own differ call for the same tasks."""
    today: date = await connection.fetchval("SELECT (now() AT TIME ZONE 'Europe/Stockholm')::date")
    return today


@dataclass(frozen=True, slots=True)
class Met:
    """Whom a batch is about, locked; of whom nothing may be kept; and the calendar day by the database's clock."""

    persons: set[UUID]
    purged: set[UUID]
    #: Whose case a registrar has routed.
    routed: set[UUID]
    today: date


async def meet(
    connection: Connection,
    named: Collection[UUID],
    episodes: Iterable[UUID] = (),
    notices: Iterable[UUID] = (),
) -> Met:
    """Locks these persons, at least one, and whomever these episodes and notices were about until now.

    Persons not heard of yet get an empty row, so that two batches about one meet here.
    """
    rows = await connection.fetch(_MEET, list(named), list(episodes), list(notices))
    purged = {row["person_id"] for row in rows if row["purged"]}
    routed = {row["person_id"] for row in rows if row["routed"]}
    return Met({row["person_id"] for row in rows}, purged, routed, rows[0]["today"])


async def lock(connection: Connection, persons: Collection[UUID]) -> None:
    """Locks persons, then all their episodes, each in one order."""
    await connection.execute(_LOCK_PERSONS, list(persons))
    await connection.execute(_LOCK_EPISODES, list(persons))


async def keep_episodes(
    connection: Connection, told: Sequence[Episode], persons: Collection[UUID], today: date
) -> None:
    """Keeps each episode that is newer than what is known, one state for each; ``persons`` are those locked.

    Raises TransientError when an episode turns out to have been of somebody who is not locked: it became another
    person's just now, and the transaction that is tried again sees that from the beginning.
    """
    rows = [
        (
            episode.episode_id, episode.revision, episode.person_id,
            *((c.municipality, c.person_revision, c.from_day, c.entry_reason, c.to_day, c.exit_reason,
               GROUNDS.dump_json(tuple(c.grounds), exclude_defaults=True).decode())
              if (c := episode.coverage) else (None,) * 7),
        )
        for episode in told
    ]  # fmt: skip
    if rows:
        kept = await connection.fetch(_KEEP_EPISODES, *columns(rows), today)
        if not {row["person_id"] for row in kept if row["person_id"] is not None} <= set(persons):
            raise TransientError("an episode has become another person's meanwhile")


async def episodes_and_tasks(
    connection: Connection, persons: Collection[UUID]
) -> tuple[list[Episode], list[Task]]:
    """All episodes and tasks of locked persons, tasks locked and oldest first."""
    rows = await connection.fetch(_EPISODES, list(persons))
    locked = await connection.fetch(_LOCK_TASKS, list(persons), [row["episode_id"] for row in rows])
    tasks = [Task(*row) for row in locked]
    return [_episode(row) for row in rows], tasks


async def keep_tasks(
    connection: Connection, before: Iterable[Task], brought: Sequence[Brought], who: str
) -> None:
    """Writes locked tasks as they are now, and new ones; and what happened, into their history.

    First those that close, then those that move to another person, then those that open: a person has one open task
    of a kind in a municipality at any moment.
    """
    known = [(task, happening) for task, happening in brought if task.task_id is not None]
    fresh = [task for task, _ in brought if task.task_id is None]
    closing = [task for task, _ in known if task.state != "open"]
    opening = [task for task, happening in known if happening == "reopened"]
    staying = [task for task, happening in known if task.state == "open" and happening != "reopened"]
    whose = {task.task_id: (task.person_id, task.municipality) for task in before}
    moving = [task for task, _ in known if (task.person_id, task.municipality) != whose[task.task_id]]
    for statement, tasks, row in (
        (_KEEP_TASKS, closing, _kept),
        (_MOVE_TASKS, moving, _moved),
        (_KEEP_TASKS, staying, _kept),
        (_KEEP_TASKS, opening, _kept),
    ):
        if tasks:
            await connection.execute(statement, *columns([row(task) for task in tasks]))
    noted = [
        (task.task_id, task.municipality, happening, stands(task) if happening == "changed" else task.reason)
        for task, happening in known
        if happening is not None
    ]
    if noted:
        await connection.execute(_NOTE, *columns(noted), who)
    if fresh:
        await connection.execute(_OPEN_TASKS, *columns([_new(task) for task in fresh]), who)


async def re_key(connection: Connection, persons: Collection[UUID]) -> None:
    """Gives what was done for those of these locked persons who were merged to those whom they turned out to be."""
    done_tasks = ("task", "AND state = 'done'")
    for table, and_only in (("contact", ""), ("measure", ""), ("routing_history", ""), done_tasks):
        await connection.execute(_RE_KEY.format(table=table, and_only=and_only), list(persons))


async def look_on(connection: Connection, days: Mapping[UUID, date | None]) -> None:
    """Keeps the day on which time alone may change what an episode calls for; None: on none."""
    if days:
        await connection.execute(_LOOK_ON, list(days), list(days.values()))


async def forget(connection: Connection, persons: Collection[UUID]) -> None:
    """Removes all there is of locked persons but themselves; of their episodes only id and revision are left."""
    for table in _FORGET:
        await connection.execute(f"DELETE FROM {table} WHERE person_id = ANY($1::uuid[])", list(persons))
    await connection.execute(_FORGET_EPISODES, list(persons))


async def all_tasks(connection: Connection) -> list[Task]:
    """Every task there is, of all municipalities, as values; to compare with what the register calls for."""
    return [Task(*row) for row in await connection.fetch(f"SELECT {_TASK} FROM task ORDER BY task_id")]


def columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Rows, at least one, as the arrays that ``unnest`` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def _kept(task: Task) -> tuple[object, ...]:
    return (
        task.task_id, task.step, task.channel, task.since, task.due_on, task.rank_on, task.contacted,
        task.assigned_to, task.waits_for, task.state, task.reason,
    )  # fmt: skip


def _moved(task: Task) -> tuple[object, ...]:
    return task.task_id, task.person_id, task.municipality


def _new(task: Task) -> tuple[object, ...]:
    return (
        task.episode_id, task.kind, task.step, task.channel, task.person_id, task.municipality, task.since,
        task.opened_on, task.due_on, task.rank_on, task.contacted, task.assigned_to, task.waits_for, task.state,
    )  # fmt: skip


def _episode(row: Connection) -> Episode:
    coverage = None
    if row["from_day"] is not None:
        coverage = Coverage(
            row["municipality"], row["person_revision"], row["from_day"], row["entry_reason"], row["to_day"],
            row["exit_reason"],
        )  # fmt: skip
    return Episode(row["episode_id"], row["revision"], row["person_id"], coverage, row["opened_on"])
