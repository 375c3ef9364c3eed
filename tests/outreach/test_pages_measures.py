"""The pages of measures as people at work meet them: planned, changed, ended, followed up."""

import json
import re
from datetime import timedelta

import pytest
from fastapi import FastAPI

from servicekit.calendar import today
from servicekit.database import Connection
from services.outreach import measures
from tests.outreach.tellings import Person, tell
from tests.outreach.visits import (
    PLAN,
    Colleague,
    shown,
    task_of,
)
from tests.webkit.visiting import code_of


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
    silent = await otilia.send(f"/measures/{measure}/end", **ended | {"reason": ""})
    assert "Choose one of these" in silent.text, "radio buttons are no list"
    early = ended | {"to_day": f"{today() - timedelta(days=1)}", "revision": "3"}
    assert "not before the measure" in (await otilia.send(f"/measures/{measure}/end", **early)).text
    correcting = shown(await otilia.get(f"/measures/{measure}/end"))
    assert "Correct the end" in correcting
    assert re.search(r'value="started_work"[^>]* checked', correcting)
    assert re.search(r'value="work" selected', correcting)
    unlisted = ended | {"to_day": "2018-06-30", "revision": "3"}
    assert "the code list had on that day" in (await otilia.send(f"/measures/{measure}/end", **unlisted)).text
    page = shown(await otilia.get(f"/measures/{measure}"))
    assert "Began to work" in page
    assert page.count(", by you</summary>") == 2
    swedish = shown(await otilia.get(f"/measures/{measure}", **{"Accept-Language": "sv"}))
    assert swedish.count(", av dig</summary>") == 2
    assert page.count("Ring på eftermiddagen") == 3, "as it stands, and as it stood twice before"


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


async def test_a_page_of_follow_ups_says_when_there_may_be_more_than_it_shows(
    otilia: Colleague, vera: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "MOST_LISTED", 1)
    assert "There may be more" not in shown(await otilia.get("/follow-ups"))
    late = (today() - timedelta(days=8)).isoformat()
    await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN | {"from_day": late}, follow_up_on_0=late)
    page = shown(await otilia.get("/follow-ups"))
    assert "The first 1 are shown. There may be more." in page
    assert "At least 1 follow-ups of earlier weeks are not done." in page


async def test_what_is_late_is_listed_however_late_it_is_and_takes_no_room_from_the_week(
    otilia: Colleague, vera: Person, outreach: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "MOST_LISTED", 1)
    long_ago = (today() - timedelta(days=800)).isoformat()
    await otilia.send(
        f"/persons/{vera.person_id}/measure", **PLAN | {"from_day": long_ago}, follow_up_on_0=long_ago
    )
    maja = Person(born=vera.born + timedelta(days=1))
    await tell(outreach, maja.known(given_name="Maja"), maja.covered())
    await otilia.send(f"/persons/{maja.person_id}/measure", **PLAN, follow_up_on_0=f"{today()}")
    late, this_week = shown(await otilia.get("/follow-ups")).split("In this week")
    assert "Vera Ek" in late
    assert "Maja Ek" in this_week


async def test_an_end_that_was_none_is_taken_back(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN)
    measure = await outreach.fetchval("SELECT measure_id FROM measure")
    await otilia.send(f"/measures/{measure}/end", to_day=f"{today()}", reason="completed", revision="1")
    assert "It was no end" in shown(await otilia.get(f"/measures/{measure}/end"))
    stale = await otilia.send(f"/measures/{measure}/go-on", revision="1")
    assert (stale.status_code, "changed this meanwhile" in stale.text) == (409, True)
    assert "goes on" in (await otilia.led(await otilia.send(f"/measures/{measure}/go-on", revision="2"))).text
    assert await outreach.fetch("SELECT revision, to_day FROM measure_revision ORDER BY revision") == [
        (1, None), (2, today()), (3, None)
    ]  # fmt: skip


async def test_what_has_happened_tells_a_changed_plan_an_end_and_a_changed_end_apart(
    app: FastAPI, otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    async def of_measure() -> list[str]:
        page = shown(await otilia.get(f"/persons/{vera.person_id}"))
        entry = r'<strong>(Measure \w+): .*?<p class="note">(.*?)(?: · <a |</p>)'
        return [" ".join(found) for found in re.findall(entry, page, re.DOTALL)]

    bo = await Colleague.at_work(app, "bo")
    await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN)
    measure = await outreach.fetchval("SELECT measure_id FROM measure")
    end = {"to_day": f"{today()}", "reason": "completed"}
    await bo.send(f"/measures/{measure}/end", **end, revision="1")
    assert await of_measure() == ["Measure begins by you", "Measure ends by Bo"]

    # an earlier first day, by which this revision would come before the others
    earlier = PLAN | {"content": "Fyra samtal", "from_day": f"{today() - timedelta(days=3)}"}
    await otilia.send(f"/measures/{measure}/change", **earlier, revision="2")
    assert await of_measure() == ["Measure ends by Bo", "Measure begins by you · changed 1 time"]
    await bo.send(f"/measures/{measure}/end", **end | {"reason": "moved"}, revision="3")
    assert await of_measure() == [
        "Measure ends by Bo · changed 1 time", "Measure begins by you · changed 1 time"
    ]  # fmt: skip
    await bo.send(f"/measures/{measure}/go-on", revision="4")
    assert await of_measure() == ["Measure begins by you · changed 4 times"]


async def test_support_without_its_kind_is_not_lost_and_kronor_may_be_spaced(
    otilia: Colleague, vera: Person, outreach: Connection
) -> None:
    address = f"/persons/{vera.person_id}/measure"
    support = {"support_kind_0": "", "support_amount_0": "1 970", "support_per_0": "month"}
    refused = await otilia.send(address, **PLAN | support)
    assert (refused.status_code, 'href="#support_kind_0"' in refused.text) == (422, True)
    await otilia.send(address, **PLAN | support | {"support_kind_0": "travel_card"})
    kept = await outreach.fetchval("SELECT support ->> 0 FROM measure_revision")
    assert json.loads(kept) == {"kind": "travel_card", "amount": 1970, "per": "month"}


async def test_no_measure_is_followed_up_before_it_begins(otilia: Colleague, vera: Person) -> None:
    days = {"follow_up_on_0": f"{today()}", "follow_up_on_1": f"{today() - timedelta(days=1)}"}
    page = await otilia.send(f"/persons/{vera.person_id}/measure", **PLAN | {"from_day": f"{today()}"} | days)
    assert (page.status_code, 'href="#follow_up_on_1"' in page.text) == (422, True)
    assert "not before the measure" in page.text
