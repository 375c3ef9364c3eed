"""A database of outreach for the tests of a module, and connections to it as the application role."""

from collections.abc import AsyncIterator

import pytest_asyncio

from servicekit.database import Connection, connect
from tests.databases import throwaway_database


@pytest_asyncio.fixture(scope="module")
async def database(postgres: str) -> AsyncIterator[str]:
    """The application role's address of a fresh database, gone after the module."""
    async with throwaway_database(postgres, "outreach") as made:
        yield made.url


@pytest_asyncio.fixture
async def outreach(database: str) -> AsyncIterator[Connection]:
    """One connection as the application role."""
    connection = await connect(database)
    yield connection
    await connection.close()
