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
INSERT INTO notice AS known (notice_id, revision, person_id, municipality, school_unit, standing, closed, heard_on)
SELECT *, $8 FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::boolean[])
ORDER BY 1
ON CONFLICT (notice_id) DO UPDATE SET
  revision = excluded.revision, person_id = excluded.person_id, municipality = excluded.municipality,
  school_unit = excluded.school_unit, standing = excluded.standing, closed = excluded.closed,
  heard_on = CASE WHEN excluded.standing AND NOT known.standing THEN excluded.heard_on ELSE known.heard_on END,
  handled_on = CASE WHEN known.standing OR NOT excluded.standing THEN known.handled_on END
WHERE known.revision < excluded.revision
RETURNING old.person_id
"""

Notice = NoticeRegistered | NoticeUpdated


async def keep(
    connection: Connection, told: Sequence[Notice], persons: Collection[UUID], today: date
) -> None:
    """Keeps the newest of what is told of each notice, if newer than what is known; ``persons`` are those locked.

    One that did not stand and stands again is as if heard of today, and handled by nobody: absence grew after the
    pupil was back. Raises TransientError when a notice turns out to have been about somebody who is not locked.
    """
    by_revision = sorted(told, key=lambda notice: notice.revision)
    # its end may come in one batch with what follows it: then it is kept first
    ended = {notice.notice_id: notice for notice in by_revision if notice.status != "registered"}
    for states in (ended, {notice.notice_id: notice for notice in by_revision}):
        if not states:
            continue
        rows = [
            (n.notice_id, n.revision, n.person_id, n.municipality, n.school_unit, n.status == "registered",
             n.status == "closed")
            for n in states.values()
        ]  # fmt: skip
        kept = await connection.fetch(_KEEP, *columns(rows), today)
        if not {row["person_id"] for row in kept if row["person_id"] is not None} <= set(persons):
            raise TransientError("a notice has become another person's meanwhile")
