"""Notices of absence become tasks of early support, and nothing in the register; on a real database."""

from itertools import permutations
from uuid import uuid4

from servicekit.calendar import today
from servicekit.database import Connection
from services.outreach.queue import next_task
from tests.outreach.steps import HOUR, calls_for, do, history_of, said
from tests.outreach.tellings import HOME, Person, tell, tombstone


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


async def test_an_open_case_beside_it_is_another_task(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.noticed(), vera.covered())
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
