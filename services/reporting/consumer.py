"""What is received, kept as it comes: every event once, in order of receipt, without names and contact data."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from contracts.envelope import Event
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
from servicekit.inbox import through_inbox

#: Held by whoever writes, until its commit: so ``seq`` ascends in the order of commits, and no event of a purged
#: person slips in beside the purge. One writer at a time is enough: a batch takes some tens of milliseconds.
WRITE_LOCK: Final = 4_614_001

#: Left out of what is kept: no report needs them, and what is not there cannot leak (INV-11).
_LEFT_OUT: Final = {"contact", "given_name", "family_name", "former_identity_numbers", "grounds"}

_LOCK = "SELECT pg_advisory_xact_lock($1)"
_KEEP = """
INSERT INTO received (source, id, type, about, entity_id, revision, person_id, municipality, data)
SELECT source, id, type, about, entity_id, revision, person_id, municipality, data
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::uuid[], $8::text[],
            $9::jsonb[])
  WITH ORDINALITY AS new (source, id, type, about, entity_id, revision, person_id, municipality, data, place)
WHERE NOT EXISTS (SELECT FROM purged_person WHERE purged_person.person_id = new.person_id)
ORDER BY place
"""
_PURGE = "INSERT INTO purged_person SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM received WHERE person_id = ANY($1::uuid[])"


class _Row(NamedTuple):
    source: str
    id: str
    type: str
    about: str
    entity_id: UUID
    revision: int
    person_id: UUID
    municipality: str | None
    data: str


async def _keep(connection: Connection, events: Sequence[Event]) -> None:
    await connection.execute(_LOCK, WRITE_LOCK)
    rows = [_row(event) for event in events]
    await connection.execute(_KEEP, *(list(column) for column in zip(*rows, strict=True)))


async def _purge(connection: Connection, keys: Sequence[bytes]) -> None:
    """Forgets persons on a tombstone's word; the key is the person_id. (source, id) stay in the inbox."""
    await connection.execute(_LOCK, WRITE_LOCK)
    persons = sorted({UUID(key.decode("ascii")) for key in keys})
    await connection.execute(_PURGE, persons)
    await connection.execute(_FORGET, persons)


#: Reporting's effect: each event is kept once, whatever is delivered again.
apply = through_inbox(_keep, _purge)


def _row(event: Event) -> _Row:
    municipality: str | None = None
    match event.data:
        case PersonUpdated() as data:
            about, entity_id = "person", data.person_id
        case CoverageWithdrawn() as data:
            about, entity_id = "episode", data.episode_id
        case CoverageStarted() | CoverageChanged() | CoverageEnded() as data:
            about, entity_id, municipality = "episode", data.episode_id, data.municipality
        case ContactMade() as data:
            about, entity_id, municipality = "contact", data.contact_id, data.municipality
        case MeasureStarted() | MeasureChanged() | MeasureEnded() as data:
            about, entity_id, municipality = "measure", data.measure_id, data.municipality
        case _:
            raise ValueError(f"reporting does not read {event.type}")
    return _Row(
        event.source,
        event.id,
        event.type,
        about,
        entity_id,
        data.revision,
        data.person_id,
        municipality,
        data.model_dump_json(by_alias=True, exclude_none=True, exclude=_LEFT_OUT),
    )
