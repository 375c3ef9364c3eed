"""An installation for each test that asks for one, and servers that a test may break."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from localstack.kafka import start_kafka
from localstack.postgres import start_postgres
from localstack.throwaway import throwaway_folder
from tests.system.installation import Installation, installed
from tests.system.witness import DAY, Server


@pytest.fixture
async def installation(kafka: str, postgres: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """Empty topics and databases for three organisers; gone afterwards."""
    async with installed(kafka, postgres, tmp_path) as here:
        yield here


@pytest.fixture
async def registry(kafka: str, postgres: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The same with the registry alone, which stands on ``witness.DAY``."""
    async with installed(kafka, postgres, tmp_path, services=("registry",)) as here:
        await here.set_day(DAY)
        yield here


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[Server]:
    """A broker that a test may kill. It runs when a test begins."""
    with throwaway_folder() as folder:
        yield Server(start_kafka, folder / "kafka", start_kafka(folder / "kafka"))


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Server]:
    """A database server that a test may kill. It runs when a test begins."""
    with throwaway_folder() as folder:
        yield Server(start_postgres, folder / "postgres", start_postgres(folder / "postgres"))
