"""How far each service is behind, in records and in the age of the oldest, asked of the broker."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    KafkaTimeoutError,
    NotCoordinatorForGroupError,
)

from contracts.catalogue import family_of, read_by
from servicekit import telemetry
from servicekit.settings import ConfigurationError, Service, Settings
from servicekit.topics import administration, present

log = structlog.get_logger()

#: Seconds between measurements of a service's own lag.
MEASURE_SECONDS = 10.0
#: Half seconds that a group's coordinator may take to be there.
_PATIENCE: Final = 30
#: Seconds the records behind may take to be read.
_READING: Final = 20
#: Records at the end of one of our own partitions that are read to tell them from the marks of transactions.
_LOOK: Final = 500
#: Bytes in one answer: only the first record of each partition is of interest, and many partitions may lag.
_FETCH: Final = 2 * 1024 * 1024
#: Of one partition: our producers' largest batch. One that is larger is sent alone in its answer, which takes longer.
_BATCH: Final = 131_072

#: The offset and the broker's time (milliseconds since 1970) of a record.
_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a topic that a consumer group has not applied yet."""

    group: str
    topic: str
    records: int
    #: Seconds since the oldest of them was written to the broker; 0 when there is none.
    seconds: float


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
    """The lag of each group on each topic it reads; zero where there is none.

    Raises KafkaError, OSError or ConfigurationError when the broker does not answer.
    """
    stands = {group: dict.fromkeys(partitions, 0) for group, partitions in groups.items()}
    return await _lags(brokers, stands)


async def measure(
    service: Service, settings: Settings, held: Callable[[], Mapping[TopicPartition, int]]
) -> None:
    """Keeps the metrics of a service's own lag; endless. What cannot be measured now keeps its last value.

    ``held``: the partitions that this process holds, with the offset up to which it knows to have applied them.
    """
    families = [family.name for family in read_by(service)]
    while True:
        begun = time.monotonic()
        try:
            found = await _lags(settings.brokers(), {settings.group(service): held()})
        except (KafkaError, OSError, ConfigurationError) as error:
            log.info("lag.unknown", exc_info=error)
        else:
            telemetry.LAG.labels(service).set(sum(lag.records for lag in found))
            oldest = _oldest(found)
            for family in families:
                telemetry.LAG_SECONDS.labels(service, family).set(oldest.get(family, 0))
        # a look at 1,000 topics that all lag takes seconds of work: a tenth of the time at most goes into it
        await asyncio.sleep(max(MEASURE_SECONDS, 10 * (time.monotonic() - begun)))


def _oldest(found: Iterable[Lag]) -> dict[str, float]:
    """Topic family → seconds since the oldest record that waits on one of its topics."""
    oldest: defaultdict[str, float] = defaultdict(float)
    for lag in found:
        family = family_of(lag.topic)
        if family:
            oldest[family[0].name] = max(oldest[family[0].name], lag.seconds)
    return dict(oldest)


async def _lags(brokers: str, stands: Mapping[str, Mapping[TopicPartition, int]]) -> list[Lag]:
    """``stands``: group → its partitions, each with an offset that it has at least reached."""
    if not any(stands.values()):
        return []
    async with administration(brokers) as client:
        committed = {group: await _committed(client, group) for group in stands}
    partitions = sorted({partition for own in stands.values() for partition in own})
    async with _reader(brokers, partitions) as reader:
        begin = await reader.beginning_offsets(partitions)
        end = await reader.end_offsets(partitions)
        at = {
            (group, partition): max(known, committed[group].get(partition, 0), begin[partition])
            for group, own in stands.items()
            for partition, known in own.items()
        }
        behind: defaultdict[TopicPartition, set[int]] = defaultdict(set)
        for (_, partition), offset in at.items():
            if offset < end[partition]:
                behind[partition].add(offset)
        # all that must be looked at is read at once: partition by partition it took a quarter of a minute
        async with asyncio.timeout(_READING):
            short = {
                p: min(offsets) for p, offsets in behind.items() if _marks_count(p, end[p] - min(offsets))
            }
            read = await _records(reader, short, end)
            read |= await _firsts(reader, {p: behind[p] for p in behind.keys() - short.keys()}, end)
    now = time.time()
    records: Counter[tuple[str, str]] = Counter()
    seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
    for (group, partition), offset in at.items():
        mine = [place for place in read.get(partition, ()) if place[0] >= offset]
        place = group, partition.topic
        records[place] += 0 if not mine else len(mine) if partition in short else end[partition] - mine[0][0]
        seconds[place] = max(seconds[place], now - mine[0][1] / 1000 if mine else 0)
    return [Lag(*place, count, seconds[place]) for place, count in sorted(records.items())]


