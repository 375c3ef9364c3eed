"""What an issuer says counts when it holds, and is refused with the right code when it does not."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tests.webkit.issuing import KEY, NEW_KEY, OTHER_KEY, SECRET, FakeIssuer, entry
from webkit import published
from webkit.openid import Identity, Provider, claimed_issuer
from webkit.problems import Problem
from webkit.sessions import Token

ANSWER = "https://kaa.example/login/stockholm/answer"


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer(entry())


@pytest.fixture
def provider(issuer: FakeIssuer) -> Provider:
    return Provider(issuer.entry, SECRET, transport=issuer.transport())


async def logged_in(
    issuer: FakeIssuer, provider: Provider, id_token: str | None = None, by: str | None = None, **claims: Any
) -> Identity:
    token = Token()
    sent_to = await provider.login_address(token, ANSWER, "sv")
    code = parse_qs(urlsplit(issuer.answer(sent_to, id_token=id_token, **claims)).query)["code"][0]
    return await provider.identity(code, token, ANSWER, by)


async def refusal(issuer: FakeIssuer, provider: Provider, id_token: str | None = None, **claims: Any) -> str:
    with pytest.raises(Problem) as refused:
        await logged_in(issuer, provider, id_token, **claims)
    return refused.value.kind.code


async def test_each_login_asks_with_secrets_of_its_own_and_shows_none_of_them(provider: Provider) -> None:
    first, second = Token(), Token()
    asked = [
        {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        for address in [await provider.login_address(token, ANSWER, "en") for token in (first, second)]
    ]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert asked[0]["ui_locales"] == "en"
    assert asked[0]["scope"] == "openid profile"
    secrets = (first.value, first.derived("verifier"), first.derived("csrf"), SECRET)
    assert not set(secrets) & set(asked[0].values())


async def test_who_logs_in_is_the_subject_and_has_a_name_for_the_page(
    issuer: FakeIssuer, provider: Provider
) -> None:
    identity = await logged_in(issuer, provider)
    assert (identity.subject, identity.name) == ("otilia", "Otilia Uppsökare")
    assert (await logged_in(issuer, provider, name=None)).name == "otilia"


def _signed_by(key: ECKey | OctKey, alg: str, **header: str) -> Callable[[FakeIssuer], str]:
    def make(issuer: FakeIssuer) -> str:
        return jwt.encode({"alg": alg} | header, issuer.claims(), key, algorithms=[alg])

    return make


def _by_hand(header: dict[str, str], key: bytes | None) -> Callable[[FakeIssuer], str]:
    """What an attacker makes who knows nothing but the published key; joserfc refuses to make it."""

    def part(content: bytes) -> str:
        return urlsafe_b64encode(content).rstrip(b"=").decode()

    def make(issuer: FakeIssuer) -> str:
        content = ".".join(part(json.dumps(one).encode()) for one in (header, issuer.claims()))
        return f"{content}.{part(hmac.digest(key, content.encode(), 'sha256')) if key else ''}"

    return make


PUBLISHED = KEY.as_pem(private=False)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(_signed_by(OTHER_KEY, "ES256", kid="one"), id="another's key under the same name"),
        pytest.param(_signed_by(OTHER_KEY, "ES256", kid="nine"), id="a key that is not published"),
        pytest.param(_by_hand({"alg": "HS256", "kid": "one"}, PUBLISHED), id="the public key as a secret"),
        pytest.param(_signed_by(OctKey.import_key(SECRET * 3), "HS256"), id="the client's secret"),
        pytest.param(_by_hand({"alg": "none"}, None), id="no signature"),
        pytest.param(lambda _: "no.token.atall", id="no token"),
        pytest.param(lambda _: "x" * 20_000, id="too long"),
    ],
)  # fmt: skip
async def test_an_id_token_must_be_signed_with_a_key_of_the_issuer(
    forged: Callable[[FakeIssuer], str], issuer: FakeIssuer, provider: Provider
) -> None:
    assert await refusal(issuer, provider, forged(issuer)) == "token_refused"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://other.example"}, "token_refused"),
        ({"iss": None}, "token_refused"),
        ({"aud": "another-client"}, "token_refused"),
        ({"aud": ["kaa", "another-client"]}, "token_refused"),  # and no azp
        ({"azp": "another-client"}, "token_refused"),
        ({"nonce": "of-another-login"}, "token_refused"),
        ({"nonce": None}, "token_refused"),
        ({"sub": None}, "token_refused"),
        ({"sub": ""}, "token_refused"),
        ({"sub": "x" * 256}, "token_refused"),
        ({"sub": "otilia\nregistrar"}, "token_refused"),
        ({"exp": None}, "token_refused"),
        ({"iat": None}, "token_refused"),
        ({"exp": time.time() - 61}, "token_time"),
        ({"iat": time.time() + 600}, "token_time"),
        ({"nbf": time.time() + 600}, "token_time"),
        ({"at_hash": "of-another-token"}, "token_refused"),
    ],
)
async def test_an_id_token_must_be_made_out_to_us_for_this_login_and_now(
    claims: dict[str, Any], code: str, issuer: FakeIssuer, provider: Provider
) -> None:
    assert await refusal(issuer, provider, **claims) == code


@pytest.mark.parametrize(
    ("ahead", "code"), [(50, None), (-340, None), (90, "token_time"), (-400, "token_time")]
)
async def test_clocks_may_differ_by_a_minute(
    ahead: int, code: str | None, issuer: FakeIssuer, provider: Provider
) -> None:
    """The tokens of this issuer are good for five minutes."""
    issuer.ahead = ahead
    if code is None:
        assert (await logged_in(issuer, provider)).subject == "otilia"
    else:
        assert await refusal(issuer, provider) == code


async def test_an_answer_that_names_another_issuer_is_refused(issuer: FakeIssuer, provider: Provider) -> None:
    """RFC 9207; where the issuer says that it names itself, it must."""
    assert await logged_in(issuer, provider, by=issuer.url)
    with pytest.raises(Problem, match="token_refused"):
        await logged_in(issuer, provider, by="https://other.example")

    issuer.metadata["authorization_response_iss_parameter_supported"] = True
    strict = Provider(issuer.entry, SECRET, transport=issuer.transport())
    with pytest.raises(Problem, match="token_refused"):
        await logged_in(issuer, strict)
    assert await logged_in(issuer, strict, by=issuer.url)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://stockholm.example/token"},
        {"authorization_endpoint": None},
        {"jwks_uri": 7},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
async def test_metadata_that_do_not_hold_are_a_matter_for_who_runs_the_issuer(
    metadata: dict[str, Any], issuer: FakeIssuer, provider: Provider
) -> None:
    issuer.metadata = metadata
    with pytest.raises(Problem, match="issuer_misconfigured"):
        await provider.login_address(Token(), ANSWER, "sv")


async def test_an_issuer_that_does_not_answer_is_asked_again_next_time(
    issuer: FakeIssuer, provider: Provider
) -> None:
    issuer.down = True
    with pytest.raises(Problem, match="issuer_unreachable"):
        await provider.login_address(Token(), ANSWER, "sv")
    issuer.down = False
    assert (await logged_in(issuer, provider)).subject == "otilia"


async def test_a_wrong_client_secret_is_a_matter_for_who_runs_the_issuer(issuer: FakeIssuer) -> None:
    wrong = Provider(issuer.entry, "wrong", transport=issuer.transport())
    assert await refusal(issuer, wrong) == "issuer_misconfigured"


async def test_a_code_of_another_login_is_refused(issuer: FakeIssuer, provider: Provider) -> None:
    """PKCE: who steals a code lacks what it was asked for with."""
    token = Token()
    sent_to = await provider.login_address(token, ANSWER, "sv")
    code = parse_qs(urlsplit(issuer.answer(sent_to)).query)["code"][0]
    with pytest.raises(Problem, match="login_refused"):
        await provider.identity(code, Token(), ANSWER, None)


async def test_a_new_key_is_fetched_when_it_is_first_used_and_unknown_ones_not_again_and_again(
    issuer: FakeIssuer, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await logged_in(issuer, provider)
    issuer.published, issuer.key = [KEY, NEW_KEY], NEW_KEY
    assert await refusal(issuer, provider) == "token_refused", "asked for a minute ago at the most"
    monkeypatch.setattr(published, "_PATIENCE", 0.0)
    assert (await logged_in(issuer, provider)).subject == "otilia"

    monkeypatch.setattr(published, "_PATIENCE", 60.0)
    issuer.asked.clear()
    issuer.key, issuer.published = OTHER_KEY, [KEY]
    forged = jwt.encode({"alg": "ES256", "kid": "nine"}, issuer.claims(aud="kaa-api"), OTHER_KEY)
    for _ in range(20):
        with pytest.raises(Problem, match="token_refused"):
            await provider.access(forged)
    assert issuer.asked.count("/keys") <= 1


async def test_what_an_issuer_said_last_stands_while_it_does_not_answer(
    issuer: FakeIssuer, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.access_token()
    assert (await provider.access(token))[0] == "otilia"
    monkeypatch.setattr(published, "_FRESH", 0.0)
    monkeypatch.setattr(published, "_PATIENCE", 0.0)
    issuer.down = True
    issuer.asked.clear()
    assert (await provider.access(token))[0] == "otilia"
    assert issuer.asked != []


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "kaa"}, "token_refused"),
        ({"aud": None}, "token_refused"),
        ({"iss": "https://other.example"}, "token_refused"),
        ({"exp": None}, "token_refused"),
        ({"exp": time.time() - 61}, "token_time"),
        ({"sub": None}, "token_refused"),
    ],
)
async def test_an_access_token_must_be_made_out_to_the_api_and_good_now(
    claims: dict[str, Any], code: str, issuer: FakeIssuer, provider: Provider
) -> None:
    with pytest.raises(Problem, match=code):
        await provider.access(issuer.signed(issuer.claims(**{"aud": "kaa-api"} | claims)))


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c", "a.é.c", "a.W10.c", "a.eyJpc3MiOjF9.c", f"a.{'[' * 9000}.c"]
)
def test_what_is_no_token_names_no_issuer(text: str) -> None:
    assert claimed_issuer(text) is None


async def test_logout_goes_to_where_the_issuer_ends_its_session_if_it_says_so(
    issuer: FakeIssuer, provider: Provider
) -> None:
    address = await provider.logout_address("https://kaa.example/logged-out")
    assert address is not None
    assert parse_qs(urlsplit(address).query) == {
        "client_id": ["kaa"],
        "post_logout_redirect_uri": ["https://kaa.example/logged-out"],
    }

    for metadata, down in (({"end_session_endpoint": None}, False), ({}, True)):
        issuer.metadata, issuer.down = metadata, down
        silent = Provider(issuer.entry, SECRET, transport=issuer.transport())
        assert await silent.logout_address("https://kaa.example/logged-out") is None
