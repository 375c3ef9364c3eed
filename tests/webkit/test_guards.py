"""What stands around every page: headers, forms of our own only, errors that tell nothing they should not."""

from typing import Any

import asyncpg
import pytest
import structlog
from structlog.testing import capture_logs

from tests.webkit.issuing import SECRET, FakeIssuer, entry
from tests.webkit.visiting import ADDRESS, Visitor, code_of, service
from webkit.limits import MAX_BODY


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer(entry())


@pytest.fixture
async def visitor(pool: asyncpg.Pool, issuer: FakeIssuer) -> Visitor:
    """Logged in."""
    logged_in = Visitor(service(pool, [issuer]))
    await logged_in.log_in(issuer)
    return logged_in


@pytest.mark.parametrize(
    "path",
    ["/", "/login?again=true", "/overview", "/nowhere", "/broken", "/away", "/api/v1/me", "/api/nowhere"],
)
async def test_every_answer_says_what_a_browser_may_do_with_it(path: str, visitor: Visitor) -> None:
    headers = (await visitor.get(path)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert set(" ".join(policy.values()).split()) == {"'none'", "'self'"}, "no inline script or style"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


async def test_a_static_file_may_be_kept(visitor: Visitor) -> None:
    assert (await visitor.get("/static/style.css")).headers["cache-control"].startswith("public")


async def test_a_demo_in_the_clear_has_cookies_of_its_own_port_and_promises_no_https(
    pool: asyncpg.Pool, issuer: FakeIssuer
) -> None:
    address = "http://127.0.0.1:18000"
    visitor = Visitor(service(pool, [issuer], address), address)
    answered = await visitor.log_in(issuer)
    assert list(visitor.browser.cookies) == ["kaa_session_18000"]
    assert "strict-transport-security" not in answered.headers
    assert (await visitor.get("/")).status_code == 200


async def test_a_form_of_ours_is_taken(visitor: Visitor) -> None:
    taken = await visitor.post("/note", text="hello", csrf_token=await visitor.csrf_token())
    assert (taken.status_code, taken.headers["location"]) == (303, "/?0180=hello")


async def test_a_form_without_the_sessions_own_token_is_not(
    visitor: Visitor, pool: asyncpg.Pool, issuer: FakeIssuer
) -> None:
    another = Visitor(service(pool, [issuer]))
    await another.log_in(issuer, "/login/stockholm", sub="lennart")
    for token in ({}, {"csrf_token": ""}, {"csrf_token": await another.csrf_token()}, {"csrf_token": "å"}):
        refused = await visitor.post("/note", text="hello", **token)
        assert (refused.status_code, code_of(refused)) == (403, "not_from_here")


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"Origin": ADDRESS}, True),
        (
            {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
            True,
        ),  # what browsers send under our Referrer-Policy
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ADDRESS, "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, False),
        ({}, False),
    ],
)
async def test_a_form_from_elsewhere_is_not_taken_even_with_the_token(
    headers: dict[str, str], taken: bool, visitor: Visitor
) -> None:
    fields = {"text": "hello", "csrf_token": await visitor.csrf_token()}
    answer = await visitor.browser.post("/note", data=fields, headers=headers)
    assert answer.status_code == (303 if taken else 403)


async def test_logout_from_elsewhere_is_not_taken(visitor: Visitor) -> None:
    assert code_of(await visitor.post("/logout", origin="https://evil.example")) == "not_from_here"
    assert (await visitor.get("/")).status_code == 200


async def test_a_body_beyond_the_limit_is_refused_by_what_it_announces_and_by_what_comes(
    visitor: Visitor,
) -> None:
    token = await visitor.csrf_token()
    announced = await visitor.post("/note", text="x" * MAX_BODY, csrf_token=token)
    assert (announced.status_code, code_of(announced)) == (413, "too_large")

    async def endless() -> Any:
        for _ in range(MAX_BODY // 1024 + 1):
            yield b"text=" + b"x" * 1019

    headers = {"Origin": ADDRESS, "Content-Type": "application/x-www-form-urlencoded"}
    came = await visitor.browser.post("/note", content=endless(), headers=headers)
    assert (came.status_code, code_of(came)) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/note", 405, "wrong_method"),
        ("GET", "/broken", 500, "failed"),
        ("GET", "/away", 503, "unavailable"),
    ],
)
async def test_what_goes_wrong_is_a_page_with_a_code(
    method: str, path: str, status: int, code: str, visitor: Visitor
) -> None:
    answer = await visitor.browser.request(method, path)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert "Otilia" not in answer.text.replace("Otilia Uppsökare", ""), (
        "the error's own words are on the page"
    )


async def test_what_was_wrong_in_a_form_is_not_repeated(visitor: Visitor) -> None:
    refused = await visitor.post(
        "/note", text="Otto Hemlig, 0701234567", csrf_token=await visitor.csrf_token()
    )
    assert (refused.status_code, code_of(refused)) == (422, "invalid_request")
    assert "Hemlig" not in refused.text


async def test_no_log_line_names_a_person_or_holds_a_secret(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    """INV-08: names, codes, states and tokens are in no line of the log, whatever goes wrong."""
    structlog.reset_defaults()
    with capture_logs() as lines:
        sent_to = await visitor.sent_to("/login/stockholm")
        answer = issuer.answer(sent_to)
        await visitor.get(answer)
        await visitor.get(answer)
        await visitor.log_in(issuer, "/login/stockholm", roles=[])
        await visitor.log_in(issuer, "/login/stockholm", nonce="of-another")
        await visitor.get("/broken")
        issuer.down = True
        await Visitor(service(pool, [issuer])).get("/login")
    assert {line["event"] for line in lines} == {
        "login.opened",
        "login.refused",
        "login.trouble",
        "web.failed",
    }
    said = repr(lines)
    token = visitor.browser.cookies["__Host-kaa_session"]
    for secret in ("otilia", "Otilia", "code-", "eyJ", "192.0.2.7", "19850101", token, SECRET):
        assert secret not in said.replace("RuntimeError('19850101-9984 Otilia')", ""), secret
