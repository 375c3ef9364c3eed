"""A service that is nothing but pages: every part of `webkit/templates/macros.html` stands on one of them.

Its persons, tasks and figures are made up. The pages are served under the headers of every service.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webkit.charts import Chart, Series
from webkit.headers import Headers
from webkit.language import _
from webkit.pages import Account, Around, Link, furnish, render, spoken
from webkit.problems import NOT_FOUND

TODAY = date(2026, 9, 7)
PAGES = {
    "queue": "/", "person": "/person", "form": "/form", "overview": "/overview", "login": "/login",
    "choose": "/choose", "error": "/error", "logged-out": "/logged-out",
}  # fmt: skip
#: Between them they have every part.
WITH_PARTS = ("queue", "person", "form", "overview")
_NOBODY = {"/login", "/error", "/logged-out"}

_AROUND = Around(
    navigation=(
        Link(_("My queue"), "/", "queue"),
        Link(_("Person"), "/person", "person"),
        Link(_("Log a contact"), "/form", "phone"),
        Link(_("Overview"), "/overview", "chart"),
    ),
    account=Account("Sam Sample", "Stockholm", leave="/leave", change="/change"),
    csrf_token="csrf-of-the-session",
)


@dataclass(frozen=True, slots=True)
class _Task:
    person: str
    kind: str
    due: date
    age: int
    tone: str
    state: str


@dataclass(frozen=True, slots=True)
class _Entry:
    when: str
    sign: str
    tone: str
    title: str
    text: str


_TASKS = [
    _Task("Alba Exempelsson", _("Contact"), TODAY - timedelta(days=3), 19, "bad", _("Late")),
    _Task("Bo Påhittad", _("Inform"), TODAY, 16, "warn", _("Due today")),
    _Task("Cleo Testberg-Provström", _("Follow up a measure"), TODAY + timedelta(days=4), 18, "info", _("Planned")),
    _Task("Dag Modell", _("Hand over"), TODAY + timedelta(days=20), 19, "plain", _("Planned")),
]  # fmt: skip


def application() -> Starlette:
    """The service, below no path."""
    app = Starlette(
        routes=[
            Route("/", _queue),
            Route("/person", _person),
            Route("/form", _form, methods=["GET", "POST"]),
            Route("/overview", _overview),
            Route("/login", _login),
            Route("/choose", _choose),
            Route("/error", _error),
            Route("/logged-out", _logged_out),
        ],
        middleware=[Middleware(Headers, secure=False)],
    )
    furnish(app, _("Outreach"), Path(__file__).parent, _around)
    return app


def _around(request: Request) -> Around:
    return Around() if request.url.path in _NOBODY else _AROUND


async def _queue(request: Request) -> Response:
    return render(request, "queue.html", tasks=_TASKS, today=TODAY)


async def _person(request: Request) -> Response:
    language = spoken(request)
    text = language.text
    entries = [
        _Entry(language.day(date(2026, 9, 3)), "phone", "good", text("Reached by phone"),
               text("Wants to hear about study guidance.")),
        _Entry(language.day(date(2026, 8, 28)), "message", "plain", text("SMS, no answer"), ""),
        _Entry(language.day(date(2026, 6, 12)), "school", "info", text("Left upper secondary school"),
               text("Told by the school three days after the last day.")),
    ]  # fmt: skip
    return render(request, "person.html", entries=entries, born=date(2008, 3, 15), today=TODAY)


async def _form(request: Request) -> Response:
    problems = []
    if request.method == "POST":
        problems = [("on", spoken(request).text("Give a day that is not after today"))]
    return render(request, "form.html", status=422 if problems else 200, problems=problems, today=TODAY)


async def _overview(request: Request) -> Response:
    text = spoken(request).text
    charts = [
        Chart("bars", "reasons", text("Covered by entry reason"),
              text("Most have left an upper secondary school."), text("Entry reason"),
              (text("Left upper secondary"), text("Compulsory school only"), text("Newly arrived")),
              (Series(text("Persons"), (1204, 311, 87)),)),
        Chart("stacked", "waiting", text("Waiting by age"),
              text("The older wait longer for their first contact."), text("Age"), ("16", "17", "18", "19"),
              (Series(text("Contacted"), (40, 62, 71, 55)), Series(text("Not contacted"), (12, 20, 41, 63)),
               Series(text("In a measure"), (9, 14, 22, 17)))),
    ]  # fmt: skip
    return render(request, "overview.html", charts=charts)


# The pages around a login are webkit's own; here they are looked at, there they are used.


async def _login(request: Request) -> Response:
    issuers = [
        SimpleNamespace(name="stockholm", title="Stockholms stad"),
        SimpleNamespace(name="solna", title="Solna stad"),
    ]
    return render(request, "login.html", issuers=issuers, trial=True, to="/")


async def _choose(request: Request) -> Response:
    places = [
        ("0180", "Stockholm", [_("Outreach worker")]),
        ("0184", "Solna", [_("Outreach worker"), _("Leader")]),
    ]
    return render(request, "choose.html", places=places, chosen="0180", to="/")


async def _error(request: Request) -> Response:
    return render(request, "error.html", kind=NOT_FOUND)


async def _logged_out(request: Request) -> Response:
    return render(request, "logged_out.html", issuer_address=None)
