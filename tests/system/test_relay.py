"""The relay: what is told is what was committed, in order, by one at a time (INV-04)."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from contracts.envelope import decode
from servicekit import relay as module
from servicekit.outbox import Message, append
from servicekit.relay import TURN, Relay, publish
from tests.system.installation import Installation, said
from tests.system.witness import Told, is_one_clean_pass, lives, published

TOPICS = ("registry.person.v1", "registry.coverage.v1")

#: (topic, key, value)
Row = tuple[str, bytes, bytes]


@asynccontextmanager
async def relaying(here: Installation, pool: asyncpg.Pool) -> AsyncIterator[asyncio.Task[None]]:
    """A relay of the registry's, until the end of the block: then it stops as a process does that is told to."""
    one = Relay("registry", pool, here.brokers, here.settings.group("registry-relay"))
    task = asyncio.create_task(one.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def rows(here: Installation) -> list[Row]:
    """What waits in the outbox, in order."""
    return [tuple(row) for row in await here.fetch("SELECT topic, key, value FROM outbox ORDER BY seq")]


async def emptied(here: Installation, seconds: float = 30) -> None:
    """Returns when nothing waits in the outbox."""
    async with asyncio.timeout(seconds):
        while (await here.fetch("SELECT count(*) FROM outbox"))[0][0]:
            await asyncio.sleep(0.02)


async def on_topics(here: Installation) -> dict[tuple[str, bytes], list[bytes]]:
    """Topic and key → what was published under them, in order; a key is on one partition alone."""
    found: dict[tuple[str, bytes], list[bytes]] = defaultdict(list)
    where: dict[tuple[str, bytes], int] = {}
    for topic in TOPICS:
        for record in await here.read(topic):
            assert where.setdefault((topic, record.key), record.partition) == record.partition
            found[topic, record.key].append(record.value)
    return dict(found)


def by_key(waiting: Sequence[Row], times: int = 1) -> dict[tuple[str, bytes], list[bytes]]:
    """What must be on the topics when these rows were published, all of them so many times."""
    expected: dict[tuple[str, bytes], list[bytes]] = defaultdict(list)
    for topic, key, value in [*waiting] * times:
        expected[topic, key].append(value)
    return dict(expected)


def revisions_ascend(told: dict[tuple[str, bytes], list[bytes]]) -> bool:
    """Whether of each person and each episode no state was published after a newer one."""
    seen: dict[str, int] = {}
    for values in told.values():
        for value in values:
            data: Any = decode(value).data
            entity = str(getattr(data, "episode_id", data.person_id))
            if data.revision < seen.get(entity, 0):
                return False
            seen[entity] = data.revision
    return True


async def corrected(here: Installation, count: int = 30) -> list[dict[str, Any]]:
    """Lives told and then corrected, step by step: so each person and each episode has several revisions."""
    events = lives(count)
    steps = [events[0::3], events[1::3], events[2::3]]
    steps.append([said(f"x{e['id']}", "school.leave.retracted", {"retracts": e["id"]}) for e in steps[2]])
    steps.append([event | {"id": f"again{event['id']}"} for event in steps[2]])
    async with here.consuming():
        for step in steps:
            await here.publish(step)
            await here.settled("registry")
    return [event for step in steps for event in step]


async def test_what_is_committed_is_published_in_order_and_nothing_else_is(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-04: the same records, per person in the order of the outbox; what was rolled back is told to nobody."""
    # many small pages, so that a person's records are spread over several
    monkeypatch.setattr(module, "_PAGE", module._PAGE.replace(str(module.PAGE), "7"))
    events = await corrected(registry)
    waiting = await rows(registry)
    assert len(waiting) > 5 * 30
    async with registry.pool() as pool, relaying(registry, pool), pool.acquire() as connection:
        undecided = connection.transaction()
        await undecided.start()
        await append(connection, [Message(TOPICS[0], waiting[0][1], b"never said")])
        async with asyncio.timeout(30):
            while await registry.fetch("SELECT 1 FROM outbox LIMIT 1"):
                await asyncio.sleep(0.05)
        await undecided.rollback()
        await append(connection, [Message(*waiting[-1])])
        await emptied(registry)
    told = await on_topics(registry)
    assert told == by_key([*waiting, waiting[-1]])
    assert revisions_ascend(told)
    assert Told(await published(registry, *TOPICS)).register == await registry.episodes()
    await is_one_clean_pass(registry, events)


async def test_a_crash_between_publishing_and_deleting_repeats_the_same_events(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-04: the same (source, id) with the same bytes; who has folded them knows the same register as before."""
    await corrected(registry, 20)
    waiting = await rows(registry)
    published_once = asyncio.Event()

    async def and_dies(producer: AIOKafkaProducer, page: Sequence[asyncpg.Record]) -> None:
        await publish(producer, page)
        published_once.set()
        await asyncio.Event().wait()

    async with registry.pool() as pool:
        with monkeypatch.context() as patched:
            patched.setattr(module, "publish", and_dies)
            async with relaying(registry, pool):
                await asyncio.wait_for(published_once.wait(), 20)
        assert await rows(registry) == waiting
        before = Told(await published(registry, *TOPICS)).register
        async with relaying(registry, pool):
            await emptied(registry)
    assert await on_topics(registry) == by_key(waiting, times=2)
    assert Told(await published(registry, *TOPICS)).register == before == await registry.episodes()


async def test_of_two_relays_one_publishes_and_the_other_takes_over_when_it_stops(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-04: a turn given back is free at once, long before the time is up for which it was lent."""
    await corrected(registry, 20)
    waiting = await rows(registry)
    producers: list[AIOKafkaProducer] = []

    async def noted(producer: AIOKafkaProducer, page: Sequence[asyncpg.Record]) -> None:
        producers.append(producer)
        await publish(producer, page)

    monkeypatch.setattr(module, "publish", noted)
    async with registry.pool() as pool, relaying(registry, pool) as first:
        await emptied(registry)
        async with relaying(registry, pool):
            for row in waiting[:30]:
                await append(pool, [Message(*row)])
                await asyncio.sleep(0.01)
            await emptied(registry)
            assert len(set(map(id, producers))) == 1
            first.cancel()
            await asyncio.wait({first})
            begun = time.monotonic()
            await append(pool, [Message(*row) for row in waiting[30:]])
            await emptied(registry)
            assert time.monotonic() - begun < TURN * 0.7
            assert len(set(map(id, producers))) == 2
    assert await on_topics(registry) == by_key([*waiting, *waiting])


class Asleep:
    """Whoever first comes by sleeps until it is woken; the others pass."""

    def __init__(self) -> None:
        self.fell_asleep, self.woken, self.awake = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def passing(self) -> None:
        if not self.fell_asleep.is_set():
            self.fell_asleep.set()
            await self.woken.wait()


def before_it_sends(asleep: Asleep, patched: pytest.MonkeyPatch) -> None:
    async def late(producer: AIOKafkaProducer, page: Sequence[asyncpg.Record]) -> None:
        await asleep.passing()
        await publish(producer, page)

    patched.setattr(module, "publish", late)


def before_it_commits(asleep: Asleep, patched: pytest.MonkeyPatch) -> None:
    commit = AIOKafkaProducer.commit_transaction

    async def late(producer: AIOKafkaProducer) -> None:
        await asleep.passing()
        await commit(producer)

    patched.setattr(AIOKafkaProducer, "commit_transaction", late)


@pytest.mark.parametrize("falls_asleep", [before_it_sends, before_it_commits])
async def test_a_relay_that_sleeps_while_it_loses_its_turn_cannot_overwrite_newer_state(
    registry: Installation,
    monkeypatch: pytest.MonkeyPatch,
    falls_asleep: Callable[[Asleep, pytest.MonkeyPatch], None],
) -> None:
    """INV-04: when it wakes the broker refuses it; what it had in hand was published by the other, once."""
    events = await corrected(registry, 20)
    waiting = await rows(registry)
    half = len(waiting) // 2
    asleep = Asleep()
    falls_asleep(asleep, monkeypatch)
    async with registry.pool() as pool:
        await pool.execute("DELETE FROM outbox")
        await append(pool, [Message(*row) for row in waiting[:half]])
        async with relaying(registry, pool):
            await asyncio.wait_for(asleep.fell_asleep.wait(), 20)
            fenced = _fenced()
            # time passes
            await pool.execute("UPDATE relay_turn SET until = clock_timestamp() - interval '1 second'")
            async with relaying(registry, pool):
                await emptied(registry)
                await append(pool, [Message(*row) for row in waiting[half:]])
                await emptied(registry)
                asleep.woken.set()
                async with asyncio.timeout(20):
                    while _fenced() == fenced:
                        await asyncio.sleep(0.02)
    told = await on_topics(registry)
    assert told == by_key(waiting)
    assert revisions_ascend(told)
    assert Told(await published(registry, *TOPICS)).register == await registry.episodes()
    await is_one_clean_pass(registry, events)


def _fenced() -> float:
    return REGISTRY.get_sample_value("kaa_relay_fenced_total", {"service": "registry"}) or 0


async def test_the_relay_publishes_5000_events_a_second(
    registry: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """INV-04: 20,000 rows from the outbox to acknowledged and deleted, beside a bare producer of the same records.

    Machines are noisy: where the bare producer itself does not reach 10,000 a second, half of its rate is asked for,
    and one of three rounds must reach it.
    """
    count, rounds = 20_000, 0
    async with registry.pool() as pool:
        while True:
            rounds += 1
            await pool.execute(
                """INSERT INTO outbox (topic, key, value)
                   SELECT 'registry.person.v1', convert_to(gen_random_uuid()::text, 'UTF8'),
                          convert_to(repeat(md5(n::text), 16), 'UTF8')
                   FROM generate_series(1, $1) AS n""",
                count,
            )
            page = await pool.fetch("SELECT topic, key, value FROM outbox ORDER BY seq")
            bare = await _bare(registry, page)
            begun = time.monotonic()
            async with relaying(registry, pool):
                while await pool.fetchval("SELECT 1 FROM outbox LIMIT 1"):
                    await asyncio.sleep(0.05)
                rate = count / (time.monotonic() - begun)
            with capsys.disabled():
                print(
                    f"\nrelay: {rate:.0f} events/s, {rate / bare:.2f} of a bare transactional producer's {bare:.0f}"
                )
            enough = rate >= (5_000 if bare >= 10_000 else bare / 2)
            if enough or rounds == 3:
                break
    assert len(await registry.read("registry.person.v1")) == 2 * count * rounds
    assert enough


async def _bare(here: Installation, page: Sequence[asyncpg.Record]) -> float:
    """Records a second that a producer sends in transactions of the relay's size, and does nothing else."""
    async with AIOKafkaProducer(
        bootstrap_servers=here.brokers, transactional_id=here.settings.group("bare"), acks="all", linger_ms=5,
        max_batch_size=131_072, compression_type="lz4",
    ) as producer:  # fmt: skip
        begun = time.monotonic()
        for start in range(0, len(page), module.PAGE):
            await publish(producer, page[start : start + module.PAGE])
        return len(page) / (time.monotonic() - begun)
