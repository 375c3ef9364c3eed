"""A database with the tables of login and sessions, as a service's migrations make them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from servicekit.database import connect, new_pool, prepare
from servicekit.settings import role_name, role_url
from tests.docs.pages import text


@asynccontextmanager
async def with_sessions(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of the role that pages have, in a database that is gone afterwards."""
    name = f"t{uuid4().hex[:8]}_webkit"
    await prepare(postgres, name)
    # a role that owns nothing stands for that of staff and of the service
    owner = await connect(role_url(postgres, name, "owner"))
    sql = text("webkit/sql/session_1.sql")
    await owner.execute(re.sub(r"\{(staff|app)\}", role_name(name, "app"), sql))
    await owner.close()
    async with new_pool(role_url(postgres, name, "app"), name="test", size=4) as opened:
        yield opened
    admin = await connect(postgres)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    for role in await admin.fetch("SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", f"{name}_"):
        await admin.execute(f"DROP ROLE {role['rolname']}")
    await admin.close()
