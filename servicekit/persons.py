"""Persons as a service knows them: what the registry last published, without contact data."""

from collections.abc import Sequence
from uuid import UUID

from contracts.own import PersonUpdated
from servicekit.database import Connection

_KEEP = """
INSERT INTO person AS known (person_id, revision, identity_number, given_name, family_name, birth_date, municipality,
                             protection, merged_into)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::date[], $7::text[], $8::text[],
                     $9::uuid[]) AS new (person_id, revision, identity_number, given_name, family_name, birth_date,
                                         municipality, protection, merged_into)
ORDER BY person_id
ON CONFLICT (person_id) DO UPDATE SET
  revision = excluded.revision, identity_number = excluded.identity_number, given_name = excluded.given_name,
  family_name = excluded.family_name, birth_date = excluded.birth_date, municipality = excluded.municipality,
  protection = excluded.protection, merged_into = excluded.merged_into
WHERE known.revision < excluded.revision AND NOT known.purged
RETURNING person_id
"""
_FORGET_NUMBERS = "DELETE FROM person_number WHERE person_id = ANY($1::uuid[])"
_KEEP_NUMBERS = """
INSERT INTO person_number (identity_number, person_id) SELECT * FROM unnest($1::text[], $2::uuid[])
ON CONFLICT DO NOTHING
"""
_PURGE = """
INSERT INTO person AS known (person_id, revision, purged) SELECT unnest($1::uuid[]), 0, true
ON CONFLICT (person_id) DO UPDATE SET
  purged = true, identity_number = NULL, given_name = NULL, family_name = NULL, birth_date = NULL,
  municipality = NULL, protection = NULL, merged_into = NULL
"""


async def keep(connection: Connection, states: Sequence[PersonUpdated]) -> set[UUID]:
    """Keeps each state that is newer than what is known; gives the persons that changed by it.

    One that was merged into another has no numbers any more: they are the other's.
    """
    latest: dict[UUID, PersonUpdated] = {}
    for state in states:
        if state.person_id not in latest or latest[state.person_id].revision < state.revision:
            latest[state.person_id] = state
    if not latest:
        return set()
    rows = await connection.fetch(
        _KEEP,
        list(latest),
        [state.revision for state in latest.values()],
        [state.identity_number for state in latest.values()],
        [state.given_name for state in latest.values()],
        [state.family_name for state in latest.values()],
        [state.birth_date for state in latest.values()],
        [state.municipality for state in latest.values()],
        [state.protection for state in latest.values()],
        [state.merged_into for state in latest.values()],
    )
    changed = {row[0] for row in rows}
    if changed:
        await connection.execute(_FORGET_NUMBERS, list(changed))
        numbers = [
            (number, person_id)
            for person_id in changed
            if (state := latest[person_id]).merged_into is None
            for number in (state.identity_number, *state.former_identity_numbers)
        ]
        await connection.execute(
            _KEEP_NUMBERS, [number for number, _ in numbers], [whose for _, whose in numbers]
        )
    return changed


async def purge(connection: Connection, keys: Sequence[bytes]) -> None:
    """Forgets persons on a tombstone's word; the key is the person_id."""
    persons = sorted({UUID(key.decode("ascii")) for key in keys})
    await connection.execute(_PURGE, persons)
    await connection.execute(_FORGET_NUMBERS, persons)
