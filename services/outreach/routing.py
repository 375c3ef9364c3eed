"""Cases of protected population registration (skyddad folkbokföring), which a registrar routes before anybody else
sees them: the municipality of registration says nothing of where such a person is (INV-11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from servicekit.access_log import looked
from servicekit.database import Connection

_LIST: Final = """
SELECT person_id, identity_number, min(opened_on), count(*)
FROM task JOIN person USING (person_id)
WHERE task.municipality = $1 AND state = 'open' AND waits_for = 'routing'
GROUP BY person_id, identity_number ORDER BY 3, person_id
"""


@dataclass(frozen=True, slots=True)
class ToRoute:
    """A case that waits for its registrar, since a day, with so many tasks. No name, no contact data."""

    person_id: UUID
    identity_number: str
    since: date
    tasks: int


async def to_route(connection: Connection, municipality: str, who: str) -> Sequence[ToRoute]:
    """The cases that wait for the registrar of a municipality, the oldest first; each is in the access log."""
    found = [ToRoute(*row) for row in await connection.fetch(_LIST, municipality)]
    for one in found:
        await looked(
            connection, "outreach routing", who=who, person_id=one.person_id, municipality=municipality
        )
    return found
