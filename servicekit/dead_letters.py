"""Records that could not take effect: kept whole, with their class and what to do."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from servicekit.database import Connection
from servicekit.records import DeadLetter

#: Class → what to do about it, for the operator and the organiser.
WHAT_TO_DO: Final[dict[str, str]] = {
    "malformed": "the organiser's system sends something that is no CloudEvent; ask its vendor to run the validator",
    "unknown_type": "the organiser's system sends a type that the contract does not have; ask its vendor",
    "contract": "the data does not keep the contract; the organiser corrects it and sends it under a new id",
    "wrong_topic": "the type belongs on another topic; the organiser sends it there",
    "foreign_source": "somebody speaks for another organiser; look into it, then ask the organiser of the topic",
    "unknown_organiser": "the organiser is not in the directory: add it, then have the events sent again",
    "foreign_unit": "the school unit is not this organiser's in the directory: correct the directory, or the sender",
    "identity_conflict": "an id was used twice for different content; the organiser sends the second under a new id",
    "store": "valid, but it could not be stored: a fault of this system; mend it, then have the event sent again",
}

_INSERT = """
INSERT INTO dead_letter
  (topic, partition, "offset", kind, field, detail, key, value, header_names, header_values, recorded_at,
   event_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (topic, partition, "offset") DO NOTHING
"""


async def put_aside(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Stores them, each record once whatever is delivered again."""
    await connection.executemany(
        _INSERT,
        [
            (
                letter.record.topic,
                letter.record.partition,
                letter.record.offset,
                letter.kind,
                letter.field,
                letter.detail[:1000],
                letter.record.key,
                letter.record.value,
                # a header's name may hold what no text column takes; its bytes are in the value column's array
                [name.replace("\x00", "\N{REPLACEMENT CHARACTER}") for name, _ in letter.record.headers],
                [value or b"" for _, value in letter.record.headers],
                datetime.fromtimestamp(max(letter.record.timestamp, 0) / 1000, UTC),
                letter.event_id,
            )
            for letter in letters
        ],
    )
