"""Facts, claims, pupils and notices in SQL: one statement for many rows, keys in one order for all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.envelope import Event
from contracts.own import PersonUpdated
from servicekit import persons
from servicekit.database import Connection
from servicekit.inbox import Identity
from services.notifications.notices import Decision, Fact, Known, Person, fact_of, named, of_absence

# A fact and the events that take it back meet on this one key, in whichever order and in whichever transactions they
# come: the second waits for the first and finds its row. One statement for both, sorted, so that no two batches
# wait for each other.
_ENTER = """
INSERT INTO school_fact AS kept
  (source, id, taken_back, absence_taken_back, kind, identity_number, school_unit, organiser, school_form, on_day,
   recorded_at, minutes, occasions, received_at)
SELECT source, id, taken_back, absence_taken_back, kind, identity_number, school_unit, organiser, school_form, on_day,
       recorded_at, minutes, occasions, CASE WHEN kind IS NOT NULL THEN now() END
FROM unnest($1::text[], $2::text[], $3::bool[], $4::bool[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::date[], $11::timestamptz[], $12::int[], $13::int[])
  AS new (source, id, taken_back, absence_taken_back, kind, identity_number, school_unit, organiser, school_form,
          on_day, recorded_at, minutes, occasions)
ORDER BY source COLLATE "C", id COLLATE "C"
ON CONFLICT (source, id) DO UPDATE SET
  taken_back = kept.taken_back OR excluded.taken_back,
  absence_taken_back = kept.absence_taken_back OR excluded.absence_taken_back,
  kind = coalesce(kept.kind, excluded.kind),
  identity_number = coalesce(kept.identity_number, excluded.identity_number),
  school_unit = coalesce(kept.school_unit, excluded.school_unit),
  organiser = coalesce(kept.organiser, excluded.organiser),
  school_form = coalesce(kept.school_form, excluded.school_form),
  on_day = coalesce(kept.on_day, excluded.on_day),
  recorded_at = coalesce(kept.recorded_at, excluded.recorded_at),
  minutes = coalesce(kept.minutes, excluded.minutes),
  occasions = coalesce(kept.occasions, excluded.occasions),
  received_at = coalesce(kept.received_at, excluded.received_at)
RETURNING identity_number
"""
_LOCK_PERSONS = "SELECT FROM person WHERE person_id = ANY($1::uuid[]) ORDER BY person_id FOR NO KEY UPDATE"
_NUMBERS = "SELECT identity_number, person_id FROM person_number WHERE person_id = ANY($1::uuid[])"
# Everyone who claims one of the numbers, with all of that person's numbers.
_CLAIMS = """
SELECT number.identity_number, person.person_id, person.municipality, person.protection
FROM (SELECT DISTINCT person_id FROM person_number WHERE identity_number = ANY($1::text[])) AS touched
JOIN person USING (person_id)
JOIN person_number AS number USING (person_id)
"""
_MEET = """
INSERT INTO pupil (identity_number) SELECT number FROM unnest($1::text[]) AS new (number) ORDER BY number COLLATE "C"
ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT identity_number FROM pupil WHERE identity_number = ANY($1::text[]) ORDER BY identity_number FOR UPDATE
"""
_KNOWN = """
SELECT fact.source, fact.id, fact.kind, fact.identity_number, fact.school_unit, fact.organiser, fact.school_form,
       fact.on_day, fact.recorded_at, fact.minutes, fact.occasions, gone,
       notice.notice_id, notice.revision, notice.status, notice.municipality, notice.person_id
FROM school_fact AS fact
LEFT JOIN notice USING (source, id)
CROSS JOIN LATERAL (
  SELECT CASE WHEN fact.kind IN ('absence', 'resumed') THEN fact.absence_taken_back ELSE fact.taken_back END AS gone
) AS it
WHERE fact.identity_number = ANY($1::text[]) AND (NOT gone OR fact.kind = 'absence' OR notice.notice_id IS NOT NULL)
"""
_KEEP = """
INSERT INTO notice AS kept
  (source, id, notice_id, revision, status, municipality, person_id, registered_at, withdrawn_at)
SELECT source, id, notice_id, revision, status, municipality, person_id,
       CASE WHEN status IN ('registered', 'closed') THEN $8::timestamptz END,
       CASE status WHEN 'withdrawn' THEN $8::timestamptz END
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::uuid[])
  AS new (source, id, notice_id, revision, status, municipality, person_id)
ON CONFLICT (source, id) DO UPDATE SET
  revision = excluded.revision, status = excluded.status, municipality = excluded.municipality,
  person_id = excluded.person_id,
  registered_at = coalesce(kept.registered_at, excluded.registered_at), withdrawn_at = excluded.withdrawn_at
