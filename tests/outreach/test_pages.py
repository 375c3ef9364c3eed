"""The pages of outreach as people at work meet them, on a real database."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from localstack.ports import free_port
from servicekit.calendar import today
from servicekit.database import Connection, connect
from servicekit.settings import Settings
from services.outreach.web import pages
from tests.outreach.tellings import LADDERS, SINCE, Person, identity_number, tell, tombstone
from tests.outreach.visits import Colleague, application, heading, staff_url, staffed
from tests.webkit.visiting import code_of

PHONE = {"phones": ["+46701740605"], "email": "vera@example.se"}
SAID = {"channel": "phone", "outcome": "reached", "on": today().isoformat(), "occupation": "work"}
PLAN = {"kind": "guidance", "content": "Tre samtal", "from_day": today().isoformat()}


@pytest_asyncio.fixture(scope="module")
async def pool(postgres: str, database: str) -> AsyncIterator[asyncpg.Pool]:
    async with staffed(postgres, database) as opened:
        yield opened


@pytest_asyncio.fixture
async def app(outreach: Connection, pool: asyncpg.Pool) -> AsyncIterator[FastAPI]:
    yield application(pool)
    rows = await outreach.fetch("SELECT person_id FROM person WHERE NOT purged")
    await tell(outreach, *(tombstone(row[0]) for row in rows))
    await pool.execute("DELETE FROM web_attempt")


@pytest_asyncio.fixture
async def otilia(app: FastAPI) -> Colleague:
    return await Colleague.at_work(app)


@pytest_asyncio.fixture
async def vera(outreach: Connection) -> Person:
    """Covered, with a phone; her task is to inform her."""
    vera = Person()
    await tell(outreach, vera.known(contact=PHONE), vera.covered())
    return vera


async def looks(postgres: str, database: str, person_id: UUID) -> set[tuple[str, str]]:
    """Who looked at a person, and how."""
    admin = await connect(f"{postgres.rpartition('/')[0]}/{database.rpartition('/')[2]}")
    rows = await admin.fetch("SELECT who, action FROM access_log WHERE person_id = $1", person_id)
    await admin.close()
    return {tuple(row) for row in rows}


async def task_of(outreach: Connection, person: Person) -> int:
    number: int = await outreach.fetchval(
        "SELECT task_id FROM task WHERE person_id = $1 AND state = 'open' ORDER BY task_id", person.person_id
    )
    return number


async def contacts_of(outreach: Connection, person: Person) -> list[tuple[str, str]]:
    rows = await outreach.fetch(
        """
        SELECT outcome, who FROM contact JOIN contact_revision USING (contact_id, revision) WHERE person_id = $1
        """,
        person.person_id,
    )
    return [tuple(row) for row in rows]


def shown(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_next_task_opens_with_the_person_and_the_form_for_the_call(
    otilia: Colleague, vera: Person, postgres: str, database: str
) -> None:
    assert "Nothing is in your hands" in shown(await otilia.get("/"))
    page = await otilia.led(await otilia.send("/next"))
    assert heading(page) == "Vera Ek"
    for part in (
        "In your hands: Inform",
        "+46701740605",
        "Left upper secondary school.",
        "Education Act 29:9",
    ):
        assert part in page.text
    assert {("stockholm:otilia", "outreach next"), ("stockholm:otilia", "outreach person")} <= await looks(
        postgres, database, vera.person_id
    )
    assert "In your hands" in shown(await otilia.get("/mine"))


async def test_a_contact_is_two_interactions_what_came_of_it_and_save(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    page = await otilia.led(await otilia.send("/next"))
    proposed = dict(re.findall(r'<input type="radio" name="(\w+)" value="(\w+)"[^>]* checked', page.text))
    assert proposed == {"channel": "phone"}, "all but the outcome is filled in"
    answer = await otilia.send(f"/tasks/{await task_of(outreach, vera)}/contact", **SAID)
    assert answer.headers["location"] == f"/persons/{vera.person_id}?said=contact"
    assert await contacts_of(outreach, vera) == [("reached", "stockholm:otilia")]
    page = await otilia.led(answer)
    for part in ("The contact is saved.", "Phone: reached", "Occupation: Work", "by you"):
        assert part in page.text


async def test_after_a_contact_the_next_task_can_open_at_once(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    other = Person()
    await tell(outreach, other.known(given_name="Bo"), other.covered(since=SINCE + timedelta(days=1)))
    await otilia.send("/next")
    answer = await otilia.send(f"/tasks/{await task_of(outreach, vera)}/contact", **SAID, then="next")
    page = await otilia.led(answer)
    assert heading(page) == "Bo Ek"
    assert "The contact is saved." in page.text


async def test_what_is_wrong_in_a_contact_is_said_and_what_was_given_stays(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send("/next")
    tomorrow = (today() + timedelta(days=1)).isoformat()
    answer = await otilia.send(
        f"/tasks/{await task_of(outreach, vera)}/contact", channel="sms", on=tomorrow, occupation="work"
    )
    assert answer.status_code == 422
    assert "2 things to correct" in answer.text
    assert 'value="sms" checked' in answer.text
    assert '<option value="work" selected>' in answer.text
    assert await contacts_of(outreach, vera) == []


async def test_a_button_pressed_twice_notes_one_contact_and_plans_one_measure(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send("/next")
    task = await task_of(outreach, vera)
    for _ in range(2):
        assert (await otilia.send(f"/tasks/{task}/contact", **SAID)).status_code == 303
    assert len(await contacts_of(outreach, vera)) == 1
    later = SAID | {"outcome": "informed"}
    for _ in range(2):
        assert (await otilia.send(f"/persons/{vera.person_id}/contact", **later)).status_code == 303
        assert (await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN)).status_code == 303
    assert len(await contacts_of(outreach, vera)) == 2
    assert await outreach.fetchval("SELECT count(*) FROM measure WHERE person_id = $1", vera.person_id) == 1


async def test_nothing_written_is_lost_when_the_lease_ran_out_meanwhile(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send("/next")
    task = await task_of(outreach, vera)
    await outreach.execute(
        "UPDATE task SET leased_until = now() - interval '1 minute' WHERE task_id = $1", task
    )
    answer = await otilia.send(f"/tasks/{task}/contact", **SAID)
    assert answer.status_code == 409
    assert "Nothing you wrote is lost" in answer.text
    assert 'value="reached" checked' in answer.text.replace(' id="outcome"', "")
    assert f'action="/persons/{vera.person_id}/contact"' in answer.text
    answer = await otilia.send(f"/persons/{vera.person_id}/contact", **SAID)
    assert answer.status_code == 303
    assert await contacts_of(outreach, vera) == [("reached", "stockholm:otilia")]


async def test_a_task_in_a_colleagues_hands_cannot_be_taken_or_given_away_but_by_who_leads(
    app: FastAPI, otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    bo = await Colleague.at_work(app, "bo")
    lena = await Colleague.at_work(app, "lena", "leader")
    await otilia.send("/next")
    task = await task_of(outreach, vera)
    assert code_of(await bo.send(f"/tasks/{task}/take")) == "task_taken"
    assert code_of(await bo.send(f"/tasks/{task}/release")) == "task_not_held"
    assert code_of(await bo.send(f"/tasks/{task}/reassign", to="stockholm:bo")) == "task_taken"
    assert "With Otilia" in shown(await bo.get("/team"))
    assert (await lena.send(f"/tasks/{task}/reassign", to="stockholm:bo")).status_code == 303
    assert "Reserved for you" in shown(await bo.get("/mine"))
    assert code_of(await otilia.send(f"/tasks/{task}/keep")) == "task_not_held"
    assert code_of(await lena.send(f"/tasks/{task}/reassign", to="stockholm:nobody")) == "invalid_request"


async def test_a_task_is_kept_given_back_and_put_off(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send("/next")
    task = await task_of(outreach, vera)
    assert "another hour" in (await otilia.led(await otilia.send(f"/tasks/{task}/keep"))).text
    assert "given back" in (await otilia.led(await otilia.send(f"/tasks/{task}/release"))).text
    assert heading(await otilia.led(await otilia.send(f"/tasks/{task}/take"))) == "Vera Ek"
    for wrong in ("", "2020-01-01", "soon"):
        assert code_of(await otilia.send(f"/tasks/{task}/snooze", until=wrong)) == "invalid_request"
    until = today() + timedelta(days=5)
    assert "put off" in (await otilia.led(await otilia.send(f"/tasks/{task}/snooze", until=f"{until}"))).text
    assert "Vera Ek" in shown(await otilia.get("/asleep"))
    assert "No task waits" in (await otilia.led(await otilia.send("/next"))).text


async def test_a_long_queue_has_pages_and_each_person_stands_on_one(
    otilia: Colleague, outreach: Connection
) -> None:
    many = [Person() for _ in range(53)]
    await tell(outreach, *(one.known() for one in many), *(one.covered() for one in many))
    first = shown(await otilia.get("/team"))
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more
    second = shown(await otilia.get(more[1]))
    found = [re.findall(r"/persons/([0-9a-f-]+)", page) for page in (first, second)]
    assert [len(set(page)) for page in found] == [50, 3]
    assert {*found[0], *found[1]} == {str(one.person_id) for one in many}
    assert code_of(await otilia.get("/team?after=2026-01-01.x.1")) == "invalid_request"


async def test_a_contact_is_corrected_and_what_it_said_is_kept(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send(f"/persons/{vera.person_id}/contact", **SAID)
    contact = await outreach.fetchval("SELECT contact_id FROM contact")
    form = shown(await otilia.get(f"/contacts/{contact}"))
    assert 'name="revision" value="1"' in form
    answer = await otilia.send(f"/contacts/{contact}", **SAID | {"outcome": "declined"}, revision="1")
    assert "corrected" in (await otilia.led(answer)).text
    late = await otilia.send(f"/contacts/{contact}", **SAID | {"outcome": "informed"}, revision="1")
    assert late.status_code == 409
    assert "A colleague changed this meanwhile" in late.text
    assert 'name="revision" value="2"' in late.text
    assert "Phone: Reached" in late.text, "what it said before"
    assert await contacts_of(outreach, vera) == [("declined", "stockholm:otilia")]


async def test_a_measure_is_planned_changed_and_ended(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    follow_up = today() + timedelta(days=2)
    plan = PLAN | {
        "goal": "Komma igång", "follow_up_on_0": f"{follow_up}", "follow_up_on_1": "",
        "note": "Ring på eftermiddagen", "support_kind_0": "travel_card",
        "support_amount_0": "970", "support_per_0": "month",
    }  # fmt: skip
    page = await otilia.led(await otilia.send(f"/persons/{vera.person_id}/measure", **plan))
    assert "The measure is planned." in page.text
    measure = await outreach.fetchval("SELECT measure_id FROM measure")
    page = await otilia.get(f"/measures/{measure}")
    for part in (
        "Tre samtal",
        "Komma igång",
        "970 kronor a month",
        "Ring på eftermiddagen",
        "Written by you",
    ):
        assert part in page.text
    form = shown(await otilia.get(f"/measures/{measure}/change"))
    assert f'value="{follow_up}"' in form
    changed = plan | {"content": "Fyra samtal", "revision": "1"}
    assert (
        "is changed" in (await otilia.led(await otilia.send(f"/measures/{measure}/change", **changed))).text
    )
    stale = await otilia.send(f"/measures/{measure}/change", **changed | {"content": "Fem"})
    assert (stale.status_code, "changed this meanwhile" in stale.text) == (409, True)
    ended = {"to_day": f"{today()}", "reason": "started_work", "occupation_after": "work", "revision": "2"}
    assert "is ended" in (await otilia.led(await otilia.send(f"/measures/{measure}/end", **ended))).text
    early = ended | {"to_day": f"{today() - timedelta(days=1)}", "revision": "3"}
    assert "not before the measure" in (await otilia.send(f"/measures/{measure}/end", **early)).text
    assert "Began to work" in shown(await otilia.get(f"/measures/{measure}"))


async def test_what_is_wrong_in_a_plan_is_said_at_its_field(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    wrong = {
        "kind": "cure", "content": " ", "from_day": "soon", "note": "x" * 501, "goal": "a\u0007b",
        "follow_up_on_1": "never", "support_kind_0": "meals", "support_amount_0": "many", "support_per_0": "day",
    }  # fmt: skip
    answer = await otilia.send(f"/persons/{vera.person_id}/measure", **wrong)
    assert answer.status_code == 422
    assert set(re.findall(r'<li><a href="#(\w+)"', answer.text)) == {
        "kind", "content", "from_day", "note", "goal", "follow_up_on_1", "support_amount_0"
    }  # fmt: skip
    assert "Write at most 500 characters" in answer.text
    assert 'value="many"' in answer.text
    assert await outreach.fetchval("SELECT count(*) FROM measure") == 0


async def test_an_offer_that_is_taken_up_is_done_with_the_plan(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    task = await task_of(outreach, vera)
    await outreach.execute("UPDATE task SET kind = 'offer_measure' WHERE task_id = $1", task)
    page = await otilia.led(await otilia.send(f"/tasks/{task}/take"))
    assert f"/persons/{vera.person_id}/measure?task={task}" in page.text
    await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN, task=f"{task}")
    assert await outreach.fetchval("SELECT state FROM task WHERE task_id = $1", task) == "done"
    lost = await otilia.send(
        f"/persons/{vera.person_id}/measure", **PLAN | {"content": "Annat"}, task=f"{task}"
    )
    assert (lost.status_code, "Nothing you wrote is lost" in lost.text, "Annat" in lost.text) == (
        409,
        True,
        True,
    )


async def test_follow_ups_stand_in_their_week_and_late_ones_in_this(otilia: Colleague, vera: Person) -> None:
    monday = today() - timedelta(days=today().weekday())
    days = [monday - timedelta(days=3), monday + timedelta(days=8)]
    fields = {f"follow_up_on_{place}": day.isoformat() for place, day in enumerate(days)}
    begun = (monday - timedelta(days=20)).isoformat()
    await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN | {"from_day": begun}, **fields)
    this = shown(await otilia.get("/follow-ups"))
    assert "1 follow-up of an earlier week is not done." in this
    assert "No follow-up is planned in this week." in this
    year, week, _ = days[1].isocalendar()
    assert "Vera Ek" in shown(await otilia.get(f"/follow-ups?week={year}-W{week:02}"))
    for wrong in ("2026-W60", "soon", "0001-W01", "9999-W52"):
        assert code_of(await otilia.get(f"/follow-ups?week={wrong}")) == "invalid_request"


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


@pytest.mark.parametrize("sought", ["", "%", "_", "\\", "k", "vera lund", "201303019999", "\0"])
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
    assert "Vera" not in page.text
    assert code_of(await otilia.get("/overview")) == "role_missing"


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


async def test_who_works_the_queue_must_be_of_outreach(
    app: FastAPI, vera: Person, outreach: Connection
) -> None:
    regina = await Colleague.at_work(app, "regina", "registrar")
    task = await task_of(outreach, vera)
    for path in (
        "/next",
        f"/tasks/{task}/take",
        f"/tasks/{task}/reassign",
        f"/persons/{vera.person_id}/contact",
    ):
        assert code_of(await regina.send(path)) == "role_missing", path
    page = shown(await regina.get(f"/persons/{vera.person_id}"))
    assert "Log a contact" not in page


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
