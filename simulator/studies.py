"""The steps of a school career: begin, change, leave, finish. Which step is taken, and when, is ``schooling.py``."""

from datetime import date, timedelta
from random import Random
from typing import Literal

from simulator.life import DAY, Credential, Enrolment, Life, NeverBegan, Programme
from simulator.schools import School, SchoolKind, Schools
from simulator.terms import autumn_start, spring_start

ACADEMIC = ("NA", "TE", "SA", "EK", "ES", "HU")
VOCATIONAL = ("BA", "BF", "EE", "FT", "FR", "FS", "HT", "IN", "NB", "RL", "VF", "VO")
INTRODUCTORY = ("IMV", "IMY", "IMA", "IMA", "IMS")
_ADAPTED = ("GYAN", "GYAN", "GYAN", "GYAN", "GYAN", "GYAN", "GYAN", "GYS", "GYSAR", "GS")

Step = Literal["national", "introductory", "arrival", "adapted", "adult"]


def between(first: date, last: date, rng: Random) -> date:
    """A day from the first to the last."""
    return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))


class Studies:
    """One person's studies, written into the life step by step.

    Nothing begins after the last day of the simulated school year. A unit is chosen once in a life, so that what
    schools say of one enrolment cannot be taken for another; who returns to a school does so by ``again``.
    """

    def __init__(self, life: Life, schools: Schools, last_day: date, rng: Random) -> None:
        self.life = life
        self.schools = schools
        self.last_day = last_day
        self.rng = rng
        #: The enrolment that keeps the person out of the register, if any, and the year of it (1-4).
        self.now: Enrolment | None = None
        self.grade = 0
        #: Education is completed; nothing more begins.
        self.done = False

    def choose(self, kind: SchoolKind) -> School | None:
        """A unit new to the person; None when there is none left."""
        used = {e.school.code for e in self.life.enrolments} | {p.school.code for p in self.life.never_began}
        # who lives elsewhere is known here through this municipality's schools and the independent ones
        owners = ("own", "other", "independent") if self.life.in_feed else ("own", "independent")
        return self.schools.choose(kind, self.rng, owners, used)

    def term(self, year: int, term: str) -> date:
        """A first day of term (``autumn`` or ``spring``), at some school."""
        return (autumn_start if term == "autumn" else spring_start)(year, self.rng.randint(0, 4))

    def programme(self, step: Step) -> tuple[str, str | None]:
        """School form and study path."""
        rng = self.rng
        match step:
            case "national":
                return "GY", "IB" if rng.random() < 0.01 else rng.choice(ACADEMIC * 3 + VOCATIONAL)
            case "introductory":
                return "GY", rng.choice(INTRODUCTORY)
            case "arrival":
                return "GY", "IMS"
            case "adult":
                return "VUXGY", None
            case "adapted":
                return rng.choice(_ADAPTED), None

    def enrol(self, school: School, form: str, path: str | None, start: date) -> None:
        if start <= self.last_day:
            self.now = Enrolment(school, [Programme(form, path, start)])
            self.life.enrolments.append(self.now)

    def start(self, step: Step, start: date) -> None:
        """Begins at a unit new to the person."""
        school = self.choose("adapted" if step == "adapted" else "adult" if step == "adult" else "upper")
        if school is not None:
            self.enrol(school, *self.programme(step), start)
            self.grade = 1

    def again(self, former: Enrolment, start: date) -> None:
        """Comes back to a school, on the programme that was left."""
        programme = former.programmes[-1]
        self.enrol(former.school, programme.form, programme.path, start)

    def never_begins(self, planned: date, how: Literal["no_show", "withdrew"]) -> NeverBegan | None:
        """Gets a place for the day and does not take it."""
        rng, school = self.rng, self.choose("upper")
        if school is None or planned > self.last_day - timedelta(days=20):
            return None
        days = rng.randint(3, 12) if how == "no_show" else -rng.randint(1, 25)
        programme = Programme("GY", rng.choice(ACADEMIC + VOCATIONAL), planned)
        place = NeverBegan(school, programme, how, planned + timedelta(days=days))
        self.life.never_began.append(place)
        return place

    def beside(self, form: Literal["FHS", "VUXGR", "VUXSFI"], start: date) -> bool:
        """Folk high school, or adult education on basic level: goes on beside the responsibility."""
        school = self.choose("folk" if form == "FHS" else "adult")
        if school is None or start > self.last_day - timedelta(days=60):
            return False
        enrolment = Enrolment(school, [Programme(form, None, start)])
        self.life.enrolments.append(enrolment)
        if self.rng.random() < 0.5:
            last = start + timedelta(days=self.rng.randint(40, 280))
            if last < self.last_day - timedelta(days=10):
                enrolment.end(last, "left", "other")
        return True

    def upgrade(self, start: date) -> bool:
        """Goes on from basic to upper secondary level at the same adult school."""
        for enrolment in self.life.enrolments:
            form = enrolment.programmes[-1].form
            if form in ("VUXGR", "VUXSFI") and enrolment.last_day is None and enrolment.started_on < start:
                enrolment.programmes.append(Programme("VUXGY", None, start))
                self.now = enrolment
                return True
        return False

    def change_programme(self, form: str, path: str | None, day: date) -> None:
        """Another programme at the same school."""
        assert self.now is not None
        self.now.programmes.append(Programme(form, path, day))

    def change_school(self, day: date, path: str | None = None) -> None:
        """Another school takes over on the day, without a gap; on the same programme if no other is given."""
        old, school = self.now, self.choose("upper")
        assert old is not None
        if school is not None and day <= self.last_day:
            old.end(day - DAY, "succeeded")
            self.enrol(school, "GY", path or old.programmes[-1].path, day)

    def leave(self, last_day: date, reason: str) -> None:
        assert self.now is not None
        self.now.end(last_day, "left", reason)
        self.now = None

    def finish(self, last_day: date, outcome: str) -> None:
        """Completes, with a diploma or a certificate from the school."""
        assert self.now is not None
        self.now.end(last_day, "completed")
        self.now.outcome = outcome
        self.life.credentials.append(Credential(outcome, last_day, True, self.rng.random() < 0.9))
        self.now = None
        self.done = self.done or outcome != "study_certificate"

    def complete(self, kind: str, on: date) -> None:
        """A credential from elsewhere, in the national database only."""
        if on > self.last_day - timedelta(days=5):
            return
        self.life.credentials.append(Credential(kind, on, False, True))
        self.done = True
        second = on + timedelta(days=self.rng.randint(60, 150))
        if self.rng.random() < 0.2 and second <= self.last_day:
            self.life.credentials.append(Credential("adult_diploma", second, False, True))
