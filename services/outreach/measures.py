"""Individual measures (individuella åtgärder): planned, changed, ended, followed up; every revision is kept.

What is documented of one is what Skolverket asks for: an individual plan and its goal, who answers for what, start
and end, why it ended, when it is followed up. Nothing asks for health, and nobody may write of it (förordning 2006:39
§ 5). Published is what the register holds of it, without any free text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from contracts.own import MeasureChanged, MeasureEnded, MeasureStarted, Occupation
from servicekit.access_log import looked, looked_at
from servicekit.calendar import now
from servicekit.database import Connection
from servicekit.outbox import append
from services.outreach import cases, notices, queue, store
from services.outreach.code_list import occupations
from services.outreach.contacts import Contact
from services.outreach.ladder import NO_ANSWER
from services.outreach.ladder_file import Ladders
from services.outreach.occupations import Stated, current
from services.outreach.plans import SUPPORT, End, Plan
from services.outreach.publication import message
from services.outreach.queue import OvertakenError, UnknownError, UnlistedError, WrongDayError, full_name
from services.outreach.steps import Ladder

_ADD: Final = "INSERT INTO measure (measure_id, person_id, municipality, revision) VALUES ($1, $2, $3, 1)"
_SAID: Final = """
kind, content, plan, goal, person_does, municipality_does, others_do, from_day, follow_up_on, support, note, to_day,
end_reason, occupation_after
"""
_ADD_REVISION: Final = f"""
INSERT INTO measure_revision (measure_id, revision, municipality, who, {_SAID})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""
_WHOSE: Final = "SELECT person_id FROM measure WHERE measure_id = $1 AND municipality = $2"
_OVERTAKE: Final = """
UPDATE measure SET revision = revision + 1 WHERE measure_id = $1 AND person_id = $2 AND revision = $3 RETURNING true
"""
_NOTE: Final = (
    "SELECT note FROM measure_revision WHERE measure_id = $1 AND municipality = $2 AND revision = $3"
)
_STANDS: Final = f"SELECT {_SAID} FROM measure_revision WHERE measure_id = $1 AND revision = $2"
# By what stands: a change may give another first day.
_OF: Final = f"""
WITH of_person AS (
  SELECT measure_id, r.from_day AS begins FROM measure AS m JOIN measure_revision AS r USING (measure_id, revision)
  WHERE m.person_id = $1 AND m.municipality = $2
)
SELECT measure_id, r.revision, person_id, who, at, {_SAID}
FROM of_person JOIN measure AS m USING (measure_id) JOIN measure_revision AS r USING (measure_id)
WHERE r.revision = m.revision OR $3
ORDER BY begins, measure_id, r.revision
"""
# What the queue has, and the planned days ahead ($4: today) for which it will have a task (ladder.still_planned);
# each person and day once. Then the measure that it is about: one with this day, or one that goes on without any.
# Of days that are all over nothing planned is looked for ($3 > $4).
_FOLLOW_UPS: Final = """
WITH planned AS MATERIALIZED (
  SELECT m.person_id, on_day, to_day
  FROM measure AS m JOIN measure_revision AS r USING (measure_id, revision),
    unnest(follow_up_on) AS of_measure (on_day)
  WHERE m.municipality = $1 AND on_day BETWEEN $2 AND $3 AND on_day > $4 AND $3 > $4
), coming AS (
  SELECT person_id, due_on AS on_day FROM task
  WHERE municipality = $1 AND kind = 'follow_up' AND state = 'open' AND waits_for IS NULL
    AND due_on BETWEEN $2 AND $3
  UNION
  SELECT person_id, on_day
  FROM planned AS p JOIN episode AS e USING (person_id)
  WHERE e.municipality = $1 AND e.from_day IS NOT NULL AND e.to_day IS NULL
    AND (p.to_day IS NULL OR p.to_day >= e.from_day)
    AND NOT EXISTS (
      SELECT FROM task AS t
      WHERE t.person_id = p.person_id AND t.municipality = $1 AND t.kind = 'follow_up' AND t.state = 'done'
        AND t.due_on = on_day AND t.done_on >= e.from_day
        AND NOT EXISTS (
          SELECT FROM contact AS c JOIN contact_revision AS r USING (contact_id, revision)
          WHERE c.person_id = p.person_id AND c.task_id = t.task_id AND r.outcome = ANY($6)
        )
    )
), page AS (
  SELECT person_id, on_day, given_name, family_name, protection FROM coming JOIN person AS p USING (person_id)
  WHERE protection IS DISTINCT FROM 'protected_registration'
    OR EXISTS (SELECT FROM routing AS r WHERE r.person_id = p.person_id AND r.municipality = $1)
  ORDER BY on_day, person_id LIMIT $5
)
SELECT measure_id, person_id, kind, on_day, given_name, family_name, protection
FROM page CROSS JOIN LATERAL (
  SELECT measure_id, r.kind FROM measure AS m JOIN measure_revision AS r USING (measure_id, revision)
  WHERE m.person_id = page.person_id AND m.municipality = $1
  ORDER BY on_day = ANY(follow_up_on) DESC, to_day IS NULL OR to_day >= $4 DESC, cardinality(follow_up_on),
           from_day DESC, measure_id
  LIMIT 1
) AS about
ORDER BY on_day, person_id
"""
#: The most follow-ups that are listed at once: more than a team has in a week.
MOST_LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class Measure:
    """One revision of a measure; ``at`` in UTC, ``end`` None while it goes on."""

    measure_id: UUID
    revision: int
    person_id: UUID
    who: str
    at: datetime
    plan: Plan
    end: End | None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A day on which a person's measure is to be followed up. ``name`` is None for a protected person."""

    measure_id: UUID
    person_id: UUID
    kind: str
    on: date
    name: str | None


