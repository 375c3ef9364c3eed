"""A second opinion: coverage decided day by day, slowly, straight from the written rules.

It shares nothing with the engine but the shape of a statement. Where the engine keeps intervals and integers, this
asks about one date at a time and looks at every statement again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

DAY = timedelta(days=1)
THIRTY = timedelta(days=30)
MAIN = {"introductory", "upper secondary", "equivalent", "compulsory"}
AFTER_COMPULSORY = {"introductory", "upper secondary", "equivalent"}
COMPLETES = (
    "diploma adapted_certificate ib_diploma adult_diploma folk_high_school_eligibility foreign_equivalent"
)

SCHOOL, FEED, NATIONAL = "se.kaa.school.", "se.kaa.municipality.resident.", "se.kaa.national.credential."


def wins(statements: Iterable[Any]) -> Any:
    """Of statements about the same thing for the same date."""
    return sorted(statements, key=lambda s: (s.time, s.id, s.source))[-1]


def age_day(born: date, years: int) -> date:
    """The birthday; 1 March where there is no 29 February."""
    if (born.month, born.day) == (2, 29):
        year = born.year + years
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return date(year, 2, 29) if leap else date(year, 3, 1)
    return date(born.year + years, born.month, born.day)


def kind(statement: Any) -> str:
    """What kind of education a ``started`` or ``changed`` speaks of."""
    form, path = statement.school_form, statement.study_path or ""
    if form == "GY":
        return "introductory" if path[:2] == "IM" else "upper secondary"
    if form in ("GYAN", "GYS", "GYSAR", "GS"):
        return "upper secondary"
    if form in ("VUXGY", "ABROAD"):
        return "equivalent"
    return "compulsory" if form == "GR" else "other"


@dataclass
class Proposal:
    """An enrolment that a ``started`` proposes."""

    unit: str
    start: date
    said: Any
    removed: bool = False
    #: As the unit's own events end it; None: open.
    last: date | None = None
    #: As a later main enrolment ends it.
    cut: date | None = None
    changes: dict[date, Any] = field(default_factory=dict)

    def open_on(self, day: date) -> bool:
        """By the unit's own events."""
        return not self.removed and self.start <= day and (self.last is None or day <= self.last)

    def attended_on(self, day: date) -> bool:
        """By everything."""
        return self.open_on(day) and (self.cut is None or day <= self.cut)

    def programme_on(self, day: date) -> str:
        """The kind of the latest piece that begins on or before a day."""
        days = [d for d in self.changes if d <= day and (self.cut is None or d <= self.cut)]
        return kind(self.changes[max(days)] if days else self.said)

    def beginnings(self) -> dict[date, str]:
        """First days of its pieces."""
        return {d: self.programme_on(d) for d in {self.start, *self.changes} if self.attended_on(d)}


