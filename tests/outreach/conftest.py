"""A database of outreach for the tests of a module, and connections to it as the application role and as staff."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from fastapi import FastAPI

from servicekit.database import Connection, connect, new_pool
from servicekit.settings import role_url
from tests.databases import throwaway_database
from tests.outreach.tellings import Person, tell, tombstone
from tests.outreach.visits import PHONE, Colleague, application, staffed


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


@pytest_asyncio.fixture
async def empty(outreach: Connection) -> AsyncIterator[Connection]:
    """Outreach with an empty queue, emptied again after the test."""
    yield outreach
    await _forget_all(outreach)


async def _forget_all(outreach: Connection) -> None:
    rows = await outreach.fetch("SELECT person_id FROM person WHERE NOT purged")
    await tell(outreach, *(tombstone(row[0]) for row in rows))


@pytest.fixture
def staff_address(postgres: str, database: str) -> str:
    """The address of the same database for the role of staff."""
    return role_url(postgres, database.rpartition("/")[2], "staff")


@pytest_asyncio.fixture
async def staff(staff_address: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of the role that pages, API and commands have; one connection, so that each finds what was left."""
    async with new_pool(staff_address, name="test", size=1) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def pool(postgres: str, database: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of the same role, as the application has it."""
    async with staffed(postgres, database) as opened:
        yield opened


@pytest_asyncio.fixture
async def app(outreach: Connection, pool: asyncpg.Pool) -> AsyncIterator[FastAPI]:
    """The pages, of a queue that is emptied after the test."""
    yield application(pool)
    await _forget_all(outreach)
    await pool.execute("DELETE FROM web_attempt")


@pytest_asyncio.fixture
async def otilia(app: FastAPI) -> Colleague:
    """Somebody at work with the queue, logged in."""
    return await Colleague.at_work(app)


@pytest_asyncio.fixture
async def vera(outreach: Connection) -> Person:
    """Covered, with a phone; her task is to inform her."""
    vera = Person()
    await tell(outreach, vera.known(contact=PHONE), vera.covered())
    return vera
