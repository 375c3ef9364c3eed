"""One trial: an installation, a history and a schedule of faults from one seed; and what the checker says of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aiokafka.errors import KafkaError

from localstack.kafka import start_kafka
from localstack.postgres import start_postgres
from localstack.throwaway import throwaway_folder
from servicekit.database import DATABASE_ERRORS
from servicekit.settings import SERVICES
from services.registry.scheduler import move_day
from tests.faults.checker import Sending, Verdict, check
from tests.faults.cluster import Node, address, three_brokers
from tests.faults.history import Sent, history
from tests.faults.scene import Scene, database_on_a_small_disk
from tests.faults.schedule import PLACES, Kind, Need, Schedule, Step
from tests.faults.slow_database import before
from tests.faults.supervisor import SHORT_SESSION, Supervisor
from tests.faults.telling import tell
from tests.system.installation import ORGANISERS, installed
from tests.system.witness import Server

#: The stated time: so many seconds after the last fault is healed everything said has taken effect, and no event
#: waits for longer than that and the longest single fault.
AT_REST_WITHIN = 60.0
#: The business day moves while the history is told; on the last of these days the register is compared.
DAYS = (date(2024, 9, 30), date(2025, 1, 31), date(2025, 6, 30))


@dataclass(frozen=True, slots=True)
class Stack:
    """Servers that a trial may break: one broker or three, and a database."""

    postgres: Server
    kafka: Server | None = None
    nodes: tuple[Node, ...] = ()
    disk: Path | None = None

    @property
    def brokers(self) -> str:
        """The brokers' addresses."""
        return self.kafka.address if self.kafka is not None else address(list(self.nodes))


@contextmanager
def stack(need: Need | None) -> Iterator[Stack]:
    """Starts what trials of a kind need; all of it is gone afterwards."""
    with throwaway_folder() as folder:
        if need == "three brokers":
            with three_brokers() as nodes:
                postgres = Server(start_postgres, folder / "postgres", start_postgres(folder / "postgres"))
                yield Stack(postgres, nodes=tuple(nodes))
            return
        kafka = Server(start_kafka, folder / "kafka", start_kafka(folder / "kafka"))
        if need == "small disk":
            with database_on_a_small_disk() as (postgres, disk):
                yield Stack(postgres, kafka, disk=disk)
            return
        yield Stack(Server(start_postgres, folder / "postgres", start_postgres(folder / "postgres")), kafka)


@dataclass(slots=True)
class Outcome:
    """What came of a trial."""

    kind: str
    seed: int
    verdict: Verdict
    seconds: float = 0.0
    #: Seconds from the last fault healed and the last event said until everything had taken effect.
    rested_after: float = 0.0
    killed: int = 0
    fenced: int = 0
    retried: int = 0
    gave_up: int = 0


async def trial(kind: Kind, stack: Stack, seed: int, events: int | None = None) -> Outcome:
    """Tells a history (of about ``events``, if not the kind's number) while its faults happen; checks everything."""
    schedule = kind.making(Random(f"{kind.name} {seed}"), kind.seconds)
    count = events or kind.events
    begun = time.monotonic()
    async with scene_of(stack, schedule, ORGANISERS) as scene:
        told = _history(f"{kind.name} {seed}", count, scene, schedule)
        watching = asyncio.create_task(scene.supervisor.watch())
        try:
            outcome = await _under_faults(kind, seed, scene, schedule, told, count)
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        outcome.seconds = time.monotonic() - begun
        return outcome


async def _under_faults(
    kind: Kind, seed: int, scene: Scene, schedule: Schedule, told: Iterable[Sent], count: int
) -> Outcome:
    supervisor, sending = scene.supervisor, Sending()
    async with asyncio.TaskGroup() as group:
        group.create_task(tell(scene.here.brokers, told, sending, count / kind.seconds))
        group.create_task(perform(scene, schedule.steps))
        group.create_task(move_days(scene, kind.seconds))
    healed = time.monotonic()
    rested = await at_rest(scene, AT_REST_WITHIN)
    verdict = Verdict()
    outcome = Outcome(kind.name, seed, verdict, rested_after=time.monotonic() - healed)
    if rested:
        verdict.violations.append(f"{AT_REST_WITHIN:.0f} s after the last fault: {rested}")
    else:
        outcome.verdict = verdict = await check(scene.here, sending, DAYS[-1])
        most = AT_REST_WITHIN + schedule.longest
        verdict.unless(verdict.longest_wait <= most, f"an event waited {verdict.longest_wait:.0f} s")
    await asyncio.gather(*(supervisor.leave(n) for n, p in supervisor.places.items() if p.wanted))
    verdict.violations += supervisor.trouble
    outcome.killed = sum(count for (_, status), count in supervisor.ended.items() if status == -9)
    outcome.gave_up = sum(count for (_, status), count in supervisor.ended.items() if status == 1)
    outcome.fenced = supervisor.in_logs("relay.fenced")
    outcome.retried = supervisor.in_logs("batch.retried")
    if kind.proof is not None:
        verdict.unless(getattr(outcome, kind.proof) > 0, f"the fault did not happen: nobody was {kind.proof}")
    return outcome


