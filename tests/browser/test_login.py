"""Login, a form and logout in a real browser, which holds us to our own headers: what may a form lead to, where does
it say it comes from, which cookies does it keep."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Page

from localstack.oidc import issuers_file, start_oidc
from localstack.running import Running
from localstack.throwaway import throwaway_folder
from servicekit.settings import Settings
from tests.browser.conftest import Open, served
from tests.browser.window import Look
from tests.webkit import visiting
from tests.webkit.tables import with_sessions
from webkit.app import application
from webkit.site import site


@pytest.fixture(scope="module")
def provider() -> Iterator[Running]:
    with throwaway_folder() as folder:
        running = start_oidc(folder / "oidc")
        yield running
        running.stop()


@pytest_asyncio.fixture(scope="module")
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with with_sessions(postgres) as opened:
        yield opened


@pytest.fixture
async def service(provider: Running, pool: asyncpg.Pool) -> AsyncIterator[str]:
    settings = Settings(
        web_address="http://127.0.0.1:1", web_plain_http=True, issuers=issuers_file(provider.folder)
    )
    app = application("Outreach", site(settings, pool), [visiting.pages])
    async with served(app) as address:
        # its port is known only now
        app.state.site = replace(app.state.site, address=address)
        yield address


async def to_the_provider(page: Page, provider: Running) -> None:
    """Past the page that says that this is a demo."""
    await page.get_by_role("link", name="Stockholms stad (demo)").click()
    await page.wait_for_url(f"{provider.address}/oauth2/authorize?**")


async def opened(window: Open, service: str, look: Look) -> Page:
    page = await window(service, look)
    # the provider's page asks for a style sheet from the internet
    await page.context.route(
        re.compile("^https://"), lambda route: route.fulfill(body="", content_type="text/css")
    )
    return page


@pytest.mark.parametrize("look", [Look("en"), Look("en", scripts=False)], ids=["with scripts", "without"])
async def test_a_day_from_login_to_logout(look: Look, window: Open, service: str, provider: Running) -> None:
    page = await opened(window, service, look)
    await page.goto("/overview")
    await to_the_provider(page, provider)
    await page.get_by_role("button", name="leader", exact=True).click()
    await page.wait_for_url(f"{service}/overview")
    assert await page.inner_text("body") == "demo:leader in 0180 as leader, outreach"

    await page.goto("/choose?to=/overview")
    await page.get_by_role("button", name="Stockholm").click()
    await page.wait_for_url(f"{service}/overview")

    await page.goto("/choose")
    await page.get_by_text("Lennart Ledare").click()
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url(f"{provider.address}/oauth2/end_session?**")
    await page.get_by_role("button", name="End session").click()
    await page.wait_for_url(f"{service}/logged-out**")
    assert await page.get_by_role("heading", level=1).inner_text() == "Logged out"

    await page.goto("/overview")
    assert await page.get_by_role("heading", level=1).inner_text() == "Log in"


async def test_a_page_elsewhere_changes_nothing_in_our_name(
    window: Open, service: str, provider: Running
) -> None:
    """Another port of the same host gets the cookies along, since they are bound to the host alone."""
    page = await opened(window, service, Look("en"))
    await page.goto("/overview")
    await to_the_provider(page, provider)
    await page.get_by_role("button", name="leader", exact=True).click()
    await page.wait_for_url(f"{service}/overview")

    await page.goto(f"{provider.address}/")
    await page.set_content(
        f'<form method="post" action="{service}/logout"><button>Win a prize</button></form>'
    )
    await page.get_by_role("button").click()
    await page.wait_for_url(f"{service}/logout")
    assert await page.get_by_role("heading", level=1).inner_text() == "The form did not come from this page"
    await page.goto("/overview")
    assert page.url == f"{service}/overview", "still logged in"
