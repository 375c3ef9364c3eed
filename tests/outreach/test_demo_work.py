"""The work of the demo's outreach, on a real queue."""

from datetime import date, timedelta

from kaa.demo_work import Work, work
from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.settings import Settings
from tests.outreach.tellings import SINCE, Person, tell

_CONTACTS = """
SELECT person_id, on_day, outcome FROM contact JOIN contact_revision USING (contact_id, revision) ORDER BY contact_id
"""


async def _worked(empty: Connection, staff_address: str, persons: int) -> tuple[Work, Person, list[int]]:
    """A protected person, first in the queue, and others; the season and the morning; what progress was shown."""
    protected = Person()
    await tell(
        empty, protected.known(protection="confidential"), protected.covered(since=SINCE - timedelta(days=9))
    )
    for number in range(persons):
        other = Person(born=date(2009, 4, number % 28 + 1))
        await tell(empty, other.known(), other.covered(since=SINCE + timedelta(days=number)))
    shown: list[int] = []
    settings = Settings(outreach_staff_database=staff_address)
    return await work(settings, seed=1, show=shown.append), protected, shown


async def test_a_season_is_worked_off_on_the_days_it_would_have_been_and_a_morning_is_left(
    empty: Connection, staff_address: str
) -> None:
    done, _, shown = await _worked(empty, staff_address, 60)
    made = await empty.fetch(_CONTACTS)
    assert len(made) == done.contacts
    assert shown == list(range(1, done.season.total() + 1))
    assert {row["on_day"] for row in made} <= {SINCE + timedelta(days=day) for day in range(98)}
    assert sum(row["on_day"] == today() for row in made) == done.morning.total() > 0
    assert all(row["on_day"].weekday() < 5 for row in made if row["on_day"] != today())
    assert len({row["person_id"] for row in made}) > 40, "nearly everybody was tried"
    assert done.begun == await empty.fetchval("SELECT count(*) FROM measure") > 0
    kinds = await empty.fetch("SELECT kind FROM task WHERE state = 'open' GROUP BY kind")
    assert len(kinds) >= 3, "the morning has more than one kind of task"
    assert (
        await empty.fetchval("SELECT count(*) FROM task WHERE snoozed_until > $1", today())
        == done.put_off
        > 0
    )


async def test_a_protected_person_is_passed_over_and_does_not_keep_the_others_from_being_called(
    empty: Connection, staff_address: str
) -> None:
    done, protected, _ = await _worked(empty, staff_address, 80)
    rows = await empty.fetch(
        "SELECT person_id = $1 AS protected, leased_by FROM task WHERE state = 'open'", protected.person_id
    )
    assert {row["leased_by"] for row in rows if row["protected"]} == {None}, "given back"
    assert sum(row["leased_by"] is not None for row in rows) == done.held == 2
    assert protected.person_id not in {row["person_id"] for row in await empty.fetch(_CONTACTS)}


async def test_early_support_is_tried_when_the_notice_was_there(
    empty: Connection, staff_address: str
) -> None:
    for number in range(20):
        pupil = Person(born=date(2009, 4, number + 1))
        await tell(empty, pupil.known(), pupil.noticed())
    settings = Settings(outreach_staff_database=staff_address)
    done = await work(settings, seed=1, show=lambda _: None)
    assert 10 < done.season.total() < 20, "some are left for the morning"
    assert {row["on_day"] for row in await empty.fetch(_CONTACTS)} == {today()}
