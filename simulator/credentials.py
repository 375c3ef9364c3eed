"""The import from the national database of credentials (Beda): diplomas and certificates of everybody."""

from datetime import timedelta

from simulator.journal import Fields, Journal
from simulator.life import Credential, Life
from simulator.terms import SchoolYear

SOURCE = "urn:se:beda"


class CredentialsImport:
    """Reports under ``urn:se:beda``; a school may have said the same."""

    def __init__(self, journal: Journal, year: SchoolYear) -> None:
        self.journal = journal
        self.year = year
        self.rng = journal.rng

    def about(self, life: Life) -> None:
        """Every credential of a person that the database has, and some that it should not have."""
        for credential in life.credentials:
            if credential.in_beda:
                self._awarded(life, credential)
        rng = self.rng
        at_adult_school = [e for e in life.enrolments if e.school.kind == "adult" and e.last_day is not None]
        for enrolment in at_adult_school:
            if enrolment.last_day is not None and rng.random() < 0.3:
                self._awarded(life, Credential("course_certificate", enrolment.last_day, False, True))
        if rng.random() < 0.002:
            day = self.year.first_day + timedelta(days=rng.randint(5, 300))
            at = self.journal.moment(day, 5, 20)
            never: Fields = {
                "identity_number": life.number_on(at.date()),
                "kind": "diploma",
                "awarded_on": day.isoformat(),
            }
            self.journal.tell_wrongly(life, SOURCE, "credential.awarded", at, never)

    def _awarded(self, life: Life, credential: Credential) -> None:
        day = credential.awarded_on
        at = self.journal.moment(day, 6, 30)
        fields: Fields = {
            "identity_number": life.number_on(at.date()),
            "kind": credential.kind,
            "awarded_on": day.isoformat(),
        }

        def wrong() -> Fields:
            if credential.kind == "study_certificate" and self.rng.random() < 0.5:
                return {**fields, "kind": "diploma"}
            return {
                **fields,
                "awarded_on": (day + timedelta(days=self.rng.choice((-40, -5, 5, 30)))).isoformat(),
            }

        self.journal.tell(life, SOURCE, "credential.awarded", at, fields, wrong)
