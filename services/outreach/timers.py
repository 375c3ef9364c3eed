"""What days alone make true, without any event: steps that open, follow-ups that fall due, snoozes that end.

Every case knows the day on which time may next change what it calls for (``episode.look_on``), so a day costs what is
due on it, however large the register is; and one look at the open tasks of early support, which are part of no case.
"""

import asyncio
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from typing import Final

import asyncpg
import structlog

from servicekit.database import DATABASE_ERRORS, TransientError, is_transient
from servicekit.parts import Background
from services.outreach import cases, notices, routing, store
from services.outreach.ladder_file import Ladders

log = structlog.get_logger()

#: Persons in one transaction.
PAGE: Final = 500
#: Seconds between looks: a new day, and leases that ran out of what was open for its holder alone.
LOOK_SECONDS: Final = 30.0

# Whom somebody else has just locked is passed over: what is done with her looks at the day as well.
_DUE = """
SELECT person_id FROM person
WHERE person_id IN (
  SELECT person_id FROM episode WHERE look_on <= $1 ORDER BY look_on LIMIT $2
)
ORDER BY person_id
FOR NO KEY UPDATE SKIP LOCKED
"""
_OUTLIVED = """
SELECT person_id FROM person
WHERE person_id IN (
  SELECT person_id FROM task WHERE waits_for = 'holder' AND leased_until <= now() LIMIT $1
)
ORDER BY person_id
FOR NO KEY UPDATE SKIP LOCKED
"""
_UNROUTED = f"""
SELECT person_id FROM person
WHERE person_id IN (
  SELECT r.person_id FROM routing AS r JOIN person AS p USING (person_id) WHERE NOT ({routing.GOES_ON}) LIMIT $1
)
ORDER BY person_id
FOR NO KEY UPDATE SKIP LOCKED
"""
# Early support that no notice calls for: of those who have turned 20, and what an earlier version left open. OFFSET
# keeps the planner from reading all notices and episodes first.
_OUTGROWN = f"""
SELECT person_id FROM person
WHERE person_id IN (
  SELECT person_id FROM task
  WHERE kind = 'early_support' AND state = 'open' AND waits_for IS DISTINCT FROM 'holder' AND NOT EXISTS (
    SELECT FROM notice AS n
    WHERE n.person_id = task.person_id AND n.municipality = task.municipality AND {notices.calls("$1")}
    OFFSET 0
  )
  LIMIT $2
)
ORDER BY person_id
FOR NO KEY UPDATE SKIP LOCKED
"""
_WITH_CASES = """
SELECT DISTINCT municipality, digest FROM episode LEFT JOIN ladder_used USING (municipality)
WHERE from_day IS NOT NULL AND to_day IS NULL
"""
_LOOK_AT_ALL = """
UPDATE episode SET look_on = $2 WHERE municipality = ANY($1::text[]) AND from_day IS NOT NULL AND to_day IS NULL
"""
_USED = """
INSERT INTO ladder_used (municipality, digest) SELECT * FROM unnest($1::text[], $2::text[]) ORDER BY 1
ON CONFLICT (municipality) DO UPDATE SET digest = excluded.digest
"""
_WAKE = """
WITH ended AS (
  SELECT task_id FROM task WHERE snoozed_until <= $1 ORDER BY task_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), woken AS (
  UPDATE task SET snoozed_until = NULL FROM ended WHERE task.task_id = ended.task_id
  RETURNING task.task_id, municipality
)
INSERT INTO task_history (task_id, municipality, happening, who)
SELECT task_id, municipality, 'woken', $3 FROM woken ORDER BY task_id
"""


async def renew(pool: asyncpg.Pool, ladders: Ladders, day: date) -> int:
    """Has the open cases looked at of every municipality whose ladder is another than at the last start.

    Gives how many municipalities there were. A ladder takes effect with the start of the service.
    """
    async with pool.acquire() as connection, connection.transaction():
        now = {row[0]: (row[1], _digest(ladders, row[0])) for row in await connection.fetch(_WITH_CASES)}
        changed = {code: digest for code, (used, digest) in now.items() if used != digest}
        if changed:
            await connection.execute(_LOOK_AT_ALL, list(changed), day)
            await connection.execute(_USED, list(changed), list(changed.values()))
    return len(changed)


def _digest(ladders: Ladders, municipality: str) -> str:
    return sha256(ladders.of(municipality).model_dump_json().encode()).hexdigest()


async def wake(pool: asyncpg.Pool, day: date) -> int:
    """Ends the snoozes that last until this day; gives how many there were."""
    count = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            done = int((await connection.execute(_WAKE, day, PAGE, cases.LADDER)).rpartition(" ")[2])
        count += done
        if done < PAGE:
            return count


async def look(pool: asyncpg.Pool, ladders: Ladders, day: date) -> int:
    """Brings the cases up that time may have changed by this day; gives how many persons there were."""
    count = 0
    for query, arguments in ((_DUE, (day, PAGE)), (_OUTLIVED, (PAGE,)), (_UNROUTED, (PAGE,))):
        count += await _bring_up(pool, ladders, day, query, *arguments)
    return count


async def outgrow(pool: asyncpg.Pool, ladders: Ladders, day: date) -> int:
    """Ends early support of whom it is not for any more on this day; gives how many persons there were."""
    return await _bring_up(pool, ladders, day, _OUTGROWN, day, PAGE)


async def _bring_up(pool: asyncpg.Pool, ladders: Ladders, day: date, query: str, *arguments: object) -> int:
    count = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            persons = {row[0] for row in await connection.fetch(query, *arguments)}
            if not persons:
                return count
            await store.lock(connection, persons)
            await routing.settle(connection, persons, cases.LADDER)
            await cases.bring_up(connection, ladders, persons, cases.LADDER, day)
        count += len(persons)


def timers(ladders: Ladders) -> Background:
    """The background work of outreach: at the start, and then as the days pass (Europe/Stockholm)."""

    async def run(pool: asyncpg.Pool, _: Callable[[], None]) -> None:
        renewed = False
        last: date | None = None
        while True:
            try:
                day = await store.calendar_day(pool)
                if not renewed and (count := await renew(pool, ladders, day)):
                    log.info("ladders.renewed", count=count)
                renewed = True
                woken, looked_at = await wake(pool, day), await look(pool, ladders, day)
                if day != last:
                    looked_at += await outgrow(pool, ladders, day)
                    last = day
                if woken or looked_at:
                    log.info("time.told", woken=woken, count=looked_at)
            except (TransientError, *DATABASE_ERRORS) as error:
                if not is_transient(error):
                    raise
                log.warning("time.waits", seconds=LOOK_SECONDS, exc_info=error)
            await asyncio.sleep(LOOK_SECONDS)

    return run
