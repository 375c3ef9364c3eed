"""Login, choice of a municipality, logout: the pages between a browser and its issuer.

``/login`` → the issuer → ``/login/NAME/answer`` → (``/choose``) → where the person wanted to go. Each issuer has an
answer address of its own, so that one cannot answer for another (RFC 9700, 4.4). A login begun in one browser is
answered in that browser, within ten minutes, once; and it gives a new session with a new token.
"""

import hmac
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.identifiers import MUNICIPALITIES
from servicekit.viewers import Role
from webkit import language, limits, sessions
from webkit.access import logged_in, session_of
from webkit.csrf import token_of
from webkit.language import _
from webkit.openid import CANCELLED, Provider
from webkit.pages import render
from webkit.problems import NO_ROLE, NOT_FOUND, Kind, Problem
from webkit.published import MISCONFIGURED
from webkit.sessions import Session, Token
from webkit.site import Site, site_of

log = structlog.get_logger()
router = APIRouter()

NOT_BEGUN: Final = Kind(
    "login_not_begun", HTTPStatus.BAD_REQUEST, _("This login was not begun in this browser"),
    _("Or it was answered already, or it took longer than ten minutes. Log in again."), login=True,
)  # fmt: skip

#: The roles as pages call them.
ROLE_NAMES: Final[Mapping[Role, str]] = {
    "outreach": _("Outreach worker"),
    "leader": _("Leader"),
    "registrar": _("Registrar"),
}

_SEE_OTHER: Final = HTTPStatus.SEE_OTHER
#: Enough of the state to find the cookie of one login among those of several tabs.
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_HEAD: Final = 12


@router.get("/login")
async def login(request: Request, to: str = "/", again: bool = False) -> Response:
    """The list of issuers; where there is one only, straight on to it. ``again``: show the list in any case.

    It is shown also before the login of a demo, and says so: whoever comes there is to know it.
    """
    site = site_of(request)
    to = _inside(to)
    if await session_of(request) is not None and not again:
        return RedirectResponse(to, _SEE_OTHER)
    providers = list(site.providers.values())
    issuers = [provider.issuer for provider in providers]
    trial = any(issuer.for_trial for issuer in issuers)
    if len(providers) == 1 and not again and not trial:
        return await _begin(request, providers[0], to)
    return render(request, "login.html", issuers=issuers, trial=trial, to=to)


@router.get("/login/{name}")
async def begin(request: Request, name: str, to: str = "/") -> Response:
    """On to one issuer."""
    return await _begin(request, _provider(request, name), _inside(to))


@router.get("/login/{name}/answer")
async def answer(
    request: Request,
    name: str,
    state: str = "",
    code: str = "",
    error: str = "",
    iss: str | None = None,
) -> Response:
    """What the issuer sends the browser back with: a code, or that there will be none."""
    site, provider = site_of(request), _provider(request, name)
    await limits.count(site.pool, limits.ANSWERS, request, name)
    cookie = _login_cookie(site, state)
    token = Token(request.cookies.get(cookie, ""))
    if not hmac.compare_digest(token.derived("state").encode(), state.encode()):
        raise Problem(NOT_BEGUN)
    begun = await sessions.take_login(site.pool, token)
    if begun is None or begun.issuer != name:
        raise Problem(NOT_BEGUN)
    if not code:
        # what the issuer says of the reason is its own free text
        log.info("login.refused", kind="access_denied" if error == "access_denied" else "error", issuer=name)
        raise Problem(CANCELLED if error == "access_denied" else MISCONFIGURED)
    identity = await provider.identity(code, token, _answer_address(site, name), iss)
    granted = provider.issuer.granted(identity.claims)
    if not granted:
        log.info("login.refused", kind=NO_ROLE.code, issuer=name)
        raise Problem(NO_ROLE)
    former = request.cookies.get(site.cookie("session"))
    if former is not None:
        await sessions.end(site.pool, Token(former))
    opened = await sessions.open_session(site.pool, name, identity.subject, identity.name, granted)
    log.info("login.opened", issuer=name)
    response = RedirectResponse(begun.return_to, _SEE_OTHER)
    _forget(response, site, cookie)
    _keep(response, site, site.cookie("session"), opened, None)
    return response


