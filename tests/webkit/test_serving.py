"""An application as a process serves it, and the one place that tells the database who looks."""

import asyncio
import socket

import asyncpg
import httpx
import pytest

from localstack.ports import free_port
from servicekit.settings import Settings
from servicekit.viewers import Viewer, seen_by
from tests.webkit.issuing import FakeIssuer, entry
from tests.webkit.visiting import service
from webkit.app import serve

OTILIA = Viewer("stockholm:otilia", "0180", frozenset({"outreach"}))
SETTING = "SELECT current_setting('kaa.municipality', true)"


async def test_it_answers_until_it_is_told_to_stop(pool: asyncpg.Pool) -> None:
    settings = Settings(web_port=free_port())
    serving = asyncio.create_task(serve(service(pool, [FakeIssuer(entry())]), settings))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.web_port}") as client:
        for _ in range(200):
            try:
                answer = await client.get("/logged-out")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
        assert answer.status_code == 200
        assert "server" not in answer.headers
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with socket.create_server(("127.0.0.1", settings.web_port)):
        pass


async def test_an_address_that_is_taken_is_named(pool: asyncpg.Pool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(web_port=taken.getsockname()[1])
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{settings.web_port}: "):
            await serve(service(pool, []), settings)


async def test_the_municipality_is_set_for_one_transaction_and_no_longer(pool: asyncpg.Pool) -> None:
    """INV-09: the next who gets the connection sees nothing until a municipality is set anew."""
    async with seen_by(pool, OTILIA) as connection:
        assert await connection.fetchval(SETTING) == "0180"
        process = await connection.fetchval("SELECT pg_backend_pid()")
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") == process
        assert not await connection.fetchval(SETTING)


async def test_what_breaks_off_is_not_written_and_leaves_no_municipality(pool: asyncpg.Pool) -> None:
    async def breaks_off() -> None:
        async with seen_by(pool, OTILIA) as connection:
            await connection.execute("INSERT INTO web_attempt VALUES ('test', '\\x00', now(), 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks_off()
    assert await pool.fetchval("SELECT count(*) FROM web_attempt WHERE what = 'test'") == 0
    assert not await pool.fetchval(SETTING)
