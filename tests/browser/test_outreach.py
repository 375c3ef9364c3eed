"""Outreach in a real browser: a day's work, and every page as it looks to those who see badly or use a phone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Page

from servicekit.calendar import today
from servicekit.database import Connection, connect
from servicekit.viewers import Role
from tests.browser.conftest import Open, served
from tests.browser.window import LOOKS, NARROWEST, PHONE, Look, beyond, faults, keep
from tests.databases import throwaway_database
from tests.outreach.tellings import SINCE, Person, tell
from tests.outreach.visits import application, staffed
from webkit.sessions import open_session

NAMES = ("Alba Exempelsson", "Bo Påhittad", "Cleo Testberg-Provström", "Dag Modell", "Elsa Mall", "Fia Prov")
CONTACT = {
    "phones": ["+46701740605", "+46701740606"],
    "email": "vera@example.se",
    "address": {"street": "Provgatan 1", "postal_code": "11122", "city": "Stockholm"},
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A municipality in the morning, and who is in it."""

    address: str
    pool: asyncpg.Pool
    vera: Person
    dora: Person

    async def at_work(self, window: Open, look: Look, name: str = "otilia", *roles: Role) -> Page:
        """A window of somebody who is logged in."""
        titles = {"otilia": "Otilia Uppsökare", "lena": "Lena Ledare", "regina": "Regina Registrator"}
        held: tuple[Role, ...] = roles or ("outreach",)
        grants = frozenset(("0180", role) for role in held)
        token = await open_session(self.pool, "stockholm", name, titles[name], grants)
        page = await window(self.address, look)
        cookie = f"kaa_session_{urlsplit(self.address).port}"
        await page.context.add_cookies([{"name": cookie, "value": token.value, "url": self.address}])
        return page


@pytest_asyncio.fixture(scope="module")
async def database(postgres: str) -> AsyncIterator[str]:
    async with throwaway_database(postgres, "outreach") as made:
        yield made.url


@pytest_asyncio.fixture(scope="module")
async def scene(postgres: str, database: str) -> AsyncIterator[Scene]:
    connection = await connect(database)
    vera, dora = await _morning(connection)
    async with staffed(postgres, database) as pool:
        app = application(pool, "http://127.0.0.1:1")
        async with served(app) as address:
            # its port is known only now
            app.state.site = replace(app.state.site, address=address)
            yield Scene(address, pool, vera, dora)
    await connection.close()


async def _morning(connection: Connection) -> tuple[Person, Person]:
    """Some to be called, one with a history; one protected, one to be routed; one told of by a school."""
    year = today().year
    reasons = ("left_upper_secondary", "compulsory_school_only", "newly_arrived", "study_certificate")
    for place, name in enumerate(NAMES):
        given, _, family = name.partition(" ")
        person = Person(born=date(year - 17 - place % 3, 3, 10 + place))
        since = SINCE + timedelta(days=30 * (place % 4))
        await tell(
            connection,
            person.known(given_name=given, family_name=family, contact=CONTACT),
            person.covered(since=since, entry_reason=reasons[place % 4]),
        )
    vera, dora, nora, kim = Person(), Person(), Person(born=date(year - 18, 5, 5)), Person()
    await tell(connection, vera.known(contact=CONTACT), vera.covered(since=SINCE - timedelta(days=9)))
    await tell(connection, dora.known(protection="confidential"), dora.covered())
    await tell(connection, nora.known(protection="protected_registration"), nora.covered())
    await tell(connection, kim.known(given_name="Kim"), kim.noticed())
    return vera, dora


async def focused(page: Page) -> str:
    name: str = await page.evaluate("document.activeElement.textContent.trim()")
    return name


@pytest.mark.parametrize(
    "look", [Look(), Look("en", PHONE), Look(scripts=False)], ids=["sv", "en on a phone", "bare"]
)
async def test_a_call_from_the_queue_to_a_measure(scene: Scene, window: Open, look: Look) -> None:
    swedish = look.language == "sv"
    page = await scene.at_work(window, look)

    async def press(sv: str, en: str) -> None:
        await page.get_by_role("button", name=sv if swedish else en, exact=True).click()

    await page.goto("/")
    await press("Ta nästa", "Take next")
    person = await page.get_by_role("heading", level=1).inner_text()
    await page.get_by_text("Nådd" if swedish else "Reached", exact=True).click()
    await press("Spara", "Save")
    assert await page.get_by_role("status").inner_text() == (
        "Kontakten är sparad." if swedish else "The contact is saved."
    )
    await page.get_by_role("link", name="Planera en åtgärd" if swedish else "Plan a measure").click()
    await page.get_by_label("Slag av åtgärd" if swedish else "Kind of measure").select_option("guidance")
    await page.get_by_label("Vad den består i" if swedish else "What it consists of").fill("Tre samtal")
    await page.get_by_label("Uppföljning 1" if swedish else "Follow-up 1").fill(
        (today() + timedelta(days=1)).isoformat()
    )
    await press("Spara", "Save")
    assert await page.get_by_role("heading", level=1).inner_text() == person
    end = "Avsluta Studie- och yrkesvägledning" if swedish else "End Study and career guidance"
    await page.get_by_role("link", name=end, exact=True).click()
    await page.get_by_text("Eget val" if swedish else "Own choice").click()
    await press("Avsluta åtgärden", "End the measure")
    assert await page.get_by_role("status").inner_text() == (
        "Åtgärden är avslutad." if swedish else "The measure is ended."
    )


