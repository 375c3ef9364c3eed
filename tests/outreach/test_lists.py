"""What stands in each list of the queue, said once more in plain words and compared, in every state of a task."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Final
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from servicekit.calendar import now, today
from servicekit.database import Connection
from servicekit.viewers import Viewer, called_by, seen_by
from services.outreach import listing, queue
from services.outreach.listing import Listed, Whose
from tests.outreach.tellings import Person, tell

MORA: Final = "2062"
ORSA: Final = "2034"
BO: Final = Viewer("idp:bo", MORA, frozenset({"outreach"}))
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Known:
    """A task as it was written down."""

    task_id: int
    key: listing.Key
    waits_for: str | None
    leased_by: str | None
    lasts: bool
    assigned_to: str | None
    snoozed: bool

    @property
    def in_hand(self) -> bool:
        return self.leased_by is not None and self.lasts

    def stands_in(self, whose: Whose, who: str) -> bool:
        if whose == "mine":
            reserved = self.assigned_to == who and not self.snoozed
            return self.waits_for in {None, "holder"} and ((self.leased_by == who and self.lasts) or reserved)
        if self.waits_for is not None:
            return False
        if whose == "asleep":
            return self.snoozed
        return not (self.snoozed or self.assigned_to == who or (self.leased_by == who and self.lasts))


@pytest_asyncio.fixture(scope="module")
async def every_state(postgres: str, database: str) -> Sequence[Known]:
    """One open task in each state there is, of persons of one municipality, with ranks of a few days."""
    admin = await asyncpg.connect(f"{postgres.rpartition('/')[0]}/{database.rpartition('/')[2]}")
    at_random = random.Random(7)
    known = []
    states = product(
        (None, "person", "routing", "holder"), (None, "idp:bo", "idp:ann"), (True, False),
        (None, "idp:bo", "idp:ann"), (False, True), (False, True),
    )  # fmt: skip
    for waits_for, leased_by, lasts, assigned_to, snoozed, contacted in states:
        if leased_by is None and (waits_for == "holder" or not lasts):
            # open for a holder that is not there; a lease of nobody's
            continue
        person_id = uuid4()
        await admin.execute(
            "INSERT INTO person (person_id, revision, given_name, protection) VALUES ($1, 1, 'Kim', 'none')",
            person_id,
        )
        rank_on, since = today() + timedelta(at_random.randint(-2, 2)), today() - timedelta(5)
        task_id = await admin.fetchval(
            """
            INSERT INTO task (kind, person_id, municipality, since, opened_on, due_on, rank_on, state, step,
                              contacted, waits_for, leased_by, leased_until, assigned_to, snoozed_until)
            VALUES ('early_support', $1, $2, $3, $3, $4::date + 1, $4, 'open', 'first', $5, $6, $7, $8, $9, $10)
            RETURNING task_id
            """,
            person_id, MORA, since, rank_on, contacted, waits_for, leased_by,
            now() + (HOUR if lasts else -HOUR) if leased_by else None, assigned_to,
            today() + timedelta(9) if snoozed else None,
        )  # fmt: skip
        key = (rank_on, contacted, since, task_id)
        known.append(Known(task_id, key, waits_for, leased_by, lasts, assigned_to, snoozed))
    await admin.close()
    return known


async def pages(staff: asyncpg.Pool, whose: Whose, limit: int) -> list[Listed]:
    """The whole list, page after page."""
    found: list[Listed] = []
    async with seen_by(staff, BO) as connection:
        more, after = True, None
        while more:
            page = await listing.tasks(connection, MORA, BO.who, whose, after=after, limit=limit)
            found += page.tasks
            more, after = page.more, page.following
    return found


@pytest.mark.parametrize("whose", ["mine", "team", "asleep"])
@pytest.mark.parametrize("limit", [3, 500])
async def test_a_list_has_each_task_that_belongs_there_once_and_in_order_whatever_its_pages(
    staff: asyncpg.Pool, every_state: Sequence[Known], whose: Whose, limit: int
) -> None:
    expected = sorted((one for one in every_state if one.stands_in(whose, BO.who)), key=lambda one: one.key)
    assert [one.task_id for one in await pages(staff, whose, limit)] == [one.task_id for one in expected]
    assert expected


async def test_no_open_task_that_waits_for_nothing_is_in_no_list(
    staff: asyncpg.Pool, every_state: Sequence[Known]
) -> None:
    whose: Sequence[Whose] = ("mine", "team", "asleep")
    found = {one.task_id for each in whose for one in await pages(staff, each, 500)}
    assert {one.task_id for one in every_state if one.waits_for is None} <= found


async def test_what_can_be_taken_is_counted_as_in_the_overview(
    staff: asyncpg.Pool, every_state: Sequence[Known]
) -> None:
    async with seen_by(staff, BO) as connection:
        found = await listing.to_take(connection, MORA, today())
        whole = await listing.overview(connection, MORA, today())
    assert (found.ready, found.held, found.late) == (whole.ready, whole.held, whole.late)
    assert found.held == sum(one.in_hand and one.waits_for is None and not one.snoozed for one in every_state)


async def test_histories_of_several_tasks_are_those_of_each(outreach: Connection) -> None:
    anna, bo = Person(municipality=ORSA), Person(municipality=ORSA)
    await tell(outreach, anna.known(), anna.covered(), bo.known(), bo.covered())
    numbers = [
        row[0] for row in await outreach.fetch("SELECT task_id FROM task WHERE municipality = $1", ORSA)
    ]
    found = await listing.histories(outreach, ORSA, [*numbers, 10**9])
    assert found == {number: await listing.history(outreach, ORSA, number) for number in [*numbers, 10**9]}
    assert all(found[number] for number in numbers)


async def test_taking_the_next_in_one_round_trip_leaves_nobody_to_see_in_the_connection(
    staff: asyncpg.Pool, outreach: Connection
) -> None:
    kiruna = "2584"
    anna = Person(municipality=kiruna)
    await tell(outreach, anna.known(), anna.covered())
    worker = Viewer("idp:bo", kiruna, frozenset({"outreach"}))
    elsewhere = Viewer("idp:bo", "2583", frozenset({"outreach"}))
    assert await queue.take_next_once(staff, elsewhere, HOUR, "a") is None
    claimed = await queue.take_next_once(staff, worker, HOUR, "a")
    assert claimed == await outreach.fetchval("SELECT task_id FROM task WHERE person_id = $1", anna.person_id)
    assert await queue.take_next_once(staff, worker, HOUR, "a") == claimed
    assert await queue.take_next_once(staff, worker, HOUR, "b") is None
    assert await staff.fetchval("SELECT count(*) FROM task") == 0
    assert await outreach.fetchval(
        "SELECT count(*) FROM task_history WHERE task_id = $1 AND happening = 'claimed' AND who = 'idp:bo'",
        claimed,
    ) == 1  # fmt: skip


async def test_what_is_called_in_one_round_trip_sees_what_a_transaction_of_the_viewer_sees(
    staff: asyncpg.Pool, every_state: Sequence[Known]
) -> None:
    first = min(
        (
            one
            for one in every_state
            if one.assigned_to == BO.who and one.leased_by is None and not one.waits_for and not one.snoozed
        ),
        key=lambda one: one.key,
    )
    assert await called_by(staff, BO, "take_next_once", timedelta(0), b"form") == first.task_id
