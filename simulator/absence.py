"""Unexcused absence: which pupils, how much, and how schools report it through the month.

The law names no number of hours; a month with four hours or more is what student aid is lost for (CSN), which
happened to 10.8 % of the pupils of upper secondary school in 2024/25. Skollagen 15 kap. 15 §.
"""

from datetime import date, timedelta
from functools import partial

from simulator.journal import Fields, Journal
from simulator.life import Enrolment, Life
from simulator.school_reports import SchoolReports
from simulator.terms import SchoolYear

#: Minutes in a month from which absence counts as significant.
SIGNIFICANT = 240
_SHARE = 0.108
#: Share of pupils with some unexcused absence that stays below that.
_LITTLE = 0.07


def _months(year: SchoolYear) -> list[date]:
    """First days of the months with school; of the last one a week at least."""
    months = [date(year.start, m, 1) for m in range(9, 13)] + [
        date(year.start + 1, m, 1) for m in range(1, 6)
    ]
    return [month for month in months if month + timedelta(days=7) <= year.last_day]


def at_upper_secondary(life: Life, month: date, end: date) -> Enrolment | None:
    """The enrolment in upper secondary school that lasts from ``month`` to ``end``, before the 20th birthday."""
    if life.twenty <= end or (life.deceased_on is not None and life.deceased_on <= end):
        return None
    for enrolment in life.enrolments:
        begun, ended = enrolment.programme_on(month), enrolment.programme_on(end)
        if begun is not None and ended is not None and begun.form == "GY" and ended.form == "GY":
            return enrolment
    return None


class AbsenceReports:
    """The attendance systems' reports."""

    def __init__(self, journal: Journal, school_reports: SchoolReports, year: SchoolYear) -> None:
        self.journal = journal
        self.school_reports = school_reports
        self.year = year
        self.rng = journal.rng

    def about(self, life: Life) -> None:
        """Decides the person's absence in the school year and tells it."""
        rng = self.rng
        chance = rng.random()
        if chance >= _SHARE + _LITTLE:
            return
        months = [
            (month, enrolment)
            for month in _months(self.year)
            if (enrolment := at_upper_secondary(life, month, self._last_school_day(month))) is not None
        ]
        if not months:
            return
        significant = chance < _SHARE
        how_many = min(len(months), rng.choice((1, 1, 2, 2, 3, 4, 5)))
        for month, enrolment in sorted(rng.sample(months, how_many), key=lambda pair: pair[0]):
            total = rng.randint(SIGNIFICANT, 2400) if significant else rng.randint(20, SIGNIFICANT - 10)
            life.absence[f"{month:%Y-%m}"] = total
            self._month(life, enrolment, month, total)
        if significant and rng.random() < 0.5:
            self._resumes(life, months)
        if rng.random() < 0.03:
            self._never_absent(life, *rng.choice(months))

    def _last_school_day(self, month: date) -> date:
        return min(month.replace(day=28 if month.month != 12 else 19), self.year.last_day)

    def _reported(self, life: Life, enrolment: Enrolment, on: date, month: date, minutes: int) -> Fields:
        school = enrolment.school
        return {
            "pupil": self.school_reports.pupil(life, on, school),
            "school_unit": school.code,
            "month": f"{month:%Y-%m}",
            "unexcused_minutes": minutes,
            "occasions": max(1, minutes // 75),
            **self.school_reports.home(life, on, school),
        }

    def _month(self, life: Life, enrolment: Enrolment, month: date, total: int) -> None:
        """The total so far, several times in the month; now and then the last one is corrected."""
        rng, source = self.rng, enrolment.school.absence_source
        times = rng.randint(2, 6)
        last = self._last_school_day(month)
        so_far = sorted([rng.randint(total // 8, total) for _ in range(times - 1)] + [total])
        for turn, minutes in enumerate(so_far, 1):
            on = month + timedelta(days=(last - month).days * turn // times)
            at = self.journal.moment(on, 0, 2)
            report = self._reported(life, enrolment, on, month, minutes)
            if turn < times:
                self.journal.record(source, "absence.reported", at, report)
            else:
                more = {**report, "unexcused_minutes": minutes + 300}
                self.journal.tell(life, source, "absence.reported", at, report, partial(dict, more))

    def _resumes(self, life: Life, months: list[tuple[date, Enrolment]]) -> None:
        """Back to full-time attendance on the first days of the month after the last one with absence."""
        last = max(life.absence)
        for month, enrolment in months:
            if f"{month:%Y-%m}" > last:
                on = month + timedelta(days=3)
                fields: Fields = {
                    "pupil": self.school_reports.pupil(life, on, enrolment.school),
                    "school_unit": enrolment.school.code,
                    "resumed_on": on.isoformat(),
                }
                at = self.journal.moment(on, 0, 4)
                self.journal.tell(life, enrolment.school.absence_source, "absence.resumed", at, fields)
                return

    def _never_absent(self, life: Life, month: date, enrolment: Enrolment) -> None:
        """Absence reported of a pupil who was there, and taken back."""
        if f"{month:%Y-%m}" not in life.absence:
            on = month + timedelta(days=14)
            at = self.journal.moment(on)
            fields = self._reported(life, enrolment, on, month, 500)
            self.journal.tell_wrongly(life, enrolment.school.absence_source, "absence.reported", at, fields)
