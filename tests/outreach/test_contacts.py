"""Contacts with young people, and what follows them, on a real database."""

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from contracts.own import ContactMade
from servicekit.calendar import today
from servicekit.database import Connection
from services.outreach import contacts, listing
from services.outreach.contacts import Said
from services.outreach.queue import RefusedError
from tests.outreach.steps import calls_for, do, history_of, looks_on, said, told_of
from tests.outreach.tellings import HOME, LADDERS, Person, tell, tombstone

TOMORROW = timedelta(days=1)


async def log(connection: Connection, person: Person, what: Said, municipality: str = HOME) -> ContactMade:
    async with connection.transaction():
        return await contacts.log(connection, LADDERS, municipality, person.person_id, "idp:7", what)


async def correct(connection: Connection, made: ContactMade, revision: int, what: Said) -> ContactMade:
    async with connection.transaction():
        return await contacts.correct(
            connection, LADDERS, made.municipality, made.contact_id, revision, "idp:7", what
        )


async def covered(connection: Connection) -> Person:
    vera = Person()
    await tell(connection, vera.known(), vera.covered())
    return vera


async def test_after_an_answer_the_ladder_waits_and_then_goes_on(outreach: Connection) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("reached"))
    assert await calls_for(outreach, vera) == {}
    # a talk, a week later
    assert await looks_on(outreach, vera) == today() + timedelta(days=7)


async def test_a_step_that_opens_at_once_is_a_task_in_the_same_transaction(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered(entry_reason="no_known_school"))
    await do(outreach, vera, "clear_up", said("reached"))
    assert await calls_for(outreach, vera) == {"inform": ("inform", "social_media")}


async def test_a_persons_tasks_are_listed_in_whatever_state(outreach: Connection) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("reached", on=today() - timedelta(days=8)))
    tasks = await listing.of_person(outreach, HOME, vera.person_id)
    assert [(one.kind, one.state, one.done_on) for one in tasks] == [
        ("inform", "done", today()), ("talk", "open", None)
    ]  # fmt: skip
    assert await listing.of_person(outreach, "1480", vera.person_id) == []


async def test_a_contact_may_be_of_an_earlier_day_but_not_of_one_to_come(outreach: Connection) -> None:
    vera = await covered(outreach)
    with pytest.raises(RefusedError, match="cannot be one to come"):
        await log(outreach, vera, said(on=today() + TOMORROW))
    made = await log(outreach, vera, said(on=today() - TOMORROW))
    assert made.on == today() - TOMORROW


async def test_a_contact_that_no_task_called_for_answers_the_step_there_is(outreach: Connection) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("not_reached", on=today() - timedelta(days=8)))
    assert set(await calls_for(outreach, vera)) == {"contact"}
    await log(outreach, vera, said("reached", "meeting"))
    # she came by herself: no further try to reach her, but the talk in a week
    assert await calls_for(outreach, vera) == {}
    assert (await history_of(outreach, vera, "contact"))[-1] == ("closed", "ladder", "not_called_for")
    assert await looks_on(outreach, vera) == today() + timedelta(days=7)
    stands = await contacts.of_person(outreach, HOME, vera.person_id)
    assert [(one.said.channel, one.who, one.task_id is None) for one in stands] == [
        ("phone", "bo", False), ("meeting", "idp:7", True)
    ]  # fmt: skip


async def test_whether_anybody_reached_the_person_ranks_her_tasks(outreach: Connection) -> None:
    vera = await covered(outreach)
    contacted = "SELECT contacted FROM task WHERE person_id = $1 AND state = 'open'"
    await do(outreach, vera, "inform", said("not_reached", on=today() - timedelta(days=16)))
    assert await outreach.fetchval(contacted, vera.person_id) is False
    await do(outreach, vera, "contact", said("reached", on=today() - timedelta(days=8)))
    assert set(await calls_for(outreach, vera)) == {"talk"}
    assert await outreach.fetchval(contacted, vera.person_id) is True


async def test_an_occupation_learnt_is_told_and_lets_the_ladder_rest_while_it_is_current(
    outreach: Connection,
) -> None:
    vera = await covered(outreach)
    await do(outreach, vera, "inform", said("reached", occupation="work"))
    assert await looks_on(outreach, vera) == today() + timedelta(days=90)
    (event,) = await told_of(outreach, vera.person_id)
    assert isinstance(event.data, ContactMade)
    assert event.data.occupation == "work"


