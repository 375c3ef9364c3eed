"""How much faster two registry processes work off a backlog of 500,000 events than one: real processes, real broker.

The backlog is on the topics before they start. One process and then two, each time with an empty database and a new
group, from the first applied event to the last one. The relays publish meanwhile, as they do in operation.
"""

import asyncio
import os
import time
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from benchmarks.stage import Figure, Stage, put_on_topics, running, told, year
from contracts.envelope import decode
from servicekit.settings import Service
from servicekit.topics import administration
from services.registry.statement import TYPES

_EVENTS: Final = 500_000
#: As many as it takes for so many events; 42,524 are the most that the simulator has identity numbers for.
_PERSONS: Final = 42_500
#: With fewer, the broker, the database and two processes take the time from each other.
_CORES: Final = 4
_GOAL: Final = 1.6
_LOOK: Final = 0.2
#: Seconds within which something must have been committed anew.
_PATIENCE: Final = 120


async def _rate(stage: Stage, processes: int, count: int) -> float:
    """Events a second by the group's commits, which follow each transaction at once: one small request a look."""
    settings = stage.settings()
    await stage.database(settings)
    group = settings.group("registry")
    services: list[Service] = ["registry"] * processes
    seen = first = 0
    begun = ended = time.perf_counter()
    async with administration(stage.brokers) as client, running(settings, *services) as started:
        while seen < count:
            await asyncio.sleep(_LOOK)
            done = await _committed(client, group)
            if done > seen:
                ended = time.perf_counter()
                if not seen:
                    begun, first = ended, done
                seen = done
            if any(process.returncode is not None for process in started):
                raise RuntimeError(
                    "a registry process ended before the backlog did: run `kaa run registry` to see why"
                )
            if time.perf_counter() - ended > _PATIENCE:
                raise RuntimeError(
                    f"{seen:,} of {count:,} events were applied, and nothing for {_PATIENCE} s"
                )
    await stage.drop(settings)
    print(f"  {processes} at once: {ended - begun:,.0f} s", flush=True)
    return (count - first) / (ended - begun)


async def _committed(client: AIOKafkaAdminClient, group: str) -> int:
    try:
        offsets = await client.list_consumer_group_offsets(group)
    except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
        return 0  # a new broker first makes the topic that holds them
    return sum(one.offset for one in offsets.values() if one.offset > 0)


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figure."""
    lines = [line for line in year(stage.directory, _PERSONS, seed=3) if decode(line).type in TYPES][:_EVENTS]
    await put_on_topics(stage, lines)
    cores = os.cpu_count() or 1
    print(f"Scaling, a backlog of {len(lines):,} events, {cores} cores")
    one = told("one registry process", [await _rate(stage, 1, len(lines))])
    two = told("two registry processes", [await _rate(stage, 2, len(lines))])
    enough = cores >= _CORES
    note = f"{cores} cores" + ("" if enough else f" cannot show the {_GOAL} asked for: it takes {_CORES}")
    goal = _GOAL if enough else None
    return [Figure("backlog, two registry processes", two, "one process", one, "events/s", goal, note=note)]
