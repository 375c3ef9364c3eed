"""The scheduler: moves the business day, and tells what time alone made true.

Time is not an event: a birthday or the end of the summer changes who is covered without anyone publishing. Only this
moves the day, only forward; in production it follows the calendar in Europe/Stockholm.
"""

import asyncio
from collections.abc import Callable
from datetime import date

import asyncpg
import structlog

from servicekit import telemetry
from servicekit.calendar import today
from servicekit.database import DATABASE_ERRORS, is_transient
from servicekit.parts import Background
from services.registry.register import DAY_LOCK, wake

log = structlog.get_logger()

#: Persons computed in one transaction.
PAGE = 500
#: Seconds between looks at the calendar.
LOOK_SECONDS = 5.0


async def move_day(pool: asyncpg.Pool, day: date) -> date:
    """Moves the business day forward to ``day``, never back; gives the day that stands. Waits for open batches."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", DAY_LOCK)
        stands: date = await connection.fetchval(
            "UPDATE business_day SET day = greatest(day, $1) RETURNING day", day
        )
    telemetry.BUSINESS_DAY.set((stands - date(1970, 1, 1)).days)
    return stands


async def tell_what_time_made_true(pool: asyncpg.Pool, told: Callable[[], None]) -> int:
    """Computes everyone who is due on the business day, page by page; gives how many there were."""
    count = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            done = await wake(connection, PAGE)
        if done:
            told()
        count += done
        if done < PAGE:
            return count


def scheduler(follow_calendar: bool) -> Background:
    """The background work of the registry: the calendar's day (unless told not to), then whoever is due."""

    async def run(pool: asyncpg.Pool, told: Callable[[], None]) -> None:
        while True:
            try:
                if follow_calendar:
                    await move_day(pool, today())
                count = await tell_what_time_made_true(pool, told)
                if count:
                    log.info("time.told", count=count)
            except DATABASE_ERRORS as error:
                if not is_transient(error):
                    raise
                log.warning("time.waits", seconds=LOOK_SECONDS, exc_info=error)
            await asyncio.sleep(LOOK_SECONDS)

    return run
