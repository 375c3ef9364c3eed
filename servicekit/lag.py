"""How far each service is behind, in records, asked of the broker."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.catalogue import family_of
from servicekit.topics import administration, present

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
        committed = {group: await client.list_consumer_group_offsets(group) for group in groups}
    async with _reader(brokers, list(end)) as reader:
        begin = await reader.beginning_offsets(list(end))
        found: dict[tuple[str, str], int] = {}
        for group, partitions in groups.items():
            for partition in partitions:
                known = committed[group].get(partition)
                at = max(known.offset if known is not None else 0, begin[partition])
                behind = end[partition] - at
                if 0 < behind <= _LOOK and _is_ours(partition.topic):
                    behind = await _records(reader, partition, at, end[partition])
                key = group, partition.topic
                found[key] = found.get(key, 0) + behind
    return [Lag(group, topic, records) for (group, topic), records in sorted(found.items())]


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


async def _records(reader: AIOKafkaConsumer, partition: TopicPartition, at: int, end: int) -> int:
    """How many records there are between two offsets: the marks of transactions take offsets too."""
    reader.seek(partition, at)
    reader.resume(partition)
    count = 0
    async with asyncio.timeout(10):
        while await reader.position(partition) < end:
            batch = await reader.getmany(partition, timeout_ms=100)
            count += sum(len(records) for records in batch.values())
    reader.pause(partition)
    return count
