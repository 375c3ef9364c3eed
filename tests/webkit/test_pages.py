"""A page is its template inside the frame, in the reader's language, with nothing in it that was not escaped."""

from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from jinja2 import TemplateNotFound, UndefinedError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from webkit.pages import Account, Around, Link, furnish, render, spoken

_LINKS = (
    Link("Next", "/", "left"),
    Link("Previous", "/people", "right"),
    Link("Log out", "/people/old", "person"),
)
_PAGE = """{% extends "base.html" %}{% import "macros.html" as ui with context %}
{% block title %}{{ _("Next") }}{% endblock %}
{% block main %}BODY{% endblock %}"""


class _Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


def _client(app: Starlette) -> httpx.AsyncClient:
    """A browser, as far as cookies go."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kaa.test")


def _service(folder: Path, body: str, around: Around | None = None, **context: object) -> httpx.AsyncClient:
    """A service with one template, which it shows at every address."""
    (folder / "templates").mkdir()
    (folder / "locale").mkdir()
    (folder / "templates" / "page.html").write_text(_PAGE.replace("BODY", body))
    (folder / "locale" / "sv.po").write_text('msgid "Register"\nmsgstr "Registret"\n')

    async def page(request: Request) -> Response:
        return render(request, "page.html", **context)

    inner = Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST"])])
    furnish(inner, "Register", folder, lambda _: around or Around())
    # the page's route takes every address: the static files come first
    inner.router.routes.reverse()
    return _client(Starlette(routes=[Mount("/below", inner), Mount("/", inner)]))


async def test_the_frame_has_the_language_the_title_one_main_part_and_a_way_past_the_navigation(
    tmp_path: Path,
) -> None:
    text = (await _service(tmp_path, "<h1>x</h1>").get("/")).text
    elements = _Elements(text)
    assert elements.of("html") == [{"lang": "sv"}]
    assert "<title>Nästa · Registret</title>" in text
    assert elements.of("a")[0] == {"class": "skip", "href": "#main"}
    assert [main["id"] for main in elements.of("main")] == ["main"]


async def test_nothing_in_a_page_is_styled_or_run_where_it_stands_nor_fetched_from_elsewhere(
    tmp_path: Path,
) -> None:
    account = Account("Sam Sample", "Solna", leave="/leave", change="/change")
    text = (await _service(tmp_path, "", Around(_LINKS, account, "token")).get("/")).text
    for tag, attributes in _Elements(text).found:
        assert tag not in {"style", "script"}
        for name, value in attributes.items():
            assert name != "style"
            assert not name.startswith("on")
            if name in {"href", "src", "action"}:
                assert (value or "").startswith(("/", "#"))
                assert not (value or "").startswith("//")


async def test_what_a_page_is_given_is_escaped_also_inside_a_text(tmp_path: Path) -> None:
    body = (
        '{{ _("Hello %(name)s", name=name) }}{{ _(name) }}{{ ui.badge(name) }}{{ ui.field("f", name, name) }}'
    )
    text = (await _service(tmp_path, body, name='<script>"x"').get("/")).text
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 5
    assert 'value="&lt;script&gt;&#34;x&#34;"' in text


async def test_an_element_given_to_a_text_stays_one(tmp_path: Path) -> None:
    client = _service(tmp_path, '{{ _("Since %(day)s", day=ui.badge("today")) }}')
    assert 'Since <span class="badge plain">today</span>' in (await client.get("/")).text


async def test_a_name_that_nobody_gave_is_an_error_and_not_an_empty_place(tmp_path: Path) -> None:
    client = _service(tmp_path, "{{ forgotten }}")
    with pytest.raises(UndefinedError, match="forgotten"):
        (await client.get("/"))


async def test_an_application_without_pages_is_told_what_to_call() -> None:
    async def page(request: Request) -> Response:
        return render(request, "base.html")

    with pytest.raises(RuntimeError, match=r"call webkit\.pages\.furnish"):
        (await _client(Starlette(routes=[Route("/", page)])).get("/"))


async def test_a_template_of_the_service_comes_before_one_of_webkit(tmp_path: Path) -> None:
    client = _service(tmp_path, "")
    (tmp_path / "templates" / "base.html").write_text("Our own frame")
    assert (await client.get("/")).text == "Our own frame"


async def test_a_service_may_have_no_templates_of_its_own() -> None:
    async def page(request: Request) -> Response:
        return render(request, "base.html")

    async def missing(request: Request) -> Response:
        return render(request, "missing.html")

    app = Starlette(routes=[Route("/", page), Route("/missing", missing)])
    furnish(app, "Next")
    assert "Nästa" in (await _client(app).get("/")).text
    with pytest.raises(TemplateNotFound):
        (await _client(app).get("/missing"))


async def test_a_service_without_its_swedish_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"sv\.po"):
        furnish(Starlette(), "Next", tmp_path)


async def test_the_other_language_is_a_link_to_the_same_page_and_the_choice_is_kept(tmp_path: Path) -> None:
    client = _service(tmp_path, "{{ _('Next') }}")
    swedish = await client.get("/people?age=19&sort=due")
    switch = next(a for a in _Elements(swedish.text).of("a") if a.get("hreflang") == "en")
    assert (switch["href"], switch["lang"]) == ("/people?age=19&sort=due&lang=en", "en")
    assert "set-cookie" not in swedish.headers
    english = await client.get(switch["href"] or "")
    assert _Elements(english.text).of("html") == [{"lang": "en"}]
    assert english.headers["content-language"] == "en"
    back = next(a for a in _Elements((await client.get("/people")).text).of("a") if a.get("hreflang") == "sv")
    assert back["href"] == "/people?lang=sv"


async def test_an_answer_is_kept_apart_by_language_and_the_choice_is_out_of_reach_of_scripts(
    tmp_path: Path,
) -> None:
    client = _service(tmp_path, "")
    answer = await client.get("/?lang=en")
    assert answer.headers["vary"] == "Cookie, Accept-Language"
    assert answer.headers["set-cookie"] == (
        "kaa_language=en; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax"
    )
    client.base_url = "https://kaa.test"
    assert (await client.get("/?lang=sv")).headers["set-cookie"].endswith("; Secure")
    assert "set-cookie" not in (await client.get("/?lang=de")).headers


async def test_a_language_that_the_browser_prefers_is_taken_until_another_is_chosen(tmp_path: Path) -> None:
    client = _service(tmp_path, "")
    english = {"accept-language": "en-GB"}
    assert (await client.get("/", headers=english)).headers["content-language"] == "en"
    (await client.get("/?lang=sv"))
    assert (await client.get("/", headers=english)).headers["content-language"] == "sv"


@pytest.mark.parametrize(
    ("path", "current"),
    [("/", ["/"]), ("/people", ["/people"]), ("/people/7", ["/people"]), ("/people/old/3", ["/people/old"]),
     ("/peoples", ["/"])],
)  # fmt: skip
async def test_the_navigation_marks_the_entry_that_the_page_lies_under(
    tmp_path: Path, path: str, current: list[str]
) -> None:
    text = (await _service(tmp_path, "", Around(_LINKS)).get(path)).text
    assert [a["href"] for a in _Elements(text).of("a") if a.get("aria-current")] == current


async def test_without_navigation_or_account_the_frame_has_no_place_for_them(tmp_path: Path) -> None:
    elements = _Elements((await _service(tmp_path, "").get("/")).text)
    assert elements.of("nav") == []
    assert elements.of("form") == []


async def test_who_is_logged_in_can_log_out_by_a_form_with_the_token(tmp_path: Path) -> None:
    account = Account("Sam Sample", "Solna", leave="/leave")
    text = (await _service(tmp_path, "", Around((), account, "the-token")).get("/")).text
    assert "Sam Sample" in text
    assert "Solna" in text
    assert _Elements(text).of("form") == [{"method": "post", "action": "/leave"}]
    assert {"type": "hidden", "name": "csrf_token", "value": "the-token"} in _Elements(text).of("input")
    assert "Byt kommun" not in text


async def test_a_token_given_to_the_page_comes_before_that_of_the_session(tmp_path: Path) -> None:
    body = '{% call ui.form("/save") %}{% endcall %}{{ ui.act("/claim", "x") }}'
    client = _service(tmp_path, body, Around(csrf_token="of the session"), csrf_token="of the page")
    tokens = [one["value"] for one in _Elements((await client.get("/")).text).of("input")]
    assert tokens == ["of the page", "of the page"]


async def test_every_address_is_below_where_the_service_is_mounted(tmp_path: Path) -> None:
    account = Account("Sam Sample", "Solna", leave="/leave", change="/change")
    text = (
        await _service(tmp_path, "{{ here(page=2) }}", Around(_LINKS, account, "t")).get(
            "/below/people?page=1&q=b"
        )
    ).text
    assert "/below/people?q=b&amp;page=2" in text
    for tag, attributes in _Elements(text).found:
        for name in ("href", "src", "action"):
            if name in attributes:
                assert (attributes[name] or "").startswith(("/below/", "#main")), (tag, attributes)


async def test_the_address_of_the_page_changes_what_is_asked_and_keeps_the_rest(tmp_path: Path) -> None:
    body = '[{{ here() }}][{{ here(page=3) }}][{{ here(age=None) }}][{{ here(q="å&b") }}]'
    text = (await _service(tmp_path, body).get("/people?age=18&age=19&q=x&lang=sv")).text
    assert "[/people?age=18&amp;age=19&amp;q=x]" in text
    assert "[/people?age=18&amp;age=19&amp;q=x&amp;page=3]" in text
    assert "[/people?q=x]" in text
    assert "[/people?age=18&amp;age=19&amp;q=%C3%A5%26b]" in text


async def test_a_static_file_is_kept_by_the_browser_under_an_address_that_names_its_content(
    tmp_path: Path,
) -> None:
    client = _service(tmp_path, "")
    sheet = (
        next(a for a in _Elements((await client.get("/")).text).of("link") if a["rel"] == "stylesheet")[
            "href"
        ]
        or ""
    )
    assert sheet.startswith("/static/style.css?v=")
    served = await client.get(sheet)
    assert served.headers["content-type"].startswith("text/css")
    assert "immutable" in served.headers["cache-control"]


async def test_an_icon_says_nothing_to_those_who_do_not_see_it(tmp_path: Path) -> None:
    text = (await _service(tmp_path, '{{ icon("phone") }}').get("/")).text
    assert '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path' in text


async def test_days_and_numbers_are_written_for_the_reader_and_exactly_for_machines(tmp_path: Path) -> None:
    body = (
        "{{ day | day }} {{ day | away(day) }} {{ instant | moment }} {{ 0.5 | share }} {{ 1234 | number }}"
    )
    given = {"day": date(2026, 9, 7), "instant": datetime(2026, 9, 6, 22, 30, tzinfo=UTC)}
    text = (await _service(tmp_path, body, None, **given).get("/?lang=en")).text
    assert '<time datetime="2026-09-07">7 Sept 2026</time>' in text
    assert '<time datetime="2026-09-07">today</time>' in text
    assert '<time datetime="2026-09-07T00:30+02:00">7 Sept 2026 00:30</time>' in text
    assert "50% 1,234" in text


async def test_a_form_says_what_is_wrong_first_and_again_at_the_field(tmp_path: Path) -> None:
    body = (
        '{% call ui.form("/save", [("on", "Give a day")]) %}'
        '{{ ui.field("on", "Day", kind="date", hint="Not after today", problem="Give a day") }}'
        '{{ ui.choice("how", "How", [("a", "A"), ("b", "B")], "b", required=False) }}'
        '{{ ui.area("note", "Note", "<b>", limit=300) }}{% endcall %}'
    )
    text = (await _service(tmp_path, body).get("/?lang=en")).text
    assert "1 thing to correct" in text
    assert '<a href="#on">Give a day</a>' in text
    elements = _Elements(text)
    on = next(one for one in elements.of("input") if one.get("name") == "on")
    assert (on["id"], on["aria-describedby"], on["aria-invalid"]) == ("on", "on-hint on-problem", "true")
    assert {"required"} <= set(on)
    assert [option["value"] for option in elements.of("option") if "selected" in option] == ["b"]
    assert "&lt;b&gt;</textarea>" in text


async def test_python_code_of_a_page_speaks_the_readers_language_too() -> None:
    async def page(request: Request) -> Response:
        return Response(spoken(request).text("Next"))

    app = Starlette(routes=[Route("/", page)])
    furnish(app, "Next")
    assert (await _client(app).get("/")).text == "Nästa"
    assert (await _client(app).get("/?lang=en")).text == "Next"
