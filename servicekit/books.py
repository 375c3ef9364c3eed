"""The books: each record on a topic that a service reads is applied, a duplicate or a dead letter (INV-01).

Counted against the broker, record by record and offset by offset, and never by what a service says of itself: the
records are read anew and looked up in what the service stored.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.catalogue import family_of, read_by
from contracts.envelope import Refused, decode
from servicekit import header_keys as header_keys  # makes the client read every record
from servicekit.lag import ends
from servicekit.settings import Service

Fate = Literal["applied", "duplicate", "dead_letter"]
Place = tuple[str, int, int]

#: Where a service keeps the identity, digest and place of the events it let through.
INBOX: Final[dict[Service, str]] = {
    "registry": "event_log",
    "notifications": "inbox",
    "outreach": "inbox",
    "reporting": "inbox",
}
# A dead letter that has expired was one; a compacted topic may still hold its record. UNION: each place once.
_LETTERS: Final = """
(SELECT topic, partition, "offset" FROM dead_letter
 UNION SELECT topic, partition, "offset" FROM dead_letter_action WHERE action = 'expired')
"""
_PAGE: Final = 5_000


@dataclass(slots=True)
class Books:
    """The account of one service. It balances when nothing is unaccounted for, doubly so, or from nowhere."""

    service: Service
    #: (topic family, fate) → records.
    counts: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    records: int = 0
    #: Records with no fate, with more than one, and offsets that hold nothing: (topic, partition, offset).
    unaccounted: list[Place] = field(default_factory=list)
    doubly: list[Place] = field(default_factory=list)
    #: Places that the service has stored, not before the first record still kept, while the broker has none there.
    from_nowhere: int = 0

    @property
    def balance(self) -> bool:
        """Whether every record has exactly one fate and every stored place is a record's."""
        return not self.unaccounted and not self.doubly and not self.from_nowhere

    def total(self, fate: Fate) -> int:
        """Records of one fate over all families."""
        return sum(count for (_, one), count in self.counts.items() if one == fate)


async def check(brokers: str, service: Service, pool: asyncpg.Pool) -> Books:
    """The books of a service against all records that its topics hold now. Read-only."""
    families = {family.name for family in read_by(service)}
    partitions = [
        p for p in await ends(brokers) if (family := family_of(p.topic)) and family[0].name in families
    ]
    books = Books(service)
    stored = 0
    begin = dict.fromkeys(partitions, 0)
    async for page in _records(brokers, partitions, books, begin):
        stored += await _account(books, page, pool)
    books.from_nowhere = await _held(books.service, begin, pool) - stored
    return books


async def _records(
    brokers: str, partitions: Sequence[TopicPartition], books: Books, begin: dict[TopicPartition, int]
) -> AsyncIterator[list[asyncpg.Record]]:
    """Every committed record of these partitions, in pages; ``begin`` gains the first offset that is still kept.

    Offsets without a record are unaccounted for, unless the topic is written in transactions, whose marks take
    offsets, or compacted.
    """
    if not partitions:
        return
    async with AIOKafkaConsumer(
        bootstrap_servers=brokers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        group_id=None,
        fetch_max_bytes=8 * 1024 * 1024,
    ) as reader:
        reader.assign(partitions)
        begin |= await reader.beginning_offsets(partitions)
        expected = dict(begin)
        end: dict[TopicPartition, int] = await reader.end_offsets(partitions)
        for partition, offset in expected.items():
            reader.seek(partition, offset)
        open_ones = {p for p in partitions if expected[p] < end[p]}
        while open_ones:
            batch = await reader.getmany(*open_ones, timeout_ms=200, max_records=_PAGE)
            page = []
            for partition, records in batch.items():
                family = family_of(partition.topic)
                for record in records:
                    if record.offset >= end[partition]:
                        break
                    if family is not None and family[0].owner != "none":
                        gap = range(expected[partition], record.offset)
                        books.unaccounted.extend((partition.topic, partition.partition, o) for o in gap)
                    expected[partition] = record.offset + 1
                    page.append(record)
            if page:
                yield page
            for partition in list(open_ones):
                if await reader.position(partition) >= end[partition]:
                    open_ones.discard(partition)


async def _held(service: Service, begin: dict[TopicPartition, int], pool: asyncpg.Pool) -> int:
    """How many places the service has stored of records that the broker still keeps."""
    held = 0
    for table in (INBOX[service], _LETTERS):
        held += await pool.fetchval(
            f"""SELECT count(*) FROM {table} AS stored
                JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS kept (topic, partition, first)
                USING (topic, partition) WHERE "offset" >= first""",
            [partition.topic for partition in begin],
            [partition.partition for partition in begin],
            list(begin.values()),
        )
    return held


async def _account(books: Books, page: Sequence[asyncpg.Record], pool: asyncpg.Pool) -> int:
    """Finds the fate of each record; gives how many stored places (inbox or dead letter) they are."""
    identities: list[tuple[str, str, bytes] | None] = []
    for record in page:
        try:
            event = decode(record.value, record.headers)
            identities.append((event.source, event.id, event.digest))
        except Refused:
            identities.append(None)
    known = {
        (row[0], row[1]): (row[2], (row[3], row[4], row[5]))
        for row in await pool.fetch(
            f"""SELECT source, id, digest, topic, partition, "offset" FROM {INBOX[books.service]}
                JOIN unnest($1::text[], $2::text[]) AS asked (source, id) USING (source, id)
                WHERE digest IS NOT NULL""",
            [identity[0] for identity in identities if identity],
            [identity[1] for identity in identities if identity],
        )
    }
    letters = {
        (row[0], row[1], row[2])
        for row in await pool.fetch(
            f"""SELECT topic, partition, "offset" FROM {_LETTERS} AS letter
                JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS asked (topic, partition, "offset")
                USING (topic, partition, "offset")""",
            [record.topic for record in page],
            [record.partition for record in page],
            [record.offset for record in page],
        )
    }
    stored = 0
    for record, identity in zip(page, identities, strict=True):
        place = record.topic, record.partition, record.offset
        fates: list[Fate] = []
        if place in letters:
            fates.append("dead_letter")
            stored += 1
        entry = known.get(identity[:2]) if identity else None
        if entry is not None and identity is not None:
            if entry[1] == place:
                fates.append("applied")
                stored += 1
            elif entry[0] == identity[2] and not fates:
                fates.append("duplicate")
        if record.value is None and not fates:
            # a tombstone has no identity to be stored under; its effect is that the person is gone
            fates.append("applied")
        books.records += 1
        if len(fates) == 1:
            family = family_of(record.topic)
            books.counts[family[0].name if family else record.topic, fates[0]] += 1
        else:
            (books.doubly if fates else books.unaccounted).append(place)
    return stored
