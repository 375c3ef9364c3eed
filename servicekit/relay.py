"""The relay: publishes the outbox in order and deletes what the broker acknowledged.

One relay at a time. Whose turn it is stands in the database and is lent for a few seconds; whoever takes it makes
itself known to the broker under the fixed transactional id, which fences the one before. So a relay that slept
through the loss of its turn cannot overwrite newer state: the broker refuses it (tests/system/test_relay.py).
Kafka's transactions serve for nothing else: exactly-once is the readers' inbox.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

from contracts.envelope import CONTENT_TYPE
from servicekit import telemetry
from servicekit.database import DATABASE_ERRORS, is_transient
from servicekit.outbox import waiting

log = structlog.get_logger()

#: Records in one Kafka transaction.
PAGE = 500
#: Seconds a turn is lent, and after which it is renewed.
TURN = 10.0
RENEW = 2.0
#: Seconds between looks at an empty outbox when nobody wakes the relay.
IDLE = 0.5
#: Seconds between measurements of the outbox.
MEASURE_SECONDS = 2.0

_TAKE_TURN = f"""
UPDATE relay_turn SET holder = $1, until = clock_timestamp() + interval '{TURN} seconds'
WHERE holder = $1 AND until > clock_timestamp() OR until < clock_timestamp()
RETURNING true
"""
_GIVE_BACK = "UPDATE relay_turn SET until = '-infinity' WHERE holder = $1"
_PAGE = f"SELECT seq, topic, key, value FROM outbox ORDER BY seq LIMIT {PAGE}"
_DELETE = "DELETE FROM outbox WHERE seq = ANY($1::bigint[])"


class Relay:
    """Publishes a service's outbox while it has the turn."""

    def __init__(self, service: str, pool: asyncpg.Pool, brokers: str, transactional_id: str) -> None:
        self._service = service
        self._pool = pool
        self._brokers = brokers
        self._transactional_id = transactional_id
        self._me = uuid4()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Says that there is something in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled. What passes is waited out; being fenced means starting anew, without the turn."""
        delay = 0.2
        while True:
            try:
                await self._while_turn()
                delay = 0.2
            except ProducerFenced:
                telemetry.RELAY_FENCED.labels(self._service).inc()
                log.warning("relay.fenced", reason="another relay took over")
                await asyncio.sleep(TURN)
            except (KafkaError, IllegalOperation, *DATABASE_ERRORS) as error:
                if isinstance(error, asyncpg.PostgresError) and not is_transient(error):
                    raise
                log.warning("relay.waits", seconds=delay, exc_info=error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10)
            finally:
                telemetry.RELAY_ACTIVE.labels(self._service).set(0)

    async def measure(self) -> None:
        """Keeps the metrics of the outbox, whoever has the turn; endless. What is away now keeps its last value."""
        while True:
            try:
                found = await waiting(self._pool)
            except DATABASE_ERRORS as error:
                if not is_transient(error):
                    raise
                log.info("outbox.unknown", exc_info=error)
            else:
                telemetry.OUTBOX_BACKLOG.labels(self._service).set(found.rows)
                telemetry.OUTBOX_OLDEST.labels(self._service).set(found.seconds)
            await asyncio.sleep(MEASURE_SECONDS)

    async def _has_turn(self) -> bool:
        return bool(await self._pool.fetchval(_TAKE_TURN, self._me))

    async def _while_turn(self) -> None:
        while not await self._has_turn():  # noqa: ASYNC110 (the turn is a row in the database)
            await asyncio.sleep(TURN / 5)
        async with AsyncExitStack() as cleanup:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._brokers,
                transactional_id=self._transactional_id,
                enable_idempotence=True,
                acks="all",
                linger_ms=0,  # a page is handed over as a whole: nothing more comes for which to wait
                max_batch_size=131_072,
                compression_type="lz4",
                transaction_timeout_ms=30_000,
                request_timeout_ms=20_000,
            )
            cleanup.push_async_callback(_stop, producer)
            await producer.start()  # fences whoever held the transactional id before
            cleanup.push_async_callback(self._give_back)
            telemetry.RELAY_ACTIVE.labels(self._service).set(1)
            # asked again after the start, which may have taken longer than a turn; then not for each page, since
            # what counts in between is that the broker fences
            asked = -TURN
            while True:
                if time.monotonic() - asked >= RENEW:
                    asked = time.monotonic()
                    if not await self._has_turn():
                        return
                self._wake.clear()
                page = await self._pool.fetch(_PAGE)
                if page:
                    await publish(producer, page)
                    await self._pool.execute(_DELETE, [row["seq"] for row in page])
                    telemetry.RELAYED.labels(self._service).inc(len(page))
                else:
                    await _wait(self._wake, IDLE)

    async def _give_back(self) -> None:
        try:
            await asyncio.wait_for(self._pool.execute(_GIVE_BACK, self._me), 2)
        except DATABASE_ERRORS as error:
            log.info("relay.turn_runs_out", seconds=TURN, exc_info=error)


async def publish(producer: AIOKafkaProducer, page: Sequence[asyncpg.Record]) -> None:
    """Sends rows (topic, key, value) in one Kafka transaction and returns when the broker has acknowledged it.

    Raises what aiokafka raises, ProducerFenced above all.
    """
    async with producer.transaction():
        sent: list[asyncio.Future[object]] = []
        try:
            for row in page:
                sent.append(  # noqa: PERF401 (what was sent before one fails is looked at)
                    await producer.send(row["topic"], row["value"], key=row["key"], headers=[CONTENT_TYPE])
                )
        except IllegalOperation:
            # between two sends the transaction broke, and the next is refused without a reason: those before have it
            done, _ = await asyncio.wait(sent, timeout=5)
            await asyncio.gather(*done)
            raise
        await asyncio.gather(*sent)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), 5)
    except (TimeoutError, KafkaError) as error:
        log.info("relay.producer_abandoned", exc_info=error)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
