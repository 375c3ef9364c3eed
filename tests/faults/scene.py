"""Where faults happen: an installation of real processes on servers that may be broken, and how each is done."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from localstack.postgres import start_postgres
from localstack.throwaway import throwaway_folder
from servicekit.settings import SERVICES
from tests.faults.cluster import Node
from tests.faults.schedule import Step
from tests.faults.slow_database import Proxy
from tests.faults.supervisor import Supervisor
from tests.system.installation import Installation, Process
from tests.system.witness import Server

#: Size of the disk that fills: four databases, their write-ahead log, and little more.
_DISK = "400m"
#: What stands in for a full disk where no file system can be mounted: every write of an event fails as it would.
_FAILING = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER fail BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail()
"""


@dataclass(slots=True)
class Scene:
    """One run's installation with what may be broken. ``nodes``: instead of ``kafka``, three brokers."""

    here: Installation
    supervisor: Supervisor
    postgres: Server
    proxy: Proxy
    kafka: Server | None = None
    nodes: list[Node] = field(default_factory=list)
    #: The folder of the database on a disk of its own; None: there is none.
    disk: Path | None = None

    async def perform(self, step: Step) -> None:
        """Lets a fault happen, and heals it: on return whatever was taken away is there again."""
        match step.what:
            case "kill":
                self.supervisor.kill(step.whom)
            case "pause":
                paused = self.supervisor.pause(step.whom)
                await asyncio.sleep(step.seconds)
                self.supervisor.wake(paused)
            case "arm":
                await self.supervisor.leave(step.whom)
                self.supervisor.start(step.whom, *step.words)
            case "asleep":
                sleeper = await self._fallen_asleep(step.whom)
                await asyncio.sleep(step.seconds)
                self.supervisor.wake(sleeper)
            case "relay asleep":
                await self._relay_asleep(step.whom)
            case "join":
                joined = self.supervisor.start(step.whom)
                await asyncio.to_thread(joined.process.ready)
            case "leave":
                await self.supervisor.leave(step.whom)
            case "connections cut":
                await self._cut()
            case "disk full":
                await self._disk_full(step.seconds)
            case "database slow":
                self.proxy.delay = 0.1
                await asyncio.sleep(step.seconds)
                self.proxy.delay = 0.0
            case "database silent":
                self.proxy.silent.set()
                await asyncio.sleep(step.seconds)
                self.proxy.silent.clear()
            case "broker lost":
                node = self.nodes[int(step.whom)]
                await asyncio.to_thread(node.kill)
                await asyncio.sleep(step.seconds)
                await asyncio.to_thread(node.start)
            case "broker stops" | "broker killed" | "database restarts" | "database killed":
                await self._away(step)

    async def _away(self, step: Step) -> None:
        server = self.kafka if step.what.startswith("broker") else self.postgres
        assert server is not None, "no single broker to stop"
        await (server.kill() if step.what.endswith("killed") else server.stop())
        await asyncio.sleep(step.seconds)
        await server.start()

    async def _fallen_asleep(self, name: str) -> Process:
        """Who sleeps at the point it was told. TimeoutError when that is not reached."""
        async with asyncio.timeout(30):
            while not self.supervisor.asleep(name):
                await asyncio.sleep(0.05)
        return self.supervisor.places[name].process

    async def _relay_asleep(self, name: str) -> None:
        """Waits until the process sleeps at its point and another published what it was about to; then wakes it."""
        sleeper = await self._fallen_asleep(name)
        mine = await self.turn()
        (row,) = await self.here.fetch("SELECT max(seq) FROM outbox")
        async with asyncio.timeout(40):
            while await self.turn() in (None, mine) or await self._waits_in_outbox(row[0]):
                await asyncio.sleep(0.1)
        self.supervisor.wake(sleeper)

    async def _waits_in_outbox(self, seq: int) -> bool:
        return bool(await self.here.fetch("SELECT FROM outbox WHERE seq <= $1 LIMIT 1", seq))

    async def turn(self) -> UUID | None:
        """Which relay of the registry has the turn."""
        rows = await self.here.fetch("SELECT holder FROM relay_turn WHERE until > now()")
        holder: UUID | None = rows[0][0] if rows else None
        return holder

    async def _cut(self) -> None:
        admin = await asyncpg.connect(self.here.settings.postgres)
        try:
            await admin.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE starts_with(datname, $1) AND pid <> pg_backend_pid()""",
                self.here.settings.database_prefix,
            )
        finally:
            await admin.close()

    async def _disk_full(self, seconds: float) -> None:
        if self.disk is None:
            await self._writes_fail(seconds)
            return
        ballast = self.disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 65_536):
                    pass
            except OSError:
                pass  # no space left on device: as it is meant to be
        await asyncio.sleep(seconds)
        ballast.unlink()
        # a database that cannot write its log ends itself; somebody makes room and starts it again
        await self.postgres.start()

    async def _writes_fail(self, seconds: float) -> None:
        tables = {s: "event_log" if s == "registry" else "inbox" for s in SERVICES}
        for service, table in tables.items():
            await self.here.as_owner(_FAILING.format(table=table), service)
        await asyncio.sleep(seconds)
        for service in tables:
            await self.here.as_owner("DROP FUNCTION fail CASCADE", service)


@contextmanager
def database_on_a_small_disk() -> Iterator[tuple[Server, Path | None]]:
    """A database server on a file system of its own that can be filled, with the folder to fill.

    None where no file system can be mounted (that takes root on Linux): writes are then made to fail instead.
    """
    with throwaway_folder() as folder:
        place = folder / "postgres"
        place.mkdir()
        mounted = os.geteuid() == 0 and _mount(place)
        server = Server(start_postgres, place, start_postgres(place))
        try:
            yield server, place if mounted else None
        finally:
            server.running.stop()
            if mounted:
                subprocess.run(["umount", "--lazy", str(place)], check=True)


def _mount(place: Path) -> bool:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=0755", "tmpfs", str(place)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0
