"""Notices of absence as schools tell them (skollagen 15:15): what early support follows from.

They make no entry in the register, and of other notices nothing is kept here.
"""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from contracts.own import NoticeRegistered, NoticeUpdated
from servicekit.database import Connection, TransientError
from services.outreach.store import columns

_KEEP = """
INSERT INTO notice AS known (notice_id, revision, person_id, municipality, school_unit, standing, heard_on)
SELECT *, $7 FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::boolean[])
ORDER BY 1
ON CONFLICT (notice_id) DO UPDATE SET
  revision = excluded.revision, person_id = excluded.person_id, municipality = excluded.municipality,
  school_unit = excluded.school_unit, standing = excluded.standing
WHERE known.revision < excluded.revision
RETURNING old.person_id
"""

Notice = NoticeRegistered | NoticeUpdated


def is_newer(notice: Notice, known: Notice | None) -> bool:
    """Whether it overtakes what is known of the same notice."""
    return known is None or known.revision < notice.revision


async def keep(
    connection: Connection, told: Sequence[Notice], persons: Collection[UUID], today: date
) -> None:
    """Keeps each notice that is newer than what is known, one state for each; ``persons`` are those locked.

    Raises TransientError when a notice turns out to have been about somebody who is not locked.
    """
    if told:
        rows = [
            (n.notice_id, n.revision, n.person_id, n.municipality, n.school_unit, n.status == "registered")
            for n in told
        ]
        kept = await connection.fetch(_KEEP, *columns(rows), today)
        if not {row["person_id"] for row in kept if row["person_id"] is not None} <= set(persons):
            raise TransientError("a notice has become another person's meanwhile")
