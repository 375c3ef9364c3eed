"""An application with people in it: where browsers find it, who may log in, where sessions are kept.

One for each process, made when it starts, and found from every request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import httpx
from starlette.requests import Request

from servicekit.settings import ConfigurationError, Settings
from webkit.issuers import Issuer, load, secret_of
from webkit.openid import Provider


@dataclass(frozen=True, slots=True)
class Site:
    """What login and access stand on."""

    #: As browsers see it, without a path: ``https://kaa.example.org``.
    address: str
    #: The pool of the role that staff's pages and API have.
    pool: asyncpg.Pool
    #: By the issuer's name, in the order of the file.
    providers: Mapping[str, Provider]

    @property
    def issuers(self) -> Sequence[Issuer]:
        """Who may vouch for people here."""
        return [provider.issuer for provider in self.providers.values()]

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https; if not, it is a demo or a test on loopback."""
        return self.address.startswith("https://")

    def cookie(self, name: str) -> str:
        """A cookie's full name. Over https with the prefix that binds it to this very host (RFC 6265bis); on loopback
        with the port, since cookies of one host are shared by all its ports."""
        return f"__Host-kaa_{name}" if self.secure else f"kaa_{name}_{urlsplit(self.address).port or 80}"


def site(
    settings: Settings, pool: asyncpg.Pool, *, transport: httpx.AsyncBaseTransport | None = None
) -> Site:
    """The site that the settings describe. Raises ConfigurationError for what is missing or wrong."""
    if not settings.web_address:
        raise ConfigurationError(
            "KAA_WEB_ADDRESS is not set: the address at which browsers reach the pages, https://…"
        )
    if settings.issuers is None:
        raise ConfigurationError("KAA_ISSUERS is not set: the file that says who may log in (docs/login.md)")
    plain = settings.web_plain_http
    providers = {
        issuer.name: Provider(issuer, secret_of(issuer), plain_http=plain, transport=transport)
        for issuer in load(settings.issuers, plain_http=plain)
    }
    return Site(settings.web_address.rstrip("/"), pool, providers)


def site_of(request: Request) -> Site:
    """The site of the application that a request came to."""
    found: Site = request.app.state.site
    return found
