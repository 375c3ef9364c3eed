"""What is kept of what is received: once each, in order, without what no report needs; and purged for good."""

import asyncio
import json
from itertools import pairwise

import asyncpg
import pytest

from contracts.municipality import Address, Contact
from servicekit.database import Connection, connect
from servicekit.records import Outcome
from services.reporting.consumer import apply
from tests.reporting.tellings import Person, file_of, received, tell, tombstone


async def _kept(connection: Connection, person: Person) -> list[str]:
    rows = await connection.fetch(
        "SELECT about, revision FROM received WHERE person_id = $1 ORDER BY seq", person.person_id
    )
    return [f"{about} {revision}" for about, revision in rows]


async def test_events_are_kept_in_the_order_they_came(reporting: Connection) -> None:
    vera = Person()
    await tell(reporting, vera.reached(), vera.never(7), vera.covered())
    await tell(reporting, vera.known(), vera.helped())
    assert await _kept(reporting, vera) == ["contact 1", "episode 7", "episode 1", "person 1", "measure 1"]


async def test_a_repetition_is_kept_once(reporting: Connection) -> None:
    vera = Person()
    first = await tell(reporting, vera.covered(), vera.known(), vera.covered())
    again = await tell(reporting, vera.known(), vera.covered())
    assert first == [Outcome.APPLIED, Outcome.APPLIED, Outcome.DUPLICATE]
    assert again == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert await _kept(reporting, vera) == ["episode 1", "person 1"]


async def test_other_content_under_a_known_identity_is_a_conflict_and_the_first_stands(
    reporting: Connection,
) -> None:
    vera = Person()
    await tell(reporting, vera.known(), vera.covered())
    before = await file_of(reporting)
    assert await tell(reporting, vera.covered(entry_reason="newly_arrived")) == [Outcome.CONFLICT]
    assert await file_of(reporting) == before


async def test_names_contact_data_and_former_numbers_are_not_kept(reporting: Connection) -> None:
    vera = Person()
    contact = Contact(
        address=Address(street="Storgatan 1", postal_code="111 11", city="Stockholm"),
        email="vera@example.org",
        phones=("070-000 00 00",),
    )
    await tell(reporting, vera.known(contact=contact, former_identity_numbers=("200803159813",)))
    data = await reporting.fetchval("SELECT data FROM received WHERE person_id = $1", vera.person_id)
    assert json.loads(data) == {
        "person_id": str(vera.person_id),
        "revision": 1,
        "identity_number": vera.number,
        "birth_date": "2008-03-15",
        "municipality": "0180",
        "protection": "none",
    }


async def test_what_an_episode_rests_on_is_not_kept(reporting: Connection) -> None:
    vera = Person()
    grounds = ({"fact": "left", "on": "2025-08-31", "school_unit": "10000002"},)
    await tell(reporting, vera.covered(grounds=grounds))
    data = await reporting.fetchval("SELECT data FROM received WHERE person_id = $1", vera.person_id)
    assert "entry_reason" in data
    assert "10000002" not in data


async def test_the_application_role_cannot_change_what_was_received(reporting: Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reporting.execute("UPDATE received SET revision = 2")


async def test_a_purged_person_is_gone_and_does_not_come_back(reporting: Connection) -> None:
    vera, other = Person(), Person()
    await tell(reporting, vera.known(), vera.covered(), vera.reached(), other.known(), other.covered())
    await tell(reporting, vera.covered(), tombstone(vera.person_id), vera.helped())
    await tell(reporting, vera.known(2), vera.no_longer())
    assert await _kept(reporting, vera) == []
    assert await _kept(reporting, other) == ["person 1", "episode 1"]
    # (source, id) stays: a repeated file cannot bring her back, and is seen to be a repetition
    assert await tell(reporting, vera.known(2), vera.covered()) == [Outcome.DUPLICATE] * 2


async def test_a_person_merged_into_a_purged_one_is_in_no_file(reporting: Connection) -> None:
    vera, merged = Person(), Person()
    await tell(reporting, merged.known(2, merged_into=vera.person_id), merged.covered(), merged.reached())
    await tell(reporting, tombstone(vera.person_id))
    assert await file_of(reporting) == []


async def test_numbers_ascend_in_the_order_of_commits(database: str) -> None:
    """A prefix that was read must not grow: nobody gets a lower number after a higher one is there to be read."""
    seen: list[set[int]] = []

    async def write(people: list[Person]) -> None:
        connection = await connect(database)
        for person in people:
            async with connection.transaction():
                await apply(connection, [received(person.known()), received(person.covered())])
                await asyncio.sleep(0.002)
        await connection.close()

    async def read(until: "asyncio.Task[list[None]]") -> None:
        connection = await connect(database)
        while not until.done():
            seen.append({row[0] for row in await connection.fetch("SELECT seq FROM received")})
        await connection.close()

    writers = asyncio.gather(*(write([Person() for _ in range(25)]) for _ in range(3)))
    task = asyncio.ensure_future(writers)
    await asyncio.gather(task, read(task))  # type: ignore[arg-type]
    assert len(seen) > 10
    assert len(seen[-1]) > len(seen[0])
    for earlier, later in pairwise(seen):
        assert all(seq > max(earlier, default=0) for seq in later - earlier)


@pytest.mark.parametrize("purge_first", [True, False])
async def test_a_purge_beside_the_person_s_events_leaves_nothing_of_her(
    database: str, purge_first: bool
) -> None:
    vera = Person()
    steps = [[tombstone(vera.person_id)], [received(vera.known())]]
    earlier, later = steps if purge_first else steps[::-1]
    one, other = await connect(database), await connect(database)
    async with one.transaction():
        await apply(one, earlier)

        async def follow() -> None:
            async with other.transaction():
                await apply(other, later)

        task = asyncio.create_task(follow())
        await asyncio.sleep(0.2)
    await task
    assert await _kept(one, vera) == []
    await one.close()
    await other.close()
