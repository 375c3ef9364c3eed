"""The access log: every look at a person is written before the answer is given (INV-09)."""

import getpass
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from servicekit.database import Connection

# The days in Europe/Stockholm, the last one included.
_LOOKS: Final = """
SELECT at, who, action, person_id, count FROM access_log
WHERE municipality = $1 AND at >= $2::date::timestamp AT TIME ZONE 'Europe/Stockholm'
  AND at < ($3::date + 1)::timestamp AT TIME ZONE 'Europe/Stockholm' AND ($4::uuid IS NULL OR person_id = $4)
ORDER BY access_id DESC LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Look:
    """Who looked when (UTC) and why: at one person, or at ``count`` who are not named."""

    at: datetime
    who: str
    why: str
    person_id: UUID | None
    count: int


async def looked(
    connection: Connection,
    action: str,
    *,
    who: str | None = None,
    person_id: UUID | None = None,
    municipality: str | None = None,
    count: int = 1,
) -> None:
    """Notes that somebody, unless named the operator of this command line, looked at a person, or at ``count``."""
    await connection.execute(
        "INSERT INTO access_log (who, action, person_id, municipality, count) VALUES ($1, $2, $3, $4, $5)",
        who or f"cli:{getpass.getuser()}",
        action,
        person_id,
        municipality,
        count,
    )


async def looked_at(
    connection: Connection, action: str, persons: Collection[UUID], *, who: str, municipality: str
) -> None:
    """Notes that somebody saw each of these persons in a list, once each."""
    await connection.execute(
        """
        INSERT INTO access_log (who, action, person_id, municipality)
        SELECT $1, $2, person_id, $4 FROM unnest($3::uuid[]) AS seen (person_id)
        """,
        who,
        action,
        sorted(set(persons)),
        municipality,
    )


async def looks(
    connection: Connection,
    municipality: str,
    from_day: date,
    to_day: date,
    *,
    person_id: UUID | None = None,
    limit: int,
) -> Sequence[Look]:
    """The last looks in a municipality from day to day (inclusive), the newest first, at one person if named.

    For registrars: to others the database shows none. The caller logs this look.
    """
    rows = await connection.fetch(_LOOKS, municipality, from_day, to_day, person_id, limit)
    return [Look(*row) for row in rows]
