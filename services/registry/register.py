"""The register: what the event log means, computed anew for each person it touches, stored as a difference.

Nothing here changes a status. Order, repetition, lateness and correction are one and the same case: the episodes
are the pure function over the log (``coverage.timeline``), as of the business day.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import cast
from uuid import UUID, uuid4

from contracts.identifiers import birth_date_of
from contracts.model import Protection
from contracts.own import PersonUpdated
from servicekit.calendar import now
from servicekit.database import Connection
from servicekit.outbox import Message, append
from servicekit.records import Outcome, Received
from services.registry import log, persons
from services.registry.contacts import sifted
from services.registry.coverage import episodes_of
from services.registry.episodes import Change, changes, grounds_of, wakes_on
from services.registry.facts import facts_of
from services.registry.identity import birth_date, current_number, names, protection
from services.registry.persons import Group, Loaded, Person
from services.registry.publication import coverage_message, digest_of, person_message, person_state
from services.registry.residence import residence
from services.registry.statement import Statement

#: Held shared by every transaction that reads the business day, alone by the one that moves it: so no batch
#: tells of a day that is already over.
DAY_LOCK = 4_611_001

# No index is about what changes in a person's row, so that a change touches one page; what wakes her is listed apart.
_KEEP_PERSONS = """
WITH kept AS (
  UPDATE person SET identity_number = new.identity_number, merged_into = new.merged_into, revision = new.revision,
                    digest = new.digest, published = coalesce(new.published, person.published), wake_on = new.wake_on
  FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::bytea[], $6::bytea[], $7::date[])
    AS new (person_id, identity_number, merged_into, revision, digest, published, wake_on)
  WHERE person.person_id = new.person_id
  RETURNING person.person_id, old.wake_on AS before, person.wake_on AS after
), over AS (
  DELETE FROM waking USING kept
  WHERE (waking.day, waking.person_id) = (before, kept.person_id) AND before IS DISTINCT FROM after
)
INSERT INTO waking (day, person_id)
SELECT after, person_id FROM kept WHERE after IS NOT NULL AND before IS DISTINCT FROM after
"""
_REKEY = """
UPDATE person_number SET person_id = new.person_id
FROM unnest($1::text[], $2::uuid[]) AS new (identity_number, person_id)
WHERE person_number.identity_number = new.identity_number
"""
_KEEP_EPISODES = """
INSERT INTO episode AS kept
  (episode_id, person_id, municipality, from_day, to_day, entry_reason, exit_reason, revision, told, published)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::date[], $6::text[], $7::text[], $8::int[],
                     $9::text[], $10::bytea[])
ON CONFLICT (episode_id) DO UPDATE SET
  person_id = excluded.person_id, municipality = excluded.municipality, from_day = excluded.from_day,
  to_day = excluded.to_day, entry_reason = excluded.entry_reason, exit_reason = excluded.exit_reason,
  revision = excluded.revision, told = excluded.told, published = coalesce(excluded.published, kept.published)
