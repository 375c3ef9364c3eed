"""Memory of a registry process while it works off 200,000 events, against what it may take."""

import asyncio
import time

import psutil

from benchmarks.stage import Figure, Stage, partitions_of, put_on_topics, running, year
from contracts.envelope import decode
from servicekit.lag import lags
from services.registry.statement import TYPES

_EVENTS = 200_000
_PERSONS = 17_500
_LIMIT_MIB = 300


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figure."""
    lines = [line for line in year(stage.directory, _PERSONS, seed=2) if decode(line).type in TYPES][:_EVENTS]
    settings = stage.settings()
    await stage.database(settings)
    await put_on_topics(stage, lines)
    print(f"Memory of a registry process, {len(lines):,} events")
    most = 0.0
    begun = time.perf_counter()
    async with running(settings, "registry") as (process,):
        partitions = partitions_of(stage.directory, "registry")
        behind = 1
        while behind:
            for _ in range(10):
                most = max(most, psutil.Process(process.pid).memory_info().rss / 2**20)
                await asyncio.sleep(0.1)
            behind = sum(
                lag.records for lag in await lags(stage.brokers, {settings.group("registry"): partitions})
            )
    print(f"  most resident: {most:.0f} MiB; all of it took {time.perf_counter() - begun:.0f} s")
    await stage.drop(settings)
    name = f"memory of a registry process that works off {len(lines):,} events"
    return [Figure(name, most, "allowed", _LIMIT_MIB, "MiB", at_most=1)]
