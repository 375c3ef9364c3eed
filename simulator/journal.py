"""What the sources recorded: reports in the making, with the mistakes and corrections of real feeds.

A truth is told by ``tell``, which now and then tells it wrongly first, twice, or late; ``tell_wrongly`` tells what
never was and takes it back. In the end exactly the truth counts: an event that another of the same source replaces
or retracts is left out for good.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from simulator.life import Life
from simulator.terms import SchoolYear

STOCKHOLM = ZoneInfo("Europe/Stockholm")
#: People record from seven in the morning, for eleven hours (in milliseconds).
_MORNING = time(7)
_WORKING_DAY = 11 * 60 * 60 * 1000

Fields = dict[str, Any]

#: How often a truth meets each kind of mistake. A report from before the installation is mostly clean: it is
#: exported once the mistakes are out.
_MISTAKES = {
    "corrected": 0.022,
    "corrected twice": 0.003,
    "taken back by mistake and said again": 0.004,
    "taken back, the taking back taken back, said again": 0.004,
    "first said of another pupil": 0.004,
    "late": 0.03,
}
_BEFORE_GO_LIVE = 0.3


@dataclass(slots=True, eq=False)
class Report:
    """One event, before it has an id. ``names``: the report that it replaces or retracts."""

    source: str
    #: Family and verb: ``leave.left``.
    kind: str
    time: datetime
    fields: Fields
    names: "Report | None" = None
    #: A retraction of something that no system remembers; names nothing that is ever published.
    stray: bool = False
    id: str = ""

    @property
    def retracts(self) -> bool:
        return self.kind.endswith(".retracted")


@dataclass(slots=True)
class Journal:
    """Every report of the simulation, and how the truth became reports."""

    year: SchoolYear
    rng: Random
    reports: list[Report] = field(default_factory=list)

    def moment(self, day: date, first: int = 0, last: int = 3) -> datetime:
        """A working hour ``first`` to ``last`` days after the day, never after the school year."""
        rng = self.rng
        latest = min(last, (self.year.last_day - day).days)
        recorded = day + timedelta(days=rng.randint(min(first, latest), latest))
        into_the_day = timedelta(milliseconds=rng.randrange(_WORKING_DAY))
        return datetime.combine(recorded, _MORNING, STOCKHOLM) + into_the_day

    def record(
        self, source: str, kind: str, at: datetime, fields: Fields, names: Report | None = None
    ) -> Report:
        """One report, as it is."""
        report = Report(source, kind, at, fields, names)
        self.reports.append(report)
        return report

    def tell(
        self,
        life: Life,
        source: str,
        kind: str,
        at: datetime,
        fields: Fields,
        wrong: Callable[[], Fields] | None = None,
        other: Callable[[], Fields | None] | None = None,
    ) -> Report:
        """A truth, which may be told wrongly at first. ``wrong`` gives a false version of the fields, ``other``
        the same said of somebody else (None when there is nobody); without them those mistakes are not made.

        Returns the report that stands.
        """
        mistake = self._mistake(at)
        if mistake == "":
            return self.record(source, kind, at, fields)
        if mistake == "late":
            late = self._later(at, 20, 80)
            if late is not None:
                life.told.append(f"late: {kind}")
            return self.record(source, kind, late or at, fields)
        first_version: Fields | None = fields
        corrections = 1 if mistake in ("corrected", "first said of another pupil") else 3
        if mistake in ("corrected", "corrected twice"):
            first_version = wrong() if wrong else None
        elif mistake == "first said of another pupil":
            first_version = other() if other else None
        steps = [at]
        while len(steps) <= corrections and (step := self._later(steps[-1], 1, 25)) is not None:
            steps.append(step)
        if first_version is None or len(steps) <= corrections:
            return self.record(source, kind, at, fields)
        life.told.append(f"{mistake}: {kind}")
        return self._mistaken(mistake, source, kind, steps, fields, first_version, wrong)

    def _mistaken(
        self,
        mistake: str,
        source: str,
        kind: str,
        steps: list[datetime],
        fields: Fields,
        first_version: Fields,
        wrong: Callable[[], Fields] | None,
    ) -> Report:
        first = self.record(source, kind, steps[0], first_version)
        if mistake in ("corrected", "first said of another pupil"):
            return self.record(source, kind, steps[1], fields, first)
        if mistake == "corrected twice":
            second = self.record(source, kind, steps[1], wrong() if wrong else first_version, first)
            return self.record(source, kind, steps[2], fields, second)
        taken_back = self.retract(first, steps[1])
        if mistake == "taken back, the taking back taken back, said again":
            self.retract(taken_back, steps[2])
        return self.record(source, kind, steps[3], fields)

    def tell_wrongly(self, life: Life, source: str, kind: str, at: datetime, fields: Fields) -> None:
        """What never was true, and its retraction some days or weeks later; nothing when time is too short."""
        back = self._later(at, 1, 30)
        if back is not None:
            life.told.append(f"never true: {kind}")
            self.retract(self.record(source, kind, at, fields), back)

    def retract(self, report: Report, at: datetime) -> Report:
        """The report is taken back."""
        family = report.kind.partition(".")[0]
        fields: Fields = {"reason": "registered in error"} if self.rng.random() < 0.4 else {}
        return self.record(report.source, f"{family}.retracted", at, fields, report)

    def _mistake(self, at: datetime) -> str:
        chance = self.rng.random()
        if at.date() < self.year.go_live:
            chance /= _BEFORE_GO_LIVE
        for mistake, share in _MISTAKES.items():
            if chance < share:
                return mistake
            chance -= share
        return ""

    def _later(self, at: datetime, first: int, last: int) -> datetime | None:
        """A moment days after; None when the school year is over before."""
        day = at.date() + timedelta(days=first)
        if day > self.year.last_day:
            return None
        return self.moment(day, 0, last - first)
