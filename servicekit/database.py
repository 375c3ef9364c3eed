"""PostgreSQL: pools, what is transient and what is not, preparing a service's database, migrations.

SQL is written as SQL and sent with asyncpg; see docs/decisions for why there is no layer between.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from threading import Lock
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg
import structlog

from servicekit.settings import (
    DATABASE_ROLES,
    STAFFED,
    ConfigurationError,
    Service,
    role_name,
    role_password,
    role_url,
)

log = structlog.get_logger()

#: An asyncpg connection, or a pool's proxy of one; asyncpg ships no types.
Connection: TypeAlias = Any

#: Alembic has one context for a whole process.
_ALEMBIC = Lock()

#: SQLSTATE classes and codes after which the same transaction may succeed: connection lost, server starting or
#: stopping, out of resources (disk, memory, connections), rolled back (deadlock, serialization), lock or statement
#: timeout, read-only (a standby during failover).
_TRANSIENT = ("08", "53", "40", "57", "55P03", "25006", "58")
#: What no repetition and no other record heals: tables or rights missing, wrong password, wrong database.
_FATAL = ("42", "28", "3D", "3F")


#: What is raised when the server refuses, is away, or went while nobody looked: asyncpg has no better word than
#: InternalClientError for an idle connection that was cut while the process slept. TimeoutError is an OSError.
DATABASE_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


class TransientError(Exception):
    """The transaction met something that is gone when it is tried again."""


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(_TRANSIENT)
    # InterfaceError: asyncpg says "connection is closed" so
    return isinstance(error, (TransientError, *DATABASE_ERRORS))


def is_fatal(error: BaseException) -> bool:
    """Whether an operator must act: migrations not applied, rights missing, wrong address."""
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "").startswith(_FATAL)


def explain(error: BaseException, url: str) -> str:
    """One line on a database error, without values or passwords."""
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 5432}{parts.path}"
    state = getattr(error, "sqlstate", None)
    match state:
        case "28P01" | "28000":
            return f"the database at {where} refuses the role or its password"
        case "3D000":
            return f"there is no database {parts.path.lstrip('/')} at {where}: run `kaa migrate`"
        case "42P01" | "42703" | "3F000":
            return f"the database at {where} lacks a table or column: run `kaa migrate`"
        case "42501":
            return f"the role lacks rights in the database at {where}: run `kaa migrate`"
        case None:
            return f"the database at {where} cannot be reached ({type(error).__name__})"
        case _:
            return f"the database at {where} refuses ({type(error).__name__}, SQLSTATE {state})"


async def connect(url: str, **settings: str) -> Connection:
    """One connection. Raises what asyncpg raises."""
    return await asyncpg.connect(url, timeout=10, command_timeout=120, server_settings=settings or None)


async def _as_it_is(_: Connection) -> None:
    """Nothing is set in a session beyond its transaction, so nothing needs a round trip to be reset."""


def new_pool(url: str, *, name: str, size: int) -> asyncpg.Pool:
    """A pool to be opened by ``async with`` or ``await``, which raises what asyncpg raises."""
    return asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        reset=_as_it_is,
        timeout=10,
        command_timeout=120,
        server_settings={"application_name": name, "timezone": "UTC"},
    )


@asynccontextmanager
async def pool(url: str, *, name: str, size: int = 4) -> AsyncIterator[asyncpg.Pool]:
    """A pool that waits for the database while it is away, and says so; what cannot heal is a ConfigurationError."""
    delay = 0.5
    while True:
        try:
            opened = await new_pool(url, name=name, size=size)
            break
        except DATABASE_ERRORS as error:
            if is_fatal(error) or not is_transient(error):
                raise ConfigurationError(explain(error, url)) from None
            log.warning("database.away", reason=explain(error, url), seconds=delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 10)
    try:
        yield opened
    finally:
        # a connection whose server is gone must not hold up the end of the process
        try:
            await asyncio.wait_for(opened.close(), 5)
        except DATABASE_ERRORS:
            opened.terminate()


async def prepare(admin_url: str, database: str) -> None:
    """Makes the database and its roles, if they are not there. Safe to repeat and to race.

    The application role and that of staff may connect and nothing else: each migration grants them what they need.
    """
    roles = [role_name(database, role) for role in DATABASE_ROLES]
    owner, *others = roles
    granted = ", ".join(others)
    admin = await connect(admin_url)
    try:
        # advisory: two processes that prepare at once would collide in pg_authid
        await admin.execute("SELECT pg_advisory_lock(hashtext('kaa.prepare'))")
        for role in roles:
            verb = (
                "ALTER"
                if await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
                else "CREATE"
            )
            password = role_password(admin_url, role)
            await admin.execute(
                f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '{password}'"
            )
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await admin.execute(f"GRANT {owner} TO CURRENT_USER")
            await admin.execute(
                f"CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'"
            )
        await admin.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        await admin.execute(f"GRANT CONNECT ON DATABASE {database} TO {granted}")
    finally:
        await admin.close()
    inside = await connect(urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}")))
    try:
        await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await inside.execute(
            f"GRANT ALL ON SCHEMA public TO {owner}; GRANT USAGE ON SCHEMA public TO {granted}"
        )
    finally:
        await inside.close()


def migrate(
    service: Service, owner_url: str, app_role: str, staff_role: str | None = None, *, version: str = "head"
) -> None:
    """Brings a service's database to a version, the newest. Blocking; call it in a thread from a running loop.

    ``staff_role``: for a service in ``STAFFED``. Raises ConfigurationError when the database cannot be reached or
    refuses.
    """
    with _ALEMBIC:
        from sqlalchemy.exc import DBAPIError  # as late as alembic, and like it by one thread at a time

        try:
            _upgrade(service, owner_url, app_role, staff_role, version)
        except (DBAPIError, OSError, asyncpg.InterfaceError) as error:
            # SQLAlchemy wraps what asyncpg raises, twice
            cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else None
            raise ConfigurationError(explain(cause or error, owner_url)) from None


def _upgrade(service: Service, owner_url: str, app_role: str, staff_role: str | None, version: str) -> None:
    # a second of start-up that only migrations need
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("servicekit").joinpath("migrate")))
    config.set_main_option("version_locations", str(files(f"services.{service}").joinpath("migrations")))
    config.set_main_option("path_separator", "newline")
    config.attributes["url"] = owner_url
    config.attributes["app_role"] = app_role
    config.attributes["staff_role"] = staff_role
    command.upgrade(config, version)


def role_in(url: str) -> str:
    """The role that an address names. Raises ConfigurationError for one that migrations could not grant rights to."""
    role = unquote(urlsplit(url).username or "")
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
        raise ConfigurationError("a database address must name its role, of lower-case letters, digits and _")
    return role


async def prepare_and_migrate(admin_url: str, service: Service, prefix: str) -> str:
    """Database, roles and tables of a service on an administrator's server; gives the application role's address."""
    database = f"{prefix}{service}"
    await prepare(admin_url, database)
    owner_url = role_url(admin_url, database, "owner")
    staff_role = role_name(database, "staff") if service in STAFFED else None
    await asyncio.to_thread(migrate, service, owner_url, role_name(database, "app"), staff_role)
    return role_url(admin_url, database, "app")
