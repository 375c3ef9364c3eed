"""The consumer: batches of raw records, one transaction each, offsets committed after it (INV-01, 02, 03, 05).

FastStream runs the loop and the group; what it would decide about acknowledgement, decoding and errors is decided
here, because each of its defaults loses records in some case (tests/system/test_traps.py has them all).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import Any

import asyncpg
import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from contracts.catalogue import family_of, read_by, subscription
from servicekit import batches, telemetry
from servicekit import header_keys as header_keys  # makes the client read every record
from servicekit.database import DATABASE_ERRORS
from servicekit.directory import DirectoryFile
from servicekit.limits import Limits, TopicLimits
from servicekit.records import Apply, DeadLetter, Received
from servicekit.settings import Service, Settings

log = structlog.get_logger()

#: Seconds after which a topic created later is seen at the latest (aiokafka's default is five minutes).
METADATA_SECONDS = 10
#: Seconds between looks at the table of paused topics.
PAUSE_SECONDS = 2.0
#: Transactions that a poll may give work for.
PAGES = 3
#: A poll answered within so many seconds found records that had come while the batch before was stored. Of those that
#: organisers and municipalities send, one by one, more wait at the broker then, which the client asks only when its
#: hands are empty: they are waited for so many milliseconds. Else every record would wait for one more batch (20 ms
#: at 300 events a second). What a relay publishes comes in whole transactions.
AT_ONCE = 0.004
GATHER_MS = 8
#: Seconds between two commits of offsets, which cost the broker as much as a batch of records.
COMMIT_SECONDS = 0.25
#: Seconds to finish the transaction in hand, commit and leave the group. The client would wait 40 for each answer of
#: a broker that has fallen silent; whoever tells us to stop gives 60 in all (deploy/compose.yaml).
LEAVING_SECONDS = 30.0
#: Seconds of these for the transaction in hand.
HANDLING_SECONDS = 20
MAX_POLL_INTERVAL_MS = 300_000


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Consumes all topics a service reads and makes their events take effect through ``apply``."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        pool: asyncpg.Pool,
        apply: Apply,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._service = service
        self._settings = settings
        self._pool = pool
        self._store = batches.Store(service, settings, pool, apply)
        self._committed = committed
        self._directory = DirectoryFile(settings.organisers)
        self._limits = TopicLimits(Limits(settings.limit_run, settings.limit_ratio, settings.limit_window))
        #: Topics on hold, with the limit that was passed, in words.
        self._paused: dict[str, str] = {}
        self._busy = asyncio.Lock()
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._committing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._committing.set_result(None)
        #: Told to stop, or partitions are on their way to another: the pages of a poll that are left stay undone, and
        #: offsets are committed at once.
        self._leave_rest = asyncio.Event()
        self._stopping = False
        self._stored = 0.0
        self._rewound: set[TopicPartition] = set()
        #: When the records in hand were polled (monotonic seconds); None between polls.
        self.since: float | None = None
        #: Done with the error when the consumer cannot go on.
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._broker = KafkaBroker(
            # FastStream takes one text for one address; of several with commas it would reach none
            settings.brokers().split(","),
            # else it starts a producer and an administrator too, and leaves them behind when no broker answers
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            graceful_timeout=HANDLING_SECONDS,
            metadata_max_age_ms=METADATA_SECONDS * 1000,
            client_id=f"kaa-{service}",
            logger=None,
        )
        self._subscriber = self._broker.subscriber(
            # braces are FastStream's own syntax in a pattern
            pattern=subscription(service).replace("{", "{{").replace("}", "}}"),
            batch=True,
            group_id=settings.group(service),
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_records=settings.batch * PAGES,
            batch_timeout_ms=20,
            fetch_max_bytes=8 * 1024 * 1024,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            session_timeout_ms=30_000,
            heartbeat_interval_ms=3_000,
            listener=self,
            parser=_keep_raw,
            decoder=_raw_records,
        )
        self._subscriber(self._handle)

    async def start(self) -> None:
        """Joins the group; waits for the broker while it is away, and says so."""
        delay = 0.5
        while True:
            try:
                await self._broker.start()
                return
            except (KafkaError, OSError) as error:
                log.warning("kafka.away", address=self._settings.kafka, seconds=delay, exc_info=error)
                await self._broker.stop()
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10)

    async def stop(self) -> None:
        """Finishes and commits the transaction in hand, then leaves the group; without a farewell if that takes long.

        What is not committed then, here or in the database, comes again.
        """
        self._stopping = True
        self._leave_rest.set()
        leaving = asyncio.create_task(self._leave())
        await asyncio.wait({leaving}, timeout=LEAVING_SECONDS)
        if leaving.done():
            leaving.result()
        else:
            leaving.cancel()
            log.warning("group.not_left", seconds=LEAVING_SECONDS)

    async def _leave(self) -> None:
        await self._committing
        await self._broker.stop()

    @property
    def running(self) -> bool:
        """Whether the loop polls."""
        return bool(self._subscriber.running) and not self.failed.done()

    async def reaches_broker(self) -> bool:
        """Whether a broker answers."""
        try:
            return self._kafka is not None and await asyncio.wait_for(self._kafka.topics(), 5) is not None
        except (KafkaError, TimeoutError, OSError):
            return False

    @property
    def _kafka(self) -> Any:
        return self._subscriber.consumer

    # -- one batch ---------------------------------------------------------------------------------------------------

    async def _handle(self, raw: Sequence[Any]) -> None:
        room = self._settings.batch - len(raw)
        at_once = time.monotonic() - self._stored < AT_ONCE
        if room > 0 and at_once and not self._stopping and any(map(_comes_by_itself, raw)):
            far = {(record.topic, record.partition): record.offset for record in raw}
            # partitions that left and came back meanwhile are told again from what is committed
            raw = [*raw, *(r for r in await self._arrived_meanwhile(room)
                           if r.offset > far.get((r.topic, r.partition), -1))]  # fmt: skip
        async with self._busy:
            self.since = time.monotonic()
            try:
                await self._work_off(raw)
            except Exception as error:
                # FastStream swallows what a handler raises and polls on, past the work that failed: so the loop ends
                # here, whatever it was, and the process soon after
                self._subscriber.running = False
                if not self.failed.done():
                    self.failed.set_exception(error)
                raise
            finally:
                self.since = None
                self._stored = time.monotonic()

    async def _arrived_meanwhile(self, most: int) -> list[Any]:
        """Records that came since the poll. Never with the lock held: a rebalance waits for it, and this for that."""
        try:
            found = await self._kafka.getmany(timeout_ms=GATHER_MS, max_records=most)
        except (KafkaError, ConsumerStoppedError) as error:
            log.info("poll.not_completed", exc_info=error)  # the next poll meets it too
            return []
        return [record for records in found.values() for record in records]

    async def _work_off(self, raw: Sequence[Any]) -> None:
        """Page by page, a transaction each. The next is sorted while the database is at work on this one."""
        directory, size = self._directory.current(), self._settings.batch
        until = time.monotonic() + self._settings.retry_seconds
        self._rewound.clear()
        pages = [raw[at : at + size] for at in range(0, len(raw), size)]
        following = asyncio.create_task(batches.sort(pages[0], directory))
        try:
            for further in (*pages[1:], None):
                page = await following
                if further:
                    following = asyncio.create_task(batches.sort(further, directory))
                await self._take(page, until)
                if self._leave_rest.is_set():  # what is not committed comes again, here or elsewhere
                    await self._committing
                    return
        finally:
            following.cancel()

    async def _take(self, page: Sequence[Received | DeadLetter], until: float) -> None:
        taken: list[Received | DeadLetter] = []
        ends: dict[TopicPartition, int] = {}
        holds: dict[str, str] = {}
        for topic, group in groupby(page, key=lambda item: item.record.topic):
            judged = list(group)
            if topic in self._paused or topic in holds:
                self._put_back(judged)
                continue
            broken = self._limits.would_exceed(topic, [isinstance(item, DeadLetter) for item in judged])
            if broken:
                last, holds[topic] = broken
                self._put_back(judged[last + 1 :])
                judged = judged[: last + 1]
            taken.extend(judged)
            ends |= {TopicPartition(topic, i.record.partition): i.record.offset + 1 for i in judged}
        late = self._count(taken, await self._store(taken, holds, until))
        if late.keys() - holds.keys():
            await self._store((), late, until)
        self._committed()
        telemetry.BATCH_SIZE.labels(self._service).observe(len(page))
        for topic, reason in (late | holds).items():
            self._hold(topic, reason)
        self._commit_soon(ends)

    def _count(self, taken: Sequence[Received | DeadLetter], refused: Sequence[bool]) -> dict[str, str]:
        """Counts the records of a stored batch against the limits; gives the topics to hold, with the limit in words.

        ``refused``: of each record whether it became a dead letter, also one that was good when sorted.
        """
        verdicts: dict[str, list[bool]] = {}
        for item, bad in zip(taken, refused, strict=True):
            verdicts.setdefault(item.record.topic, []).append(bad)
        broken = {topic: self._limits.exceeded(topic, seen) for topic, seen in verdicts.items()}
        return {topic: found[1] for topic, found in broken.items() if found}

    def _commit_soon(self, ends: dict[TopicPartition, int]) -> None:
        """The effects are in the database: Kafka hears of it while the next page is taken, one commit at a time."""
        self._ends |= ends
        if self._committing.done():
            self._committing.result()
            self._committing = asyncio.create_task(self._commit_all())

    async def _commit_all(self) -> None:
        while self._ends:
            ends, self._ends = self._ends, {}
            await self._commit(ends)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leave_rest.wait(), COMMIT_SECONDS)

    async def _commit(self, ends: dict[TopicPartition, int]) -> None:
        """Tells Kafka how far we are: a hint, the database is the truth; what comes again is recognised."""
        self._positions |= ends
        held = self._kafka.assignment()
        ours = {partition: end for partition, end in ends.items() if partition in held}
        if not ours:
            return
        try:
            await asyncio.wait_for(self._kafka.commit(ours), 15)
        except (KafkaError, TimeoutError) as error:
            telemetry.COMMITS_LOST.labels(self._service).inc()
            log.warning("offsets.not_committed", partitions=len(ours), exc_info=error)

    # -- topics on hold ----------------------------------------------------------------------------------------------

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [partition for partition in self._kafka.assignment() if partition.topic == topic]

    def _put_back(self, items: Sequence[Received | DeadLetter]) -> None:
        first: dict[TopicPartition, int] = {}
        for item in items:
            first.setdefault(TopicPartition(item.record.topic, item.record.partition), item.record.offset)
        for partition, offset in first.items():
            if partition in self._rewound:  # to an earlier page of this poll
                continue
            self._rewound.add(partition)
            if partition in self._kafka.assignment():
                self._kafka.seek(partition, offset)
                if partition.topic in self._paused:
                    self._kafka.pause(partition)

    def _hold(self, topic: str, reason: str) -> None:
        self._paused[topic] = reason
        self._kafka.pause(*self._partitions(topic))
        telemetry.TOPICS_PAUSED.labels(self._service).set(len(self._paused))
        telemetry.TOPIC_PAUSED.labels(self._service, topic, reason).set(1)
        log.error(
            "topic.paused", topic=topic, reason=reason, what_to_do=f"kaa topics resume {self._service} TOPIC"
        )

    def _resume(self, topic: str) -> None:
        reason = self._paused.pop(topic)
        self._limits.forget(topic)
        self._kafka.resume(*self._partitions(topic))
        telemetry.TOPICS_PAUSED.labels(self._service).set(len(self._paused))
        telemetry.TOPIC_PAUSED.remove(self._service, topic, reason)
        log.info("topic.resumed", topic=topic)

    async def watch(self) -> None:
        """Follows the table of paused topics, and says which expected topics are missing; endless."""
        missing: set[str] = set()
        while True:
            async with self._busy:
                await self._follow()
            if self._kafka is not None:
                missing = self._look_for_missing(await self._topics(), missing)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _follow(self) -> None:
        """Does as the table says. With the lock held: else a pause that a batch writes meanwhile would be undone."""
        try:
            rows = await asyncio.wait_for(self._pool.fetch("SELECT topic, reason FROM paused_topic"), 10)
        except DATABASE_ERRORS as error:
            log.info("pauses.unknown", exc_info=error)
            return
        if self._kafka is None:
            return
        stated: dict[str, str] = dict(rows)
        for topic in stated.keys() - self._paused.keys():
            self._hold(topic, stated[topic])
        for topic in self._paused.keys() - stated.keys():
            self._resume(topic)

    async def _topics(self) -> set[str]:
        try:
            return set(await asyncio.wait_for(self._kafka.topics(), 10))
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("kafka.away", address=self._settings.kafka, exc_info=error)
            return set()

    def _look_for_missing(self, there: set[str], said: set[str]) -> set[str]:
        """Topics without an owner in their name that this service reads must exist; organisers' may come any time."""
        expected = {family.topic() for family in read_by(self._service) if family.owner == "none"}
        missing = expected - there if there else said
        if missing - said:
            log.warning("topics.missing", topics=sorted(missing), what_to_do="run `kaa topics apply`")
        return missing

    def held(self) -> dict[TopicPartition, int]:
        """The partitions this process holds, each with the offset up to which it knows to have applied them."""
        partitions = self._kafka.assignment() if self._kafka is not None else ()
        return {partition: self._positions.get(partition, 0) for partition in partitions}

    # -- the group ---------------------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Lets the transaction in hand be committed before its partitions go to another; redelivery is harmless."""
        self._leave_rest.set()
        if revoked:
            try:
                async with asyncio.timeout(60), self._busy:
                    await self._committing
            except TimeoutError:
                log.warning("rebalance.batch_in_hand", partitions=len(revoked))

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Topics on hold stay on hold in new hands, also those that another put there a moment ago."""
        telemetry.PARTITIONS.labels(self._service).set(len(assigned))
        if not self._stopping:
            self._leave_rest.clear()
        try:
            async with asyncio.timeout(10), self._busy:  # no heartbeat goes out meanwhile
                await self._follow()
        except TimeoutError:
            log.warning("rebalance.batch_in_hand", partitions=len(assigned))
        for topic in self._paused:
            self._kafka.pause(*self._partitions(topic))
        log.info("partitions.assigned", partitions=len(assigned))


def _comes_by_itself(record: Any) -> bool:
    found = family_of(record.topic)
    return found is not None and found[0].owner != "none"


async def _keep_raw(records: Any, original: Any) -> Any:
    # FastStream's own parser decodes every header as UTF-8 and loses the whole batch if one is not; it gets one
    # record without headers, and its message then carries the batch as it came
    message = await original((replace(records[0], headers=()),))
    message.raw_message = records
    return message


async def _raw_records(message: Any, _original: Any) -> Any:
    return message.raw_message
