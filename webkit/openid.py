"""Talking to an issuer: OpenID Connect, authorization code flow with PKCE (S256), state and nonce.

What a token claims counts when it is signed with a key that the issuer publishes, by an algorithm with a public key,
and issuer, audience, times and (of an ID token) nonce fit. Everything else is refused with one of the kinds below;
what a token or an answer held is never repeated.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from webkit.issuers import Issuer, trusted
from webkit.language import _
from webkit.problems import Kind, Problem
from webkit.published import MISCONFIGURED, Published, json_object, refusal
from webkit.sessions import Token

CANCELLED: Final = Kind(
    "login_cancelled", HTTPStatus.FORBIDDEN, _("You were not logged in"),
    _("The login was cancelled or refused by your organisation."), login=True,
)  # fmt: skip
REFUSED: Final = Kind(
    "login_refused", HTTPStatus.BAD_REQUEST, _("The login could not be completed"),
    _("Your organisation's login took its answer back, or it came too late. Log in again."), login=True,
)  # fmt: skip
TOKEN_REFUSED: Final = Kind(
    "token_refused", HTTPStatus.UNAUTHORIZED, _("The answer of your organisation's login does not hold"),
    _("It is not made out to this system or not signed as it should be. Tell those who run your login."),
    login=True,
)  # fmt: skip
TOKEN_TIME: Final = Kind(
    "token_time", HTTPStatus.UNAUTHORIZED, _("The answer of your organisation's login is not valid now"),
    _("It ran out, or the clocks of the two systems differ by more than a minute."), login=True,
)  # fmt: skip

#: Seconds that two clocks may differ.
LEEWAY: Final = 60
#: With a public key only: who knows a shared secret could sign for anybody.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
)  # fmt: skip
_MAX_TOKEN: Final = 16_384
#: Header parameters that we do not know are left alone, as RFC 7515 says, unless the token calls them critical.
_REGISTRY: Final = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the issuer says somebody is, verified. ``name`` is for the eyes of that person alone."""

    subject: str
    name: str
    claims: Mapping[str, Any] = field(repr=False)


