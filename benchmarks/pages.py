"""Every page of outreach that shows something, and the search: 20 people at once, in a municipality with 7,000
covered persons and 50,000 tasks, beside two more of its size.

The application is served as a service serves it, by processes of its own. Each user asks for a page twice a second,
at moments of her own: faster than people click. The reference is the page's bare SQL: the very statements that it
sent for each of those users, recorded once, in their transactions and as the role of staff, by 20 connections at the
same pace. What is asked of a page at the 95th percentile: at most three times its bare SQL, and 5 ms. Each round has
its own percentile, and the middle of them counts: else one moment in which the machine is at something else says what
it is. And how many pages a second there are when each user asks again as soon as she has her answer: then the
processors are the limit.
"""

import asyncio
import pkgutil
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
from fastapi import APIRouter
from fastapi.routing import APIRoute

from benchmarks.municipalities import fill
from benchmarks.served import Served, ask, served
from benchmarks.stage import Figure, Stage
from localstack.ports import free_port
from servicekit.database import Connection, connect, new_pool
from servicekit.settings import Settings
from servicekit.viewers import Role
from services.outreach import pages as groups
from services.outreach.ladder_file import Ladders
from services.outreach.web import app_of
from webkit.csrf import FIELD, token_of
from webkit.sessions import Token, open_session
from webkit.site import Site, site

_PLACES: Final = ("0180", "1480", "1280")
_HERE: Final = _PLACES[0]
_ROUNDS: Final = 3
#: How often each user asks for a page in a round, and the seconds in between, on average.
_ASKED: Final = 5
_PACE: Final = 0.5
_ISSUER: Final = "bench"
_ISSUERS: Final = """
issuers:
  - name: bench
    title: Bench
    issuer: https://bench.example
    client_id: kaa
    municipalities: ["0180"]
    roles:
      - {claim: roles, value: outreach, role: outreach, municipality: "0180"}
"""
_ROLES: Final[Mapping[str, Sequence[Role]]] = {"o": ("outreach", "leader"), "r": ("registrar",)}
#: What is asked of a page: so many times its bare SQL, and so many milliseconds.
_TIMES: Final = 3
_MORE: Final = 5.0

# What an address names, one for each user: somebody with all that a page can show.
_NAMED: Final[Mapping[str, str]] = {
    "person_id": "SELECT person_id FROM measure JOIN {seen} USING (person_id) ORDER BY person_id LIMIT $2",
    "task_id": "SELECT task_id FROM task JOIN {seen} USING (person_id) ORDER BY person_id LIMIT $2",
    "contact_id": "SELECT contact_id FROM contact JOIN {seen} USING (person_id) ORDER BY contact_id LIMIT $2",
    "measure_id": "SELECT measure_id FROM measure JOIN {seen} USING (person_id) ORDER BY measure_id LIMIT $2",
    "name": "SELECT given_name || ' ' || left(family_name, 3) FROM {seen} ORDER BY person_id LIMIT $2",
    "number": "SELECT identity_number FROM {seen} ORDER BY person_id LIMIT $2",
    "shielded": """
      SELECT person_id FROM task WHERE municipality = $1 AND waits_for = 'routing' GROUP BY 1 ORDER BY 1 LIMIT $2
    """,
}
_SEEN: Final = """
(SELECT * FROM person WHERE municipality = $1 AND protection = 'none') AS seen
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is, and how often it is asked for."""

    persons: int = 7_000
    tasks: int = 50_000
    users: int = 20
    rounds: int = _ROUNDS
    asked: int = _ASKED
    pace: float = _PACE
    #: That serve the pages, as behind a proxy that deals its connections out in turn.
    processes: int = 2


@dataclass(frozen=True, slots=True)
class _Page:
    """A page as one user asks for it: the request as sent, and the statements that it takes."""

    request: bytes
    statements: Sequence[tuple[str, Sequence[Any]]]


@dataclass(slots=True)
class _Seconds:
    """How long each answer took, by rounds; and a processor worked for all of them, here and where they are made.

    ``rushed``: of as many answers, the time from the first to the last when nobody waits before she asks again.
    """

    served: list[list[float]] = field(default_factory=list)
    bare: list[list[float]] = field(default_factory=list)
    asking: float = 0.0
    answering: float = 0.0
    rushed: float = 0.0


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of every page: all that are asked for with GET, and the search's answer."""
    for module in pkgutil.iter_modules(groups.__path__):
        router = getattr(import_module(f"{groups.__name__}.{module.name}"), "router", None)
        if isinstance(router, APIRouter):
            for route in router.routes:
                if isinstance(route, APIRoute) and route.path != "/":
                    yield from (("GET", route.path) for method in route.methods or () if method == "GET")
    yield from (("POST", "/search for a name"), ("POST", "/search for a number"))


