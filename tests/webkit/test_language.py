"""Every text of a page has its Swedish, and a reader gets the language asked for."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from starlette.requests import Request

from tests.webkit.texts import ROOT, WEBKIT, catalogue, rooms, translated, used
from webkit import language
from webkit.language import Code

_NAMES = [str(room.relative_to(ROOT)) for room in rooms()]
_TODAY = date(2026, 9, 7)
_NB = "\u00a0"


def _swedish() -> language.Language:
    return language.load([WEBKIT / "locale"])["sv"]


def _english() -> language.Language:
    return language.load([WEBKIT / "locale"])["en"]


def _request(query: str = "", cookie: str = "", accept: str = "") -> Request:
    headers = [(b"cookie", cookie.encode()), (b"accept-language", accept.encode())]
    return Request({"type": "http", "path": "/", "query_string": query.encode(), "headers": headers})


def test_every_room_with_pages_is_looked_at() -> None:
    assert "webkit" in _NAMES
    assert len(used(WEBKIT)) > 10


@pytest.mark.parametrize("room", _NAMES)
def test_every_text_of_a_page_has_its_swedish_and_no_other_text_is_kept(room: str) -> None:
    own, shared = translated(ROOT / room), {} if room == "webkit" else translated(WEBKIT)
    assert used(ROOT / room) - set(own) - set(shared) == set(), "put them into locale/sv.po"
    assert set(own) - used(ROOT / room) == set(), "no page uses them"


@pytest.mark.parametrize("room", _NAMES)
def test_no_swedish_text_leaves_out_or_makes_up_what_is_filled_in(room: str) -> None:
    assert [str(error) for _, errors in catalogue(ROOT / room).check() for error in errors] == []


def test_a_text_that_nothing_uses_or_nothing_translates_is_found(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "locale").mkdir()
    (tmp_path / "templates" / "page.html").write_text(
        '{{ _("In a template") }} {{ texts("%(number)s one", "%(number)s many", 2) }} {{ _(label) }}'
    )
    (tmp_path / "pages.py").write_text(
        'from webkit.language import _\nA = _("Marked")\nB = spoken(request).text("Said at once")\n'
    )
    (tmp_path / "store.py").write_text('A = text("SELECT 1")\n')
    (tmp_path / "locale" / "sv.po").write_text('msgid "Marked"\nmsgstr "Märkt"\n\nmsgid "Empty"\nmsgstr ""\n')
    assert used(tmp_path) == {
        "In a template", ("%(number)s one", "%(number)s many"), "Marked", "Said at once"
    }  # fmt: skip
    assert translated(tmp_path) == {"Marked": "Märkt"}


def test_texts_of_a_service_come_before_those_of_webkit_which_it_need_not_repeat(tmp_path: Path) -> None:
    (tmp_path / "sv.po").write_text('msgid "Next"\nmsgstr "Vidare"\n')
    swedish = language.load([tmp_path, WEBKIT / "locale"])["sv"]
    assert (swedish.text("Next"), swedish.text("Previous")) == ("Vidare", "Föregående")
    assert swedish.text("Never said") == "Never said"


def test_a_text_is_filled_in_and_follows_the_number() -> None:
    one, many = "%(number)s thing to correct", "%(number)s things to correct"
    assert _swedish().texts(one, many, 1) == "1 sak att rätta"
    assert _swedish().texts(one, many, 1200) == f"1{_NB}200 saker att rätta"
    assert _english().texts(one, many, 0) == "0 things to correct"
    assert _english().text("%(name)s is here", name="Bo") == "Bo is here"
    assert _english().text("58% done") == "58% done"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (_request(), "sv"),
        (_request(accept="en-GB,en;q=0.9"), "en"),
        (_request(cookie="kaa_language=en"), "en"),
        (_request(cookie="kaa_language=sv", accept="en"), "sv"),
        (_request(query="lang=sv", cookie="kaa_language=en"), "sv"),
        (_request(query="lang=de", cookie="kaa_language=xx"), "sv"),
    ],
)  # fmt: skip
def test_the_address_decides_then_the_earlier_choice_then_the_browser_then_swedish(
    request_: Request, expected: Code
) -> None:
    assert language.asked_for(request_) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "sv"), ("de, fr;q=0.8", "sv"), ("*", "sv"), ("en", "en"), ("EN-us", "en"), ("en, sv", "en"),
        ("en;q=0.5, sv;q=0.8", "sv"), ("sv;q=0.1, en-GB;q=0.7", "en"), ("en;q=0", "sv"), ("en;q=x", "sv"),
        ("en;q=", "sv"), (";;,,=q", "sv"), ("en;level=1", "en"), ("en;q=nan, sv;q=0.2", "sv"),
    ],
)  # fmt: skip
def test_the_browser_is_followed_as_far_as_it_can_be_understood(header: str, expected: Code) -> None:
    assert language.preferred(header) == expected


def test_days_and_moments_are_written_as_the_language_does_and_by_the_clock_in_sweden() -> None:
    evening = datetime(2026, 9, 6, 22, 30, tzinfo=UTC)
    assert (_swedish().day(_TODAY), _english().day(_TODAY)) == ("7 sep. 2026", "7 Sept 2026")
    assert (_swedish().weekday(_TODAY), _english().weekday(_TODAY)) == ("mån 7 sep.", "Mon 7 Sept")
    assert _swedish().moment(evening) == "7 sep. 2026 00:30"


@pytest.mark.parametrize(
    ("day", "swedish", "english"),
    [
        (_TODAY, "idag", "today"),
        (date(2026, 9, 8), "om 1 dag", "in 1 day"),
        (date(2026, 8, 24), "för 14 dagar sedan", "14 days ago"),
        (date(2026, 9, 28), "om 3 veckor", "in 3 weeks"),
    ],
)
def test_a_day_is_said_by_how_far_away_it_is(day: date, swedish: str, english: str) -> None:
    assert _swedish().away(day, _TODAY) == swedish
    assert _english().away(day, _TODAY) == english


def test_numbers_and_shares_are_written_as_the_language_does() -> None:
    assert (_swedish().number(12345.67), _english().number(12345.67)) == (f"12{_NB}345,7", "12,345.7")
    assert (_swedish().share(0.456), _english().share(0.456)) == (f"46{_NB}%", "46%")
