"""Decides a life's schooling, year by year, from the end of compulsory school to the end of the school year.

The chances are set so that a municipality looks like the published figures: 10-13 % of those aged 16-19 covered at
some time in a year, entries twice as many in autumn as in spring, and of those who leave the register 47 % turn 20,
39 % start studies and 4 % complete.
"""

from datetime import date, timedelta
from random import Random

from simulator.life import DAY, Enrolment, Life, Programme
from simulator.schools import Schools
from simulator.studies import ACADEMIC, INTRODUCTORY, VOCATIONAL, Studies, between
from simulator.terms import SchoolYear, autumn_start, default_compulsory_end, school_end

#: Chance of leaving in a term, before the term's factor.
_LEAVES = {"upper_secondary": 0.0125, "introductory": 0.04, "equivalent": 0.11}
_AUTUMN, _SPRING = 0.57, 1.3
_REASONS = ("own_choice", "moved", "work", "excluded", "other")

#: Age in the year → what a person in no school begins, and the chance of it in a term.
_OUTSIDE = {
    17: (("national", 0.1), ("introductory", 0.155), ("basic", 0.02), ("never", 0.01)),
    18: (("national", 0.065), ("introductory", 0.085), ("adult", 0.08), ("folk", 0.05), ("never", 0.01)),
    19: (("adult", 0.13), ("introductory", 0.02), ("folk", 0.06), ("basic", 0.04), ("never", 0.01)),
}


def decide_schooling(life: Life, schools: Schools, year: SchoolYear, rng: Random) -> None:
    """Writes enrolments, places not taken up, credentials and the end of compulsory school into the life."""
    _Schooling(life, schools, year, rng).decide()
    life.enrolments.sort(key=lambda e: e.started_on)
    life.credentials.sort(key=lambda c: c.awarded_on)


