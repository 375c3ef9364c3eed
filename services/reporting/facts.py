"""What a report is made of: one municipality's episodes, contacts and measures, each as it was last told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

#: Skyddad folkbokföring: her home municipality is where she stays, not where she is registered (skollagen 29:6).
PROTECTED_REGISTRATION: Final = "protected_registration"


@dataclass(frozen=True, slots=True)
class Person:
    """A young person as the registry last told of her, found through merges."""

    identity_number: str
    birth_date: date
    protection: str


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode of coverage. ``to_day`` is the last covered day; None while it goes on."""

    episode_id: UUID
    #: The person it belongs to after merges.
    person_id: UUID
    #: None while her state has not been received, or only one older than the episode asks for (``person_revision``).
    person: Person | None
    from_day: date
    to_day: date | None
    entry_reason: str
    exit_reason: str | None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact with a young person, or an attempt (``outcome``)."""

    contact_id: UUID
    person_id: UUID
    on: date
    outcome: str
    occupation: str | None


@dataclass(frozen=True, slots=True)
class Measure:
    """An individual measure. ``ended`` says whether it is over; without it ``to_day`` is only a plan."""

    measure_id: UUID
    person_id: UUID
    kind: str
    from_day: date
    to_day: date | None
    ended: bool
    end_reason: str | None
    occupation_after: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a prefix of the events received tells about one municipality."""

    municipality: str
    episodes: Sequence[Episode]
    contacts: Sequence[Contact]
    measures: Sequence[Measure]
