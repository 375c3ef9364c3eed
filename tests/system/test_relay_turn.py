"""A relay publishes only while it is its turn, however long it took to get ready (INV-04)."""

import asyncio
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from servicekit.outbox import Message, append
from servicekit.relay import IDLE, RENEW
from tests.system.installation import Installation
from tests.system.test_relay import TOPICS, emptied, relaying, rows

#: A person's states, one after the other.
STATES = [Message(TOPICS[0], b"somebody", f"state {number}".encode()) for number in range(3)]


async def another_has_the_turn(here: Installation) -> None:
    """As if it had run out and been taken."""
    await here.fetch(
        "UPDATE relay_turn SET holder = $1, until = clock_timestamp() + interval '1 hour'", uuid4()
    )


async def nothing_is_published(here: Installation) -> bool:
    """Whether for some looks of a relay's the outbox stays as it is, and nothing comes to the topic."""
    waiting = await rows(here)
    await asyncio.sleep(3 * IDLE)
    return await rows(here) == waiting and not await here.read(TOPICS[0])


async def test_a_relay_whose_start_took_longer_than_its_turn_publishes_nothing(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn is asked for again when the producer is there; given back, it is taken up again."""
    start = AIOKafkaProducer.start
    started = asyncio.Event()

    async def slowly(producer: AIOKafkaProducer) -> None:
        await start(producer)
        if not started.is_set():
            started.set()
            await another_has_the_turn(registry)

    async with registry.pool() as pool:
        await append(pool, STATES)
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaProducer, "start", slowly)
            async with relaying(registry, pool):
                await asyncio.wait_for(started.wait(), 20)
                assert await nothing_is_published(registry)
                await pool.execute("UPDATE relay_turn SET until = '-infinity'")
                await emptied(registry)
    assert [record.value for record in await registry.read(TOPICS[0])] == [one.value for one in STATES]


async def test_a_relay_that_has_lost_its_turn_publishes_nothing_more(registry: Installation) -> None:
    """It looks every two seconds, so it stops though no other relay makes the broker refuse it."""
    async with registry.pool() as pool, relaying(registry, pool):
        await append(pool, STATES[:1])
        await emptied(registry)
        await another_has_the_turn(registry)
        await asyncio.sleep(RENEW + 2 * IDLE)
        await append(pool, STATES[1:])
        await asyncio.sleep(3 * IDLE)
        assert [value for _, _, value in await rows(registry)] == [one.value for one in STATES[1:]]
    assert [record.value for record in await registry.read(TOPICS[0])] == [STATES[0].value]
