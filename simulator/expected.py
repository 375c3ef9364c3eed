"""What the register should say about a life: the episodes of coverage that are meant.

Derived from the life by asking, of each day on which anything changes, who is covered by the municipality's
responsibility (skollagen 29:9). The events play no part in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from simulator.life import DAY, Life
from simulator.terms import default_compulsory_end

#: First month and last month of the summer hold: who leaves school then is listed on 1 September.
_SUMMER = (6, 8)

_LEFT = {
    "upper_secondary": "left_upper_secondary",
    "introductory": "left_introductory_programme",
    "equivalent": "left_equivalent_education",
}
_STARTED = (
    ("introductory", "started_introductory_programme"),
    ("upper_secondary", "started_upper_secondary"),
    ("equivalent", "started_equivalent_education"),
    ("compulsory", "returned_to_compulsory_school"),
)
#: Of two facts on the same day the one with the higher rank is the reason for entry.
_RANK = {
    "compulsory_school_only": 0,
    "left_equivalent_education": 1,
    "left_introductory_programme": 2,
    "left_upper_secondary": 3,
    "study_certificate": 4,
}


@dataclass(frozen=True, slots=True)
class Episode:
    """Time under one municipality's responsibility; ``last_day`` is the last covered day."""

    municipality: str
    first_day: date
    last_day: date
    entry_reason: str
    exit_reason: str


def covered(life: Life, day: date) -> bool:
    """Whether the responsibility covers the person on the day, apart from the summer hold."""
    return _would_be_but_for_school(life, day) and not _at_school(life, day)


def _would_be_but_for_school(life: Life, day: date) -> bool:
    completed = life.completed_on()
    return (
        life.municipality_on(day) is not None and day < life.twenty and (completed is None or day < completed)
    )


def _at_school(life: Life, day: date) -> bool:
    return life.compulsory_over is None or day <= life.compulsory_over or life.in_school_on(day)


def _days_of_change(life: Life) -> list[date]:
    days = {since for since, _ in life.residence} | {life.twenty}
    days |= {credential.awarded_on for credential in life.credentials}
    if life.compulsory_over is not None:
        days.add(life.compulsory_over + DAY)
    if life.deceased_on is not None:
        days.add(life.deceased_on)
    for enrolment in life.enrolments:
        days |= {programme.since for programme in enrolment.programmes}
        if enrolment.last_day is not None:
            days.add(enrolment.last_day + DAY)
    return sorted(days)


def _spans(life: Life, days: list[date]) -> Iterator[tuple[date, date]]:
    """Maximal runs of covered days, after the summer hold: first day and the day after the last."""
    begun: date | None = None
    for day in days:
        is_covered = covered(life, day)
        if is_covered and begun is None:
            begun = day
        elif not is_covered and begun is not None:
            first = _after_hold(life, begun)
            if first < day:
                yield first, day
            begun = None


def _after_hold(life: Life, first: date) -> date:
    """1 September instead of a day in the summer, for who was at school until the day before."""
    if _SUMMER[0] <= first.month <= _SUMMER[1] and _would_be_but_for_school(life, first - DAY):
        return date(first.year, 9, 1)
    return first


def _entry_reason(life: Life, first: date) -> str:
    facts: list[tuple[date, int, str]] = []
    for enrolment in life.enrolments:
        if enrolment.last_day is None or enrolment.last_day >= first:
            continue
        if enrolment.ending == "left":
            programme = enrolment.programme_on(enrolment.last_day)
            reason = _LEFT.get(programme.kind) if programme else None
        else:
            reason = "compulsory_school_only" if enrolment.ending == "compulsory_ended" else None
        if reason:
            facts.append((enrolment.last_day, _RANK[reason], reason))
    facts += [
        (c.awarded_on, _RANK["study_certificate"], "study_certificate")
        for c in life.credentials
        if c.kind == "study_certificate" and c.awarded_on < first
    ]
    if facts:
        return max(facts)[2]
    pupil_somewhere = any(e.programmes[0].form == "GR" for e in life.enrolments)
    if pupil_somewhere or any(place.how == "no_show" for place in life.never_began):
        return "compulsory_school_only"
    arrived = life.registered_in_sweden_on
    if arrived is not None and arrived > default_compulsory_end(life.birth):
        return "newly_arrived"
    return "no_known_school"


def _exit_reason(life: Life, day: date, municipality: str) -> str:
    """Why the episode ended, by what is different on ``day``, the first that is not covered (there)."""
    if day == life.deceased_on:
        return "deceased"
    now = life.municipality_on(day)
    if now != municipality:
        return "moved" if now else "emigrated"
    if day == life.twenty:
        return "turned_20"
    if day == life.completed_on():
        return "completed_education"
    begun = {programme.kind for programme in life.programmes_on(day)}
    return next(reason for kind, reason in _STARTED if kind in begun)


def _moves(life: Life, first: date, end: date) -> list[date]:
    """Days within a span on which another municipality takes over."""
    return [
        day
        for day, municipality in life.residence
        if first < day < end and municipality != life.municipality_on(day - DAY)
    ]


def episodes(life: Life) -> list[Episode]:
    """The person's episodes of coverage over the whole timeline, in order."""
    found: list[Episode] = []
    for first, end in _spans(life, _days_of_change(life)):
        cuts = [first, *_moves(life, first, end), end]
        for begins, ends in pairwise(cuts):
            municipality = life.municipality_on(begins)
            assert municipality is not None  # covered implies resident
            entry, leave = _entry_reason(life, begins), _exit_reason(life, ends, municipality)
            found.append(Episode(municipality, begins, ends - DAY, entry, leave))
    return found
