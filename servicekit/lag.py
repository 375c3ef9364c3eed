"""How far each service is behind, in records, asked of the broker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaTimeoutError,
    NotCoordinatorForGroupError,
)
from aiokafka.structs import OffsetAndMetadata

from contracts.catalogue import family_of
from servicekit.topics import administration, present

#: Half seconds that a group's coordinator may take to be there.
_PATIENCE = 30
#: Records at the end of one of our own partitions that are read to tell them from the marks of transactions.
_LOOK = 500


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a topic that a consumer group has not committed yet."""

    group: str
    topic: str
    records: int


async def ends(brokers: str) -> dict[TopicPartition, int]:
    """The end offset of every partition of a topic of the catalogue."""
    async with administration(brokers) as client:
        topics = await present(client, [topic for topic in await client.list_topics() if family_of(topic)])
    partitions = [
        TopicPartition(topic, number) for topic, found in topics.items() for number in range(len(found))
    ]
    async with _reader(brokers, partitions) as reader:
        end: dict[TopicPartition, int] = await reader.end_offsets(partitions)
        return end


async def lags(brokers: str, groups: Mapping[str, Iterable[TopicPartition]]) -> list[Lag]:
    """The lag of each group on each topic it reads; zero where there is none."""
    end = await ends(brokers)
    async with administration(brokers) as client:
        committed = {group: await _committed(client, group) for group in groups}
    async with _reader(brokers, list(end)) as reader:
        begin = await reader.beginning_offsets(list(end))
        at = {
            (group, partition): max(known.offset if known is not None else 0, begin[partition])
            for group, partitions in groups.items()
            for partition in partitions
            for known in [committed[group].get(partition)]
        }
        # all that must be looked at is read at once: partition by partition it took a quarter of a minute
        looked: dict[TopicPartition, int] = {}
        for (_, partition), offset in at.items():
            if 0 < end[partition] - offset <= _LOOK and _is_ours(partition.topic):
                looked[partition] = min(offset, looked.get(partition, offset))
        records = await _offsets(reader, looked, end)
    found: Counter[tuple[str, str]] = Counter()
    for (group, partition), offset in at.items():
        behind = end[partition] - offset
        if partition in looked and behind <= _LOOK:
            behind = sum(one >= offset for one in records[partition])
        found[group, partition.topic] += behind
    return [Lag(group, topic, records) for (group, topic), records in sorted(found.items())]


async def _committed(client: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """What a group has committed. A new broker first has to make the topic that holds it, and says so."""
    for _ in range(_PATIENCE):
        try:
            found: dict[TopicPartition, OffsetAndMetadata] = await client.list_consumer_group_offsets(group)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            await asyncio.sleep(0.5)
        else:
            return found
    raise KafkaTimeoutError(f"no coordinator for the consumer group {group}")


@asynccontextmanager
async def _reader(brokers: str, partitions: Sequence[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader that knows who leads these partitions and fetches none of them until it is told to."""
    async with AIOKafkaConsumer(
        bootstrap_servers=brokers, isolation_level="read_committed", enable_auto_commit=False, group_id=None
    ) as reader:
        reader.assign(partitions)
        reader.pause(*partitions)
        # its background tasks must have begun before they are stopped, or stopping raises CancelledError
        await asyncio.sleep(0)
        yield reader


def _is_ours(topic: str) -> bool:
    family = family_of(topic)
    return family is not None and family[0].owner == "none"


async def _offsets(
    reader: AIOKafkaConsumer, begin: Mapping[TopicPartition, int], end: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[int]]:
    """The offsets of the records between two of each partition: the marks of transactions take offsets too."""
    found: dict[TopicPartition, list[int]] = {partition: [] for partition in begin}
    if not begin:
        return found
    reader.assign(list(begin))
    for partition, offset in begin.items():
        reader.seek(partition, offset)
    waiting = set(begin)
    async with asyncio.timeout(10):
        while waiting:
            for partition, records in (await reader.getmany(*waiting, timeout_ms=100)).items():
                found[partition].extend(r.offset for r in records if r.offset < end[partition])
            waiting = {p for p in waiting if await reader.position(p) < end[p]}
    return found