"""
_DROP_EPISODES = "DELETE FROM episode WHERE episode_id = ANY($1::uuid[])"
_DROP_CONTACTS = """
DELETE FROM contact USING unnest($1::text[], $2::text[]) AS gone (source, id)
WHERE contact.source = gone.source AND contact.id = gone.id
"""


class _Difference:
    """What a batch changes, collected over its persons and written at once."""

    def __init__(self, day: date, at: datetime) -> None:
        self.day = day
        self.at = at
        self.persons: list[tuple[UUID, str, UUID | None, int, bytes, bytes | None, date | None]] = []
        self.numbers: list[tuple[str, UUID]] = []
        self.episodes: list[tuple[Change, bytes | None]] = []
        self.dropped: list[UUID] = []
        self.contacts: list[tuple[str, str]] = []
        self.told: list[Message] = []

    async def write(self, connection: Connection) -> None:
        """One statement for each kind of row."""
        if self.numbers:
            await connection.execute(_REKEY, *_turned(self.numbers))
        if self.persons:
            await connection.execute(_KEEP_PERSONS, *_turned(self.persons))
        if self.dropped:
            await connection.execute(_DROP_EPISODES, self.dropped)
        if self.episodes:
            await connection.execute(_KEEP_EPISODES, *_turned([_row(*kept) for kept in self.episodes]))
        if self.contacts:
            await connection.execute(_DROP_CONTACTS, *_turned(self.contacts))
        await append(connection, self.told)


def _turned(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _row(change: Change, published: bytes | None) -> tuple[object, ...]:
    kept = change.after
    if kept is None:
        raise ValueError("a dropped episode has no row")
    e = kept.episode
    return (
        kept.episode_id, kept.person_id, e.municipality, e.from_day, e.to_day, e.entry_reason, e.exit_reason,
        kept.revision, kept.told, published,
    )  # fmt: skip


async def business_day(connection: Connection) -> date:
    """The day on which the register stands, held still until the end of the transaction."""
    return cast(date, await connection.fetchval("SELECT held_day($1)", DAY_LOCK))


async def apply(connection: Connection, received: Sequence[Received]) -> list[Outcome]:
    """Takes a batch of events into the register (an ``Apply`` of servicekit)."""
    day = await business_day(connection)
    entered = await log.enter(connection, received)
    if entered.numbers or entered.mentioned:
        locked = await persons.lock(connection, entered.numbers, entered.mentioned)
        if locked:
            await _compute(connection, day, await persons.load(connection, locked, entered.numbers))
    return entered.outcomes


async def wake(connection: Connection, limit: int) -> int:
    """Computes persons for whom time alone made something true; gives how many there were."""
    day = await business_day(connection)
    due = await connection.fetch(
        "SELECT person_id FROM waking WHERE day <= $1 ORDER BY day LIMIT $2", day, limit
    )
    locked = await persons.lock_persons(connection, [row[0] for row in due])
    if locked:
        await _compute(connection, day, await persons.load(connection, locked, ()))
    return len(due)


async def _compute(connection: Connection, day: date, loaded: Loaded) -> None:
    difference = _Difference(day, now())
    groups, split_off = persons.grouped(loaded)
    for group in (*groups, *await persons.create(connection, split_off)):
        _compute_person(difference, loaded, group)
    await difference.write(connection)


def _compute_person(difference: _Difference, loaded: Loaded, group: Group) -> None:
    day, person = difference.day, group.person
    said: list[Statement] = [s for number in group.numbers for s in loaded.statements.get(number, ())]
    moves = residence(said)
    contact, gone = sifted(said, [c for number in group.numbers for c in loaded.contacts.get(number, ())])
    difference.contacts.extend((statement.source, statement.id) for statement in gone)
    current = current_number(said) if said else person.anchor
    state = person_state(
        person.person_id,
        [current, *sorted(group.numbers - {current})],
        names(said),
        birth_date(said) if said else birth_date_of(person.anchor),
        next((town for begins, town in reversed(moves) if begins <= day), None),
        cast(Protection, protection(said)),
        contact,
    )
    facts = facts_of(said) if said else None
    episodes = episodes_of(facts) if facts else ()
    revision = _tell_person(difference, person, state, wakes_on(episodes, moves, day))
    difference.numbers.extend(
        (number, person.person_id)
        for number in group.numbers
        if loaded.numbers.get(number) != person.person_id
    )
    for loser in group.merged:
        into = {"person_id": loser.person_id, "merged_into": person.person_id}
        _tell_person(difference, loser, state.model_copy(update=into), None)
    stored = [e for one in (person, *group.merged) for e in loaded.episodes.get(one.person_id, ())]
    grounds = partial(grounds_of, facts, state.protection)
    for change in changes(person.person_id, stored, episodes, grounds, day, iter(uuid4, None)):
        message = coverage_message(change, revision, day, difference.at) if change.telling else None
        if message:
            difference.told.append(message)
        if change.after is None:
            difference.dropped.extend([change.before.episode_id] if change.before else [])
        else:
            difference.episodes.append((change, message.value if message else None))


def _tell_person(difference: _Difference, person: Person, state: PersonUpdated, wakes: date | None) -> int:
    """Keeps and tells the state of a person where it differs from what is stored; gives her revision."""
    digest = digest_of(state)
    revision, published = person.revision, None
    if digest != person.digest:
        revision += 1
        message = person_message(state, revision, difference.at)
        difference.told.append(message)
        published = message.value
    if published is not None or wakes != person.wake_on:
        difference.persons.append(
            (person.person_id, state.identity_number, state.merged_into, revision, digest, published, wakes)
        )
    return revision