async def test_the_keyboard_alone_makes_the_call(scene: Scene, window: Open) -> None:
    page = await scene.at_work(window, Look(), "otilia")
    await page.goto("/")

    async def until(name: str) -> None:
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await focused(page) == name:
                return
        raise AssertionError(f"the keyboard does not reach {name}")

    await until("Ta nästa")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/persons/**")
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name === 'outcome'"):
            break
    await page.keyboard.press("Space")
    await until("Spara")
    await page.keyboard.press("Enter")
    await page.get_by_role("status").wait_for()
    assert await page.get_by_role("status").inner_text() == "Kontakten är sparad."


async def _history(scene: Scene, window: Open) -> str:
    """Gives the person a contact and a measure, once; the path of the measure."""
    page = await scene.at_work(window, Look("en"))
    await page.goto(f"/persons/{scene.vera.person_id}")
    links = page.locator("a[href^='/measures/']:not([href$='/end'])")
    if await links.count() == 0:
        await page.goto(f"/persons/{scene.vera.person_id}/contact")
        await page.get_by_text("Reached", exact=True).click()
        await page.get_by_role("button", name="Save").click()
        await page.goto(f"/persons/{scene.vera.person_id}/measure")
        await page.get_by_label("Kind of measure").select_option("work_placement")
        await page.get_by_label("What it consists of").fill("Tre veckor på ett lager, två dagar i veckan.")
        await page.get_by_label("Goal").fill("Pröva ett yrke inför valet av utbildning.")
        await page.get_by_label("Follow-up 1").fill(today().isoformat())
        await page.get_by_label("Support 1", exact=False).first.select_option("travel_card")
        await page.get_by_label("Kronor, support 1").fill("970")
        await page.get_by_label("How often, support 1").select_option("month")
        await page.get_by_role("button", name="Save").click()
    path = await links.first.get_attribute("href")
    assert path
    return path


async def _everywhere(scene: Scene, window: Open) -> dict[str, tuple[str, tuple[Role, ...]]]:
    """Every page: its path, and the roles that look at it."""
    measure, vera = await _history(scene, window), f"/persons/{scene.vera.person_id}"
    worker: tuple[Role, ...] = ("outreach",)
    leader: tuple[Role, ...] = ("outreach", "leader")
    return {
        "mine": ("/mine", worker),
        "team": ("/team", worker),
        "asleep": ("/asleep", worker),
        "person": (vera, worker),
        "protected": (f"/persons/{scene.dora.person_id}", worker),
        "contact": (f"{vera}/contact", worker),
        "plan": (f"{vera}/measure", worker),
        "measure": (measure, worker),
        "end": (f"{measure}/end", worker),
        "weeks": ("/follow-ups", worker),
        "search": ("/search", worker),
        "overview": ("/overview", leader),
        "routing": ("/routing", ("registrar",)),
    }


def _who(roles: tuple[Role, ...]) -> str:
    return "regina" if "registrar" in roles else "lena" if "leader" in roles else "otilia"


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_every_page_is_kept_as_a_picture_and_nothing_is_wrong_with_it(
    scene: Scene, window: Open, look: Look
) -> None:
    found = {}
    for name, (path, roles) in (await _everywhere(scene, window)).items():
        page = await scene.at_work(window, look, _who(roles), *roles)
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        await keep(page, f"outreach-{name}", look)
        if wrong := [*await faults(page), *await beyond(page)]:
            found[name] = wrong
    assert found == {}


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_what_staff_meet_on_the_way_is_as_sound(scene: Scene, window: Open, look: Look) -> None:
    """A task in hand, a form with something to correct, what was found, a task that a colleague took."""
    page = await scene.at_work(window, look)
    await page.goto("/team")
    await page.locator("form[action$='/take'] button").first.click()
    found = {}

    async def look_at(name: str) -> None:
        await keep(page, f"outreach-{name}", look)
        if wrong := [*await faults(page), *await beyond(page)]:
            found[name] = wrong

    await page.locator("details summary").nth(1).click()
    await look_at("in-hand")
    await page.evaluate("document.querySelectorAll('form').forEach(form => { form.noValidate = true; })")
    await page.locator("#contact button").first.click()
    assert await page.get_by_role("alert").is_visible()
    await look_at("in-hand-wrong")
    await page.locator("form[action$='/release'] button").first.evaluate("one => one.form.submit()")
    await page.wait_for_url("**/?said=released")
    await look_at("released")
    await page.goto("/search")
    await page.locator("#sought").fill("e")
    await page.locator("#sought").press("Enter")
    await page.locator("tbody").wait_for()
    await look_at("found")
    await page.goto("/persons/00000000-0000-4000-8000-000000000000")
    await look_at("nobody")
    assert found == {}


@pytest.mark.parametrize("look", [Look(scheme="dark"), Look(contrast="more"), Look(width=NARROWEST)], ids=str)
async def test_nothing_is_wrong_in_the_dark_with_more_contrast_or_in_a_narrow_window(
    scene: Scene, window: Open, look: Look
) -> None:
    found = {}
    for name, (path, roles) in (await _everywhere(scene, window)).items():
        if name in {"team", "person", "plan", "overview"}:
            page = await scene.at_work(window, look, _who(roles), *roles)
            await page.goto(path)
            await keep(page, f"outreach-{name}", look)
            if wrong := [*await faults(page), *await beyond(page)]:
                found[name] = wrong
    assert found == {}
