"""Retention: what is kept for a time only is removed by a job, and never what could still arrive again.

An event is known by (``source``, ``id``) in the inbox, and what was forgotten there would take effect a second time.
So two things alone are forgotten. *A revision of our own that a later one has overtaken*, 90 days after it came: our
topics keep records for 30 days (a compacted one keeps the overtaken for one), only the latest is ever published
again, and readers ignore a lower revision. *An event of a school, a municipality or Beda*, seven years after it came:
its source may repeat it at any time, and whom it was about is past 21 by then (skollagen 29:9).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from servicekit.database import DATABASE_ERRORS, Connection, is_transient

log = structlog.get_logger()

#: Removes what is past its time by then, in transactions of its own; gives how many rows.
Job = Callable[[Connection, datetime], Awaitable[int]]

OVERTAKEN_DAYS: Final = 90
YEARS: Final = 7
#: Rows in one transaction.
PAGE: Final = 5_000
#: Seconds after the start, and between runs.
FIRST: Final = 60.0
BETWEEN: Final = 6 * 3600.0

# Held by one process of a service at a time; of the session, since a job has several transactions.
_LOCK = "SELECT pg_try_advisory_lock(4611002)"
_UNLOCK = "SELECT pg_advisory_unlock(4611002)"

# An id of ours is ENTITY.REVISION, and in this order of bytes "/" follows ".": so the others of an entity are one
# range of the primary key.
_OVERTAKEN = """
DELETE FROM inbox USING (
  SELECT source, id FROM inbox AS old
  WHERE received_at < $1 AND source LIKE 'urn:kaa:%' AND id ~ '^[0-9a-f-]{36}[.][0-9]{1,18}$'
    AND EXISTS (
      SELECT FROM inbox AS newer
      WHERE newer.source = old.source AND newer.id > split_part(old.id, '.', 1) || '.'
        AND newer.id < split_part(old.id, '.', 1) || '/' AND newer.id ~ '[.][0-9]{1,18}$'
        AND split_part(newer.id, '.', 2)::bigint > split_part(old.id, '.', 2)::bigint
    )
  LIMIT $2
) AS gone
WHERE inbox.source = gone.source AND inbox.id = gone.id
"""
_OLD = """
DELETE FROM inbox USING (
  SELECT source, id FROM inbox WHERE received_at < $1 AND source NOT LIKE 'urn:kaa:%' LIMIT $2
) AS gone
WHERE inbox.source = gone.source AND inbox.id = gone.id
"""


async def forget(connection: Connection, at: datetime) -> int:
    """Forgets in the inbox what cannot arrive again any more; gives how many events."""
    overtaken = await in_pages(connection, _OVERTAKEN, at - timedelta(days=OVERTAKEN_DAYS))
    return overtaken + await in_pages(connection, _OLD, at - timedelta(days=YEARS * 365.25))


async def in_pages(connection: Connection, statement: str, before: datetime) -> int:
    """Runs a statement on ($1: before, $2: at most so many rows) until nothing is left for it; gives the rows."""
    total = 0
    while True:
        done = int((await connection.execute(statement, before, PAGE)).rpartition(" ")[2])
        total += done
        if done < PAGE:
            return total


async def run_once(pool: asyncpg.Pool, jobs: Sequence[Job]) -> int | None:
    """Does the jobs unless another process is at them (None); gives how many rows were removed."""
    async with pool.acquire() as connection:
        if not await connection.fetchval(_LOCK):
            return None
        try:
            # by the database's clock: that of a process may be days ahead
            at = await connection.fetchval("SELECT now()")
            return sum([await job(connection, at) for job in jobs])
        finally:
            await connection.execute(_UNLOCK)


async def again_and_again(pool: asyncpg.Pool, jobs: Sequence[Job]) -> None:
    """Does the jobs a minute after the start and every six hours; endless. What passes is waited out."""
    await asyncio.sleep(FIRST)
    while True:
        try:
            if removed := await run_once(pool, jobs):
                log.info("retention.removed", count=removed)
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                raise
            log.warning("retention.waits", seconds=BETWEEN, exc_info=error)
        await asyncio.sleep(BETWEEN)
