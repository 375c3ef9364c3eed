"""Outreach's pages served as a service serves them, by processes of their own, and a browser that costs little."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import psutil
import uvloop

from localstack.ports import free_port
from servicekit.database import pool
from servicekit.process import collect_seldom
from servicekit.settings import Settings
from services.outreach.ladder_file import Ladders
from services.outreach.web import POOL, app_of
from webkit.app import serve
from webkit.site import site

#: Seconds within which the process must answer.
_PATIENCE: Final = 60


@dataclass(frozen=True, slots=True)
class Served:
    """The pages: where they answer, and what they are made by."""

    addresses: Sequence[tuple[str, int]]
    processes: Sequence[psutil.Process]

    def worked(self) -> float:
        """Seconds of a processor until now."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)


async def _serve(settings: Settings) -> None:
    async with pool(settings.database("outreach", "staff"), name="bench-web", size=POOL) as own:
        await serve(app_of(site(settings, own), Ladders({})), settings)


def _process(settings: Settings) -> None:
    collect_seldom()
    uvloop.run(_serve(settings))


@asynccontextmanager
async def served(settings: Settings, count: int) -> AsyncIterator[Served]:
    """So many processes with the pages, which answer."""
    spawn = multiprocessing.get_context("spawn")
    ports = [free_port() for _ in range(count)]
    processes = [
        spawn.Process(target=_process, args=(settings.model_copy(update={"web_port": port}),), daemon=True)
        for port in ports
    ]
    addresses = [(settings.web_host, port) for port in ports]
    for process in processes:
        process.start()
    try:
        async with asyncio.timeout(_PATIENCE):
            for address in addresses:
                await _answers(address)
        yield Served(addresses, [psutil.Process(process.pid) for process in processes])
    finally:
        for process in processes:
            process.terminate()
            await asyncio.to_thread(process.join)


async def _answers(address: tuple[str, int]) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(*address)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    """Sends a request over a connection that is kept, and reads the whole answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if head[9:12] not in {b"200", b"303"}:
        raise RuntimeError(
            f"{request.partition(b' HTTP')[0].decode()} was answered with {head[9:12].decode()}"
        )
    _, _, length = head.lower().partition(b"content-length: ")
    await reader.readexactly(int(length.partition(b"\r\n")[0]))
