"""A TCP proxy before the database: passes on, lets wait, falls silent, or hangs up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from localstack.ports import HOST


@dataclass(slots=True)
class Proxy:
    """``delay``: seconds that each piece of an answer takes longer. ``silent``: nothing is passed on meanwhile."""

    target: str
    address: str = ""
    delay: float = 0.0
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        url = urlsplit(self.target)
        try:
            far_reader, far_writer = await asyncio.open_connection(url.hostname, url.port)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._pass(reader, far_writer, False), self._pass(far_reader, writer, True))
        finally:
            self._writers -= {writer, far_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        try:
            while piece := await reader.read(65_536):
                if answers and self.delay:
                    await asyncio.sleep(self.delay)
                while self.silent.is_set():
                    await asyncio.sleep(0.05)
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def hang_up(self) -> None:
        """Closes every connection, without a word to either side."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def before(target: str) -> AsyncIterator[Proxy]:
    """A proxy before the server at an address ``postgresql://…``; its own address is the same but for the port."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy._serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    url = urlsplit(target)
    netloc = f"{url.netloc.rpartition(':')[0]}:{port}"
    proxy.address = urlunsplit(url._replace(netloc=netloc))
    try:
        yield proxy
    finally:
        proxy.hang_up()
        server.close()
