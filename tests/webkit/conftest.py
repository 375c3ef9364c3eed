"""The database of the tests about login and sessions."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from tests.webkit.tables import with_sessions


@pytest_asyncio.fixture(scope="module")
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    """One for the tests of a module."""
    async with with_sessions(postgres) as opened:
        yield opened
