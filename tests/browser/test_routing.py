"""Routing in a real browser: a registrar gives a case of protected registration to a colleague, and takes it back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest
import pytest_asyncio
from playwright.async_api import Page

from servicekit.calendar import today
from servicekit.database import connect
from tests.browser.conftest import Open, served
from tests.browser.test_outreach import Scene
from tests.browser.window import LOOKS, NARROWEST, PHONE, Look, beyond, faults, keep
from tests.databases import throwaway_database
from tests.outreach.tellings import Person, tell
from tests.outreach.visits import application, staffed


@pytest_asyncio.fixture(scope="module")
async def scene(postgres: str) -> AsyncIterator[Scene]:
    """Two cases of protected registration; a colleague to give them to has logged in."""
    nora, dora = Person(born=date(today().year - 18, 5, 5)), Person(born=date(today().year - 17, 6, 6))
    async with throwaway_database(postgres, "outreach") as made:
        connection = await connect(made.url)
        for person in (nora, dora):
            await tell(connection, person.known(protection="protected_registration"), person.covered())
        async with staffed(postgres, made.url) as pool:
            app = application(pool, "http://127.0.0.1:1")
            async with served(app) as address:
                app.state.site = replace(app.state.site, address=address)
                yield Scene(address, pool, nora, dora)
        await connection.close()


async def _registrar(scene: Scene, window: Open, look: Look) -> Page:
    await scene.at_work(window, look)
    return await scene.at_work(window, look, "regina", "registrar")


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def _routed(page: Page, person: Person) -> None:
    """The registrar's page of a case, routed to Otilia."""
    await page.goto(f"/routing/{person.person_id}")
    await page.locator("#to").select_option("stockholm:otilia")
    await page.locator("#reason").fill("Har arbetat med skyddade förut")
    await page.locator("form[action$='/routing/" + str(person.person_id) + "'] button").click()
    await page.get_by_role("status").wait_for()


@pytest.mark.parametrize(
    "look", [Look(), Look(width=PHONE), Look(scripts=False)], ids=["desk", "phone", "bare"]
)
async def test_a_case_is_routed_worked_with_and_taken_back(scene: Scene, window: Open, look: Look) -> None:
    page = await _registrar(scene, window, look)
    await page.goto("/routing")
    await page.locator(f"a[href$='/routing/{scene.vera.person_id}']").click()
    await page.get_by_label("Kollega", exact=True).select_option("Otilia Uppsökare")
    await page.get_by_label("Orsak", exact=True).fill("Har arbetat med skyddade förut")
    await _press(page, "Fördela")
    assert await page.get_by_role("status").inner_text() == "Ärendet är fördelat."
    otilia = await scene.at_work(window, look)
    await otilia.goto("/mine")
    await otilia.locator("form[action$='/take'] button").first.click()
    assert await otilia.get_by_role("heading", level=1).inner_text() == "Skyddade personuppgifter"
    await page.locator(f"a[href$='/routing/{scene.vera.person_id}']").click()
    await page.get_by_label("Skäl att ta tillbaka det").fill("Otilia är borta")
    await _press(page, "Ta tillbaka")
    assert await page.get_by_role("status").inner_text() == (
        "Ärendet är återtaget. Det väntar på fördelning igen."
    )
    answer = await otilia.goto(f"/persons/{scene.vera.person_id}")
    assert answer is not None
    assert answer.status == 404


@pytest.mark.parametrize("look", [*LOOKS, Look(scheme="dark"), Look(width=NARROWEST)], ids=str)
async def test_its_pages_are_kept_as_pictures_and_nothing_is_wrong_with_them(
    scene: Scene, window: Open, look: Look
) -> None:
    page = await _registrar(scene, window, look)
    found = {}

    async def look_at(page: Page, name: str) -> None:
        await keep(page, f"outreach-{name}", look)
        if wrong := [*await faults(page), *await beyond(page)]:
            found[name] = wrong

    await page.goto(f"/routing/{scene.dora.person_id}")
    await look_at(page, "route")
    await page.evaluate("document.querySelectorAll('form').forEach(form => { form.noValidate = true; })")
    await page.locator("form[action*='/routing/'] button").first.click()
    await page.get_by_role("alert").wait_for()
    await look_at(page, "route-wrong")
    await _routed(page, scene.dora)
    await look_at(page, "routing-routed")
    await page.goto(f"/routing/{scene.dora.person_id}")
    await look_at(page, "route-routed")
    otilia = await scene.at_work(window, look)
    await otilia.goto(f"/persons/{scene.dora.person_id}")
    await look_at(otilia, "routed-person")
    assert found == {}
