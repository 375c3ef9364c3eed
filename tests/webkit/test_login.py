"""Login, sessions and logout, as a browser meets them."""

import re
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from servicekit.retention import run_once
from tests.webkit.issuing import FakeIssuer, entry
from tests.webkit.visiting import ADDRESS, Visitor, code_of, service
from webkit import limits
from webkit.sessions import ABSOLUTE, IDLE, LOGIN, forget

SESSION = "__Host-kaa_session"


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer(entry("stockholm", "0180", "0126"))


@pytest.fixture
def other() -> FakeIssuer:
    return FakeIssuer(entry("umea", "2480"))


@pytest.fixture
def visitor(pool: asyncpg.Pool, issuer: FakeIssuer) -> Visitor:
    return Visitor(service(pool, [issuer]))


@pytest.fixture(autouse=True)
async def fresh(pool: asyncpg.Pool) -> None:
    """No sessions and no attempts of another test."""
    await pool.execute("DELETE FROM web_session; DELETE FROM web_login; DELETE FROM web_attempt")


async def later(pool: asyncpg.Pool, table: str, column: str, by: timedelta) -> None:
    """As if so much time had passed. Pages may not change a login under way: it is taken away and put back."""
    if table == "web_login":
        for row in await pool.fetch("DELETE FROM web_login RETURNING *"):
            await pool.execute(
                "INSERT INTO web_login VALUES ($1, $2, $3, $4)",
                row["token_hash"], row["issuer"], row["return_to"], row["began_at"] - by,
            )  # fmt: skip
    else:
        await pool.execute(f"UPDATE {table} SET {column} = {column} - $1::interval", by)


async def test_who_is_not_logged_in_is_sent_to_the_login_and_then_to_where_they_wanted(
    visitor: Visitor, issuer: FakeIssuer
) -> None:
    asked = await visitor.get("/overview?week=2026-W47&who=me")
    assert asked.status_code == 303
    answered = await visitor.log_in(issuer, asked.headers["location"], roles=["leader", "outreach"])
    assert answered.status_code == 303
    assert answered.headers["location"] == "/overview?week=2026-W47&who=me"
    page = await visitor.get(answered.headers["location"])
    assert page.text == "stockholm:otilia in 0180 as leader, outreach"


async def test_the_browser_holds_a_random_token_that_nothing_else_sees(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    answered = await visitor.log_in(issuer)
    (line,) = [one for one in answered.headers.get_list("set-cookie") if one.startswith(SESSION)]
    cookie = SimpleCookie(line)[SESSION]
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "lax")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["max-age"] == "", "gone with the browser"
    token = visitor.browser.cookies[SESSION]
    assert len(token) == 43
    (stored,) = await pool.fetch("SELECT * FROM web_session")
    assert token not in repr(stored)
    assert not re.search(r"eyJ[\w-]+\.", repr(stored)), "of what the issuer signed nothing is kept"
    assert [name for name in visitor.browser.cookies if name != SESSION] == [], "the login's cookie is left"