async def _committed(client: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """What a group has committed. A new broker first has to make the topic that holds it, and says so."""
    for _ in range(_PATIENCE):
        try:
            found = await client.list_consumer_group_offsets(group)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            await asyncio.sleep(0.5)
        else:
            return {partition: stated.offset for partition, stated in found.items()}
    raise KafkaTimeoutError(f"no coordinator for the consumer group {group}")


@asynccontextmanager
async def _reader(brokers: str, partitions: Sequence[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader that knows who leads these partitions and fetches none of them until it is told to."""
    async with AIOKafkaConsumer(
        bootstrap_servers=brokers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        group_id=None,
        fetch_max_bytes=_FETCH,
        max_partition_fetch_bytes=_BATCH,
    ) as reader:
        reader.assign(partitions)
        reader.pause(*partitions)
        # its background tasks must have begun before they are stopped, or stopping raises CancelledError
        await asyncio.sleep(0)
        yield reader


def _marks_count(partition: TopicPartition, behind: int) -> bool:
    """Whether the marks of our relay's transactions are a good part of so many offsets."""
    family = family_of(partition.topic)
    return behind <= _LOOK and family is not None and family[0].owner == "none"


async def _records(
    reader: AIOKafkaConsumer, begin: Mapping[TopicPartition, int], end: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[_Place]]:
    """The records between two offsets of each partition: the marks of transactions take offsets too."""
    found: dict[TopicPartition, list[_Place]] = {partition: [] for partition in begin}
    waiting = _turned_to(reader, begin)
    while waiting:
        for partition, records in (await reader.getmany(*waiting, timeout_ms=100)).items():
            found[partition].extend((r.offset, r.timestamp) for r in records if r.offset < end[partition])
        waiting = {p for p in waiting if await reader.position(p) < end[p]}
    return found


async def _firsts(
    reader: AIOKafkaConsumer, begin: Mapping[TopicPartition, set[int]], end: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[_Place]]:
    """Of each partition the first record at or after each of the offsets, in order; none where none is left."""
    found: dict[TopicPartition, list[_Place]] = {partition: [] for partition in begin}
    todo = {partition: sorted(offsets) for partition, offsets in begin.items()}
    while todo:
        waiting = _turned_to(reader, {partition: offsets[0] for partition, offsets in todo.items()})
        while waiting:
            for partition, records in (await reader.getmany(*waiting, timeout_ms=100)).items():
                if records[0].offset < end[partition]:
                    found[partition].append((records[0].offset, records[0].timestamp))
                # what is answered must not be fetched again; what stays in the buffer holds up the others' fetch
                reader.pause(partition)
                waiting.discard(partition)
            waiting = {p for p in waiting if await reader.position(p) < end[p]}
        reached = {partition: found[partition][-1][0] if found[partition] else -1 for partition in todo}
        later = {
            partition: [offset for offset in offsets if offset > reached[partition] >= offsets[0]]
            for partition, offsets in todo.items()
        }
        todo = {partition: offsets for partition, offsets in later.items() if offsets}
    return found


def _turned_to(reader: AIOKafkaConsumer, begin: Mapping[TopicPartition, int]) -> set[TopicPartition]:
    if begin:
        reader.assign(list(begin))
    for partition, offset in begin.items():
        reader.seek(partition, offset)
    return set(begin)
