"""Coverage: who is covered by the municipalities' responsibility (kommunernas aktivitetsansvar), from when to when.

A pure function of the counting statements about one person (skollagen 29:9). No clock, no database: the same
statements, in any order, give the same episodes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from contracts.own import EntryReason, ExitReason
from services.registry.enrolments import OPEN
from services.registry.facts import Facts, facts_of
from services.registry.reasons import entry_facts, entry_reason, exit_reason
from services.registry.residence import ALWAYS, Stay, stay_on
from services.registry.statement import Statement

#: The months of the summer hold: 1 June to 31 August.
SUMMER: Final = (6, 7, 8)


@dataclass(frozen=True, slots=True)
class Episode:
    """A run of covered days in one municipality; both ends are covered days."""

    municipality: str
    from_day: date
    #: None, after ``cut``: not over on the day that was asked for.
    to_day: date | None
    entry_reason: EntryReason
    #: None exactly when ``to_day`` is.
    exit_reason: ExitReason | None


def timeline(statements: Iterable[Statement], *, summer_hold: bool = True) -> tuple[Episode, ...]:
    """All episodes of one person, past and to come, in order; each ends at the latest before the 20th birthday.

    ``statements``: the counting ones about the person, in any order; none gives no episodes.
    ``summer_hold``: nobody is listed for the first time between June and August because school is out.
    """
    about = tuple(statements)
    return episodes_of(facts_of(about), summer_hold=summer_hold) if about else ()


def episodes_of(facts: Facts, *, summer_hold: bool = True) -> tuple[Episode, ...]:
    """As ``timeline``, of what is true of the person."""
    covered = spans(facts)
    if summer_hold:
        covered = [held for held in (after_summer(facts, span) for span in covered) if held is not None]
    if not covered:
        return ()
    entered = entry_facts(facts)
    return tuple(
        Episode(
            municipality,
            date.fromordinal(first),
            date.fromordinal(last),
            entry_reason(facts, entered, first),
            exit_reason(facts, municipality, last + 1),
        )
        for span in covered
        for municipality, first, last in _by_municipality(facts.stays, span)
    )


def spans(facts: Facts) -> list[tuple[int, int]]:
    """The maximal runs of covered days (first, last: ordinals), whatever the municipality, without a summer hold.

    Covered: resident, before the 20th birthday, compulsory school over, not enrolled, not completed.
    """
    last_day = facts.twentieth - 1
    if facts.completed is not None:
        last_day = min(last_day, facts.completed[0] - 1)
    barred = [(piece.first, piece.last) for piece in facts.schooling]
    barred.extend(_away(facts.stays))
    barred.sort()
    found = []
    day = facts.compulsory.last + 1
    for first, last in barred:
        if first > last_day:
            break
        if first > day:
            found.append((day, first - 1))
        if last >= day:
            day = last + 1
    if day <= last_day:
        found.append((day, last_day))
    return found


def after_summer(facts: Facts, span: tuple[int, int]) -> tuple[int, int] | None:
    """The span as the summer hold leaves it: from 1 September, or None when it is over before.

    It holds back who becomes covered between June and August because school is out. Who was resident on the day
    before and not covered was so for the sake of schooling alone: age and completion only ever end coverage.
    """
    first, last = span
    begins = date.fromordinal(first)
    if begins.month not in SUMMER:
        return span
    stay = stay_on(facts.stays, first - 1)
    if stay is None or stay.municipality is None:
        return span
    september = date(begins.year, 9, 1).toordinal()
    return (september, last) if september <= last else None


def _away(timeline: Sequence[Stay]) -> list[tuple[int, int]]:
    """The runs of days on which the person is not resident anywhere."""
    if not timeline:
        return [(ALWAYS, OPEN)]
    away = [(ALWAYS, timeline[0].day - 1)]
    for position, stay in enumerate(timeline):
        if stay.municipality is None:
            following = timeline[position + 1].day - 1 if position + 1 < len(timeline) else OPEN
            away.append((stay.day, following))
    return away


def _by_municipality(timeline: Sequence[Stay], span: tuple[int, int]) -> list[tuple[str, int, int]]:
    """A span cut where the municipality changes: (municipality, first, last)."""
    pieces = []
    first, last = span
    for position, stay in enumerate(timeline):
        following = timeline[position + 1].day if position + 1 < len(timeline) else OPEN
        if following > first and stay.day <= last and stay.municipality is not None:
            pieces.append((stay.municipality, max(first, stay.day), min(last, following - 1)))
    return pieces


def cut(episodes: Iterable[Episode], as_of: date) -> tuple[Episode, ...]:
    """The episodes as they stand on a day: none that begins later; one not over by then has no end yet."""
    return tuple(
        e if e.to_day is not None and e.to_day < as_of else replace(e, to_day=None, exit_reason=None)
        for e in episodes
        if e.from_day <= as_of
    )
