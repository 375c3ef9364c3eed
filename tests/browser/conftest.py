"""A real browser, and services to look at in it.

The browser is found, or fetched, when tests that need it have been selected, before the first of them runs: a
download is no part of a test's time.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from starlette.types import ASGIApp

from localstack import browser as browsers
from localstack.errors import StackError
from servicekit.health import Server
from tests.browser.window import Look, opened

#: A window onto a service: its address, and how the reader has set up the system.
Open = Callable[[str, Look], Awaitable[Page]]

_FOUND = pytest.StashKey[Path | StackError]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Finds the browser if any test of this folder will run."""
    here = Path(__file__).parent
    if session.config.option.collectonly or not any(here in item.path.parents for item in session.items):
        return
    try:
        session.config.stash[_FOUND] = browsers.find()
    except StackError as missing:
        session.config.stash[_FOUND] = missing


@pytest.fixture(scope="session")
async def browser(pytestconfig: pytest.Config) -> AsyncIterator[Browser]:
    """One browser a session; windows of it share nothing."""
    found = pytestconfig.stash[_FOUND]
    if isinstance(found, StackError):
        raise found
    async with async_playwright() as playwright:
        # the browser's sandbox refuses to be started by root
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = await playwright.chromium.launch(executable_path=found, args=arguments)
        yield started
        await started.close()


@pytest.fixture
async def window(browser: Browser) -> AsyncIterator[Open]:
    """Opens windows, which are closed after the test. What a page complained of on its console fails the test: a file
    that is missing, or something that the content security policy forbids."""
    pages: list[Page] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # an answer that is an error on purpose is said on the console too
        if message.type == "error" and "status of 4" not in message.text:
            complaints.append(message.text)

    async def open_one(address: str, look: Look) -> Page:
        page = await opened(browser, address, look)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        pages.append(page)
        return page

    yield open_one
    for page in pages:
        await page.context.close()
    assert complaints == []


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The address of an application that answers on loopback while the block runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
    task = asyncio.create_task(server.serve([listening]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await task
