"""Measures: planned, changed, ended, told of and followed up, on a real database."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from contracts.own import MeasureChanged, MeasureEnded, MeasureStarted
from servicekit.calendar import today
from servicekit.database import Connection
from services.outreach import measures
from services.outreach.plans import End, Plan
from services.outreach.queue import RefusedError
from tests.outreach.steps import calls_for, do, looks_on, said, take_of, told_of
from tests.outreach.tellings import HOME, LADDERS, Person, tell, tombstone

SECRET = "Ringer mamman på torsdagar"
WEEK = timedelta(days=7)


def plan(**words: Any) -> Plan:
    stated: dict[str, Any] = {
        "kind": "work_placement",
        "content": "Praktik på biblioteket",
        "goal": "Börja på folkhögskola",
        "person_does": "Kommer varje dag",
        "from_day": today(),
        "support": ({"kind": "travel_card", "amount": 590, "per": "month"},),
        "note": SECRET,
    }
    return Plan(**(stated | words))


async def covered(connection: Connection, municipality: str = HOME) -> Person:
    vera = Person(municipality=municipality)
    await tell(connection, vera.known(), vera.covered())
    return vera


async def started(connection: Connection, person: Person, **words: Any) -> UUID:
    async with connection.transaction():
        return await measures.start(
            connection, LADDERS, person.municipality, person.person_id, "idp:7", plan(**words)
        )


async def change(connection: Connection, measure_id: UUID, revision: int, **words: Any) -> None:
    async with connection.transaction():
        await measures.change(connection, LADDERS, HOME, measure_id, revision, "idp:8", plan(**words))


async def end(
    connection: Connection, measure_id: UUID, revision: int, ended: End, municipality: str = HOME
) -> None:
    async with connection.transaction():
        await measures.end(connection, LADDERS, municipality, measure_id, revision, "idp:8", ended)


async def test_while_a_measure_goes_on_the_ladder_rests(outreach: Connection) -> None:
    vera = await covered(outreach)
    await started(outreach, vera)
    assert await calls_for(outreach, vera) == {}
    # 60 days without a planned follow-up, opened a week before
    assert await looks_on(outreach, vera) == today() + timedelta(days=53)


async def test_it_is_told_without_any_free_text(outreach: Connection) -> None:
    vera = await covered(outreach)
    measure_id = await started(outreach, vera)
    await change(outreach, measure_id, 1, kind="guidance")
    await end(
        outreach,
        measure_id,
        2,
        End(to_day=today(), reason="started_education", occupation_after="other_studies"),
    )
    told = await told_of(outreach, vera.person_id)
    first, second, third = (event.data for event in told)
    assert isinstance(first, MeasureStarted)
    assert isinstance(second, MeasureChanged)
    assert isinstance(third, MeasureEnded)
    assert [event.id for event in told] == [f"{measure_id}.{revision}" for revision in (1, 2, 3)]
    assert (first.kind, first.from_, first.to, second.kind) == ("work_placement", today(), None, "guidance")
    assert (third.to, third.end_reason, third.occupation_after) == (
        today(), "started_education", "other_studies"
    )  # fmt: skip
    values = await outreach.fetch(
        "SELECT convert_from(value, 'UTF8') FROM outbox WHERE key = $1", str(vera.person_id).encode()
    )
    for words in (SECRET, "biblioteket", "folkhögskola", "varje dag", "590"):
        assert not any(words in row[0] for row in values)


async def test_every_revision_is_kept_with_who_said_it(outreach: Connection) -> None:
    vera = await covered(outreach)
    measure_id = await started(outreach, vera)
    await change(outreach, measure_id, 1, goal="Börja på komvux")
    kept = await measures.of_person(outreach, HOME, vera.person_id, every_revision=True)
    assert [(one.revision, one.plan.goal, one.who) for one in kept] == [
        (1, "Börja på folkhögskola", "idp:7"), (2, "Börja på komvux", "idp:8")
    ]  # fmt: skip
    (stands,) = await measures.of_person(outreach, HOME, vera.person_id)
    assert (stands.revision, stands.plan.note, stands.plan.support[0].amount, stands.end) == (
        2,
        SECRET,
        590,
        None,
    )
    for words in ("UPDATE measure_revision SET goal = 'x'", "DELETE FROM measure_revision"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await outreach.execute(words)


async def test_an_offer_that_is_taken_up_is_done_with_the_measure(outreach: Connection) -> None:
    vera = await covered(outreach)
    number = await take_of(outreach, vera, "inform")
    async with outreach.transaction():
        await measures.start_for_task(outreach, LADDERS, number, "bo", plan())
    assert await outreach.fetchval("SELECT state FROM task WHERE task_id = $1", number) == "done"
    assert await calls_for(outreach, vera) == {}


async def test_a_follow_up_is_a_task_a_week_before_its_day_and_the_next_one_comes_after_it(
    outreach: Connection,
) -> None:
    vera = await covered(outreach, "0140")
    soon, later = today() + timedelta(days=5), today() + timedelta(days=40)
    await started(outreach, vera, follow_up_on=(soon, later))
    assert await calls_for(outreach, vera) == {"follow_up": ("follow_up", "meeting")}
    due = await outreach.fetchval(
        "SELECT due_on FROM task WHERE person_id = $1 AND kind = 'follow_up'", vera.person_id
    )
    assert due == soon
    week = await measures.follow_ups(outreach, "0140", today(), today() + 2 * WEEK, "idp:7")
    assert [(one.on, one.name, one.kind) for one in week] == [(soon, "Vera Ek", "work_placement")]
    await do(outreach, vera, "follow_up", said("reached", "meeting"))
    assert await calls_for(outreach, vera) == {}
    assert await looks_on(outreach, vera) == later - WEEK
    assert await measures.follow_ups(outreach, "0140", today(), today() + 2 * WEEK, "idp:7") == []
    both = await measures.follow_ups(outreach, "0140", today(), later, "idp:7")
    assert [one.on for one in both] == [later]


async def test_a_follow_up_that_nobody_answered_keeps_its_day_and_is_tried_again(
    outreach: Connection,
) -> None:
    vera = await covered(outreach, "0115")
    soon = today() + timedelta(days=5)
    await started(outreach, vera, follow_up_on=(soon,))
    await do(outreach, vera, "follow_up", said("not_reached", "meeting"))
    assert await calls_for(outreach, vera) == {}
    assert await looks_on(outreach, vera) == today() + WEEK
    listed = await measures.follow_ups(outreach, "0115", today(), soon, "idp:7")
    assert [one.on for one in listed] == [soon]


async def test_follow_ups_are_those_of_the_queue_and_planned_days_ahead_each_person_and_day_once(
    outreach: Connection,
) -> None:
    at = "0138"
    soon, later = today() + timedelta(days=3), today() + timedelta(days=30)
    unplanned, twice, ending, gone = [await covered(outreach, at) for _ in range(4)]
    for person in (unplanned, gone):
        await started(outreach, person, from_day=today() - timedelta(days=58))
    await started(outreach, gone, follow_up_on=(later,))
    for _ in range(2):
        await started(outreach, twice, follow_up_on=(soon, later))
    measure_id = await started(outreach, ending, follow_up_on=(soon,))
    await end(outreach, measure_id, 1, End(to_day=later, reason="completed"), at)
    await tell(outreach, gone.no_longer())

    listed = await measures.follow_ups(outreach, at, today(), later, "idp:7")
    assert sorted((one.on, one.person_id) for one in listed) == sorted(
        [
            (today() + timedelta(days=2), unplanned.person_id),
            (soon, twice.person_id), (later, twice.person_id), (soon, ending.person_id),
        ]
    )  # fmt: skip
    open_ones = await outreach.fetch(
        "SELECT due_on, person_id FROM task WHERE municipality = $1 AND kind = 'follow_up' AND state = 'open'",
        at,
    )
    assert {tuple(row) for row in open_ones} == {(one.on, one.person_id) for one in listed if one.on != later}


async def test_no_more_follow_ups_are_listed_at_once_than_can_be_read(
    outreach: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "MOST_LISTED", 2)
    days = tuple(today() + timedelta(days=day) for day in (9, 10, 11))
    await started(outreach, await covered(outreach, "0139"), follow_up_on=days)
    listed = await measures.follow_ups(outreach, "0139", today(), days[-1], "idp:7")
    assert [one.on for one in listed] == [*days[:2]]


async def test_a_day_planned_after_a_follow_up_was_done_ahead_of_its_own_is_not_lost(
    outreach: Connection,
) -> None:
    vera = await covered(outreach, "0163")
    own, between = today() + timedelta(days=6), today() + timedelta(days=3)
    await started(outreach, vera, follow_up_on=(own,))
    await do(outreach, vera, "follow_up", said("reached", "meeting"))
    assert await calls_for(outreach, vera) == {}, "its day is not asked for again"
    await started(outreach, vera, follow_up_on=(between,))
    due = await outreach.fetchval(
        "SELECT due_on FROM task WHERE person_id = $1 AND kind = 'follow_up' AND state = 'open'",
        vera.person_id,
    )
    assert due == between


async def test_when_it_has_ended_the_ladder_goes_on_and_when_that_was_wrong_it_rests_again(
    outreach: Connection,
) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("reached"))
    measure_id = await started(outreach, vera, from_day=today() - timedelta(days=60))
    await end(outreach, measure_id, 1, End(to_day=today() - timedelta(days=7), reason="own_choice"))
    assert await looks_on(outreach, vera) == today() + WEEK
    await change(outreach, measure_id, 2)
    (stands,) = await measures.of_person(outreach, HOME, vera.person_id)
    assert (stands.revision, stands.end) == (3, None)


async def test_the_occupation_after_a_measure_counts_as_known(outreach: Connection) -> None:
    vera = await covered(outreach)
    measure_id = await started(outreach, vera, from_day=today() - timedelta(days=60))
    yesterday = today() - timedelta(days=1)
    await end(outreach, measure_id, 1, End(to_day=yesterday, reason="started_work", occupation_after="work"))
    assert await looks_on(outreach, vera) == yesterday + timedelta(days=90)


async def test_what_cannot_be_is_refused(outreach: Connection) -> None:
    vera = await covered(outreach)
    measure_id = await started(outreach, vera)
    with pytest.raises(RefusedError, match="before it begins"):
        await end(outreach, measure_id, 1, End(to_day=today() - timedelta(days=1), reason="other"))
    await change(outreach, measure_id, 1)
    with pytest.raises(RefusedError, match="meanwhile"):
        await change(outreach, measure_id, 1)
    with pytest.raises(RefusedError, match="no such measure"):
        async with outreach.transaction():
            await measures.change(outreach, LADDERS, "1480", measure_id, 2, "idp:8", plan())
    with pytest.raises(RefusedError, match="no case"):
        await started(outreach, Person(person_id=vera.person_id, municipality="1480"))


async def test_measures_are_gone_with_a_purged_person(outreach: Connection) -> None:
    vera = await covered(outreach)
    measure_id = await started(outreach, vera)
    await tell(outreach, tombstone(vera.person_id))
    for table in ("measure", "measure_revision"):
        assert await outreach.fetchval(f"SELECT count(*) FROM {table} WHERE measure_id = $1", measure_id) == 0


async def test_of_a_protected_person_a_follow_up_shows_no_name(outreach: Connection) -> None:
    vera = await covered(outreach, "0160")
    await started(outreach, vera, follow_up_on=(today(),))
    await tell(outreach, vera.known(2, protection="confidential"))
    (one,) = await measures.follow_ups(outreach, "0160", date.min, date.max, "idp:7")
    assert one.name is None
    await tell(outreach, vera.known(3, protection="protected_registration"))
    assert await measures.follow_ups(outreach, "0160", date.min, date.max, "idp:7") == []
