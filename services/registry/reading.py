"""Reading the register: the episodes as a day sees them, one person's explanation, everything published again."""

from collections.abc import AsyncIterator
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

import asyncpg

from servicekit import access_log
from servicekit.database import Connection
from services.registry import persons
from services.registry.coverage import Episode, cut
from services.registry.evaluation import listing
from services.registry.explanation import Explanation, explain
from services.registry.register import business_day

_EPISODES = """
SELECT person.identity_number, episode.municipality, from_day, to_day, entry_reason, exit_reason
FROM episode JOIN person USING (person_id)
WHERE from_day <= $1 AND ($2::text IS NULL OR episode.municipality = $2)
ORDER BY person.identity_number, from_day
"""
# The rows are locked while their last events are copied: a newer event of theirs cannot get in before the copy.
_REPUBLISH = {
    "registry.person.v1": """
        WITH page AS (
            SELECT person_id AS entity, person_id, published FROM person
            WHERE published IS NOT NULL AND person_id > $2 ORDER BY person_id LIMIT $3 FOR NO KEY UPDATE
        )""",
    "registry.coverage.v1": """
        WITH page AS (
            SELECT episode_id AS entity, person_id, published FROM episode
            WHERE told IS NOT NULL AND episode_id > $2 ORDER BY episode_id LIMIT $3 FOR NO KEY UPDATE
        )""",
}
_INTO_OUTBOX = """, written AS (
    INSERT INTO outbox (topic, key, value)
    SELECT $1, convert_to(person_id::text, 'UTF8'), published FROM page ORDER BY entity
)
SELECT entity FROM page
"""


async def episodes(connection: Connection, as_of: date | None, municipality: str | None) -> dict[str, Any]:
    """The persons who have an episode, in the form of ``evaluation.evaluate``; by default as of the business day.

    With a municipality: its episodes alone. The look is written to the access log first.
    """
    async with connection.transaction():
        day = as_of or await business_day(connection)
        rows = await connection.fetch(_EPISODES, day, municipality)
        listed = [
            listing(number, cut([Episode(*row[1:]) for row in group], day))
            for number, group in groupby(rows, key=lambda row: str(row[0]))
        ]
        await access_log.looked(connection, "episodes", municipality=municipality, count=len(listed))
    return {"as_of": day.isoformat(), "persons": listed, "rejected": []}


async def explanation(connection: Connection, number: str, on: date | None) -> Explanation | None:
    """Why a person is or is not covered on a day (default: the business day); None for a number nobody has.

    The look is written to the access log, also when it finds nobody.
    """
    async with connection.transaction():
        day = on or await business_day(connection)
        person_id: UUID | None = await connection.fetchval(
            "SELECT person_id FROM person_number WHERE identity_number = $1", number
        )
        await access_log.looked(connection, "explain", person_id=person_id)
        if person_id is None:
            return None
        locked = await persons.lock_persons(connection, [person_id])
        loaded = await persons.load(connection, locked, [number])
        statements = [statement for said in loaded.statements.values() for statement in said]
        return explain(statements, day) if statements else None


async def republish(pool: asyncpg.Pool, topic: str, page: int = 1000) -> AsyncIterator[int]:
    """Writes every current person's or episode's last event to the outbox again; gives the size of each page.

    The events are the same as before, byte for byte (``source``, ``id``, ``time``, content): for who has seen them
    a repetition, for a new reader the register.
    """
    statement = _REPUBLISH[topic] + _INTO_OUTBOX
    last = UUID(int=0)
    while True:
        rows = await pool.fetch(statement, topic, last, page)
        if rows:
            last = max(row[0] for row in rows)
            yield len(rows)
        if len(rows) < page:
            return
