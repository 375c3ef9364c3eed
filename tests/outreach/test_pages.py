"""The pages of outreach as people at work meet them: persons, the search, figures, who sees whom."""

import asyncio
import re
from pathlib import Path

import asyncpg
import httpx
import pytest
import yaml
from fastapi import FastAPI

from localstack.ports import free_port
from servicekit.database import Connection
from servicekit.settings import Settings
from services.outreach.cases import REACHED
from services.outreach.pages import words
from services.outreach.web import pages
from tests.docs.pages import ROOT, text
from tests.outreach.tellings import LADDERS, Person, identity_number, tell
from tests.outreach.visits import (
    PLAN,
    SAID,
    Colleague,
    heading,
    looks,
    shown,
    staff_url,
    task_of,
)
from tests.webkit.visiting import code_of


@pytest.mark.parametrize(
    "sought", ["ver ek", "EK", identity_number(Person().born)[2:], "{number}", " ek-vera "]
)
async def test_a_person_is_found_by_name_and_number_and_the_address_says_nothing_of_it(
    otilia: Colleague, vera: Person, postgres: str, database: str, sought: str
) -> None:
    number = identity_number(vera.born)
    answer = await otilia.send("/search", sought=sought.format(number=f"{number[:8]}-{number[8:]}"))
    assert str(vera.person_id) in shown(answer)
    assert str(answer.url).endswith("/search")
    assert ("stockholm:otilia", "outreach search") in await looks(postgres, database, vera.person_id)


@pytest.mark.parametrize("sought", ["", " ", "\0"])
async def test_a_search_for_nothing_says_what_to_write_and_where(otilia: Colleague, sought: str) -> None:
    answer = await otilia.send("/search", sought=sought)
    assert answer.status_code == 422
    assert '<a href="#sought">Write a name or an identity number</a>' in answer.text
    assert "Nobody was found" not in answer.text


@pytest.mark.parametrize("sought", ["%", "_", "\\", "k", "vera lund", "201303019999"])
async def test_what_is_no_name_of_anybody_finds_nobody(otilia: Colleague, vera: Person, sought: str) -> None:
    assert str(vera.person_id) not in shown(await otilia.send("/search", sought=sought))


async def test_another_municipality_meets_none_of_it(
    app: FastAPI, otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    solna = await Colleague.at_work(app, "sten", "outreach", "leader", "registrar", municipality="0184")
    task = await task_of(outreach, vera)
    await otilia.send(f"/persons/{vera.person_id}/contact", **SAID)
    await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN)
    contact = await outreach.fetchval("SELECT contact_id FROM contact")
    measure = await outreach.fetchval("SELECT measure_id FROM measure")
    for path in (
        f"/persons/{vera.person_id}", f"/persons/{vera.person_id}/contact", f"/persons/{vera.person_id}/measure",
        f"/tasks/{task}", f"/contacts/{contact}", f"/measures/{measure}", f"/measures/{measure}/end",
    ):  # fmt: skip
        answer = await solna.get(path)
        assert answer.status_code == 404, path
        assert "Vera" not in answer.text
    assert "Vera" not in shown(await solna.send("/search", sought="vera"))
    for path in ("/team", "/follow-ups", "/overview", "/routing"):
        assert "Vera" not in shown(await solna.get(path))
    assert code_of(await solna.send(f"/tasks/{task}/take")) == "task_taken"
    assert code_of(await solna.send(f"/persons/{vera.person_id}/contact", **SAID)) == "no_such_person"


@pytest.mark.parametrize("protection", ["confidential", "assumed_identity"])
async def test_a_protected_person_is_shown_as_such_and_nothing_leads_to_her(
    otilia: Colleague, outreach: Connection, protection: str
) -> None:
    dora = Person()
    await tell(outreach, dora.known(given_name="Dora", protection=protection), dora.covered())
    number = identity_number(dora.born)
    met = [
        await otilia.led(await otilia.send("/next")),
        await otilia.get("/mine"),
        await otilia.send("/search", sought=number),
        await otilia.get(f"/persons/{dora.person_id}/contact"),
    ]
    for page in met:
        assert "Protected person" in shown(page)
        for secret in ("Dora", "Ek<", number[8:], "2008"):
            assert secret not in page.text.replace(f'value="{number}"', "")
    assert str(dora.person_id) not in (await otilia.send("/search", sought="dora")).text


