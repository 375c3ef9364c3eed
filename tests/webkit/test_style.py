"""The colours of the style sheet can be told apart wherever they meet (WCAG 2.1, 1.4.3 and 1.4.11)."""

import re

import pytest

from tests.webkit.texts import WEBKIT

_SHEET = (WEBKIT / "static" / "style.css").read_text()
_LIGHT, _DARK = "", "(prefers-color-scheme: dark)"
_MORE = "(prefers-contrast: more)"
#: The blocks of colours that hold one over the other for what a reader's system asks.
_ASKED = {
    "light": [_LIGHT],
    "dark": [_LIGHT, _DARK],
    "light, more contrast": [_LIGHT, _MORE],
    "dark, more contrast": [_LIGHT, _DARK, _MORE, f"{_MORE} and {_DARK}"],
}
#: Text and what it stands on: 4.5 to 1, and 7 to 1 for who asks for more contrast.
_TEXT = [
    *((text, ground) for text in ("ink", "soft") for ground in ("ground", "surface", "sunken")),
    *((text, ground) for text in ("accent", "accent-strong") for ground in ("ground", "surface")),
    ("accent", "accent-soft"), ("ink", "accent-soft"), ("soft", "accent-soft"), ("on-accent", "accent"),
    ("on-accent", "accent-strong"), ("on-bar", "bar"), ("bad", "surface"), ("bad", "ground"),
    *((tone, f"{tone}-ground") for tone in ("info", "good", "warn", "bad")),
]  # fmt: skip
#: Edges, focus and the parts of charts, and what they stand on: 3 to 1.
_PARTS = [
    ("edge", "surface"), ("edge", "ground"), ("accent", "surface"), ("focus", "ground"), ("focus", "surface"),
    ("focus-on-bar", "bar"), ("bad", "surface"),
    *((f"s{number}", "surface") for number in range(1, 6)),
]  # fmt: skip


def _block(media: str) -> dict[str, str]:
    """The colours of one `:root`: of the first, or of that in `@media screen and …`."""
    start = _SHEET.index(f"@media screen and {media} {{") if media else 0
    root = _SHEET.index(":root {", start)
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", _SHEET[root : _SHEET.index("}", root)]))


def _colours(asked: str) -> dict[str, str]:
    return {name: colour for media in _ASKED[asked] for name, colour in _block(media).items()}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _too_low(asked: str, pairs: list[tuple[str, str]], least: float) -> list[str]:
    colours = _colours(asked)
    return [
        f"{one} on {other}: {_contrast(colours[one], colours[other]):.2f}"
        for one, other in pairs
        if _contrast(colours[one], colours[other]) < least
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#336699", "#336699", 1)],
)
def test_contrast_is_reckoned_as_wcag_does(one: str, other: str, expected: float) -> None:
    assert _contrast(one, other) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("asked", list(_ASKED))
def test_text_stands_out_from_what_it_stands_on(asked: str) -> None:
    assert _too_low(asked, _TEXT, 7 if "more" in asked else 4.5) == []


@pytest.mark.parametrize("asked", list(_ASKED))
def test_edges_focus_and_charts_stand_out_from_what_they_stand_on(asked: str) -> None:
    assert _too_low(asked, _PARTS, 4.5 if "more" in asked else 3) == []


def test_every_colour_is_named_once_and_used_by_its_name() -> None:
    named = set(re.findall(r"(--[a-z0-9-]+):", _SHEET))
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", _SHEET))
    assert used - named == set()
    assert named - used == set(), "named and used nowhere"
    rules = _SHEET[_SHEET.index("/* ---- The page ---- */") : _SHEET.index("/* ---- On paper")]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", rules) == []


def test_the_sheet_fetches_nothing() -> None:
    assert re.findall(r"url\(|@import", _SHEET) == []
