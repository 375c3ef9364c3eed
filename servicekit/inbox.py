"""Exactly-once effect: each event (``source``, ``id``) is let through once, whatever is delivered again."""

from collections.abc import Awaitable, Callable, Sequence

from contracts.envelope import Event
from servicekit.database import Connection
from servicekit.records import Apply, Outcome, Received

_INSERT = """
INSERT INTO inbox (source, id, digest, topic, partition, "offset")
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::int[], $6::bigint[])
  AS new (source, id, digest, topic, partition, "offset")
ORDER BY source COLLATE "C", id COLLATE "C"   -- one order for all, so that two batches cannot deadlock here
ON CONFLICT DO NOTHING
RETURNING source, id
"""
_KNOWN = """
SELECT source, id, digest FROM inbox
JOIN unnest($1::text[], $2::text[]) AS asked (source, id) USING (source, id)
"""

Identity = tuple[str, str]


def repetitions(
    keyed: Sequence[tuple[Identity, bytes]], fresh: set[Identity], known: dict[Identity, bytes]
) -> list[Outcome]:
    """The outcome of each event of a batch, given which identities are new and the digests of those known before.

    The first of a new identity in the batch is applied; all others are duplicates or, with other content, conflicts.
    """
    first: dict[Identity, bytes] = {}
    outcomes = []
    for identity, digest in keyed:
        stands = known.get(identity) or first.get(identity)
        if stands is None and identity in fresh:
            first[identity] = digest
            outcomes.append(Outcome.APPLIED)
        else:
            outcomes.append(Outcome.DUPLICATE if stands == digest else Outcome.CONFLICT)
    return outcomes


def through_inbox(
    take_effect: Callable[[Connection, Sequence[Event]], Awaitable[None]],
    purge: Callable[[Connection, Sequence[bytes]], Awaitable[None]],
) -> Apply:
    """An ``Apply`` that hands on each event once, and tombstones by their keys (they carry no identity)."""

    async def apply(connection: Connection, received: Sequence[Received]) -> list[Outcome]:
        told = [(item, item.event) for item in received if item.event is not None]
        unique: dict[Identity, Received] = {}
        for item, event in told:
            unique.setdefault((event.source, event.id), item)
        rows = await connection.fetch(
            _INSERT,
            [source for source, _ in unique],
            [event_id for _, event_id in unique],
            [item.digest for item in unique.values()],
            [item.record.topic for item in unique.values()],
            [item.record.partition for item in unique.values()],
            [item.record.offset for item in unique.values()],
        )
        fresh = {(row["source"], row["id"]) for row in rows}
        known: dict[Identity, bytes] = {}
        missing = [identity for identity in unique if identity not in fresh]
        if missing:
            seen = await connection.fetch(
                _KNOWN, [source for source, _ in missing], [key for _, key in missing]
            )
            known = {(row["source"], row["id"]): row["digest"] for row in seen}
        judged = iter(
            repetitions([((event.source, event.id), item.digest) for item, event in told], fresh, known)
        )
        outcomes = [Outcome.APPLIED if item.event is None else next(judged) for item in received]
        purged = [item.record.key for item in received if item.event is None and item.record.key is not None]
        if purged:
            await purge(connection, purged)
        effective = [
            item.event
            for item, outcome in zip(received, outcomes, strict=True)
            if outcome is Outcome.APPLIED and item.event is not None
        ]
        if effective:
            await take_effect(connection, effective)
        return outcomes

    return apply