"""
_DROP = """
DELETE FROM notice USING unnest($1::text[], $2::text[]) AS gone (source, id)
WHERE notice.source = gone.source AND notice.id = gone.id
"""
_PURGE_NOTICES = """
DELETE FROM notice USING school_fact AS fact
WHERE notice.source = fact.source AND notice.id = fact.id AND fact.identity_number = ANY($1::text[])
"""
_PURGE_FACTS = "DELETE FROM school_fact WHERE identity_number = ANY($1::text[])"
_PURGE_PUPILS = "DELETE FROM pupil WHERE identity_number = ANY($1::text[])"


@dataclass(frozen=True, slots=True)
class Row:
    """A fact with its notice as stored; without notice: ``notice_id`` None, ``revision`` 0."""

    known: Known
    notice_id: UUID | None
    revision: int


@dataclass(frozen=True, slots=True)
class Change:
    """A notice as it is to be stored from now on; ``decision`` None: there is none any more."""

    fact: Fact
    notice_id: UUID
    revision: int
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Pupil:
    """All that is known of one pupil; ``person`` None: the registry has not told whose the numbers are."""

    person: Person | None
    rows: list[Row]


async def keep_persons(connection: Connection, states: Sequence[PersonUpdated]) -> set[str]:
    """Keeps what is newer than known; gives the identity numbers that the changed persons had or have."""
    if not states:
        return set()
    ids = list({state.person_id for state in states})
    await connection.execute(_LOCK_PERSONS, ids)
    before = await connection.fetch(_NUMBERS, ids)
    changed = await persons.keep(connection, states)
    after = await connection.fetch(_NUMBERS, list(changed))
    return {number for number, person_id in (*before, *after) if person_id in changed}


async def enter(connection: Connection, events: Sequence[Event]) -> set[str]:
    """Keeps the facts of new events and their claims on others; gives the identity numbers these are about."""
    facts: dict[Identity, Fact | None] = {}
    gone: set[tuple[Identity, bool]] = set()
    for event in events:
        for name in named(event):
            gone.add(((event.source, name), of_absence(event)))
            facts.setdefault((event.source, name), None)
        fact = fact_of(event)
        if fact is not None:
            facts[event.source, event.id] = fact
    if not facts:
        return set()
    rows = [
        (*its, (its, False) in gone, (its, True) in gone, *(_stated(fact) if fact else (None,) * 9))
        for its, fact in facts.items()
    ]
    touched = await connection.fetch(_ENTER, *_turned(rows))
    return {row[0] for row in touched if row[0] is not None}


def _stated(fact: Fact) -> tuple[object, ...]:
    return (
        fact.kind, fact.identity_number, fact.school_unit, fact.organiser, fact.school_form, fact.on,
        fact.recorded_at, fact.minutes, fact.occasions,
    )  # fmt: skip


async def lock(connection: Connection, numbers: Iterable[str]) -> list[Pupil]:
    """Locks the pupils with these identity numbers, and gives what is known of each, read after the lock.

    A person's numbers are locked together. Who claims them may change while we wait: then the lock is widened.
    """
    wanted = set(numbers)
    locked: set[str] = set()
    while True:
        claims = await connection.fetch(_CLAIMS, list(wanted))
        wanted.update(row[0] for row in claims)
        if wanted <= locked:
            break
        await connection.execute(_MEET, list(wanted))
        locked.update(row[0] for row in await connection.fetch(_LOCK, list(wanted)))
    return await _pupils(connection, locked, _owners(claims))


def _owners(claims: Iterable[tuple[str, UUID, str | None, str]]) -> dict[str, Person]:
    """Whose each number is. Two may claim one for a moment, while persons are merged or split: until the registry's
    other word of it is here, it is nobody's.
    """
    claimed: dict[str, list[Person]] = {}
    for number, person_id, municipality, protection in claims:
        person = Person(person_id, municipality, protection == "protected_registration")
        claimed.setdefault(number, []).append(person)
    return {number: found[0] for number, found in claimed.items() if len(found) == 1}


async def _pupils(connection: Connection, numbers: set[str], owners: dict[str, Person]) -> list[Pupil]:
    pupils: dict[UUID | str, Pupil] = {}
    for row in await connection.fetch(_KNOWN, list(numbers)):
        *stated, taken_back, notice_id, revision, status, municipality, about = row
        fact = Fact(*stated)
        before = Decision(status, municipality, about) if notice_id is not None else None
        owner = owners.get(fact.identity_number)
        pupil = pupils.setdefault(owner.person_id if owner else fact.identity_number, Pupil(owner, []))
        pupil.rows.append(Row(Known(fact, taken_back, before), notice_id, revision or 0))
    return list(pupils.values())


async def keep_notices(connection: Connection, changes: Sequence[Change], now: datetime) -> None:
    """Stores what changed of notices."""
    kept = [
        (c.fact.source, c.fact.id, c.notice_id, c.revision, d.status, d.municipality, d.person_id)
        for c in changes
        if (d := c.decision) is not None
    ]
    dropped = [(c.fact.source, c.fact.id) for c in changes if c.decision is None]
    if kept:
        await connection.execute(_KEEP, *_turned(kept), now)
    if dropped:
        await connection.execute(_DROP, *_turned(dropped))


async def purge(connection: Connection, keys: Sequence[bytes]) -> set[str]:
    """Forgets persons on a tombstone's word, with their facts and notices; the inbox keeps (``source``, ``id``).

    Gives those of their identity numbers that are now another's alone, whose notices must be decided.
    """
    ids = [UUID(key.decode("ascii")) for key in keys]
    await connection.execute(_LOCK_PERSONS, ids)
    numbers = {row[0] for row in await connection.fetch(_NUMBERS, ids)}
    await persons.purge(connection, keys)
    if not numbers:
        return set()
    await lock(connection, numbers)
    others = {row[0] for row in await connection.fetch(_CLAIMS, list(numbers))}
    gone = list(numbers - others)
    for statement in (_PURGE_NOTICES, _PURGE_FACTS, _PURGE_PUPILS):
        await connection.execute(statement, gone)
    return numbers & others


def _turned(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
