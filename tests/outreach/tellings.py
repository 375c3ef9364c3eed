"""What the registry tells outreach, in few words; and outreach's own database to tell it to."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event
from contracts.identifiers import luhn
from contracts.model import EventData
from contracts.own import (
    CoverageChanged,
    CoverageEnded,
    CoverageStarted,
    CoverageWithdrawn,
    NoticeRegistered,
    NoticeUpdated,
    PersonUpdated,
)
from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.records import Outcome, Received, Record
from services.outreach.consumer import consumer
from services.outreach.ladder_file import Ladders

NOON: Final = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOME: Final = "0180"
#: The first covered day, unless another is told: what staff do in these tests they do today, so it has passed.
SINCE: Final = today() - timedelta(days=97)
#: Every municipality has the default ladder.
LADDERS: Final = Ladders({})

apply = consumer(LADDERS)


def identity_number(born: date, serial: int = 980) -> str:
    """A made-up identity number with its check digit."""
    digits = f"{born:%Y%m%d}{serial:03}"
    return next(digits + str(check) for check in range(10) if luhn(digits[2:] + str(check)))


def event(data: Any, entity: UUID) -> Event:
    """What the registry tells of an entity, as an event; its id is made of entity and revision."""
    return Event(
        id=f"{entity}.{data.revision}",
        source="urn:kaa:registry",
        type=data.TYPE,
        time=NOON,
        data=data,
        subject=str(data.person_id),
    )


def record(topic: str, value: EventData | None, key: bytes) -> Record:
    """A record of a topic; outreach looks at nothing of it but the key of a tombstone."""
    return Record(topic, 0, 0, 0, key, b"" if value else None, ())


def received(told: Event) -> Received:
    """An event as the consumer hands it on."""
    family = FAMILY_OF_TYPE[told.type]
    key = (told.subject or "").encode()
    return Received(record(family.topic(), told.data, key), family.name, told, told.digest)


def tombstone(person_id: UUID) -> Received:
    """The registry's word that a person is purged."""
    return Received(record("registry.person.v1", None, str(person_id).encode()), "registry.person", None, b"")


async def tell(connection: Connection, *told: Event | Received) -> list[Outcome]:
    """Tells outreach these things in one batch, in one transaction."""
    async with connection.transaction():
        return list(
            await apply(connection, [received(one) if isinstance(one, Event) else one for one in told])
        )


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person and an episode of hers; each call is one thing that the registry tells."""

    #: A pupil, whenever the tests run.
    born: date = field(default_factory=lambda: date(today().year - 18, 3, 15))
    person_id: UUID = field(default_factory=uuid4)
    episode_id: UUID = field(default_factory=uuid4)
    municipality: str = HOME
    notice_id: UUID = field(default_factory=uuid4)

    def known(self, revision: int = 1, **facts: Any) -> Event:
        """The person's state."""
        state = {
            "person_id": self.person_id,
            "identity_number": identity_number(self.born),
            "former_identity_numbers": (),
            "given_name": "Vera",
            "family_name": "Ek",
            "birth_date": self.born,
            "municipality": self.municipality,
            "protection": "none",
        }
        return event(PersonUpdated(revision=revision, **(state | facts)), self.person_id)

    def _episode(self, revision: int, since: date = SINCE, **facts: Any) -> dict[str, Any]:
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

    def corrected(self, revision: int, **facts: Any) -> Event:
        """The episode is moved; without ``to`` it is open again."""
        return event(CoverageChanged(**self._episode(revision, **facts)), self.episode_id)

    def no_longer(self, revision: int = 2, reason: str = "started_upper_secondary", **facts: Any) -> Event:
        """The episode ends."""
        ended: dict[str, Any] = {"to": date(2026, 9, 30), "exit_reason": reason} | facts
        return event(CoverageEnded(**self._episode(revision, **ended)), self.episode_id)

    def never(self, revision: int) -> Event:
        """The episode is withdrawn."""
        return event(
            CoverageWithdrawn(person_id=self.person_id, episode_id=self.episode_id, revision=revision),
            self.episode_id,
        )

    def noticed(self, kind: str = "absence", revision: int = 1, **facts: Any) -> Event:
        """A school's notice about the person: one and the same, unless ``notice_id`` says another."""
        stated: dict[str, Any] = {
            "notice_id": self.notice_id, "revision": revision, "person_id": self.person_id,
            "municipality": self.municipality, "kind": kind, "school_unit": "10000001", "status": "registered",
        }  # fmt: skip
        data = (NoticeRegistered if revision == 1 else NoticeUpdated)(**(stated | facts))
        return Event(
            id=f"{data.notice_id}.{revision}", source="urn:kaa:notifications", type=data.TYPE, time=NOON, data=data,
            subject=str(data.person_id),
        )  # fmt: skip


def life(generator: random.Random, length: int) -> tuple[list[Event], list[UUID]]:
    """All that the registry might tell of an episode over two persons who turn out to be one, revisions ascending.

    Gives the events (of episode and persons mixed) and whom they are about.
    """
    one, other = Person(), Person(born=date(2007, 11, 2))
    episode_id = one.episode_id
    told: list[Event] = []
    whose = one
    for revision in range(1, length + 1):
        if generator.random() < 0.2:
            whose = other if whose is one else one
        teller = Person(whose.born, whose.person_id, episode_id)
        facts: dict[str, Any] = {"person_revision": generator.randint(1, 3)}
        match generator.choice(("open", "open", "open", "ended", "withdrawn")):
            case "open":
                facts["since"] = date(2026, 8, generator.randint(1, 28))
                told.append(
                    teller.covered(1, **facts) if revision == 1 else teller.corrected(revision, **facts)
                )
            case "ended":
                reason = generator.choice(("moved", "deceased", "turned_20"))
                told.append(teller.no_longer(revision, reason, **facts))
            case _:
                told.append(teller.never(revision))
    for person in (one, other):
        for revision in range(1, generator.randint(1, 4)):
            facts = {
                "protection": generator.choice(("none", "none", "confidential", "protected_registration")),
                "birth_date": date(generator.choice((2006, 2008)), 3, generator.randint(1, 28)),
                "merged_into": generator.choice((None, None, None, other.person_id)),
            }
            told.append(person.known(revision, **facts))
    return told, [one.person_id, other.person_id]


def crossing_lives(generator: random.Random, length: int) -> list[Event]:
    """All that might be told of two persons with an episode each, which becomes now the one's, now the other's."""
    persons = Person(), Person(born=date(2007, 11, 2))
    told = [person.known(revision) for person in persons for revision in range(1, generator.randint(2, 3))]
    for own in persons:
        for revision in range(1, length + 1):
            whose = generator.choice(persons)
            teller = Person(whose.born, whose.person_id, own.episode_id)
            since = date(2026, 8, generator.randint(1, 28))
            if generator.random() < 0.2:
                told.append(teller.never(revision))
            elif revision == 1:
                told.append(teller.covered(1, since=since))
            else:
                told.append(teller.corrected(revision, since=since))
    return told


def dealt(told: Sequence[Event], generator: random.Random) -> list[Event]:
    """The same events in any order, some of them twice."""
    again = [*told, *generator.sample(told, k=len(told) // 3)]
    generator.shuffle(again)
    return again
