"""Sending a history while things break: paced, acknowledged, and sent again when nobody knows whether it arrived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.faults.checker import Sending
from tests.faults.history import Sent
from tests.faults.model import fingerprint

#: Seconds from one slice to the next.
_BEAT = 0.1


async def tell(
    brokers: str,
    history: Iterable[Sent],
    sending: Sending,
    per_second: float,
    may: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Sends a history at about that pace, a slice a time; what was sent is noted in ``sending``.

    ``may`` is asked before each slice, and may take its time.
    """
    records = iter(history)
    loop = asyncio.get_running_loop()
    async with _producing(brokers) as producer:
        while piece := list(islice(records, max(1, round(per_second * _BEAT)))):
            begun = loop.time()
            if may is not None:
                await may()
            for one in piece:
                mark = fingerprint(one.raw.topic, one.raw.value, one.raw.headers)
                if one.kind is None:
                    sending.good.add(mark)
                else:
                    sending.kinds[mark] = one.kind
            await producer.send(piece)
            sending.topics.update(one.raw.topic for one in piece)
            await asyncio.sleep(max(0.0, begun + _BEAT - loop.time()))


class _Producer:
    """A producer that is replaced by another when it fails."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers
        self._now: AIOKafkaProducer | None = None

    async def send(self, piece: Sequence[Sent]) -> None:
        """Returns when every record of the piece is acknowledged, were it the second time."""
        async with asyncio.timeout(120):
            while True:
                try:
                    await self._send(piece)
                    return
                except (KafkaError, OSError):
                    await self.stop()
                    await asyncio.sleep(0.5)

    async def _send(self, piece: Sequence[Sent]) -> None:
        if self._now is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._brokers, enable_idempotence=True, acks="all", linger_ms=5,
                max_request_size=2_000_000, request_timeout_ms=15_000,
            )  # fmt: skip
            try:
                await producer.start()
            except (KafkaError, OSError):
                await producer.stop()
                raise
            self._now = producer
        waiting = [
            await self._now.send(one.raw.topic, one.raw.value, key=one.raw.key, headers=list(one.raw.headers))
            for one in piece
        ]
        await asyncio.gather(*waiting)

    async def stop(self) -> None:
        """What it still holds may or may not arrive."""
        if self._now is not None:
            producer, self._now = self._now, None
            try:
                await asyncio.wait_for(producer.stop(), 5)
            except (KafkaError, OSError, TimeoutError):
                return


@asynccontextmanager
async def _producing(brokers: str) -> AsyncIterator[_Producer]:
    producer = _Producer(brokers)
    try:
        yield producer
    finally:
        await producer.stop()
