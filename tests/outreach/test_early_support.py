"""Notices of absence become tasks of early support, and nothing in the register; on a real database."""

from datetime import date, timedelta
from itertools import permutations
from uuid import uuid4

import pytest

from contracts.own import ContactMade
from servicekit.calendar import today
from servicekit.database import Connection, new_pool
from services.outreach import contacts, measures, queue
from services.outreach.kinds import Outcome
from services.outreach.persons import noticed
from services.outreach.plans import Plan
from services.outreach.queue import next_task
from services.outreach.timers import outgrow, wake
from tests.outreach.steps import HOUR, calls_for, do, history_of, said, take_of
from tests.outreach.tellings import HOME, LADDERS, SINCE, Person, tell, tombstone
from tests.outreach.visits import SAID, Colleague, shown, task_of


async def test_a_notice_of_absence_is_a_task_of_the_home_municipality(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    assert await calls_for(outreach, vera) == {"early_support": ("early_support", None)}
    row = await outreach.fetchrow(
        "SELECT municipality, episode_id, since, opened_on FROM task WHERE person_id = $1", vera.person_id
    )
    assert tuple(row) == (HOME, None, today(), today())
    assert await outreach.fetchval("SELECT count(*) FROM episode WHERE person_id = $1", vera.person_id) == 0


async def test_a_notice_taken_back_closes_it(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    await tell(outreach, vera.noticed(revision=2, status="withdrawn"))
    assert await calls_for(outreach, vera) == {}
    assert (await history_of(outreach, vera, "early_support"))[-1] == (
        "closed",
        "registry",
        "notice_withdrawn",
    )


async def test_a_pupil_who_is_back_closes_it_and_who_is_absent_again_opens_another(
    outreach: Connection,
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    await tell(outreach, vera.noticed(revision=2, status="closed"))
    assert await calls_for(outreach, vera) == {}
    assert (await history_of(outreach, vera, "early_support"))[-1] == ("closed", "registry", "notice_closed")
    await tell(outreach, vera.noticed(revision=3))
    assert set(await calls_for(outreach, vera)) == {"early_support"}


async def test_a_notice_that_is_closed_when_it_is_first_told_opens_nothing(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed(status="closed"))
    assert await calls_for(outreach, vera) == {}


async def test_one_of_two_notices_still_calls_for_it_when_the_other_is_closed(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed(), vera.noticed(notice_id=uuid4()))
    await tell(outreach, vera.noticed(revision=2, status="closed"))
    assert set(await calls_for(outreach, vera)) == {"early_support"}


async def test_who_holds_it_may_be_done_with_it_after_the_pupil_is_back(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    number = await take_of(outreach, vera, "early_support")
    await tell(outreach, vera.noticed(revision=2, status="closed"))
    row = await outreach.fetchrow("SELECT state, waits_for FROM task WHERE task_id = $1", number)
    assert tuple(row) == ("open", "holder")
    async with outreach.transaction():
        await contacts.record(outreach, LADDERS, number, "bo", said("reached"))
    assert await outreach.fetchval("SELECT state FROM task WHERE task_id = $1", number) == "done"


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("ended", ["closed", "withdrawn"])
async def test_absence_that_grows_after_it_was_handled_and_over_calls_for_support_again(
    outreach: Connection, ended: str, at_once: bool
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    await do(outreach, vera, "early_support", said("reached"))
    await outreach.execute("UPDATE notice SET heard_on = heard_on - 40 WHERE person_id = $1", vera.person_id)
    over, again = vera.noticed(revision=2, status=ended), vera.noticed(revision=3)
    for batch in ((over, again),) if at_once else ((over,), (again,)):
        await tell(outreach, *batch)
    assert set(await calls_for(outreach, vera)) == {"early_support"}
    # it is as if heard of today: nobody is late with it
    assert (
        await outreach.fetchval(
            "SELECT since FROM task WHERE person_id = $1 AND state = 'open'", vera.person_id
        )
        == today()
    )


async def test_any_order_of_a_notices_events_and_the_persons_ends_in_the_same_task(
    outreach: Connection,
) -> None:
    for order in permutations(range(4)):
        vera = Person()
        told = (
            vera.known(), vera.noticed(), vera.noticed(revision=2, status="withdrawn"), vera.noticed(revision=3)
        )  # fmt: skip
        for place in order:
            await tell(outreach, told[place])
        assert await calls_for(outreach, vera) == {"early_support": ("early_support", None)}


async def test_several_months_of_absence_are_one_task_and_the_next_one_after_it_is_another(
    outreach: Connection,
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed(), vera.noticed(notice_id=uuid4()))
    await do(outreach, vera, "early_support", said("reached"))
    assert await calls_for(outreach, vera) == {}
    # the same notices again, corrected, are handled already
    await tell(outreach, vera.noticed(revision=2))
    assert await calls_for(outreach, vera) == {}
    await tell(outreach, vera.noticed(notice_id=uuid4()))
    assert set(await calls_for(outreach, vera)) == {"early_support"}


AFTER = LADDERS.of(HOME).early_support.again_after_days


async def attempts(connection: Connection, person: Person) -> list[tuple[str, date | None]]:
    """State of each task of early support, and until when it is put off."""
    rows = await connection.fetch(
        "SELECT state, snoozed_until FROM task WHERE person_id = $1 AND kind = 'early_support' ORDER BY task_id",
        person.person_id,
    )
    return [tuple(row) for row in rows]


async def handled(connection: Connection, person: Person) -> date | None:
    """Of the notice that was heard of first."""
    return (await noticed(connection, HOME, person.person_id))[0].handled_on


async def correct(connection: Connection, made: ContactMade, revision: int, outcome: Outcome) -> None:
    async with connection.transaction():
        await contacts.correct(connection, LADDERS, HOME, made.contact_id, revision, "bo", said(outcome))


@pytest.mark.parametrize("outcome", ["not_reached", "message_left"])
async def test_an_attempt_that_nobody_answered_handles_no_notice_and_is_made_again_later(
    outreach: Connection, database: str, outcome: Outcome
) -> None:
    vera, later = Person(), today() + timedelta(days=AFTER)
    await tell(outreach, vera.known(), vera.noticed())
    await do(outreach, vera, "early_support", said(outcome))
    assert await attempts(outreach, vera) == [("done", None), ("open", later)]
    assert await handled(outreach, vera) is None
    due = "SELECT due_on FROM task WHERE person_id = $1 AND state = 'open'"
    assert await outreach.fetchval(due, vera.person_id) == later, "not late before it is to be done"
    assert (await history_of(outreach, vera, "early_support"))[-2:] == [
        ("opened", "ladder", None), ("snoozed", "ladder", f"until {later}")
    ]  # fmt: skip
    async with new_pool(database, name="test", size=1) as pool:
        assert await wake(pool, later - timedelta(days=1)) == 0
        assert await wake(pool, later) == 1
    await do(outreach, vera, "early_support", said("declined"))
    assert await attempts(outreach, vera) == [("done", None), ("done", None)]
    assert await handled(outreach, vera) == today()


async def test_an_attempt_noted_late_enough_is_made_again_at_once(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    await do(outreach, vera, "early_support", said("not_reached", on=today() - timedelta(days=AFTER)))
    assert await attempts(outreach, vera) == [("done", None), ("open", None)]


async def test_a_correction_of_whether_she_answered_handles_the_notice_or_opens_it_again(
    outreach: Connection,
) -> None:
    vera, later = Person(), today() + timedelta(days=AFTER)
    await tell(outreach, vera.known(), vera.noticed())
    made = await do(outreach, vera, "early_support", said("not_reached"))
    await correct(outreach, made, 1, "reached")
    assert await attempts(outreach, vera) == [("done", None), ("closed", None)]
    assert await handled(outreach, vera) == today()
    assert (await history_of(outreach, vera, "early_support"))[-1] == ("closed", "ladder", "not_called_for")
    await correct(outreach, made, 2, "informed")
    assert await handled(outreach, vera) == today()
    await correct(outreach, made, 3, "message_left")
    assert await attempts(outreach, vera) == [("done", None), ("closed", None), ("open", later)]
    assert await handled(outreach, vera) is None


async def test_whoever_notes_an_attempt_on_the_pages_finds_the_next_one_among_what_is_put_off(
    otilia: Colleague, outreach: Connection
) -> None:
    vera = Person()
    await tell(outreach, vera.known(given_name="Wilma"), vera.noticed())
    task = await task_of(outreach, vera)
    await otilia.send(f"/tasks/{task}/take")
    await otilia.send(f"/tasks/{task}/contact", **SAID | {"outcome": "not_reached"})
    assert "Wilma Ek" in shown(await otilia.get("/asleep"))
    contact = await outreach.fetchval("SELECT contact_id FROM contact WHERE task_id = $1", task)
    await otilia.send(f"/contacts/{contact}", **SAID, revision="1")
    assert "Wilma Ek" not in shown(await otilia.get("/asleep"))
    assert await handled(outreach, vera) == today()


async def test_it_waits_for_the_person_and_for_routing(outreach: Connection) -> None:
    vera = Person()
    waits = "SELECT waits_for FROM task WHERE person_id = $1"
    await tell(outreach, vera.noticed())
    assert await outreach.fetchval(waits, vera.person_id) == "person"
    await tell(outreach, vera.known(1, protection="protected_registration"))
    assert await outreach.fetchval(waits, vera.person_id) == "routing"
    await tell(outreach, vera.known(2))
    assert await outreach.fetchval(waits, vera.person_id) is None


async def test_who_holds_it_is_told_whom_it_is_about_and_that_she_is_not_on_the_list(
    outreach: Connection,
) -> None:
    vera = Person(municipality="0136")
    await tell(outreach, vera.known(), vera.noticed())
    async with outreach.transaction():
        claimed = await next_task(outreach, "0136", "bo", HOUR)
    assert claimed is not None
    assert claimed.youth is not None
    assert (claimed.youth.name, claimed.youth.entry_reason, claimed.youth.since) == ("Vera Ek", None, None)


@pytest.mark.parametrize("case_first", [False, True])
@pytest.mark.parametrize("since", [SINCE, today()])
async def test_who_has_left_school_since_is_called_for_by_her_case_alone(
    outreach: Connection, since: date, case_first: bool
) -> None:
    """The school may say late when she left: what counts then is that the municipality hears of it."""
    vera = Person()
    told = [vera.noticed(), vera.covered(since=since)]
    await tell(outreach, vera.known())
    for event in reversed(told) if case_first else told:
        await tell(outreach, event)
    assert "early_support" not in await calls_for(outreach, vera)
    if not case_first:
        last = (await history_of(outreach, vera, "early_support"))[-1]
        assert last == ("closed", "registry", "covered")
    # at another school now, she is not called for because of what the one before told
    await tell(outreach, vera.no_longer(2, since=since, to=today()))
    assert await calls_for(outreach, vera) == {}
    # and she never left: the absence stands as before
    await tell(outreach, vera.never(3))
    assert set(await calls_for(outreach, vera)) == {"early_support"}


async def test_it_ends_at_20(outreach: Connection, database: str) -> None:
    vera, kim = Person(), Person()
    birthday = today() + timedelta(days=2)
    born = birthday.replace(year=birthday.year - 20)
    await tell(outreach, vera.known(birth_date=born), vera.noticed())
    await tell(outreach, kim.known(birth_date=born + timedelta(days=1)), kim.noticed())
    async with new_pool(database, name="test", size=1) as pool:
        looked_at = [await outgrow(pool, LADDERS, birthday + timedelta(days=later)) for later in (-1, 0, 0)]
    assert looked_at == [0, 1, 0]
    assert await calls_for(outreach, vera) == {}
    assert (await history_of(outreach, vera, "early_support"))[-1] == ("closed", "ladder", "turned_20")
    assert set(await calls_for(outreach, kim)) == {"early_support"}


async def test_of_whom_no_school_was_known_it_is_another_task(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed(), vera.covered(entry_reason="no_known_school"))
    assert "early_support" in await calls_for(outreach, vera)


async def test_an_open_case_from_before_it_is_another_task(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered())
    await outreach.execute("UPDATE episode SET opened_on = opened_on - 1")
    await tell(outreach, vera.noticed())
    assert set(await calls_for(outreach, vera)) == {"early_support", "inform"}
    await tell(outreach, vera.no_longer(2))
    assert set(await calls_for(outreach, vera)) == {"early_support"}


async def test_a_notice_that_becomes_another_persons_takes_its_task_along(outreach: Connection) -> None:
    vera, winner = Person(), Person()
    await tell(outreach, vera.known(), winner.known(), vera.noticed())
    await tell(outreach, vera.known(2, merged_into=winner.person_id))
    await tell(outreach, vera.noticed(revision=2, person_id=winner.person_id))
    assert await calls_for(outreach, vera) == {}
    assert set(await calls_for(outreach, winner)) == {"early_support"}


async def test_it_is_gone_with_a_purged_person(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    await tell(outreach, tombstone(vera.person_id), vera.noticed(revision=2))
    for table in ("task", "notice"):
        query = f"SELECT count(*) FROM {table} WHERE person_id = $1"
        assert await outreach.fetchval(query, vera.person_id) == 0


@pytest.mark.parametrize(("status", "told", "back"), [("closed", 1, 1), ("withdrawn", 0, 0)])
async def test_the_persons_page_says_that_the_pupil_is_back_and_nothing_of_what_was_taken_back(
    otilia: Colleague, outreach: Connection, status: str, told: int, back: int
) -> None:
    wilma = Person()
    await tell(outreach, wilma.known(given_name="Wilma"), wilma.noticed())
    before = shown(await otilia.get(f"/persons/{wilma.person_id}"))
    assert "A school told of much absence<" in before
    assert "The pupil is back at school" not in before
    await tell(outreach, wilma.noticed(revision=2, status=status))
    after = shown(await otilia.get(f"/persons/{wilma.person_id}"))
    assert after.count("A school told of much absence<") == told
    assert after.count("The pupil is back at school. Education Act 15:15") == back


@pytest.mark.parametrize("order", list(permutations((2, 3))))
async def test_absence_that_grew_after_somebody_answered_calls_for_support_in_any_order(
    outreach: Connection, order: tuple[int, ...]
) -> None:
    """INV-02: also when the word that it was over comes after the word that it stands again."""
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    await do(outreach, vera, "early_support", said("reached"))
    for revision in order:
        await tell(outreach, vera.noticed(revision=revision, status={2: "closed", 3: "registered"}[revision]))
    assert set(await calls_for(outreach, vera)) == {"early_support"}
    assert await handled(outreach, vera) is None


@pytest.mark.parametrize(
    ("outcome", "days_ago", "left"),
    [("reached", 0, set()), ("not_reached", 0, {"early_support"}), ("reached", 3, {"early_support"})],
)
async def test_who_rings_by_herself_has_answered_what_was_known_by_then(
    outreach: Connection, outcome: Outcome, days_ago: int, left: set[str]
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    async with outreach.transaction():
        what = said(outcome, on=today() - timedelta(days=days_ago))
        await contacts.log(outreach, LADDERS, HOME, vera.person_id, "bo", what)
    assert set(await calls_for(outreach, vera)) == left


async def test_a_correction_touches_no_notice_that_the_attempt_was_not_for(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    first = await do(outreach, vera, "early_support", said("reached"))
    await tell(outreach, vera.noticed(notice_id=uuid4()))
    second = await do(outreach, vera, "early_support", said("reached"))
    await correct(outreach, second, 1, "not_reached")
    assert sorted(one.handled_on is None for one in await noticed(outreach, HOME, vera.person_id)) == [
        False,
        True,
    ]
    await correct(outreach, first, 1, "not_reached")
    await correct(outreach, first, 2, "reached")
    assert sorted(one.handled_on is None for one in await noticed(outreach, HOME, vera.person_id)) == [
        False,
        True,
    ]
    assert set(await calls_for(outreach, vera)) == {"early_support"}


async def test_a_correction_leaves_a_task_in_a_colleagues_hands_and_one_put_off_by_hand(
    outreach: Connection,
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    made = await do(outreach, vera, "early_support", said("reached"))
    await tell(outreach, vera.noticed(notice_id=uuid4()))
    number = await take_of(outreach, vera, "early_support", "asa")
    await correct(outreach, made, 1, "not_reached")
    row = "SELECT leased_by, snoozed_until FROM task WHERE task_id = $1"
    assert tuple(await outreach.fetchrow(row, number)) == ("asa", None)
    async with outreach.transaction():
        await queue.snooze(outreach, number, today() + timedelta(days=2), "asa")
    await correct(outreach, made, 2, "reached")
    await correct(outreach, made, 3, "not_reached")
    assert tuple(await outreach.fetchrow(row, number)) == (None, today() + timedelta(days=2))


async def test_its_history_says_why_it_was_closed(outreach: Connection) -> None:
    vera, kim, winner = Person(), Person(), Person()
    # handled after all, while the next attempt was in a colleague's hands
    await tell(outreach, vera.known(), vera.noticed())
    made = await do(outreach, vera, "early_support", said("not_reached"))
    number = await take_of(outreach, vera, "early_support", "asa")
    await correct(outreach, made, 1, "reached")
    async with outreach.transaction():
        await queue.release(outreach, number, "asa")
    assert (await history_of(outreach, vera, "early_support"))[-1][::2] == ("closed", "not_called_for")
    # another month's notice was closed before; this one is withdrawn
    await tell(outreach, kim.known(), kim.noticed())
    await outreach.execute("UPDATE notice SET heard_on = heard_on - 40 WHERE person_id = $1", kim.person_id)
    await tell(outreach, kim.noticed(revision=2, status="closed"))
    other = uuid4()
    await tell(outreach, kim.noticed(notice_id=other))
    await tell(outreach, kim.noticed(notice_id=other, revision=2, status="withdrawn"))
    assert (await history_of(outreach, kim, "early_support"))[-1] == (
        "closed",
        "registry",
        "notice_withdrawn",
    )
    # she is the same as somebody else
    await tell(outreach, kim.noticed(notice_id=other, revision=3), winner.known())
    await tell(outreach, kim.known(2, merged_into=winner.person_id))
    await tell(outreach, kim.noticed(notice_id=other, revision=4, person_id=winner.person_id))
    assert (await history_of(outreach, kim, "early_support"))[-1] == ("closed", "registry", "merged")


async def test_a_measure_that_it_led_to_handles_the_notice(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed())
    number = await take_of(outreach, vera, "early_support")
    async with outreach.transaction():
        plan = Plan(kind="talks", content="Samtal", from_day=today())
        await measures.start_for_task(outreach, LADDERS, number, "bo", plan)
    assert await calls_for(outreach, vera) == {}
    assert await handled(outreach, vera) == today()
