"""Who asks: dependencies of routes that give a verified ``Viewer`` or end the request.

Pages: ``viewer: Annotated[Viewer, Depends(require("outreach", "leader"))]``. API: the same with ``require_token``.
With the viewer a route opens its transaction: ``async with seen_by(pool, viewer) as connection``.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Header
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import StringConstraints
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from servicekit.viewers import Role, Viewer
from webkit.issuers import Grants, Issuer
from webkit.language import _
from webkit.openid import TOKEN_REFUSED, claimed_issuer
from webkit.problems import NO_ROLE, ROLE_MISSING, SESSION_ENDED, Kind, Problem
from webkit.sessions import Session, Token, find
from webkit.site import site_of

TOKEN_MISSING: Final = Kind(
    "token_missing", HTTPStatus.UNAUTHORIZED, _("An access token is needed"),
    _("Send it as Authorization: Bearer."),
)  # fmt: skip
MUNICIPALITY_NEEDED: Final = Kind(
    "municipality_needed", HTTPStatus.BAD_REQUEST, _("Say in which municipality"),
    _("The token is good for several. Name one in the header Kaa-Municipality."),
)  # fmt: skip

_BEARER: Final = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="An access token of your issuer, made out to this API."
)


class Elsewhere(Exception):
    """Not to be answered here: the browser must first go to another page of ours."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


async def session_of(request: Request) -> Session | None:
    """The session that the browser has, with what its issuer may still grant today; read once for a request."""
    if not hasattr(request.state, "session"):
        site = site_of(request)
        cookie = request.cookies.get(site.cookie("session"))
        found = await find(site.pool, Token(cookie)) if cookie else None
        request.state.session = found and _still_granted(request, found)
    session: Session | None = request.state.session
    return session


async def logged_in(request: Request) -> Session:
    """Dependency: somebody, perhaps with no municipality chosen yet. Sends others to the login."""
    session = await session_of(request)
    if session is not None:
        return session
    if request.method not in {"GET", "HEAD"}:
        # not sent on: browsers hold a form's redirects to our own pages, and what was typed is gone either way
        raise Problem(SESSION_ENDED)
    raise Elsewhere(f"/login?to={quote(_asked_for(request))}")


async def viewer(request: Request) -> Viewer:
    """Dependency: somebody in a municipality, in any role there. Sends others to the login or the choice."""
    session = await logged_in(request)
    if session.chosen is None:
        raise Elsewhere(f"/choose?to={quote(_asked_for(request))}")
    return Viewer(session.who, session.chosen, session.roles(session.chosen))


def require(*roles: Role) -> Callable[[Viewer], Awaitable[Viewer]]:
    """A dependency: somebody with at least one of these roles in the municipality at work in."""

    async def one_of(found: Annotated[Viewer, Depends(viewer)]) -> Viewer:
        return _with_role(found, roles)

    return one_of


async def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    municipality: Annotated[
        # absent, never the word null
        Annotated[str, StringConstraints(pattern="^[0-9]{4}$")] | SkipJsonSchema[None],
        Header(
            alias="Kaa-Municipality",
            description="4-digit code; needed only where the token is good for several municipalities.",
        ),
    ] = None,
) -> Viewer:
    """Dependency: the program or person whom a bearer token names, in one municipality. Raises Problem."""
    if credentials is None:
        raise Problem(TOKEN_MISSING, headers={"WWW-Authenticate": "Bearer"})
    said = claimed_issuer(credentials.credentials)
    for provider in site_of(request).providers.values():
        if provider.issuer.issuer == said and provider.issuer.api is not None:
            break
    else:
        raise _refused(Problem(TOKEN_REFUSED))
    try:
        subject, claims = await provider.access(credentials.credentials)
    except Problem as problem:
        raise _refused(problem) from None
    granted = provider.issuer.granted_by_scope(claims)
    chosen = _place(granted, municipality)
    return Viewer(
        f"{provider.issuer.name}:{subject}", chosen, frozenset(role for at, role in granted if at == chosen)
    )


def require_token(*roles: Role) -> Callable[[Viewer], Awaitable[Viewer]]:
    """A dependency: a bearer token with at least one of these roles in the municipality it is used for."""

    async def one_of(found: Annotated[Viewer, Depends(caller)]) -> Viewer:
        return _with_role(found, roles)

    return one_of


def _with_role(found: Viewer, roles: tuple[Role, ...]) -> Viewer:
    if found.roles.isdisjoint(roles):
        raise Problem(ROLE_MISSING)
    return found


def _place(granted: Grants, named: str | None) -> str:
    places = {municipality for municipality, _role in granted}
    if not places or (named is not None and named not in places):
        raise Problem(NO_ROLE)
    if named is None and len(places) > 1:
        raise Problem(MUNICIPALITY_NEEDED)
    return named or places.pop()


def _refused(problem: Problem) -> Problem:
    if problem.kind.status == HTTPStatus.UNAUTHORIZED:
        problem.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return problem


def _still_granted(request: Request, session: Session) -> Session | None:
    """The installation's file has the last word, also about those who logged in before it changed."""
    provider = site_of(request).providers.get(session.issuer)
    grants = _limited(session.grants, provider.issuer) if provider else frozenset()
    if not grants:
        return None
    chosen = session.chosen if session.chosen in {at for at, _role in grants} else None
    return Session(session.issuer, session.subject, session.name, grants, chosen)


def _limited(grants: Grants, issuer: Issuer) -> Grants:
    return frozenset((at, role) for at, role in grants if at in issuer.municipalities)


def _asked_for(request: Request) -> str:
    path = request.scope["path"]
    return f"{path}?{request.url.query}" if request.url.query else path
