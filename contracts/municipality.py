"""What the population feed of a municipality tells (``se.kaa.municipality.…``)."""

from typing import ClassVar

from contracts.identifiers import Day, IdentityNumber, MunicipalityCode, Text
from contracts.model import EventData, Model, Protection, Retraction


class Person(Model):
    """A resident as the population register (folkbokföringen) states her."""

    identity_number: IdentityNumber
    given_name: Text | None = None
    family_name: Text | None = None
    birth_date: Day | None = None


class Address(Model):
    """A postal address."""

    street: Text
    postal_code: Text
    city: Text


class Contact(Model):
    """How a person can be reached. Never said of a protected person, and kept out of every log."""

    address: Address | None = None
    email: Text | None = None
    phones: tuple[Text, ...] | None = None


class ResidentRegistered(EventData):
    """Registered as resident in a municipality since a day."""

    TYPE: ClassVar[str] = "se.kaa.municipality.resident.registered.v1"
    person: Person
    municipality: MunicipalityCode
    since: Day
    registered_in_sweden_on: Day | None = None
    contact: Contact | None = None
    protection: Protection


class ResidentMoved(EventData):
    """Moved to another municipality, or (null) left Sweden, on a day."""

    TYPE: ClassVar[str] = "se.kaa.municipality.resident.moved.v1"
    person: Person
    to_municipality: MunicipalityCode | None
    moved_on: Day


class ResidentUpdated(EventData):
    """New contact data or another level of protection."""

    TYPE: ClassVar[str] = "se.kaa.municipality.resident.updated.v1"
    person: Person
    contact: Contact | None = None
    protection: Protection | None = None
    updated_on: Day


class ResidentDeceased(EventData):
    """Died on a day; final, a wrong one is retracted."""

    TYPE: ClassVar[str] = "se.kaa.municipality.resident.deceased.v1"
    person: Person
    deceased_on: Day


class ResidentIdentityChanged(EventData):
    """Two identity numbers are of one human being, from now and before."""

    TYPE: ClassVar[str] = "se.kaa.municipality.resident.identity_changed.v1"
    previous_identity_number: IdentityNumber
    identity_number: IdentityNumber
    changed_on: Day


class ResidentRetracted(Retraction):
    """Takes a municipality event of the same source back."""

    TYPE: ClassVar[str] = "se.kaa.municipality.resident.retracted.v1"
