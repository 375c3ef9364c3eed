"""Receipts for organisers: per topic and day what became of the records that came, each counted once.

A school must be able to prove that it told, and a vendor learns from its own mistakes. Counted in the transaction of
the effect, from the offset on to which the topic's partition has been accounted for: what Kafka delivers again is not
a repetition of the organiser's.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from contracts.catalogue import family_of
from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.records import Record

Fate = Literal["applied", "repeated", "refused"]

# ORDER BY: one order for all processes
_HOW_FAR = """
SELECT topic, partition, "offset" FROM accounted
JOIN unnest($1::text[], $2::int[]) AS asked (topic, partition) USING (topic, partition)
ORDER BY topic, partition FOR UPDATE OF accounted
"""
_BEGIN = """
INSERT INTO accounted (topic, partition, "offset")
SELECT topic, partition, -1 FROM unnest($1::text[], $2::int[]) AS new (topic, partition) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""
_COUNT = """
WITH further AS (
  UPDATE accounted SET "offset" = new."offset"
  FROM unnest($6::text[], $7::int[], $8::bigint[]) AS new (topic, partition, "offset")
  WHERE accounted.topic = new.topic AND accounted.partition = new.partition
)
INSERT INTO receipt AS kept (topic, day, applied, repeated, refused)
SELECT topic, $1, applied, repeated, refused
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS new (topic, applied, repeated, refused)
ORDER BY topic
ON CONFLICT (topic, day) DO UPDATE SET applied = kept.applied + excluded.applied,
  repeated = kept.repeated + excluded.repeated, refused = kept.refused + excluded.refused
"""
_RECEIPTS = """
SELECT day, topic, applied, repeated, refused FROM receipt
WHERE topic = ANY($1::text[]) AND day BETWEEN $2 AND $3 ORDER BY day, topic
"""
# What was replayed or has expired is gone from the dead letters; that it was refused stays true.
_REFUSALS = """
SELECT received_at, topic, event_id, kind, detail,
       CASE WHEN discarded_at IS NOT NULL THEN 'discarded' END AS since_then
FROM dead_letter
WHERE topic = ANY($1::text[]) AND (received_at AT TIME ZONE 'Europe/Stockholm')::date BETWEEN $2 AND $3
UNION ALL
SELECT received_at, topic, event_id, kind, '', CASE action WHEN 'replayed' THEN outcome ELSE action END
FROM dead_letter_action
WHERE topic = ANY($1::text[]) AND (received_at AT TIME ZONE 'Europe/Stockholm')::date BETWEEN $2 AND $3
  AND (action = 'expired' OR action = 'replayed' AND outcome IN ('applied', 'duplicate'))
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What arrived on a topic on a day (Europe/Stockholm): records by fate."""

    day: date
    topic: str
    applied: int
    repeated: int
    refused: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that took no effect: the event's id if readable, why, and what was done since."""

    at: datetime
    topic: str
    event_id: str | None
    kind: str
    detail: str
    since_then: str | None


async def receipts(connection: Connection, topics: Sequence[str], since: date, until: date) -> list[Receipt]:
    """The receipts of these topics for days from ``since`` to ``until``, both included."""
    return [Receipt(*row) for row in await connection.fetch(_RECEIPTS, topics, since, until)]


async def refusals(connection: Connection, topics: Sequence[str], since: date, until: date) -> list[Refusal]:
    """The refusals on these topics, also of what took effect since then or is deleted by now."""
    return [Refusal(*row) for row in await connection.fetch(_REFUSALS, topics, since, until)]


async def account(connection: Connection, fates: Sequence[tuple[Record, Fate]]) -> list[Record]:
    """Counts the records of organisers' and municipalities' topics. Give each partition's in order of offsets.

    Gives those that were counted before, delivered again, and not refused this time.
    """
    last: dict[tuple[str, int], int] = {}
    theirs: dict[str, bool] = {}
    for record, _ in fates:
        if record.topic not in theirs:
            family = family_of(record.topic)
            theirs[record.topic] = family is not None and family[0].owner != "none"
        if theirs[record.topic]:
            last[record.topic, record.partition] = record.offset
    if not last:
        return []
    known = await _how_far(connection, list(last))
    if len(known) < len(last):
        missing = [place for place in last if place not in known]
        await connection.execute(_BEGIN, *_columns(missing))
        known |= await _how_far(connection, missing)
    found = {
        fate: Counter(
            record.topic
            for record, its in fates
            if its == fate and theirs[record.topic] and record.offset > known[record.topic, record.partition]
        )
        for fate in ("applied", "repeated", "refused")
    }
    topics = sorted(set().union(*found.values()))
    if topics:
        counts = ([count[topic] for topic in topics] for count in found.values())
        further = [(*place, offset) for place, offset in last.items() if offset > known[place]]
        await connection.execute(_COUNT, today(), topics, *counts, *_columns(further))
    return [
        record
        for record, its in fates
        if its != "refused"
        and theirs[record.topic]
        and record.offset <= known[record.topic, record.partition]
    ]


async def _how_far(connection: Connection, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    return {(row[0], row[1]): row[2] for row in await connection.fetch(_HOW_FAR, *_columns(places))}


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
