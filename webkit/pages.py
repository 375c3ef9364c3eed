"""Pages: a template inside the frame that all of a service's pages have, in the reader's language.

``furnish`` once for each application, ``render`` for each answer. A template extends ``base.html``, fills the blocks
``title`` and ``main`` and takes its parts from ``macros.html``::

    {% extends "base.html" %}
    {% import "macros.html" as ui with context %}

In every template: ``_("Text")`` and ``texts("%(number)s task", "%(number)s tasks", n)``; the filters ``day``,
``weekday``, ``moment``, ``away(today)``, ``number`` and ``share``; ``icon(name)``; ``here(page=2)``, the address of
this page with something changed; ``address("/path")``, a path of the service below where it is mounted;
``drawing(chart)``, ``figures(chart)`` and
``swatch(index)``, the parts of a chart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from servicekit.calendar import STOCKHOLM
from webkit import charts, language, parts
from webkit.language import Code, Language

_ROOM: Final = Path(__file__).parent
_STATIC: Final = _ROOM / "static"
#: A year: how long a reader's choice of language is kept, and a static file whose address names its content.
_YEAR: Final = 365 * 24 * 3600
#: Texts kept ready for templates; some are given by what a page shows, so their number has no end of its own.
_TEXTS_KEPT: Final = 5_000


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation. ``label`` is an English text, ``href`` a path of the service."""

    label: str
    href: str
    icon: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who is logged in, as the frame shows it."""

    name: str
    #: The municipality whose persons are seen.
    place: str
    #: Where a POST ends the session.
    leave: str
    #: Where another municipality or role is chosen; None where there is no other.
    change: str | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a page for one request. ``csrf_token`` goes into every form that POSTs."""

    navigation: Sequence[Link] = ()
    account: Account | None = None
    csrf_token: str | None = None


@dataclass(frozen=True, slots=True)
class _Pages:
    name: str
    around: Callable[[Request], Around]
    languages: Mapping[Code, Language]
    environments: Mapping[Code, Environment]


