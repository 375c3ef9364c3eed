"""The registrar routes a case on the pages and over the API, and its worker meets it there."""

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from fastapi import FastAPI

from servicekit.calendar import today
from servicekit.database import Connection
from tests.outreach import programs
from tests.outreach.programs import Program, code
from tests.outreach.tellings import Person, identity_number, tell, tombstone
from tests.outreach.visits import Colleague, heading, task_of
from tests.webkit.visiting import code_of

BO = "stockholm:bo"
WHY = "Har arbetat med skyddade förut"


@pytest_asyncio.fixture
async def dora(outreach: Connection) -> Person:
    dora = Person()
    await tell(outreach, dora.known(given_name="Dora", protection="protected_registration"), dora.covered())
    return dora


@pytest_asyncio.fixture
async def regina(app: FastAPI) -> Colleague:
    return await Colleague.at_work(app, "regina", "registrar")


@pytest_asyncio.fixture
async def bo(app: FastAPI) -> Colleague:
    return await Colleague.at_work(app, "bo")


async def test_a_case_is_routed_to_a_colleague_who_meets_it_in_her_queue(
    bo: Colleague, regina: Colleague, dora: Person, outreach: Connection
) -> None:
    """INV-11: without name, number or contact data there too."""
    number = identity_number(dora.born)
    listed = (await regina.get("/routing")).text
    assert f'href="/routing/{dora.person_id}"' in listed
    form = (await regina.get(f"/routing/{dora.person_id}")).text
    assert f'<option value="{BO}">Bo</option>' in form
    assert "No address, phone number or place." in form
    answer = await regina.led(await regina.send(f"/routing/{dora.person_id}", to=BO, reason=WHY))
    assert "The case is routed." in answer.text
    assert re.search(r"Routed</caption>.*Bo", answer.text, re.DOTALL)
    page = await bo.led(await bo.send("/next"))
    assert heading(page) == "Protected person"
    assert "Reserve for" not in page.text
    for secret in ("Dora", number[8:], WHY):
        assert secret not in page.text
    task = await task_of(outreach, dora)
    done = await bo.send(f"/tasks/{task}/contact", channel="other", outcome="reached", on=f"{today()}")
    assert "The contact is saved." in (await bo.led(done)).text


async def test_nobody_else_meets_the_case_and_the_registrar_reads_it(
    app: FastAPI, bo: Colleague, regina: Colleague, dora: Person, outreach: Connection
) -> None:
    """INV-11: not colleagues, not who leads; not in a search, also for its worker."""
    eva = await Colleague.at_work(app, "eva")
    lena = await Colleague.at_work(app, "lena", "leader", "outreach")
    await regina.send(f"/routing/{dora.person_id}", to=BO, reason=WHY)
    her, task = str(dora.person_id), await task_of(outreach, dora)
    for other in (eva, lena):
        for path in (
            f"/persons/{her}",
            f"/persons/{her}/contact",
            f"/persons/{her}/measure",
            f"/tasks/{task}",
        ):
            assert (await other.get(path)).status_code == 404, path
        for path in ("/mine", "/team", "/asleep", "/follow-ups"):
            assert her not in (await other.get(path)).text
        assert code_of(await other.send(f"/tasks/{task}/take")) == "task_taken"
        assert code_of(await other.get("/routing")) == "role_missing"
        assert code_of(await other.send(f"/routing/{her}", to="stockholm:eva", reason=WHY)) == "role_missing"
    for one in (bo, regina, eva, lena):
        for sought in (identity_number(dora.born), "dora"):
            assert her not in (await one.send("/search", sought=sought)).text
    assert her not in (await lena.get("/overview")).text
    assert heading(await regina.get(f"/persons/{her}")) == "Protected person"
    for to in ("stockholm:eva", ""):
        assert code_of(await bo.send(f"/tasks/{task}/reassign", to=to)) == "task_routed"


async def test_who_is_not_in_the_list_is_named_by_her_login(
    regina: Colleague, dora: Person, outreach: Connection
) -> None:
    for to, worker in (("", ""), ("another", ""), ("another", "bo"), ("another", "solna:bo"), ("nobody", "")):
        answer = await regina.send(f"/routing/{dora.person_id}", to=to, worker=worker, reason=WHY)
        assert answer.status_code == 422, (to, worker)
        assert f'value="{WHY}"' in answer.text
    for reason in ("", "  ", "x" * 201, "rad\x07"):
        answer = await regina.send(f"/routing/{dora.person_id}", to="another", worker=BO, reason=reason)
        assert (answer.status_code, 'href="#reason"' in answer.text) == (422, True)
    assert await outreach.fetchval("SELECT count(*) FROM routing") == 0
    answer = await regina.send(f"/routing/{dora.person_id}", to="another", worker=BO, reason=WHY)
    assert answer.status_code == 303
    assert await outreach.fetchval("SELECT worker FROM routing") == BO


