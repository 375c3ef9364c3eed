"""The business day: what time alone makes true is told once, on the day it does (INV-02, INV-04)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import date, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from contracts.envelope import Event, decode
from servicekit.relay import Relay
from services.registry import reading, scheduler
from services.registry.evaluation import evaluate
from services.registry.register import DAY_LOCK, apply, business_day
from services.registry.scheduler import move_day, tell_what_time_made_true
from tests.registry.histories import history, line, number
from tests.system.installation import Installation, left, numbers, resident, said, started, wire
from tests.system.witness import (
    Told,
    is_one_clean_pass,
    lives,
    outbox,
    published,
    received,
    waiting_for_a_lock,
)

#: Turns 20 on 17 May 2025.
ABOUT_TO_TURN_20 = number("20050517", 980)
TOPICS = ("registry.person.v1", "registry.coverage.v1")


async def stands(here: Installation) -> date:
    """The business day."""
    day: date = (await here.fetch("SELECT day FROM business_day"))[0][0]
    return day


async def taken_in(here: Installation, events: Sequence[dict[str, Any] | bytes]) -> None:
    """Publishes events and lets the registry take them."""
    async with here.consuming():
        await here.publish(events)
        await here.settled("registry")


def expected(events: Sequence[dict[str, Any] | bytes], day: date) -> dict[str, Any]:
    """The register of one clean pass, as of a day."""
    persons = evaluate(map(wire, events), day, True)["persons"]
    return {person["identity_number"]: person["episodes"] for person in persons if person["episodes"]}


async def test_the_business_day_moves_only_forward(registry: Installation) -> None:
    """INV-02: also when a process asks whose clock is behind."""
    today = await stands(registry)
    async with registry.pool() as pool:
        assert await move_day(pool, today + timedelta(days=2)) == today + timedelta(days=2)
        assert await move_day(pool, today) == today + timedelta(days=2)
        assert await move_day(pool, today + timedelta(days=2)) == today + timedelta(days=2)
    assert await stands(registry) == today + timedelta(days=2)


async def test_what_a_day_makes_true_is_told_on_that_day_and_once(registry: Installation) -> None:
    """INV-04: an episode begins, one ends with the 20th birthday, one is cut because the person moves."""
    leaver, mover = numbers(2)
    events = [
        resident("r1", leaver), started("s1", leaver, "2023-08-21"), left("l1", leaver, "2025-05-16"),
        resident("r2", ABOUT_TO_TURN_20),
        resident("r3", mover), started("s3", mover, "2023-08-21"), left("l3", mover, "2024-11-15"),
        said("m3", "municipality.resident.moved",
             {"person": {"identity_number": mover}, "to_municipality": "0182", "moved_on": "2025-05-18"}),
    ]  # fmt: skip
    await taken_in(registry, events)
    day, told = await stands(registry), len(await outbox(registry))
    happened: dict[date, list[tuple[str, str | None]]] = {}
    async with registry.pool() as pool:
        while day < date(2025, 5, 22):
            day = await move_day(pool, day + timedelta(days=1))
            await tell_what_time_made_true(pool, lambda: None)
            assert await tell_what_time_made_true(pool, lambda: None) == 0
            news = (await outbox(registry))[told:]
            told += len(news)
            if news:
                happened[day] = sorted(_in_short(event) for event in news)
            assert Told(await outbox(registry)).register == await registry.episodes() == expected(events, day)
    assert happened == {
        date(2025, 5, 17): [("coverage.ended", "turned_20"), ("coverage.started", None)],
        date(2025, 5, 18): [
            ("coverage.ended", "moved"), ("coverage.started", None), ("person.updated", "0182"),
        ],
    }  # fmt: skip
    await is_one_clean_pass(registry, events, day)


def _in_short(event: Event) -> tuple[str, str | None]:
    data: Any = event.data
    if event.type.endswith("person.updated.v1"):
        return "person.updated", data.municipality
    return event.type.removeprefix("se.kaa.registry.").removesuffix(".v1"), getattr(data, "exit_reason", None)


@pytest.mark.parametrize("seed", range(2))
async def test_day_by_day_the_register_and_what_is_told_are_those_of_one_clean_pass(
    registry: Installation, seed: int
) -> None:
    """INV-02, INV-04: histories in which much happens around these days, all of it known long before."""
    rng = Random(seed)
    people = [(number("20080315", serial), number("20080316", serial)) for serial in range(980, 1000)]
    events = [
        line(event)
        for part, person in enumerate([*people, *people])
        for event in history(rng, persons=(person,), prefix=f"{part}.").events
        if ".absence." not in event["type"]
    ]
    await registry.as_owner("UPDATE business_day SET day = '2024-06-01'")
    async with registry.pool() as pool:
        async with pool.acquire() as connection, connection.transaction():
            await apply(connection, received(events))
        told: list[Event] = []
        lively = 0
        for first, days in (((2024, 6, 1), 3), ((2024, 8, 16), 4), ((2025, 5, 31), 3), ((2025, 8, 18), 16)):
            for day in range(days):
                stood = await move_day(pool, date(*first) + timedelta(days=day))
                await tell_what_time_made_true(pool, lambda: None)
                before, told = told, await outbox(registry)
                assert Told(told).register == await registry.episodes() == expected(events, stood)
                lively += 0 < len(before) < len(told)
    assert max(Counter(event.id for event in told).values()) == 1
    assert lively > 3


async def test_processes_whose_clocks_differ_agree_on_the_day(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-02: the earliest to see a day brings it; the one behind neither takes it back nor tells anything again."""
    begin = await stands(registry)
    clock: ContextVar[date] = ContextVar("clock")
    monkeypatch.setattr(scheduler, "today", clock.get)
    monkeypatch.setattr(scheduler, "LOOK_SECONDS", 0.02)
    events = [resident("r", ABOUT_TO_TURN_20), *lives(20)]
    await taken_in(registry, events)
    seen = []
    async with registry.pool() as pool:
        running = []
        for day in (begin + timedelta(days=3), begin, begin + timedelta(days=1)):
            clock.set(day)
            running.append(asyncio.create_task(scheduler.scheduler(True)(pool, lambda: None)))
        for _ in range(30):
            seen.append(await stands(registry))
            await asyncio.sleep(0.02)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    assert all(task.cancelled() for task in running)
    assert seen == sorted(seen)
    assert seen[-1] == begin + timedelta(days=3)
    told = await outbox(registry)
    assert max(Counter(event.id for event in told).values()) == 1
    assert [_in_short(event) for event in told].count(("coverage.ended", "turned_20")) == 1
    await is_one_clean_pass(registry, events, seen[-1])


