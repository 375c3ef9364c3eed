"""Headers of every answer: what a browser may load, keep and tell others.

No script and no style but files of our own; nothing frames us; no address goes along to other sites. Nothing is
kept in a cache unless its route says so: a page may name persons.
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_ALWAYS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: A year, this host only: a municipality's other hosts are not ours to speak for.
_HSTS: Final = "max-age=31536000"


def harden(headers: MutableHeaders, *, secure: bool) -> None:
    """Adds what is missing; a route's own ``Cache-Control`` stands."""
    for name, value in _ALWAYS.items():
        headers[name] = value
    if secure:
        headers["Strict-Transport-Security"] = _HSTS
    headers.setdefault("Cache-Control", "no-store")


class Headers:
    """Puts the headers on every answer of an application; ``secure``: it is reached by https."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                harden(MutableHeaders(scope=message), secure=self._secure)
            await send(message)

        await self._app(scope, receive, hardened if scope["type"] == "http" else send)
