"""What the national credentials database (Beda) tells (``se.kaa.national.…``)."""

from typing import ClassVar, Literal

from contracts.identifiers import Day, IdentityNumber
from contracts.model import EventData, Retraction


class CredentialAwarded(EventData):
    """A diploma or certificate was awarded (förordning 2006:39 § 10)."""

    TYPE: ClassVar[str] = "se.kaa.national.credential.awarded.v1"
    identity_number: IdentityNumber
    kind: Literal[
        "diploma",
        "adapted_certificate",
        "ib_diploma",
        "adult_diploma",
        "folk_high_school_eligibility",
        "foreign_equivalent",
        "study_certificate",
        "course_certificate",
    ]
    awarded_on: Day


class CredentialRetracted(Retraction):
    """Takes a credential event back."""

    TYPE: ClassVar[str] = "se.kaa.national.credential.retracted.v1"
