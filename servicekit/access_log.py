"""The access log: every look at a person is written before the answer is given (INV-09)."""

import getpass
from uuid import UUID

from servicekit.database import Connection


async def looked(
    connection: Connection,
    action: str,
    *,
    person_id: UUID | None = None,
    municipality: str | None = None,
    count: int = 1,
) -> None:
    """Notes that the operator of this command line looked at a person, or at ``count`` of a municipality."""
    await connection.execute(
        "INSERT INTO access_log (who, action, person_id, municipality, count) VALUES ($1, $2, $3, $4, $5)",
        f"cli:{getpass.getuser()}",
        action,
        person_id,
        municipality,
        count,
    )