@asynccontextmanager
async def in_the_middle(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    """A connection in a transaction that is committed at the end of the block."""
    async with pool.acquire() as connection, connection.transaction():
        yield connection


async def test_the_day_does_not_move_while_a_batch_that_has_read_it_is_under_way(
    registry: Installation,
) -> None:
    """INV-04: nothing is told of a day that is over; the mover waits, and then tells what the new day makes true."""
    today = await stands(registry)
    events = [resident("r", ABOUT_TO_TURN_20)]
    async with registry.pool() as pool:
        async with in_the_middle(pool) as connection:
            await apply(connection, received(events))
            moving = asyncio.create_task(move_day(pool, date(2025, 5, 17)))
            await waiting_for_a_lock(registry)
            assert await stands(registry) == today
        assert await asyncio.wait_for(moving, 10) == date(2025, 5, 17)
        assert await tell_what_time_made_true(pool, lambda: None) == 1
    kinds = [_in_short(event) for event in await outbox(registry)]
    assert kinds == [("person.updated", "0180"), ("coverage.started", None), ("coverage.ended", "turned_20")]


async def test_a_batch_that_comes_while_the_day_moves_waits_and_stands_on_the_new_one(
    registry: Installation,
) -> None:
    """INV-04: it tells at once what the new day knows, and nothing of the old one."""
    events = [resident("r", ABOUT_TO_TURN_20)]

    async def batch(pool: asyncpg.Pool) -> None:
        async with in_the_middle(pool) as connection:
            await apply(connection, received(events))

    async with registry.pool() as pool:
        async with in_the_middle(pool) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", DAY_LOCK)
            await connection.execute("UPDATE business_day SET day = '2025-05-17'")
            taking = asyncio.create_task(batch(pool))
            await waiting_for_a_lock(registry)
        await asyncio.wait_for(taking, 10)
        async with in_the_middle(pool) as connection:
            assert await business_day(connection) == date(2025, 5, 17)
    assert [_in_short(event) for event in await outbox(registry)] == [
        ("person.updated", "0180"), ("coverage.ended", "turned_20"),
    ]  # fmt: skip


async def test_who_is_due_is_told_of_although_nothing_else_happens(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-04: many at once, page by page; the relay is woken for them."""
    monkeypatch.setattr(scheduler, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(scheduler, "PAGE", 7)
    events = lives(30) + [left(f"o{n}", n, "2025-05-20", "10000001") for n in numbers(30)]
    events += [started(f"t{n}", n, "2025-05-18", "10000001") for n in numbers(30)]
    await taken_in(registry, events)
    before = len(await outbox(registry))
    woken = 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    async with registry.pool() as pool:
        running = asyncio.create_task(scheduler.scheduler(False)(pool, wake))
        await asyncio.sleep(0.2)
        assert len(await outbox(registry)) == before
        await move_day(pool, date(2025, 5, 18))
        async with asyncio.timeout(10):
            while len(await outbox(registry)) < before + 30:
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait({running})
    assert woken == 5
    news = [_in_short(event) for event in (await outbox(registry))[before:]]
    assert news == [("coverage.ended", "started_upper_secondary")] * 30
    await is_one_clean_pass(registry, events, date(2025, 5, 18))


async def relayed(here: Installation, pool: asyncpg.Pool) -> None:
    """Publishes what waits in the outbox."""
    relay = asyncio.create_task(
        Relay("registry", pool, here.brokers, here.settings.group("registry-relay")).run()
    )
    async with asyncio.timeout(20):
        while await pool.fetchval("SELECT 1 FROM outbox LIMIT 1"):
            await asyncio.sleep(0.02)
    relay.cancel()
    await asyncio.wait({relay})


async def test_republishing_gives_the_same_events_from_which_a_new_reader_folds_the_register(
    registry: Installation,
) -> None:
    """INV-04: the last event of each person and each episode again, byte for byte, whatever had happened to them."""
    events = [resident("r", ABOUT_TO_TURN_20), *lives(30)]
    corrections = [
        said(f"x{e['id']}", "school.leave.retracted", {"retracts": e["id"]}) for e in events[3:30:3]
    ]
    await taken_in(registry, events)
    await taken_in(registry, corrections)
    async with registry.pool() as pool:
        await move_day(pool, date(2025, 5, 20))
        await tell_what_time_made_true(pool, lambda: None)
        await relayed(registry, pool)
        before = {topic: await registry.read(topic) for topic in TOPICS}
        for topic in TOPICS:
            assert sum([page async for page in reading.republish(pool, topic, 7)]) > 0
        await relayed(registry, pool)
    again: list[Any] = []
    for topic in TOPICS:
        everything = await registry.read(topic)
        known = {(record.partition, record.offset) for record in before[topic]}
        again += [record for record in everything if (record.partition, record.offset) not in known]
    said_before = {(record.topic, record.key, record.value) for topic in TOPICS for record in before[topic]}
    assert {(record.topic, record.key, record.value) for record in again} <= said_before
    whole = Told(await published(registry, *TOPICS))
    fresh = Told([event for event in await published(registry, *TOPICS) if event.id in _ids(again)])
    assert len(again) == len(whole.persons) + len(
        await registry.fetch("SELECT 1 FROM episode WHERE told <> ''")
    )
    assert fresh.persons == whole.persons
    assert fresh.register == whole.register == expected([*events, *corrections], date(2025, 5, 20))


def _ids(records: Sequence[Any]) -> set[str]:
    return {decode(record.value, record.headers).id for record in records}


async def test_republishing_waits_for_whoever_is_changing_a_person(registry: Installation) -> None:
    """INV-04: no older state goes out after a newer one, also not when both are written at the same moment."""
    (who,) = numbers(1)
    known = [resident("r", who), started("s", who, "2023-08-21"), left("l", who, "2024-11-15")]

    async def all_again(pool: asyncpg.Pool) -> None:
        for topic in TOPICS:
            async for _ in reading.republish(pool, topic):
                pass

    news = [
        said("n", "municipality.resident.updated",
             {"person": {"identity_number": who}, "protection": "confidential", "updated_on": "2025-05-10"},
             time="2025-06-02T12:00:00+02:00"),
        left("m", who, "2024-12-20") | {"replaces": "l"},
    ]  # fmt: skip
    async with registry.pool() as pool:
        async with in_the_middle(pool) as connection:
            await apply(connection, received(known))
        async with in_the_middle(pool) as connection:
            await apply(connection, received(news))
            again = asyncio.create_task(all_again(pool))
            await waiting_for_a_lock(registry)
        await asyncio.wait_for(again, 10)
    revisions: dict[str, list[int]] = {}
    for event in await outbox(registry):
        entity, _, revision = event.id.rpartition(".")
        revisions.setdefault(entity, []).append(int(revision))
    assert list(revisions.values()) == [[1, 2, 2], [1, 2, 2]]
