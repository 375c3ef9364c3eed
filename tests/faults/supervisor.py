"""The services of an installation as real processes, started anew when they end, as a supervisor does.

Each is a *place* to be filled, by name (``registry-1``); whoever fills it may be killed, put to sleep or replaced.
"""

import asyncio
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from servicekit.settings import SERVICES, Service
from tests.system.installation import Installation, Process

#: Where the group's session is cut short (seconds); the broker allows no less than 6.
SHORT_SESSION = 6.0
#: How long a process that was told to stop may take to finish its batch, in seconds.
_LEAVING = 60


@dataclass(slots=True)
class Place:
    """One process of a service. ``words``: what `tests.faults.victim` is told when it is started anew."""

    name: str
    service: Service
    words: tuple[str, ...]
    process: Process
    begun: float
    wanted: bool = True


@dataclass(slots=True)
class Supervisor:
    """Starts, watches and ends the processes of ``here``."""

    here: Installation
    #: Added to the environment of every process (KAA_…).
    environment: dict[str, str]
    #: None: the session that production has.
    session: float | None = SHORT_SESSION
    places: dict[str, Place] = field(default_factory=dict)
    #: (service, exit status) of those that ended without being told to; -9 for SIGKILL.
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: What must not happen to a process, in words.
    trouble: list[str] = field(default_factory=list)

    def start(self, name: str, *faults: str, always: tuple[str, ...] = ()) -> Place:
        """Fills a place; ``faults`` are for this process alone, ``always`` for each that follows it too."""
        service = next(service for service in SERVICES if name.startswith(service))
        place = self.places.get(name)
        words = place.words if place else always
        told = [*faults, *words] + ([f"--session={self.session}"] if self.session else [])
        process = self.here.start(
            service, command=("tests.faults.victim", service, *told), **self.environment
        )
        if place is None:
            place = self.places[name] = Place(name, service, words, process, time.monotonic())
        place.process, place.begun, place.wanted = process, time.monotonic(), True
        return place

    async def ready(self) -> None:
        """Returns when all of them say that they are ready."""
        await asyncio.gather(*(asyncio.to_thread(place.process.ready, 90) for place in self.places.values()))

    async def watch(self) -> None:
        """Starts anew whoever ended; endless."""
        while True:
            for place in self.places.values():
                status = place.process.popen.poll()
                if status is None or not place.wanted:
                    continue
                self.ended[place.service, status] += 1
                if status not in (1, -signal.SIGKILL):
                    end = place.process.log.read_text()[-1500:]
                    self.trouble.append(f"{place.name} ended with exit status {status}: {end}")
                self.start(place.name)
            await asyncio.sleep(0.1)

    def kill(self, name: str) -> None:
        """SIGKILL; a supervisor starts it anew."""
        self.places[name].process.popen.kill()

    async def leave(self, name: str) -> None:
        """SIGTERM: the process finishes its batch and is not started anew."""
        place = self.places[name]
        place.wanted = False
        self.wake(place.process)
        try:
            status = await asyncio.to_thread(place.process.terminate, _LEAVING)
        except subprocess.TimeoutExpired:
            place.process.popen.kill()
            end = place.process.log.read_text()[-3000:]
            self.trouble.append(f"{name} was told to stop and had not ended after {_LEAVING} s: {end}")
            return
        if status == -signal.SIGTERM and "service.started" not in place.process.log.read_text():
            return  # told to stop before it had begun to listen: it held nothing
        if status != 0:
            self.trouble.append(f"{name} was told to stop and ended with exit status {status}")

    def pause(self, name: str) -> Process:
        """SIGSTOP; gives whom to wake."""
        process = self.places[name].process
        process.popen.send_signal(signal.SIGSTOP)
        return process

    def asleep(self, name: str) -> bool:
        """Whether the process in this place was stopped by a signal."""
        try:
            return psutil.Process(self.places[name].process.popen.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    def wake(self, process: Process) -> None:
        """SIGCONT, if it is still there."""
        if process.popen.poll() is None:
            process.popen.send_signal(signal.SIGCONT)

    def in_logs(self, words: str) -> int:
        """How often a word stands in the logs of all processes there ever were."""
        return sum(process.log.read_text(errors="replace").count(words) for process in self.here.processes)
