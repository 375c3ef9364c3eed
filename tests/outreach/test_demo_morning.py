"""The demo's morning of work, on a real queue."""

from datetime import date, timedelta

import pytest

from kaa import demo_morning
from servicekit.database import Connection
from servicekit.settings import Settings
from tests.outreach.tellings import SINCE, Person, tell


async def test_a_protected_person_is_passed_over_and_does_not_keep_the_morning_from_the_others(
    empty: Connection, staff_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_morning, "_TASKS", 4)
    first = Person()
    await tell(empty, first.known(protection="confidential"), first.covered(since=SINCE - timedelta(days=9)))
    for day in range(8):
        other = Person(born=date(2008, 4, day + 1))
        await tell(empty, other.known(), other.covered(since=SINCE + timedelta(days=day)))
    done = await demo_morning.work(Settings(outreach_staff_database=staff_address), seed=1)
    assert (done.contacts.total(), done.held) == (4, 2)
    rows = await empty.fetch(
        "SELECT person_id = $1 AS protected, leased_by FROM task WHERE state = 'open'", first.person_id
    )
    assert {row["leased_by"] for row in rows if row["protected"]} == {None}, "given back"
    assert sum(row["leased_by"] is not None for row in rows) == 2
