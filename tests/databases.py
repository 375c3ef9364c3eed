"""A service's database for a test, and nothing left of it afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from servicekit.database import connect, prepare_and_migrate
from servicekit.settings import DATABASE_ROLES, Service, role_name, role_url


@dataclass(frozen=True, slots=True)
class Database:
    """The addresses of one database: as the application role, which the service has, and as the owner."""

    url: str
    owner_url: str


@asynccontextmanager
async def throwaway_database(admin_url: str, service: Service) -> AsyncIterator[Database]:
    """A new database with the service's tables and roles of its own."""
    prefix = f"t{uuid4().hex[:8]}_"
    url = await prepare_and_migrate(admin_url, service, prefix)
    name = f"{prefix}{service}"
    yield Database(url, role_url(admin_url, name, "owner"))
    admin = await connect(admin_url)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    for role in DATABASE_ROLES:
        await admin.execute(f"DROP ROLE {role_name(name, role)}")
    await admin.close()
