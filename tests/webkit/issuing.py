"""An issuer inside the test: everything of it can be made to lie, and nothing leaves the process."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from webkit.issuers import Issuer

SECRET = "made-up-secret"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
NEW_KEY = ECKey.generate_key("P-256", {"kid": "two", "use": "sig", "alg": "ES256"})


def entry(name: str = "stockholm", *places: str, **more: Any) -> Issuer:
    """An issuer's entry as the file would have it, with every role in its municipalities, from the claim `kommun`."""
    given: dict[str, Any] = {
        "name": name,
        "title": name.title(),
        "issuer": f"https://{name}.example",
        "client_id": "kaa",
        "municipalities": places or ("0180",),
        "roles": [
            {"claim": "roles", "value": role, "role": role, "municipality_claim": "kommun"}
            for role in ("outreach", "leader", "registrar")
        ],
        "api": {
            "audience": "kaa-api",
            "roles": [{"scope": "kaa.outreach", "role": "outreach", "municipality_claim": "kommun"}],
        },
    }
    return Issuer.model_validate(given | more, context={"plain_http": False})


@dataclass
class FakeIssuer:
    """Answers as the issuer of an entry does."""

    entry: Issuer
    key: ECKey = field(default_factory=lambda: KEY)
    published: list[ECKey] = field(default_factory=lambda: [KEY])
    #: Overrides what the metadata say; None leaves a field out.
    metadata: dict[str, Any] = field(default_factory=dict)
    down: bool = False
    #: Added to what the clock of this issuer shows.
    ahead: float = 0
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.entry.issuer

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def claims(self, **more: Any) -> dict[str, Any]:
        """Of Otilia, outreach in Stockholm; None leaves a claim out."""
        now = int(time.time() + self.ahead)
        said = {
            "iss": self.url, "aud": "kaa", "sub": "otilia", "iat": now, "exp": now + 300, "name": "Otilia Uppsökare",
            "roles": ["outreach"], "kommun": "0180",
        } | more  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def signed(self, claims: Mapping[str, Any], **header: Any) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid} | header, dict(claims), self.key)

    def access_token(self, **more: Any) -> str:
        return self.signed(self.claims(aud="kaa-api", scope="openid kaa.outreach", **more))

    def answer(self, sent_to: str, *, id_token: str | None = None, **claims: Any) -> str:
        """The address that the browser is sent back to from the issuer's login page, after a login as claimed."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(sent_to).query).items()}
        assert sent_to.startswith(f"{self.url}/authorize?")
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked | {"claims": {"nonce": asked["nonce"]} | claims, "id_token": id_token}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        match request.url.path:
            case "/.well-known/openid-configuration":
                said = {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/keys",
                    "end_session_endpoint": f"{self.url}/end",
                    "code_challenge_methods_supported": ["S256"],
                } | self.metadata
                return httpx.Response(
                    200, json={name: value for name, value in said.items() if value is not None}
                )
            case "/keys":
                keys: list[Mapping[str, Any]] = [key.as_dict(private=False) for key in self.published]
                strange = {"kty": "of-tomorrow", "kid": "three", "use": "sig"}
                return httpx.Response(200, json={"keys": [*keys, strange]})
            case "/token":
                return self._token(request)
        return httpx.Response(404)

    def _token(self, request: httpx.Request) -> httpx.Response:
        sent = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        basic = httpx.BasicAuth("kaa", SECRET)._auth_header
        if request.headers.get("authorization") != basic:
            return httpx.Response(401, json={"error": "invalid_client"})
        asked = self._codes.get(sent["code"])
        challenge = urlsafe_b64encode(sha256(sent["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or (challenge, sent["redirect_uri"]) != (
            asked["code_challenge"],
            asked["redirect_uri"],
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        id_token = asked["id_token"] or self.signed(self.claims(**asked["claims"]))
        return httpx.Response(
            200, json={"access_token": "opaque", "token_type": "Bearer", "id_token": id_token}
        )
