"""Notices of absence as schools tell them (skollagen 15:15): what early support follows from.

They make no entry in the register, and of other notices nothing is kept here. One is handled when somebody answered
an attempt at early support, until the school says that it is over and then stands again: absence grew.

Early support is for pupils under 20. Of one who has left school since, or of whom that was heard since, her case
calls for what is to be done, and its end does not bring the notice back. Absence that is told of somebody who has a
case already, or of whom no school was known, calls for it all the same: the register and the school do not agree
then.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from contracts.own import EntryReason, NoticeRegistered, NoticeUpdated
from servicekit.database import Connection, TransientError
from services.outreach.store import columns

#: Why a case began of one who had left school; it reads as a list in SQL.
LEFT: Final[tuple[EntryReason, ...]] = (
    "left_upper_secondary", "left_introductory_programme", "left_equivalent_education", "study_certificate"
)  # fmt: skip
#: The day, in SQL.
TODAY: Final = "(now() AT TIME ZONE 'Europe/Stockholm')::date"
_CALLS: Final = f"""
standing AND NOT handled
AND NOT EXISTS (
  SELECT FROM episode AS e
  WHERE e.person_id = n.person_id AND e.municipality = n.municipality
    AND entry_reason IN {LEFT} AND greatest(from_day, opened_on) >= heard_on
    AND (to_day IS NULL OR to_day >= heard_on)
)
AND NOT EXISTS (
  SELECT FROM person AS pupil
  WHERE pupil.person_id = n.person_id AND birth_date + interval '20 years' <= {{day}}
)
"""
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
_TRIED = f"""
UPDATE notice SET tried_by = $3, tried_revision = revision, answered = $4, tried_on = {TODAY}
WHERE person_id = $1 AND municipality = $2 AND heard_on <= $5 AND standing AND NOT handled
"""
_CORRECTED = "UPDATE notice SET answered = $2 WHERE tried_by = $1 AND answered <> $2"

Notice = NoticeRegistered | NoticeUpdated


def calls(day: str) -> str:
    """The condition that a notice (``n``) calls for early support on a day; both are expressions in SQL."""
    return _CALLS.format(day=day)


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
