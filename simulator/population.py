"""The municipality's population feed: who lives there, their contact data and protection, moves and deaths.

The initial statement of a new installation comes first; then the year, as the population register learns of it.
"""

from datetime import date, datetime, time, timedelta

from contracts.identifiers import MUNICIPALITIES
from simulator import names
from simulator.journal import STOCKHOLM, Fields, Journal, Report
from simulator.life import DAY, Life
from simulator.terms import SchoolYear


class PopulationFeed:
    """Reports under ``urn:se:kommun:<code>``."""

    def __init__(self, journal: Journal, municipality: str, year: SchoolYear) -> None:
        self.journal = journal
        self.municipality = municipality
        self.source = f"urn:se:kommun:{municipality}"
        self.year = year
        self.rng = journal.rng

    def about(self, life: Life) -> None:
        """Everything the feed tells about a person it knows."""
        if not life.in_feed:
            return
        restated = self.rng.random() < 0.002 and not life.birth_stated
        for turn, (since, municipality) in enumerate(life.residence):
            if life.deceased_on is not None and since >= life.deceased_on:
                break
            if municipality == self.municipality:
                self._registered(life, since, first=turn == 0, birth_restated=restated)
            else:
                self._moved(life, since, municipality)
        self._identity(life)
        self._protection(life)
        self._contact(life)
        if life.deceased_on is not None:
            fields = {"deceased_on": life.deceased_on.isoformat()}
            self._tell(life, "resident.deceased", life.deceased_on, fields, (1, 12), "deceased_on")
            self._after_death(life, life.deceased_on)
        if restated:
            self._birth_restated(life)

    def wrong_deaths(self, lives: list[Life]) -> None:
        """Living persons who were reported dead, until somebody noticed."""
        for life in lives:
            day = self._some_day(60)
            at = self.journal.moment(day)
            fields = {"person": self._person(life, at.date()), "deceased_on": day.isoformat()}
            self.journal.tell_wrongly(life, self.source, "resident.deceased", at, fields)

    def wrong_links(self, pairs: list[tuple[Life, Life]]) -> None:
        """Two persons who were said to be one, and were not."""
        for one, other in pairs:
            day = self._some_day(60)
            fields: Fields = {
                "previous_identity_number": one.number,
                "identity_number": other.number,
                "changed_on": day.isoformat(),
            }
            at = self.journal.moment(day)
            self.journal.tell_wrongly(one, self.source, "resident.identity_changed", at, fields)

    # --- the parts -----------------------------------------------------------------------------------------

    def _some_day(self, before_end: int) -> date:
        first = self.year.first_day + DAY
        days = (self.year.last_day - first).days - before_end
        return first + timedelta(days=self.rng.randint(0, max(0, days)))

    def _person(self, life: Life, day: date, birth: date | None = None) -> Fields:
        said: Fields = {
            "identity_number": life.number_on(day),
            "given_name": life.given_name,
            "family_name": life.family_name,
        }
        # where the birth date is not the one in the number, only the statement tells
        if birth or life.birth_stated or self.rng.random() < 0.7:
            said["birth_date"] = (birth or life.birth).isoformat()
        return said

    def _tell(
        self, life: Life, kind: str, day: date, fields: Fields, days: tuple[int, int], dated: str
    ) -> Report:
        at = self.journal.moment(day, *days)
        whole = {"person": self._person(life, at.date()), **fields}

        def wrong() -> Fields:
            return {**whole, dated: (day + timedelta(days=self.rng.choice((-30, -10, 10, 31)))).isoformat()}

        return self.journal.tell(life, self.source, kind, at, whole, wrong)

    def _registered(self, life: Life, since: date, first: bool, birth_restated: bool) -> None:
        initial = since < self.year.go_live
        on = self.year.go_live if initial else since
        level = life.protection_on(on)
        fields: Fields = {
            "municipality": self.municipality,
            "since": since.isoformat(),
            "protection": level,
        }
        if first and life.registered_in_sweden_on is not None:
            fields["registered_in_sweden_on"] = life.registered_in_sweden_on.isoformat()
        # the feed of a real municipality forgets now and then that a marking forbids it
        if level == "none" or (level == "confidential" and self.rng.random() < 0.3):
            fields["contact"] = life.contact
        if not birth_restated:
            days = (0, 0) if initial else (1, 12)
            self._tell(life, "resident.registered", on, fields, days, "since")
            return
        at = self.journal.moment(on, 0, 0)
        mistaken = life.birth + timedelta(days=self.rng.choice((-31, -10, 10, 31)))
        whole = {"person": self._person(life, at.date(), mistaken), **fields}
        self.journal.record(self.source, "resident.registered", at, whole)

    def _after_death(self, life: Life, died: date) -> None:
        """A change that was on its way when the person died; death is final."""
        if self.rng.random() < 0.6:
            life.told.append("registered after death: resident.registered")
            since = died + timedelta(days=self.rng.randint(3, 20))
            at = self.journal.moment(since, 0, 9)
            fields: Fields = {
                "person": self._person(life, at.date()),
                "municipality": self.municipality,
                "since": since.isoformat(),
                "protection": "none",
            }
            self.journal.record(self.source, "resident.registered", at, fields)

    def _birth_restated(self, life: Life) -> None:
        """A birth date that was stated wrongly is stated again, last of all that is said of the person."""
        life.told.append("a birth date stated wrongly, later rightly: resident.updated")
        # later than any working hour: of birth dates the latest statement holds
        at = datetime.combine(self.year.last_day, time(18, self.rng.randint(0, 59)), STOCKHOLM)
        fields = {"person": self._person(life, at.date(), life.birth), "updated_on": at.date().isoformat()}
        self.journal.record(self.source, "resident.updated", at, fields)

    def _moved(self, life: Life, day: date, to: str | None) -> None:
        fields: Fields = {"to_municipality": to, "moved_on": day.isoformat()}
        self._tell(life, "resident.moved", day, fields, (0, 14), "moved_on")

    def _identity(self, life: Life) -> None:
        for (_, previous), (changed, number) in zip(life.numbers, life.numbers[1:], strict=False):
            fields: Fields = {
                "previous_identity_number": previous,
                "identity_number": number,
                "changed_on": changed.isoformat(),
            }
            self.journal.tell(
                life, self.source, "resident.identity_changed", self.journal.moment(changed, 0, 6), fields
            )

    def _protection(self, life: Life) -> None:
        for since, level in life.protection:
            if since < self.year.first_day:
                continue
            at = self.journal.moment(since, 0, 2)
            fields: Fields = {
                "person": self._person(life, at.date()),
                "protection": level,
                "updated_on": since.isoformat(),
            }
            if level == "none":
                fields["contact"] = life.contact
            self.journal.tell(life, self.source, "resident.updated", at, fields)

    def _contact(self, life: Life) -> None:
        """New addresses and phone numbers, and moves that were never made."""
        rng = self.rng
        day = self._some_day(30)
        if life.municipality_on(day) != self.municipality:
            return
        at = self.journal.moment(day, 0, 5)
        chance = rng.random()
        if chance < 0.25 and all(level == "none" for _, level in life.protection):
            life.contact = names.contact(
                life.given_name, life.family_name, MUNICIPALITIES[self.municipality], rng
            )
            fields: Fields = {
                "person": self._person(life, at.date()),
                "contact": life.contact,
                "updated_on": day.isoformat(),
            }
            self.journal.tell(life, self.source, "resident.updated", at, fields)
        elif 0.5 < chance < 0.503:
            moved: Fields = {
                "person": self._person(life, at.date()),
                "to_municipality": rng.choice((None, "1480")) if self.municipality != "1480" else None,
                "moved_on": day.isoformat(),
            }
            self.journal.tell_wrongly(life, self.source, "resident.moved", at, moved)