async def _recite(connection: Connection, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
    for statement, given in statements:
        if given:
            await connection.fetch(statement, *given)
        else:
            await connection.execute(statement)


async def _written(
    settings: Settings, named: Mapping[str, Sequence[Any]], users: int
) -> list[dict[str, _Page]]:
    """Each page as each user asks for it, answered once to learn its statements."""
    sent: list[tuple[str, Sequence[Any]]] = []
    async with new_pool(settings.database("outreach", "staff"), name="bench", size=1) as own:
        found = site(settings, own)
        async with own.acquire() as connection:
            connection.add_query_logger(lambda record: sent.append((record.query, record.args)))
        transport = httpx.ASGITransport(app_of(found, Ladders({})))
        async with httpx.AsyncClient(transport=transport, base_url=found.address) as client:

            async def written(user: int) -> dict[str, _Page]:
                tokens = await _logged_in(own, user)
                asked = {
                    f"{method} {path}": _request(client, found, method, path, tokens, named, user)
                    for method, path in routes()
                }
                return {name: await _learnt(client, request, sent) for name, request in asked.items()}

            # the first time the connection learns about types
            await written(0)
            return [await written(user) for user in range(users)]


async def _logged_in(pool: asyncpg.Pool, user: int) -> Mapping[str, Token]:
    """Two sessions of one user: as who works and leads, and as the registrar."""
    return {
        name: await open_session(
            pool, _ISSUER, f"{name}{user}", f"Kim {user}", frozenset((_HERE, role) for role in roles)
        )
        for name, roles in _ROLES.items()
    }


def _request(
    client: httpx.AsyncClient, found: Site, method: str, path: str, tokens: Mapping[str, Token],
    named: Mapping[str, Sequence[Any]], user: int,
) -> httpx.Request:  # fmt: skip
    routing = path.startswith("/routing")
    token = tokens["r" if routing else "o"]
    ids = {name: values[user % len(values)] for name, values in named.items()}
    if routing:
        ids["person_id"] = ids["shielded"]
    form = {FIELD: token_of(token), "sought": ids["number" if path.endswith("number") else "name"]}
    return client.build_request(
        method, path.partition(" ")[0].format(**ids), data=form if method == "POST" else None,
        headers={"cookie": f"{found.cookie('session')}={token.value}", "sec-fetch-site": "same-origin"},
    )  # fmt: skip


async def _learnt(
    client: httpx.AsyncClient, request: httpx.Request, sent: list[tuple[str, Sequence[Any]]]
) -> _Page:
    sent.clear()
    answer = await client.send(request)
    if answer.status_code not in {200, 303}:
        raise RuntimeError(f"{request.method} {request.url.path} was answered with {answer.status_code}")
    head = f"{request.method} {request.url.path} HTTP/1.1\r\n".encode()
    fields = b"".join(name + b": " + value + b"\r\n" for name, value in request.headers.raw)
    return _Page(head + fields + b"\r\n" + request.content, tuple(sent))


async def _timed(times: list[float], often: int, pace: float, work: Callable[[], Awaitable[None]]) -> None:
    for _ in range(often):
        await asyncio.sleep(random.uniform(0, 2 * pace))
        begun = time.perf_counter()
        await work()
        times.append(time.perf_counter() - begun)


async def measured(stage: Stage, size: Size) -> dict[str, _Seconds]:
    """Asks for every page and recites its statements by turns, all users at once."""
    with TemporaryDirectory() as folder:
        issuers = Path(folder, "issuers.yaml")
        issuers.write_text(_ISSUERS, encoding="utf-8")  # noqa: ASYNC240 (one file, before anything is measured)
        settings = stage.settings(
            issuers=issuers, web_plain_http=True, web_address=f"http://127.0.0.1:{free_port()}"
        )
        await stage.database(settings, "outreach")
        admin = await connect(
            urlunsplit(urlsplit(stage.admin_url)._replace(path=f"/{settings.database_prefix}outreach"))
        )
        await fill(
            admin, _PLACES, persons=size.persons, tasks=size.tasks, who=f"{_ISSUER}:o", workers=size.users
        )
        named = {}
        for name, query in _NAMED.items():
            named[name] = [row[0] for row in await admin.fetch(query.format(seen=_SEEN), _HERE, size.users)]
        users = await _written(settings, named, size.users)
        try:
            return await _by_turns(settings, users, size)
        finally:
            await admin.close()
            await stage.drop(settings, "outreach")


async def _by_turns(
    settings: Settings, users: Sequence[Mapping[str, _Page]], size: Size
) -> dict[str, _Seconds]:
    seconds: defaultdict[str, _Seconds] = defaultdict(_Seconds)
    address = settings.database("outreach", "staff")
    async with AsyncExitStack() as opened:
        pages = await opened.enter_async_context(served(settings, size.processes))
        connections = [await connect(address, timezone="UTC") for _ in users]
        for connection in connections:
            opened.push_async_callback(connection.close)
        for turn in range(size.rounds + 1):
            for name in users[0]:
                # the first round finds cold caches
                kept, often = (seconds[name], size.asked) if turn else (_Seconds(), 1)
                asked = [user[name] for user in users]
                await _visit(pages, asked, kept, often, size.pace)
                kept.bare.append([])
                await asyncio.gather(
                    *(
                        _timed(kept.bare[-1], often, size.pace, partial(_recite, at, page.statements))
                        for at, page in zip(connections, asked, strict=True)
                    )
                )
    return seconds


async def _visit(pages: Served, asked: Sequence[_Page], kept: _Seconds, often: int, pace: float) -> None:
    # opened anew for each page, but outside of what is measured: the server closes what is idle for five seconds
    addresses = cycle(pages.addresses)
    browsers = [await asyncio.open_connection(*next(addresses)) for _ in asked]

    async def ask_all(times: list[float], pace: float) -> None:
        await asyncio.gather(
            *(
                _timed(times, often, pace, partial(ask, *browser, page.request))
                for browser, page in zip(browsers, asked, strict=True)
            )
        )

    asking, answering = time.process_time(), pages.worked()
    kept.served.append([])
    await ask_all(kept.served[-1], pace)
    kept.asking += time.process_time() - asking
    kept.answering += pages.worked() - answering
    begun = time.perf_counter()
    await ask_all([], 0)
    kept.rushed += time.perf_counter() - begun
    for _, writer in browsers:
        writer.close()
        await writer.wait_closed()


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figures."""
    size = Size()
    print(
        f"Pages, {size.users} users at once, each asking every {size.pace} s: {size.persons:,} covered persons and "
        f"{size.tasks:,} tasks in each of {len(_PLACES)} municipalities; milliseconds, and pages a second in a rush"
    )
    return figures(await measured(stage, size))


def figures(found: Mapping[str, _Seconds]) -> list[Figure]:
    """Prints the measurements, with the processor's time an answer took here and where it was made; as figures."""
    columns = ("median", "p95", "bare", "p95", "allowed", "asking", "making", "a second")
    print(f"  {'':44} {' '.join(f'{column:>8}' for column in columns)}")
    return [_figure(name, seconds) for name, seconds in found.items()]


def _figure(name: str, seconds: _Seconds) -> Figure:
    served, bare = _milliseconds(seconds.served), _milliseconds(seconds.bare)
    allowed = _TIMES * bare[1] + _MORE
    answers = sum(map(len, seconds.served))
    worked = (1000 * each / answers for each in (seconds.asking, seconds.answering))
    columns = (*served, *bare, allowed, *worked, answers / seconds.rushed)
    print(f"  {name:44} {' '.join(f'{column:8.1f}' for column in columns)}", flush=True)
    return Figure(
        f"{name}, p95", served[1], f"{_TIMES} × its bare SQL's p95 + {_MORE:g} ms", allowed, "ms", at_most=1,
        note=f"medians {served[0]:.1f} and {bare[0]:.1f} ms; bare p95 {bare[1]:.1f} ms; in a rush "
        f"{answers / seconds.rushed:.0f} pages a second",
    )  # fmt: skip


def _milliseconds(rounds: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The median and the 95th percentile, each the middle of the rounds' own."""
    percentiles = [
        (statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]) for seconds in rounds
    ]
    median, p95 = (1000 * statistics.median(each) for each in zip(*percentiles, strict=True))
    return median, p95
