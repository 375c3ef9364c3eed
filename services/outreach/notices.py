"""Notices of absence as schools tell them (skollagen 15:15): what early support follows from.

They make no entry in the register, and of other notices nothing is kept here. One is handled when somebody answered
an attempt at early support, until the school says that it is over and then stands again: absence grew.
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
  heard_on = CASE WHEN excluded.standing AND NOT known.standing THEN excluded.heard_on ELSE known.heard_on END
WHERE known.revision < excluded.revision
RETURNING old.person_id
"""
# Also an end that comes after what followed it: the same notices stand in any order.
_ENDED = """
UPDATE notice SET ended_revision = ended.revision, heard_on = CASE WHEN standing THEN $3 ELSE heard_on END
FROM unnest($1::uuid[], $2::int[]) AS ended (notice_id, revision)
WHERE notice.notice_id = ended.notice_id AND ended_revision < ended.revision
"""
_TRIED = """
UPDATE notice SET tried_by = $3, tried_revision = revision, answered = $4,
                  tried_on = (now() AT TIME ZONE 'Europe/Stockholm')::date
WHERE person_id = $1 AND municipality = $2 AND heard_on <= $5 AND standing AND NOT handled
"""
_CORRECTED = "UPDATE notice SET answered = $2 WHERE tried_by = $1 AND answered <> $2"

Notice = NoticeRegistered | NoticeUpdated


async def keep(
    connection: Connection, told: Sequence[Notice], persons: Collection[UUID], today: date
) -> None:
    """Keeps the newest of what is told of each notice, if newer than what is known; ``persons`` are those locked.

    One that was over and stands again is as if heard of today. Raises TransientError when a notice turns out to have
    been about somebody who is not locked.
    """
    if not told:
        return
    by_revision = sorted(told, key=lambda notice: notice.revision)
    newest = {notice.notice_id: notice for notice in by_revision}
    rows = [
        (n.notice_id, n.revision, n.person_id, n.municipality, n.school_unit, n.status == "registered",
         n.status == "closed")
        for n in newest.values()
    ]  # fmt: skip
    kept = await connection.fetch(_KEEP, *columns(rows), today)
    if not {row["person_id"] for row in kept if row["person_id"] is not None} <= set(persons):
        raise TransientError("a notice has become another person's meanwhile")
    ended = {notice.notice_id: notice.revision for notice in by_revision if notice.status != "registered"}
    if ended:
        await connection.execute(_ENDED, list(ended), list(ended.values()), today)


async def tried(
    connection: Connection,
    municipality: str,
    person_id: UUID,
    by: UUID | None,
    heard_by: date,
    *,
    answered: bool,
) -> None:
    """Notes an attempt at early support: for what stands and nobody has handled.

    ``by``: the contact, whose correction ``corrected`` follows; None for a measure, to which she has said yes.
    ``heard_by``: not for what was heard of after that day.
    """
    await connection.execute(_TRIED, person_id, municipality, by, answered, heard_by)


async def corrected(connection: Connection, by: UUID, *, answered: bool) -> bool:
    """Whether somebody answered, said anew of an attempt; gives whether that changes what is handled."""
    changed: str = await connection.execute(_CORRECTED, by, answered)
    return changed != "UPDATE 0"
