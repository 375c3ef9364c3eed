"""Row-level security: what the database itself shows to people at work, whatever they ask it for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from servicekit.access_log import looked, looks
from servicekit.calendar import today
from servicekit.database import Connection, connect, new_pool
from servicekit.settings import role_name, role_url
from servicekit.viewers import Viewer, seen_by
from services.outreach import contacts, listing, queue, ways
from tests.databases import throwaway_database
from tests.outreach.neighbours import HERE, NOWHERE, THERE, Side, settle, viewer
from tests.outreach.steps import HOUR, said
from tests.outreach.tellings import LADDERS, Person, tell

#: Tables that row-level security does not guard, and why each holds nothing of a person.
WITHOUT_PERSONS: Final = {
    "accounted": "places on topics",
    "alembic_version": "the migration",
    "dead_letter_action": "places on topics and ids of events, by which alone nobody is found",
    "inbox": "ids of events and digests",
    "ladder_used": "municipalities",
    "paused_topic": "topics",
    "receipt": "counts",
    "relay_turn": "processes",
    "web_attempt": "hashed addresses of browsers",
    "web_login": "logins of staff",
    "web_session": "sessions of staff",
}
#: Tables that no staff may read: whole events, on their way or put aside.
UNREAD: Final = {"outbox", "dead_letter"}


@dataclass(frozen=True, slots=True)
class Place:
    """A database with two municipalities in it, as the application role and as staff."""

    app: Connection
    staff: asyncpg.Pool
    name: str
    here: Side
    there: Side

    async def seen(self, by: Viewer, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What a query gives to somebody at work."""
        async with seen_by(self.staff, by) as connection:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]


@pytest_asyncio.fixture
async def place(postgres: str) -> AsyncIterator[Place]:
    async with throwaway_database(postgres, "outreach") as made:
        name = made.url.rpartition("/")[2]
        app = await connect(made.url)
        async with new_pool(role_url(postgres, name, "staff"), name="test", size=1) as staff:
            yield Place(app, staff, name, *await settle(app))
        await app.close()


async def guarded(place: Place) -> set[str]:
    """The tables on which row-level security is enabled and forced, from the catalogue."""
    rows = await place.app.fetch(
        """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
           AND relrowsecurity AND relforcerowsecurity"""
    )
    return {row[0] for row in rows}


async def readable(place: Place) -> dict[str, list[str]]:
    """Table → the columns that staff may read, of the tables that are guarded."""
    found: dict[str, list[str]] = {}
    rows = await place.app.fetch(
        """SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
           WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace = 'public'::regnamespace AND attnum > 0
             AND NOT attisdropped AND has_column_privilege($1, pg_class.oid, attnum, 'SELECT')""",
        role_name(place.name, "staff"),
    )
    for table, column in rows:
        if table not in WITHOUT_PERSONS:
            found.setdefault(table, []).append(column)
    return found


async def test_every_table_is_guarded_unless_it_holds_nothing_of_persons(place: Place) -> None:
    """INV-09: a table that is added is guarded, or somebody says here why it need not be."""
    rows = await place.app.fetch(
        """SELECT relname FROM pg_class
           WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace = 'public'::regnamespace"""
    )
    assert {row[0] for row in rows} - await guarded(place) == set(WITHOUT_PERSONS)


async def test_no_policy_shows_staff_everything(place: Place) -> None:
    """INV-09: each asks for the municipality, or for rows of another table that does."""
    policies = await place.app.fetch(
        """SELECT tablename, cmd, qual FROM pg_policies
           WHERE schemaname = 'public' AND NOT ($1 = ANY(roles)) AND qual IS NOT NULL""",
        role_name(place.name, "app"),
    )
    shown = {row["tablename"]: row["qual"] for row in policies if row["cmd"] in ("SELECT", "ALL")}
    assert shown.keys() >= (await readable(place)).keys()
    for table, condition in shown.items():
        assert "kaa.municipality" in condition or "SELECT" in condition, table
    locked = [row["tablename"] for row in policies if row["qual"] == "true"]
    assert locked == ["person"], "which may be locked, and only if it is seen"


@pytest.mark.parametrize("role", ["app", "staff"])
async def test_the_roles_of_work_own_nothing_and_pass_by_nothing(place: Place, role: str) -> None:
    """INV-09: neither could lift what guards the tables, or become somebody who can."""
    name = role_name(place.name, "staff" if role == "staff" else "app")
    row = await place.app.fetchrow(
        """SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS may,
                  has_schema_privilege(oid, 'public', 'CREATE') AS creates,
                  EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) AS is_another,
                  EXISTS (SELECT FROM pg_shdepend WHERE refobjid = pg_roles.oid AND deptype = 'o') AS owns
           FROM pg_roles WHERE rolname = $1""",
        name,
    )
    assert tuple(row) == (False, False, False, False)


