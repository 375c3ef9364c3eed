"""Notices that were given before there were any of absence are there after the migration, and absence joins them."""

import asyncio
from uuid import uuid4

from servicekit.database import connect, migrate, prepare
from servicekit.settings import DATABASE_ROLES, role_name, role_url
from tests.notifications.conftest import takes, told
from tests.notifications.sayings import (
    HOME,
    INDEPENDENT,
    PUPIL,
    UNIT_OF,
    absent,
    person,
    person_id,
    resumed,
    retracted,
    started,
)


async def test_facts_and_notices_of_the_first_version_are_kept(postgres: str) -> None:
    name = f"t{uuid4().hex[:8]}_notifications"
    await prepare(postgres, name)
    owner_url, app_role = role_url(postgres, name, "owner"), role_name(name, "app")
    await asyncio.to_thread(migrate, "notifications", owner_url, app_role, version="0002")
    before = started(id="s1")
    owner = await connect(owner_url)
    await owner.execute(
        """INSERT INTO school_fact (source, id, kind, identity_number, school_unit, organiser, school_form, on_day,
                                    recorded_at, received_at)
           VALUES ($1, 's1', 'started', $2, $3, $4, 'GY', '2024-08-19', $5, $5)""",
        before.source, PUPIL, UNIT_OF[INDEPENDENT], INDEPENDENT, before.time,
    )  # fmt: skip
    await owner.execute(
        """INSERT INTO notice (source, id, notice_id, status, municipality, person_id, revision, registered_at)
           VALUES ($1, 's1', gen_random_uuid(), 'registered', $2, $3, 1, $4)""",
        before.source, HOME, person_id("alva"), before.time,
    )  # fmt: skip
    await owner.close()
    await asyncio.to_thread(migrate, "notifications", owner_url, app_role, role_name(name, "staff"))
    app = await connect(role_url(postgres, name, "app"), timezone="UTC")
    async with app.transaction():
        await takes(app, person(), absent(), resumed(), retracted(before))
    assert [(one.kind, one.revision, one.status) for one in await told(app)] == [
        ("started", 2, "withdrawn"),
        ("absence", 1, "closed"),
    ]
    await app.close()
    admin = await connect(postgres)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    for role in DATABASE_ROLES:
        await admin.execute(f"DROP ROLE {role_name(name, role)}")
    await admin.close()
