"""`kaa local up | down | status`, as a developer types them, with the state in a folder of the test's own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from localstack.kafka import kafka_answers
from localstack.postgres import postgres_answers
from tests.local.processes import arguments, running_with

KAA = Path(sys.executable).with_name("kaa")


class Home:
    """A folder in the place of `<checkout>/.kaa`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kaa(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(KAA), "local", *words],
            env=os.environ | {"KAA_HOME": str(self.folder)} | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self) -> dict[str, str]:
        """Start it; the exported addresses by variable."""
        started = self.kaa("up")
        assert started.returncode == 0, started.stderr
        return dict(line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())

    def data(self) -> Path:
        """PostgreSQL's data folder, inside or outside."""
        state = json.loads((self.folder / "local" / "postgres" / "state.json").read_text())
        return Path(state["data"])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    place = Home(tmp_path / "kaa-home")
    yield place
    stopped = place.kaa("down", "--forget")
    assert stopped.returncode == 0, f"nothing to stop is fine: {stopped.stderr}"


async def test_a_stack_lives_through_up_down_and_up_again_and_leaves_nothing(home: Home) -> None:
    addresses = await asyncio.to_thread(home.up)
    assert set(addresses) == {"KAA_KAFKA", "KAA_POSTGRES"}
    assert await asyncio.to_thread(kafka_answers, addresses["KAA_KAFKA"])
    assert await asyncio.to_thread(postgres_answers, addresses["KAA_POSTGRES"])
    data = await asyncio.to_thread(home.data)

    # It said where it is, and told nobody else the password.
    password = addresses["KAA_POSTGRES"].split(":")[2].rpartition("@")[0]
    status = await asyncio.to_thread(home.kaa, "status")
    assert status.returncode == 0
    assert addresses["KAA_KAFKA"] in status.stdout
    assert password not in status.stdout + status.stderr
    assert [line for line in await asyncio.to_thread(list, arguments()) if password in line] == []

    # Up twice is fine.
    again = await asyncio.to_thread(home.kaa, "up")
    assert again.returncode == 0
    assert again.stderr.count("already running") == 2
    assert addresses["KAA_POSTGRES"] in again.stdout

    connection = await asyncpg.connect(addresses["KAA_POSTGRES"])
    await connection.execute("CREATE TABLE kept (id int)")
    await connection.close()

    # Down leaves no process, and up again is the same stack.
    assert (await asyncio.to_thread(home.kaa, "down")).returncode == 0
    assert running_with(str(home.folder)) == []
    assert running_with(str(data)) == []
    assert (await asyncio.to_thread(home.kaa, "status")).returncode == 1
    assert await asyncio.to_thread(home.up) == addresses
    connection = await asyncpg.connect(addresses["KAA_POSTGRES"])
    assert await connection.fetchval("SELECT count(*) FROM kept") == 0
    await connection.close()

    assert (await asyncio.to_thread(home.kaa, "down", "--forget")).returncode == 0
    assert running_with(str(home.folder)) == []
    assert not data.exists()
    assert list((home.folder / "local").iterdir()) == []


def test_without_java_it_says_in_one_line_what_to_install(home: Home, tmp_path: Path) -> None:
    refused = home.kaa("up", PATH=str(tmp_path), JAVA_HOME="")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "install a Java runtime of version 17 or later" in refused.stderr
