"""A registry's database for a test of commands."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from servicekit.database import connect
from tests.databases import throwaway_database
from tests.kaa.dead_letters import Registry
from tests.kaa.installation import new_directory, written


@pytest.fixture
async def registry(postgres: str, tmp_path: Path) -> AsyncIterator[Registry]:
    async with throwaway_database(postgres, "registry") as database:
        connection = await connect(database.url)
        directory = new_directory()
        yield Registry(database, connection, directory, written(directory, tmp_path / "organisers.yaml"))
        await connection.close()
