"""Taking the next task, in queues of 10³ to 10⁶ open tasks of one municipality, against a bare `SELECT … FOR UPDATE
SKIP LOCKED` and `UPDATE` on the same table.

Ours is what *take next* does on a page: as the role of staff, under row-level security, with the form's key, what is
reserved for the worker and what a lost one held before the rest, the lease, and its history; the page it leads to
reads the person, and logs the look. The bare one has none of that. Both are one transaction: the bare one in four
round trips, as two statements take, ours in one, since all of it is a function of the database. All queues and both
ways take turns, a few tasks each.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg

from benchmarks.stage import Figure, Stage, told
from servicekit.database import connect, new_pool
from servicekit.viewers import Viewer
from services.outreach.kinds import KINDS
from services.outreach.queue import take_next_once

_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_ROUNDS: Final = 15
#: Tasks taken in a round from a queue in one way, by all workers together; afterwards they are given back.
_TAKEN: Final = 100
#: How many of them in a row: a queue that is at work is not fetched from memory for each task.
_IN_A_ROW: Final = 5
#: Workers at once, on connections of their own: their commits share the disk's time, so the rest of the cost shows.
_TOGETHER: Final = 4
_TOGETHER_AT: Final = 10_000
_HERE: Final = "0180"
_LEASE: Final = timedelta(hours=1)
_DAY: Final = date(2026, 11, 2)
#: Seconds that filling the largest table may take.
_PATIENCE: Final = 600

_PERSON: Final = (
    "person_id revision identity_number given_name family_name birth_date municipality protection"
)
_EPISODE: Final = "episode_id revision person_id municipality person_revision from_day entry_reason opened_on"
_TASK: Final = "episode_id kind person_id municipality since opened_on due_on rank_on state step channel"

_FIRST = """
SELECT task_id FROM task
WHERE municipality = $1 AND state = 'open' AND waits_for IS NULL AND snoozed_until IS NULL AND leased_by IS NULL
  AND assigned_to IS NULL
ORDER BY rank_on, contacted, since, task_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_LEASED = "UPDATE task SET leased_by = $2, leased_until = now() + $3::interval WHERE task_id = $1"
_GIVEN_BACK = "UPDATE task SET leased_by = NULL, leased_until = NULL WHERE leased_by IS NOT NULL"


