"""Cases (ärenden): what is known of a person in one municipality, and her tasks brought to what that calls for."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from contracts.own import Occupation
from servicekit.database import Connection
from services.outreach import notices, queue, store
from services.outreach.ages import at_age
from services.outreach.kinds import Channel, Outcome
from services.outreach.ladder import (
    NO_ANSWER,
    Case,
    Done,
    MeasureOf,
    called_for,
    early_support,
    still_planned,
)
from services.outreach.ladder_file import Ladders
from services.outreach.occupations import Stated, latest
from services.outreach.queue import Held, UnknownError
from services.outreach.steps import Ladder
from services.outreach.tasks import (
    COVERED,
    MERGED,
    NOT_CALLED_FOR,
    NOTICE_CLOSED,
    NOTICE_WITHDRAWN,
    TURNED_20,
    Brought,
    Coverage,
    Episode,
    Person,
    Task,
    Whose,
    brought_up,
    closed,
    ending,
    for_notices,
    the_case,
    waits_for,
)

#: Outcomes of a contact in which the person herself was met with or heard.
REACHED: Final[frozenset[Outcome]] = frozenset({"reached", "declined", "informed"})

#: Who, in a task's history, did what followed from what was done, or from the days that passed.
LADDER: Final = "ladder"

_PERSON_OF_TASK = "SELECT person_id FROM task WHERE task_id = $1"
_NOW_IS = "SELECT coalesce(merged_into, person_id) FROM person WHERE person_id = $1"
_IS_HERE = """
SELECT EXISTS (
  SELECT FROM person
  WHERE person_id = $1 AND NOT purged AND merged_into IS NULL AND (
    protection IS DISTINCT FROM 'protected_registration'
    OR EXISTS (SELECT FROM routing WHERE routing.person_id = $1 AND routing.municipality = $2)
  )
) AND (
  EXISTS (SELECT FROM episode WHERE person_id = $1 AND municipality = $2)
  OR EXISTS (SELECT FROM task WHERE person_id = $1 AND municipality = $2)
)
"""
# Most have neither contacts nor measures nor notices: then nobody asks for them.
_PERSONS = """
SELECT p.person_id, revision > 0 AND NOT purged AS known, revision, birth_date, protection,
       merged_into IS NOT NULL AS merged,
       way.municipality AS reached_by, coalesce(cardinality(phones) > 0, false) AS phone,
       email IS NOT NULL AS email, street IS NOT NULL AS letter,
       EXISTS (SELECT FROM contact AS c WHERE c.person_id = p.person_id) AS contacts,
       EXISTS (SELECT FROM measure AS m WHERE m.person_id = p.person_id) AS measures,
       EXISTS (SELECT FROM notice AS n WHERE n.person_id = p.person_id) AS notices,
       EXISTS (SELECT FROM notice AS n WHERE n.person_id = p.person_id AND standing AND NOT handled) AS unhandled
FROM person AS p LEFT JOIN contact_way AS way USING (person_id)
WHERE p.person_id = ANY($1::uuid[])
"""
_CONTACTS = """
SELECT person_id, c.municipality, task_id, on_day, channel, outcome, occupation
FROM contact AS c JOIN contact_revision USING (contact_id, revision) WHERE person_id = ANY($1::uuid[])
"""
_MEASURES = """
SELECT person_id, m.municipality, from_day, to_day, occupation_after, follow_up_on
FROM measure AS m JOIN measure_revision USING (measure_id, revision) WHERE person_id = ANY($1::uuid[])
"""
_NOTICES = f"""
SELECT person_id, municipality, min(heard_on) FILTER (WHERE calls), bool_or(standing AND NOT handled),
       max(heard_on) FILTER (WHERE closed), bool_or(standing AND handled)
