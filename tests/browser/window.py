"""A reader's window: how wide, in which language, with which settings of the system; and what is asked of a page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from webkit.language import Code

#: Full pages as the last run saw them: `<page>-<language>-<width>.png`.
SCREENSHOTS: Final = Path(__file__).resolve().parent.parent.parent / "out" / "screenshots"
DESKTOP: Final = 1280
PHONE: Final = 390
#: WCAG 2.1, 1.4.10: what a page must fit into without scrolling sideways.
NARROWEST: Final = 320
_HEIGHT: Final = {DESKTOP: 800}
_WAIT_SECONDS: Final = 15

#: The rules of WCAG 2.1 A and AA, and what axe holds for good practice.
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a reader has set up the system. A window as narrow as a phone is touched, not clicked."""

    language: Code = "sv"
    width: int = DESKTOP
    scheme: Literal["light", "dark"] = "light"
    contrast: Literal["no-preference", "more"] = "no-preference"
    forced_colors: Literal["none", "active"] = "none"
    scripts: bool = True

    def __str__(self) -> str:
        asked = [self.scheme] if self.scheme == "dark" else []
        asked += ["contrast"] if self.contrast == "more" else []
        asked += ["forced"] if self.forced_colors == "active" else []
        return "-".join([self.language, str(self.width), *asked])


#: What every page is looked at in, and kept as a picture of.
LOOKS: Final = tuple(Look(language, width) for language in ("sv", "en") for width in (DESKTOP, PHONE))
#: What the system may ask for besides.
SETTINGS: Final = (
    Look(scheme="dark"),
    Look(contrast="more"),
    Look(scheme="dark", contrast="more"),
    Look(forced_colors="active"),
)


async def opened(browser: Browser, address: str, look: Look) -> Page:
    """An empty window onto a service; its ``goto`` takes paths. Close its ``context`` when done."""
    touched = look.width < DESKTOP
    context = await browser.new_context(
        base_url=address,
        viewport={"width": look.width, "height": _HEIGHT.get(look.width, 844)},
        locale={"sv": "sv-SE", "en": "en-GB"}[look.language],
        color_scheme=look.scheme,
        contrast=look.contrast,
        forced_colors=look.forced_colors,
        java_script_enabled=look.scripts,
        has_touch=touched,
        is_mobile=touched,
    )
    context.set_default_timeout(_WAIT_SECONDS * 1000)
    return await context.new_page()


async def faults(page: Page) -> list[str]:
    """What axe finds wrong on the page as it is now, a line for each element. Needs scripts."""
    found = await Axe().run(page, options={"runOnly": _RULES, "resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


async def beyond(page: Page) -> list[str]:
    """What reaches beyond the window's sides, so that a reader would have to scroll sideways."""
    found: list[str] = await page.evaluate(
        """() => {
          const wide = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= wide) return [];
          return [...document.body.querySelectorAll("*")]
            .filter(one => one.getBoundingClientRect().right > wide + 1)
            .map(one => one.outerHTML.slice(0, 120));
        }"""
    )
    return found


async def keep(page: Page, name: str, look: Look) -> None:
    """Keeps the whole page as a picture under out/screenshots, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    # a window as long as the page: a picture beyond the window's end is drawn for a mouse, also on a phone
    shown = page.viewport_size
    assert shown is not None
    whole = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size({"width": shown["width"], "height": max(whole, shown["height"])})
    await page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png")
    await page.set_viewport_size(shown)
