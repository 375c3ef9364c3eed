"""Persons in SQL: which numbers are whose, and the locks that make two batches about one person meet."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

from contracts.municipality import Address, Contact
from servicekit.database import Connection, TransientError
from services.registry.contacts import ContactStatement
from services.registry.coverage import Episode
from services.registry.episodes import Stored
from services.registry.settlement import components
from services.registry.statement import CONFIRMED, Statement


class MovedError(TransientError):
    """Numbers changed hands while their persons were being locked: transient, the batch is tried again."""


@dataclass(frozen=True, slots=True)
class Person:
    """A locked row. ``anchor`` is the number she was first known by; ``created`` grows from person to person."""

    person_id: UUID
    created: int
    anchor: str
    revision: int
    digest: bytes | None
    identity_number: str
    wake_on: date | None


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers that belong together, and whose they are from now on; others that were merged into that person."""

    numbers: frozenset[str]
    person: Person
    merged: tuple[Person, ...]


_WHOSE = "SELECT identity_number, person_id FROM person_number WHERE identity_number = ANY($1::text[])"
_CLAIM = """
INSERT INTO person_number (identity_number, person_id)
SELECT * FROM unnest($1::text[], $2::uuid[]) AS new (identity_number, person_id)
ORDER BY identity_number COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING identity_number, person_id
"""
_CREATE = """
INSERT INTO person (person_id, anchor, identity_number)
SELECT person_id, number, number FROM unnest($1::uuid[], $2::text[]) AS new (person_id, number)
RETURNING person_id, created, anchor, revision, digest, identity_number, wake_on
"""
_LOCK = """
SELECT person_id, created, anchor, revision, digest, identity_number, wake_on FROM person
WHERE person_id = ANY($1::uuid[]) ORDER BY person_id FOR NO KEY UPDATE
"""
_NUMBERS = "SELECT identity_number, person_id FROM person_number WHERE person_id = ANY($1::uuid[])"
_STATEMENTS = f"""
SELECT source, id, type, time, names, identity_number, on_day, school_unit, school_form, study_path, outcome,
       municipality, birth_date, registered_in_sweden_on, previous_identity_number, protection, given_name,
       family_name
FROM event_log
WHERE identity_number = ANY($1::text[]) AND NOT taken_back AND digest IS NOT NULL AND type <> '{CONFIRMED}'
"""
_CONTACTS = """
SELECT identity_number, time, id, source, street, postal_code, city, email, phones
FROM contact WHERE identity_number = ANY($1::text[])
"""
_EPISODES = """
SELECT episode_id, person_id, municipality, from_day, to_day, entry_reason, exit_reason, revision, told
FROM episode WHERE person_id = ANY($1::uuid[])
"""


async def lock(
    connection: Connection, numbers: Iterable[str], mentioned: Iterable[str]
) -> dict[UUID, Person]:
    """Locks the persons of these numbers, in one order, making those that are not there yet.

    ``mentioned`` numbers are only made persons of when unknown. Raises MovedError.
    """
    touched = set(numbers)
    asked = sorted(touched.union(mentioned))
    whose: dict[str, UUID] = dict(await connection.fetch(_WHOSE, asked))
    created: dict[UUID, Person] = {}
    unknown = [number for number in asked if number not in whose]
    if unknown:
        claimed = await connection.fetch(_CLAIM, unknown, [uuid4() for _ in unknown])
        if claimed:
            made = await connection.fetch(_CREATE, [row[1] for row in claimed], [row[0] for row in claimed])
            created = {row[0]: Person(*row) for row in made}
        if len(claimed) < len(unknown):
            # another batch made them meanwhile; they are committed now, or the claim would still wait
            whose = dict(await connection.fetch(_WHOSE, asked))
        touched.update(person.anchor for person in created.values())
    wanted = {whose[number] for number in touched if number in whose} - created.keys()
    return await lock_persons(connection, wanted) | created


async def create(connection: Connection, groups: Sequence[frozenset[str]]) -> list[Group]:
    """New persons for numbers that were split off, each anchored in its group's least number."""
    if not groups:
        return []
    made = await connection.fetch(_CREATE, [uuid4() for _ in groups], [min(numbers) for numbers in groups])
    persons = {row[2]: Person(*row) for row in made}
    return [Group(numbers, persons[min(numbers)], ()) for numbers in groups]


async def lock_persons(connection: Connection, persons: Iterable[UUID]) -> dict[UUID, Person]:
    """Locks these persons in order of ``person_id``."""
    rows = await connection.fetch(_LOCK, list(persons))
    return {row[0]: Person(*row) for row in rows}


@dataclass(slots=True)
class Loaded:
    """All that is known about a set of locked persons, read after the lock."""

    persons: dict[UUID, Person]
    numbers: dict[str, UUID]
    statements: dict[str, list[Statement]]
    contacts: dict[str, list[ContactStatement]]
    episodes: dict[UUID, list[Stored]]


async def load(connection: Connection, persons: dict[UUID, Person], touched: Iterable[str]) -> Loaded:
    """Reads numbers, counting statements, contact data and episodes. Raises MovedError, see ``lock``."""
    ids = list(persons)
    numbers = dict(await connection.fetch(_NUMBERS, ids))
    if any(number not in numbers for number in touched):
        raise MovedError("numbers changed hands between two looks")
    keys = list(numbers)
    statements: dict[str, list[Statement]] = defaultdict(list)
    for row in await connection.fetch(_STATEMENTS, keys):
        statements[row[5]].append(Statement(*row))
    contacts: dict[str, list[ContactStatement]] = defaultdict(list)
    for number, time, event_id, source, street, postal_code, city, email, phones in await connection.fetch(
        _CONTACTS, keys
    ):
        address = Address(street=street, postal_code=postal_code, city=city) if street is not None else None
        contact = Contact(address=address, email=email, phones=tuple(phones) if phones is not None else None)
        contacts[number].append(ContactStatement(time, event_id, source, contact))
    episodes: dict[UUID, list[Stored]] = defaultdict(list)
    for episode_id, person_id, town, from_day, to_day, entry, left, revision, told in await connection.fetch(
        _EPISODES, ids
    ):
        episode = Episode(town, from_day, to_day, entry, left)
        episodes[person_id].append(Stored(episode_id, person_id, episode, revision, told))
    return Loaded(persons, numbers, statements, contacts, episodes)


def grouped(loaded: Loaded) -> tuple[list[Group], list[frozenset[str]]]:
    """Who is who from now on: (linked numbers with their person, linked numbers split off that need a new one).

    A group belongs to the person whose anchor it holds, to the oldest if several: the others are merged into her.
    When a link is taken back, what is left without an anchor becomes a new person.
    """
    if len(loaded.numbers) == len(loaded.persons) and not any(
        s.previous_identity_number for said in loaded.statements.values() for s in said
    ):
        # the common case: one number each, no links
        return [Group(frozenset((n,)), loaded.persons[p], ()) for n, p in loaded.numbers.items()], []
    roots = components(s for said in loaded.statements.values() for s in said)
    together: dict[str, set[str]] = defaultdict(set)
    for number in loaded.numbers:
        together[roots.get(number, number)].add(number)
    anchored = {person.anchor: person for person in loaded.persons.values()}
    groups: list[Group] = []
    orphans: list[frozenset[str]] = []
    for numbers in together.values():
        claimants = sorted((anchored[n] for n in numbers if n in anchored), key=lambda person: person.created)
        if claimants:
            groups.append(Group(frozenset(numbers), claimants[0], tuple(claimants[1:])))
        else:
            orphans.append(frozenset(numbers))
    return groups, orphans
