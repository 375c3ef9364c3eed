"""Memory of a registry process while it works off 200,000 events, against the same process before the first."""

import asyncio
import os
import sys
import time

import psutil

from benchmarks.stage import Stage, partitions_of, put_on_topics, year
from contracts.envelope import decode
from servicekit.lag import lags
from services.registry.statement import TYPES

_EVENTS = 200_000
_PERSONS = 17_500
_LIMIT_MIB = 300


async def run(stage: Stage) -> dict[str, float]:
    """Prints the measurements and gives them by name."""
    lines = [line for line in year(stage.directory, _PERSONS, seed=2) if decode(line).type in TYPES][:_EVENTS]
    settings = stage.settings()
    await stage.database(settings)
    stated = settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    environment = os.environ | {f"KAA_{name.upper()}": str(value) for name, value in stated.items()}
    await put_on_topics(stage, lines)
    print(f"Memory of a registry process, {len(lines):,} events")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kaa", "run", "registry", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    most = 0.0
    begun = time.perf_counter()
    try:
        partitions = partitions_of(stage.directory, "registry")
        behind = 1
        while behind:
            for _ in range(10):
                most = max(most, psutil.Process(process.pid).memory_info().rss / 2**20)
                await asyncio.sleep(0.1)
            behind = sum(
                lag.records for lag in await lags(stage.brokers, {settings.group("registry"): partitions})
            )
    finally:
        process.terminate()
        await process.wait()
    seconds = time.perf_counter() - begun
    await stage.drop(settings)
    print(
        f"  most resident: {most:.0f} MiB (under {_LIMIT_MIB} MiB asked for); all of it took {seconds:.0f} s"
    )
    return {"events": float(len(lines)), "most_mib": most, "seconds": seconds}
