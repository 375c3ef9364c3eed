"""The frame and every part of pages, in a real browser: for those who see badly, use no mouse, a phone, or paper."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Open, served
from tests.browser.sample import PAGES, WITH_PARTS, application
from tests.browser.window import DESKTOP, LOOKS, NARROWEST, PHONE, SETTINGS, Look, beyond, faults, keep

#: What has the focus: its text or name, and how its focus is shown.
_FOCUSED = """() => {
  const one = document.activeElement;
  const shown = one.matches(".choice input") ? one.closest(".choice") : one;
  const style = getComputedStyle(shown);
  return {
    name: (one.labels?.[0]?.textContent || one.textContent || one.name || "").replace(/\\s+/g, " ").trim(),
    tag: one.tagName.toLowerCase(), id: one.id,
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    top: Math.round(shown.getBoundingClientRect().top + scrollY),
  };
}"""
_TARGETS = (
    "button, .button, input:not([type=hidden]):not(.choice input), select, textarea, summary, .choice, "
    ".menu a, .tabs a, .pager a, .account > a"
)
_STOPS = "a[href], button, input:not([type=hidden]), select, textarea, summary"


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[str]:
    async with served(application()) as address:
        yield address


async def _ground(page: Page) -> str:
    ground: str = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return ground


@pytest.mark.parametrize("name", list(PAGES))
@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_every_page_is_kept_as_a_picture_and_nothing_is_wrong_with_it(
    service: str, window: Open, name: str, look: Look
) -> None:
    page = await window(service, look)
    await page.goto(PAGES[name])
    assert await page.locator("html").get_attribute("lang") == look.language
    await keep(page, f"frame-{name}", look)
    assert await faults(page) == []
    assert await beyond(page) == []


@pytest.mark.parametrize("name", WITH_PARTS)
@pytest.mark.parametrize("look", SETTINGS, ids=str)
async def test_nothing_is_wrong_with_a_page_in_the_colours_the_system_asks_for(
    service: str, window: Open, name: str, look: Look
) -> None:
    page = await window(service, look)
    await page.goto(PAGES[name])
    await keep(page, f"frame-{name}", look)
    assert await faults(page) == []


async def test_a_form_with_something_to_correct_leads_to_it(service: str, window: Open) -> None:
    for look in (Look(), Look(width=PHONE)):
        page = await window(service, look)
        await page.goto("/form")
        await page.get_by_role("button", name="Spara", exact=True).click()
        await keep(page, "frame-form-wrong", look)
        assert await faults(page) == []
        await page.get_by_role("alert").get_by_role("link").click()
        assert await page.evaluate("document.activeElement.id") == "on"


async def test_axe_finds_what_is_wrong(service: str, window: Open) -> None:
    page = await window(service, Look())
    await page.goto("/form")
    await page.evaluate("document.querySelector('label[for=on]').remove()")
    assert any(fault.startswith("label:") for fault in await faults(page))


async def test_the_first_key_leads_past_the_navigation(service: str, window: Open) -> None:
    page = await window(service, Look())
    await page.goto("/")
    await page.keyboard.press("Tab")
    assert (await page.evaluate(_FOCUSED))["name"] == "Hoppa till innehållet"
    assert await page.locator(".skip").is_visible()
    box = await page.locator(".skip").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    await page.keyboard.press("Enter")
    assert (await page.evaluate(_FOCUSED))["id"] == "main"
    await page.keyboard.press("Tab")
    assert (await page.evaluate(_FOCUSED))["name"] == "Ta nästa"


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", WITH_PARTS)
async def test_the_keyboard_reaches_everything_in_the_order_it_is_read_and_shows_where_it_is(
    service: str, window: Open, name: str, width: int
) -> None:
    page = await window(service, Look(width=width))
    await page.goto(PAGES[name])
    expected = await page.evaluate(
        """(stops) => [...document.querySelectorAll(stops)]
          .filter(one => one.checkVisibility() && !(one.type === "radio" && !one.checked)).length""",
        _STOPS,
    )
    seen = []
    for _ in range(200):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(_FOCUSED)
        if focused["tag"] == "body":
            break
        # the parts of a date are stops of their own inside one field
        if not (seen and focused["id"] and focused["id"] == seen[-1]["id"]):
            seen.append(focused)
        assert focused["outline"] >= 3, focused
    assert len(seen) == expected
    # from the skip link, which shows itself above, down the page: nothing jumps back by more than a row
    tops = [one["top"] for one in seen[1:]]
    assert all(later >= earlier - 60 for earlier, later in pairwise(tops)), tops


async def test_a_menu_opens_and_closes_by_the_keyboard(service: str, window: Open) -> None:
    page = await window(service, Look())
    await page.goto("/")
    await page.locator(".who summary").focus()
    leave = page.get_by_role("button", name="Logga ut")
    assert not await leave.is_visible()
    await page.keyboard.press("Enter")
    assert await leave.is_visible()
    await keep(page, "frame-menu", Look())
    assert await faults(page) == []
    await page.keyboard.press("Enter")
    assert not await leave.is_visible()


async def test_the_ground_is_light_or_dark_as_the_system_asks_and_white_or_black_for_more_contrast(
    service: str, window: Open
) -> None:
    grounds = {}
    for look in (Look(), *SETTINGS[:3]):
        page = await window(service, look)
        await page.goto("/")
        grounds[str(look)] = await _ground(page)
    assert grounds == {
        "sv-1280": "rgb(243, 245, 244)",
        "sv-1280-dark": "rgb(16, 22, 20)",
        "sv-1280-contrast": "rgb(255, 255, 255)",
        "sv-1280-dark-contrast": "rgb(0, 0, 0)",
    }


async def test_with_the_systems_own_colours_the_current_entry_and_the_bars_can_still_be_told_apart(
    service: str, window: Open
) -> None:
    page = await window(service, Look(forced_colors="active"))
    await page.goto("/overview")
    edges = await page.evaluate(
        "[...document.querySelectorAll('.menu a')].map(a => getComputedStyle(a).borderBottomColor)"
    )
    current = await page.evaluate(
        "getComputedStyle(document.querySelector('.menu [aria-current]')).borderBottomColor"
    )
    assert edges.count(current) == 1
    fills = await page.evaluate(
        "[1, 2, 3].map(n => getComputedStyle(document.querySelector(`.stacked .bar.s${n}`)).fill)"
    )
    assert len(set(fills)) == 3


@pytest.mark.parametrize("look", [Look(width=NARROWEST), Look("en", NARROWEST)], ids=str)
async def test_nothing_needs_scrolling_sideways_at_320_pixels(service: str, window: Open, look: Look) -> None:
    page = await window(service, look)
    for path in PAGES.values():
        await page.goto(path)
        assert await beyond(page) == [], path


async def test_what_reaches_beyond_the_side_is_found(service: str, window: Open) -> None:
    page = await window(service, Look(width=NARROWEST))
    await page.goto("/error")
    await page.evaluate("document.querySelector('h1').style.width = '500px'")
    assert any("<h1" in one for one in await beyond(page))


async def test_a_finger_finds_everything_at_least_44_pixels_high(service: str, window: Open) -> None:
    page = await window(service, Look(width=PHONE))
    for path in PAGES.values():
        await page.goto(path)
        low = await page.evaluate(
            """(targets) => [...document.querySelectorAll(targets)]
              .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 44)
              .map(one => one.outerHTML.slice(0, 120))""",
            _TARGETS,
        )
        assert low == [], path


async def test_on_paper_there_is_what_is_said_and_not_what_can_be_done(service: str, window: Open) -> None:
    page = await window(service, Look(scheme="dark"))
    await page.emulate_media(media="print")
    await page.goto("/person")
    for gone in (".menu", ".crumbs", ".actions", ".account > a"):
        assert not await page.locator(gone).first.is_visible(), gone
    assert await page.get_by_text("Har inte fyllt 20").is_visible()
    assert await page.get_by_text("Sam Sample").is_visible()
    assert await _ground(page) == "rgb(255, 255, 255)"
    await keep(page, "frame-person-print", Look())
    assert (await page.pdf()).startswith(b"%PDF")


async def test_without_scripts_everything_works(service: str, window: Open) -> None:
    page = await window(service, Look(scripts=False))
    await page.goto("/?team=1")
    await page.get_by_role("link", name="English").click()
    assert page.url.endswith("/?team=1&lang=en")
    await page.get_by_role("link", name="Overview").click()
    await page.get_by_text("The figures in a table").first.click()
    assert await page.get_by_role("row", name="Left upper secondary 1,204").is_visible()
    await page.get_by_role("link", name="Log a contact").click()
    await page.get_by_label("Channel").select_option("visit")
    await page.get_by_role("button", name="Save", exact=True).click()
    assert await page.get_by_text("1 thing to correct").is_visible()
