"""What the API refuses before anything is done: a key, a field, a word or a role that is not as it must be."""

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.outreach.programs import PLAN, Program, application, code


@pytest.fixture
def anna(staff: asyncpg.Pool) -> Program:
    return Program(application(staff))


@pytest.mark.parametrize(
    "key",
    [None, "short", "x" * 65, "blank in the middle", "200803159813"],
    ids=["none", "short", "long", "blank", "nr"],
)
async def test_every_change_needs_a_key_of_its_form(key: str | None, anna: Program) -> None:
    answer = await anna.http.post(
        "/tasks/next", json={}, headers={} if key is None else {"Idempotency-Key": key}
    )
    assert code(answer) == (422, "invalid_request")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/header/Idempotency-Key"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"diagnosis": "…"}, "/body/diagnosis"),
        ({"note": "…"}, "/body/note"),
        ({"content": "  \n"}, "/body/content"),
        ({"content": 7}, "/body/content"),
        ({"content": "å" * 1001}, "/body/content"),
        ({"from_day": "2026-02-30"}, "/body/from_day"),
        ({"kind": "prison"}, "/body/kind"),
        ({"support": [{"kind": "meals", "amount": "50", "per": "day"}]}, "/body/support/0/amount"),
        ({"support": [{"kind": "meals", "amount": 0, "per": "day"}]}, "/body/support/0/amount"),
    ],
)
async def test_what_is_wrong_in_a_plan_is_pointed_at_and_not_repeated(
    change: dict[str, Any], pointer: str, anna: Program
) -> None:
    answer = await anna.post(f"/persons/{uuid4()}/measures", **(PLAN | change))
    assert code(answer) == (422, "invalid_request")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert "handelsträdgård" not in answer.text


@pytest.mark.parametrize("asked", [{"limt": 5}, {"limit": "+5"}, {"limit": 201}, {"whose": "theirs"}])
async def test_a_list_asked_for_with_an_unknown_or_wrong_word_is_refused(
    asked: dict[str, Any], anna: Program
) -> None:
    answer = await anna.get("/tasks", **({"whose": "team"} | asked))
    assert code(answer) == (422, "invalid_request")
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/query/{next(iter(asked))}"]


async def test_leaders_and_registrars_change_nothing_that_workers_do(staff: asyncpg.Pool) -> None:
    leader, registrar = (
        Program(application(staff), "lena", f"kaa.{role}") for role in ("leader", "registrar")
    )
    assert code(await leader.post("/tasks/next")) == (403, "role_missing")
    assert code(await leader.post(f"/persons/{uuid4()}/measures", **PLAN)) == (403, "role_missing")
    assert code(await registrar.post("/tasks/next")) == (403, "role_missing")
    assert (await registrar.see("/tasks", whose="team"))["tasks"] == []
    assert (await leader.see("/overview"))["held"] >= 0