class _Schooling:
    def __init__(self, life: Life, schools: Schools, year: SchoolYear, rng: Random) -> None:
        self.life = life
        self.end_year = year.start + 1
        self.rng = rng
        self.studies = Studies(life, schools, year.last_day, rng)

    def decide(self) -> None:
        """From compulsory school (or arrival) to the end of the school year."""
        life = self.life
        arrived = life.registered_in_sweden_on
        if arrived is not None and arrived > default_compulsory_end(life.birth):
            life.compulsory_over = arrived - DAY
            first_year = self._after_arrival(arrived)
        elif life.compulsory_over is not None:  # no known school
            first_year = life.compulsory_over.year + 1
        else:
            first_year = self._compulsory_school()
            if first_year < self.end_year:
                self._first_autumn(first_year)
        for year in range(first_year, self.end_year):
            self._year(year)

    # --- compulsory school and what comes after it ---------------------------------------------------------

    def _compulsory_school(self) -> int:
        """The year in which compulsory school ends, also when that lies ahead."""
        life, studies = self.life, self.studies
        year = life.birth.year + 16 + self.rng.choices((0, 1, -1), (0.978, 0.016, 0.006))[0]
        school = studies.choose("compulsory")
        assert school is not None  # Schools has seen to it
        enrolment = Enrolment(school, [Programme("GR", None, autumn_start(year - 3, school.shift))])
        life.enrolments.append(enrolment)
        if year <= self.end_year:
            life.compulsory_over = school_end(year, school.shift)
            enrolment.end(life.compulsory_over, "compulsory_ended")
        return year

    def _first_autumn(self, year: int) -> None:
        rng, studies = self.rng, self.studies
        start = studies.term(year, "autumn")
        chance = rng.random()
        if chance < 0.826:
            studies.start("national", start)
            if chance < 0.014 and studies.now is not None:  # tries for a few weeks, then another school
                studies.change_school(between(date(year, 9, 1), date(year, 9, 25), rng))
        elif chance < 0.944:
            studies.start("introductory", start)
        elif chance < 0.956:
            studies.start("adapted", start)
        elif chance < 0.976:
            self._no_show(start)
        elif chance < 0.979:  # one day was enough
            studies.start("national", start)
            if studies.now is not None:
                studies.leave(start, "own_choice")
        elif chance < 0.984:
            studies.never_begins(start, "withdrew")
            if rng.random() < 0.3:
                studies.start("national", studies.term(year, "autumn"))
        elif chance < 0.988:
            self._compulsory_again(date(year, 10, 1))

    def _no_show(self, planned: date) -> None:
        rng, place = self.rng, self.studies.never_begins(planned, "no_show")
        chance = rng.random()
        if place is not None and chance < 0.25:  # comes three weeks late after all
            start = planned + timedelta(days=rng.choice((20, 21, 22)))
            self.studies.enrol(place.school, "GY", place.programme.path, start)
            self.studies.grade = 1
        elif chance < 0.45:
            later = between(date(planned.year, 9, 3), date(planned.year, 11, 20), rng)
            self.studies.start("introductory", later)

    def _compulsory_again(self, earliest: date) -> None:
        """Finishes compulsory school, which stays open to those who lack grades (skollagen 7:15)."""
        school = self.studies.choose("compulsory")
        if school is not None:
            self.studies.enrol(school, "GR", None, between(earliest, earliest + timedelta(days=60), self.rng))

    def _after_arrival(self, arrived: date) -> int:
        """What a person newly arrived after compulsory age does first; the year from which the years go on."""
        rng, studies = self.rng, self.studies
        age = (arrived - self.life.birth).days / 365.25
        chance = rng.random()
        waits = arrived + timedelta(days=rng.randint(10, 60))
        if len(self.life.numbers) > 1 and chance < 0.6:  # went to school while the permit was waited for
            studies.start("arrival", arrived - timedelta(days=rng.randint(20, 150)))
        elif chance < 0.5 and age < 19 and waits.month not in (6, 7):
            studies.start("arrival", waits)
        elif chance < 0.8:
            studies.beside("VUXSFI", waits)
        elif chance < 0.84:
            self._compulsory_again(waits)
        elif chance > 0.97:
            studies.complete("foreign_equivalent", waits + timedelta(days=40))
        return arrived.year if arrived.month < 8 else arrived.year + 1

    # --- a year ------------------------------------------------------------------------------------------

    def _year(self, year: int) -> None:
        """From August of ``year`` to June of the next."""
        if self.studies.now is None:
            self._outside(year, "autumn")
        self._inside(date(year, 9, 2), date(year, 12, 15), _AUTUMN)
        if self.studies.now is None:
            self._outside(year + 1, "spring")
        self._inside(date(year + 1, 1, 20), date(year + 1, 5, 25), _SPRING)
        self._june(year + 1)

    def _inside(self, first: date, last: date, factor: float) -> None:
        """What may happen to a pupil in a term: leave, change programme or school."""
        rng, studies, enrolment = self.rng, self.studies, self.studies.now
        if enrolment is None:
            return
        programme = enrolment.programmes[-1]
        first = max(first, programme.since + timedelta(days=20))
        if first >= last or programme.form == "ABROAD":
            return
        day = between(first, last, rng)
        leaves = _LEAVES.get(programme.kind, 0.0)
        chance = rng.random() / factor
        if chance < leaves:
            studies.leave(day, rng.choices(_REASONS, (6, 1, 2, 1, 2))[0])
        elif chance < leaves + 0.005 and programme.form == "GY":
            studies.beside("VUXGR", day)
        elif chance < leaves + 0.065 and programme.form == "GY" and programme.kind == "upper_secondary":
            self._changes(day, programme)

    def _changes(self, day: date, programme: Programme) -> None:
        rng, studies = self.rng, self.studies
        match rng.choices(("programme", "introductory", "school", "gap"), (4, 1.4, 2.5, 0.7))[0]:
            case "school":
                studies.change_school(day)
            case "gap":
                former = studies.now
                studies.leave(day, "own_choice")
                back = day + timedelta(days=rng.randint(8, 40))
                if back.month in (6, 7):
                    return
                if former is not None and rng.random() < 0.4:
                    studies.again(former, back)
                else:
                    studies.start("national", back)
            case "introductory":
                studies.change_programme("GY", rng.choice(INTRODUCTORY), day)
                studies.grade = 1
            case _:
                paths = [path for path in ACADEMIC + VOCATIONAL if path != programme.path]
                studies.change_programme("GY", rng.choice(paths), day)

    def _june(self, year: int) -> None:
        """The end of a school year: completes, goes up, changes, leaves."""
        rng, studies, enrolment = self.rng, self.studies, self.studies.now
        if enrolment is None:
            return
        programme = enrolment.programmes[-1]
        end = school_end(year, enrolment.school.shift)
        autumn = autumn_start(year, enrolment.school.shift) if year < self.end_year else None
        chance = rng.random()
        if programme.form == "ABROAD":
            if autumn is not None:
                path = next(p.path for p in reversed(enrolment.programmes) if p.form == "GY")
                studies.change_programme("GY", path, autumn)
        elif programme.form == "GR":
            self._compulsory_june(enrolment, end, chance)
        elif programme.form == "VUXGY":
            self._adult_june(end, chance)
        elif programme.form != "GY":
            if studies.grade >= 4 and chance < 0.92:
                studies.finish(end, "adapted_certificate")
            studies.grade += 1
        elif programme.kind == "introductory":
            self._introductory_june(year, end, autumn, chance)
        elif studies.grade >= 3:
            self._last_june(programme, end, chance)
        else:
            self._national_june(end, autumn, chance)

    def _compulsory_june(self, enrolment: Enrolment, end: date, chance: float) -> None:
        if chance < 0.3:  # and now it is really over
            enrolment.end(end, "compulsory_ended")
            self.studies.now = None
            self.life.compulsory_over = end
        elif chance < 0.6:
            self.studies.leave(end, "other")

    def _introductory_june(self, year: int, end: date, autumn: date | None, chance: float) -> None:
        studies, rng = self.studies, self.rng
        if chance < 0.12:
            studies.leave(end, "other")
        elif chance < 0.62 and autumn is not None and self._age(year) < 19:
            path = rng.choice(ACADEMIC + VOCATIONAL)
            if rng.random() < 0.5:
                studies.change_programme("GY", path, autumn)
            else:
                studies.change_school(autumn, path)
            studies.grade = 1

    def _last_june(self, programme: Programme, end: date, chance: float) -> None:
        studies = self.studies
        if chance < 0.845 or studies.grade >= 4:
            studies.finish(end, "ib_diploma" if programme.path == "IB" else "diploma")
        elif chance < 0.95:
            studies.finish(end, "study_certificate")
        elif chance < 0.965:
            studies.leave(end, "other")
        else:
            studies.grade += 1

    def _national_june(self, end: date, autumn: date | None, chance: float) -> None:
        studies, rng = self.studies, self.rng
        if chance < 0.012:
            studies.leave(end, rng.choice(("own_choice", "work")))
        elif autumn is not None and chance < 0.045:
            studies.change_school(autumn)
        elif autumn is not None and chance < 0.06 and studies.grade == 1:
            studies.change_programme("ABROAD", None, autumn)
        elif autumn is not None and chance < 0.068:  # has a place elsewhere, and stays
            studies.never_begins(autumn, rng.choice(("no_show", "withdrew")))
        studies.grade += 1

    def _adult_june(self, end: date, chance: float) -> None:
        if chance < 0.4:
            self.studies.leave(end, "other")
        elif chance < 0.58:
            self.studies.leave(end, "other")
            self.studies.complete("adult_diploma", end + timedelta(days=self.rng.randint(0, 10)))

    # --- outside school -----------------------------------------------------------------------------------

    def _age(self, year: int) -> int:
        """The age that the person turns in the year."""
        return year - self.life.birth.year

    def _outside(self, year: int, term: str) -> None:
        """A term's chance to begin again, for a person who is in no school."""
        rng, studies = self.rng, self.studies
        age = self._age(year if term == "autumn" else year - 1)
        if studies.done or age > 19 or (age == 19 and term == "spring" and rng.random() < 0.5):
            return
        start = studies.term(year, term)
        over = self.life.compulsory_over
        if over is None or max((e.last_day or over for e in self.life.enrolments), default=over) >= start:
            return
        chance = rng.random() / (1.0 if term == "autumn" else 0.8)
        for step, share in _OUTSIDE[max(17, age)]:
            if chance < share:
                self._begin_again(step, start)
                return
            chance -= share
        if rng.random() < 0.02:
            late = between(start + timedelta(days=20), start + timedelta(days=100), rng)
            studies.complete("diploma" if rng.random() < 0.7 else "foreign_equivalent", late)

    def _begin_again(self, step: str, start: date) -> None:
        rng, studies = self.rng, self.studies
        later = start + timedelta(days=rng.randint(15, 80) if rng.random() < 0.3 else 0)
        match step:
            case "folk":
                if studies.beside("FHS", start) and rng.random() < 0.28:
                    june = school_end(start.year + (start.month > 6), 2)
                    studies.complete("folk_high_school_eligibility", june)
            case "basic":
                studies.beside("VUXGR", start)
            case "never":
                studies.never_begins(start, rng.choice(("no_show", "withdrew")))
            case "adult":
                if not studies.upgrade(start):
                    studies.start("adult", later)
            case "national":
                studies.start("national", later)
            case _:
                studies.start("introductory", later)