FROM (SELECT *, {notices.calls("$2")} AS calls FROM notice AS n WHERE person_id = ANY($1::uuid[])) AS known
GROUP BY 1, 2
"""
_ROUTED = "SELECT person_id, municipality, worker FROM routing WHERE person_id = ANY($1::uuid[])"


Key = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Made:
    """A contact as it stands after its corrections."""

    task_id: int | None
    on: date
    channel: Channel
    outcome: Outcome
    occupation: Occupation | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A measure as it stands after its changes, with all days of follow-up that were planned."""

    from_day: date
    to_day: date | None
    occupation_after: Occupation | None
    follow_up_on: tuple[date, ...]


@dataclass(slots=True)
class Dossier:
    """What one municipality has about one person beside her episodes."""

    done: list[Task] = field(default_factory=list)
    contacts: list[Made] = field(default_factory=list)
    measures: list[Taken] = field(default_factory=list)
    #: The day of the first notice of absence that calls for early support.
    noticed_on: date | None = None
    #: Whether one stands that nobody has handled.
    unhandled: bool = False
    #: The day of the last that was closed since the pupil is back; whether there is one that somebody has handled.
    closed_on: date | None = None
    supported: bool = False
    #: Tasks that notices opened.
    for_notices: list[Task] = field(default_factory=list)


@dataclass(slots=True)
class _Known:
    """All that a transaction reads of the persons it is about."""

    episodes: list[Episode]
    tasks: list[Task]
    persons: dict[UUID, Person] = field(default_factory=dict)
    ways: dict[Key, frozenset[Channel]] = field(default_factory=dict)
    dossiers: defaultdict[Key, Dossier] = field(default_factory=lambda: defaultdict(Dossier))
    #: To whom cases of protected registration are routed.
    routed: dict[Key, str] = field(default_factory=dict)


async def hold(connection: Connection, task_id: int, who: str) -> Held:
    """Locks the person of a task that the worker holds, with her case, and the task. Raises queue.NotHeldError.

    In this order, in which events are taken in too: so a case is never brought up twice at once.
    """
    person_id = await connection.fetchval(_PERSON_OF_TASK, task_id)
    if person_id is not None:
        await store.lock(connection, {person_id})
    held = await queue.hold(connection, task_id, who)
    if held.person_id != person_id:
        # it became another's before the lock was ours
        await store.lock(connection, {held.person_id})
    return held


async def enter(connection: Connection, municipality: str, person_id: UUID) -> None:
    """Locks a person of whom the municipality has or had a case, or a notice. Raises queue.RefusedError.

    Of protected registration it says the same as of somebody who is not there, until the case is routed: to who asks,
    or by registrars who ask. To others the database shows no routing (INV-11).
    """
    await store.lock(connection, {person_id})
    if not await connection.fetchval(_IS_HERE, person_id, municipality):
        raise UnknownError("the municipality has no case of this person")


async def now_is(connection: Connection, person_id: UUID) -> UUID:
    """Who a person turned out to be; herself unless she was merged into another."""
    found: UUID = await connection.fetchval(_NOW_IS, person_id)
    return found


async def bring_up(
    connection: Connection, ladders: Ladders, persons: Collection[UUID], who: str, today: date
) -> None:
    """Brings the tasks of locked persons to what their cases and notices call for; ``who`` stands in the history.

    Call ``store.lock`` for these persons before, in the same transaction.
    """
    known = await _read(connection, persons, today)
    if known is None:
        return
    brought: list[Brought] = []
    look_on: dict[UUID, date | None] = {}
    cases = _cases(known.episodes)
    tasks_of: defaultdict[UUID | None, list[Task]] = defaultdict(list)
    for task in known.tasks:
        tasks_of[task.episode_id].append(task)
    for episode in known.episodes:
        tasks = tasks_of[episode.episode_id]
        if episode.coverage is None or episode.episode_id not in cases:
            brought += closed(tasks, episode, ending(episode) or MERGED)
            look_on[episode.episode_id] = None
        else:
            ladder = ladders.of(episode.coverage.municipality)
            changed, look = _called(known, episode, episode.coverage, tasks, ladder, today)
            brought += changed
            look_on[episode.episode_id] = look
    for key, dossier in known.dossiers.items():
        if dossier.noticed_on is not None or dossier.for_notices:
            brought += _noticed(known, key, ladders.of(key[1]), today)
    await store.keep_tasks(connection, known.tasks, brought, who)
    await store.look_on(connection, look_on)


