"""Nothing is changed but by a form of ours (cross-site request forgery).

Two checks, each enough alone in a browser of today: a token in every form that only the session's own pages know, and
where the browser says the request comes from. Programs (``/api/``) are let through: no cookie opens anything there.
"""

import hmac
from typing import Final

from starlette.requests import Request

from webkit.problems import NOT_FROM_HERE, Problem, is_api
from webkit.sessions import Token
from webkit.site import site_of

#: The name of the form's hidden field.
FIELD: Final = "csrf_token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def token_of(session: Token) -> str:
    """The token for the forms of a session. Follows from the browser's token, and does not lead to it."""
    return session.derived("csrf")


async def checked(request: Request) -> None:
    """Dependency of all pages. Raises Problem NOT_FROM_HERE for a change that no form of ours asked for."""
    if request.method in _SAFE or is_api(request):
        return
    if not _from_here(request):
        raise Problem(NOT_FROM_HERE)
    cookie = request.cookies.get(site_of(request).cookie("session"))
    if cookie is None:
        # nobody's session can be misused; the route itself will ask for a login
        return
    sent = (await request.form()).get(FIELD)
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), token_of(Token(cookie)).encode()):
        raise Problem(NOT_FROM_HERE)


def _from_here(request: Request) -> bool:
    """By ``Sec-Fetch-Site`` where the browser sends it: with our ``Referrer-Policy`` the ``Origin`` of our own forms
    is ``null`` (Fetch standard, "append a request Origin header")."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched == "same-origin"
    return request.headers.get("origin") == site_of(request).address
