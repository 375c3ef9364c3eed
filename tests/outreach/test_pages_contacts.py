"""The pages of contacts as people at work meet them: noted with a task and without, corrected."""

import re
from datetime import timedelta

from fastapi import FastAPI

from servicekit.calendar import today
from servicekit.database import Connection
from tests.outreach.tellings import SINCE, Person, tell
from tests.outreach.visits import (
    PLAN,
    SAID,
    Colleague,
    contacts_of,
    heading,
    shown,
    task_of,
)
from tests.webkit.visiting import code_of


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
    for part in ("The contact is saved.", "Phone: reached", "Task done: Inform · Occupation: Work"):
        assert part in page.text
    assert page.text.count("Task done") == 1, "the contact's own line says so"
    assert "by you" in page.text


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


async def test_each_revision_of_a_contact_has_its_author(
    app: FastAPI, otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    bo = await Colleague.at_work(app, "bo")
    await bo.send(f"/persons/{vera.person_id}/contact", **SAID)
    contact = await outreach.fetchval("SELECT contact_id FROM contact")
    await otilia.send(f"/contacts/{contact}", **SAID | {"outcome": "declined"}, revision="1")
    await bo.send(f"/contacts/{contact}", **SAID | {"outcome": "informed"}, revision="2")
    page = shown(await otilia.get(f"/contacts/{contact}"))
    assert "Written by Bo " in page
    earlier = re.findall(r"Phone: (\w+);.*?, by (\w+)</span>", page)
    assert earlier == [("Declined", "you"), ("Reached", "Bo")]
    page = shown(await otilia.get(f"/contacts/{contact}", **{"Accept-Language": "sv"}))
    assert ", av dig</span>" in page


async def test_a_contact_that_was_on_an_earlier_day_is_corrected_again_as_it_stands(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send(f"/persons/{vera.person_id}/contact", **SAID)
    contact = await outreach.fetchval("SELECT contact_id FROM contact")
    before = SAID | {"on": f"{today() - timedelta(days=2)}", "outcome": "declined"}
    await otilia.send(f"/contacts/{contact}", **before, revision="1")
    form = shown(await otilia.get(f"/contacts/{contact}"))
    assert 'name="revision" value="2"' in form
    assert re.search(r'value="declined"[^>]* checked', form)
    assert "Phone: declined" in shown(await otilia.get(f"/persons/{vera.person_id}"))


async def test_a_slip_in_a_late_correction_does_not_let_it_replace_the_colleagues(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send(f"/persons/{vera.person_id}/contact", **SAID)
    contact = await outreach.fetchval("SELECT contact_id FROM contact")
    mine = SAID | {"outcome": "informed", "revision": "1"}
    await otilia.send(f"/contacts/{contact}", **SAID | {"outcome": "declined"}, revision="1")
    slip = await otilia.send(f"/contacts/{contact}", **mine | {"on": "soon"})
    assert (slip.status_code, 'name="revision" value="1"' in slip.text) == (422, True)
    late = await otilia.send(f"/contacts/{contact}", **mine)
    assert (late.status_code, 'name="revision" value="2"' in late.text) == (409, True)
    assert await contacts_of(outreach, vera) == [("declined", "stockholm:otilia")]


async def test_clearing_up_is_done_without_a_contact(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await outreach.execute("UPDATE task SET kind = 'clear_up'")
    page = await otilia.led(await otilia.send("/next"))
    assert "Done without a contact" in page.text
    task = await task_of(outreach, vera)
    assert "without a contact" in (await otilia.led(await otilia.send(f"/tasks/{task}/done"))).text
    assert code_of(await otilia.send(f"/tasks/{task}/done")) == "task_not_held"
    assert await outreach.fetchval("SELECT count(*) FROM contact") == 0
