"""What staff had before there were all kinds of tasks is there after the migration."""

import asyncio
from datetime import date, timedelta
from uuid import uuid4

from servicekit.calendar import today
from servicekit.database import connect, migrate, prepare
from servicekit.settings import DATABASE_ROLES, role_name, role_url
from services.outreach import contacts
from services.outreach.persons import noticed
from services.outreach.store import all_tasks
from tests.outreach.tellings import SINCE, Person, tell


async def test_tasks_and_contacts_of_the_first_version_are_kept(postgres: str) -> None:
    vera, kim = Person(), Person()
    name = f"t{uuid4().hex[:8]}_outreach"
    await prepare(postgres, name)
    owner_url, app_role = role_url(postgres, name, "owner"), role_name(name, "app")
    await asyncio.to_thread(migrate, "outreach", owner_url, app_role, version="0002")
    owner = await connect(owner_url)
    opened_on, contacted_on = SINCE + timedelta(days=3), SINCE + timedelta(days=4)
    for person, state in ((vera, "done"), (kim, "open")):
        await owner.execute(
            """INSERT INTO person (person_id, revision, birth_date, protection)
               VALUES ($1, 1, '2009-03-15', 'none')""",
            person.person_id,
        )
        await owner.execute(
            """INSERT INTO episode (episode_id, revision, person_id, municipality, person_revision, from_day,
                                    entry_reason)
               VALUES ($1, 1, $2, '0180', 1, $3, 'left_upper_secondary')""",
            person.episode_id, person.person_id, SINCE,
        )  # fmt: skip
        await owner.execute(
            """INSERT INTO task (episode_id, kind, person_id, municipality, since, opened_on, due_on, rank_on, state)
               VALUES ($1, 'inform', $2, '0180', $3, $4, $5, $5, $6)""",
            person.episode_id, person.person_id, SINCE, opened_on, opened_on + timedelta(days=10), state,
        )  # fmt: skip
    await owner.execute(
        """INSERT INTO contact (contact_id, task_id, municipality, revision, on_day, channel, outcome, who)
           SELECT gen_random_uuid(), task_id, '0180', 1, $1, 'phone', 'reached', 'bo'
           FROM task WHERE state = 'done'""",
        contacted_on,
    )
    await owner.close()
    await asyncio.to_thread(migrate, "outreach", owner_url, app_role, role_name(name, "staff"))
    app = await connect(role_url(postgres, name, "app"))
    tasks = {task.person_id: task for task in await all_tasks(app)}
    assert (tasks[vera.person_id].state, tasks[vera.person_id].done_on) == ("done", opened_on)
    assert (tasks[kim.person_id].state, tasks[kim.person_id].step) == ("open", "inform")
    (contact,) = await contacts.of_person(app, "0180", vera.person_id)
    assert (contact.said.on, contact.said.outcome, contact.who) == (contacted_on, "reached", "bo")
    looks = await app.fetch("SELECT look_on, opened_on FROM episode")
    assert {tuple(row) for row in looks} == {(today(), opened_on)}

    # and the next that is told of her finds the case where it stood
    await tell(app, vera.known(2, birth_date=date(2009, 3, 15)), kim.known(2))
    kinds = {(task.person_id, task.kind, task.state) for task in await all_tasks(app)}
    assert (vera.person_id, "talk", "open") in kinds
    assert {one for one in kinds if one[0] == kim.person_id} == {(kim.person_id, "inform", "open")}
    await app.close()
    await _gone(postgres, name)


async def test_a_notice_that_was_handled_before_there_were_attempts_stays_handled(postgres: str) -> None:
    vera, kim = Person(), Person()
    name = f"t{uuid4().hex[:8]}_outreach"
    await prepare(postgres, name)
    owner_url, app_role, staff_role = (
        role_url(postgres, name, "owner"),
        role_name(name, "app"),
        role_name(name, "staff"),
    )
    await asyncio.to_thread(migrate, "outreach", owner_url, app_role, staff_role, version="0005")
    app = await connect(role_url(postgres, name, "app"))
    for person, standing, handled_on in ((vera, True, SINCE), (kim, False, None)):
        await app.execute(
            "INSERT INTO person (person_id, revision, birth_date, protection) VALUES ($1, 1, '2009-03-15', 'none')",
            person.person_id,
        )
        await app.execute(
            """INSERT INTO notice (notice_id, revision, person_id, municipality, school_unit, standing, heard_on,
                                   handled_on)
               VALUES ($1, 2, $2, '0180', '10000001', $3, $4, $5)""",
            person.notice_id, person.person_id, standing, SINCE, handled_on,
        )  # fmt: skip
    await app.close()
    await asyncio.to_thread(migrate, "outreach", owner_url, app_role, staff_role)
    app = await connect(role_url(postgres, name, "app"))
    await tell(app, *(one for person in (vera, kim) for one in (person.known(2), person.noticed(revision=3))))
    assert [(task.person_id, task.kind) for task in await all_tasks(app)] == [
        (kim.person_id, "early_support")
    ]
    assert [one.handled_on for one in await noticed(app, "0180", vera.person_id)] == [SINCE]
    await app.close()
    await _gone(postgres, name)


async def _gone(postgres: str, name: str) -> None:
    admin = await connect(postgres)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    for role in DATABASE_ROLES:
        await admin.execute(f"DROP ROLE {role_name(name, role)}")
    await admin.close()
