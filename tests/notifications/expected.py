"""Which notices there must be, said anew and in another way than the service does; and how to read those there are.

A notice is known by (current identity number of the pupil, kind, school unit, day: of absence the month's first); how
it stands is (status, municipality). Withdrawn ones are left out: whether a notice was told before it was taken back
depends on what came first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from contracts.envelope import Event
from contracts.organisers import Directory
from contracts.own import PersonUpdated
from contracts.school import (
    AbsenceReported,
    AbsenceResumed,
    EnrolmentChanged,
    EnrolmentNoShow,
    EnrolmentStarted,
    LeaveCompleted,
    LeaveLeft,
)
from servicekit.calendar import STOCKHOLM
from servicekit.database import Connection

#: (identity number, kind, school unit, on)
Key: TypeAlias = tuple[str, str, str, date]
#: (status, municipality): waiting and routing have no municipality.
Standing: TypeAlias = tuple[str, str | None]

_STANDING = """
SELECT coalesce(owner.identity_number, fact.identity_number), fact.kind, fact.school_unit, fact.on_day,
       notice.status, CASE WHEN notice.status IN ('registered', 'closed', 'own') THEN notice.municipality END
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
    spoken = _told(events)
    counting = _counting(spoken)
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
    spoken_of: dict[tuple[str, str], list[Event]] = {}
    for event in spoken.values():
        if isinstance(event.data, AbsenceReported | AbsenceResumed):
            whose = current(event.data.pupil.identity_number), event.data.school_unit
            spoken_of.setdefault(whose, []).append(event)
    months = [found for said in spoken_of.values() for found in _absence(said, counting)]

    said_once = [(event, *_kind_and_day(event), "registered") for event in counting]
    expected: dict[Key, set[Standing]] = {}
    for event, kind, on, told in said_once + months:
        if kind is None or on is None:
            continue
        data = event.data
        number: str = data.pupil.identity_number
        shown = {data.school_form} if kind == "started" else forms.get((current(number), data.school_unit))
        if shown is not None and not shown & {"GY", "GYAN", "GYS", "GYSAR", "GS"}:
            continue
        own = directory.municipality_of(event.source.removeprefix("urn:se:orgnr:")[:10])
        if kind == "absence":
            own = None
        ways = {_standing(state, own, told) for state in about.get(number, ())}
        decided = {way for way in ways if way[1] is not None}
        latest = _standing(owners[number], own, told) if number in owners else ("waiting", None)
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


def _standing(state: PersonUpdated, own: str | None, told: str) -> Standing:
    if state.protection == "protected_registration":
        return "routing", None
    if state.municipality is None:
        return "waiting", None
    return ("own" if state.municipality == own else told), state.municipality


def _absence(said: Sequence[Event], counting: Sequence[Event]) -> Iterator[tuple[Event, str, date, str]]:
    """Of all that one unit said of a pupil's absence: the reports that may give a month's notice, and its status."""
    stands = {(event.source, event.id) for event in counting}
    by_month: dict[str, list[Any]] = {}
    for event in said:
        if isinstance(event.data, AbsenceReported):
            by_month.setdefault(event.data.month, []).append(event)
    for month, ever in by_month.items():
        reports = [event for event in ever if (event.source, event.id) in stands]
        if not reports or not any(_is_much(report) and _age(report) < 20 for report in ever):
            continue
        year, number = map(int, month.split("-"))
        first = date(year, number, 1)
        reports.sort(key=lambda event: (event.time, event.source, event.id))
        total = reports[-1].data.unexcused_minutes
        if not _is_much(reports[-1]):
            continue
        back = [
            event
            for event in said
            if isinstance(event.data, AbsenceResumed)
            and event.data.resumed_on >= first
            and (event.source, event.id) in stands
        ]
        # what was known when she came back is the last report that does not come after it
        known = [
            [report.data.unexcused_minutes for report in reports if not report.time > event.time][-1:]
            for event in back
        ]
        over = any(minutes >= total for then in known for minutes in then)
        for report in ever:
            if _is_much(report):
                yield report, "absence", first, "closed" if over else "registered"


def _is_much(report: Any) -> bool:
    return not (report.data.unexcused_minutes < 4 * 60 or report.data.occasions < 2)


def _age(report: Any) -> int:
    """In whole years, when the report was noted."""
    born, on = report.data.pupil.identity_number[:8], report.time.astimezone(STOCKHOLM).date()
    day = int(born[6:]) % 60 if int(born[6:]) > 60 else int(born[6:])
    return int(on.year - int(born[:4]) - ((on.month, on.day) < (int(born[4:6]), day)))


def _told(events: Iterable[Event]) -> dict[tuple[str, str], Event]:
    told: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.type.startswith("se.kaa.school."):
            told.setdefault((event.source, event.id), event)
    return told


def _counting(told: Mapping[tuple[str, str], Event]) -> list[Event]:
    # absence takes back absence, and the others one another
    gone = {(e.source, getattr(e.data, "retracts", None), ".absence." in e.type) for e in told.values()}
    gone |= {(e.source, e.replaces, ".absence." in e.type) for e in told.values()}
    return [e for identity, e in told.items() if (*identity, ".absence." in e.type) not in gone]


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