async def test_each_login_begins_a_new_session_and_ends_the_one_before(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    await visitor.log_in(issuer)
    first = visitor.browser.cookies[SESSION]
    await visitor.log_in(issuer, "/login/stockholm")
    assert visitor.browser.cookies[SESSION] != first
    assert await pool.fetchval("SELECT count(*) FROM web_session") == 1


async def test_where_there_are_several_issuers_one_is_chosen_by_name(
    pool: asyncpg.Pool, issuer: FakeIssuer, other: FakeIssuer
) -> None:
    visitor = Visitor(service(pool, [issuer, other]))
    page = await visitor.get("/login?to=/overview")
    assert page.status_code == 200
    assert "/login/umea?to=%2Foverview" in page.text or "/login/umea?to=/overview" in page.text
    answered = await visitor.log_in(other, "/login/umea?to=/overview", roles="leader", kommun="2480")
    assert (await visitor.get(answered.headers["location"])).text == "umea:otilia in 2480 as leader"


async def test_the_same_subject_of_two_issuers_is_two_users(
    pool: asyncpg.Pool, issuer: FakeIssuer, other: FakeIssuer
) -> None:
    app = service(pool, [issuer, other])
    here, there = Visitor(app), Visitor(app)
    await here.log_in(issuer, "/login/stockholm")
    await there.log_in(other, "/login/umea", kommun="2480")
    assert (await here.get("/")).text.startswith("stockholm:otilia in 0180 ")
    assert (await there.get("/")).text.startswith("umea:otilia in 2480 ")


async def test_an_answer_counts_once(visitor: Visitor, issuer: FakeIssuer) -> None:
    answer = issuer.answer(await visitor.sent_to())
    cookies = dict(visitor.browser.cookies)
    assert (await visitor.get(answer)).status_code == 303
    visitor.browser.cookies.update(cookies)
    again = await visitor.get(answer)
    assert (again.status_code, code_of(again)) == (400, "login_not_begun")


async def test_an_answer_counts_in_the_browser_that_began_the_login_alone(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    """Else somebody could be logged in unawares as another, and write into that one's name."""
    victim = Visitor(service(pool, [issuer]))
    answer = issuer.answer(await visitor.sent_to())
    assert code_of(await victim.get(answer)) == "login_not_begun"

    await victim.sent_to()
    (name,) = victim.browser.cookies
    state = parse_qs(urlsplit(answer).query)["state"][0]
    victim.browser.cookies.set(f"__Host-kaa_login_{state[:12]}", victim.browser.cookies[name])
    assert code_of(await victim.get(answer)) == "login_not_begun"
    assert SESSION not in victim.browser.cookies


async def test_two_tabs_can_log_in_at_once(visitor: Visitor, issuer: FakeIssuer) -> None:
    first, second = await visitor.sent_to(), await visitor.sent_to()
    assert (await visitor.get(issuer.answer(first))).status_code == 303
    assert (await visitor.get(issuer.answer(second))).status_code == 303


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ("/login/stockholm/answer", 400, "login_not_begun"),
        ("/login/stockholm/answer?code=a", 400, "login_not_begun"),
        ("/login/stockholm/answer?code=a&state=" + "x" * 43, 400, "login_not_begun"),
        ("/login/stockholm/answer?code=a&state=../../%00%FF", 400, "login_not_begun"),
        ("/login/stockholm/answer?code=a&state=" + "%C3%A5" * 43, 400, "login_not_begun"),
        ("/login/nobody/answer?code=a&state=" + "x" * 43, 404, "not_found"),
        ("/login/nobody", 404, "not_found"),
    ],
)
async def test_an_answer_to_no_login_is_refused(
    answer: str, status: int, code: str, visitor: Visitor
) -> None:
    refused = await visitor.get(answer)
    assert (refused.status_code, code_of(refused)) == (status, code)


async def test_an_answer_at_another_issuers_address_is_refused(
    pool: asyncpg.Pool, issuer: FakeIssuer, other: FakeIssuer
) -> None:
    visitor = Visitor(service(pool, [issuer, other]))
    answer = issuer.answer(await visitor.sent_to("/login/stockholm"))
    refused = await visitor.get(answer.replace("/login/stockholm/", "/login/umea/"))
    assert code_of(refused) == "login_not_begun"
    assert "/token" not in other.asked, "the code went to the wrong issuer"