class Provider:
    """One issuer as we talk to it."""

    def __init__(
        self,
        issuer: Issuer,
        secret: str | None,
        *,
        plain_http: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.issuer = issuer
        self._secret = secret
        self._plain_http = plain_http
        self._published = Published(issuer, plain_http=plain_http, transport=transport)

    async def login_address(self, token: Token, redirect_uri: str, language: str) -> str:
        """Where to send the browser. ``token`` is that of the login under way. Raises Problem."""
        metadata = await self._published.metadata()
        client = OAuth2Client(
            None,
            client_id=self.issuer.client_id,
            redirect_uri=redirect_uri,
            scope=" ".join(self.issuer.scopes),
            code_challenge_method="S256",
        )
        address, _state = client.create_authorization_url(
            metadata["authorization_endpoint"],
            state=token.derived("state"),
            nonce=token.derived("nonce"),
            code_verifier=token.derived("verifier"),
            ui_locales=language,
        )
        return str(address)

    async def identity(self, code: str, token: Token, redirect_uri: str, said_issuer: str | None) -> Identity:
        """Whom the code stands for; it can be asked once. ``said_issuer``: ``iss`` of the answer (RFC 9207).

        Raises Problem.
        """
        metadata = await self._published.metadata()
        named = metadata.get("authorization_response_iss_parameter_supported") is True
        if said_issuer != self.issuer.issuer and (said_issuer is not None or named):
            raise self._refusal(TOKEN_REFUSED, "answer of another issuer")
        answer = await self._exchange(metadata, code, token, redirect_uri)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise self._refusal(TOKEN_REFUSED, "no ID token")
        decoded = await self._decode(id_token)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self.issuer.issuer},
                "aud": {"essential": True, "value": self.issuer.client_id},
            },
            {
                "nonce": token.derived("nonce"),
                "client_id": self.issuer.client_id,
                "access_token": answer.get("access_token"),
            },
        )
        self._check(claims.validate, leeway=LEEWAY)
        return Identity(self._subject(claims), _name(claims), dict(claims))

    async def access(self, access_token: str) -> tuple[str, Mapping[str, Any]]:
        """Subject and claims of a bearer token (JWT) made out to this installation's API. Raises Problem."""
        assert self.issuer.api is not None
        decoded = await self._decode(access_token)
        expected = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self.issuer.issuer},
            aud={"essential": True, "value": self.issuer.api.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._check(expected.validate, decoded.claims)
        return self._subject(decoded.claims), decoded.claims

    async def logout_address(self, return_to: str) -> str | None:
        """Where the session at the issuer can be ended (RP-initiated logout); None where it offers no such place,
        or cannot be asked just now.

        The ID token is not sent back as a hint: claims about a person would stand in an address, which browsers and
        servers keep. Without it an issuer may ask whether to log out.
        """
        try:
            metadata = await self._published.metadata()
        except Problem:
            return None
        endpoint = metadata.get("end_session_endpoint")
        if not isinstance(endpoint, str) or not trusted(endpoint, plain_http=self._plain_http):
            return None
        said = {"client_id": self.issuer.client_id, "post_logout_redirect_uri": return_to}
        return f"{endpoint}?{urlencode(said)}"

    async def _exchange(
        self, metadata: Mapping[str, Any], code: str, token: Token, redirect_uri: str
    ) -> Mapping[str, Any]:
        body = prepare_token_request(
            "authorization_code",
            "",
            redirect_uri,
            code=code,
            code_verifier=token.derived("verifier"),
        )
        offered = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        method = "client_secret_post" if "client_secret_basic" not in offered else "client_secret_basic"
        auth = ClientAuth(self.issuer.client_id, self._secret, method if self._secret else "none")
        address, headers, body = auth.prepare(
            "POST",
            metadata["token_endpoint"],
            {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body,
        )
        response = await self._published.ask("POST", address, headers=headers, content=body)
        answer = json_object(response)
        if response.is_success and answer is not None:
            return answer
        # RFC 6749, 5.2: a code that was used, ran out or is another's; the rest is about how the client is set up
        invalid = answer is not None and answer.get("error") == "invalid_grant"
        raise self._refusal(REFUSED if invalid else MISCONFIGURED, "token endpoint")

    async def _decode(self, encoded: str) -> jwt.Token:
        if len(encoded) > _MAX_TOKEN:
            raise self._refusal(TOKEN_REFUSED, "too long")
        for again in (False, True):
            keys = await self._published.keys(again=again)
            try:
                return jwt.decode(encoded, keys, registry=_REGISTRY)
            except InvalidKeyIdError:
                # the issuer may have begun to use a new key
                continue
            except (JoseError, ValueError, UnicodeError) as error:
                raise self._refusal(TOKEN_REFUSED, type(error).__name__) from None
        raise self._refusal(TOKEN_REFUSED, "unknown key")

    def _check(self, validate: Any, *arguments: object, **options: object) -> None:
        try:
            validate(*arguments, **options)
        except ExpiredTokenError:
            raise self._refusal(TOKEN_TIME, "exp") from None
        except JoseError as error:
            claim = getattr(error, "claim", None)
            early = isinstance(error, InvalidClaimError) and claim in {"iat", "nbf"}
            raise self._refusal(TOKEN_TIME if early else TOKEN_REFUSED, f"{claim or 'claims'}") from None

    def _subject(self, claims: Mapping[str, Any]) -> str:
        subject = claims.get("sub")
        # OpenID Connect Core 2: at most 255 ASCII characters
        if not (
            isinstance(subject, str)
            and 0 < len(subject) <= 255
            and subject.isascii()
            and subject.isprintable()
        ):
            raise self._refusal(TOKEN_REFUSED, "sub")
        return subject

    def _refusal(self, kind: Kind, reason: str) -> Problem:
        return refusal(self.issuer, kind, reason)


def claimed_issuer(access_token: str) -> str | None:
    """Whose token it says it is, unverified: only to know whose keys to try."""
    parts = access_token.split(".")
    if len(parts) != 3 or len(access_token) > _MAX_TOKEN:
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    said = claims.get("iss") if isinstance(claims, dict) else None
    return said if isinstance(said, str) else None


def _name(claims: Mapping[str, Any]) -> str:
    for name in ("name", "preferred_username", "sub"):
        said = claims.get(name)
        if isinstance(said, str) and said.strip():
            return said.strip()[:100]
    return ""