def _cases(episodes: Iterable[Episode]) -> set[UUID]:
    by_key: defaultdict[Key, list[Episode]] = defaultdict(list)
    for episode in episodes:
        if episode.coverage is not None:
            by_key[episode.person_id, episode.coverage.municipality].append(episode)
    return {case for case in map(the_case, by_key.values()) if case is not None}


def _called(
    known: _Known, episode: Episode, coverage: Coverage, tasks: Sequence[Task], ladder: Ladder, today: date
) -> tuple[list[Brought], date | None]:
    """What changes in the tasks of a case, and the next day to look at it."""
    person = known.persons.get(episode.person_id)
    ways = known.ways.get((episode.person_id, coverage.municipality), frozenset())
    dossier = known.dossiers[episode.person_id, coverage.municipality]
    case = _case(episode, coverage, person, ways, dossier, today)
    wanted, look = called_for(case, ladder, today)
    routed_to = known.routed.get((episode.person_id, coverage.municipality))
    whose = Whose(
        episode.person_id,
        coverage.municipality,
        coverage.from_day,
        _was_reached(dossier, coverage.from_day),
        waits_for(person, coverage.person_revision, routed_to),
        routed_to,
    )
    return brought_up(tasks, episode, whose, wanted, today), look


def _case(
    episode: Episode,
    coverage: Coverage,
    person: Person | None,
    ways: frozenset[Channel],
    dossier: Dossier,
    today: date,
) -> Case:
    since = coverage.from_day
    contacts = [made for made in dossier.contacts if made.on >= since]
    measures = [taken for taken in dossier.measures if taken.to_day is None or taken.to_day >= since]
    done_tasks = [task for task in dossier.done if task.done_on is not None and task.done_on >= since]
    made_for = {made.task_id: made for made in contacts if made.task_id is not None}
    done = [_done(task, made_for.get(task.task_id or 0)) for task in done_tasks]
    followed_up = [
        (one.on, task.due_on)
        for one, task in zip(done, done_tasks, strict=True)
        if task.kind == "follow_up" and one.outcome not in NO_ANSWER
    ]
    done += [
        Done("contact", made.on, made.outcome, made.channel, None)
        for made in contacts
        if made.task_id is None
    ]
    stated = [Stated(made.on, made.occupation) for made in contacts if made.occupation]
    stated += [
        Stated(one.to_day, one.occupation_after) for one in measures if one.to_day and one.occupation_after
    ]
    occupied = latest(stated, today)
    return Case(
        since=since,
        opened_on=episode.opened_on or today,
        entry_reason=coverage.entry_reason,
        birth_date=person.birth_date if person else None,
        protected=person is not None and person.protection != "none",
        ways=ways,
        done=tuple(sorted(done, key=lambda one: one.on)),
        occupation_known_on=occupied.on if occupied else None,
        occupation=occupied.occupation if occupied else None,
        measures=tuple(
            MeasureOf(one.from_day, one.to_day, still_planned(one.follow_up_on, followed_up))
            for one in measures
        ),
    )


def _done(task: Task, made: Made | None) -> Done:
    if made is None:
        return Done(task.kind, task.done_on or task.opened_on, None, None, task.step)
    return Done(task.kind, made.on, made.outcome, made.channel, task.step)


def _was_reached(dossier: Dossier, since: date) -> bool:
    return any(made.outcome in REACHED and made.on >= since for made in dossier.contacts)


