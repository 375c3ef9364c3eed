"""Episodes and tasks in SQL, as the registry's events change them; many rows a statement."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from servicekit.database import Connection
from services.outreach.tasks import Coverage, Episode, Happening, Person, Task

_MEET = """
INSERT INTO person (person_id, revision) SELECT person_id, 0 FROM unnest($1::uuid[]) AS met (person_id)
ORDER BY person_id
ON CONFLICT DO NOTHING
"""
_LOCK_PERSONS = """
SELECT person_id, purged FROM person WHERE person_id = ANY($1::uuid[]) ORDER BY person_id FOR NO KEY UPDATE
"""
_LOCK_EPISODES = """
SELECT 1 FROM episode WHERE episode_id = ANY($1::uuid[]) OR person_id = ANY($2::uuid[])
ORDER BY episode_id FOR NO KEY UPDATE
"""
_KEEP_EPISODES = """
INSERT INTO episode AS known (episode_id, revision, person_id, municipality, person_revision, from_day, entry_reason,
                              to_day, exit_reason)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::int[], $6::date[], $7::text[], $8::date[],
                     $9::text[]) AS told (episode_id, revision, person_id, municipality, person_revision, from_day,
                                          entry_reason, to_day, exit_reason)
ORDER BY episode_id
ON CONFLICT (episode_id) DO UPDATE SET
  revision = excluded.revision, person_id = excluded.person_id, municipality = excluded.municipality,
  person_revision = excluded.person_revision, from_day = excluded.from_day, entry_reason = excluded.entry_reason,
  to_day = excluded.to_day, exit_reason = excluded.exit_reason
WHERE known.revision < excluded.revision
RETURNING episode_id
"""
_FORGET_EPISODES = """
UPDATE episode SET municipality = NULL, person_revision = NULL, from_day = NULL, entry_reason = NULL, to_day = NULL,
                   exit_reason = NULL
WHERE person_id = ANY($1::uuid[])
"""
_FORGET_TASKS = """
DELETE FROM task USING episode WHERE task.episode_id = episode.episode_id AND episode.person_id = ANY($1::uuid[])
"""
_TOUCHED = """
SELECT episode_id, e.revision, e.person_id, e.municipality, person_revision, from_day, entry_reason, to_day,
       exit_reason, p.revision AS known_revision, birth_date, protection, merged_into IS NOT NULL AS merged, purged
FROM episode AS e JOIN person AS p USING (person_id)
WHERE episode_id = ANY($1::uuid[]) OR e.person_id = ANY($2::uuid[])
"""
_TASK = """
episode_id, kind, person_id, municipality, since, opened_on, due_on, rank_on, waits_for, state, reason
"""
_LOCK_TASKS = (
    f"SELECT {_TASK} FROM task WHERE episode_id = ANY($1::uuid[]) ORDER BY task_id FOR NO KEY UPDATE"
)
_TOLD_TASKS = """
unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::date[], $6::date[], $7::date[], $8::date[], $9::text[],
       $10::text[], $11::text[])
"""
_OPEN_TASKS = f"INSERT INTO task ({_TASK}) SELECT * FROM {_TOLD_TASKS}"
_KEEP_TASKS = f"""
UPDATE task SET
  person_id = new.person_id, municipality = new.municipality, since = new.since, rank_on = new.rank_on,
  waits_for = new.waits_for, state = new.state, reason = new.reason,
  leased_by = CASE WHEN new.state = 'open' THEN leased_by END,
  leased_until = CASE WHEN new.state = 'open' THEN leased_until END
