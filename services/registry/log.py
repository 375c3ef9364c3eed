"""The event log in SQL: events received once each, and the claims of those that take others back."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.envelope import Event
from contracts.municipality import Contact, ResidentRegistered, ResidentUpdated
from servicekit.database import Connection
from servicekit.inbox import Identity, repetitions
from servicekit.records import Outcome, Received
from services.registry.settlement import named
from services.registry.statement import CONFIRMED, Statement, statement_of

_COLUMNS = (
    'source, id, digest, topic, partition, "offset", received_at, type, time, names, identity_number, on_day, '
    "school_unit, school_form, study_path, outcome, municipality, birth_date, registered_in_sweden_on, "
    "previous_identity_number, protection, given_name, family_name"
)
_SET = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[2:])

# A row may be there already, without content: something took the event back before it came. ORDER BY: one order for
# all, so that two batches with the same keys wait for each other and do not deadlock.
_RECORD = f"""
INSERT INTO event_log ({_COLUMNS})
SELECT source, id, digest, topic, partition, "offset", now(), type, time, names, identity_number, on_day,
       school_unit, school_form, study_path, outcome, municipality, birth_date, registered_in_sweden_on,
       previous_identity_number, protection, given_name, family_name
FROM unnest($1::bytea[], $2::text[], $3::int[], $4::bigint[],
            $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[], $11::date[],
            $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::date[], $18::date[],
            $19::text[], $20::text[], $21::text[], $22::text[])
  AS new (digest, topic, partition, "offset",
          source, id, type, time, names, identity_number, on_day,
          school_unit, school_form, study_path, outcome, municipality, birth_date, registered_in_sweden_on,
          previous_identity_number, protection, given_name, family_name)
ORDER BY source COLLATE "C", id COLLATE "C"
ON CONFLICT (source, id) DO UPDATE SET {_SET} WHERE event_log.digest IS NULL
RETURNING source, id, taken_back
"""
_KNOWN = """
SELECT source, id, digest FROM event_log JOIN unnest($1::text[], $2::text[]) AS asked (source, id) USING (source, id)
"""
# Naming is final and may come first: whoever comes second finds the row, and waits for it while it is uncommitted.
_TAKE_BACK = """
INSERT INTO event_log AS log (source, id, taken_back)
SELECT source, id, true FROM unnest($1::text[], $2::text[]) AS new (source, id)
ORDER BY source COLLATE "C", id COLLATE "C"
ON CONFLICT (source, id) DO UPDATE SET taken_back = true WHERE NOT log.taken_back
RETURNING identity_number, previous_identity_number
"""
_FORGET_CONTACT = """
DELETE FROM contact USING unnest($1::text[], $2::text[]) AS gone (source, id)
WHERE contact.source = gone.source AND contact.id = gone.id
"""
_KEEP_CONTACT = """
INSERT INTO contact (source, id, identity_number, time, street, postal_code, city, email, phones)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


@dataclass(slots=True)
class Entered:
    """What a batch did to the log."""

    outcomes: list[Outcome]
    #: Identity numbers whose persons must be computed again.
    numbers: set[str] = field(default_factory=set)
    #: Numbers named by events without effect on anyone known: a person is made of them if there is none.
    mentioned: set[str] = field(default_factory=set)


async def enter(connection: Connection, received: Sequence[Received]) -> Entered:
    """Writes the events of a batch into the log, each once, with their claims on the events they take back."""
    told = [(item, item.event) for item in received if item.event is not None]
    first: dict[Identity, tuple[Received, Statement]] = {}
    for item, event in told:
        if (event.source, event.id) not in first:
            first[event.source, event.id] = item, statement_of(event)
    rows = await connection.fetch(
        _RECORD,
        [item.digest for item, _ in first.values()],
        [item.record.topic for item, _ in first.values()],
        [item.record.partition for item, _ in first.values()],
        [item.record.offset for item, _ in first.values()],
        *_columns([statement for _, statement in first.values()]),
    )
    fresh = {(row[0], row[1]): row[2] for row in rows}
    known: dict[Identity, bytes] = {}
    missing = [identity for identity in first if identity not in fresh]
    if missing:
        seen = await connection.fetch(_KNOWN, [source for source, _ in missing], [key for _, key in missing])
        known = {(row[0], row[1]): row[2] for row in seen}
    outcomes = repetitions(
        [((event.source, event.id), item.digest) for item, event in told], set(fresh), known
    )
    entered = Entered(outcomes)
    for identity, taken_back in fresh.items():
        statement = first[identity][1]
        if not taken_back and statement.identity_number is not None:
            touched = entered.mentioned if statement.type == CONFIRMED else entered.numbers
            touched.add(statement.identity_number)
            if statement.previous_identity_number is not None:
                entered.numbers.add(statement.previous_identity_number)
    await _contacts(connection, [first[identity] for identity, gone in fresh.items() if not gone])
    claims = {
        (event.source, name)
        for (item, event), outcome in zip(told, outcomes, strict=True)
        if outcome is Outcome.APPLIED
        for name in named(event)
    }
    if claims:
        keys = [source for source, _ in claims], [name for _, name in claims]
        for number, previous in await connection.fetch(_TAKE_BACK, *keys):
            entered.numbers.update(n for n in (number, previous) if n is not None)
        await connection.execute(_FORGET_CONTACT, *keys)
    return entered


def _columns(statements: Sequence[Statement]) -> list[list[object]]:
    rows = [
        (
            s.source, s.id, s.type, s.time, s.names, s.identity_number, s.on, s.school_unit, s.school_form,
            s.study_path, s.outcome, s.municipality, s.birth_date, s.registered_in_sweden_on,
            s.previous_identity_number, s.protection, s.given_name, s.family_name,
        )
        for s in statements
    ]  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]


def _stated_contact(event: Event) -> Contact | None:
    return event.data.contact if isinstance(event.data, ResidentRegistered | ResidentUpdated) else None


async def _contacts(connection: Connection, entered: Sequence[tuple[Received, Statement]]) -> None:
    rows = []
    for item, statement in entered:
        contact = _stated_contact(item.event) if item.event is not None else None
        if contact is not None:
            address = contact.address
            rows.append(
                (
                    statement.source,
                    statement.id,
                    statement.identity_number,
                    statement.time,
                    address.street if address else None,
                    address.postal_code if address else None,
                    address.city if address else None,
                    contact.email,
                    list(contact.phones) if contact.phones is not None else None,
                )
            )
    if rows:
        await connection.executemany(_KEEP_CONTACT, rows)