@asynccontextmanager
async def scene_of(
    stack: Stack, schedule: Schedule, organisers: object, session: float | None = SHORT_SESSION
) -> AsyncIterator[Scene]:
    """An installation whose processes are ready; all of it is gone afterwards."""
    async with AsyncExitStack() as cleanup:
        folder = Path(cleanup.enter_context(TemporaryDirectory(prefix="kaa-faults-")))
        here = await cleanup.enter_async_context(
            installed(stack.brokers, stack.postgres.address, folder, organisers)
        )
        await here.set_day(DAYS[0])
        proxy = await cleanup.enter_async_context(before(stack.postgres.address))
        supervisor = Supervisor(here, {"KAA_POSTGRES": proxy.address}, session)
        scene = Scene(here, supervisor, stack.postgres, proxy, stack.kafka, list(stack.nodes), stack.disk)
        alone = [step.whom for step in schedule.steps if step.what == "relay asleep"]
        for name in alone:
            # the relay that will sleep is the one that publishes: it has the turn before another process comes
            supervisor.start(name, *schedule.first.get(name, ()))
            await supervisor.ready()
            while await scene.turn() is None:
                await asyncio.sleep(0.1)
        for name in PLACES:
            if name not in alone:
                supervisor.start(name, *schedule.first.get(name, ()), always=schedule.always.get(name, ()))
        await supervisor.ready()
        yield scene


def _history(seed: str, events: int, scene: Scene, schedule: Schedule) -> Iterable[Sent]:
    told = history(seed, events // schedule.copies, scene.here.directory, poison_every=schedule.poison_every)
    if not schedule.shuffled:
        return told
    every = list(told) * schedule.copies
    Random(seed).shuffle(every)
    return every


async def perform(scene: Scene, steps: Iterable[Step], over: asyncio.Event | None = None) -> None:
    """Lets faults happen, each at its time from now on and not before the one before is healed.

    ``over``: no further one once it is set.
    """
    begun = time.monotonic()
    ended = over or asyncio.Event()
    for step in steps:
        try:
            await asyncio.wait_for(ended.wait(), max(0.0, begun + step.at - time.monotonic()))
            return
        except TimeoutError:
            await _performed(scene, step)


async def _performed(scene: Scene, step: Step) -> None:
    try:
        await scene.perform(step)
    except TimeoutError:
        scene.supervisor.trouble.append(f"the fault did not happen: {step.what} {step.whom}")


async def move_days(scene: Scene, seconds: float) -> None:
    """Moves the business day on, whenever there is a database to move it in."""
    for day in DAYS[1:]:
        await asyncio.sleep(seconds * 0.8 / len(DAYS))
        while True:
            try:
                async with asyncio.timeout(10), scene.here.pool() as pool:
                    await move_day(pool, day)
                break
            except DATABASE_ERRORS:
                await asyncio.sleep(0.5)


async def at_rest(scene: Scene, seconds: float) -> str | None:
    """Waits until everything said has taken effect; says in words what has not, when the time is over."""
    until = time.monotonic() + seconds
    quiet = 0
    waiting = "nothing is known"
    while quiet < 2:
        if time.monotonic() > until:
            return waiting
        try:
            waiting = await asyncio.wait_for(_waiting(scene), 20)
        except (KafkaError, *DATABASE_ERRORS) as error:
            waiting = f"{type(error).__name__} when asked"
        quiet = 0 if waiting else quiet + 1
        await asyncio.sleep(0.1)
    return None


async def _waiting(scene: Scene) -> str:
    here = scene.here
    behind = {service: await here.lag(service) for service in SERVICES}
    found = [f"{service}: {count} records behind" for service, count in behind.items() if count]
    for service in SERVICES:
        (row,) = await here.fetch("SELECT count(*) FROM outbox", service=service)
        if row[0]:
            found.append(f"{service}: {row[0]} in the outbox")
        for topic, reason in await here.fetch("SELECT topic, reason FROM paused_topic", service=service):
            found.append(f"{service}: {topic} is paused, {reason}")
    (row,) = await here.fetch("SELECT count(*) FROM waking WHERE day <= (SELECT day FROM business_day)")
    if row[0]:
        found.append(f"registry: {row[0]} persons whose day has come")
    return ", ".join(found)