@router.get("/choose")
async def choice(
    request: Request, session: Annotated[Session, Depends(logged_in)], to: str = "/"
) -> Response:
    """Where to work: one of the municipalities in which there is a role."""
    places = [
        (code, MUNICIPALITIES[code], [ROLE_NAMES[role] for role in sorted(session.roles(code))])
        for code in session.municipalities
    ]
    return render(request, "choose.html", places=places, chosen=session.chosen, to=_inside(to))


@router.post("/choose")
async def choose(
    request: Request,
    session: Annotated[Session, Depends(logged_in)],
    municipality: Annotated[str, Form()],
    to: Annotated[str, Form()] = "/",
) -> Response:
    """The session goes on in this municipality."""
    if municipality not in session.municipalities:
        raise Problem(NO_ROLE)
    site = site_of(request)
    await sessions.choose(site.pool, Token(request.cookies[site.cookie("session")]), municipality)
    return RedirectResponse(_inside(to), _SEE_OTHER)


@router.post("/logout")
async def logout(request: Request, _session: Annotated[Session, Depends(logged_in)]) -> Response:
    """Ends the session here, and then, where the issuer offers it, there."""
    site = site_of(request)
    issuer = await sessions.end(site.pool, Token(request.cookies[site.cookie("session")]))
    request.state.session = None
    address = None
    if issuer is not None and issuer in site.providers:
        address = await site.providers[issuer].logout_address(f"{site.address}/logged-out")
    page = render(request, "logged_out.html", issuer_address=address)
    if address is not None:
        # not a redirect: `form-action 'self'` holds for where a form is redirected to, too
        page.headers["Refresh"] = f"0; url={address}"
    _forget(page, site, site.cookie("session"))
    return page


@router.get("/logged-out")
async def logged_out(request: Request) -> Response:
    """Where the issuer sends the browser back after logout."""
    return render(request, "logged_out.html", issuer_address=None)


def csrf_token(request: Request) -> str | None:
    """The token for the forms of the page that is being made; None for somebody not logged in."""
    cookie = request.cookies.get(site_of(request).cookie("session"))
    return token_of(Token(cookie)) if cookie and getattr(request.state, "session", None) else None


async def _begin(request: Request, provider: Provider, to: str) -> Response:
    site, name = site_of(request), provider.issuer.name
    await limits.count(site.pool, limits.LOGINS, request, name)
    token = await sessions.begin_login(site.pool, name, to)
    address = await provider.login_address(token, _answer_address(site, name), language.asked_for(request))
    response = RedirectResponse(address, _SEE_OTHER)
    seconds = int(sessions.LOGIN.total_seconds())
    _keep(response, site, _login_cookie(site, token.derived("state")), token, seconds)
    return response


def _provider(request: Request, name: str) -> Provider:
    found = site_of(request).providers.get(name)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


def _answer_address(site: Site, name: str) -> str:
    return f"{site.address}/login/{name}/answer"


def _login_cookie(site: Site, state: str) -> str:
    if not _STATE.fullmatch(state):
        raise Problem(NOT_BEGUN)
    return site.cookie(f"login_{state[:_HEAD]}")


def _keep(response: Response, site: Site, cookie: str, token: Token, seconds: int | None) -> None:
    response.set_cookie(
        cookie, token.value, max_age=seconds, secure=site.secure, httponly=True, samesite="lax", path="/"
    )


def _forget(response: Response, site: Site, cookie: str) -> None:
    response.delete_cookie(cookie, secure=site.secure, httponly=True, samesite="lax", path="/")


def _inside(to: str) -> str:
    """A path of ours and nothing else: no other site, and not round in a circle to the login."""
    inside = (
        to.startswith("/")
        and not to.startswith(("//", "/\\", "/login", "/logout", "/logged-out", "/choose"))
        and to.isprintable()
        and len(to) <= 1000
    )
    return to if inside else "/"
