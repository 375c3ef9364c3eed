"""A municipality's own client does through the API what staff do on the pages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from fastapi import FastAPI

from servicekit.calendar import now, today
from servicekit.database import Connection, connect, new_pool
from services.outreach import idempotency, measures
from services.outreach.plans import Plan
from tests.outreach.programs import AWAY, PLAN, SAID, Program, application, code
from tests.outreach.tellings import HOME, LADDERS, Person, identity_number, tell


@pytest_asyncio.fixture
async def pool(staff_address: str) -> AsyncIterator[asyncpg.Pool]:
    """As the application has it."""
    async with new_pool(staff_address, name="test", size=4) as opened:
        yield opened


@pytest.fixture
def app(pool: asyncpg.Pool) -> FastAPI:
    return application(pool)


@pytest.fixture
def anna(app: FastAPI) -> Program:
    return Program(app)


async def covered(connection: Connection, **facts: Any) -> Person:
    """Somebody on the list, whose first task stands in the queue."""
    person = Person()
    await tell(connection, person.known(**facts), person.covered())
    return person


async def first_task(connection: Connection, person: Person) -> int:
    found: int = await connection.fetchval(
        "SELECT task_id FROM task WHERE person_id = $1 AND state = 'open' ORDER BY task_id LIMIT 1",
        person.person_id,
    )
    return found


async def taken(connection: Connection, program: Program) -> tuple[Person, int]:
    person = await covered(connection)
    task_id = await first_task(connection, person)
    await program.change(f"/tasks/{task_id}/take", 200)
    return person, task_id


async def happenings(connection: Connection, task_id: int) -> list[str]:
    rows = await connection.fetch(
        "SELECT happening FROM task_history WHERE task_id = $1 ORDER BY history_id", task_id
    )
    return [row[0] for row in rows]


async def looks(admin: Connection, person: Person) -> int:
    """How often the access log says that somebody looked at a person."""
    count: int = await admin.fetchval(
        "SELECT count(*) FROM access_log WHERE person_id = $1", person.person_id
    )
    return count


@pytest_asyncio.fixture
async def admin(postgres: str, database: str) -> AsyncIterator[Connection]:
    """Sees what no role of the service does."""
    connection = await connect(urlunsplit(urlsplit(postgres)._replace(path=urlsplit(database).path)))
    yield connection
    await connection.close()


@pytest_asyncio.fixture(autouse=True)
async def _nothing_open(outreach: Connection) -> AsyncIterator[None]:
    yield
    await outreach.execute(
        "UPDATE task SET state = 'closed', reason = 'not_called_for', leased_by = NULL, leased_until = NULL, "
        "snoozed_until = NULL WHERE state = 'open'"
    )


async def test_the_next_task_comes_with_its_person_and_is_the_callers(
    anna: Program, app: FastAPI, outreach: Connection
) -> None:
    vera = await covered(outreach)
    got = await anna.change("/tasks/next", 200, minutes=30)
    assert got["person"] == {
        "person_id": str(vera.person_id), "protected": False, "identity_number": identity_number(vera.born),
        "name": "Vera Ek", "birth_date": vera.born.isoformat(), "turns_20_on": f"{vera.born.year + 20}-03-15",
    }  # fmt: skip
    assert got["task"]["kind"] == "inform"
    assert await Program(app, "bo").change("/tasks/next", 200) == {"task": None, "person": None}
    held = (await anna.see("/tasks", whose="mine"))["tasks"]
    assert [(one["task_id"], one["held_by"]) for one in held] == [(got["task"]["task_id"], "stockholm:anna")]


async def test_a_task_is_kept_given_back_put_off_and_handed_over(
    anna: Program, app: FastAPI, outreach: Connection
) -> None:
    _, task_id = await taken(outreach, anna)
    bo = Program(app, "bo")
    assert code(await bo.post(f"/tasks/{task_id}/take")) == (409, "task_not_free")
    assert code(await bo.post(f"/tasks/{task_id}/release")) == (409, "task_not_held")
    longer = await anna.change(f"/tasks/{task_id}/heartbeat", 200, minutes=600)
    assert longer["held_until"] > f"{now() + timedelta(hours=9):%Y-%m-%dT%H}"
    await anna.change(f"/tasks/{task_id}/release", 204)
    await bo.change(f"/tasks/{task_id}/take", 200)
    tomorrow = f"{today() + timedelta(days=1)}"
    await bo.change(f"/tasks/{task_id}/snooze", 204, until=tomorrow)
    asleep = (await anna.see("/tasks", whose="asleep"))["tasks"]
    assert [(one["task_id"], one["snoozed_until"]) for one in asleep] == [(task_id, tomorrow)]
    leader = Program(app, "lena", scope="kaa.leader")
    await leader.change(f"/tasks/{task_id}/reassign", 204, to="stockholm:anna")
    history = (await leader.see(f"/tasks/{task_id}/history"))["happened"]
    assert [(one["happening"], one["who"]) for one in history] == [
        ("opened", "registry"), ("claimed", "stockholm:anna"), ("released", "stockholm:anna"),
        ("claimed", "stockholm:bo"), ("snoozed", "stockholm:bo"), ("reassigned", "stockholm:lena"),
    ]  # fmt: skip


async def test_a_contact_made_for_a_task_is_logged_and_corrected(anna: Program, outreach: Connection) -> None:
    vera, task_id = await taken(outreach, anna)
    kept = await anna.change(f"/tasks/{task_id}/contact", **SAID)
    corrected = await anna.change(
        f"/contacts/{kept['contact_id']}/corrections", **(SAID | {"outcome": "not_reached", "revision": 1})
    )
    assert corrected == {"contact_id": kept["contact_id"], "revision": 2}
    again = await anna.post(f"/contacts/{kept['contact_id']}/corrections", **SAID, revision=1)
    assert code(again) == (409, "changed_meanwhile")
    (contact,) = (await anna.see(f"/persons/{vera.person_id}"))["contacts"]
    assert (contact["outcome"], contact["revision"], contact["task_id"]) == ("not_reached", 2, task_id)
    assert code(await anna.post(f"/tasks/{task_id}/contact", **SAID)) == (409, "task_not_held")


async def test_a_contact_is_logged_without_a_task_too_but_never_ahead(
    anna: Program, outreach: Connection
) -> None:
    vera = await covered(outreach)
    await anna.change(f"/persons/{vera.person_id}/contacts", **SAID)
    tomorrow = SAID | {"on": f"{today() + timedelta(days=1)}"}
    ahead = await anna.post(f"/persons/{vera.person_id}/contacts", **tomorrow)
    assert code(ahead) == (409, "day_not_allowed")


async def test_an_occupation_is_one_of_the_code_list_of_its_day(anna: Program, outreach: Connection) -> None:
    vera = await covered(outreach)
    unlisted = (409, "occupation_not_listed")
    before = SAID | {"on": "2018-06-30", "occupation": "work"}
    assert code(await anna.post(f"/persons/{vera.person_id}/contacts", **before)) == unlisted
    kept = await anna.change(f"/persons/{vera.person_id}/contacts", **before | {"occupation": None})
    correction = await anna.post(f"/contacts/{kept['contact_id']}/corrections", **before, revision=1)
    assert code(correction) == unlisted
    plan = PLAN | {"from_day": "2018-06-01", "follow_up_on": []}
    measure = (await anna.change(f"/persons/{vera.person_id}/measures", **plan))["measure_id"]
    end = {"to_day": "2018-06-30", "reason": "completed", "occupation_after": "work"}
    assert code(await anna.post(f"/measures/{measure}/end", revision=1, **end)) == unlisted
    await anna.change(f"/measures/{measure}/end", revision=1, **end | {"to_day": "2018-07-01"})


async def test_a_measure_is_planned_changed_and_ended(anna: Program, outreach: Connection) -> None:
    vera, task_id = await taken(outreach, anna)
    kept = await anna.change(f"/tasks/{task_id}/measure", **PLAN)
    path = f"/measures/{kept['measure_id']}"
    changed = await anna.change(f"{path}/changes", revision=1, plan=PLAN | {"goal": "En ansökan i maj."})
    assert changed["revision"] == 2
    assert (await anna.see("/follow-ups", **{"from": f"{today()}"}))["follow_ups"] == [
        {
            "measure_id": kept["measure_id"], "person_id": str(vera.person_id), "kind": "work_placement",
            "on": f"{today() + timedelta(days=3)}", "name": "Vera Ek",
        }
    ]  # fmt: skip
    end: dict[str, Any] = {
        "to_day": f"{today()}",
        "reason": "started_education",
        "occupation_after": "national_programme",
    }
    assert code(await anna.post(f"{path}/end", revision=1, **end)) == (409, "changed_meanwhile")
    assert code(await anna.post(f"{path}/end", revision=7, **end)) == (409, "changed_meanwhile")
    early = end | {"to_day": f"{today() - timedelta(days=1)}"}
    assert code(await anna.post(f"{path}/end", revision=2, **early)) == (409, "day_not_allowed")
    await anna.change(f"{path}/end", revision=2, **end)
    (measure,) = (await anna.see(f"/persons/{vera.person_id}"))["measures"]
    assert (measure["goal"], measure["end"], measure["revision"]) == ("En ansökan i maj.", end, 3)
    assert (await anna.see(f"/persons/{vera.person_id}"))["occupation"] == "national_programme"
    assert measure["support"] == PLAN["support"]


async def test_staffs_note_is_not_shown_and_stays_when_a_program_changes_the_measure(
    anna: Program, outreach: Connection
) -> None:
    vera = await covered(outreach)
    noted = Plan(kind="talks", content="Samtal.", from_day=today(), note="Ring efter tre.")
    async with outreach.transaction():
        measure_id = await measures.start(outreach, LADDERS, HOME, vera.person_id, "stockholm:bo", noted)
    await anna.change(f"/measures/{measure_id}/changes", revision=1, plan=PLAN)
    shown = await anna.get(f"/persons/{vera.person_id}")
    assert "note" not in shown.json()["measures"][0]
    assert "Ring efter" not in shown.text
    notes = await outreach.fetch(
        "SELECT note FROM measure_revision WHERE measure_id = $1 ORDER BY revision", measure_id
    )
    assert [row[0] for row in notes] == ["Ring efter tre.", "Ring efter tre."]


async def test_a_person_is_shown_with_why_she_is_listed_and_the_look_is_logged(
    anna: Program, outreach: Connection, admin: Connection
) -> None:
    vera = await covered(outreach)
    shown = await anna.see(f"/persons/{vera.person_id}")
    (listed,) = shown["listed"]
    assert listed["entry_reason"] == "left_upper_secondary"
    assert listed["law"] == "Skollagen (2010:800) 29 kap. 9 §"
    assert [one["kind"] for one in shown["tasks"]] == ["inform"]
    assert await looks(admin, vera) == 1
    found = await anna.http.post("/search", json={"sought": identity_number(vera.born)})
    assert str(vera.person_id) in [one["person_id"] for one in found.json()["persons"]]
    assert await looks(admin, vera) == 2


async def test_of_a_protected_person_neither_name_nor_number_is_shown(
    anna: Program, outreach: Connection
) -> None:
    """INV-11."""
    hidden = await covered(outreach, protection="confidential")
    for path in (f"/persons/{hidden.person_id}", "/tasks?whose=team"):
        answer = await anna.get(path.partition("?")[0], **({"whose": "team"} if "?" in path else {}))
        assert str(hidden.person_id) in answer.text
        for secret in ("Vera", "Ek", identity_number(hidden.born), hidden.born.isoformat()):
            assert secret not in answer.text
    got = await anna.change("/tasks/next", 200)
    assert (got["person"]["protected"], got["person"]["name"]) == (True, None)


async def test_protected_registration_is_not_there_at_all(anna: Program, outreach: Connection) -> None:
    """INV-11: a registrar routes her first."""
    hidden = await covered(outreach, protection="protected_registration")
    task_id = await first_task(outreach, hidden)
    assert code(await anna.get(f"/persons/{hidden.person_id}")) == (404, "not_in_municipality")
    assert code(await anna.post(f"/tasks/{task_id}/take")) == (404, "not_in_municipality")
    assert code(await anna.post(f"/persons/{hidden.person_id}/contacts", **SAID)) == (
        404,
        "not_in_municipality",
    )
    assert (await anna.see("/tasks", whose="team"))["tasks"] == []


async def test_another_municipalitys_program_finds_nothing_of_ours(
    anna: Program, app: FastAPI, outreach: Connection
) -> None:
    """INV-09: whatever the identifier, the answer is that of one which is nowhere."""
    vera, task_id = await taken(outreach, anna)
    contact = await anna.change(f"/persons/{vera.person_id}/contacts", **SAID)
    measure = await anna.change(f"/persons/{vera.person_id}/measures", **PLAN)
    # the same somebody, at work in the other municipality
    there = Program(app, "anna", "kaa.outreach kaa.leader", AWAY)
    tomorrow = f"{today() + timedelta(days=1)}"
    end: dict[str, Any] = {"to_day": tomorrow, "reason": "other"}
    answers = [
        await there.get(f"/persons/{vera.person_id}"),
        await there.get(f"/tasks/{task_id}/history"),
        await there.post(f"/tasks/{task_id}/take"),
        await there.post(f"/tasks/{task_id}/heartbeat"),
        await there.post(f"/tasks/{task_id}/release"),
        await there.post(f"/tasks/{task_id}/snooze", until=tomorrow),
        await there.post(f"/tasks/{task_id}/reassign", to=None),
        await there.post(f"/tasks/{task_id}/contact", **SAID),
        await there.post(f"/tasks/{task_id}/measure", **PLAN),
        await there.post(f"/persons/{vera.person_id}/contacts", **SAID),
        await there.post(f"/persons/{vera.person_id}/measures", **PLAN),
        await there.post(f"/contacts/{contact['contact_id']}/corrections", **SAID, revision=1),
        await there.post(f"/measures/{measure['measure_id']}/changes", plan=PLAN, revision=1),
        await there.post(f"/measures/{measure['measure_id']}/end", **end, revision=1),
    ]
    assert {code(answer) for answer in answers} == {(404, "not_in_municipality")}
    assert (await there.see("/tasks", whose="team"))["tasks"] == []
    assert (await there.http.post("/search", json={"sought": "Vera"})).json()["persons"] == []
    # what we did ourselves: the contact without a task did away with what called for it
    assert await happenings(outreach, task_id) == ["opened", "claimed", "changed"]


async def test_the_list_comes_in_pages_of_which_none_is_missed_or_seen_twice(
    anna: Program, outreach: Connection
) -> None:
    there = {str((await covered(outreach)).person_id) for _ in range(7)}
    seen: list[str] = []
    page = await anna.see("/tasks", whose="team", limit=3)
    seen += [one["person_id"] for one in page["tasks"]]
    # who joins meanwhile with the same rank may come or not; who was there comes once
    while page["next_cursor"] is not None:
        page = await anna.see("/tasks", whose="team", limit=3, cursor=page["next_cursor"])
        seen += [one["person_id"] for one in page["tasks"]]
    assert sorted(seen) == sorted(there)
    for cursor in (
        "WzFd",
        "_",
        "bnVsbA",
        "WyIyMDI2LTExLTIzIixmYWxzZSwiMjAyNi0wOC0yMCIsOTk5OTk5OTk5OTk5OTk5OTk5OTld",
    ):
        assert code(await anna.get("/tasks", whose="team", cursor=cursor)) == (404, "cursor_unknown")


async def test_the_same_request_sent_again_is_answered_the_same_and_done_once(
    anna: Program, outreach: Connection
) -> None:
    vera, key = await covered(outreach), str(uuid4())
    path = f"/persons/{vera.person_id}/contacts"
    answers = [await anna.post(path, key, **SAID) for _ in range(3)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert len((await anna.see(f"/persons/{vera.person_id}"))["contacts"]) == 1


async def test_the_same_request_sent_twice_at_once_is_done_once(anna: Program, outreach: Connection) -> None:
    vera, key = await covered(outreach), str(uuid4())
    path = f"/persons/{vera.person_id}/contacts"
    answers = await asyncio.gather(*(anna.post(path, key, **SAID) for _ in range(6)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert len((await anna.see(f"/persons/{vera.person_id}"))["contacts"]) == 1


async def test_the_next_task_asked_for_again_is_the_one_that_was_given(
    anna: Program, outreach: Connection
) -> None:
    for _ in range(2):
        await covered(outreach)
    key = str(uuid4())
    one = await anna.post("/tasks/next", key)
    assert (await anna.post("/tasks/next", key)).text == one.text
    assert len((await anna.see("/tasks", whose="mine"))["tasks"]) == 1
    assert (await anna.post("/tasks/next")).json()["task"]["task_id"] != one.json()["task"]["task_id"]


async def test_an_answer_given_again_shows_what_may_be_shown_now(
    anna: Program, outreach: Connection, admin: Connection
) -> None:
    """INV-11: she was protected after the first answer; no name is kept with the key."""
    vera, key = await covered(outreach), str(uuid4())
    assert "Vera Ek" in (await anna.post("/tasks/next", key)).text
    await tell(outreach, vera.known(2, protection="confidential"))
    again = await anna.post("/tasks/next", key)
    assert (again.json()["person"]["protected"], again.json()["person"]["name"]) == (True, None)
    assert await looks(admin, vera) >= 3


async def test_a_key_is_good_for_one_request_of_one_program(
    anna: Program, app: FastAPI, outreach: Connection
) -> None:
    vera, key = await covered(outreach), str(uuid4())
    path = f"/persons/{vera.person_id}/contacts"
    await anna.post(path, key, **SAID)
    assert code(await anna.post(path, key, **(SAID | {"channel": "sms"}))) == (422, "idempotency_key_reused")
    assert code(await anna.post("/tasks/next", key)) == (422, "idempotency_key_reused")
    assert (await Program(app, "bo").post(path, key, **SAID)).status_code == 201
    assert len((await anna.see(f"/persons/{vera.person_id}"))["contacts"]) == 2


async def test_a_refusal_is_not_kept(anna: Program, outreach: Connection) -> None:
    vera = await covered(outreach)
    task_id, key = await first_task(outreach, vera), str(uuid4())
    assert code(await anna.post(f"/tasks/{task_id}/contact", key, **SAID)) == (409, "task_not_held")
    await anna.change(f"/tasks/{task_id}/take", 200)
    assert (await anna.post(f"/tasks/{task_id}/contact", key, **SAID)).status_code == 201


async def test_after_a_day_a_key_is_forgotten(anna: Program, outreach: Connection, admin: Connection) -> None:
    vera, key = await covered(outreach), str(uuid4())
    path = f"/persons/{vera.person_id}/contacts"
    first = await anna.post(path, key, **SAID)
    assert await idempotency.forget(outreach, now()) == 0
    assert (await anna.post(path, key, **SAID)).text == first.text
    await admin.execute("UPDATE idempotency_key SET at = at - interval '24 hours'")
    assert (await anna.post(path, key, **SAID)).text != first.text
    assert await idempotency.forget(outreach, now() + timedelta(hours=25)) > 0
    assert await admin.fetchval("SELECT count(*) FROM idempotency_key") == 0


async def test_clearing_up_is_done_without_a_contact_and_calling_is_not(
    anna: Program, outreach: Connection
) -> None:
    vera, task_id = await taken(outreach, anna)
    assert code(await anna.post(f"/tasks/{task_id}/done")) == (409, "contact_needed")
    await outreach.execute("UPDATE task SET kind = 'clear_up' WHERE task_id = $1", task_id)
    await anna.change(f"/tasks/{task_id}/done", 204)
    assert code(await anna.post(f"/tasks/{task_id}/done")) == (409, "task_not_held")
    person = await anna.see(f"/persons/{vera.person_id}")
    assert person["contacts"] == []
    assert await outreach.fetchval("SELECT state FROM task WHERE task_id = $1", task_id) == "done"
