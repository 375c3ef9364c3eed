"""An installation for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.system.installation import Installation, installed


@pytest.fixture
async def installation(kafka: str, postgres: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """Empty topics and databases for three organisers; gone afterwards."""
    async with installed(kafka, postgres, tmp_path) as here:
        yield here
