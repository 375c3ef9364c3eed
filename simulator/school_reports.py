"""How schools tell about a life: starts, changes, leaves and completions, and the term's confirmations.

The rules of the register leave schools some freedom in how to say the same thing, and every way is used: a change of
programme as ``changed`` or as a new start with or without a leave, a change of school with and without a leave from
the old one, a place not taken up as a no-show, a leave before the first day or a retraction.
"""

from datetime import date, timedelta
from random import Random

from simulator.journal import Fields, Journal, Report
from simulator.life import DAY, Credential, Enrolment, Life, NeverBegan, Programme
from simulator.schools import School, Schools
from simulator.terms import SchoolYear, autumn_start, spring_start
from simulator.unsaid import begins_in_august, end_goes_without_saying, start_that_can_stay_untold


def _iso(day: date) -> str:
    return day.isoformat()


class SchoolReports:
    """Reports of every organiser's systems about the lives given to ``about``."""

    def __init__(self, journal: Journal, schools: Schools, year: SchoolYear, lives: list[Life]) -> None:
        self.journal = journal
        self.schools = schools
        self.year = year
        self.rng: Random = journal.rng
        self._pupils: dict[str, list[Life]] = {}
        for life in lives:
            for enrolment in life.enrolments:
                self._pupils.setdefault(enrolment.school.source, []).append(life)

    def about(self, life: Life) -> None:
        """Everything schools tell about a person."""
        for place in life.never_began:
            self._never_began(life, place)
        untold = start_that_can_stay_untold(life) if self.rng.random() < 0.6 else None
        if untold is not None:
            life.told.append("only the leave is told: leave.left")
        for index, enrolment in enumerate(life.enrolments):
            if enrolment.programmes[0].form == "GR":
                self._compulsory(life, enrolment, untold)
                self._confirmations(life, enrolment)
                self._never_true(life, enrolment)
                continue
            following = next(
                (e for e in life.enrolments[index + 1 :] if e.programmes[0].kind != "other"), None
            )
            if enrolment is not untold:
                self._began(life, enrolment)
                self._changes(life, enrolment)
            self._ended(life, enrolment, following)
            self._confirmations(life, enrolment)
            self._never_true(life, enrolment)

    # --- what every report has in common -------------------------------------------------------------------

    def pupil(self, life: Life, day: date, school: School) -> Fields:
        """``pupil`` of an event recorded on the day; some schools learn of a new identity number months later."""
        slow = int(school.code) % 4 == 0
        number = life.number_on(day - timedelta(days=75) if slow else day)
        if int(school.code) % 5 < 3:
            return {"identity_number": number, "given_name": life.given_name, "family_name": life.family_name}
        return {"identity_number": number}

    def home(self, life: Life, day: date, school: School) -> Fields:
        """``home_municipality``: mostly stated by those who are not the home municipality, always where the
        population feed does not know the person."""
        municipality = life.municipality_on(day)
        if municipality is None:
            return {}
        stated = not life.in_feed or self.rng.random() < (0.3 if school.owner == "own" else 0.9)
        return {"home_municipality": municipality} if stated else {}

    def _tell(
        self, life: Life, school: School, kind: str, day: date, fields: Fields, days: tuple[int, int]
    ) -> Report:
        """A truth with one date in it, which is what schools get wrong most."""
        at = self.journal.moment(day, *days)
        whole = {"pupil": self.pupil(life, at.date(), school), "school_unit": school.code, **fields}
        dated = next(name for name in fields if name.endswith(("_on", "last_day")))

        def wrong() -> Fields:
            other = dict(whole)
            if "study_path" in other and self.rng.random() < 0.4:
                other["study_path"] = "EK" if other["study_path"] != "EK" else "IMA"
            elif "outcome" in other and self.rng.random() < 0.4:
                other["outcome"] = (
                    "diploma" if other["outcome"] == "study_certificate" else "study_certificate"
                )
            else:
                other[dated] = _iso(day + timedelta(days=self.rng.choice((-21, -7, -3, 2, 7, 14))))
            return other

        def of_another() -> Fields | None:
            another = self.rng.choice(self._pupils[school.source])
            return None if another is life else {**whole, "pupil": self.pupil(another, at.date(), school)}

        other_pupil = of_another if school.source in self._pupils else None
        return self.journal.tell(life, school.source, kind, at, whole, wrong, other_pupil)

    def _tell_wrongly(self, life: Life, school: School, kind: str, day: date, fields: Fields) -> None:
        at = self.journal.moment(day, 0, 4)
        whole = {"pupil": self.pupil(life, at.date(), school), "school_unit": school.code, **fields}
        self.journal.tell_wrongly(life, school.source, kind, at, whole)

    def _programme(self, programme: Programme) -> Fields:
        said: Fields = {"school_form": programme.form}
        if programme.path:
            said["study_path"] = programme.path
        return said

    # --- enrolments ----------------------------------------------------------------------------------------

    def _started(self, life: Life, school: School, programme: Programme, days: tuple[int, int]) -> Report:
        fields = {
            **self._programme(programme),
            "started_on": _iso(programme.since),
            **self.home(life, programme.since, school),
        }
        return self._tell(life, school, "enrolment.started", programme.since, fields, days)

    def _began(self, life: Life, enrolment: Enrolment) -> None:
        school, first = enrolment.school, enrolment.programmes[0]
        # places are given in spring and July for August; who begins in the middle of a term is registered then
        days = (-30, 6) if first.since.month == 8 else (-2, 9)
        if first.form == "GY" and self.rng.random() < 0.005 and len(enrolment.programmes) == 1:
            mistaken = Programme("GY", "IMA" if first.kind == "upper_secondary" else "NA", first.since)
            self._started(life, school, mistaken, days)
            life.told.append("changed on the first day: enrolment.changed")
            self._changed(life, school, first)
            return
        self._started(life, school, first, days)
        self._withdrew_but_began(life, enrolment)

    def _changed(self, life: Life, school: School, programme: Programme) -> None:
        fields = {**self._programme(programme), "changed_on": _iso(programme.since)}
        self._tell(life, school, "enrolment.changed", programme.since, fields, (0, 12))

    def _changes(self, life: Life, enrolment: Enrolment) -> None:
        """Changes of programme inside the school: as such, or as a leave and a new start."""
        rng, school = self.rng, enrolment.school
        for programme in enrolment.programmes[1:]:
            # a leave on the day of a new start would be read as one from the programme before
            if rng.random() < 0.75 or programme.since == enrolment.last_day:
                self._changed(life, school, programme)
                continue
            how = rng.choice(("alone", "left the day before", "left on the day"))
            life.told.append(f"a change of programme as a new start, {how}: enrolment.started")
            if how != "alone":
                last = programme.since - (DAY if how == "left the day before" else timedelta())
                self._left(life, school, last, "other")
            self._started(life, school, programme, (0, 9))

    def _withdrew_but_began(self, life: Life, enrolment: Enrolment) -> None:
        """A leave dated before the first day, never taken back, of a pupil who came all the same."""
        once = sum(e.school is enrolment.school for e in life.enrolments) == 1
        shown = once and enrolment.ending == "left" and len(enrolment.programmes) == 1
        if shown and self.rng.random() < 0.006:
            day = enrolment.started_on - timedelta(days=self.rng.randint(2, 25))
            life.told.append("said to have withdrawn, came all the same: leave.left")
            fields: Fields = {"last_day": _iso(day), "reason": "other"}
            at = self.journal.moment(day, 0, 3)
            whole = {
                "pupil": self.pupil(life, at.date(), enrolment.school),
                "school_unit": enrolment.school.code,
            }
            self.journal.record(enrolment.school.source, "leave.left", at, {**whole, **fields})

    def _never_began(self, life: Life, place: NeverBegan) -> None:
        rng, school, planned = self.rng, place.school, place.programme.since
        if place.how == "withdrew" and rng.random() < 0.3:
            start = self._started(life, school, place.programme, (-60, -30))
            life.told.append("withdrew, told as a retraction: enrolment.started")
            self.journal.retract(
                start, self.journal.moment(max(place.said_on, start.time.date() + DAY), 0, 3)
            )
            return
        self._started(life, school, place.programme, (-60, -30))
        if place.how == "withdrew":
            life.told.append("withdrew before the term: leave.left")
            self._left(life, school, place.said_on, "own_choice")
            return
        life.told.append("no-show: enrolment.no_show")
        fields: Fields = {"term_started_on": _iso(planned + timedelta(days=rng.choice((0, 0, 0, -2, 1))))}
        self._tell_dated(life, school, "enrolment.no_show", place.said_on, fields)
        comes_later = any(e.school is school for e in life.enrolments)
        if rng.random() < 0.2 and not comes_later:
            life.told.append("a leave after a no-show: leave.left")
            self._left(life, school, place.said_on, "other")

    def _tell_dated(self, life: Life, school: School, kind: str, known: date, fields: Fields) -> None:
        """A report about a day that is not the one on which it became known; told as it is."""
        at = self.journal.moment(known, 0, 5)
        whole = {"pupil": self.pupil(life, at.date(), school), "school_unit": school.code, **fields}
        self.journal.tell(life, school.source, kind, at, whole)

    # --- ends ----------------------------------------------------------------------------------------------

    def _left(self, life: Life, school: School, last_day: date, reason: str | None) -> None:
        fields: Fields = {"last_day": _iso(last_day)}
        if reason and self.rng.random() < 0.8:
            fields["reason"] = reason
        self._tell(life, school, "leave.left", last_day, fields, (0, 9))

    def _ended(self, life: Life, enrolment: Enrolment, following: Enrolment | None) -> None:
        rng, school, last = self.rng, enrolment.school, enrolment.last_day
        if last is None:
            return
        if enrolment.ending == "left":
            self._left(life, school, last, enrolment.reason)
        elif enrolment.ending == "completed":
            credential = next(c for c in life.credentials if c.by_school and c.awarded_on == last)
            self._completed(life, school, credential)
        elif enrolment.ending == "succeeded" and rng.random() < 0.75:
            # the old school may notice some days after the new one has begun
            lasts = following is not None and (
                following.last_day is None or (following.last_day - following.started_on).days > 14
            )
            late = rng.randint(1, 7) if lasts and rng.random() < 0.3 else 0
            self._left(life, school, last + timedelta(days=late), "own_choice")
        if enrolment.programmes[0].form == "GY" and rng.random() < 0.012:
            self._recoded_when_gone(life, enrolment)

    def _completed(self, life: Life, school: School, credential: Credential) -> None:
        day, in_beda = credential.awarded_on, credential.in_beda
        chance = self.rng.random()
        if in_beda and chance < 0.12:
            life.told.append(f"the school says left, the national database {credential.kind}: leave.left")
            self._left(life, school, day, None)
        elif in_beda and chance < 0.18 and credential.kind != "study_certificate":
            life.told.append(f"the school says nothing, the national database {credential.kind}")
        else:
            fields: Fields = {"completed_on": _iso(day), "outcome": credential.kind}
            self._tell(life, school, "leave.completed", day, fields, (0, 12))

    def _recoded_when_gone(self, life: Life, enrolment: Enrolment) -> None:
        """Schools recode programmes in bulk, also of pupils long gone."""
        assert enrolment.last_day is not None
        day = max(enrolment.last_day + timedelta(days=20), date(self.year.start, 9, 1))
        if day > self.year.last_day or any(
            e.school is enrolment.school and e is not enrolment for e in life.enrolments
        ):
            return
        life.told.append("recoded when long gone: enrolment.changed")
        self._changed(life, enrolment.school, Programme("GY", "IMA", day))

    # --- compulsory school ---------------------------------------------------------------------------------

    def _compulsory(self, life: Life, enrolment: Enrolment, untold: Enrolment | None) -> None:
        rng, school = self.rng, enrolment.school
        in_the_year = enrolment.last_day is None or enrolment.last_day >= self.year.first_day
        told = in_the_year or enrolment.ending == "left" or rng.random() < 0.1
        end_told = True
        if untold is None and end_goes_without_saying(life, enrolment):
            recent = enrolment.last_day is not None and enrolment.last_day >= self.year.go_live - timedelta(
                30
            )
            end_told = rng.random() < (0.93 if recent else 0.25)
            told = told and (end_told or begins_in_august(life, enrolment))
        if told:
            self._started(life, school, enrolment.programmes[0], (-20, 5))
        if enrolment.ending == "compulsory_ended" and enrolment.last_day is not None and end_told:
            fields = {"ended_on": _iso(enrolment.last_day), **self.home(life, enrolment.last_day, school)}
            self._tell(life, school, "leave.compulsory_ended", enrolment.last_day, fields, (0, 10))
        elif enrolment.ending == "left" and enrolment.last_day is not None:
            self._left(life, school, enrolment.last_day, enrolment.reason)

    # --- what is said of everyone, and what never was ------------------------------------------------------

    def _confirmations(self, life: Life, enrolment: Enrolment) -> None:
        """Still here: every month of the school year or once a term."""
        school, start = enrolment.school, self.year.start
        if school.monthly:
            months = [(start, m) for m in range(8, 13)] + [(start + 1, m) for m in range(1, 7)]
            days = [date(y, m, (25 if m == 8 else 1) + school.shift) for y, m in months]
        else:
            days = [date(start, 9, 10 + school.shift), date(start + 1, 2, 5 + school.shift)]
        for day in days:
            gone = life.deceased_on is not None and day >= life.deceased_on
            if gone or enrolment.programme_on(day) is None or day > self.year.last_day:
                continue
            at = self.journal.moment(day, 0, 1)
            self.journal.record(
                school.source,
                "enrolment.confirmed",
                at,
                {
                    "pupil": self.pupil(life, at.date(), school),
                    "school_unit": school.code,
                    "confirmed_on": _iso(day),
                },
            )

    def _never_true(self, life: Life, enrolment: Enrolment) -> None:
        """Mistakes about a pupil that were taken back."""
        rng, school = self.rng, enrolment.school
        first = max(enrolment.started_on, self.year.first_day)
        last = enrolment.last_day or self.year.last_day
        if (last - first).days < 30:
            return
        day = first + timedelta(days=rng.randint(10, (last - first).days - 5))
        chance = rng.random()
        compulsory = enrolment.programmes[0].form == "GR"
        if chance < 0.012:
            self._tell_wrongly(life, school, "leave.left", day, {"last_day": _iso(day), "reason": "other"})
        elif chance < 0.018 and compulsory:
            self._tell_wrongly(life, school, "leave.compulsory_ended", day, {"ended_on": _iso(day)})
        elif chance < 0.016 and not compulsory:
            outcome: Fields = {"completed_on": _iso(day), "outcome": "diploma"}
            self._tell_wrongly(life, school, "leave.completed", day, outcome)
        elif chance < 0.021 and not compulsory:
            changed: Fields = {"school_form": "GY", "study_path": "IMA", "changed_on": _iso(day)}
            self._tell_wrongly(life, school, "enrolment.changed", day, changed)
        elif chance < 0.028 and not compulsory:
            term = autumn_start(self.year.start, school.shift)
            if day.year > self.year.start:
                term = spring_start(day.year, school.shift)
            missed: Fields = {"term_started_on": _iso(term)}
            self._tell_wrongly(life, school, "enrolment.no_show", term + timedelta(days=4), missed)
        elif chance < 0.038:
            used = {e.school.code for e in life.enrolments} | {p.school.code for p in life.never_began}
            other = self.schools.choose("upper", rng, ("own", "other", "independent"), used)
            if other is not None:
                mistaken = Programme("GY", "SA", day)
                fields = {**self._programme(mistaken), "started_on": _iso(day), **self.home(life, day, other)}
                self._tell_wrongly(life, other, "enrolment.started", day, fields)
        elif chance < 0.041:
            report = self.journal.record(school.source, "enrolment.retracted", self.journal.moment(day), {})
            report.stray = True
            life.told.append("a retraction that names nothing: enrolment.retracted")
