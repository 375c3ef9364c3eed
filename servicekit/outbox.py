"""The outbox: what must be told is written in the transaction of its cause (INV-04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from servicekit.database import Connection

#: Rows that are counted at most: a look must stay cheap also where the relay has stood still for days.
COUNTED: Final = 100_000

# The first row, as the relay takes them; by age it is the oldest but for transactions that overlapped.
_WAITING = f"""
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT {COUNTED}) AS counted),
       (SELECT extract(epoch FROM clock_timestamp() - at)::float8 FROM outbox ORDER BY seq LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One record to be: ``key`` decides the partition and so the order; a null value is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to be told: rows, at most ``COUNTED``, and seconds since the first was written; 0 when none."""

    rows: int
    seconds: float


async def waiting(pool: asyncpg.Pool) -> Waiting:
    """How much waits in the outbox. Raises what asyncpg raises."""
    rows, seconds = await pool.fetchrow(_WAITING)
    return Waiting(rows, max(seconds or 0.0, 0.0))


async def append(connection: Connection, messages: Sequence[Message]) -> None:
    """Writes them in this order. Per person that order is kept, since the writer holds the person's lock."""
    if messages:
        await connection.execute(
            "INSERT INTO outbox (topic, key, value) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[])",
            [message.topic for message in messages],
            [message.key for message in messages],
            [message.value for message in messages],
        )