class _Context(Context):
    """Calls macros, and functions that take no context, without more ado.

    Jinja looks six times whether what is called takes one, and a list of 50 rows calls 1,200 times.
    """

    def call(self, called: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if type(called) is Macro:
            args = (self.eval_ctx, *args)
        elif getattr(called, "jinja_pass_arg", None) is not None:
            return super().call(called, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return called(*args, **kwargs)


class _Static(StaticFiles):
    """Files that may be kept as long as their address names their content (``static``)."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        return response


def furnish(
    app: Starlette,
    name: str,
    folder: Path | None = None,
    around: Callable[[Request], Around] = lambda _: Around(),
) -> None:
    """Gives an application its pages: call it before the first ``render``.

    ``name`` is the service's name in the frame (an English text); ``folder`` has its ``templates`` and ``locale``,
    which come before those of webkit; ``around`` says for a request what the navigation is and who is logged in.
    Serves the static files at ``/static``. Raises OSError where the folder has no ``locale/sv.po``.
    """
    rooms = [_ROOM] if folder is None else [folder, _ROOM]
    languages = language.load(room / "locale" for room in rooms)
    environments = {code: _environment(rooms, spoken) for code, spoken in languages.items()}
    app.state.pages = _Pages(name, around, languages, environments)
    app.mount("/static", _Static(directory=_STATIC), name="static")


def spoken(request: Request) -> Language:
    """The reader's language, for texts that a page's Python code writes: ``_ = spoken(request).text``."""
    return _pages(request).languages[language.asked_for(request)]


def render(request: Request, template: str, /, *, status: int = 200, **context: object) -> HTMLResponse:
    """A page from a template of the service, or of webkit. A name that the template uses and nobody gave is an error.

    ``csrf_token`` in the context comes before the one of ``around``. A language chosen in the address is remembered.
    """
    pages = _pages(request)
    code = language.asked_for(request)
    around = pages.around(request)
    given = {"csrf_token": around.csrf_token} | context
    text = pages.environments[code].get_template(template).render(
        given,
        request=request, service=pages.name, lang=code, around=around, other_languages=_others(request, code),
    )  # fmt: skip
    response = HTMLResponse(
        text, status, headers={"Content-Language": code, "Vary": "Cookie, Accept-Language"}
    )
    if request.query_params.get(language.PARAMETER) == code:
        response.set_cookie(
            language.COOKIE, code, max_age=_YEAR, secure=request.url.scheme == "https", httponly=True,
            samesite="lax", path=request.scope.get("root_path") or "/",
        )  # fmt: skip
    return response


def _pages(request: Request) -> _Pages:
    found = getattr(request.app.state, "pages", None)
    if not isinstance(found, _Pages):
        raise RuntimeError("this application has no pages: call webkit.pages.furnish(app, …) when it is made")
    return found


def _environment(rooms: Sequence[Path], spoken: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([room / "templates" for room in rooms]),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        # templates are part of the program: nobody looks, for each page, whether a file has changed
        auto_reload=False,
    )  # fmt: skip
    environment.context_class = _Context

    @lru_cache(maxsize=_TEXTS_KEPT)
    def escaped(english: str) -> Markup:
        return escape(spoken.text(english))

    def text(english: str, **values: object) -> Markup:
        return escaped(english) % values if values else escaped(english)

    def drawing(chart: charts.Chart) -> Markup:
        return charts.svg(chart, spoken)

    def figures(chart: charts.Chart) -> list[list[str]]:
        return charts.table(chart, spoken)

    environment.globals.update(
        _=text, texts=spoken.texts, icon=parts.icon, parts=parts, here=_here, address=_address, static=_static,
        is_current=_is_current, drawing=drawing, figures=figures, swatch=charts.swatch,
    )  # fmt: skip
    environment.filters.update(
        day=lambda day: _time(day, spoken.day(day)),
        weekday=lambda day: _time(day, spoken.weekday(day)),
        moment=lambda instant: _time(instant.astimezone(STOCKHOLM), spoken.moment(instant)),
        away=lambda day, today: _time(day, spoken.away(day, today)),
        number=spoken.number,
        share=spoken.share,
    )
    return environment


def _time(exact: date | datetime, written: str) -> Markup:
    stamp = exact.isoformat(timespec="minutes") if isinstance(exact, datetime) else exact.isoformat()
    return Markup(f'<time datetime="{stamp}">{escape(written)}</time>')


@cache
def _version(path: str) -> str:
    return sha256((_STATIC / path).read_bytes()).hexdigest()[:12]


@pass_context
def _static(context: Context, path: str) -> str:
    """The address of a static file; another one when its content is another."""
    return f"{_address(context, f'/static/{path}')}?v={_version(path)}"


@pass_context
def _address(context: Context, path: str) -> str:
    return f"{context['request'].scope.get('root_path', '')}{path}"


@pass_context
def _here(context: Context, **changes: object) -> str:
    """The address of this page with parameters changed, or left out where they are None."""
    return _changed(context["request"], changes)


def _changed(request: Request, changes: Mapping[str, object]) -> str:
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in changes and name != language.PARAMETER
    ]
    new = [(name, str(value)) for name, value in changes.items() if value is not None]
    query = urlencode(kept + new)
    return f"{request.url.path}?{query}" if query else request.url.path


def _others(request: Request, code: Code) -> list[tuple[Code, str, str]]:
    """The languages this page is not in: code, own name, and where the page is in it.

    None for the answer to a form: its address may know no GET, and what was written would be gone.
    """
    if request.method == "POST":
        return []
    return [
        (other, language.NAMES[other], _changed(request, {language.PARAMETER: other}))
        for other in language.CODES
        if other != code
    ]


@pass_context
def _is_current(context: Context, link: Link) -> bool:
    """Whether the page lies under this entry of the navigation and under none that is nearer."""
    path: str = context["request"].url.path

    def under(href: str) -> bool:
        return path == href or path.startswith(href.rstrip("/") + "/")

    hrefs: list[str] = [_address(context, other.href) for other in context["around"].navigation]
    nearest = max((href for href in hrefs if under(href)), key=len, default=None)
    return nearest == _address(context, link.href)
