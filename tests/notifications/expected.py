"""Which notices there must be, said anew and in another way than the service does; and how to read those there are.

A notice is known by (current identity number of the pupil, kind, school unit, day); how it stands is (status,
municipality). Withdrawn ones are left out: whether a notice was told before it was taken back depends on what came
first.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeAlias

from contracts.envelope import Event
from contracts.organisers import Directory
from contracts.own import PersonUpdated
from contracts.school import EnrolmentChanged, EnrolmentNoShow, EnrolmentStarted, LeaveCompleted, LeaveLeft
from servicekit.database import Connection

#: (identity number, kind, school unit, on)
Key: TypeAlias = tuple[str, str, str, date]
#: (status, municipality): waiting and routing have no municipality.
Standing: TypeAlias = tuple[str, str | None]

_STANDING = """
SELECT coalesce(owner.identity_number, fact.identity_number), fact.kind, fact.school_unit, fact.on_day,
       notice.status, CASE WHEN notice.status IN ('registered', 'own') THEN notice.municipality END
FROM notice
JOIN school_fact AS fact USING (source, id)
LEFT JOIN (
  SELECT number.identity_number AS had, min(person.identity_number) AS identity_number
  FROM person_number AS number JOIN person USING (person_id)
  GROUP BY number.identity_number HAVING count(*) = 1
) AS owner ON owner.had = fact.identity_number
WHERE notice.status <> 'withdrawn'
"""


async def standing_notices(connection: Connection) -> dict[Key, Standing]:
    """Every notice that stands in a database of the service, also those that wait or that nobody need be told."""
    rows = await connection.fetch(_STANDING)
    found: dict[Key, Standing] = {tuple(row[:4]): tuple(row[4:]) for row in rows}
    assert len(found) == len(rows), "a notice was registered twice"
    return found


def expected_notices(
    events: Iterable[Event], states: Iterable[PersonUpdated], directory: Directory
) -> dict[Key, set[Standing]]:
    """The notices that follow from schools' events and everything the registry ever published of persons.

    Each with all the ways it may stand: while a person's state never changes there is one. Of one who moved, the
    first municipality known after the fact came holds, so any that she ever had may be the one.
    """
    counting = _counting(events)
    ever = list(states)
    last = {state.person_id: state for state in sorted(ever, key=lambda state: state.revision)}
    claims: dict[str, list[PersonUpdated]] = {}
    for state in last.values():
        if state.merged_into is None:
            for had in (state.identity_number, *state.former_identity_numbers):
                claims.setdefault(had, []).append(state)
    owners = {number: found[0] for number, found in claims.items() if len(found) == 1}

    about: dict[str, list[PersonUpdated]] = {}
    for state in ever:
        for had in {state.identity_number, *state.former_identity_numbers}:
            about.setdefault(had, []).append(state)

    def current(number: str) -> str:
        return owners[number].identity_number if number in owners else number

    forms: dict[tuple[str, str], set[str]] = {}
    for event in counting:
        data: Any = event.data
        if isinstance(data, EnrolmentStarted | EnrolmentChanged):
            seen = forms.setdefault((current(data.pupil.identity_number), data.school_unit), set())
            seen.add(data.school_form)
    expected: dict[Key, set[Standing]] = {}
    for event in counting:
        kind, on = _kind_and_day(event)
        if kind is None or on is None:
            continue
        data = event.data
        number: str = data.pupil.identity_number
        shown = {data.school_form} if kind == "started" else forms.get((current(number), data.school_unit))
        if shown is not None and not shown & {"GY", "GYAN", "GYS", "GYSAR", "GS"}:
            continue
        own = directory.municipality_of(event.source.removeprefix("urn:se:orgnr:")[:10])
        ways = {_standing(state, own) for state in about.get(number, ())}
        decided = {way for way in ways if way[1] is not None}
        latest = _standing(owners[number], own) if number in owners else ("waiting", None)
        standing = decided if latest[1] is not None else decided | {latest}
        expected.setdefault((current(number), kind, data.school_unit, on), set()).update(standing)
    return expected


def disagreements(found: Mapping[Key, Standing], expected: Mapping[Key, set[Standing]]) -> list[str]:
    """What differs, without identity numbers; empty when the notices are as expected."""
    return [
        f"{kind} at {unit} on {on}: {found.get((number, kind, unit, on))}, "
        f"expected {sorted(expected.get((number, kind, unit, on), ()), key=str)}"
        for number, kind, unit, on in sorted(found.keys() | expected.keys())
        if found.get((number, kind, unit, on)) not in expected.get((number, kind, unit, on), set())
    ]


def _standing(state: PersonUpdated, own: str | None) -> Standing:
    if state.protection == "protected_registration":
        return "routing", None
    if state.municipality is None:
        return "waiting", None
    return ("own" if state.municipality == own else "registered"), state.municipality


def _counting(events: Iterable[Event]) -> list[Event]:
    told: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.type.startswith("se.kaa.school.") and ".absence." not in event.type:
            told.setdefault((event.source, event.id), event)
    gone = {(e.source, getattr(e.data, "retracts", None)) for e in told.values()}
    gone |= {(e.source, e.replaces) for e in told.values()}
    return [event for identity, event in told.items() if identity not in gone]


def _kind_and_day(event: Event) -> tuple[str | None, date | None]:
    match event.data:
        case EnrolmentStarted(started_on=on):
            return "started", on
        case LeaveLeft(last_day=on):
            return "left", on
        case LeaveCompleted(completed_on=on):
            return "completed", on
        case EnrolmentNoShow(term_started_on=on):
            return "no_show", on
        case _:
            return None, None
