"""The parts of a list's rows: what they are given is escaped, and what they are for is said."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from tests.webkit.texts import WEBKIT
from webkit.parts import badge, button, cell, icon, row_head

_ICONS = sorted((WEBKIT / "static" / "icons").glob("*.svg"))
_TEXT = '<b>"x"'


@pytest.mark.parametrize(
    "part",
    [
        lambda: badge(_TEXT),
        lambda: row_head(_TEXT),
        lambda: cell("Due", _TEXT),
        lambda: cell(_TEXT, "x"),
        lambda: button(_TEXT),
        lambda: button("x", about=_TEXT),
        lambda: button("x", name="then", value=_TEXT),
    ],
)
def test_what_is_no_markup_is_escaped_where_it_stands(part: Callable[[], Markup]) -> None:
    assert "&lt;b&gt;&#34;x&#34;" in part()
    assert "<b>" not in part()


def test_what_is_markup_stays_so() -> None:
    assert badge("Late", "bad") in cell("State", badge("Late", "bad"))
    assert cell("Persons", 7, "number") == (
        '<td role="cell" data-column="Persons" class="number"><span>7</span></td>'
    )


def test_buttons_with_one_text_say_what_each_is_for_to_those_who_hear_them() -> None:
    assert button("Release", about="Bo") == '<button>Release<span class="unseen"> Bo</span></button>'
    assert button("Save", "primary", name="then", value="next") == (
        '<button class="primary" name="then" value="next">Save</button>'
    )


def test_a_badge_says_its_state_in_words_and_may_show_a_sign() -> None:
    assert badge("Late", "bad", "clock") == f'<span class="badge bad">{icon("clock")}Late</span>'


def test_an_icon_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="missing"):
        icon("missing")


@pytest.mark.parametrize("path", _ICONS, ids=lambda path: path.stem)
def test_every_icon_is_a_drawing_and_nothing_else(path: Path) -> None:
    kinds = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
    assert kinds <= {"svg", "path", "circle", "rect"}
