"""What the benchmarks stand on: a stack of their own, a simulated year on its topics, and how results are told."""

import asyncio
import gc
import json
import os
import random
import re
import statistics
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
from aiokafka import TopicPartition

from contracts.catalogue import read_by, topics_of
from contracts.envelope import decode
from contracts.organisers import Directory, load
from localstack.throwaway import throwaway_folder
from localstack.ways import describe, find
from servicekit.database import prepare_and_migrate
from servicekit.process import collect_seldom
from servicekit.publishing import publish, record
from servicekit.settings import Service, Settings
from servicekit.topics import apply_topics
from simulator import simulate

DIRECTORY: Final = Path("deploy/organisers.yaml")
ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """A measurement against a reference of the same run, or against what is asked for, in the same unit.

    The goal is about the ratio of the two: the least, the most, or both; neither where nothing is asked.
    """

    name: str
    value: float
    reference_name: str
    reference: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    #: What a reader must know to judge it.
    note: str = ""

    @property
    def ratio(self) -> float:
        """The measurement in units of its reference."""
        return self.value / self.reference

    @property
    def goal(self) -> str:
        """What is asked of the ratio, and whether it is so."""
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("at least", self.at_least), ("at most", self.at_most))
            if bound is not None
        ]
        if not bounds:
            return "no goal"
        low = self.at_least is None or self.ratio >= self.at_least
        high = self.at_most is None or self.ratio <= self.at_most
        return f"goal {' and '.join(bounds)}: {'met' if low and high else 'missed'}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A broker with topics, a database server, the directory of organisers."""

    brokers: str
    admin_url: str
    directory: Directory

    def settings(self, **more: Any) -> Settings:
        """Settings with databases and groups of their own."""
        mark = uuid4().hex[:8]
        return Settings(
            kafka=self.brokers, postgres=self.admin_url, database_prefix=f"b_{mark}_", group_prefix=f"b.{mark}.",
            organisers=DIRECTORY, calendar=False, **more,
        )  # fmt: skip

    async def database(self, settings: Settings, service: Service = "registry") -> None:
        """Makes the service's database."""
        await prepare_and_migrate(self.admin_url, service, settings.database_prefix)

    async def drop(self, settings: Settings, service: Service = "registry") -> None:
        """Removes the service's database."""
        admin = await asyncpg.connect(self.admin_url)
        await admin.execute(f"DROP DATABASE {settings.database_prefix}{service} WITH (FORCE)")
        await admin.close()


@contextmanager
def stage() -> Iterator[Stage]:
    """Starts what is needed and says what it is; all of it is gone afterwards."""
    with ExitStack() as cleanup:
        folder = cleanup.enter_context(throwaway_folder())
        addresses = []
        for part in ("kafka", "postgres"):
            found = find(part, folder)
            cleanup.callback(found.stop)
            print(describe(part, found.way))
            addresses.append(found.address)
        directory = load(DIRECTORY)
        asyncio.run(apply_topics(addresses[0], directory))
        yield Stage(addresses[0], addresses[1], directory)


@contextmanager
def as_in_a_service() -> Iterator[None]:
    """The cycle collector as a service's process sets it, and as it was afterwards."""
    usual = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


@asynccontextmanager
async def running(settings: Settings, *services: Service) -> AsyncIterator[list[Process]]:
    """These services as processes of their own, one for each time that a service is named."""
    stated = settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    environment = os.environ | {f"KAA_{name.upper()}": str(value) for name, value in stated.items()}
    processes: list[Process] = []
    try:
        for service in services:
            started = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "kaa",
                "run",
                service,
                env=environment,
                stderr=asyncio.subprocess.DEVNULL,
            )
            processes.append(started)
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
        for process in processes:
            await process.wait()


def year(directory: Directory, persons: int, seed: int = 1) -> list[bytes]:
    """A simulated year's events in random order, as JSON."""
    events, _ = simulate("0180", persons, "2024/25", seed, directory)
    lines = [json.dumps(event, ensure_ascii=False).encode() for event in events]
    random.Random(seed).shuffle(lines)
    return lines


async def put_on_topics(stage: Stage, lines: Sequence[bytes]) -> None:
    """Publishes events where they belong."""
    await publish(stage.brokers, [record(decode(line), line) for line in lines])


def partitions_of(directory: Directory, service: Service) -> list[TopicPartition]:
    """The organisers' and other outer partitions that a service reads."""
    outer = {
        family.name for family in read_by(service) if not family.name.startswith(("registry", "outreach"))
    }
    families = [family for family in read_by(service) if family.name in outer]
    return [
        TopicPartition(topic.name, number)
        for topic in topics_of(directory)
        for number in range(topic.partitions)
        if any(_is_of(topic.name, family.pattern) for family in families)
    ]


def _is_of(topic: str, pattern: str) -> bool:

    return re.fullmatch(pattern, topic) is not None


def median(rates: Sequence[float]) -> float:
    """The middle of the rounds."""
    return statistics.median(rates)


def told(name: str, rates: Sequence[float], unit: str = "events/s") -> float:
    """Prints a measurement with its spread; gives the median."""
    middle = median(rates)
    spread = f"({min(rates):,.0f} to {max(rates):,.0f} in {len(rates)} rounds)" if len(rates) > 1 else ""
    print(f"  {name:58} {middle:>10,.0f} {unit} {spread}", flush=True)
    return middle
