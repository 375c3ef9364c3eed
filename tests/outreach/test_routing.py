"""A registrar routes a case of protected registration to one worker: who sees it then, and when that is over."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from servicekit.access_log import looks
from servicekit.calendar import today
from servicekit.database import Connection, new_pool
from servicekit.viewers import Role, Viewer, seen_by
from services.outreach import contacts, figures, listing, measures, persons, queue, routing, timers
from services.outreach.plans import Plan
from services.outreach.queue import RoutedError, UnknownError
from services.outreach.routing import Shielded
from tests.outreach.steps import HOUR, said
from tests.outreach.tellings import HOME, LADDERS, Person, identity_number, tell, tombstone

AWAY: Final = "0184"
PLAN: Final = Plan(kind="guidance", content="Tre samtal", from_day=today(), follow_up_on=(today(),))


def at_work(name: str, *roles: Role, municipality: str = HOME) -> Viewer:
    return Viewer(f"idp:{name}", municipality, frozenset(roles or ("outreach",)))


REGINA: Final = at_work("regina", "registrar")
BO: Final = at_work("bo")
EVA: Final = at_work("eva")
#: Who must see nothing of a case that is routed to Bo.
OTHERS: Final = (
    EVA,
    at_work("lena", "leader"),
    at_work("bo", municipality=AWAY),
    at_work("rut", "registrar", municipality=AWAY),
)


@pytest_asyncio.fixture
async def dora(outreach: Connection) -> AsyncIterator[Person]:
    """Covered, worked with, and then protected."""
    dora = Person()
    await tell(outreach, dora.known(), dora.covered())
    async with outreach.transaction():
        await contacts.log(outreach, LADDERS, HOME, dora.person_id, "idp:eva", said("not_reached"))
        await measures.start(outreach, LADDERS, HOME, dora.person_id, "idp:eva", PLAN)
    await tell(outreach, dora.known(2, protection="protected_registration"))
    yield dora
    await tell(outreach, tombstone(dora.person_id))


async def route(staff: asyncpg.Pool, person: Person, to: Viewer = BO, by: Viewer = REGINA) -> None:
    async with seen_by(staff, by) as connection:
        await routing.route(
            connection, LADDERS, by.municipality, person.person_id, to.who, by.who, "Har gått utbildningen"
        )


async def take_back(staff: asyncpg.Pool, person: Person, by: Viewer = REGINA) -> None:
    async with seen_by(staff, by) as connection:
        await routing.take_back(connection, LADDERS, by.municipality, person.person_id, by.who, "Bo är borta")


async def listed(staff: asyncpg.Pool, by: Viewer = REGINA) -> list[Shielded]:
    async with seen_by(staff, by) as connection:
        return list(await routing.shielded_cases(connection, by.municipality, by.who))


async def decided(staff: asyncpg.Pool, person: Person, by: Viewer = REGINA) -> list[tuple[Any, ...]]:
    async with seen_by(staff, by) as connection:
        found = await routing.history(connection, by.municipality, person.person_id)
    return [(one.happening, one.worker, one.who, one.reason) for one in found]


async def rows_seen(staff: asyncpg.Pool, by: Viewer, person: Person) -> dict[str, int]:
    """How many rows about a person the database shows, table by table."""
    tables = ("person", "person_number", "episode", "task", "contact", "measure", "routing")
    async with seen_by(staff, by) as connection:
        found = {
            table: await connection.fetchval(
                f"SELECT count(*) FROM {table} WHERE person_id = $1", person.person_id
            )
            for table in tables
        }
        for table, joined in (("contact_revision", "contact"), ("measure_revision", "measure")):
            found[table] = await connection.fetchval(
                f"SELECT count(*) FROM {table} JOIN {joined} USING ({joined}_id) WHERE person_id = $1",
                person.person_id,
            )
    return found


async def open_tasks(outreach: Connection, person: Person) -> list[tuple[Any, ...]]:
    """(step, waits for, reserved for, held by) of a person's open tasks."""
    rows = await outreach.fetch(
        """SELECT step, waits_for, assigned_to, leased_by FROM task WHERE person_id = $1 AND state = 'open'
           ORDER BY task_id""",
        person.person_id,
    )
    return [tuple(row) for row in rows]


async def task_of(outreach: Connection, person: Person) -> int:
    number: int = await outreach.fetchval(
        "SELECT min(task_id) FROM task WHERE person_id = $1 AND state = 'open'", person.person_id
    )
    return number


