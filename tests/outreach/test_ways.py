"""Contact ways: kept for the municipality with an open case, never of a protected person; on a real database."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.municipality import Address, Contact
from servicekit.database import Connection
from services.outreach import ways
from services.outreach.ways import Ways
from tests.outreach.steps import calls_for
from tests.outreach.tellings import HOME, SINCE, Person, tell, tombstone

CONTACT = Contact(
    address=Address(street="Storgatan 1", postal_code="11122", city="Stad"),
    email="vera@example.org",
    phones=("070-1740601", "070-1740602"),
)
ALL = Ways(("070-1740601", "070-1740602"), "vera@example.org", "Storgatan 1", "11122", "Stad")


async def of(connection: Connection, person: Person, municipality: str = HOME) -> Ways | None:
    return await ways.of(connection, municipality, person.person_id, "idp:7")


async def kept(connection: Connection, person: Person) -> int:
    found: int = await connection.fetchval(
        "SELECT count(*) FROM contact_way WHERE person_id = $1", person.person_id
    )
    return found


@pytest.mark.parametrize("person_first", [True, False])
async def test_the_municipality_with_an_open_case_sees_them_and_no_other(
    outreach: Connection, person_first: bool
) -> None:
    vera = Person()
    known, covered = vera.known(contact=CONTACT), vera.covered()
    for event in (known, covered) if person_first else (covered, known):
        await tell(outreach, event)
    assert await of(outreach, vera) == ALL
    assert await of(outreach, vera, "1480") is None


async def test_nobody_sees_them_while_no_case_is_open(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(contact=CONTACT))
    assert await of(outreach, vera) is None
    await tell(outreach, vera.covered())
    assert await of(outreach, vera) == ALL
    await tell(outreach, vera.no_longer(2))
    assert await of(outreach, vera) is None
    assert await kept(outreach, vera) == 1


async def test_after_a_move_they_are_the_new_municipalitys(outreach: Connection) -> None:
    vera = Person()
    moved = Person(person_id=vera.person_id, municipality="1480")
    await tell(outreach, vera.known(contact=CONTACT), vera.covered())
    # the new episode is heard of before the old one's end
    await tell(outreach, moved.covered(since=SINCE + timedelta(days=11)))
    assert await of(outreach, vera) is None
    assert await of(outreach, vera, "1480") == ALL
    # and each case is brought up by the ways that its municipality sees
    proposed = await outreach.fetch(
        "SELECT municipality, channel FROM task WHERE person_id = $1 AND state = 'open'", vera.person_id
    )
    assert dict(proposed) == {HOME: "social_media", "1480": "phone"}
    await tell(outreach, vera.no_longer(2, "moved"))
    assert await of(outreach, vera, "1480") == ALL


@pytest.mark.parametrize("protection", ["confidential", "protected_registration", "assumed_identity"])
async def test_they_are_gone_when_a_protection_is_known_whatever_came_first(
    outreach: Connection, protection: str
) -> None:
    """INV-11: of a protected person no contact data is kept."""
    before, after = Person(), Person()
    await tell(outreach, before.known(1, contact=CONTACT), before.covered())
    await tell(outreach, before.known(2, protection=protection))
    await tell(outreach, after.known(2, protection=protection), after.covered())
    await tell(outreach, after.known(1, contact=CONTACT))
    for vera in (before, after):
        assert await kept(outreach, vera) == 0
        assert await of(outreach, vera) is None
        assert await calls_for(outreach, vera) == {"inform": ("protected", None)}


async def test_a_state_of_a_protected_person_that_has_contact_data_all_the_same_is_not_believed(
    outreach: Connection,
) -> None:
    """INV-11: whoever publishes it, it is not kept."""
    vera = Person()
    await tell(outreach, vera.known(protection="confidential", contact=CONTACT), vera.covered())
    assert await kept(outreach, vera) == 0


async def test_the_newest_state_says_how_she_can_be_reached_and_the_ladder_follows(
    outreach: Connection,
) -> None:
    vera = Person()
    channels: list[tuple[Any, Any]] = []
    for revision, contact in enumerate((None, CONTACT, Contact(email="vera@example.org"), Contact()), 1):
        await tell(outreach, vera.known(revision, contact=contact), vera.covered())
        channels.append((await calls_for(outreach, vera))["inform"])
    assert [channel for _, channel in channels] == ["social_media", "phone", "email", "social_media"]


async def test_of_two_who_turned_out_to_be_one_only_the_one_who_stays_has_any(outreach: Connection) -> None:
    vera, winner = Person(), Person()
    await tell(outreach, vera.known(contact=CONTACT), winner.known(contact=CONTACT))
    await tell(outreach, vera.known(2, contact=CONTACT, merged_into=winner.person_id))
    assert (await kept(outreach, vera), await kept(outreach, winner)) == (0, 1)


async def test_they_are_gone_with_a_purged_person(outreach: Connection) -> None:
    vera = Person()
    await tell(outreach, vera.known(contact=CONTACT), vera.covered())
    await tell(outreach, tombstone(vera.person_id))
    await tell(outreach, vera.known(2, contact=CONTACT))
    assert await kept(outreach, vera) == 0
