"""Workers take tasks and are done with them, on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
import pytest_asyncio

from contracts.catalogue import family_of
from contracts.envelope import CONTENT_TYPE, decode
from contracts.own import ContactMade
from servicekit.calendar import today
from servicekit.database import Connection, connect
from services.outreach import listing, queue
from services.outreach.contacts import Said, record
from services.outreach.kinds import Channel, Outcome
from services.outreach.listing import overview, routing_count
from services.outreach.queue import (
    Claimed,
    NotHeldError,
    RefusedError,
    heartbeat,
    next_task,
    reassign,
    release,
    snooze,
)
from tests.outreach.tellings import HOME, LADDERS, SINCE, Person, identity_number, tell, tombstone

HOUR = timedelta(hours=1)
BLINK = timedelta(milliseconds=1)


@pytest_asyncio.fixture
async def empty(outreach: Connection) -> AsyncIterator[Connection]:
    """Outreach with an empty queue."""
    yield outreach
    await _empty(outreach)


async def _empty(connection: Connection) -> None:
    rows = await connection.fetch("SELECT person_id FROM person WHERE NOT purged")
    await tell(connection, *(tombstone(row[0]) for row in rows))


async def take(
    connection: Connection, worker: str = "bo", lease: timedelta = HOUR, municipality: str = HOME
) -> Claimed | None:
    async with connection.transaction():
        return await next_task(connection, municipality, worker, lease)


async def finish(
    connection: Connection, task_id: int, worker: str = "bo", outcome: Outcome = "reached"
) -> ContactMade:
    async with connection.transaction():
        return await record(connection, LADDERS, task_id, worker, Said(today(), "phone", outcome))


async def history_of(connection: Connection, task_id: int) -> list[tuple[str, str, str | None]]:
    rows = await connection.fetch(
        "SELECT happening, who, reason FROM task_history WHERE task_id = $1 ORDER BY history_id", task_id
    )
    return [tuple(row) for row in rows]


async def covered(connection: Connection, count: int) -> None:
    """So many persons with an open task."""
    persons = [Person() for _ in range(count)]
    await tell(connection, *(p.known() for p in persons), *(p.covered() for p in persons))


async def test_a_worker_gets_what_the_call_needs(empty: Connection) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered())
    claimed = await take(empty)
    assert claimed is not None
    assert (claimed.kind, claimed.due_on) == ("inform", today() + timedelta(days=10))
    assert timedelta(minutes=59) < claimed.leased_until - datetime.now(UTC) <= HOUR
    assert claimed.youth is not None
    assert (claimed.youth.name, claimed.youth.identity_number) == ("Vera Ek", identity_number(vera.born))
    assert (claimed.youth.entry_reason, claimed.youth.since) == ("left_upper_secondary", SINCE)
    assert claimed.youth.turns_20_on == date(2028, 3, 15)


async def test_taking_a_task_is_a_look_at_a_person(empty: Connection, postgres: str, database: str) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered())
    await take(empty)
    admin = await connect(_as_admin(postgres, database))
    looks = await admin.fetch(
        "SELECT action, municipality FROM access_log WHERE person_id = $1", vera.person_id
    )
    await admin.close()
    assert [tuple(look) for look in looks] == [("outreach next", "0180")]


def _as_admin(postgres: str, database: str) -> str:
    return f"{postgres.rpartition('/')[0]}/{database.rpartition('/')[2]}"


async def test_first_comes_who_is_close_to_20_then_who_waits_longest(empty: Connection) -> None:
    year, turns_20 = today().year, today() + timedelta(days=150)
    young, waiting, soon_20 = (
        Person(born=date(year - 17, 3, 1)),
        Person(born=date(year - 17, 3, 2)),
        Person(born=date(turns_20.year - 20, turns_20.month, 15)),
    )
    await tell(
        empty, young.known(), waiting.known(), soon_20.known(), soon_20.covered(),
        young.covered(since=SINCE + timedelta(days=3)), waiting.covered(since=SINCE + timedelta(days=2)),
    )  # fmt: skip
    order = [claimed.youth.person_id for _ in range(3) if (claimed := await take(empty)) and claimed.youth]
    assert order == [soon_20.person_id, waiting.person_id, young.person_id]


async def test_a_municipality_gets_its_own_tasks_alone(empty: Connection) -> None:
    vera = Person(municipality="1480")
    await tell(empty, vera.known(), vera.covered())
    assert await take(empty, municipality="0180") is None
    assert await take(empty, municipality="1480") is not None


async def test_20_workers_at_once_get_20_tasks(empty: Connection, database: str) -> None:
    """INV-12: each its own."""
    await covered(empty, 20)
    connections = [await connect(database) for _ in range(24)]
    taken = await asyncio.gather(
        *(take(connection, f"worker-{number}") for number, connection in enumerate(connections))
    )
    await asyncio.gather(*(connection.close() for connection in connections))
    numbers = [claimed.task_id for claimed in taken if claimed]
    assert len(numbers) == len(set(numbers)) == 20
    assert taken.count(None) == 4


async def test_what_a_worker_took_and_did_not_commit_is_free(empty: Connection, database: str) -> None:
    """INV-12: a crash before the commit leaves no lease."""
    await covered(empty, 1)
    dying = await connect(database)
    transaction = dying.transaction()
    await transaction.start()
    assert await next_task(dying, HOME, "dying", HOUR) is not None
    assert await take(empty) is None
    dying.terminate()
    for _ in range(100):
        taken = await take(empty)
        if taken:
            break
        await asyncio.sleep(0.02)
    assert taken is not None
    assert [what for what, *_ in await history_of(empty, taken.task_id)] == ["opened", "claimed"]


async def test_a_lost_workers_task_comes_back_when_the_lease_has_run_out(empty: Connection) -> None:
    """INV-12: and not before."""
    await covered(empty, 1)
    lost = await take(empty, "lost", BLINK)
    assert lost is not None
    await asyncio.sleep(0.01)
    found = await take(empty, "bo")
    assert found is not None
    assert found.task_id == lost.task_id
    assert await take(empty, "third") is None
    assert await history_of(empty, lost.task_id) == [
        ("opened", "registry", None),
        ("claimed", "lost", None),
        ("released", "lost", "lease_expired"),
        ("claimed", "bo", None),
    ]


async def test_only_who_holds_a_task_can_be_done_with_it(empty: Connection) -> None:
    """INV-12: once, and while the lease lasts."""
    await covered(empty, 1)
    with pytest.raises(NotHeldError, match="there is no task 0"):
        await finish(empty, 0)
    number = await empty.fetchval("SELECT task_id FROM task")
    with pytest.raises(NotHeldError, match="nobody holds"):
        await finish(empty, number)
    claimed = await take(empty, "kim", BLINK)
    assert claimed is not None
    await asyncio.sleep(0.01)
    with pytest.raises(NotHeldError, match="ran out"):
        await finish(empty, number, "kim")
    with pytest.raises(NotHeldError, match="was held by another"):
        await finish(empty, number, "bo")
    await take(empty, "bo")
    with pytest.raises(NotHeldError, match="is held by another"):
        await finish(empty, number, "kim")
    await finish(empty, number, "bo")
    with pytest.raises(NotHeldError, match="done already"):
        await finish(empty, number, "bo")
    assert await empty.fetchval("SELECT count(*) FROM contact") == 1


async def test_a_task_whose_episode_ended_in_the_workers_hands_is_no_longer_the_workers(
    empty: Connection,
) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered())
    claimed = await take(empty)
    assert claimed is not None
    await tell(empty, vera.no_longer(2, "moved"))
    with pytest.raises(NotHeldError, match=r"closed \(episode_ended: moved\)"):
        await finish(empty, claimed.task_id)


async def test_a_done_task_is_a_contact_that_is_told_once(empty: Connection) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered())
    claimed = await take(empty)
    assert claimed is not None
    await empty.execute("DELETE FROM outbox")
    made = await finish(empty, claimed.task_id, outcome="message_left")
    (row,) = await empty.fetch("SELECT topic, key, value FROM outbox")
    told = decode(row["value"], [CONTENT_TYPE])
    assert told.data == made
    assert (made.person_id, made.municipality, made.on) == (vera.person_id, HOME, today())
    assert (made.channel, made.outcome) == ("phone", "message_left")
    assert (told.source, told.id) == ("urn:kaa:outreach", f"{made.contact_id}.1")
    assert row["key"] == str(vera.person_id).encode()
    family, _ = family_of(row["topic"]) or (None, None)
    assert family is not None
    assert "outreach" in family.writers
    assert told.type in family.types
    kept = await empty.fetchrow(
        "SELECT task_id, channel, outcome, on_day, who FROM contact JOIN contact_revision USING (contact_id)"
    )
    assert tuple(kept) == (claimed.task_id, "phone", "message_left", today(), "bo")
    assert (await history_of(empty, claimed.task_id))[-1] == ("done", "bo", None)
    assert await take(empty) is None


def test_channels_and_outcomes_are_those_of_the_contract() -> None:
    fields = ContactMade.model_fields
    assert get_args(Channel) == get_args(fields["channel"].annotation)
    assert get_args(Outcome) == get_args(fields["outcome"].annotation)


async def test_a_task_is_not_handed_out_before_the_person_data_it_needs(empty: Connection) -> None:
    vera = Person()
    await tell(empty, vera.known(1), vera.covered(person_revision=2))
    assert await take(empty) is None
    await tell(empty, vera.known(2, protection="confidential"))
    claimed = await take(empty)
    assert claimed is not None
    assert claimed.youth is None


@pytest.mark.parametrize("protection", ["confidential", "assumed_identity"])
async def test_of_a_protected_person_nothing_is_given_but_the_task(
    empty: Connection, protection: str
) -> None:
    vera = Person()
    await tell(empty, vera.known(protection=protection), vera.covered())
    claimed = await take(empty)
    assert claimed is not None
    assert claimed.youth is None


async def test_protected_registration_is_never_handed_out_nor_counted_to_a_municipality(
    empty: Connection,
) -> None:
    vera = Person()
    before = await overview(empty, HOME, today())
    await tell(empty, vera.known(protection="protected_registration"), vera.covered())
    assert await take(empty) is None
    assert await routing_count(empty) == 1
    assert await overview(empty, HOME, today()) == before


async def test_a_municipality_sees_how_much_waits(empty: Connection) -> None:
    year = today().year
    done, held, ready, unknown, over = (Person(born=date(year - 17, 1, 1)) for _ in range(5))
    turns_20 = today() + timedelta(days=150)
    soon_20 = Person(born=date(turns_20.year - 20, turns_20.month, 15))
    for person in (soon_20, done, held, ready, over):
        await tell(empty, person.known(), person.covered())
    await tell(empty, unknown.covered(), over.no_longer(2))
    urgent, first = await take(empty, "kim"), await take(empty)
    assert urgent is not None
    assert urgent.youth is not None
    assert urgent.youth.person_id == soon_20.person_id
    assert first is not None
    await finish(empty, first.task_id)
    assert await overview(empty, HOME, today()) == listing.Overview(
        ready=2, held=1, asleep=0, waiting=1, done=1, closed=1, rank_passed=1, rank_near=2, rank_later=0
    )


async def test_a_claim_reads_a_page_or_two_however_long_the_queue(
    empty: Connection, postgres: str, database: str
) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered())
    admin = await connect(_as_admin(postgres, database))
    await admin.execute(
        """
        WITH others AS (
          INSERT INTO person (person_id, revision) SELECT gen_random_uuid(), 0 FROM generate_series(1, 20000)
          RETURNING person_id
        ), theirs AS (
          INSERT INTO episode (episode_id, revision, person_id) SELECT gen_random_uuid(), 1, person_id FROM others
          RETURNING episode_id, person_id
        )
        INSERT INTO task (episode_id, kind, step, person_id, municipality, since, opened_on, due_on, rank_on, state,
                          assigned_to, snoozed_until)
        SELECT episode_id, 'inform', 'inform', person_id, '0180', '2026-01-01', '2026-01-01', '2026-01-11',
               date '2026-01-11' + (random() * 100)::int, 'open', CASE WHEN random() < 0.3 THEN 'kim' END,
               CASE WHEN random() < 0.3 THEN date '2027-01-01' END
        FROM theirs
        """
    )
    await admin.execute("ANALYZE task")
    # the first one reads the catalogue as well
    plans = [
        json.loads(
            await admin.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queue._NEXT}", HOME, "bo", HOUR)
        )
        for _ in range(3)
    ]
    plan = plans[-1][0]["Plan"]
    await admin.execute("DELETE FROM task WHERE person_id <> $1", vera.person_id)
    await admin.close()
    assert plan["Actual Rows"] == 1
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 60


async def test_a_contact_is_gone_with_a_purged_person(empty: Connection) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered())
    claimed = await take(empty)
    assert claimed is not None
    await finish(empty, claimed.task_id)
    await tell(empty, tombstone(vera.person_id))
    assert await empty.fetchval("SELECT count(*) FROM contact") == 0
    assert await empty.fetchval("SELECT count(*) FROM task") == 0
    assert await empty.fetchval("SELECT count(*) FROM episode WHERE municipality IS NOT NULL") == 0


async def test_a_heartbeat_lengthens_the_lease_and_never_shortens_it(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty, lease=timedelta(minutes=1))
    assert claimed is not None
    longer = await heartbeat(empty, claimed.task_id, "bo", HOUR)
    assert longer - claimed.leased_until > timedelta(minutes=58)
    assert await heartbeat(empty, claimed.task_id, "bo", BLINK) == longer
    with pytest.raises(NotHeldError, match="held by another"):
        await heartbeat(empty, claimed.task_id, "kim", HOUR)
    assert [what for what, *_ in await history_of(empty, claimed.task_id)] == ["opened", "claimed"]


async def test_a_heartbeat_that_comes_too_late_is_told_so(empty: Connection) -> None:
    """INV-12: a worker learns that the task is lost."""
    await covered(empty, 1)
    claimed = await take(empty, lease=BLINK)
    assert claimed is not None
    await asyncio.sleep(0.01)
    with pytest.raises(NotHeldError, match="ran out"):
        await heartbeat(empty, claimed.task_id, "bo", HOUR)


async def test_a_task_given_back_is_the_next_ones(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty)
    assert claimed is not None
    with pytest.raises(NotHeldError):
        await release(empty, claimed.task_id, "kim")
    await release(empty, claimed.task_id, "bo")
    again = await take(empty, "kim")
    assert again is not None
    assert again.task_id == claimed.task_id
    assert [tuple(row[:2]) for row in await history_of(empty, claimed.task_id)] == [
        ("opened", "registry"), ("claimed", "bo"), ("released", "bo"), ("claimed", "kim")
    ]  # fmt: skip


async def test_a_task_put_off_is_given_to_nobody_before_its_day(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty)
    assert claimed is not None
    for day in (today(), today() + timedelta(days=queue.SNOOZE_DAYS + 1)):
        with pytest.raises(RefusedError, match="put off until a day after today"):
            await snooze(empty, claimed.task_id, day, "bo")
    tomorrow = today() + timedelta(days=1)
    await snooze(empty, claimed.task_id, tomorrow, "bo")
    assert await take(empty) is None
    assert (await history_of(empty, claimed.task_id))[-1] == ("snoozed", "bo", f"until {tomorrow}")
    (asleep,) = await listing.tasks(empty, HOME, "bo", "asleep")
    assert (asleep.task_id, asleep.snoozed_until) == (claimed.task_id, tomorrow)
    # whoever needs it takes it all the same, and it sleeps on when it is given back
    async with empty.transaction():
        woken = await queue.take(empty, HOME, claimed.task_id, "kim", HOUR)
    assert woken.task_id == claimed.task_id
    await release(empty, claimed.task_id, "kim")
    assert await take(empty) is None


async def test_a_task_reserved_for_a_worker_is_that_workers_next_and_nobody_elses(empty: Connection) -> None:
    await covered(empty, 2)
    first = await take(empty)
    assert first is not None
    await reassign(empty, first.task_id, "kim", "leader")
    with pytest.raises(NotHeldError, match="nobody holds"):
        await finish(empty, first.task_id)
    second = await take(empty)
    assert second is not None
    assert second.task_id != first.task_id
    assert await take(empty) is None
    hers = await take(empty, "kim")
    assert hers is not None
    assert hers.task_id == first.task_id
    await reassign(empty, first.task_id, None, "leader")
    again = await take(empty)
    assert again is not None
    assert again.task_id == first.task_id
    said = [
        (what, who, why) for what, who, why in await history_of(empty, first.task_id) if what == "reassigned"
    ]
    assert said == [("reassigned", "leader", "to kim"), ("reassigned", "leader", "to the team")]


async def test_what_is_reserved_comes_before_what_is_more_urgent_for_the_team(empty: Connection) -> None:
    await covered(empty, 3)
    last = await empty.fetchval("SELECT max(task_id) FROM task")
    await reassign(empty, last, "bo", "leader")
    claimed = await take(empty)
    assert claimed is not None
    assert claimed.task_id == last


async def test_who_was_never_reached_comes_before_who_was(empty: Connection) -> None:
    await covered(empty, 2)
    numbers = [row[0] for row in await empty.fetch("SELECT task_id FROM task ORDER BY task_id")]
    await empty.execute("UPDATE task SET contacted = true WHERE task_id = $1", numbers[0])
    claimed = await take(empty)
    assert claimed is not None
    assert claimed.task_id == numbers[1]


async def test_one_task_is_taken_by_its_number_unless_another_holds_it(empty: Connection) -> None:
    await covered(empty, 1)
    number = await empty.fetchval("SELECT task_id FROM task")
    async with empty.transaction():
        mine = await queue.take(empty, HOME, number, "bo", HOUR)
        again = await queue.take(empty, HOME, number, "bo", 2 * HOUR)
    assert mine.youth is not None
    assert again.leased_until > mine.leased_until
    for municipality, task_id, worker in ((HOME, number, "kim"), ("1480", number, "bo"), (HOME, 0, "bo")):
        with pytest.raises(RefusedError, match=f"task {task_id} cannot be taken"):
            await queue.take(empty, municipality, task_id, worker, HOUR)


async def test_lists_have_what_is_mine_and_what_is_the_teams_page_by_page(empty: Connection) -> None:
    await covered(empty, 7)
    held, other = await take(empty), await take(empty, "kim")
    assert held is not None
    assert other is not None
    mine = await listing.tasks(empty, HOME, "bo", "mine")
    assert [(one.task_id, one.held_by, one.name) for one in mine] == [(held.task_id, "bo", "Vera Ek")]
    pages, after = [], None
    while page := await listing.tasks(empty, HOME, "bo", "team", after=after, limit=2):
        pages.append([one.task_id for one in page])
        after = page[-1].key
    everyone = [row[0] for row in await empty.fetch("SELECT task_id FROM task ORDER BY rank_on, task_id")]
    assert [number for page in pages for number in page] == [n for n in everyone if n != held.task_id]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert await listing.tasks(empty, "1480", "bo", "team") == []


async def test_a_list_shows_nothing_of_a_protected_person_and_is_a_look_at_the_others(
    empty: Connection, postgres: str, database: str
) -> None:
    vera = Person()
    await tell(empty, vera.known(protection="confidential"), vera.covered())
    (listed,) = await listing.tasks(empty, HOME, "idp:42", "team")
    assert (listed.name, listed.birth_date) == (None, None)
    admin = await connect(_as_admin(postgres, database))
    looks = await admin.fetch("SELECT action, municipality, count FROM access_log WHERE who = 'idp:42'")
    await admin.close()
    assert [tuple(look) for look in looks] == [("outreach list team", HOME, 1)]


async def test_what_happened_to_a_task_is_told_with_when_and_by_whom(empty: Connection) -> None:
    await covered(empty, 1)
    claimed = await take(empty)
    assert claimed is not None
    happened = await listing.history(empty, HOME, claimed.task_id)
    assert [(one.happening, one.who) for one in happened] == [("opened", "registry"), ("claimed", "bo")]
    assert all(datetime.now(UTC) - one.at < HOUR for one in happened)
    assert await listing.history(empty, "1480", claimed.task_id) == []


async def test_a_task_that_nothing_calls_for_closes_when_its_holder_gives_it_back(empty: Connection) -> None:
    vera = Person()
    await tell(empty, vera.known(), vera.covered(entry_reason="no_known_school"))
    claimed = await take(empty)
    assert claimed is not None
    await tell(empty, vera.corrected(2))
    assert {row[0]: row[1] for row in await empty.fetch("SELECT kind, waits_for FROM task")} == {
        "clear_up": "holder", "inform": None
    }  # fmt: skip
    await release(empty, claimed.task_id, "bo")
    assert (
        await empty.fetchval("SELECT reason FROM task WHERE task_id = $1", claimed.task_id)
        == "not_called_for"
    )
    assert [what for what, *_ in await history_of(empty, claimed.task_id)] == [
        "opened", "claimed", "released", "closed"
    ]  # fmt: skip
