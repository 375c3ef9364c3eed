"""A database of reporting for the tests of a module, and a connection to it as the application role."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from servicekit.database import Connection, connect, prepare_and_migrate
from servicekit.settings import role_name


@pytest_asyncio.fixture(scope="module")
async def database(postgres: str) -> AsyncIterator[str]:
    """The application role's address of a fresh database, gone after the module."""
    prefix = f"t{uuid4().hex[:8]}_"
    yield await prepare_and_migrate(postgres, "reporting", prefix)
    name = f"{prefix}reporting"
    admin = await connect(postgres)
    try:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for role in ("owner", "app"):
            await admin.execute(f"DROP ROLE {role_name(name, role)}")
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """One connection as the application role."""
    opened = await connect(database)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def reporting(connection: Connection) -> AsyncIterator[Connection]:
    """A connection in a transaction that is rolled back: whatever it is told is gone after the test."""
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
