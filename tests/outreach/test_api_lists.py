"""What a program lists, page by page, and for whom a task is kept: nothing that is open is in nobody's list."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from fastapi import FastAPI

from servicekit.database import Connection, connect
from tests.outreach import programs
from tests.outreach.programs import PLAN, SAID, Program, code
from tests.outreach.tellings import Person, tell
from tests.outreach.visits import task_of


@pytest.fixture
def served(pool: asyncpg.Pool) -> FastAPI:
    """The application with an API."""
    return programs.application(pool)


@pytest.fixture
def anna(served: FastAPI) -> Program:
    return Program(served)


@pytest.fixture
def lena(served: FastAPI) -> Program:
    """She leads the work."""
    return Program(served, "lena", "kaa.leader")


@pytest_asyncio.fixture
async def admin(postgres: str, database: str) -> AsyncIterator[Connection]:
    """Sees the access log."""
    connection = await connect(urlunsplit(urlsplit(postgres)._replace(path=urlsplit(database).path)))
    yield connection
    await connection.close()


# the queue is emptied after each test
pytestmark = pytest.mark.usefixtures("app")


async def listed(program: Program, whose: str) -> list[tuple[int, str | None]]:
    """The tasks of a list, and for whom each is kept."""
    found = (await program.see("/tasks", whose=whose))["tasks"]
    return [(one["task_id"], one["assigned_to"]) for one in found]


async def test_what_a_colleague_holds_only_a_leader_takes_out_of_her_hands(
    anna: Program, lena: Program, served: FastAPI, outreach: Connection, vera: Person
) -> None:
    task, bo = await task_of(outreach, vera), Program(served, "bo")
    await anna.change(f"/tasks/{task}/take", 200)
    for to in (None, "stockholm:bo"):
        assert code(await bo.post(f"/tasks/{task}/reassign", to=to)) == (409, "task_not_free")
    assert [one["task_id"] for one in (await anna.see("/tasks", whose="mine"))["tasks"]] == [task]
    await lena.change(f"/tasks/{task}/reassign", 204, to="stockholm:bo")
    assert await listed(bo, "mine") == [(task, "stockholm:bo")]
    # nobody holds it now, so a colleague may hand it on
    await anna.change(f"/tasks/{task}/reassign", 204, to="stockholm:anna")
    assert await listed(anna, "mine") == [(task, "stockholm:anna")]


async def test_a_task_is_kept_only_for_somebody_who_may_log_in_here(
    anna: Program, outreach: Connection, vera: Person
) -> None:
    task = await task_of(outreach, vera)
    for to in ("solna:bo", "cli:bo"):
        assert code(await anna.post(f"/tasks/{task}/reassign", to=to)) == (409, "no_such_worker")
    assert code(await anna.post(f"/tasks/{task}/reassign", to="bo")) == (422, "invalid_request")
    assert await listed(anna, "team") == [(task, None)]


async def test_what_is_kept_for_somebody_who_never_comes_stands_in_the_teams_list(
    anna: Program, lena: Program, outreach: Connection, vera: Person
) -> None:
    task = await task_of(outreach, vera)
    await anna.change(f"/tasks/{task}/reassign", 204, to="stockholm:mistyped")
    assert await listed(anna, "team") == await listed(lena, "team") == [(task, "stockholm:mistyped")]
    assert await listed(anna, "mine") == []
    await outreach.execute("UPDATE task SET snoozed_until = CURRENT_DATE + 9 WHERE task_id = $1", task)
    assert await listed(anna, "asleep") == [(task, "stockholm:mistyped")]


async def test_a_page_says_whether_another_follows_and_its_look_is_at_those_on_it(
    anna: Program, outreach: Connection, admin: Connection, vera: Person
) -> None:
    other = Person()
    await tell(outreach, other.known(), other.covered())
    seen = []
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        asked = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        page = await anna.see("/tasks", whose="team", limit=1, **asked)
        seen.append([one["person_id"] for one in page["tasks"]])
        looked = await admin.fetch(
            "SELECT person_id::text FROM access_log WHERE action = 'outreach list team' AND person_id = ANY($1)",
            [vera.person_id, other.person_id],
        )
        assert sorted(row[0] for row in looked) == sorted(one for each in seen for one in each)
    assert [len(each) for each in seen] == [1, 1]


async def test_cases_of_protected_registration_come_in_pages(served: FastAPI, outreach: Connection) -> None:
    """First those that wait to be routed, each once."""
    regina = Program(served, "regina", "kaa.registrar")
    many = [Person() for _ in range(5)]
    hidden = {"protection": "protected_registration"}
    await tell(outreach, *(one.known(**hidden) for one in many), *(one.covered() for one in many))
    for one in many[:2]:
        await regina.change(
            f"/routing/{one.person_id}/route", 204, to="stockholm:bo", reason="Har tid för det."
        )
    whole = (await regina.see("/routing"))["cases"]
    assert [one["worker"] is None for one in whole] == [True] * 3 + [False] * 2
    assert {one["person_id"] for one in whole} == {str(one.person_id) for one in many}
    found, asked = [], {}
    while True:
        page = await regina.see("/routing", limit=2, **asked)
        found += page["cases"]
        if page["next_cursor"] is None:
            break
        asked = {"cursor": page["next_cursor"]}
    assert found == whole
    cursor = (await regina.see("/routing", limit=2))["next_cursor"]
    assert code(await regina.get("/tasks", whose="team", cursor=cursor)) == (404, "cursor_unknown")
    assert code(await regina.get("/routing", cursor="WzFd")) == (404, "cursor_unknown")


async def test_a_tasks_history_is_its_latest_lines(anna: Program, outreach: Connection, vera: Person) -> None:
    task = await task_of(outreach, vera)
    await outreach.execute(
        """INSERT INTO task_history (task_id, municipality, happening, who, reason)
           SELECT $1, '0180', 'claimed', 'stockholm:bo', number::text FROM generate_series(1, 205) AS number""",
        task,
    )
    happened = (await anna.see(f"/tasks/{task}/history"))["happened"]
    assert [one["reason"] for one in happened] == [str(number) for number in range(6, 206)]


async def test_every_revision_of_a_contact_is_shown_and_the_look_is_logged(
    anna: Program, lena: Program, admin: Connection, vera: Person
) -> None:
    kept = await anna.change(f"/persons/{vera.person_id}/contacts", **SAID)
    path = f"/contacts/{kept['contact_id']}"
    await anna.change(f"{path}/corrections", **(SAID | {"outcome": "not_reached", "revision": 1}))
    revisions = (await lena.see(f"{path}/revisions"))["revisions"]
    assert [(one["revision"], one["outcome"], one["who"]) for one in revisions] == [
        (1, "reached", anna.who), (2, "not_reached", anna.who)
    ]  # fmt: skip
    looks = "SELECT count(*) FROM access_log WHERE who = $1 AND person_id = $2"
    assert await admin.fetchval(looks, lena.who, vera.person_id) == 1


async def test_every_revision_of_a_measure_is_shown_without_staffs_note(
    anna: Program, lena: Program, vera: Person
) -> None:
    kept = await anna.change(f"/persons/{vera.person_id}/measures", **PLAN)
    path = f"/measures/{kept['measure_id']}"
    # an earlier first day: by that this revision would come before the first
    await anna.change(
        f"{path}/changes", revision=1, plan=PLAN | {"from_day": "2026-01-07", "goal": "Ett mål."}
    )
    revisions = (await lena.see(f"{path}/revisions"))["revisions"]
    assert [(one["revision"], one["goal"]) for one in revisions] == [(1, None), (2, "Ett mål.")]
    assert all("note" not in one for one in revisions)
    assert code(await lena.get(f"/contacts/{kept['measure_id']}/revisions")) == (404, "not_in_municipality")


async def test_a_leader_sees_the_figures_and_nobody_else(
    anna: Program, lena: Program, served: FastAPI, outreach: Connection, vera: Person
) -> None:
    other, hidden = Person(), Person()
    await tell(outreach, other.known(), other.covered(), hidden.known(protection="protected_registration"))
    await tell(outreach, hidden.covered())
    await anna.change(f"/persons/{vera.person_id}/contacts", **SAID)
    await anna.change(f"/persons/{vera.person_id}/measures", **PLAN)
    found = await lena.see("/figures")
    assert (found["on_the_list"], found["contacted"], found["in_measure"]) == (2, 1, 1)
    assert found["days_to_first_contact"] > 0
    (age,) = found["by_age"]
    assert (age["contacted"], age["waiting"]) == (1, 1)
    assert found["by_entry_reason"] == [{"entry_reason": "left_upper_secondary", "waiting": 1}]
    assert [(one["from_days"], one["to_days"]) for one in found["by_time"]] == [
        (0, 7), (8, 30), (31, 90), (91, None)
    ]  # fmt: skip
    assert sum(one["waiting"] for one in found["by_time"]) == 1
    for other_one in (anna, Program(served, "regina", "kaa.registrar")):
        assert code(await other_one.get("/figures")) == (403, "role_missing")


async def test_a_task_is_late_when_its_day_has_passed_not_when_she_is_close_to_20(
    anna: Program, lena: Program, outreach: Connection, vera: Person
) -> None:
    task = await task_of(outreach, vera)
    await outreach.execute("UPDATE task SET rank_on = CURRENT_DATE - 100 WHERE task_id = $1", task)
    assert (await lena.see("/overview"))["late"] == 0
    await outreach.execute("UPDATE task SET due_on = CURRENT_DATE - 1 WHERE task_id = $1", task)
    assert (await anna.see("/overview"))["late"] == 1