async def start(
    connection: Connection, ladders: Ladders, municipality: str, person_id: UUID, who: str, plan: Plan
) -> UUID:
    """Plans a measure that begins on its first day, and tells of it through the outbox; gives its id.

    Call it in a transaction. Raises RefusedError: the municipality has no case of hers, or a day of
    follow-up comes before the first.
    """
    _check(plan)
    await cases.enter(connection, municipality, person_id)
    return await _start(connection, ladders, municipality, person_id, who, plan)


async def start_for_task(
    connection: Connection, ladders: Ladders, task_id: int, who: str, plan: Plan
) -> UUID:
    """The same for a task that the worker holds (the offer was taken up), which is done with it.

    Call it in a transaction. Raises queue.NotHeldError, and RefusedError as ``start`` does.
    """
    _check(plan)
    held = await cases.hold(connection, task_id, who)
    whose = await cases.now_is(connection, held.person_id)
    if whose != held.person_id:
        raise OvertakenError("she turned out to be another person just now: take her task anew")
    await queue.finish(connection, held, who)
    if held.kind == "early_support":
        day = await store.calendar_day(connection)
        await notices.tried(connection, held.municipality, whose, None, day, answered=True)
    return await _start(connection, ladders, held.municipality, whose, who, plan)


async def change(
    connection: Connection,
    ladders: Ladders,
    municipality: str,
    measure_id: UUID,
    revision: int,
    who: str,
    plan: Plan,
    end: End | None = None,
) -> None:
    """Says a measure anew, whole; without an end it goes on (again). ``revision`` is the one that was seen.

    Call it in a transaction. Raises RefusedError: no such measure, changed meanwhile, it ends before it begins, or
    with an occupation that is not in the code list on its last day.
    """
    await _revise(connection, ladders, municipality, measure_id, revision, who, plan, end, MeasureChanged)


async def end(
    connection: Connection,
    ladders: Ladders,
    municipality: str,
    measure_id: UUID,
    revision: int,
    who: str,
    ended: End,
) -> None:
    """Ends a measure, the plan being what it was. Raises as ``change`` does."""
    row = await connection.fetchrow(_STANDS, measure_id, revision)
    if row is None and await connection.fetchval(_WHOSE, measure_id, municipality) is None:
        raise UnknownError("there is no such measure")
    if row is None:
        raise OvertakenError("the measure has no such revision: look at it again")
    plan, _ = _said(row)
    await _revise(connection, ladders, municipality, measure_id, revision, who, plan, ended, MeasureEnded)


def occupation(
    made: Iterable[Contact], planned: Iterable[Measure], ladder: Ladder, today: date
) -> Occupation:
    """A person's occupation as it counts today, of contacts and measures as they stand. The ladder: how long."""
    stated = [Stated(one.said.on, one.said.occupation) for one in made if one.said.occupation]
    stated += [
        Stated(one.end.to_day, one.end.occupation_after)
        for one in planned
        if one.end and one.end.occupation_after
    ]
    return current(stated, ladder, today)


async def note_of(connection: Connection, municipality: str, measure_id: UUID, revision: int) -> str | None:
    """The note that a revision of a measure has, for who says the measure anew without seeing it."""
    note: str | None = await connection.fetchval(_NOTE, measure_id, municipality, revision)
    return note


async def of_person(
    connection: Connection, municipality: str, person_id: UUID, *, every_revision: bool = False
) -> Sequence[Measure]:
    """A municipality's measures for a person, in order of their first day, each with its revisions in
    order. The caller logs the look.
    """
    rows = await connection.fetch(_OF, person_id, municipality, every_revision)
    return [_measure(row) for row in rows]


