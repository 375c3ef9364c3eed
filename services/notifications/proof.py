"""What proves "without delay" (skollagen 15 kap. 15 §): when it happened, when the school noted it, when it came here
and when the home municipality was told. Without personal data.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from servicekit.access_log import looked
from servicekit.database import Connection
from services.notifications.notices import FactKind, Status

# The day of the school's note is a day in Sweden, as is the day it happened. Delays count what was told and stands,
# also what is closed. A month's total of absence happened on no day: it has no part in the first delay.
_SUMMED_UP = """
SELECT fact.organiser,
       count(*) FILTER (WHERE status = 'registered') AS registered,
       count(*) FILTER (WHERE status = 'closed') AS closed,
       count(*) FILTER (WHERE status = 'waiting') AS waiting,
       count(*) FILTER (WHERE status = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE status = 'routing') AS routing,
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY noting) FILTER (WHERE stands)) AS median_noting,
       max(noting) FILTER (WHERE stands) AS longest_noting,
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY sending) FILTER (WHERE stands)) AS median_sending,
       max(sending) FILTER (WHERE stands) AS longest_sending
FROM notice
JOIN school_fact AS fact USING (source, id)
CROSS JOIN LATERAL (
  SELECT status IN ('registered', 'closed') AS stands,
         CASE WHEN fact.kind <> 'absence'
              THEN (fact.recorded_at AT TIME ZONE 'Europe/Stockholm')::date - fact.on_day END AS noting,
         extract(epoch FROM fact.received_at - fact.recorded_at)::float8 / 86400 AS sending
) AS took
WHERE status <> 'own' AND ($1::text IS NULL OR fact.organiser = $1) AND ($2::text IS NULL OR fact.school_unit = $2)
GROUP BY fact.organiser
ORDER BY fact.organiser COLLATE "C"
"""
_LISTED = """
SELECT notice.notice_id, notice.status, fact.kind, fact.school_unit, notice.municipality,
       fact.on_day, fact.recorded_at, fact.received_at, notice.registered_at, notice.withdrawn_at
FROM notice
JOIN school_fact AS fact USING (source, id)
WHERE status <> 'own' AND ($1::text IS NULL OR fact.organiser = $1) AND ($2::text IS NULL OR fact.school_unit = $2)
ORDER BY fact.on_day, fact.recorded_at, notice.notice_id
"""


@dataclass(frozen=True, slots=True)
class OrganiserNotices:
    """An organiser's notices in numbers. Delays are days, over those registered or closed; None when there is none.

    ``noting``: from the day it happened to the day the school noted it, below 0 when noted ahead; absence, of which
    months are told, has no such day and is left out. ``sending``: from that note until it came here.
    """

    organiser: str
    registered: int
    closed: int
    waiting: int
    withdrawn: int
    routing: int
    median_noting: float | None
    longest_noting: int | None
    median_sending: float | None
    longest_sending: float | None


@dataclass(frozen=True, slots=True)
class NoticeTimes:
    """One notice, with the times that prove when it was given. ``on`` is of absence the first day of the month."""

    notice_id: UUID
    status: Status
    kind: FactKind
    school_unit: str
    municipality: str | None
    on: date
    recorded_at: datetime
    received_at: datetime
    registered_at: datetime | None
    withdrawn_at: datetime | None


async def summed_up(
    connection: Connection, organiser: str | None, school_unit: str | None
) -> list[OrganiserNotices]:
    """The notices of each organiser in numbers, in order of organisation number."""
    return [OrganiserNotices(*row) for row in await connection.fetch(_SUMMED_UP, organiser, school_unit)]


async def listed(connection: Connection, organiser: str | None, school_unit: str | None) -> list[NoticeTimes]:
    """The notices one by one, in order of the day it happened; the look is in the access log before the answer."""
    found = [NoticeTimes(*row) for row in await connection.fetch(_LISTED, organiser, school_unit)]
    await looked(connection, "notifications notices --list", count=len(found))
    return found