async def test_what_runs_with_the_owners_rights_is_known_and_names_nobody(place: Place) -> None:
    """INV-09: the queue's functions run as who calls them; these tell of ids or a count alone."""
    rows = await place.app.fetch(
        """SELECT proname, prorettype::regtype::text FROM pg_proc
           WHERE pronamespace = 'public'::regnamespace AND prosecdef"""
    )
    assert {tuple(row) for row in rows} == {
        ("shielded", "uuid"), ("all_shielded", "uuid"), ("is_shielded", "boolean"), ("shielded_tasks", "bigint"),
        ("shielded_contacts", "uuid"), ("shielded_measures", "uuid"), ("cases_to_route", "bigint"),
    }  # fmt: skip


async def test_nothing_is_shown_while_no_municipality_is_set(place: Place) -> None:
    """INV-09: also not after somebody has worked on the same connection."""
    async with seen_by(place.staff, viewer(HERE, "registrar")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM task") > 0
    for table, columns in (await readable(place)).items():
        assert await place.staff.fetch(f"SELECT {', '.join(columns)} FROM {table}") == [], table
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await place.staff.execute("INSERT INTO access_log (who, action) VALUES ('idp:1440', 'test')")
    async with place.staff.acquire() as connection, connection.transaction():
        assert await queue.next_task(connection, HERE, "idp:1440", HOUR) is None


@pytest.mark.parametrize("role", ["outreach", "leader", "registrar"])
async def test_a_query_that_forgets_to_ask_sees_nothing_foreign(place: Place, role: Any) -> None:
    """INV-09: every column of every table, without any condition."""
    tables = await readable(place)
    assert tables.keys() == await guarded(place) - UNREAD
    for mine, other in ((place.here, place.there), (place.there, place.here)):
        for table, columns in tables.items():
            rows = await place.seen(
                viewer(mine.municipality, role), f"SELECT {', '.join(columns)} FROM {table}"
            )
            for mark in other.marks:
                assert mark not in repr(rows), table
            if "municipality" in columns:
                found = {row[columns.index("municipality")] for row in rows}
                assert found <= {mine.municipality}, table
        seen = await place.seen(viewer(mine.municipality, role), "SELECT person_id FROM person")
        shielded = mine.shielded.person_id
        expected = {person.person_id for person in (*mine.persons, mine.moved)}
        assert {row[0] for row in seen} == expected - (set() if role == "registrar" else {shielded})
    assert await place.seen(viewer(NOWHERE), "SELECT person_id FROM person") == []


async def test_where_a_person_lives_now_is_told_to_nobody(place: Place) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await place.seen(viewer(HERE), "SELECT municipality FROM person")


async def test_after_a_move_the_former_municipality_keeps_its_own_and_sees_nothing_new(place: Place) -> None:
    """INV-09: rows belong to the municipality that they were made in."""
    her = place.here.moved.person_id
    former, new = viewer(HERE), viewer(THERE)
    for by, side in ((former, place.here), (new, place.there)):
        async with seen_by(place.staff, by) as connection:
            (made,) = await contacts.of_person(connection, by.municipality, her)
            assert made.contact_id == side.contacts[-1]
            assert await listing.of_person(connection, by.municipality, her)
    async with seen_by(place.staff, former) as connection:
        assert await ways.of(connection, HERE, her, former.who) is None
        assert await ways.of(connection, THERE, her, former.who) is None
    async with seen_by(place.staff, new) as connection:
        found = await ways.of(connection, THERE, her, new.who)
    assert found is not None
    assert found.phones == ("070-1740604",)


async def test_of_protected_registration_the_registrar_alone_sees_anything(place: Place) -> None:
    """INV-09, INV-11: not the tasks, nor what was done before, nor who she is; the count names no municipality."""
    her = place.here.shielded.person_id
    asked = {
        "person": "SELECT 1 FROM person WHERE person_id = $1",
        "person_number": "SELECT 1 FROM person_number WHERE person_id = $1",
        "episode": "SELECT 1 FROM episode WHERE person_id = $1",
        "task": "SELECT 1 FROM task WHERE person_id = $1",
        "contact": "SELECT 1 FROM contact WHERE person_id = $1",
        "contact_revision": "SELECT 1 FROM contact_revision JOIN contact USING (contact_id) WHERE person_id = $1",
        "measure": "SELECT 1 FROM measure WHERE person_id = $1",
        "measure_revision": "SELECT 1 FROM measure_revision JOIN measure USING (measure_id) WHERE person_id = $1",
    }  # fmt: skip
    numbers = [row[0] for row in await place.app.fetch("SELECT task_id FROM task WHERE person_id = $1", her)]
    for table, query in asked.items():
        assert await place.seen(viewer(HERE), query, her) == [], table
        assert await place.seen(viewer(HERE, "leader"), query, her) == [], table
        assert await place.seen(viewer(THERE, "registrar"), query, her) == [], table
        assert await place.seen(viewer(HERE, "registrar"), query, her) != [], table
    # what is asked for by itself is judged by itself, not by what it belongs to
    for query, known in (
        ("SELECT 1 FROM task_history WHERE task_id = ANY($1::bigint[])", numbers),
        ("SELECT 1 FROM contact_revision WHERE contact_id = ANY($1::uuid[])", [place.here.contacts[2]]),
        ("SELECT 1 FROM measure_revision WHERE measure_id = ANY($1::uuid[])", [place.here.measures[2]]),
    ):
        assert await place.seen(viewer(HERE), query, known) == [], query
        assert await place.seen(viewer(THERE, "registrar"), query, known) == [], query
        assert await place.seen(viewer(HERE, "registrar"), query, known) != [], query
    for by in (viewer(HERE), viewer(NOWHERE)):
        async with seen_by(place.staff, by) as connection:
            assert await listing.routing_count(connection) == 2


async def test_nothing_can_be_written_down_about_a_person_who_is_not_seen(place: Place) -> None:
    """INV-09: a row of one's own municipality would else make anybody visible."""
    foreign = place.there.open.person_id
    statements = (
        f"INSERT INTO contact (contact_id, person_id, municipality, revision) VALUES ($1, '{foreign}', '{HERE}', 1)",
        f"INSERT INTO measure (measure_id, person_id, municipality, revision) VALUES ($1, '{foreign}', '{HERE}', 1)",
        f"INSERT INTO contact (contact_id, person_id, municipality, revision) "
        f"VALUES ($1, '{place.here.open.person_id}', '{THERE}', 1)",
        f"UPDATE task SET person_id = '{foreign}' WHERE $1::uuid IS NOT NULL",
        f"UPDATE task SET municipality = '{THERE}' WHERE $1::uuid IS NOT NULL",
        "UPDATE person SET revision = 99 WHERE $1::uuid IS NOT NULL",
        *(
            f"INSERT INTO contact_revision (contact_id, revision, municipality, on_day, channel, outcome, who) "
            f"SELECT '{one}', 9, '{HERE}', current_date, 'phone', 'reached', 'idp:x' WHERE $1::uuid IS NOT NULL"
            for one in (place.there.contacts[0], place.here.contacts[2])
        ),
        *(
            f"INSERT INTO measure_revision (measure_id, revision, municipality, kind, content, from_day, "
            f"follow_up_on, support, who) SELECT '{one}', 9, '{HERE}', 'guidance', 'x', current_date, '{{}}', '[]', "
            f"'idp:x' WHERE $1::uuid IS NOT NULL"
            for one in (place.there.measures[0], place.here.measures[2])
        ),
    )
    for statement in statements:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await place.seen(viewer(HERE), statement, uuid4())


async def test_who_turned_out_to_be_another_while_her_task_was_held_is_written_down_as_that_other(
    place: Place,
) -> None:
    """The one case in which somebody is written of who is not seen yet: she is the same person."""
    vera, by = place.here.open, viewer(HERE)
    winner = Person(born=vera.born, municipality=THERE)
    number = await place.app.fetchval(
        "SELECT task_id FROM task WHERE person_id = $1 AND state = 'open'", vera.person_id
    )
    async with seen_by(place.staff, by) as connection:
        await queue.take(connection, HERE, number, by.who, HOUR)
    await tell(place.app, winner.known(), vera.known(3, merged_into=winner.person_id))
    async with seen_by(place.staff, by) as connection:
        made = await contacts.record(connection, LADDERS, number, by.who, said())
    assert made.person_id == winner.person_id


async def test_staff_add_to_the_access_log_in_their_own_name_and_change_nothing(place: Place) -> None:
    """INV-09: not another's look, not in another municipality, and never again after that."""
    by, registrar = viewer(HERE), viewer(HERE, "registrar")
    person = place.here.open.person_id

    async def look(who: str, municipality: str) -> None:
        async with seen_by(place.staff, by) as connection:
            await looked(connection, "test", who=who, person_id=person, municipality=municipality)

    await look(by.who, HERE)
    for who, municipality in (("idp:another", HERE), (by.who, THERE)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await look(who, municipality)
    for change in ("DELETE FROM access_log", "UPDATE access_log SET who = 'x'", "TRUNCATE access_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await place.seen(registrar, change)
    assert await place.seen(by, "SELECT * FROM access_log") == []
    assert await _read(place, viewer(THERE, "registrar"), person) == []
    assert (await _read(place, registrar, person))[0] == (by.who, "test", person)


async def _read(place: Place, by: Viewer, person: UUID) -> list[tuple[str, str, UUID | None]]:
    async with seen_by(place.staff, by) as connection:
        found = await looks(connection, by.municipality, today(), today(), person_id=person, limit=9)
    return [(look.who, look.why, look.person_id) for look in found]
