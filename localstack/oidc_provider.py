"""The demo's login as a process of its own, NOT FOR PRODUCTION: `oidc-provider-mock` with two things more.

Its pages say what they are. And it gives the sample users access tokens for the API, as a municipality's login gives
them to a program: the grant `client_credentials`, with the user's name as client id and any secret.

Run as `python -m localstack.oidc_provider PORT`.
"""

import os
import sys
import time
from typing import Final

import flask
import oidc_provider_mock  # type: ignore[import-untyped]
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey

from localstack.oidc import AUDIENCE, SCOPE, USERS
from localstack.ports import HOST

_TOKENS: Final = "/oauth2/token"
_LIFETIME: Final = 3600  # seconds
#: Every page of the package begins so.
_MAIN: Final = '<main class="container">'
_WARNING: Final = """
<p role="note"><strong lang="sv">Demo, inte för skarp drift: inloggningen släpper in alla.</strong><br>
<strong>A demo, not for production: this login lets everybody in.</strong></p>
"""


def _warned(response: flask.Response) -> flask.Response:
    if response.mimetype == "text/html":
        response.set_data(response.get_data(as_text=True).replace(_MAIN, _MAIN + _WARNING, 1))
    return response


def _access_token() -> flask.typing.ResponseReturnValue | None:
    """The answer to a program; None for everything else, which the package answers."""
    asked = flask.request
    if asked.path != _TOKENS or asked.form.get("grant_type") != "client_credentials":
        return None
    name = (asked.authorization.username if asked.authorization else None) or asked.form.get("client_id", "")
    if name not in USERS:
        return {"error": "invalid_client"}, 401
    allowed = [f"{SCOPE}{role}" for role in USERS[name]["kaa_roles"]]
    given = [scope for scope in asked.form.get("scope", " ".join(allowed)).split() if scope in allowed]
    if not given:
        return {"error": "invalid_scope"}, 400
    now = int(time.time())
    claims = {
        "iss": asked.host_url.rstrip("/"), "aud": AUDIENCE, "sub": name, "scope": " ".join(given),
        "kaa_municipality": USERS[name]["kaa_municipality"], "iat": now, "exp": now + _LIFETIME,
    }  # fmt: skip
    # the key that it publishes
    key = RSAKey.import_key(flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True))
    token = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
    return {"access_token": token, "token_type": "Bearer", "expires_in": _LIFETIME, "scope": claims["scope"]}


def main(port: int) -> None:
    """Serves until it is told to stop."""
    # the package refuses plain http otherwise
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    users = [oidc_provider_mock.User(sub=name, claims=claims) for name, claims in USERS.items()]
    app = oidc_provider_mock.app(user_claims=users)
    app.before_request(_access_token)
    app.after_request(_warned)
    uvicorn.run(app, interface="wsgi", host=HOST, port=port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