_Take: TypeAlias = Callable[["_Queue", str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Queue:
    """Connections to a database with so many open tasks."""

    admin: asyncpg.Connection
    #: As the application role has them, and as pages have them.
    app: asyncpg.Pool
    staff: asyncpg.Pool


def _persons(count: int) -> Iterator[tuple[Any, ...]]:
    for ordinal in range(count):
        born = date(2007, 6, 1) + timedelta(days=ordinal % 1000)
        yield UUID(int=ordinal), 1, f"no-number-{ordinal}", "Kim", "Berg", born, _HERE, "none"


def _episodes(count: int) -> Iterator[tuple[Any, ...]]:
    for ordinal in range(count):
        yield UUID(int=ordinal), 1, UUID(int=ordinal), _HERE, 1, _DAY, "left_upper_secondary", _DAY


def _tasks(count: int) -> Iterator[tuple[Any, ...]]:
    """One of each kind for a person, as long as they last; due at random within a year, so in no order on disk."""
    at_random = random.Random(1)
    kinds = [kind for kind in KINDS if kind != "early_support"]
    for ordinal in range(count):
        person, kind = divmod(ordinal, len(kinds))
        due = _DAY + timedelta(days=at_random.randrange(365))
        whose = UUID(int=person)
        yield whose, kinds[kind], whose, _HERE, _DAY, _DAY, due, due, "open", "first", "phone"


async def _fill(admin: asyncpg.Connection, size: int) -> None:
    persons = size // (len(KINDS) - 1) + 1
    # whose rows these are is known: without the look-up of each reference
    await admin.execute("SET session_replication_role = replica")
    for table, columns, rows in (
        ("person", _PERSON, _persons(persons)),
        ("episode", _EPISODE, _episodes(persons)),
        ("task", _TASK, _tasks(size)),
    ):
        await admin.copy_records_to_table(table, records=rows, columns=columns.split(), timeout=_PATIENCE)
    await admin.execute("VACUUM ANALYZE", timeout=_PATIENCE)


@asynccontextmanager
async def _queue(stage: Stage, size: int) -> AsyncIterator[_Queue]:
    settings = stage.settings()
    await stage.database(settings, "outreach")
    name = f"/{settings.database_prefix}outreach"
    admin = await connect(urlunsplit(urlsplit(stage.admin_url)._replace(path=name)))
    await _fill(admin, size)
    addresses = settings.database("outreach"), settings.database("outreach", "staff")
    async with (
        new_pool(addresses[0], name="bench", size=_TOGETHER) as app,
        new_pool(addresses[1], name="bench", size=_TOGETHER) as staff,
    ):
        yield _Queue(admin, app, staff)
    await admin.close()
    await stage.drop(settings, "outreach")


async def _bare(queue: _Queue, worker: str) -> None:
    async with queue.app.acquire() as connection, connection.transaction():
        task_id = await connection.fetchval(_FIRST, _HERE)
        await connection.execute(_LEASED, task_id, worker, _LEASE)


async def _ours(queue: _Queue, worker: str) -> None:
    viewer = Viewer(worker, _HERE, frozenset({"outreach"}))
    await take_next_once(queue.staff, viewer, _LEASE, uuid4().hex)


async def _round(queues: dict[int, _Queue], workers: int) -> dict[tuple[int, _Take], float]:
    """Takes tasks from all queues in both ways by turns, and gives them back; tasks a second of each."""
    turns = [(size, take) for size in queues for take in (_bare, _ours)]
    seconds = dict.fromkeys(turns, 0.0)
    for _ in range(_TAKEN // (workers * _IN_A_ROW)):
        # the disk's pace changes within a second: what is compared is taken side by side, and nothing always first
        random.shuffle(turns)
        for size, take in turns:
            begun = time.perf_counter()
            for _ in range(_IN_A_ROW):
                await asyncio.gather(*(take(queues[size], f"bench:{number}") for number in range(workers)))
            seconds[size, take] += time.perf_counter() - begun
    for queue in queues.values():
        given_back = await queue.admin.execute(_GIVEN_BACK)
        if given_back != f"UPDATE {2 * _TAKEN}":
            raise RuntimeError(f"{2 * _TAKEN} tasks were to be taken, and were given back: {given_back}")
        await queue.admin.execute("VACUUM task")
    return {turn: _TAKEN / spent for turn, spent in seconds.items()}


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figures."""
    print(f"Taking the next task, {_TAKEN} in a round")
    rates: defaultdict[tuple[int, int, _Take], list[float]] = defaultdict(list)
    async with AsyncExitStack() as opened:
        queues = {size: await opened.enter_async_context(_queue(stage, size)) for size in _SIZES}
        for number in range(_ROUNDS + 1):
            for workers, those in ((1, queues), (_TOGETHER, {_TOGETHER_AT: queues[_TOGETHER_AT]})):
                for (size, take), rate in (await _round(those, workers)).items():
                    # the first round finds cold caches
                    if number:
                        rates[size, workers, take].append(rate)
    found = [_figure(rates, size, 1) for size in _SIZES]
    small, *_, large = found
    return [
        *found,
        _figure(rates, _TOGETHER_AT, _TOGETHER),
        Figure(
            large.name, large.value, f"the next of {_SIZES[0]:,} tasks", small.value, "tasks/s", at_least=0.85,
            at_most=1.15,
        ),
    ]  # fmt: skip


def _figure(rates: Mapping[tuple[int, int, _Take], list[float]], size: int, workers: int) -> Figure:
    at_once = "" if workers == 1 else f", {workers} workers at once"
    rate = told(f"next task of {size:,}{at_once}", rates[size, workers, _ours], "tasks/s")
    bare = told("reference: bare SELECT … SKIP LOCKED and UPDATE", rates[size, workers, _bare], "tasks/s")
    return Figure(
        f"taking the next of {size:,} tasks{at_once}", rate, "bare SELECT … SKIP LOCKED and UPDATE", bare, "tasks/s",
        at_least=0.8,
    )  # fmt: skip
