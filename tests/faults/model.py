"""What must be true after a history, by the pure model: computed from the records that stand on the topics.

Nothing here knows of crashes, batches or processes. What a record is follows from who sent it (``kinds``); what is
true of a person follows from the registry's pure functions over the events that count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any, cast

from contracts.envelope import Event, decode
from contracts.identifiers import birth_date_of
from contracts.model import Protection
from contracts.municipality import Contact, ResidentIdentityChanged, ResidentRegistered, ResidentUpdated
from contracts.own import Ground, PersonUpdated
from services.registry.contacts import ContactStatement, sifted
from services.registry.coverage import cut, timeline
from services.registry.episodes import grounds_of
from services.registry.evaluation import listing
from services.registry.facts import facts_of
from services.registry.identity import birth_date, names, protection
from services.registry.reasons import Evidence
from services.registry.residence import residence
from services.registry.settlement import persons, settle
from services.registry.statement import CONFIRMED, TYPES, Statement

#: (topic, partition, offset)
Spot = tuple[str, int, int]


def fingerprint(topic: str, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> bytes:
    """Eight bytes by which a record is known again."""
    said = blake2b(topic.encode(), digest_size=8)
    for part in (value, *(part for name, content in headers for part in (name.encode(), content))):
        said.update(b"-" if part is None else b"%d:" % len(part) + part)
    return said.digest()


def ground(stated: Evidence | Ground) -> str:
    """What a ground says, in one text to compare with."""
    return f"{stated.fact} {stated.on} {stated.school_unit}"


@dataclass(frozen=True, slots=True)
class Person:
    """What is true of a person on a day."""

    identity_number: str
    numbers: frozenset[str]
    given_name: str | None
    family_name: str | None
    birth_date: date
    municipality: str | None
    protection: Protection
    #: The contact data that holds. Of whom was ever protected, or taken for another, the store may hold less than it
    #: could, never more: what came before a protection was known is deleted for good. Then an earlier one may hold.
    contact: Contact | None
    contacts: frozenset[str | None]
    exactly: bool

    def differs_from(self, told: PersonUpdated) -> list[str]:
        """The fields that are told otherwise."""
        contact = _written(told.contact)
        if contact != _written(self.contact) and (self.exactly or contact not in {None, *self.contacts}):
            return ["contact"]
        numbers = frozenset((told.identity_number, *told.former_identity_numbers))
        pairs = {"numbers": (self.numbers, numbers)} | {
            name: (getattr(self, name), getattr(told, name))
            for name in ("identity_number", "given_name", "family_name", "birth_date", "municipality", "protection")
        }  # fmt: skip
        return [name for name, (meant, found) in pairs.items() if meant != found]


@dataclass(slots=True)
class Meant:
    """What must be true of one cohort."""

    #: Current identity number → what is true of the person.
    persons: dict[str, Person] = field(default_factory=dict)
    #: Current identity number → episodes, as ``kaa registry episodes`` lists them; those without are left out.
    episodes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: What each of these episodes is told to rest on: (current identity number, first day, grounds).
    grounds: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    #: Records that must be dead letters, with their class.
    letters: dict[Spot, str] = field(default_factory=dict)
    #: Records whose event takes effect, once each; the first of its content to arrive.
    applied: set[Spot] = field(default_factory=set)
    #: All accepted events of schools, for the notices.
    school_events: list[Event] = field(default_factory=list)
    #: Every identity number that an accepted event names.
    mentioned: set[str] = field(default_factory=set)


def meant(records: Iterable[Any], kinds: Mapping[bytes, str], day: date) -> Meant:
    """The model of one cohort's records, given in order of offset within each partition (all of a partition's).

    ``kinds``: fingerprint → class, of the records that were sent to be refused.
    """
    found = Meant()
    first: dict[tuple[str, str], bytes] = {}
    events: list[Event] = []
    for record in records:
        spot = record.topic, record.partition, record.offset
        kind = kinds.get(fingerprint(record.topic, record.value, record.headers))
        if kind is not None:
            found.letters[spot] = kind
            continue
        event = decode(record.value, record.headers)
        digest = event.digest
        stands = first.setdefault((event.source, event.id), digest)
        if stands is digest:
            found.applied.add(spot)
            if event.type in TYPES:
                events.append(event)
            if event.type.startswith("se.kaa.school."):
                found.school_events.append(event)
        elif stands != digest:
            found.letters[spot] = "identity_conflict"
    _register(found, events, day)
    return found


def _register(found: Meant, events: Sequence[Event], day: date) -> None:
    """The same fold as ``evaluation.evaluate``, and the persons beside it."""
    settlement = settle(events)
    stated, delicate = _contacts(events), _delicate(events)
    for number, statements in persons(settlement.counting).items():
        person = _person(number, statements, day, stated, delicate)
        found.persons[number] = person
        episodes = timeline(statements)
        facts = facts_of(statements)
        found.grounds += [
            (number, str(e.from_day), tuple(map(ground, grounds_of(facts, person.protection, e))))
            for e in episodes
            if e.from_day <= day
        ]
        listed = listing(number, cut(episodes, day))["episodes"]
        if listed:
            found.episodes[number] = listed
    for event in events:
        data: Any = event.data
        whose = getattr(data, "pupil", None) or getattr(data, "person", None) or data
        for name in ("identity_number", "previous_identity_number"):
            if (named := getattr(whose, name, None)) is not None:
                found.mentioned.add(named)


def _contacts(events: Iterable[Event]) -> dict[tuple[str, str], ContactStatement]:
    """(source, id) → what an event states of contact data."""
    return {
        (event.source, event.id): ContactStatement(event.time, event.id, event.source, event.data.contact)
        for event in events
        if isinstance(event.data, ResidentRegistered | ResidentUpdated) and event.data.contact is not None
    }


def _delicate(events: Iterable[Event]) -> set[str]:
    """Numbers that any event, counting or not, ever linked to another or called protected."""
    found: set[str] = set()
    for event in events:
        match event.data:
            case ResidentIdentityChanged() as data:
                found |= {data.identity_number, data.previous_identity_number}
            case ResidentRegistered() | ResidentUpdated() as data:
                if data.protection not in (None, "none"):
                    found.add(data.person.identity_number)
    return found


def _person(
    number: str,
    statements: Sequence[Statement],
    day: date,
    stated: Mapping[tuple[str, str], ContactStatement],
    delicate: set[str],
) -> Person:
    # a confirmation shows that a pupil is there; what it states of the name is not taken over
    said = [statement for statement in statements if statement.type != CONFIRMED]
    given, family = names(said)
    every = {n for s in statements for n in (s.identity_number, s.previous_identity_number) if n is not None}
    contacts = [stated[s.source, s.id] for s in said if (s.source, s.id) in stated]
    holds, gone = sifted(said, contacts)
    return Person(
        identity_number=number,
        numbers=frozenset(every),
        given_name=given,
        family_name=family,
        birth_date=birth_date(said) if said else birth_date_of(number),
        municipality=next((town for begins, town in reversed(residence(said)) if begins <= day), None),
        protection=cast(Protection, protection(said)),
        contact=holds,
        contacts=frozenset(_written(one.contact) for one in contacts if one not in gone),
        exactly=not every & delicate,
    )


def _written(contact: Contact | None) -> str | None:
    return None if contact is None else contact.model_dump_json()
