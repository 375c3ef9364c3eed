"""What an issuer publishes about itself: its addresses and the keys it signs with, kept for an hour.

While an issuer does not answer, what it said last stands; keys that it withdraws are forgotten within that hour.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from webkit.issuers import Issuer, trusted
from webkit.language import _
from webkit.problems import Kind, Problem

log = structlog.get_logger()

UNREACHABLE: Final = Kind(
    "issuer_unreachable", HTTPStatus.SERVICE_UNAVAILABLE, _("Your organisation's login does not answer"),
    _("Try again in a minute. If it goes on, tell those who run your organisation's login."), login=True,
)  # fmt: skip
MISCONFIGURED: Final = Kind(
    "issuer_misconfigured", HTTPStatus.BAD_GATEWAY,
    _("Your organisation's login is not set up for this system"),
    _("Tell those who run your organisation's login, with the code below."), login=True,
)  # fmt: skip

#: No shared secrets among the keys: who checks with one could also sign with it.
_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
#: Seconds after which it is fetched again, and before which it is not asked for again, whatever a token says.
_FRESH, _PATIENCE = 3600.0, 60.0


@dataclass(slots=True)
class _Kept:
    """Something fetched: what, when, and when it was last asked for (monotonic seconds)."""

    content: Any = None
    at: float = 0
    asked: float = 0

    def due(self, *, again: bool) -> bool:
        now = time.monotonic()
        if self.content is None:
            return True
        return now - self.asked > _PATIENCE and (again or now - self.at > _FRESH)

    def keep(self, content: Any) -> None:
        self.content, self.at = content, time.monotonic()


class Published:
    """The metadata and keys of one issuer."""

    def __init__(
        self, issuer: Issuer, *, plain_http: bool, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._issuer = issuer
        self._plain_http = plain_http
        self._transport = transport
        self._metadata = _Kept()
        self._keys = _Kept()

    async def metadata(self) -> Mapping[str, Any]:
        """OpenID Connect Discovery's document, checked. Raises Problem when there is none to be had."""
        if self._metadata.due(again=False):
            address = f"{self._issuer.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._fetch(address, self._metadata)
            if found is not None:
                self._check(found)
                self._metadata.keep(found)
        content: Mapping[str, Any] = self._metadata.content
        return content

    async def keys(self, *, again: bool) -> KeySet:
        """The keys for signatures; ``again`` when a token was signed with another. Raises Problem."""
        if self._keys.due(again=again):
            found = await self._fetch((await self.metadata())["jwks_uri"], self._keys)
            if found is not None:
                self._keys.keep(_key_set(found))
        content: KeySet = self._keys.content
        return content

    async def ask(self, method: str, address: str, **request: Any) -> httpx.Response:
        """One request to the issuer. Raises Problem when it does not answer."""
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=10) as client:
                return await client.request(method, address, **request)
        except httpx.HTTPError as error:
            raise refusal(self._issuer, UNREACHABLE, type(error).__name__) from None

    async def _fetch(self, address: str, kept: _Kept) -> Mapping[str, Any] | None:
        """A JSON object; None to go on with what is kept."""
        kept.asked = time.monotonic()
        try:
            response = await self.ask("GET", address, headers={"Accept": "application/json"})
            found = json_object(response)
            if not response.is_success or found is None:
                kind = UNREACHABLE if response.is_server_error else MISCONFIGURED
                raise refusal(self._issuer, kind, f"HTTP {response.status_code}")
        except Problem:
            if kept.content is None:
                raise
            return None
        return found

    def _check(self, found: Mapping[str, Any]) -> None:
        if found.get("issuer") != self._issuer.issuer:
            raise refusal(self._issuer, MISCONFIGURED, "the metadata name another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            address = found.get(name)
            if not isinstance(address, str) or not trusted(address, plain_http=self._plain_http):
                raise refusal(self._issuer, MISCONFIGURED, f"no {name}, or not https")
        methods = found.get("code_challenge_methods_supported")
        # an issuer that lists none may still know S256; it ignores what it does not know
        if methods is not None and "S256" not in methods:
            raise refusal(self._issuer, MISCONFIGURED, "no PKCE with S256")


def refusal(issuer: Issuer, kind: Kind, reason: str) -> Problem:
    """The problem, noted in the log with the issuer's name and a reason of our own words."""
    log.warning("login.trouble", kind=kind.code, issuer=issuer.name, reason=reason)
    return Problem(kind)


def json_object(response: httpx.Response) -> Mapping[str, Any] | None:
    """The object that an answer holds; None when it holds something else."""
    try:
        found = response.json()
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _key_set(found: Mapping[str, Any]) -> KeySet:
    """The keys for signatures that we understand; an issuer may publish others beside them."""
    keys: list[Key] = []
    listed = found.get("keys")
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("kty") not in _KEY_TYPES or one.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError):
            continue
    return KeySet(keys)