async def test_a_case_is_taken_back_and_what_was_decided_stands_with_it(
    bo: Colleague, regina: Colleague, dora: Person
) -> None:
    path = f"/routing/{dora.person_id}"
    await regina.send(path, to=BO, reason=WHY)
    assert (await regina.send(f"{path}/take-back", why_back="")).status_code == 422
    answer = await regina.led(await regina.send(f"{path}/take-back", why_back="Bo är borta"))
    assert "waits for routing again" in answer.text
    page = (await regina.get(path)).text
    for part in ("Taken back from Bo", "Bo är borta", "Routed to Bo", WHY):
        assert part in page
    assert (await bo.get(f"/persons/{dora.person_id}")).status_code == 404


async def test_another_municipalitys_registrar_has_no_such_case(
    app: FastAPI, regina: Colleague, dora: Person
) -> None:
    """INV-09: nor has anybody a case of protected registration that is none."""
    sten = await Colleague.at_work(app, "sten", "registrar", municipality="0184")
    vera = Person(born=dora.born.replace(day=18))
    for path in (f"/routing/{dora.person_id}", f"/routing/{vera.person_id}"):
        who = sten if str(dora.person_id) in path else regina
        assert code_of(await who.get(path)) == "no_such_case"
        assert code_of(await who.send(path, to="another", worker=BO, reason=WHY)) == "no_such_case"
        assert code_of(await who.send(f"{path}/take-back", why_back=WHY)) == "no_such_case"


@pytest_asyncio.fixture
async def served(outreach: Connection, pool: asyncpg.Pool) -> AsyncIterator[FastAPI]:
    """The same with an API."""
    yield programs.application(pool)
    rows = await outreach.fetch("SELECT person_id FROM person WHERE NOT purged")
    await tell(outreach, *(tombstone(row[0]) for row in rows))


async def test_a_registrars_program_routes_and_takes_back(served: FastAPI, dora: Person) -> None:
    regina, bo = Program(served, "regina", "kaa.registrar"), Program(served, "bo")
    path = f"/routing/{dora.person_id}"
    (case,) = (await regina.see("/routing"))["cases"]
    assert (case["person_id"], case["worker"], case["tasks"]) == (str(dora.person_id), None, 1)
    assert code(await regina.get(f"{path}/history")) == (404, "not_in_municipality")
    said: dict[str, Any] = {"to": BO, "reason": WHY}
    key = "a" * 20
    for _ in range(2):
        assert (await regina.post(f"{path}/route", key, **said)).status_code == 204
    taken = await bo.change("/tasks/next", 200)
    assert (taken["person"]["protected"], taken["person"]["name"]) == (True, None)
    assert (await bo.see(f"/persons/{dora.person_id}"))["contact_ways"] is None
    number = taken["task"]["task_id"]
    assert code(await bo.post(f"/tasks/{number}/reassign", to=None)) == (409, "task_routed")
    assert code(await Program(served, "eva").get(f"/persons/{dora.person_id}")) == (
        404,
        "not_in_municipality",
    )
    await regina.change(f"{path}/take-back", 204, reason="Bo är borta")
    assert code(await bo.get(f"/persons/{dora.person_id}")) == (404, "not_in_municipality")
    decided = (await regina.see(f"{path}/history"))["decided"]
    assert [(one["happening"], one["worker"], one["reason"]) for one in decided] == [
        ("taken_back", BO, "Bo är borta"), ("routed", BO, WHY)
    ]  # fmt: skip


async def test_the_api_refuses_who_may_not_route_and_whom_nobody_knows(served: FastAPI, dora: Person) -> None:
    path = f"/routing/{dora.person_id}/route"
    regina = Program(served, "regina", "kaa.registrar")
    assert code(await Program(served, "bo").post(path, to=BO, reason=WHY)) == (403, "role_missing")
    assert code(await regina.post(path, to="solna:bo", reason=WHY)) == (409, "no_such_worker")
    assert code(await regina.post(path, to=BO, reason=" ")) == (422, "invalid_request")
    away = Program(served, "rut", "kaa.registrar", programs.AWAY)
    assert code(await away.post(path, to=BO, reason=WHY)) == (404, "not_in_municipality")
    assert (await away.see("/routing"))["cases"] == []