def _noticed(known: _Known, key: Key, ladder: Ladder, today: date) -> list[Brought]:
    """What changes in the tasks of early support; it is part of no case."""
    dossier, person, routed_to = known.dossiers[key], known.persons.get(key[0]), known.routed.get(key)
    wanted, since = None, today
    if dossier.noticed_on is not None:
        since = dossier.noticed_on
        birth_date = person.birth_date if person else None
        wanted = early_support(since, _last_in_vain(dossier), birth_date, ladder)
    whose = Whose(*key, since, _was_reached(dossier, since), waits_for(person, 1, routed_to), routed_to)
    return for_notices(dossier.for_notices, whose, wanted, _over(dossier, person, today), today)


def _last_in_vain(dossier: Dossier) -> date | None:
    """The day of the last attempt at early support that nobody answered."""
    tasks = {task.task_id for task in dossier.for_notices}
    days = [made.on for made in dossier.contacts if made.task_id in tasks and made.outcome in NO_ANSWER]
    return max(days, default=None)


def _over(dossier: Dossier, person: Person | None, today: date) -> str:
    """Why an open task of early support is over, when nothing calls for it."""
    if person is not None and person.merged:
        return MERGED
    if dossier.unhandled:
        return TURNED_20 if person is not None and today >= at_age(person.birth_date, 20) else COVERED
    if dossier.supported:
        return NOT_CALLED_FOR
    since = min((task.since for task in dossier.for_notices if task.state == "open"), default=date.max)
    back = dossier.closed_on is not None and dossier.closed_on >= since
    return NOTICE_CLOSED if back else NOTICE_WITHDRAWN


async def _read(connection: Connection, persons: Collection[UUID], today: date) -> _Known | None:
    """None when these persons have neither episode nor task nor notice, as most pupils have none."""
    known = _Known(*await store.episodes_and_tasks(connection, persons))
    rows = await connection.fetch(_PERSONS, list(persons))
    if not (known.episodes or known.tasks or any(row["unhandled"] for row in rows)):
        return None
    for row in rows:
        person_id = row["person_id"]
        if not row["known"]:
            continue
        known.persons[person_id] = Person(
            row["revision"], row["birth_date"], row["protection"], row["merged"]
        )
        if row["reached_by"] is not None:
            known.ways[person_id, row["reached_by"]] = _ways(row["phone"], row["email"], row["letter"])
    places = {e.episode_id: (e.person_id, e.coverage.municipality) for e in known.episodes if e.coverage}
    for task in known.tasks:
        own = task.person_id, task.municipality
        if task.episode_id is None:
            known.dossiers[own].for_notices.append(task)
        elif task.state == "done":
            known.dossiers[places.get(task.episode_id, own)].done.append(task)
    for row in await _of(connection, _CONTACTS, rows, "contacts"):
        known.dossiers[row["person_id"], row["municipality"]].contacts.append(Made(*row[2:]))
    for row in await _of(connection, _MEASURES, rows, "measures"):
        taken = Taken(row["from_day"], row["to_day"], row["occupation_after"], tuple(row["follow_up_on"]))
        known.dossiers[row["person_id"], row["municipality"]].measures.append(taken)
    for person_id, municipality, *stand in await _of(connection, _NOTICES, rows, "notices", today):
        dossier = known.dossiers[person_id, municipality]
        dossier.noticed_on, dossier.unhandled, dossier.closed_on, dossier.supported = stand
    if shielded := [key for key, one in known.persons.items() if one.protection == "protected_registration"]:
        for person_id, municipality, worker in await connection.fetch(_ROUTED, shielded):
            known.routed[person_id, municipality] = worker
    return known


async def _of(
    connection: Connection, query: str, persons: Sequence[Connection], have: str, *arguments: object
) -> Sequence[Connection]:
    """The rows of those who have some."""
    whose = [person["person_id"] for person in persons if person[have]]
    return await connection.fetch(query, whose, *arguments) if whose else ()


def _ways(phone: bool, email: bool, letter: bool) -> frozenset[Channel]:
    known: tuple[tuple[Channel, bool], ...] = (
        ("phone", phone),
        ("sms", phone),
        ("email", email),
        ("letter", letter),
    )
    return frozenset(channel for channel, there in known if there)