async def test_a_routed_case_is_one_manual_step_kept_for_its_worker(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-11: until then its tasks wait, and nobody but the registrar knows of them."""
    waiting = await open_tasks(outreach, dora)
    assert {row[1:3] for row in waiting} == {("routing", None)}
    await route(staff, dora)
    routed = await open_tasks(outreach, dora)
    assert {row[1:3] for row in routed} == {(None, "idp:bo")}
    assert [row[0] for row in routed] == [row[0] for row in waiting]
    async with seen_by(staff, BO) as connection:
        claimed = await queue.next_task(connection, HOME, BO.who, HOUR)
    assert claimed is not None
    assert claimed.youth is None
    assert (claimed.channel, await queue_of(staff, EVA)) == (None, None)


async def queue_of(staff: asyncpg.Pool, by: Viewer) -> queue.Claimed | None:
    async with seen_by(staff, by) as connection:
        return await queue.next_task(connection, by.municipality, by.who, HOUR)


async def test_the_database_shows_a_routed_case_to_its_worker_and_to_registrars_alone(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-09, INV-11: not to colleagues, not to who leads, not to another municipality, nor to the worker there."""
    await outreach.execute(
        "INSERT INTO contact_way (person_id, municipality, phones) VALUES ($1, $2, '{070-1740605}')",
        dora.person_id, HOME,
    )  # fmt: skip
    nothing = dict.fromkeys(await rows_seen(staff, BO, dora), 0)
    assert await rows_seen(staff, BO, dora) == nothing
    await route(staff, dora)
    for by in (BO, REGINA):
        found = await rows_seen(staff, by, dora)
        assert [table for table, count in found.items() if not count] == [], by.who
    for by in OTHERS:
        assert await rows_seen(staff, by, dora) == nothing, by
    numbers = [
        row[0]
        for row in await outreach.fetch("SELECT task_id FROM task WHERE person_id = $1", dora.person_id)
    ]
    for by in (BO, REGINA, *OTHERS):
        async with seen_by(staff, by) as connection:
            assert await connection.fetch("SELECT * FROM contact_way") == []
            history = await connection.fetch(
                "SELECT 1 FROM task_history WHERE task_id = ANY($1::bigint[])", numbers
            )
        assert bool(history) == (by in (BO, REGINA)), by
    await outreach.execute("DELETE FROM contact_way")


async def test_a_routed_case_is_in_no_search_no_list_of_the_team_and_no_figure(
    staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-11: also not for its worker, or for a registrar who leads the work as well."""
    await route(staff, dora)
    everything = at_work("regina", "registrar", "leader", "outreach")
    for by in (BO, everything, *OTHERS):
        async with seen_by(staff, by) as connection:
            for sought in (identity_number(dora.born), "Vera", "Ek"):
                assert await persons.search(connection, by.municipality, sought, by.who) == []
            for whose in ("team", "asleep"):
                assert (await listing.tasks(connection, by.municipality, by.who, whose)).tasks == []
            counted = await listing.overview(connection, by.municipality, today())
            assert (counted.ready, counted.held, counted.done) == (0, 0, 0)
            assert (await figures.figures(connection, by.municipality, today())).covered == 0
    async with seen_by(staff, BO) as connection:
        mine = (await listing.tasks(connection, HOME, BO.who, "mine")).tasks
        week = await measures.follow_ups(connection, HOME, today(), today(), BO.who)
        seen = await persons.of(connection, HOME, dora.person_id, BO.who)
    assert {(one.name, one.birth_date) for one in mine} == {(None, None)}
    assert [one.name for one in week] == [None]
    assert seen is not None
    assert (seen.routed, seen.name, seen.identity_number, seen.birth_date) == (True, None, None, None)
    async with seen_by(staff, EVA) as connection:
        assert await persons.of(connection, HOME, dora.person_id, EVA.who) is None
        assert await measures.follow_ups(connection, HOME, today(), today(), EVA.who) == []


async def test_its_worker_does_what_the_case_calls_for_and_what_follows_is_hers_too(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    await route(staff, dora)
    number = await task_of(outreach, dora)
    async with seen_by(staff, BO) as connection:
        await queue.take(connection, HOME, number, BO.who, HOUR)
        await contacts.record(connection, LADDERS, number, BO.who, said("reached"))
        await contacts.log(connection, LADDERS, HOME, dora.person_id, BO.who, said("informed"))
        measure_id = await measures.start(connection, LADDERS, HOME, dora.person_id, BO.who, PLAN)
        await measures.change(connection, LADDERS, HOME, measure_id, 1, BO.who, PLAN)
    assert {row[2] for row in await open_tasks(outreach, dora)} <= {"idp:bo"}
    async with seen_by(staff, EVA) as connection:
        with pytest.raises(UnknownError):
            await contacts.log(connection, LADDERS, HOME, dora.person_id, EVA.who, said("informed"))


async def test_nobody_but_a_registrar_gives_it_to_somebody_else(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-11: what is reserved for nobody the whole team would see."""
    await route(staff, dora)
    number = await task_of(outreach, dora)
    for to in (None, EVA.who):
        async with seen_by(staff, BO) as connection:
            with pytest.raises(RoutedError):
                await queue.reassign(connection, number, to, BO.who, leads=True)
        async with seen_by(staff, BO) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("UPDATE task SET assigned_to = $2 WHERE task_id = $1", number, to)
    for by in (BO, EVA, at_work("rut", "registrar", municipality=AWAY)):
        with pytest.raises((UnknownError, asyncpg.InsufficientPrivilegeError)):
            await route(staff, dora, EVA, by)
    assert {row[2] for row in await open_tasks(outreach, dora)} == {"idp:bo"}


async def test_routed_anew_and_taken_back_it_is_the_others_and_then_nobodys(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-11: who held a task of it holds it no more, and what was decided is kept."""
    await route(staff, dora)
    async with seen_by(staff, BO) as connection:
        await queue.take(connection, HOME, await task_of(outreach, dora), BO.who, HOUR)
    await route(staff, dora, EVA)
    assert {row[1:] for row in await open_tasks(outreach, dora)} == {(None, "idp:eva", None)}
    assert (await rows_seen(staff, BO, dora))["person"] == 0
    assert (await rows_seen(staff, EVA, dora))["person"] == 1
    async with seen_by(staff, EVA) as connection:
        await queue.take(connection, HOME, await task_of(outreach, dora), EVA.who, HOUR)
    await take_back(staff, dora)
    assert {row[1:] for row in await open_tasks(outreach, dora)} == {("routing", None, None)}
    assert (await rows_seen(staff, EVA, dora))["person"] == 0
    assert await decided(staff, dora) == [
        ("taken_back", "idp:eva", "idp:regina", "Bo är borta"),
        ("routed", "idp:eva", "idp:regina", "Har gått utbildningen"),
        ("routed", "idp:bo", "idp:regina", "Har gått utbildningen"),
    ]


async def test_the_same_decision_twice_is_one(staff: asyncpg.Pool, dora: Person) -> None:
    for _ in range(2):
        await route(staff, dora)
    for _ in range(2):
        await take_back(staff, dora)
    assert [one[0] for one in await decided(staff, dora)] == ["taken_back", "routed"]


async def test_the_registrars_list_has_what_waits_and_with_whom_the_others_are(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    other = Person(born=dora.born.replace(day=16))
    await tell(outreach, other.known(protection="protected_registration"), other.covered())
    await route(staff, dora)
    waits, routed = await listed(staff)
    assert (waits.person_id, waits.worker, waits.tasks) == (other.person_id, None, 1)
    assert (routed.person_id, routed.worker, routed.identity_number) == (
        dora.person_id, "idp:bo", identity_number(dora.born)
    )  # fmt: skip
    for by in OTHERS:
        assert await listed(staff, by) == []
    async with seen_by(staff, REGINA) as connection:
        log = await looks(connection, HOME, today(), today(), person_id=dora.person_id, limit=9)
    assert {"outreach route", "outreach routing"} <= {look.why for look in log}
    await tell(outreach, tombstone(other.person_id))


async def test_events_that_come_again_in_any_order_leave_a_routing_as_it_is(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-11, INV-02: an old state that comes late takes nothing away either."""
    await route(staff, dora)
    before = await open_tasks(outreach, dora)
    await tell(outreach, dora.covered())
    await tell(outreach, dora.known(4, protection="protected_registration", given_name="Dora"))
    await tell(outreach, dora.known(3), dora.known(2, protection="protected_registration"), dora.known())
    assert await open_tasks(outreach, dora) == before
    assert [one[0] for one in await decided(staff, dora)] == ["routed"]


async def test_when_the_protection_is_lifted_the_case_is_as_any_other(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    await route(staff, dora)
    await tell(outreach, dora.known(3))
    assert {row[1:] for row in await open_tasks(outreach, dora)} == {(None, None, None)}
    assert (await rows_seen(staff, EVA, dora))["task"] > 0
    assert await listed(staff) == []
    await tell(outreach, dora.known(4, protection="protected_registration"))
    assert {row[1:] for row in await open_tasks(outreach, dora)} == {("routing", None, None)}
    assert [one[:3] for one in await decided(staff, dora)] == [
        ("ended", "idp:bo", "registry"), ("routed", "idp:bo", "idp:regina")
    ]  # fmt: skip


async def test_with_the_case_its_routing_ends_and_a_new_one_waits_anew(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    await route(staff, dora)
    await tell(outreach, dora.no_longer())
    assert (await rows_seen(staff, BO, dora))["person"] == 0
    await tell(outreach, dora.corrected(3))
    assert {row[1:3] for row in await open_tasks(outreach, dora)} == {("routing", None)}


async def test_after_a_move_the_case_waits_for_the_other_registrar_who_learns_nothing_of_the_first(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-09, INV-11: the same worker in the other municipality sees nothing there before she decides."""
    await route(staff, dora)
    there = Person(dora.born, dora.person_id, municipality=AWAY)
    await tell(outreach, there.known(3, protection="protected_registration"), there.covered())
    await tell(outreach, dora.no_longer(2, "moved"))
    rut = at_work("rut", "registrar", municipality=AWAY)
    (waits,) = await listed(staff, rut)
    assert (waits.person_id, waits.worker) == (dora.person_id, None)
    assert await decided(staff, dora, rut) == []
    assert (await rows_seen(staff, at_work("bo", municipality=AWAY), dora))["person"] == 0
    assert await listed(staff) == []


async def test_of_two_who_turn_out_to_be_one_the_one_who_stays_is_routed_anew(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    winner = Person(born=dora.born.replace(day=17))
    await route(staff, dora)
    await tell(outreach, winner.known(protection="protected_registration"))
    await tell(outreach, dora.known(3, protection="protected_registration", merged_into=winner.person_id))
    await tell(outreach, Person(winner.born, winner.person_id, dora.episode_id).corrected(2))
    assert {row[1:3] for row in await open_tasks(outreach, winner)} == {("routing", None)}
    assert [one[0] for one in await decided(staff, winner)] == ["ended", "routed"]
    await tell(outreach, tombstone(winner.person_id))


async def test_early_support_is_routed_too_and_over_when_it_is_done(
    outreach: Connection, staff: asyncpg.Pool, database: str
) -> None:
    kim = Person()
    await tell(outreach, kim.known(protection="protected_registration"), kim.noticed())
    await route(staff, kim)
    number = await task_of(outreach, kim)
    async with seen_by(staff, BO) as connection:
        await queue.take(connection, HOME, number, BO.who, HOUR)
        await contacts.record(connection, LADDERS, number, BO.who, said("reached"))
    async with new_pool(database, name="test", size=1) as pool:
        await timers.look(pool, LADDERS, today())
    assert await listed(staff) == []
    assert [one[:3] for one in await decided(staff, kim)] == [
        ("ended", "idp:bo", "ladder"), ("routed", "idp:bo", "idp:regina")
    ]  # fmt: skip
    await tell(outreach, tombstone(kim.person_id))


async def test_a_purge_leaves_nothing_of_what_was_decided(
    outreach: Connection, staff: asyncpg.Pool, dora: Person
) -> None:
    """INV-10: but the looks, which the access log keeps."""
    await route(staff, dora)
    await tell(outreach, tombstone(dora.person_id))
    for table in ("routing", "routing_history"):
        assert await outreach.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_what_was_decided_can_only_be_added_to(staff: asyncpg.Pool, dora: Person) -> None:
    await route(staff, dora)
    for change in ("DELETE FROM routing_history", "UPDATE routing_history SET reason = 'x'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with seen_by(staff, REGINA) as connection:
                await connection.execute(change)
    async with seen_by(staff, BO) as connection:
        assert await connection.fetch("SELECT * FROM routing_history") == []
        assert await connection.execute("DELETE FROM routing") == "DELETE 0"
    with pytest.raises(asyncpg.CheckViolationError):
        async with seen_by(staff, REGINA) as connection:
            await _note(connection, dora.person_id, "x" * 201)


async def _note(connection: Connection, person_id: UUID, reason: str) -> None:
    await connection.execute(
        """INSERT INTO routing_history (person_id, municipality, happening, worker, who, reason)
           VALUES ($1, $2, 'routed', 'idp:bo', 'idp:regina', $3)""",
        person_id, HOME, reason,
    )  # fmt: skip
