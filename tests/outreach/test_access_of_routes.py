"""All that can be asked of outreach over HTTP, with any ids of two municipalities: nothing foreign comes of it."""

import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicekit.calendar import today
from servicekit.database import Connection, connect, new_pool
from servicekit.settings import role_url
from tests.databases import throwaway_database
from tests.outreach.askers import Asker, Given, Neighbour, forbidden, fresh, neighbours
from tests.outreach.programs import application
from tests.outreach.test_access_of_functions import rows_of

DAY: Final = today().isoformat()
LATER: Final = (today() + timedelta(days=3)).isoformat()
SAID: Final = {"channel": "phone", "outcome": "reached", "on": DAY}
PLAN: Final = {"kind": "guidance", "content": "Tre samtal", "from_day": DAY}
ENDED: Final = {"to_day": DAY, "reason": "other"}
WHY: Final = "Har gjort det förut"
#: Of the login alone: they show no person and take no id of one.
OF_LOGIN: Final = {
    "GET /login", "GET /login/{name}", "GET /login/{name}/answer", "GET /choose", "POST /choose", "POST /logout",
    "GET /logged-out", "GET /api/openapi.json",
}  # fmt: skip
#: What is sent to each route beside what stands in its address.
ASKED: Final[dict[str, Callable[[Given], dict[str, Any]]]] = {
    "GET /": lambda _: {},
    "GET /team": lambda _: {},
    "GET /asleep": lambda x: {"after": f"2026-01-01.0.2026-01-01.{x.task}"},
    "GET /mine": lambda _: {},
    "POST /next": lambda _: {},
    "GET /tasks/{task_id}": lambda _: {},
    "POST /tasks/{task_id}/take": lambda _: {},
    "POST /tasks/{task_id}/keep": lambda _: {},
    "POST /tasks/{task_id}/release": lambda _: {},
    "POST /tasks/{task_id}/snooze": lambda _: {"until": LATER},
    "POST /tasks/{task_id}/reassign": lambda x: {"to": x.chance.choice(["", x.worker])},
    "POST /tasks/{task_id}/done": lambda _: {},
    "POST /tasks/{task_id}/contact": lambda x: SAID | {"then": x.chance.choice(["", "next"])},
    "GET /persons/{person_id}": lambda x: {"task": x.task},
    "GET /persons/{person_id}/contact": lambda _: {},
    "POST /persons/{person_id}/contact": lambda _: SAID,
    "GET /persons/{person_id}/measure": lambda x: {"task": x.task},
    "POST /persons/{person_id}/measure": lambda x: PLAN | {"task": x.chance.choice(["", str(x.task)])},
    "GET /contacts/{contact_id}": lambda _: {},
    "POST /contacts/{contact_id}": lambda _: SAID | {"revision": "1"},
    "GET /measures/{measure_id}": lambda _: {},
    "GET /measures/{measure_id}/change": lambda _: {},
    "POST /measures/{measure_id}/change": lambda _: PLAN | {"revision": "1"},
    "GET /measures/{measure_id}/end": lambda _: {},
    "POST /measures/{measure_id}/end": lambda _: ENDED | {"revision": "1"},
    "POST /measures/{measure_id}/go-on": lambda _: {"revision": "2"},
    "GET /follow-ups": lambda _: {},
    "GET /search": lambda _: {},
    "POST /search": lambda x: {"sought": x.sought},
    "GET /overview": lambda _: {},
    "GET /routing": lambda _: {},
    "GET /routing/{person_id}": lambda _: {},
    "POST /routing/{person_id}": lambda x: {"to": "another", "worker": x.worker, "reason": WHY},
    "POST /routing/{person_id}/take-back": lambda _: {"why_back": WHY},
    "GET /api/v1/tasks": lambda x: {"whose": x.chance.choice(["mine", "team", "asleep"])},
    "GET /api/v1/overview": lambda _: {},
    "GET /api/v1/figures": lambda _: {},
    "POST /api/v1/tasks/next": lambda _: {"minutes": 5},
    "POST /api/v1/tasks/{task_id}/take": lambda _: {},
    "POST /api/v1/tasks/{task_id}/heartbeat": lambda _: {},
    "POST /api/v1/tasks/{task_id}/release": lambda _: {},
    "POST /api/v1/tasks/{task_id}/snooze": lambda _: {"until": LATER},
    "POST /api/v1/tasks/{task_id}/reassign": lambda x: {"to": x.chance.choice([None, x.worker])},
    "POST /api/v1/tasks/{task_id}/contact": lambda _: SAID,
    "POST /api/v1/tasks/{task_id}/done": lambda _: {},
    "POST /api/v1/tasks/{task_id}/measure": lambda _: PLAN,
    "GET /api/v1/tasks/{task_id}/history": lambda _: {},
    "POST /api/v1/search": lambda x: {"sought": x.sought},
    "GET /api/v1/persons/{person_id}": lambda _: {},
    "POST /api/v1/persons/{person_id}/contacts": lambda _: SAID,
    "POST /api/v1/persons/{person_id}/measures": lambda _: PLAN,
    "GET /api/v1/contacts/{contact_id}/revisions": lambda _: {},
    "POST /api/v1/contacts/{contact_id}/corrections": lambda _: SAID | {"revision": 1},
    "POST /api/v1/measures/{measure_id}/changes": lambda _: {"plan": PLAN, "revision": 1},
    "POST /api/v1/measures/{measure_id}/end": lambda _: ENDED | {"revision": 1},
    "GET /api/v1/measures/{measure_id}/revisions": lambda _: {},
    "GET /api/v1/follow-ups": lambda _: {"from": DAY, "days": 31},
    "GET /api/v1/routing": lambda _: {},
    "GET /api/v1/routing/{person_id}/history": lambda _: {},
    "POST /api/v1/routing/{person_id}/route": lambda x: {"to": x.worker, "reason": WHY},
    "POST /api/v1/routing/{person_id}/take-back": lambda _: {"reason": WHY},
}


