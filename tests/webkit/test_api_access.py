"""The way in for programs: bearer tokens, and problems as JSON."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.webkit.issuing import FakeIssuer, entry
from tests.webkit.visiting import Visitor, service


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer(entry("stockholm", "0180", "0126"))


@pytest.fixture
def program(pool: asyncpg.Pool, issuer: FakeIssuer) -> Visitor:
    silent = FakeIssuer(entry("umea", "2480", api=None))
    return Visitor(service(pool, [silent, issuer]))


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} | more


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem, which has what RFC 9457 and we say it has."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:kaa:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    return body


async def test_a_token_of_the_issuer_with_a_scope_opens_the_api(program: Visitor, issuer: FakeIssuer) -> None:
    answer = await program.get("/api/v1/me", **bearer(issuer.access_token(sub="verksamhetssystem")))
    assert answer.json() == {
        "who": "stockholm:verksamhetssystem", "municipality": "0180", "roles": ["outreach"]
    }  # fmt: skip


async def test_a_token_for_several_municipalities_is_used_for_one_at_a_time(
    program: Visitor, issuer: FakeIssuer
) -> None:
    token = issuer.access_token(kommun=["0180", "0126", "2480"])
    assert problem(await program.get("/api/v1/me", **bearer(token)))["code"] == "municipality_needed"
    named = await program.get("/api/v1/me", **bearer(token, **{"Kaa-Municipality": "0126"}))
    assert named.json()["municipality"] == "0126"
    foreign = await program.get("/api/v1/me", **bearer(token, **{"Kaa-Municipality": "2480"}))
    assert problem(foreign)["code"] == "no_role", "INV-09: configured for another issuer"
    wrong = await program.get("/api/v1/me", **bearer(token, **{"Kaa-Municipality": "Huddinge"}))
    assert problem(wrong)["code"] == "invalid_request"
    assert "Huddinge" not in wrong.text


async def test_no_token_or_one_that_does_not_hold_opens_nothing(program: Visitor, issuer: FakeIssuer) -> None:
    missing = await program.get("/api/v1/me")
    assert (missing.status_code, problem(missing)["code"]) == (401, "token_missing")
    assert missing.headers["www-authenticate"] == "Bearer"
    for token, code in (
        ("nonsense", "token_refused"),
        (issuer.signed(issuer.claims()), "token_refused"),  # an ID token, made out to the pages
        (issuer.access_token(iss="https://other.example"), "token_refused"),
        (issuer.access_token(iss="https://umea.example"), "token_refused"),  # one that opens no API
        (issuer.access_token(exp=1), "token_time"),
    ):
        refused = await program.get("/api/v1/me", **bearer(token))
        assert (refused.status_code, problem(refused)["code"]) == (401, code)
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_a_token_without_a_scope_for_us_or_for_another_place_has_no_role(
    program: Visitor, issuer: FakeIssuer
) -> None:
    for claims in ({"scope": "openid"}, {"scope": "kaa.outreach", "kommun": "2480"}):
        token = issuer.signed(issuer.claims(aud="kaa-api", **claims))
        refused = await program.get("/api/v1/me", **bearer(token))
        assert (refused.status_code, problem(refused)["code"]) == (403, "no_role")


async def test_the_cookie_of_a_session_opens_no_api(pool: asyncpg.Pool, issuer: FakeIssuer) -> None:
    """Else any page elsewhere could use it: the API asks for no CSRF token."""
    visitor = Visitor(service(pool, [issuer]))
    await visitor.log_in(issuer)
    assert (await visitor.get("/")).status_code == 200
    assert problem(await visitor.get("/api/v1/me"))["code"] == "token_missing"
    assert (await visitor.browser.post("/api/v1/note", json={"text": "a"})).status_code == 401


async def test_a_program_needs_no_csrf_token(program: Visitor, issuer: FakeIssuer) -> None:
    sent = await program.browser.post(
        "/api/v1/note", json={"text": "hello"}, headers=bearer(issuer.access_token())
    )
    assert sent.json() == {"who": "stockholm:otilia", "text": "hello"}


async def test_what_is_wrong_in_a_request_is_pointed_at_and_not_repeated(
    program: Visitor, issuer: FakeIssuer
) -> None:
    headers = bearer(issuer.access_token())
    refused = await program.browser.post("/api/v1/note", json={"text": ["Otto Hemlig"]}, headers=headers)
    body = problem(refused)
    assert (refused.status_code, body["code"]) == (422, "invalid_request")
    assert body["errors"] == [{"pointer": "/body/text", "detail": "Input should be a valid string"}]
    no_json = await program.browser.post("/api/v1/note", content=b"{Hemlig", headers=headers)
    assert problem(no_json)["code"] == "invalid_request"
    assert "Hemlig" not in refused.text + no_json.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/api/nowhere", 404, "not_found"), ("/api/v1/note", 405, "wrong_method")],
)
async def test_paths_and_methods_that_are_not_there_are_problems_too(
    path: str, status: int, code: str, program: Visitor
) -> None:
    refused = await program.get(path)
    assert (refused.status_code, problem(refused)["code"]) == (status, code)


async def test_the_description_is_openapi_3_1_and_says_how_to_get_in(program: Visitor) -> None:
    described = (await program.get("/api/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    (scheme,) = described["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    assert described["paths"]["/api/v1/me"]["get"]["security"]
    assert set(described["paths"]) == {"/api/v1/me", "/api/v1/note"}, "pages are not of the API"
    for operations in described["paths"].values():
        for operation in operations.values():
            assert set(operation["responses"]) == {"200", "default"}
            assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}
