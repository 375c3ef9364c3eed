"""The relay, from the outbox to the acknowledged record, against a bare transactional producer."""

import asyncio
import time
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from benchmarks.stage import ROUNDS, Figure, Stage, told
from servicekit.database import pool
from servicekit.outbox import Message, append
from servicekit.relay import PAGE, Relay, publish

_ROWS = 20_000
_TOPIC = "registry.coverage.v1"
_VALUE = b"x" * 450


async def _relay(stage: Stage) -> float:
    settings = stage.settings()
    await stage.database(settings)
    async with pool(settings.database("registry"), name="bench") as opened:
        async with opened.acquire() as connection, connection.transaction():
            await append(connection, [Message(_TOPIC, str(uuid4()).encode(), _VALUE) for _ in range(_ROWS)])
        relay = asyncio.create_task(Relay("registry", opened, stage.brokers, settings.group("relay")).run())
        begun, first = 0.0, 0
        while left := await opened.fetchval("SELECT count(*) FROM outbox"):
            if not begun and left < _ROWS:
                begun, first = time.perf_counter(), left
            await asyncio.sleep(0.01)
        seconds = time.perf_counter() - begun
        relay.cancel()
        await asyncio.wait({relay})
    await stage.drop(settings)
    return first / seconds


async def _bare(stage: Stage) -> float:
    page = [{"topic": _TOPIC, "key": str(uuid4()).encode(), "value": _VALUE} for _ in range(PAGE)]
    async with AIOKafkaProducer(
        bootstrap_servers=stage.brokers, transactional_id=f"bench-{uuid4()}", linger_ms=5, compression_type="lz4",
        max_batch_size=131_072,
    ) as producer:  # fmt: skip
        await publish(producer, page)
        begun = time.perf_counter()
        for _ in range(_ROWS // PAGE):
            await publish(producer, page)
        return _ROWS / (time.perf_counter() - begun)


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figures."""
    print(f"Relay, {_ROWS:,} events of {len(_VALUE)} bytes, {PAGE} in a transaction")
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(await _relay(stage))
        bare.append(await _bare(stage))
    rate = told("outbox to acknowledged and deleted", ours)
    reference = told("reference: bare transactional producer", bare)
    name = "relay, outbox to acknowledged and deleted"
    return [
        Figure(name, rate, "bare transactional producer", reference, "events/s"),
        Figure(name, rate, "asked for", 5_000, "events/s", at_least=1),
    ]
