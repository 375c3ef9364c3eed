"""Decides a life's schooling, year by year, from the end of compulsory school to the end of the school year.

The chances are set so that a municipality looks like the published figures: 10-13 % of those aged 16-19 covered at
some time in a year, entries twice as many in autumn as in spring, and of those who leave the register 47 % turn 20,
39 % start studies and 4 % complete.
"""

from datetime import date, timedelta
from random import Random

from simulator.life import DAY, Credential, Enrolment, Life, NeverBegan, Programme
from simulator.schools import School, SchoolKind, Schools
from simulator.terms import autumn_start, default_compulsory_end, school_end, spring_start

_ACADEMIC = ("NA", "TE", "SA", "EK", "ES", "HU")
_VOCATIONAL = ("BA", "BF", "EE", "FT", "FR", "FS", "HT", "IN", "NB", "RL", "VF", "VO")
_INTRODUCTORY = ("IMV", "IMY", "IMA", "IMA", "IMS")
_OWNERS = ("own", "other", "independent")


def _between(first: date, last: date, rng: Random) -> date:
    return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))


class Schooling:
    """One life's way through school; ``decide`` writes it into the life."""

    def __init__(self, life: Life, schools: Schools, end_year: int, rng: Random) -> None:
        self.life = life
        self.schools = schools
        self.end_year = end_year
        self.rng = rng
        #: The enrolment that counts now, if any, and the year of it (1-4).
        self.now: Enrolment | None = None
        self.grade = 0
        self.done = False

    def decide(self) -> None:
        """From compulsory school (or arrival) to the end of the school year."""
        life, rng = self.life, self.rng
        arrived = life.registered_in_sweden_on
        if arrived is not None and arrived > default_compulsory_end(life.birth):
            life.compulsory_over = arrived - DAY
            first_year = self._after_arrival(arrived)
        elif life.compulsory_over is not None:  # no known school
            first_year = life.compulsory_over.year + 1
        else:
            finished = self._compulsory_school()
            if finished is None:
                return
            first_year = finished
            if first_year < self.end_year:
                self._first_autumn(first_year)
        for year in range(first_year, self.end_year):
            self._year(year)
        life.enrolments.sort(key=lambda e: e.started_on)

    # --- compulsory school and the summer after -----------------------------------------------------------

    def _compulsory_school(self) -> int | None:
        """The year compulsory school ended; None when it goes on."""
        rng, life = self.rng, self.life
        year = life.birth.year + 16 + rng.choices((0, 1, -1), (0.978, 0.016, 0.006))[0]
        school = self._choose("compulsory")
        if school is None:
            raise ValueError("no unit of compulsory school to choose from")
        enrolment = Enrolment(school, [Programme("GR", None, autumn_start(year - 3, school.shift))])
        life.enrolments.append(enrolment)
        if year > self.end_year:
            return None
        life.compulsory_over = school_end(year, school.shift)
        enrolment.end(life.compulsory_over, "compulsory_ended")
        return year

    def _first_autumn(self, year: int) -> None:
        rng = self.rng
        step = rng.choices(
            ("national", "introductory", "adapted", "no_show", "withdrew", "nothing", "again", "elsewhere"),
            (0.812, 0.118, 0.012, 0.02, 0.008, 0.012, 0.004, 0.014),
        )[0]
        if step == "again":
            self._compulsory_again(date(year, 10, 1))
        elif step in ("no_show", "withdrew"):
            self._never_begins(year, step)
        elif step != "nothing":
            kind = "national" if step == "elsewhere" else step
            self._start(kind, self._term(year, "autumn"))
            if step == "elsewhere" and self.now is not None:  # tries for a few weeks, then another school
                self._change_school(_between(date(year, 9, 1), date(year, 9, 25), rng))

    def _never_begins(self, year: int, how: str) -> None:
        rng, life = self.rng, self.life
        school = self._choose("upper")
        if school is None:
            return
        planned = autumn_start(year, school.shift)
        programme = Programme("GY", rng.choice(_ACADEMIC + _VOCATIONAL), planned)
        if how == "withdrew":
            known = planned - timedelta(days=rng.randint(1, 25))
            life.never_began.append(NeverBegan(school, programme, "withdrew", known))
            if rng.random() < 0.3:
                self._start("national", self._term(year, "autumn"))
            return
        known = planned + timedelta(days=rng.randint(3, 12))
        life.never_began.append(NeverBegan(school, programme, "no_show", known))
        chance = rng.random()
        if chance < 0.25:  # comes three weeks late after all
            self._enrol(school, "GY", programme.path, planned + timedelta(days=rng.choice((20, 21, 22))))
            self.grade = 1
        elif chance < 0.45:
            self._start("introductory", _between(date(year, 9, 3), date(year, 11, 20), rng))

    def _compulsory_again(self, earliest: date) -> None:
        """Finishes compulsory school, which stays open to those who lack grades (skollagen 7:15)."""
        school = self._choose("compulsory")
        if school is not None:
            self._enrol(school, "GR", None, _between(earliest, earliest + timedelta(days=60), self.rng))

    def _after_arrival(self, arrived: date) -> int:
        """What a person newly arrived after compulsory age does first; the year from which the years go on."""
        rng = self.rng
        age = (arrived - self.life.birth).days / 365.25
        chance = rng.random()
        waits = arrived + timedelta(days=rng.randint(10, 60))
        if len(self.life.numbers) > 1 and chance < 0.6:  # went to school while the permit was waited for
            self._start("arrival", arrived - timedelta(days=rng.randint(20, 150)))
        elif chance < 0.5 and age < 19 and waits.month not in (6, 7):
            self._start("arrival", waits)
        elif chance < 0.8:
            self._other_studies("VUXSFI", waits)
        elif chance < 0.83:
            self._compulsory_again(waits)
        if chance > 0.97:
            self._complete("foreign_equivalent", waits + timedelta(days=40))
        return arrived.year if arrived.month < 8 else arrived.year + 1

    # --- a year ------------------------------------------------------------------------------------------

    def _year(self, year: int) -> None:
        """From August of ``year`` to June of the next."""
        if self.now is None:
            self._outside(year, "autumn")
        if self.now is not None:
            self._inside(date(year, 9, 2), date(year, 12, 15), 0.6)
        if self.now is None:
            self._outside(year + 1, "spring")
        if self.now is not None:
            self._inside(date(year + 1, 1, 20), date(year + 1, 5, 25), 1.3)
        if self.now is not None:
            self._june(year + 1)

    def _inside(self, first: date, last: date, hazard: float) -> None:
        """What may happen to a pupil in a term: leave, change programme or school, go abroad."""
        rng, enrolment = self.rng, self.now
        assert enrolment is not None
        programme = enrolment.programmes[-1]
        first = max(first, programme.since + timedelta(days=20))
        if first >= last:
            return
        day = _between(first, last, rng)
        kind = programme.kind
        leaves = {
            "upper_secondary": 0.0125 if programme.form == "GY" else 0.005,
            "introductory": 0.04,
            "equivalent": 0.11 if programme.form == "VUXGY" else 0.0,
        }.get(kind, 0.0)
        chance = rng.random() / hazard
        if chance < leaves:
            self._leave(day, rng.choices(("own_choice", "moved", "work", "excluded", "other"), (6, 1, 2, 1, 2))[0])
        elif kind == "upper_secondary" and programme.form == "GY" and chance < leaves + 0.055:
            to = rng.choices(("national", "introductory", "school", "gap"), (4, 1.4, 2.5, 0.6))[0]
            if to == "school":
                self._change_school(day)
            elif to == "gap":
                self._leave(day, "own_choice")
                again = day + timedelta(days=rng.randint(8, 40))
                if again.month not in (6, 7):
                    self._start("national", again)
            else:
                others = [p for p in (_INTRODUCTORY if to == "introductory" else _ACADEMIC + _VOCATIONAL)]
                path = rng.choice([p for p in others if p != programme.path])
                enrolment.programmes.append(Programme("GY", path, day))
                self.grade = 1 if to == "introductory" else self.grade

    def _june(self, year: int) -> None:
        """The end of a school year: completes, goes up, changes, leaves."""
        rng, enrolment = self.rng, self.now
        assert enrolment is not None
        programme = enrolment.programmes[-1]
        end = school_end(year, enrolment.school.shift)
        goes_on = year < self.end_year
        autumn = autumn_start(year, enrolment.school.shift)
        chance = rng.random()
        if programme.form == "ABROAD":
            back = next(p.path for p in reversed(enrolment.programmes) if p.form == "GY")
            if goes_on:
                enrolment.programmes.append(Programme("GY", back, autumn))
        elif programme.form == "GR":
            if goes_on:
                self._leave(end, "other")
        elif programme.kind == "upper_secondary" and programme.form != "GY":
            if self.grade >= 4 and chance < 0.92:
                self._finish(end, "adapted_certificate")
            self.grade += 1
        elif programme.kind == "introductory":
            if chance < 0.12:
                self._leave(end, "other")
            elif chance < 0.62 and goes_on and self._age(year) < 19:
                self._to_national(autumn)
        elif programme.form == "VUXGY":
            self._adult_june(end, chance)
        elif programme.kind == "upper_secondary":
            self._national_june(end, autumn, goes_on, chance)

    def _national_june(self, end: date, autumn: date, goes_on: bool, chance: float) -> None:
        rng, enrolment = self.rng, self.now
        assert enrolment is not None
        if self.grade >= 3:
            if chance < 0.845 or self.grade >= 4:
                path = enrolment.programmes[-1].path
                self._finish(end, "ib_diploma" if path == "IB" else "diploma")
            elif chance < 0.95:
                self._finish(end, "study_certificate")
            elif chance < 0.96:
                self._leave(end, "other")
            else:
                self.grade += 1
            return
        if chance < 0.012:
            self._leave(end, rng.choice(("own_choice", "work")))
        elif chance < 0.045 and goes_on:
            self._change_school(autumn)
        elif chance < 0.07 and goes_on and self.grade == 1:
            enrolment.programmes.append(Programme("ABROAD", None, autumn))
        self.grade += 1

    def _adult_june(self, end: date, chance: float) -> None:
        if chance < 0.4:
            self._leave(end, "other")
        elif chance < 0.6:
            self._leave(end, "other")
            self._complete("adult_diploma", end + timedelta(days=self.rng.randint(0, 10)))

    # --- outside school -----------------------------------------------------------------------------------

    def _outside(self, year: int, term: str) -> None:
        """A term's chance to begin again, for a person who is in no school."""
        rng = self.rng
        if self.done or self.life.compulsory_over is None:
            return
        age = self._age(year if term == "autumn" else year - 1)
        if age > 19 or (age == 19 and term == "spring" and rng.random() < 0.5):
            return
        start = self._term(year, term)
        if start <= self.life.compulsory_over:
            return
        chance = rng.random() / (1.0 if term == "autumn" else 0.8)
        if age <= 17:
            options = (("national", 0.11), ("introductory", 0.18), ("basic", 0.02), ("folk", 0.0))
        elif age == 18:
            options = (("national", 0.07), ("introductory", 0.1), ("adult", 0.08), ("folk", 0.05))
        else:
            options = (("adult", 0.14), ("introductory", 0.02), ("folk", 0.06), ("basic", 0.04))
        for step, share in options:
            if chance < share:
                self._begin_again(step, start)
                return
            chance -= share
        if rng.random() < 0.02:
            late = _between(start + timedelta(days=20), start + timedelta(days=100), rng)
            self._complete("diploma" if rng.random() < 0.7 else "foreign_equivalent", late)

    def _begin_again(self, step: str, start: date) -> None:
        if step == "folk":
            if self._other_studies("FHS", start) and self.rng.random() < 0.28:
                self._complete(
                    "folk_high_school_eligibility", school_end(start.year + (start.month > 6), 2)
                )
        elif step == "basic":
            self._other_studies("VUXGR", start)
        else:
            late = self.rng.randint(15, 80) if self.rng.random() < 0.3 else 0
            self._start(step, start + timedelta(days=late))

    # --- the steps ----------------------------------------------------------------------------------------

    def _age(self, year: int) -> int:
        """The age that the person turns in the year."""
        return year - self.life.birth.year

    def _choose(self, kind: SchoolKind) -> School | None:
        used = {e.school.code for e in self.life.enrolments} | {p.school.code for p in self.life.never_began}
        # who lives elsewhere is known here through this municipality's schools and the independent ones
        owners = _OWNERS if self.life.in_feed else ("own", "independent")
        return self.schools.choose(kind, self.rng, owners, used)

    def _term(self, year: int, term: str) -> date:
        """A first day of term, at some school."""
        return (autumn_start if term == "autumn" else spring_start)(year, self.rng.randint(0, 4))

    def _enrol(self, school: School, form: str, path: str | None, start: date) -> None:
        if start <= date(self.end_year, 6, 30):
            self.now = Enrolment(school, [Programme(form, path, start)])
            self.life.enrolments.append(self.now)

    def _start(self, step: str, start: date) -> None:
        """Begins a national, introductory, adapted or adult programme at a unit new to the person."""
        rng = self.rng
        school = self._choose({"adapted": "adapted", "adult": "adult"}.get(step, "upper"))
        if school is None:
            return
        form, path = "GY", None
        if step == "national":
            path = "IB" if rng.random() < 0.01 else rng.choice(_ACADEMIC * 3 + _VOCATIONAL)
        elif step == "introductory":
            path = rng.choice(_INTRODUCTORY)
        elif step == "arrival":
            path = "IMS"
        elif step == "adult":
            form = "VUXGY"
        else:
            form = rng.choices(("GYAN", "GYS", "GYSAR", "GS"), (7, 1, 1, 1))[0]
        self._enrol(school, form, path, start)
        self.grade = 1

    def _other_studies(self, form: str, start: date) -> bool:
        """Folk high school, or adult education on basic level: goes on beside the responsibility."""
        if start > date(self.end_year, 5, 1):
            return False
        school = self._choose("folk" if form == "FHS" else "adult")
        if school is None:
            return False
        enrolment = Enrolment(school, [Programme(form, None, start)])
        self.life.enrolments.append(enrolment)
        if self.rng.random() < 0.6:
            last = start + timedelta(days=self.rng.randint(40, 280))
            if last < date(self.end_year, 6, 20):
                enrolment.end(last, "left", "other")
        return True

    def _leave(self, last_day: date, reason: str) -> None:
        assert self.now is not None
        self.now.end(last_day, "left", reason)
        self.now = None

    def _finish(self, last_day: date, outcome: str) -> None:
        assert self.now is not None
        self.now.end(last_day, "completed")
        self.now.outcome = outcome
        self.life.credentials.append(Credential(outcome, last_day, True, self.rng.random() < 0.9))
        self.now = None
        self.done = self.done or outcome != "study_certificate"

    def _complete(self, kind: str, on: date) -> None:
        """A credential from elsewhere, in the national database only."""
        if on <= date(self.end_year, 6, 25):
            self.life.credentials.append(Credential(kind, on, False, True))
            self.done = True

    def _change_school(self, day: date, path: str | None = None) -> None:
        """Another school takes over on the day, without a gap; on the same programme if no other is given."""
        old = self.now
        assert old is not None
        school = self._choose("upper")
        if school is not None:
            old.end(day - DAY, "succeeded")
            self._enrol(school, "GY", path or old.programmes[-1].path, day)

    def _to_national(self, day: date) -> None:
        """From an introductory programme to a national one: inside the school, or at another."""
        assert self.now is not None
        path = self.rng.choice(_ACADEMIC + _VOCATIONAL)
        if self.rng.random() < 0.5:
            self.now.programmes.append(Programme("GY", path, day))
        else:
            self._change_school(day, path)
        self.grade = 1