def routes() -> set[str]:
    """``METHOD /path`` of all that the application answers, from its own table; its static files apart."""
    table = iter_route_contexts(application(cast(asyncpg.Pool, None)).routes)
    return {
        f"{method} {route.path}"
        for route in table
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    }


def test_every_route_is_asked() -> None:
    """INV-09: one that is added is asked here too, or is the login's alone."""
    assert routes() - OF_LOGIN == set(ASKED)


@dataclass(frozen=True, slots=True)
class Place:
    """A database with both municipalities in it, as its administrator sees it."""

    admin: Connection
    both: tuple[Neighbour, Neighbour]

    def seen_from(self, number: int) -> tuple[Neighbour, Neighbour]:
        """One of the two, and the other."""
        return (self.both[0], self.both[1]) if number == 0 else (self.both[1], self.both[0])


@pytest_asyncio.fixture(scope="module")
async def place(postgres: str) -> AsyncIterator[Place]:
    async with throwaway_database(postgres, "outreach") as made:
        name = made.url.rpartition("/")[2]
        admin = await connect(f"{postgres.rpartition('/')[0]}/{name}")
        async with new_pool(role_url(postgres, name, "staff"), name="test", size=2) as pool:
            _, both = await neighbours(admin, pool)
            for one in both:
                regina, worker = one.askers[2], one.askers[3]
                path = f"/api/v1/routing/{one.shielded[0].person.person_id}/route"
                answer = await regina.ask("POST", path, {"to": worker.who, "reason": WHY})
                assert answer.status_code == 204, answer.text
            yield Place(admin, both)
        await admin.close()


@pytest_asyncio.fixture
async def others(place: Place, mine: int) -> AsyncIterator[Neighbour]:
    """The other municipality, of which no row changes meanwhile."""
    _, other = place.seen_from(mine)
    before = await rows_of(place.admin, other.side)
    yield other
    assert await rows_of(place.admin, other.side) == before


async def asked(route: str, asker: Asker, x: Given) -> httpx.Response:
    method, _, path = route.partition(" ")
    return await asker.ask(method, x.address(path), ASKED[route](x))


