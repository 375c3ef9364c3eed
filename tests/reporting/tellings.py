"""What registry and outreach tell reporting, in few words; and reporting's own database to tell it to."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid4

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event
from contracts.identifiers import luhn
from contracts.own import (
    ContactMade,
    CoverageChanged,
    CoverageEnded,
    CoverageStarted,
    CoverageWithdrawn,
    MeasureChanged,
    MeasureEnded,
    MeasureStarted,
    PersonUpdated,
)
from servicekit.database import Connection
from servicekit.records import Outcome, Received, Record
from services.reporting.consumer import apply
from services.reporting.period import period
from services.reporting.report import rows, text
from services.reporting.specification import Specification
from services.reporting.specification_file import find
from services.reporting.store import facts, received_so_far

NOON: Final = datetime(2025, 12, 31, 12, tzinfo=UTC)
HOME: Final = "0180"
HALF_YEAR: Final = period("2025H2")


def identity_number(born: date, serial: int = 980) -> str:
    """A made-up identity number with its check digit."""
    digits = f"{born:%Y%m%d}{serial:03}"
    return next(digits + str(check) for check in range(10) if luhn(digits[2:] + str(check)))


@cache
def specification() -> Specification:
    """The specification of the half-year."""
    return find(HALF_YEAR)[1]


def event(data: Any, entity: UUID) -> Event:
    """An event about an entity; its id is made of entity and revision."""
    return Event(
        id=f"{entity}.{data.revision}",
        source="urn:kaa:outreach" if ".outreach." in data.TYPE else "urn:kaa:registry",
        type=data.TYPE,
        time=NOON,
        data=data,
        subject=str(data.person_id),
    )


def received(told: Event) -> Received:
    """An event as the consumer hands it on."""
    family = FAMILY_OF_TYPE[told.type]
    record = Record(family.topic(), 0, 0, 0, (told.subject or "").encode(), b"", ())
    return Received(record, family.name, told, told.digest)


def tombstone(person_id: UUID) -> Received:
    """The registry's word that a person is purged."""
    record = Record("registry.person.v1", 0, 0, 0, str(person_id).encode(), None, ())
    return Received(record, "registry.person", None, b"")


async def tell(connection: Connection, *told: Event | Received) -> list[Outcome]:
    """Tells reporting these things in one batch, in one transaction."""
    async with connection.transaction():
        return list(
            await apply(connection, [received(one) if isinstance(one, Event) else one for one in told])
        )


async def file_of(
    connection: Connection,
    as_known_at: int | None = None,
    municipality: str = HOME,
    half_year: str = "2025H2",
) -> list[list[str]]:
    """The columns of each row of the half-year's file, without block, row number and municipality where they are
    the same: (block, identity number, …)."""
    known = await received_so_far(connection) if as_known_at is None else as_known_at
    asked = period(half_year)
    made = rows(await facts(connection, municipality, asked, known), asked, specification())
    lines = text(made.rows, specification()).splitlines()
    return [[columns[0], *columns[3:]] for columns in (line.split(";") for line in lines)]


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person with one episode, one contact and one measure; each call is one thing that is told of them."""

    born: date = date(2008, 3, 15)
    person_id: UUID = field(default_factory=uuid4)
    episode_id: UUID = field(default_factory=uuid4)
    contact_id: UUID = field(default_factory=uuid4)
    measure_id: UUID = field(default_factory=uuid4)
    municipality: str = HOME

    @property
    def number(self) -> str:
        """Her identity number."""
        return identity_number(self.born)

    def known(self, revision: int = 1, **facts: Any) -> Event:
        """The person's state."""
        state = {
            "person_id": self.person_id,
            "identity_number": self.number,
            "former_identity_numbers": (),
            "given_name": "Vera",
            "family_name": "Ek",
            "birth_date": self.born,
            "municipality": self.municipality,
            "protection": "none",
        }
        return event(PersonUpdated(revision=revision, **(state | facts)), self.person_id)

    def _episode(self, revision: int, since: date = date(2025, 9, 1), **facts: Any) -> dict[str, Any]:
        return {
            "from": since,
            "person_id": self.person_id,
            "person_revision": 1,
            "episode_id": self.episode_id,
            "revision": revision,
            "municipality": self.municipality,
            "entry_reason": "left_upper_secondary",
        } | facts

    def covered(self, revision: int = 1, **facts: Any) -> Event:
        """The episode begins."""
        return event(CoverageStarted(**self._episode(revision, **facts)), self.episode_id)

    def corrected(self, revision: int = 2, **facts: Any) -> Event:
        """The episode is moved; without ``to`` it is open again."""
        return event(CoverageChanged(**self._episode(revision, **facts)), self.episode_id)

    def no_longer(
        self,
        revision: int = 2,
        to: date = date(2025, 11, 30),
        reason: str = "started_upper_secondary",
        **facts: Any,
    ) -> Event:
        """The episode ends."""
        ended: dict[str, Any] = {"to": to, "exit_reason": reason} | facts
        return event(CoverageEnded(**self._episode(revision, **ended)), self.episode_id)

    def never(self, revision: int = 2) -> Event:
        """The episode is withdrawn."""
        gone = CoverageWithdrawn(person_id=self.person_id, episode_id=self.episode_id, revision=revision)
        return event(gone, self.episode_id)

    def reached(
        self, on: date = date(2025, 9, 10), revision: int = 1, occupation: str | None = "work", **facts: Any
    ) -> Event:
        """A contact."""
        made = {
            "person_id": self.person_id,
            "municipality": self.municipality,
            "contact_id": self.contact_id,
            "revision": revision,
            "on": on,
            "channel": "phone",
            "outcome": "reached",
            "occupation": occupation,
        } | facts
        return event(ContactMade(**made), self.contact_id)

    def _measure(self, revision: int, since: date = date(2025, 9, 15), **facts: Any) -> dict[str, Any]:
        return {
            "from": since,
            "person_id": self.person_id,
            "municipality": self.municipality,
            "measure_id": self.measure_id,
            "revision": revision,
            "kind": "guidance",
        } | facts

    def helped(self, revision: int = 1, **facts: Any) -> Event:
        """A measure begins."""
        return event(MeasureStarted(**self._measure(revision, **facts)), self.measure_id)

    def help_corrected(self, revision: int = 3, **facts: Any) -> Event:
        """A measure is corrected."""
        return event(MeasureChanged(**self._measure(revision, **facts)), self.measure_id)

    def help_ended(self, revision: int = 2, **facts: Any) -> Event:
        """A measure ends."""
        ended: dict[str, Any] = {
            "to": date(2025, 10, 15),
            "end_reason": "completed",
            "occupation_after": "work",
        } | facts
        return event(MeasureEnded(**self._measure(revision, **ended)), self.measure_id)