async def follow_ups(
    connection: Connection, municipality: str, from_day: date, to_day: date, who: str
) -> Sequence[FollowUp]:
    """The follow-ups that are due or planned from day to day (inclusive) and not done yet, each person and day once.

    They are those of the queue, with planned days ahead that have no task yet: the first ``MOST_LISTED``, by day. The
    look at each person is in the access log.
    """
    today = await store.calendar_day(connection)
    rows = await connection.fetch(
        _FOLLOW_UPS, municipality, from_day, to_day, today, MOST_LISTED, sorted(NO_ANSWER)
    )
    seen = {row["person_id"] for row in rows}
    await looked_at(connection, "outreach follow-ups", seen, who=who, municipality=municipality)
    return [_follow_up(row) for row in rows]


def _check(plan: Plan) -> None:
    if any(day < plan.from_day for day in plan.follow_up_on):
        raise WrongDayError("a measure cannot be followed up before it begins")


async def _start(
    connection: Connection, ladders: Ladders, municipality: str, person_id: UUID, who: str, plan: Plan
) -> UUID:
    measure_id = uuid4()
    await connection.execute(_ADD, measure_id, person_id, municipality)
    await _say(connection, municipality, person_id, measure_id, 1, who, plan, None, MeasureStarted)
    await cases.bring_up(connection, ladders, {person_id}, cases.LADDER, await store.calendar_day(connection))
    await looked(connection, "outreach measure", who=who, person_id=person_id, municipality=municipality)
    return measure_id


async def _revise(
    connection: Connection,
    ladders: Ladders,
    municipality: str,
    measure_id: UUID,
    revision: int,
    who: str,
    plan: Plan,
    ended: End | None,
    telling: type[MeasureChanged] | type[MeasureEnded],
) -> None:
    _check(plan)
    if ended is not None and ended.to_day < plan.from_day:
        raise WrongDayError("a measure cannot end before it begins")
    if ended is not None and ended.occupation_after not in {None, *occupations().on(ended.to_day)}:
        raise UnlistedError("the code list of the measure's last day does not have the occupation")
    person_id = await connection.fetchval(_WHOSE, measure_id, municipality)
    if person_id is None:
        raise UnknownError("there is no such measure")
    await cases.enter(connection, municipality, person_id)
    if not await connection.fetchval(_OVERTAKE, measure_id, person_id, revision):
        raise OvertakenError("the measure was changed by somebody else meanwhile: look at it again")
    await _say(connection, municipality, person_id, measure_id, revision + 1, who, plan, ended, telling)
    await cases.bring_up(connection, ladders, {person_id}, cases.LADDER, await store.calendar_day(connection))
    await looked(
        connection, "outreach change measure", who=who, person_id=person_id, municipality=municipality
    )


async def _say(
    connection: Connection,
    municipality: str,
    person_id: UUID,
    measure_id: UUID,
    revision: int,
    who: str,
    plan: Plan,
    ended: End | None,
    telling: type[MeasureStarted] | type[MeasureChanged] | type[MeasureEnded],
) -> None:
    await connection.execute(
        _ADD_REVISION, measure_id, revision, municipality, who, plan.kind, plan.content, plan.plan, plan.goal,
        plan.person_does, plan.municipality_does, plan.others_do, plan.from_day, list(plan.follow_up_on),
        SUPPORT.dump_json(plan.support).decode(), plan.note, ended and ended.to_day, ended and ended.reason,
        ended and ended.occupation_after,
    )  # fmt: skip
    words: dict[str, Any] = {"from": plan.from_day}
    if ended is not None:
        words |= {
            "to": ended.to_day, "end_reason": ended.reason, "occupation_after": ended.occupation_after
        }  # fmt: skip
    told = telling(
        person_id=person_id,
        municipality=municipality,
        measure_id=measure_id,
        revision=revision,
        kind=plan.kind,
        **words,
    )
    await append(connection, [message(told, measure_id, now())])


def _measure(row: Connection) -> Measure:
    plan, ended = _said(row)
    return Measure(row["measure_id"], row["revision"], row["person_id"], row["who"], row["at"], plan, ended)


def _follow_up(row: Connection) -> FollowUp:
    name = full_name(row["given_name"], row["family_name"]) if row["protection"] == "none" else None
    return FollowUp(row["measure_id"], row["person_id"], row["kind"], row["on_day"], name)


def _said(row: Connection) -> tuple[Plan, End | None]:
    plan = Plan(
        kind=row["kind"], content=row["content"], plan=row["plan"], goal=row["goal"],
        person_does=row["person_does"], municipality_does=row["municipality_does"], others_do=row["others_do"],
        from_day=row["from_day"], follow_up_on=tuple(row["follow_up_on"]),
        support=SUPPORT.validate_json(row["support"]), note=row["note"],
    )  # fmt: skip
    if row["to_day"] is None:
        return plan, None
    return plan, End(to_day=row["to_day"], reason=row["end_reason"], occupation_after=row["occupation_after"])
