"""How an installation says which ladders its municipalities have."""

from pathlib import Path

import asyncpg
import pytest

from servicekit.database import new_pool
from servicekit.retention import run_once
from servicekit.settings import ConfigurationError, Settings
from services.outreach.app import ladders_of, parts
from services.outreach.ladder_file import default, default_path
from webkit.sessions import ABSOLUTE, open_session


def test_without_a_folder_every_municipality_has_the_default() -> None:
    assert ladders_of(Settings()).of("0180") == default()
    assert parts(Settings()).publishes


def test_pages_are_served_where_they_have_an_address() -> None:
    assert len(parts(Settings()).background) == 1
    assert len(parts(Settings(web_address="https://kaa.example")).background) == 2


def test_a_municipality_with_a_file_has_its_own(tmp_path: Path) -> None:
    text = default_path().read_text(encoding="utf-8").replace("the default ladder", "Stad")
    (tmp_path / "0180.yaml").write_text(text, encoding="utf-8")
    ladders = ladders_of(Settings(outreach_ladders=tmp_path))
    assert (ladders.of("0180").name, ladders.of("1480").name) == ("Stad", "the default ladder")


def test_a_file_that_is_no_ladder_is_said_in_one_line_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "0180.yaml").write_text("name: Stad\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        ladders_of(Settings(outreach_ladders=tmp_path))
    said = str(refused.value)
    assert said.startswith(f"{tmp_path / '0180.yaml'}:1: ")
    assert f"`kaa outreach ladder check {tmp_path / '0180.yaml'}`" in said
    assert "\n" not in said


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"KAA_OUTREACH_LADDERS: .* cannot be read"):
        ladders_of(Settings(outreach_ladders=tmp_path / "nowhere"))


async def test_the_service_forgets_sessions_that_are_over_though_nobody_logs_in(
    database: str, pool: asyncpg.Pool
) -> None:
    await open_session(pool, "stockholm", "otilia", "Otilia", frozenset({("0180", "outreach")}))
    async with new_pool(database, name="test", size=1) as service:
        await run_once(service, parts(Settings()).retention)
        assert await pool.fetchval("SELECT count(*) FROM web_session") == 1
        await pool.execute("UPDATE web_session SET began_at = began_at - $1::interval", ABSOLUTE)
        await run_once(service, parts(Settings()).retention)
    assert await pool.fetchval("SELECT count(*) FROM web_session") == 0
