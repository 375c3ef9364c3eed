"""The outbox: what must be told is written in the transaction of its cause (INV-04)."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicekit.database import Connection


@dataclass(frozen=True, slots=True)
class Message:
    """One record to be: ``key`` decides the partition and so the order; a null value is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None


async def append(connection: Connection, messages: Sequence[Message]) -> None:
    """Writes them in this order. Per person that order is kept, since the writer holds the person's lock."""
    if messages:
        await connection.execute(
            "INSERT INTO outbox (topic, key, value) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[])",
            [message.topic for message in messages],
            [message.key for message in messages],
            [message.value for message in messages],
        )
