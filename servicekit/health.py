"""Health answers and metrics over HTTP: /health/startup, /health/live, /health/ready, /metrics.

*Startup*: the consumer has joined its group once. *Live*: the loop makes progress; restarting helps if not. *Ready*:
database and broker are there; debounced, since one slow answer is no reason to take a service out.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from servicekit.settings import ConfigurationError

#: Failed checks in a row after which a service is not ready any more.
DEBOUNCE = 3
CHECK_SECONDS = 2.0


@dataclass(slots=True)
class Health:
    """What is known of this process's health; ``alive`` gives the reason why not, or None."""

    alive: Callable[[], str | None] = field(default=lambda: None)
    started: bool = False
    ready: bool = False
    reason: str = "starting"
    _failures: int = 0

    def note(self, trouble: str | None) -> None:
        """Takes the result of a readiness check: None when all is well, else what is not."""
        if trouble is None:
            self._failures, self.ready, self.reason = 0, True, "ready"
            return
        self._failures += 1
        if self._failures >= DEBOUNCE or not self.ready:
            self.ready, self.reason = False, trouble

    async def watch(self, check: Callable[[], Awaitable[str | None]]) -> None:
        """Checks readiness again and again; endless."""
        while True:
            self.note(await check())
            await asyncio.sleep(CHECK_SECONDS)


def application(health: Health) -> Starlette:
    """The ASGI application with the health answers and metrics."""

    def answer(good: bool, reason: str) -> Response:
        return JSONResponse({"status": "ok" if good else "no", "reason": reason}, 200 if good else 503)

    async def startup(_: Request) -> Response:
        return answer(health.started, "started" if health.started else "starting")

    async def live(_: Request) -> Response:
        trouble = health.alive()
        return answer(trouble is None, trouble or "alive")

    async def ready(_: Request) -> Response:
        return answer(health.ready, health.reason)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/health/startup", startup),
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", metrics),
        ]
    )


class Server(uvicorn.Server):
    """Uvicorn inside a process that has its own idea of signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves SIGTERM to the process, which drains first."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    # uvicorn would end the process, with a status of its own
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OSError(f"health answers cannot listen on {host}:{port}: {error.strerror}") from None


async def serve(health: Health, host: str, port: int, address_file: Path | None) -> None:
    """Answers until cancelled. The address, whose port may be a free one, is written to ``address_file``.

    Raises ConfigurationError when there is no folder for that file, OSError when the address cannot be had.
    """
    if address_file is not None and not address_file.parent.is_dir():
        raise ConfigurationError(f"KAA_HEALTH_FOLDER: there is no folder {address_file.parent}")
    listening = _listen(host, port)
    server = Server(uvicorn.Config(application(health), log_config=None, lifespan="off", access_log=False))
    task = asyncio.create_task(server.serve([listening]))
    try:
        while not server.started:
            if task.done():
                break
            await asyncio.sleep(0.02)
        bound = listening.getsockname()
        if address_file is not None:
            draft = address_file.with_suffix(".new")
            draft.write_text(f"http://{bound[0]}:{bound[1]}\n", encoding="ascii")
            draft.replace(address_file)
        # awaited itself, the server would be cancelled along, and leave its sockets open
        await asyncio.wait({task})
        task.result()
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=3)
        if address_file is not None:
            address_file.unlink(missing_ok=True)  # noqa: ASYNC240 (one file, at the end)