async def test_protected_registration_is_on_the_registrars_list_and_nowhere_else(
    app: FastAPI, otilia: Colleague, outreach: Connection, postgres: str, database: str
) -> None:
    dora = Person()
    await tell(outreach, dora.known(given_name="Dora", protection="protected_registration"), dora.covered())
    number, task = identity_number(dora.born), await task_of(outreach, dora)
    regina = await Colleague.at_work(app, "regina", "registrar")
    for person in (otilia, regina):
        assert (await person.get(f"/persons/{dora.person_id}")).status_code == 404
        assert (await person.get(f"/tasks/{task}")).status_code == 404
        assert str(dora.person_id) not in (await person.send("/search", sought=number)).text
    assert str(dora.person_id) not in shown(await otilia.get("/team"))
    assert code_of(await otilia.get("/routing")) == "role_missing"
    page = await regina.led(await regina.get("/"))
    assert heading(page) == "Routing"
    assert f"{number[:8]}-{number[8:]}" in page.text
    assert "Dora" not in page.text
    assert ("stockholm:regina", "outreach routing") in await looks(postgres, database, dora.person_id)


async def test_who_leads_sees_figures_and_no_names(
    app: FastAPI, otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    others = [Person(born=vera.born.replace(year=2007)) for _ in range(3)]
    await tell(outreach, *(one.known() for one in others), *(one.covered() for one in others))
    await otilia.send(f"/persons/{vera.person_id}/contact", **SAID)
    await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN)
    lena = await Colleague.at_work(app, "lena", "leader")
    page = await lena.led(await lena.get("/"))
    assert heading(page) == "Overview"
    figures = re.findall(r'<dt>([^<]+)</dt><dd><span class="figure">([^<]+)</span>', page.text)
    assert dict(figures) | {"Tasks to take": ""} == {
        "On the list": "4", "Contacted": "25%", "In a measure": "25%", "Days to first contact": "97",
        "Tasks to take": "", "In somebody’s hands": "0",
    }  # fmt: skip
    assert "over 90 days" in page.text
    (said,) = re.findall(r"A person counts as contacted once [^:]*: (.*?), whatever the task was", page.text)
    assert set(re.split(", | or ", said)) == {words.OUTCOMES[one].lower() for one in REACHED}
    assert "Vera" not in page.text
    assert code_of(await otilia.get("/overview")) == "role_missing"


def test_contacted_is_what_the_half_year_file_counts_as_a_contact() -> None:
    """Pages and docs/api.md say so, and no service imports another."""
    for path in (ROOT / "services" / "reporting" / "specifications").glob("*.yaml"):
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))["contact_outcomes"]) == REACHED
    (said,) = re.findall(
        r"\*\*Contacted\*\*.*?the outcome was (.*?),\s+whatever", text("docs/api.md"), re.DOTALL
    )
    assert set(re.findall(r"`(\w+)`", said)) == REACHED


async def test_an_empty_municipality_has_an_overview_too(app: FastAPI) -> None:
    lena = await Colleague.at_work(app, "lena", "leader", municipality="0184")
    assert "Nobody is on the list." in shown(await lena.get("/overview"))


async def test_who_turned_out_to_be_another_is_found_as_that_other(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    former = Person()
    await tell(outreach, former.known(), former.covered())
    await tell(outreach, former.known(2, merged_into=vera.person_id))
    page = await otilia.led(await otilia.get(f"/persons/{former.person_id}"))
    assert heading(page) == "Vera Ek"


async def test_a_notice_of_absence_is_no_entry_in_the_register(
    otilia: Colleague, outreach: Connection
) -> None:
    kim = Person()
    await tell(outreach, kim.known(given_name="Kim"), kim.noticed())
    page = await otilia.led(await otilia.send("/next"))
    assert heading(page) == "Kim Ek"
    for part in ("In your hands: Early support", "no entry in the register", "A school told of much absence"):
        assert part in page.text


async def test_a_process_serves_the_pages_beside_its_consumer(
    pool: asyncpg.Pool, postgres: str, database: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("made-up")
    (tmp_path / "issuers.yaml").write_text(
        f"""
issuers:
  - name: stockholm
    title: Stockholm
    issuer: https://stockholm.example
    client_id: kaa
    client_secret: {{file: {tmp_path / "secret"}}}
    municipalities: ["0180"]
    roles: [{{claim: roles, value: outreach, role: outreach, municipality: "0180"}}]
  - name: solna
    title: Solna
    issuer: https://solna.example
    client_id: kaa
    client_secret: {{file: {tmp_path / "secret"}}}
    municipalities: ["0184"]
    roles: [{{claim: roles, value: outreach, role: outreach, municipality: "0184"}}]
"""
    )
    settings = Settings(
        outreach_staff_database=staff_url(postgres, database), web_address="https://kaa.example",
        web_port=free_port(), issuers=tmp_path / "issuers.yaml",
    )  # fmt: skip
    serving = asyncio.create_task(pages(settings, LADDERS)(pool, lambda: None))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.web_port}") as client:
        while not serving.done():
            try:
                answer = await client.get("/login")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert "Solna" in shown(answer)
