"""An installation for each test that asks for one, and servers that a test may break."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from localstack.kafka import start_kafka
from localstack.postgres import start_postgres
from localstack.throwaway import throwaway_folder
from tests.system.installation import Installation, installed
from tests.system.witness import DAY, Server


@pytest.fixture(scope="session", autouse=True)
def short_logs() -> Iterator[None]:
    """structlog's own console shows the locals of every frame of an error, and takes seconds for it."""
    brief = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), brief]
    )
    yield
    structlog.reset_defaults()


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
