"""Events that take others back, and links between identity numbers, in transactions that run at once (INV-02).

Step by step on two connections: where the second transaction must wait for the first it is seen to wait; where it
need not, it commits before the first. The register must be that of one clean pass in every case.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from random import Random
from typing import Any

import asyncpg
import pytest

from servicekit.database import TransientError, is_transient
from services.registry.evaluation import evaluate
from services.registry.register import apply
from tests.registry.histories import history, line, number
from tests.system.installation import Installation, installed, left, numbers, resident, said, started, wire
from tests.system.witness import DAY, Told, outbox, received

Raw = dict[str, Any]
_ids = count()
_persons = iter(numbers(1000))


@pytest.fixture(scope="module")
async def register(
    kafka: str, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """One for all: each case is about persons of its own."""
    folder = tmp_path_factory.mktemp("register")
    async with installed(kafka, postgres, folder, services=("registry",)) as here:
        await here.set_day(DAY)
        yield here


def linked(event_id: str, previous: str, current: str, on: str) -> Raw:
    """From ``on`` the person with the one number has the other."""
    data = {"previous_identity_number": previous, "identity_number": current, "changed_on": on}
    return said(event_id, "municipality.resident.identity_changed", data)


def link_retracted(event_id: str, target: str) -> Raw:
    """There was no such change of number."""
    return said(event_id, "municipality.resident.retracted", {"retracts": target})


def leave_retracted(event_id: str, target: str) -> Raw:
    """There was no such leave."""
    return said(event_id, "school.leave.retracted", {"retracts": target})


#: Of three persons: what is known before, and what two transactions bring at once.
Case = Callable[[str, str, str], tuple[list[Raw], list[Raw], list[Raw]]]


def a_leave_and_its_retraction(a: str, _b: str, _c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", a, "2023-08-21")]
    return known, [left("l", a, "2024-11-15")], [leave_retracted("x", "l")]


def a_leave_and_its_replacement(a: str, _b: str, _c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", a, "2023-08-21")]
    return known, [left("l", a, "2024-11-15")], [left("n", a, "2025-01-10") | {"replaces": "l"}]


def a_leave_and_a_replacement_about_somebody_else(
    a: str, b: str, _c: str
) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [
        event for who in (a, b) for event in (resident(f"r{who}", who), started(f"s{who}", who, "2023-08-21"))
    ]
    return known, [left("l", a, "2024-11-15")], [left("n", b, "2024-11-15") | {"replaces": "l"}]


def a_replacement_and_its_retraction(a: str, _b: str, _c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", a, "2023-08-21")]
    two = [left("l", a, "2024-11-15"), left("n", a, "2025-01-10") | {"replaces": "l"}]
    return known, two, [leave_retracted("x", "n")]


def two_that_take_back_what_the_other_brings(
    a: str, b: str, _c: str
) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [
        event for who in (a, b) for event in (resident(f"r{who}", who), started(f"s{who}", who, "2023-08-21"))
    ]
    one = [left("la", a, "2024-11-15"), leave_retracted("xb", "lb")]
    return known, one, [left("lb", b, "2024-11-15"), leave_retracted("xa", "la")]


def two_that_bring_the_first_of_a_person(a: str, _b: str, _c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    return [], [resident("r", a), started("s", a, "2023-08-21")], [left("l", a, "2024-11-15")]


def a_link_and_its_retraction(a: str, b: str, _c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", b, "2023-08-21"), left("l", b, "2024-11-15")]
    return known, [linked("i", a, b, "2024-01-01")], [link_retracted("x", "i")]


def a_link_and_its_retraction_of_numbers_not_heard_of(
    a: str, b: str, _c: str
) -> tuple[list[Raw], list[Raw], list[Raw]]:
    return [], [resident("r", a), linked("i", a, b, "2024-01-01")], [link_retracted("x", "i")]


def a_link_taken_back_and_news_of_the_number_split_off(
    a: str, b: str, _c: str
) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [
        resident("r", a),
        resident("q", b),
        linked("i", a, b, "2024-01-01"),
        started("s", b, "2023-08-21"),
    ]
    return known, [link_retracted("x", "i")], [left("l", b, "2024-11-15")]


def two_links_that_share_a_number(a: str, b: str, c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", b, "2023-08-21"), left("l", c, "2024-11-15")]
    return known, [linked("i", a, b, "2024-01-01")], [linked("j", b, c, "2025-01-01")]


def two_links_that_share_a_number_not_heard_of(
    a: str, b: str, c: str
) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", c, "2023-08-21")]
    return known, [linked("i", a, b, "2024-01-01")], [linked("j", b, c, "2025-01-01")]


def a_link_there_and_one_back(a: str, b: str, _c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", b, "2023-08-21")]
    return (
        known,
        [linked("i", a, b, "2024-01-01")],
        [linked("j", b, a, "2025-01-01"), left("l", a, "2025-02-01")],
    )


def a_link_and_news_of_both_numbers(a: str, b: str, _c: str) -> tuple[list[Raw], list[Raw], list[Raw]]:
    known = [resident("r", a), started("s", b, "2023-08-21")]
    news = [left("l", b, "2024-11-15"), started("t", a, "2025-03-01")]
    return known, [linked("i", a, b, "2024-01-01")], news


CASES: tuple[Case, ...] = (
    a_leave_and_its_retraction,
    a_leave_and_its_replacement,
    a_leave_and_a_replacement_about_somebody_else,
    a_replacement_and_its_retraction,
    two_that_take_back_what_the_other_brings,
    two_that_bring_the_first_of_a_person,
    a_link_and_its_retraction,
    a_link_and_its_retraction_of_numbers_not_heard_of,
    a_link_taken_back_and_news_of_the_number_split_off,
    two_links_that_share_a_number,
    two_links_that_share_a_number_not_heard_of,
    a_link_there_and_one_back,
    a_link_and_news_of_both_numbers,
)


@pytest.mark.parametrize("turned_round", [False, True], ids=["as_told", "turned_round"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_two_transactions_at_once(register: Installation, case: Case, turned_round: bool) -> None:
    """INV-02: whichever of the two commits first."""
    people = next(_persons), next(_persons), next(_persons)
    known, one, other = _apart(*case(*people))
    if turned_round:
        one, other = other, one
    async with register.pool() as pool:
        for event in known:
            await _until_stored(pool, [event])
        await _at_once(register, pool, one, other)
    await _is_one_clean_pass(register, [*known, *one, *other])


@pytest.mark.parametrize("seed", range(4))
async def test_many_transactions_about_the_same_few_persons(register: Installation, seed: int) -> None:
    """INV-02: histories with chains of corrections and links of numbers, in small batches, by four at once."""
    rng = Random(seed)
    birth = f"200{seed}0315"
    people = (
        (number(birth, 981), number(birth, 982, coordination=True), number(birth, 983, coordination=True)),
        (number(birth, 984), number(birth, 985, coordination=True)),
        (number(birth, 986), number(birth, 987)),
    )
    events = [
        line(event)
        for part in range(10)
        for event in history(rng, persons=people, prefix=f"{seed}.{part}.").events
        if ".absence." not in event["type"]
    ]
    rng.shuffle(events)
    batches: deque[list[bytes]] = deque()
    while events:
        batches.append([events.pop() for _ in range(min(len(events), rng.randint(1, 8)))])
    told = [event for batch in batches for event in batch]
    taken = [0] * 4

    async def work(worker: int, pool: asyncpg.Pool) -> None:
        while batches:
            await _until_stored(pool, batches.popleft())
            taken[worker] += 1

    async with register.pool() as pool:
        await asyncio.gather(*(work(worker, pool) for worker in range(4)))
    assert min(taken) > 0
    await _is_one_clean_pass(register, told)


def _apart(*groups: list[Raw]) -> list[list[Raw]]:
    """The same with ids that no other case has."""
    mark = next(_ids)

    def apart(event: Raw) -> Raw:
        named = {key: f"{mark}.{event[key]}" for key in ("id", "replaces") if key in event}
        data = event["data"]
        if "retracts" in data:
            data = data | {"retracts": f"{mark}.{data['retracts']}"}
        return event | named | {"data": data}

    return [[apart(event) for event in group] for group in groups]


async def _until_stored(pool: asyncpg.Pool, events: Sequence[Raw | bytes]) -> None:
    """One transaction, again after what passes, as the consumer does it."""
    batch = received(events)
    while True:
        try:
            async with pool.acquire() as connection, connection.transaction():
                await apply(connection, batch)
            return
        except (asyncpg.PostgresError, TransientError) as error:
            if not is_transient(error):
                raise


async def _at_once(here: Installation, pool: asyncpg.Pool, one: list[Raw], other: list[Raw]) -> None:
    """Two transactions are open at the same time, each as far as it gets before the other commits."""
    async with pool.acquire() as connection:
        first = connection.transaction()
        await first.start()
        await apply(connection, received(one))
        second = asyncio.create_task(_until_stored(pool, other))
        async with asyncio.timeout(20):
            while not second.done() and not await _waits_for(here, connection.get_server_pid()):
                await asyncio.sleep(0.005)
        await first.commit()
    await asyncio.wait_for(second, 20)


async def _waits_for(here: Installation, holder: int) -> bool:
    query = "SELECT 1 FROM pg_locks WHERE NOT granted AND $1 = ANY(pg_blocking_pids(pid))"
    return bool(await here.fetch(query, holder))


async def _is_one_clean_pass(here: Installation, events: Sequence[Raw | bytes]) -> None:
    """What is stored and what is told of these persons is what the pure function gives."""
    meant = evaluate(map(wire, events), DAY, True)["persons"]
    expected = {person["identity_number"]: person["episodes"] for person in meant if person["episodes"]}
    people = {number for event in events for number in _numbers_in(json.loads(wire(event))["data"])}
    for register in (await here.episodes(), Told(await outbox(here)).register):
        assert {number: found for number, found in register.items() if number in people} == expected


def _numbers_in(data: Raw) -> set[str]:
    about = [data, data.get("pupil", {}), data.get("person", {})]
    return {
        one[key] for one in about for key in ("identity_number", "previous_identity_number") if key in one
    }
