"""The pages of the queue as people at work meet them: take, keep, give back, put off, reserve."""

import asyncio
import re
from datetime import timedelta

from fastapi import FastAPI

from servicekit.calendar import today
from servicekit.database import Connection
from tests.outreach.tellings import SINCE, Person, tell
from tests.outreach.visits import (
    SAID,
    Colleague,
    heading,
    looks,
    shown,
    task_of,
)
from tests.webkit.visiting import code_of


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
    assert await looks(postgres, database, vera.person_id) == {
        ("stockholm:otilia", "outreach person"),
        ("stockholm:otilia", "outreach contact ways"),
    }
    assert "In your hands" in shown(await otilia.get("/mine"))


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
    for other in (otilia, lena):
        assert "Reserved for Bo" in shown(await other.get("/team"))
    assert "Vera Ek" not in shown(await bo.get("/team"))


async def test_a_task_is_kept_given_back_and_put_off(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send("/next")
    task = await task_of(outreach, vera)
    assert "another hour" in (await otilia.led(await otilia.send(f"/tasks/{task}/keep"))).text
    assert "given back" in (await otilia.led(await otilia.send(f"/tasks/{task}/release"))).text
    assert heading(await otilia.led(await otilia.send(f"/tasks/{task}/take"))) == "Vera Ek"
    for wrong in ("", "2020-01-01", "soon"):
        page = await otilia.send(f"/tasks/{task}/snooze", until=wrong)
        assert (page.status_code, page.text.count("1 thing to correct")) == (422, 1)
        assert "at most 90 days on" in page.text
        assert "lang=sv" not in page.text, "the address of a form's answer may know no GET"
    until = today() + timedelta(days=5)
    assert "put off" in (await otilia.led(await otilia.send(f"/tasks/{task}/snooze", until=f"{until}"))).text
    assert "Vera Ek" in shown(await otilia.get("/asleep"))
    assert "No task waits" in (await otilia.led(await otilia.send("/next"))).text


async def test_a_long_queue_has_pages_and_each_person_stands_on_one(
    otilia: Colleague, outreach: Connection, postgres: str, database: str
) -> None:
    many = [Person() for _ in range(53)]
    await tell(outreach, *(one.known() for one in many), *(one.covered() for one in many))
    first = shown(await otilia.get("/team"))
    # who stands on the next page was not looked at
    seen = [one for one in many if str(one.person_id) in first]
    assert [one for one in many if await looks(postgres, database, one.person_id)] == seen
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more
    second = shown(await otilia.get(more[1]))
    found = [re.findall(r"/persons/([0-9a-f-]+)", page) for page in (first, second)]
    assert [len(set(page)) for page in found] == [40, 13]
    assert {*found[0], *found[1]} == {str(one.person_id) for one in many}
    assert code_of(await otilia.get("/team?after=2026-01-01.x.1")) == "invalid_request"


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


async def test_the_form_that_takes_the_next_task_takes_one_however_often_it_is_sent(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    other = Person()
    await tell(outreach, other.known(given_name="Bo"), other.covered(since=SINCE + timedelta(days=1)))
    form = await _once(otilia, "/mine")
    answers = await asyncio.gather(*(otilia.send("/next", once=form) for _ in range(3)))
    assert {answer.headers["location"] for answer in answers} == {f"/tasks/{await task_of(outreach, vera)}"}
    assert heading(await otilia.led(await otilia.send("/next", once=await _once(otilia, "/mine")))) == "Bo Ek"


async def test_an_old_form_gives_the_next_task_when_the_first_is_done(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    other, form = Person(), await _once(otilia, "/mine")
    await tell(outreach, other.known(given_name="Bo"), other.covered(since=SINCE + timedelta(days=1)))
    page = await otilia.led(await otilia.send("/next", once=form))
    done = SAID | {"then": "next", "once": await _once(otilia, f"/persons/{vera.person_id}")}
    task = await task_of(outreach, vera)
    assert heading(page) == "Vera Ek"
    for _ in range(2):
        answer = await otilia.send(f"/tasks/{task}/contact", **done)
        assert answer.headers["location"] == f"/tasks/{await task_of(outreach, other)}?said=contact"
    assert (await otilia.send("/next", once=form)).headers["location"] == "/?said=none"


async def _once(colleague: Colleague, path: str) -> str:
    """The key of the form that takes the next task, on a page."""
    found = re.search(r'name="once" value="([^"]+)"', shown(await colleague.get(path)))
    assert found
    return found[1]