FROM {_TOLD_TASKS} AS new ({_TASK})
WHERE task.episode_id = new.episode_id AND task.kind = new.kind
"""
_NOTE = """
INSERT INTO task_history (task_id, municipality, happening, who, reason)
SELECT task_id, municipality, happening, $4, reason
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (episode_id, kind, happening)
JOIN task USING (episode_id, kind)
ORDER BY task_id
"""


@dataclass(frozen=True, slots=True)
class Touched:
    """An episode that changed or whose person did, with all that its task follows from."""

    episode: Episode
    person: Person | None
    task: Task | None


async def lock(connection: Connection, persons: Collection[UUID], episodes: Iterable[UUID]) -> set[UUID]:
    """Locks persons, then these episodes and all of those persons, each in one order; gives who is purged.

    Persons not heard of yet get an empty row, so that two batches about one meet here, whatever comes first.
    """
    await connection.execute(_MEET, list(persons))
    rows = await connection.fetch(_LOCK_PERSONS, list(persons))
    await connection.execute(_LOCK_EPISODES, list(episodes), list(persons))
    return {row["person_id"] for row in rows if row["purged"]}


async def keep_episodes(connection: Connection, told: Sequence[Episode]) -> set[UUID]:
    """Keeps each episode that is newer than what is known, one state for each; gives those that changed by it."""
    rows = [
        (
            episode.episode_id, episode.revision, episode.person_id,
            *((c.municipality, c.person_revision, c.from_day, c.entry_reason, c.to_day, c.exit_reason)
              if (c := episode.coverage) else (None,) * 6),
        )
        for episode in told
    ]  # fmt: skip
    if not rows:
        return set()
    return {row[0] for row in await connection.fetch(_KEEP_EPISODES, *_columns(rows))}


async def touched(
    connection: Connection, persons: Collection[UUID], episodes: Collection[UUID]
) -> list[Touched]:
    """These episodes and all of these persons, with their tasks locked; call ``lock`` before."""
    if not persons and not episodes:
        return []
    rows = await connection.fetch(_TOUCHED, list(episodes), list(persons))
    locked = await connection.fetch(_LOCK_TASKS, [row["episode_id"] for row in rows])
    tasks = {row["episode_id"]: Task(*row) for row in locked}
    return [Touched(_episode(row), _person(row), tasks.get(row["episode_id"])) for row in rows]


async def keep_tasks(
    connection: Connection, brought: Sequence[tuple[Task, Happening | None]], who: str
) -> None:
    """Writes locked tasks as they are now, and new ones (``opened``); and what happened, into their history.

    A task that is not open any more is held by nobody.
    """
    fresh = [_row(task) for task, happening in brought if happening == "opened"]
    known = [_row(task) for task, happening in brought if happening != "opened"]
    noted = [(task.episode_id, task.kind, happening) for task, happening in brought if happening is not None]
    if fresh:
        await connection.execute(_OPEN_TASKS, *_columns(fresh))
    if known:
        await connection.execute(_KEEP_TASKS, *_columns(known))
    if noted:
        await connection.execute(_NOTE, *_columns(noted), who)


async def forget(connection: Connection, persons: Collection[UUID]) -> None:
    """Removes the tasks and contacts of locked persons; of their episodes only id and revision are left."""
    await connection.execute(_FORGET_TASKS, list(persons))
    await connection.execute(_FORGET_EPISODES, list(persons))


async def all_tasks(connection: Connection) -> list[Task]:
    """Every task there is, of all municipalities, as values; to compare with what the register calls for."""
    return [Task(*row) for row in await connection.fetch(f"SELECT {_TASK} FROM task ORDER BY task_id")]


def _columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _row(task: Task) -> tuple[str | UUID | date | None, ...]:
    return (
        task.episode_id, task.kind, task.person_id, task.municipality, task.since, task.opened_on, task.due_on,
        task.rank_on, task.waits_for, task.state, task.reason,
    )  # fmt: skip


def _episode(row: Connection) -> Episode:
    coverage = None
    if row["from_day"] is not None:
        coverage = Coverage(
            row["municipality"], row["person_revision"], row["from_day"], row["entry_reason"], row["to_day"],
            row["exit_reason"],
        )  # fmt: skip
    return Episode(row["episode_id"], row["revision"], row["person_id"], coverage)


def _person(row: Connection) -> Person | None:
    """None for one of whom nothing is told yet, and for one who is forgotten."""
    if row["known_revision"] == 0 or row["purged"]:
        return None
    return Person(row["known_revision"], row["birth_date"], row["protection"], row["merged"])
