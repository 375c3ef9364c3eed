"""The long run: a million events of four services' work while everything breaks, one thing after another."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from aiokafka.errors import KafkaError

from servicekit.settings import SERVICES
from tests.faults import page
from tests.faults.checker import Sending, Verdict, check
from tests.faults.history import history
from tests.faults.scene import Scene
from tests.faults.schedule import LONG, Step, mixed
from tests.faults.telling import tell
from tests.faults.trial import DAYS, Stack, at_rest, move_days, perform, scene_of, stack

EVENTS: Final = 1_000_000
DIRECTORY: Final = Path("deploy/organisers.yaml")
#: Seconds from one fault to the next, about; in a run of less than 80,000 events they come closer.
_EVERY = 40.0
#: Records that may wait for some service, of all four together: more would measure how long the queue is.
_WINDOW = 20_000
#: Records a second that are said while the services keep up.
_PACE = 5_000.0
#: The stated time: so long may an event wait here, where a killed process keeps its partitions for 30 s, a pause
#: lasts up to 40 s, and what was said meanwhile stands in line. After the last fault all is at rest within it too.
STATED: Final = 150.0
#: Seconds from one line of progress to the next.
_TOLD_EVERY = 10.0


def main(seed: int, events: int) -> int:
    """Runs, prints and writes the page's section; gives the exit status."""
    with stack(None) as servers:
        verdict, happened, seconds, rested = asyncio.run(_run(servers, seed, events))
    for violation in verdict.violations:
        print(f"VIOLATION: {violation}")
    page.write_long(_text(seed, events, verdict, happened, seconds, rested))
    print(f"written: {page.PAGE}")
    return 1 if verdict.violations else 0


async def _run(servers: Stack, seed: int, events: int) -> tuple[Verdict, Counter[str], float, float]:
    happened: Counter[str] = Counter()
    sending = Sending()
    begun = time.monotonic()
    async with scene_of(servers, LONG, DIRECTORY, session=None) as scene:
        watching = asyncio.create_task(scene.supervisor.watch())
        over = asyncio.Event()
        faults = asyncio.create_task(
            perform(scene, _counted(seed, min(_EVERY, events / 2_000), happened), over)
        )
        days = asyncio.create_task(move_days(scene, events / 2_000))
        pace = _Pace(scene)
        telling = asyncio.create_task(_progress(scene, sending, pace, happened, events))
        told = history(seed, events, scene.here.directory, poison_every=LONG.poison_every)
        try:
            await tell(servers.brokers, told, sending, _PACE, pace.keep)
            said_for = time.monotonic() - begun
            over.set()
            await faults  # the one under way is healed
            await days
            healed = time.monotonic()
            late = await at_rest(scene, STATED)
            rested = time.monotonic() - healed
            telling.cancel()
            print(f"all said in {said_for:.0f} s, at rest {rested:.0f} s later; checking", flush=True)
            verdict = Verdict(violations=[late]) if late else await check(scene.here, sending, DAYS[-1])
        finally:
            for task in (watching, faults, days, telling):
                task.cancel()
        verdict.unless(verdict.longest_wait <= STATED, f"an event waited {verdict.longest_wait:.0f} s")
        verdict.violations += scene.supervisor.trouble
        killed = sum(count for (_, status), count in scene.supervisor.ended.items() if status == -9)
        happened["processes killed, by us or at a point"] = killed
        return verdict, happened, said_for, rested


def _counted(seed: int, every: float, happened: Counter[str]) -> Iterator[Step]:
    for step in mixed(Random(f"long {seed}"), every):
        yield step
        happened[step.what] += 1


class _Pace:
    """Holds the telling back while more than the window is said that some service has yet to take up."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._asked = 0.0
        #: Records that wait for some service, as last counted.
        self.behind = 0

    async def keep(self) -> None:
        """Returns when the services keep up; counts again after a second."""
        while True:
            if time.monotonic() - self._asked >= 1:
                await self._count()
                self._asked = time.monotonic()
            if self.behind <= _WINDOW:
                return
            await asyncio.sleep(0.5)

    async def _count(self) -> None:
        try:
            self.behind = await asyncio.wait_for(self._scene.here.lag(*SERVICES), 10)
        except (OSError, TimeoutError, KafkaError):
            self.behind = 10 * _WINDOW  # nobody knows: the broker is away


async def _progress(scene: Scene, sending: Sending, pace: _Pace, happened: Counter[str], events: int) -> None:
    begun = time.monotonic()
    while True:
        await asyncio.sleep(_TOLD_EVERY)
        print(
            f"{time.monotonic() - begun:6.0f} s  said {sending.records:9,} of about {events:,}  "
            f"waiting {pace.behind if pace.behind < 5 * _WINDOW else 'unknown':>7}  "
            f"faults {happened.total()}  ended {sum(scene.supervisor.ended.values())}",
            flush=True,
        )


def _text(
    seed: int, events: int, verdict: Verdict, happened: Counter[str], seconds: float, rested: float
) -> str:
    faults = "\n".join(f"| {what} | {count} |" for what, count in sorted(happened.items()))
    lost = (
        "as one clean pass" if not verdict.violations else "**violations**: " + "; ".join(verdict.violations)
    )
    return (
        f"{verdict.records:,} records about {verdict.persons:,} persons, said in {seconds:.0f} s under faults all\n"
        "the time, two clocks 30 hours wrong, the group's session as in production (30 s). Of the records\n"
        f"{verdict.duplicates:,} repeated another and {verdict.letters:,} were to be refused. Outcome: {lost}.\n\n"
        f"Stated: no event waits longer than {STATED:.0f} s, and all is at rest {STATED:.0f} s after the last\n"
        f"fault. Measured: {verdict.longest_wait:.0f} s and {rested:.0f} s.\n\n"
        f"| what happened | times |\n|---|---|\n{faults}\n\n"
        f"Again: `make faults ARGS='--long --seed {seed} --events {events}'`.\n"
    )