async def test_a_correction_is_another_revision_that_is_told_and_the_first_one_is_kept(
    outreach: Connection,
) -> None:
    vera = await covered(outreach)
    made = await do(outreach, vera, "inform", said("reached", occupation="work"))
    await correct(outreach, made, 1, said("not_reached"))
    kept = await contacts.of_person(outreach, HOME, vera.person_id, every_revision=True)
    assert [(one.revision, one.said.outcome, one.who) for one in kept] == [
        (1, "reached", "bo"), (2, "not_reached", "idp:7")
    ]  # fmt: skip
    (stands,) = await contacts.of_person(outreach, HOME, vera.person_id)
    assert stands.revision == 2
    told = await told_of(outreach, vera.person_id)
    assert [event.id for event in told] == [f"{made.contact_id}.1", f"{made.contact_id}.2"]
    # what was not so does not count: neither the occupation nor the answer
    assert await looks_on(outreach, vera) == today() + timedelta(days=7)


async def test_two_who_correct_one_contact_do_not_overwrite_each_other(outreach: Connection) -> None:
    vera = await covered(outreach)
    made = await log(outreach, vera, said("reached"))
    await correct(outreach, made, 1, said("declined"))
    with pytest.raises(RefusedError, match="meanwhile"):
        await correct(outreach, made, 1, said("informed"))
    with pytest.raises(RefusedError, match="no such contact"):
        async with outreach.transaction():
            await contacts.correct(outreach, LADDERS, "1480", made.contact_id, 2, "idp:7", said())


async def test_a_municipality_without_a_case_of_the_person_records_nothing(outreach: Connection) -> None:
    vera = await covered(outreach)
    routed = Person()
    await tell(outreach, routed.known(protection="protected_registration"), routed.covered())
    for person, municipality in ((vera, "1480"), (Person(), HOME), (routed, HOME)):
        with pytest.raises(RefusedError, match="no case of this person"):
            await log(outreach, person, said(), municipality)


async def test_what_was_done_for_one_who_turns_out_to_be_another_was_done_for_that_other(
    outreach: Connection,
) -> None:
    vera, winner = await covered(outreach), Person()
    await do(outreach, vera, "inform", said("reached"))
    await tell(outreach, winner.known(2), vera.known(2, merged_into=winner.person_id))
    mine = Person(person_id=winner.person_id, episode_id=vera.episode_id)
    await tell(outreach, mine.corrected(2))
    (contact,) = await contacts.of_person(outreach, HOME, winner.person_id)
    assert contact.said.outcome == "reached"
    assert await looks_on(outreach, mine) == today() + timedelta(days=7)
    assert await calls_for(outreach, mine) == {}


async def test_the_purge_of_one_who_turned_out_to_be_another_takes_nothing_of_that_other(
    outreach: Connection,
) -> None:
    """INV-10: her episode was withdrawn and stays hers; what was done for it is the other's."""
    vera, winner = await covered(outreach), await covered(outreach)
    await do(outreach, vera, "inform", said("reached"))
    await tell(outreach, vera.never(2), vera.known(2, merged_into=winner.person_id))
    await tell(outreach, tombstone(vera.person_id))
    (contact,) = await contacts.of_person(outreach, HOME, winner.person_id)
    assert (contact.said.outcome, contact.task_id is not None) == ("reached", True)


async def test_contacts_are_gone_with_a_purged_person(outreach: Connection) -> None:
    vera = await covered(outreach)
    made = await log(outreach, vera, said())
    await tell(outreach, tombstone(vera.person_id))
    assert (
        await outreach.fetchval(
            "SELECT count(*) FROM contact_revision WHERE contact_id = $1", made.contact_id
        )
        == 0
    )


async def test_what_was_said_of_a_contact_can_only_be_added_to(outreach: Connection) -> None:
    for change in ("UPDATE contact_revision SET who = 'x'", "DELETE FROM contact_revision"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await outreach.execute(change)


async def test_a_person_nobody_has_heard_of_leaves_no_trace_of_the_question(outreach: Connection) -> None:
    nobody = uuid4()
    with pytest.raises(RefusedError):
        async with outreach.transaction():
            await contacts.log(outreach, LADDERS, HOME, nobody, "bo", said())
    assert await outreach.fetchval("SELECT count(*) FROM person WHERE person_id = $1", nobody) == 0