class Oracle:
    """One person. ``statements``: the counting ones about her."""

    def __init__(self, statements: Iterable[Any]) -> None:
        self.statements = list(statements)
        self.seen: dict[tuple[str, ...], list[Any]] = {}
        self.proposals = list(self._enrolments())

    def said(self, *types: str) -> list[Any]:
        if types not in self.seen:
            self.seen[types] = [s for s in self.statements if s.type in types]
        return self.seen[types]

    # ---- facts

    @cached_property
    def number(self) -> str:
        changes = self.said(FEED + "identity_changed.v1")
        if not changes:
            return str(next(s.identity_number for s in self.statements))
        latest = max(s.on for s in changes)
        return str(wins(s for s in changes if s.on == latest).identity_number)

    @cached_property
    def born(self) -> date:
        stated = [s for s in self.statements if s.birth_date]
        if stated:
            answer: date = wins(stated).birth_date
            return answer
        digits = self.number
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]) % 60)

    @cached_property
    def arrived(self) -> date | None:
        stated = [s for s in self.statements if s.registered_in_sweden_on]
        return wins(stated).registered_in_sweden_on if stated else None

    @cached_property
    def default_day(self) -> date:
        return date(self.born.year + 16, 6, 30)

    def home_on(self, day: date) -> str | None:
        """The municipality, or None."""
        moves = self.said(FEED + "registered.v1", FEED + "moved.v1")
        deaths = self.said(FEED + "deceased.v1")
        if any(s.on <= day for s in deaths):
            return None
        if moves or deaths:
            past = [s for s in moves if s.on <= day]
            if not past:
                return None
            latest = max(s.on for s in past)
            stated: str | None = wins(s for s in past if s.on == latest).municipality
            return stated
        told = [
            s
            for s in self.said(SCHOOL + "enrolment.started.v1", SCHOOL + "leave.compulsory_ended.v1")
            if s.municipality
        ]
        if not told:
            return None
        past = [s for s in told if s.on <= day]
        decisive = max(s.on for s in past) if past else min(s.on for s in told)
        told_home: str = wins(s for s in told if s.on == decisive).municipality
        return told_home

    def compulsory_over_after(self) -> date:
        ends: list[date] = [s.on for s in self.said(SCHOOL + "leave.compulsory_ended.v1")]
        if ends:
            return max(ends)
        if self.arrived and self.arrived > self.default_day:
            return self.arrived - DAY
        new_year = date(self.born.year + 15, 1, 1)
        begun = [
            day
            for p in self.proposals
            for day, what in p.beginnings().items()
            if day >= new_year and what in AFTER_COMPULSORY
        ]
        return min([self.default_day, *(day - DAY for day in begun)])

    def completed_from(self) -> date | None:
        days = [
            s.on
            for s in self.said(SCHOOL + "leave.completed.v1", NATIONAL + "awarded.v1")
            if s.outcome in COMPLETES.split()
        ]
        return min(days) if days else None

    # ---- enrolments

    def _enrolments(self) -> Iterator[Proposal]:
        starts = self.said(SCHOOL + "enrolment.started.v1")
        everywhere = []
        for unit in sorted({s.school_unit for s in starts}):
            here = [s for s in starts if s.school_unit == unit]
            proposals = [
                Proposal(unit, day, wins(s for s in here if s.on == day))
                for day in sorted({s.on for s in here})
            ]
            self._remove_and_end(unit, proposals)
            everywhere += proposals
        main = [p for p in everywhere if not p.removed and p.programme_on(p.start) in MAIN]
        later = {id(p): [q.start for q in main if q.start > p.start] for p in main}
        for p in main:
            if later[id(p)]:
                p.cut = min(later[id(p)]) - DAY
        yield from everywhere

    def _remove_and_end(self, unit: str, proposals: list[Proposal]) -> None:
        for absent in self._at(unit, "enrolment.no_show"):
            near = [p for p in proposals if abs(p.start - absent) <= THIRTY]
            if near:
                closest = min(abs(p.start - absent) for p in near)
                next(p for p in near if abs(p.start - absent) == closest).removed = True
        lefts, leaves = (
            self._at(unit, "leave.left"),
            self._at(unit, "leave.left") + self._at(unit, "leave.completed"),
        )
        decided: list[Proposal] = []
        for p in proposals:
            if not p.removed:
                following = [q.start for q in proposals if q.start > p.start]
                began = any(p.start <= day and not (following and day >= following[0]) for day in leaves)
                for day in lefts:
                    between = any(day < q.start < p.start for q in proposals)
                    if p.start - THIRTY <= day < p.start and not between and not began:
                        self._end(decided)
                        if not any(q.open_on(day) for q in decided):
                            p.removed = True
            decided.append(p)
        self._end(decided)
        for p in proposals:
            if not p.removed:
                claims = [s for s in self.said(SCHOOL + "enrolment.changed.v1") if s.school_unit == unit]
                for day in {s.on for s in claims}:
                    if p.open_on(day):
                        p.changes[day] = wins(s for s in claims if s.on == day)

    def _end(self, proposals: list[Proposal]) -> None:
        """Step 3, for those that stand."""
        standing = [p for p in proposals if not p.removed]
        for position, p in enumerate(standing):
            unit_leaves = self._at(p.unit, "leave.left") + self._at(p.unit, "leave.completed")
            before = standing[position - 1] if position else None
            if before is not None and before.open_on(p.start - DAY):
                unit_leaves = [day for day in unit_leaves if day != p.start]
            last_days = [day for day in unit_leaves if day >= p.start]
            if position + 1 < len(standing):
                last_days.append(standing[position + 1].start - DAY)
            if p.said.school_form == "GR":
                ends = [s.on for s in self.said(SCHOOL + "leave.compulsory_ended.v1")]
                last_days += [day for day in ends if day >= p.start]
            p.last = min(last_days) if last_days else None

    def _at(self, unit: str, name: str) -> list[date]:
        return [s.on for s in self.said(f"{SCHOOL}{name}.v1") if s.school_unit == unit]

    # ---- coverage

    def in_school_on(self, day: date) -> set[str]:
        return {p.programme_on(day) for p in self.proposals if p.attended_on(day)} & MAIN

    def days(self) -> list[date]:
        """Every day on which coverage is thinkable, and one more on either side."""
        first, last = self.compulsory_over_after(), age_day(self.born, 20) + DAY
        return [first + DAY * n for n in range((last - first).days)]

    @cached_property
    def covered(self) -> dict[date, str]:
        """Day → municipality, without a summer hold."""
        over, completed, twenty = self.compulsory_over_after(), self.completed_from(), age_day(self.born, 20)
        found = {}
        for day in self.days():
            if day <= over or day >= twenty or (completed is not None and day >= completed):
                continue
            home = self.home_on(day)
            if home is not None and not self.in_school_on(day):
                found[day] = home
        return found

    def after_the_hold(self, found: dict[date, str]) -> dict[date, str]:
        """Takes from each span that begins in the summer for the sake of school its days before September."""
        kept = dict(found)
        for day in found:
            if day - DAY not in found and day.month in (6, 7, 8) and self.home_on(day - DAY) is not None:
                while day in found and day.month < 9:
                    del kept[day]
                    day += DAY
        return kept

    def episodes(self, summer_hold: bool) -> list[tuple[str, date, date, str, str]]:
        """(municipality, from, to, entry reason, exit reason)."""
        found = self.covered
        kept = self.after_the_hold(found) if summer_hold else found
        episodes = []
        for day in sorted(kept):
            if kept.get(day - DAY) == kept[day]:
                continue
            last = day
            while kept.get(last + DAY) == kept[day]:
                last += DAY
            episodes.append((kept[day], day, last, self.entry(day), self.exit(last)))
        return episodes

    # ---- reasons

    def entry(self, first: date) -> str:
        order = [
            "study_certificate",
            "left_upper_secondary",
            "left_introductory_programme",
            "left_equivalent_education",
            "compulsory_school_only",
        ]
        facts = [(s.on, "compulsory_school_only") for s in self.said(SCHOOL + "leave.compulsory_ended.v1")]
        finished = self.said(SCHOOL + "leave.completed.v1", NATIONAL + "awarded.v1")
        facts += [(s.on, "study_certificate") for s in finished if s.outcome == "study_certificate"]
        for s in self.said(SCHOOL + "leave.left.v1"):
            reason = self.what_left_tells(s.school_unit, s.on)
            if reason:
                facts.append((s.on, reason))
        facts = [fact for fact in facts if fact[0] < first]
        if facts:
            latest = max(day for day, _ in facts)
            return min((reason for day, reason in facts if day == latest), key=order.index)
        in_compulsory = any(s.school_form == "GR" for s in self.said(SCHOOL + "enrolment.started.v1"))
        if in_compulsory or self.said(SCHOOL + "enrolment.no_show.v1"):
            return "compulsory_school_only"
        return "newly_arrived" if self.arrived and self.arrived > self.default_day else "no_known_school"

    def what_left_tells(self, unit: str, day: date) -> str | None:
        here = [p for p in self.proposals if p.unit == unit]
        referred = self.ended_by(here, day)
        if referred is None:
            past = [p for p in here if p.start <= day]
            coming = [p for p in here if day < p.start <= day + THIRTY]
            if past:
                referred = past[-1]
            elif coming:
                referred = coming[0]
        if referred is None:
            return "left_upper_secondary"
        if referred.removed or referred.start > day:
            return None
        return {
            "upper secondary": "left_upper_secondary",
            "introductory": "left_introductory_programme",
            "equivalent": "left_equivalent_education",
        }.get(referred.programme_on(day))

    def ended_by(self, here: list[Proposal], day: date) -> Proposal | None:
        standing = [p for p in here if not p.removed]
        for before, p in pairwise(standing):
            if p.start == day and before.open_on(day - DAY):
                return before
        return next((p for p in standing if p.last == day), None)

    def exit(self, last: date) -> str:
        after = last + DAY
        here, there = self.home_on(last), self.home_on(after)
        school = self.in_school_on(after) - self.in_school_on(last)
        tests: list[tuple[str, Callable[[], bool]]] = [
            ("deceased", lambda: any(s.on == after for s in self.said(FEED + "deceased.v1"))),
            ("emigrated", lambda: there is None),
            ("moved", lambda: there != here),
            ("turned_20", lambda: after == age_day(self.born, 20)),
            ("completed_education", lambda: after == self.completed_from()),
            ("started_introductory_programme", lambda: "introductory" in school),
            ("started_upper_secondary", lambda: "upper secondary" in school),
            ("started_equivalent_education", lambda: "equivalent" in school),
            ("returned_to_compulsory_school", lambda: "compulsory" in school),
        ]
        return next(name for name, changed in tests if changed())
