"""How much one address may ask for, and how long a request may be.

Counted in the database, so that it holds over all processes of an installation.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webkit.language import _
from webkit.problems import TOO_LARGE, Kind, Problem, answer

#: The longest body a request may have; forms and API calls of ours are some kilobytes.
MAX_BODY: Final = 256 * 1024

TOO_MANY: Final = Kind(
    "too_many_logins", HTTPStatus.TOO_MANY_REQUESTS, _("Too many logins from your network"),
    _("Wait some minutes, then log in again."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limit:
    """So many within so long."""

    what: str
    count: int
    within: timedelta


#: Of one address at one issuer. A town hall has one address for everybody who begins at eight in the morning.
LOGINS: Final = Limit("login", 100, timedelta(minutes=5))
#: Of what comes back from an issuer: each makes us ask it something.
ANSWERS: Final = Limit("answer", 100, timedelta(minutes=5))

_COUNT: Final = """
    INSERT INTO web_attempt AS attempt (what, whose, since, count) VALUES ($1, $2, now(), 1)
    ON CONFLICT (what, whose) DO UPDATE SET
        since = CASE WHEN attempt.since > now() - $3::interval THEN attempt.since ELSE now() END,
        count = CASE WHEN attempt.since > now() - $3::interval THEN attempt.count + 1 ELSE 1 END
    RETURNING count, extract(epoch FROM since + $3 - now())::integer AS seconds
"""


async def count(pool: asyncpg.Pool, limit: Limit, request: Request, issuer: str) -> None:
    """Counts one more. Raises Problem TOO_MANY, with the seconds to wait, when it is one too many."""
    row = await pool.fetchrow(_COUNT, limit.what, _whose(request, issuer), limit.within)
    if row["count"] > limit.count:
        raise Problem(TOO_MANY, headers={"Retry-After": f"{max(row['seconds'], 1)}"})


def _whose(request: Request, issuer: str) -> bytes:
    """Hashed, since an address is personal data; of IPv6 the network, since a machine has many addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        network = host
    else:
        bits = 64 if isinstance(address, IPv6Address) else 32
        network = str(ip_network((address, bits), strict=False))
    return sha256(f"{issuer} {network}".encode()).digest()


class BodyLimit:
    """Refuses longer bodies, by what they announce and by what really comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        announced = request.headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > MAX_BODY:
            await answer(request, Problem(TOO_LARGE))(scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, limited, send)
