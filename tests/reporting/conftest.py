"""A database of reporting for the tests of a module, and a connection to it as the application role."""

from collections.abc import AsyncIterator

import pytest_asyncio

from servicekit.database import Connection, connect
from tests.databases import throwaway_database


@pytest_asyncio.fixture(scope="module")
async def database(postgres: str) -> AsyncIterator[str]:
    """The application role's address of a fresh database, gone after the module."""
    async with throwaway_database(postgres, "reporting") as made:
        yield made.url


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