def held_in(answer: httpx.Response, marks: set[str], x: Given) -> list[str]:
    """Which marks stand anywhere in an answer, but for those that were sent."""
    whole = f"{answer.text} {answer.headers}"
    return [mark for mark in marks - x.values if mark in whole]


def foreign_tasks(answer: httpx.Response, other: Neighbour, x: Given) -> set[int]:
    """Which of the other's tasks stand in an answer where a task's number stands, but for those that were sent."""
    whole = f"{answer.text} {answer.headers}"
    found = {
        int(number)
        for number in re.findall(r'/tasks/(\d+)|"task_id":\s*(\d+)', whole)
        for number in number
        if number
    }
    return {number for number in found & set(other.side.tasks) if str(number) not in x.values}


@pytest.mark.parametrize("route", ASKED)
async def test_every_route_gives_who_may_ask_for_it_what_is_her_own(place: Place, route: str) -> None:
    """So that what is asked by chance is known to be asked rightly."""
    own = place.both[0]
    everything = own.askers[-1]
    fixed = await fresh(place.admin, own, everything)
    if "/routing/" in route:
        of_routed = "take-back" in route or "history" in route
        fixed["person"] = own.shielded[0 if of_routed else 1].person.person_id
    if route.endswith("/done"):
        await place.admin.execute("UPDATE task SET kind = 'clear_up' WHERE task_id = $1", fixed["task"])
    answer = await asked(route, everything, Given(random.Random(1), (own,), fixed))
    assert answer.status_code < 400, answer.text


def persons_in(answer: httpx.Response, known: set[str]) -> set[str]:
    """Which persons stand in the body of an answer, by their ids."""
    return known & set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.text))


@pytest.mark.parametrize("route", ASKED)
async def test_who_is_shown_stands_in_the_access_log_and_nobody_else(place: Place, route: str) -> None:
    """INV-09: by who looked, in the municipality; a change is logged though it shows nothing."""
    own = place.both[0]
    everything = own.askers[-1]
    fixed = await fresh(place.admin, own, everything)
    if "/routing/" in route:
        of_routed = "take-back" in route or "history" in route
        fixed["person"] = own.shielded[0 if of_routed else 1].person.person_id
    known = {str(row[0]) for row in await place.admin.fetch("SELECT person_id FROM person")}
    before = await place.admin.fetchval("SELECT coalesce(max(access_id), 0) FROM access_log")
    answer = await asked(route, everything, Given(random.Random(1), (own,), fixed))
    shown = persons_in(answer, known)
    for kind, of in (("contact", "contact"), ("measure", "measure")):
        if route.startswith("GET") and f"{{{kind}_id}}" in route:
            whose = f"SELECT person_id::text FROM {of} WHERE {of}_id = $1"
            shown.add(await place.admin.fetchval(whose, fixed[kind]))
    if route.startswith("GET") and "{person_id}" in route:
        shown.add(str(fixed["person"]))
    rows = await place.admin.fetch(
        "SELECT person_id::text, who, municipality FROM access_log WHERE access_id > $1", before
    )
    assert {(row["who"], row["municipality"]) for row in rows} <= {(everything.who, own.code)}
    logged = {row["person_id"] for row in rows}
    assert shown <= logged
    if route.startswith("GET") or route.endswith("/search"):
        assert logged == shown


@pytest.mark.parametrize("mine", [0, 1])
@pytest.mark.parametrize("route", ASKED)
@given(seed=st.integers(0, 2**32 - 1))
@settings(
    max_examples=4, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_answer_shows_or_changes_anything_of_the_other_municipality_or_of_who_is_shielded(
    place: Place, others: Neighbour, mine: int, route: str, seed: int
) -> None:
    """INV-09, INV-11: in body, headers, redirects and rows; whoever asks, and for whatever."""
    own, chance = place.both[mine], random.Random(seed)
    asker = chance.choice(own.askers)
    marks = await forbidden(place.admin, asker, own, others)
    for _ in range(4 if "{" in route else 1):
        x = Given(chance, (own, others))
        answer = await asked(route, asker, x)
        assert answer.status_code < 500, answer.text
        assert held_in(answer, marks, x) == []
        assert foreign_tasks(answer, others, x) == set()
