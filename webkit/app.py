"""An application for people and programs out of its routes: login, headers, limits and errors around them.

A service gives its pages, its API (which lies below ``/api``), its navigation and its folder of templates. Each route
asks for its viewer (``webkit.access``): nothing here does it in its stead.
"""

import asyncio
import gc
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.identifiers import MUNICIPALITIES
from servicekit.database import DATABASE_ERRORS, is_transient
from servicekit.health import Server
from servicekit.settings import Settings
from servicekit.viewers import Role
from webkit import csrf, login
from webkit.access import Elsewhere
from webkit.headers import Headers, harden
from webkit.limits import BodyLimit
from webkit.pages import Account, Around, Link, furnish
from webkit.problems import ANSWER, API, FAILED, UNAVAILABLE, Problem, answer, of_http, of_validation
from webkit.sessions import Session
from webkit.site import Site

log = structlog.get_logger()

#: A page leaves some 330 objects in cycles. The collector comes at 2,000 and takes 2 ms; at the 50,000 of a process
#: that only works off batches it took 100 ms, and all who asked at the moment waited (decision 15).
_COLLECTED: Final = (2_000, 50, 50)

#: The entries of the navigation for somebody with these roles.
Navigation = Callable[[frozenset[Role]], Sequence[Link]]


def application(
    name: str,
    site: Site,
    pages: Sequence[APIRouter],
    api: Sequence[APIRouter] = (),
    *,
    folder: Path | None = None,
    navigation: Navigation = lambda _: (),
) -> FastAPI:
    """The application of a service. ``name`` is an English text; ``folder`` has its ``templates`` and ``locale``."""
    app = FastAPI(
        title=name,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        # what FastAPI would tell a tracer holds addresses, and so what was searched for, and codes of logins
        telemetry={"tracing": False, "metrics": False, "logs": False},
        dependencies=[Depends(csrf.checked)],
    )
    app.state.site = site
    furnish(app, name, folder, _around(navigation))
    for router in (login.router, *pages):
        app.include_router(router, include_in_schema=False)
    for router in api:
        app.include_router(router, prefix=API.rstrip("/"), responses={"default": ANSWER})
    _say_what_went_wrong(app, secure=site.secure)
    app.add_middleware(BodyLimit)
    app.add_middleware(Headers, secure=site.secure)
    return app


async def serve(app: FastAPI, settings: Settings) -> None:
    """Answers at KAA_WEB_HOST and KAA_WEB_PORT until cancelled. Raises OSError when the address cannot be had."""
    listening = _listen(settings.web_host, settings.web_port)
    gc.set_threshold(*_COLLECTED)
    server = Server(
        uvicorn.Config(
            app,
            log_config=None,
            # an address may hold what was searched for, or a code of a login
            access_log=False,
            server_header=False,
            lifespan="off",
            proxy_headers=True,
            forwarded_allow_ips=settings.web_proxies,
        )
    )
    task = asyncio.create_task(server.serve([listening]))
    try:
        # awaited itself, the server would be cancelled along, and leave its sockets open
        await asyncio.wait({task})
        task.result()
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=5)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OSError(f"the pages cannot listen on {host}:{port}: {error.strerror}") from None


def _around(navigation: Navigation) -> Callable[[Request], Around]:
    def around(request: Request) -> Around:
        session: Session | None = getattr(request.state, "session", None)
        if session is None:
            return Around()
        place = session.chosen
        account = Account(
            session.name,
            MUNICIPALITIES[place] if place else "",
            leave="/logout",
            change="/choose" if len(session.municipalities) > 1 else None,
        )
        links = navigation(session.roles(place)) if place else ()
        return Around(links, account, login.csrf_token(request))

    return around


def _say_what_went_wrong(app: FastAPI, *, secure: bool) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return answer(request, error)

    @app.exception_handler(Elsewhere)
    async def elsewhere(_: Request, error: Elsewhere) -> Response:
        return RedirectResponse(error.path, 303)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, of_validation(error))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return answer(request, of_http(error))

    async def database(request: Request, error: Exception) -> Response:
        if not is_transient(error):
            return await failed(request, error)
        log.warning("web.database_away", exc_info=error)
        return answer(request, Problem(UNAVAILABLE, headers={"Retry-After": "30"}))

    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, database)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        log.error("web.failed", exc_info=error)
        response = answer(request, Problem(FAILED))
        # this one answer is made outside of all middleware
        harden(response.headers, secure=secure)
        return response
