"""What waits to be told is counted and dated, also while nobody can tell it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from prometheus_client import REGISTRY

from servicekit import outbox, relay
from servicekit.outbox import Message, append, waiting
from servicekit.relay import Relay
from tests.system.installation import Installation
from tests.system.test_limits import until

TOPIC = "registry.person.v1"
#: More than the relay takes at a time.
MANY = relay.PAGE + 200


@asynccontextmanager
async def working(
    here: Installation, pool: asyncpg.Pool, brokers: str, *, measuring: bool
) -> AsyncIterator[None]:
    """A relay of the registry's as its process runs it, with the metrics or without."""
    one = Relay("registry", pool, brokers, here.settings.group("registry-relay"))
    tasks = {asyncio.create_task(one.run())} | ({asyncio.create_task(one.measure())} if measuring else set())
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def said(name: str) -> float:
    """What the metrics say of the registry's outbox."""
    return REGISTRY.get_sample_value(name, {"service": "registry"}) or 0


async def fill(pool: asyncpg.Pool, count: int) -> None:
    """So many events of persons of their own, in one transaction."""
    async with pool.acquire() as connection, connection.transaction():
        await append(connection, [Message(TOPIC, str(number).encode(), b"{}") for number in range(count)])


async def test_events_that_no_broker_takes_are_all_counted_and_grow_older_until_they_are_told(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a page at a time nor by whoever has the turn: the relay that cannot publish says it as well."""
    monkeypatch.setattr(relay, "MEASURE_SECONDS", 0.2)

    async def measured(rows: int, seconds: float) -> bool:
        return said("kaa_outbox_backlog") == rows and said("kaa_outbox_oldest_seconds") >= seconds

    async with registry.pool() as pool:
        async with working(registry, pool, "127.0.0.1:1", measuring=True):
            await fill(pool, MANY)
            await until(lambda: measured(MANY, 0.1))
            await asyncio.sleep(1)
            await fill(pool, 1)
            await until(lambda: measured(MANY + 1, 1.1))
            assert said("kaa_relay_active") == 0
        async with working(registry, pool, registry.brokers, measuring=False):
            await until(lambda: _empty(pool))
            # another process has the turn and is done: this one says so
            async with working(registry, pool, "127.0.0.1:1", measuring=True):
                await until(lambda: measured(0, 0))
                assert said("kaa_outbox_oldest_seconds") == 0


async def _empty(pool: asyncpg.Pool) -> bool:
    return (await waiting(pool)).rows == 0


async def test_a_long_outbox_is_counted_no_further_than_it_must(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_WAITING", outbox._WAITING.replace(str(outbox.COUNTED), "50"))
    async with registry.pool() as pool:
        assert await waiting(pool) == outbox.Waiting(0, 0)
        await fill(pool, 49)
        assert (await waiting(pool)).rows == 49
        await fill(pool, 49)
        assert (await waiting(pool)).rows == 50
