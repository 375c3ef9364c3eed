"""Contact ways (kontaktuppgifter): how a young person can be reached, as the registry last published it.

A table of their own, so that nobody meets them by the way. They are shown to the municipality with an open case and
to no other; of a protected person none are kept (INV-11).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from contracts.own import PersonUpdated
from servicekit.access_log import looked
from servicekit.database import Connection
from services.outreach.store import columns

#: Whose they are while no case is open: no municipality has this code, so nobody sees them.
NOBODY: Final = "nobody"

_FORGET = "DELETE FROM contact_way WHERE person_id = ANY($1::uuid[])"
_KEEP = f"""
INSERT INTO contact_way (person_id, municipality, phones, email, street, postal_code, city)
SELECT person_id, '{NOBODY}', string_to_array(phones, chr(10)), email, street, postal_code, city
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
  AS new (person_id, phones, email, street, postal_code, city)
"""
# Of two cases, while a move is on its way, the one that began last.
_PLACE = f"""
UPDATE contact_way AS way SET municipality = now.municipality
FROM (
  SELECT person_id, coalesce((
    SELECT municipality FROM episode
    WHERE episode.person_id = asked.person_id AND from_day IS NOT NULL AND to_day IS NULL
    ORDER BY from_day DESC, episode_id LIMIT 1
  ), '{NOBODY}') AS municipality
  FROM unnest($1::uuid[]) AS asked (person_id)
) AS now
WHERE way.person_id = now.person_id AND way.municipality <> now.municipality
"""
_OF = """
SELECT phones, email, street, postal_code, city FROM contact_way WHERE person_id = $1 AND municipality = $2
"""


@dataclass(frozen=True, slots=True)
class Ways:
    """How a person can be reached."""

    phones: tuple[str, ...]
    email: str | None
    street: str | None
    postal_code: str | None
    city: str | None


async def keep(connection: Connection, states: Iterable[PersonUpdated], renewed: Collection[UUID]) -> None:
    """Keeps what the newest states of renewed persons say; nothing of who is protected or is another person now."""
    if not renewed:
        return
    latest: dict[UUID, PersonUpdated] = {}
    for state in states:
        known = latest.get(state.person_id)
        if state.person_id in renewed and (known is None or known.revision < state.revision):
            latest[state.person_id] = state
    await connection.execute(_FORGET, list(renewed))
    rows = [row for state in latest.values() if (row := _row(state)) is not None]
    if rows:
        await connection.execute(_KEEP, *columns(rows))


async def place(connection: Connection, persons: Collection[UUID]) -> None:
    """Shows the ways of locked persons to the municipality whose case is open, and to no other."""
    await connection.execute(_PLACE, list(persons))


async def of(connection: Connection, municipality: str, person_id: UUID, who: str) -> Ways | None:
    """How the person of an open case can be reached; None when nothing is known. The look is in the access log."""
    row = await connection.fetchrow(_OF, person_id, municipality)
    if row is None:
        return None
    await looked(connection, "outreach contact ways", who=who, person_id=person_id, municipality=municipality)
    return Ways(tuple(row["phones"]), *row[1:])


def _row(state: PersonUpdated) -> tuple[UUID, str, str | None, str | None, str | None, str | None] | None:
    contact = state.contact
    if contact is None or state.protection != "none" or state.merged_into is not None:
        return None
    # texts of a contract hold no line break; unnest takes arrays of one dimension only
    phones = "\n".join(contact.phones or ())
    if (address := contact.address) is None:
        return state.person_id, phones, contact.email, None, None, None
    return state.person_id, phones, contact.email, address.street, address.postal_code, address.city
