"""The queue: who comes first, what a worker is given of her, and what waits, on a real database."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest

from contracts.catalogue import family_of
from contracts.envelope import CONTENT_TYPE, decode
from contracts.own import ContactMade
from servicekit.calendar import today
from servicekit.database import Connection, connect
from services.outreach import listing, queue
from services.outreach.kinds import Channel, Outcome
from services.outreach.listing import overview, routing_count
from services.outreach.queue import (
    reassign,
)
from tests.outreach.queueing import HOUR, covered, finish, history_of, take
from tests.outreach.tellings import HOME, SINCE, Person, identity_number, tell, tombstone


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
    assert claimed.youth.turns_20_on == vera.born.replace(year=vera.born.year + 20)


async def test_taking_a_task_is_a_look_at_a_person(empty: Connection, postgres: str, database: str) -> None:
    """INV-09: in the transaction in which it is taken."""
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
        ready=2, held=1, asleep=0, waiting=1, done=1, closed=1, late=0, due_soon=3, due_later=0
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
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 80


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


async def test_what_is_reserved_comes_before_what_is_more_urgent_for_the_team(empty: Connection) -> None:
    await covered(empty, 3)
    last = await empty.fetchval("SELECT max(task_id) FROM task")
    await reassign(empty, last, "bo", "leader", leads=True)
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


async def test_lists_have_what_is_mine_and_what_is_the_teams_page_by_page(empty: Connection) -> None:
    await covered(empty, 7)
    held, other = await take(empty), await take(empty, "kim")
    assert held is not None
    assert other is not None
    mine = (await listing.tasks(empty, HOME, "bo", "mine")).tasks
    assert [(one.task_id, one.held_by, one.name) for one in mine] == [(held.task_id, "bo", "Vera Ek")]
    pages, more, after = [], True, None
    while more:
        page = await listing.tasks(empty, HOME, "bo", "team", after=after, limit=2)
        pages.append([one.task_id for one in page.tasks])
        more, after = page.more, page.following
    everyone = [row[0] for row in await empty.fetch("SELECT task_id FROM task ORDER BY rank_on, task_id")]
    assert [number for page in pages for number in page] == [n for n in everyone if n != held.task_id]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert (await listing.tasks(empty, "1480", "bo", "team")).tasks == []


async def test_a_list_shows_nothing_of_a_protected_person_and_is_a_look_at_the_others(
    empty: Connection, postgres: str, database: str
) -> None:
    vera = Person()
    await tell(empty, vera.known(protection="confidential"), vera.covered())
    (listed,) = (await listing.tasks(empty, HOME, "idp:42", "team")).tasks
    assert (listed.name, listed.birth_date) == (None, None)
    admin = await connect(_as_admin(postgres, database))
    looks = await admin.fetch("SELECT action, municipality, count FROM access_log WHERE who = 'idp:42'")
    await admin.close()
    assert [tuple(look) for look in looks] == [("outreach list team", HOME, 1)]