async def test_a_login_takes_ten_minutes_at_most(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    answer = issuer.answer(await visitor.sent_to())
    await later(pool, "web_login", "began_at", LOGIN)
    assert code_of(await visitor.get(answer)) == "login_not_begun"


@pytest.mark.parametrize(
    ("error", "code"), [("access_denied", "login_cancelled"), ("invalid_scope", "issuer_misconfigured")]
)
async def test_an_issuer_that_says_no_is_believed(
    error: str, code: str, visitor: Visitor, issuer: FakeIssuer
) -> None:
    answer = issuer.answer(await visitor.sent_to()).replace(
        "code=code-0", f"error={error}&error_description=Otilia"
    )
    refused = await visitor.get(answer)
    assert code_of(refused) == code
    assert "Otilia" not in refused.text[refused.text.index("<main") :]


async def test_a_code_that_the_issuer_does_not_know_is_refused(visitor: Visitor, issuer: FakeIssuer) -> None:
    answer = issuer.answer(await visitor.sent_to()).replace("code=code-0", "code=code-9")
    assert code_of(await visitor.get(answer)) == "login_refused"


async def test_an_issuer_that_is_away_is_said_to_be_away(visitor: Visitor, issuer: FakeIssuer) -> None:
    issuer.down = True
    refused = await visitor.get("/login")
    assert (refused.status_code, code_of(refused)) == (503, "issuer_unreachable")


@pytest.mark.parametrize(
    "claims", [{"roles": []}, {"roles": ["unknown"]}, {"kommun": "2480"}, {"kommun": ["2480", "1480"]}]
)
async def test_who_has_no_role_in_the_issuers_municipalities_gets_no_session(
    claims: dict[str, Any], visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    """INV-09: Stockholm's issuer opens no other municipality, whatever its tokens claim."""
    refused = await visitor.log_in(issuer, **claims)
    assert (refused.status_code, code_of(refused)) == (403, "no_role")
    assert SESSION not in visitor.browser.cookies
    assert await pool.fetchval("SELECT count(*) FROM web_session") == 0


async def test_who_has_roles_in_several_municipalities_works_in_one_at_a_time(
    visitor: Visitor, issuer: FakeIssuer
) -> None:
    await visitor.log_in(issuer, kommun=["0126", "0180"])
    sent_on = await visitor.get("/?a=b")
    assert sent_on.headers["location"] == "/choose?to=/%3Fa%3Db"
    token = await visitor.csrf_token(sent_on.headers["location"])
    chosen = await visitor.post("/choose", municipality="0126", to="/?a=b", csrf_token=token)
    assert chosen.headers["location"] == "/?a=b"
    assert (await visitor.get("/")).text == "stockholm:otilia in 0126 as outreach"

    await visitor.post("/choose", municipality="0180", csrf_token=token)
    assert (await visitor.get("/")).text == "stockholm:otilia in 0180 as outreach"

    refused = await visitor.post("/choose", municipality="2480", csrf_token=token)
    assert code_of(refused) == "no_role"
    assert (await visitor.get("/")).text == "stockholm:otilia in 0180 as outreach"


async def test_a_role_is_asked_for(visitor: Visitor, issuer: FakeIssuer) -> None:
    await visitor.log_in(issuer)
    refused = await visitor.get("/overview")
    assert (refused.status_code, code_of(refused)) == (403, "role_missing")
    assert "Otilia Uppsökare" in refused.text, "the frame shows who is logged in"


async def test_a_session_ends_an_hour_after_the_last_page(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    await visitor.log_in(issuer)
    for _ in range(3):
        await later(pool, "web_session", "seen_at", IDLE - timedelta(minutes=1))
        assert (await visitor.get("/")).status_code == 200, "each page counts"
    await later(pool, "web_session", "seen_at", IDLE)
    assert (await visitor.get("/")).headers["location"] == "/login?to=/"


async def test_a_session_ends_ten_hours_after_login_whatever_is_done(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    await visitor.log_in(issuer)
    await later(pool, "web_session", "began_at", ABSOLUTE - timedelta(minutes=1))
    assert (await visitor.get("/")).status_code == 200
    await later(pool, "web_session", "began_at", timedelta(minutes=1))
    assert (await visitor.get("/")).status_code == 303


async def test_what_the_file_of_issuers_takes_away_is_gone_from_open_sessions(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    await visitor.log_in(issuer)
    token = visitor.browser.cookies[SESSION]
    narrower = Visitor(service(pool, [FakeIssuer(entry("stockholm", "0126"))]))
    narrower.browser.cookies.set(SESSION, token)
    assert (await narrower.get("/")).status_code == 303
    assert (await visitor.get("/")).status_code == 200


async def test_a_form_sent_after_the_session_ended_is_not_sent_on_to_the_issuer(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    """A browser would stop that redirect, since the policy says where forms may lead."""
    await visitor.log_in(issuer)
    token = await visitor.csrf_token()
    await pool.execute("DELETE FROM web_session")
    refused = await visitor.post("/note", text="hello", csrf_token=token)
    assert (refused.status_code, code_of(refused)) == (401, "session_ended")


async def test_logout_ends_the_session_here_and_leads_to_where_the_issuer_ends_its_own(
    visitor: Visitor, issuer: FakeIssuer
) -> None:
    await visitor.log_in(issuer)
    token, cookie = await visitor.csrf_token(), visitor.browser.cookies[SESSION]
    left = await visitor.post("/logout", csrf_token=token)
    assert left.status_code == 200
    seconds, _, address = left.headers["refresh"].partition("; url=")
    asked = parse_qs(urlsplit(address).query)
    assert (seconds, address.partition("?")[0]) == ("0", f"{issuer.url}/end")
    assert asked["post_logout_redirect_uri"] == [f"{ADDRESS}/logged-out"]
    assert set(asked) == {"client_id", "post_logout_redirect_uri"}, "an address says nothing of who leaves"
    assert SESSION not in visitor.browser.cookies
    assert (await visitor.get("/logged-out")).status_code == 200

    visitor.browser.cookies.set(SESSION, cookie)
    assert (await visitor.get("/")).status_code == 303, "the old token opens nothing any more"


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/login",
        "/a\r\nb",
        "x",
    ],
)
async def test_nobody_is_led_away_after_login(to: str, visitor: Visitor, issuer: FakeIssuer) -> None:
    begun = await visitor.browser.get("/login/stockholm", params={"to": to})
    answered = await visitor.get(issuer.answer(begun.headers["location"]))
    assert answered.headers["location"] == "/"


async def test_a_cookie_that_was_tampered_with_is_nobodys(visitor: Visitor, issuer: FakeIssuer) -> None:
    await visitor.log_in(issuer)
    good = visitor.browser.cookies[SESSION]
    for tampered in (good[:-1] + ("A" if good[-1] != "A" else "B"), "", "x" * 5000, "' OR true --"):
        visitor.browser.cookies.set(SESSION, tampered)
        assert (await visitor.get("/")).headers["location"] == "/login?to=/"


async def test_too_many_logins_of_one_address_wait_in_all_processes_alike(
    pool: asyncpg.Pool, issuer: FakeIssuer, other: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOGINS", limits.Limit("login", 3, timedelta(minutes=5)))
    first, second = Visitor(service(pool, [issuer, other])), Visitor(service(pool, [issuer, other]))
    for visitor in (first, second, first):
        assert (await visitor.get("/login/stockholm")).status_code == 303
    refused = await second.get("/login/stockholm")
    assert (refused.status_code, code_of(refused)) == (429, "too_many_logins")
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert (await second.get("/login/umea")).status_code == 303, "another issuer's logins are counted apart"

    await later(pool, "web_attempt", "since", timedelta(minutes=5))
    assert (await second.get("/login/stockholm")).status_code == 303


async def test_what_ran_out_is_forgotten_at_the_next_login(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    await visitor.log_in(issuer)
    await visitor.sent_to("/login/stockholm")
    await later(pool, "web_session", "seen_at", IDLE)
    await later(pool, "web_login", "began_at", LOGIN)
    await later(pool, "web_attempt", "since", timedelta(days=2))
    await visitor.get("/login/stockholm")
    assert await counted(pool) == {"web_session": 0, "web_login": 1, "web_attempt": 1}


async def test_what_ran_out_is_forgotten_while_nobody_logs_in(
    visitor: Visitor, issuer: FakeIssuer, pool: asyncpg.Pool
) -> None:
    """By the service's retention, which leaves what has not run out."""
    await visitor.log_in(issuer)
    await visitor.sent_to("/login/stockholm")
    assert await run_once(pool, [forget]) == 0
    await later(pool, "web_session", "began_at", ABSOLUTE)
    await later(pool, "web_login", "began_at", LOGIN)
    await later(pool, "web_attempt", "since", timedelta(hours=12))
    there = await counted(pool)
    assert await run_once(pool, [forget]) == sum(there.values()) >= 3
    assert await counted(pool) == dict.fromkeys(there, 0)


async def counted(pool: asyncpg.Pool) -> dict[str, int]:
    """How many rows there are of what is kept for a time only."""
    tables = ("web_session", "web_login", "web_attempt")
    return {table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
