"""Login through a real Keycloak with the realm that docs/login.md describes. `make test-oidc` runs it.

Keycloak's login page is filled in as a browser would: a form, its hidden fields, its cookies.
"""

import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from html import unescape

import asyncpg
import httpx
import pytest
import pytest_asyncio

from localstack.keycloak import start_keycloak
from localstack.ports import free_port
from localstack.running import Running
from localstack.throwaway import throwaway_folder
from servicekit.settings import Settings
from tests.webkit import visiting
from tests.webkit.tables import with_sessions
from tests.webkit.visiting import Visitor, code_of
from webkit.app import application
from webkit.site import site

ISSUERS = """\
issuers:
  - name: stockholm
    title: Stockholms stad
    issuer: {issuer}
    client_id: kaa
    client_secret: {{environment: KAA_SECRET_STOCKHOLM}}
    municipalities: ["0180"]
    roles:
      - {{claim: kaa_roles, value: outreach, role: outreach, municipality_claim: kaa_municipality}}
      - {{claim: kaa_roles, value: leader, role: leader, municipality_claim: kaa_municipality}}
      - {{claim: kaa_roles, value: registrar, role: registrar, municipality: "0180"}}
    api:
      audience: kaa-api
      roles:
        - {{scope: kaa.outreach, role: outreach, municipality: "0180"}}
"""


@dataclass(frozen=True)
class Installed:
    """A Keycloak that runs, and what it was told."""

    keycloak: Running
    address: str
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    address = f"http://127.0.0.1:{free_port()}"
    names = ("KAA_SECRET_STOCKHOLM", "KAA_SECRET_OF_CLIENT", "KAA_SAMPLE_PASSWORD")
    made = {name: secrets.token_urlsafe(24) for name in names}
    with throwaway_folder() as folder:
        running = start_keycloak(folder / "keycloak", made | {"KAA_WEB_ADDRESS": address})
        (folder / "keycloak" / "issuers.yaml").write_text(
            ISSUERS.format(issuer=running.address), encoding="utf-8"
        )
        yield Installed(running, address, made)
        running.stop()


@pytest_asyncio.fixture(scope="module")
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with with_sessions(postgres) as opened:
        yield opened


@pytest.fixture
def visitor(installed: Installed, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    monkeypatch.setenv("KAA_SECRET_STOCKHOLM", installed.secrets["KAA_SECRET_STOCKHOLM"])
    settings = Settings(
        web_address=installed.address,
        web_plain_http=True,
        issuers=installed.keycloak.folder / "issuers.yaml",
    )
    return Visitor(
        application("Outreach", site(settings, pool), [visiting.pages], [visiting.api]), installed.address
    )


class Loopback(httpx.AsyncHTTPTransport):
    """Browsers send a cookie marked secure to the loopback interface, httpx does not: the mark is removed."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        response.headers = httpx.Headers(
            [(name, re.sub(r";\s*secure\b", "", value, flags=re.I) if name.lower() == "set-cookie" else value)
             for name, value in response.headers.multi_items()]
        )  # fmt: skip
        return response


def browser() -> httpx.AsyncClient:
    """Somebody's browser as Keycloak sees it."""
    return httpx.AsyncClient(transport=Loopback(), timeout=30)


async def submitted(there: httpx.AsyncClient, login_page: str, user: str, password: str) -> httpx.Response:
    page = await there.get(login_page)
    assert page.status_code == 200, page.text
    action = re.search(r'<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"', page.text)
    assert action, page.text
    return await there.post(unescape(action[1]), data={"username": user, "password": password})


async def confirmed(there: httpx.AsyncClient, logout: str) -> httpx.Response:
    """Keycloak asks whether to log out; yes."""
    page = await there.get(logout)
    assert page.status_code == 200, page.text
    form = re.search(r'<form[^>]*action="([^"]*logout-confirm[^"]*)".*?</form>', page.text, re.DOTALL)
    assert form, page.text
    fields = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', form[0]))
    return await there.post(str(page.url.join(unescape(form[1]))), data=fields)


async def logged_in(
    visitor: Visitor, there: httpx.AsyncClient, installed: Installed, user: str
) -> httpx.Response:
    sent = await submitted(
        there, await visitor.sent_to("/login/stockholm"), user, installed.secrets["KAA_SAMPLE_PASSWORD"]
    )
    assert sent.status_code == 302, sent.text
    return await visitor.get(sent.headers["location"])


@pytest.mark.parametrize(
    ("user", "roles"), [("outreach", "outreach"), ("leader", "leader, outreach"), ("registrar", "registrar")]
)
async def test_each_sample_user_gets_in_with_their_role(
    user: str, roles: str, visitor: Visitor, installed: Installed
) -> None:
    async with browser() as there:
        answered = await logged_in(visitor, there, installed, user)
    assert (answered.status_code, answered.headers["location"]) == (303, "/")
    page = await visitor.get("/")
    assert re.fullmatch(rf"stockholm:[0-9a-f-]{{36}} in 0180 as {roles}", page.text)


async def test_who_has_no_role_in_kaa_gets_no_session(visitor: Visitor, installed: Installed) -> None:
    async with browser() as there:
        refused = await logged_in(visitor, there, installed, "nobody")
    assert (refused.status_code, code_of(refused)) == (403, "no_role")


async def test_a_wrong_password_stays_at_keycloak(visitor: Visitor) -> None:
    async with browser() as there:
        page = await submitted(there, await visitor.sent_to("/login/stockholm"), "outreach", "wrong")
    assert page.status_code == 200
    assert "kc-form-login" in page.text


async def test_logout_ends_the_session_at_keycloak_too(visitor: Visitor, installed: Installed) -> None:
    async with browser() as there:
        await logged_in(visitor, there, installed, "leader")
        again = await there.get(await visitor.sent_to("/login/stockholm"))
        assert again.status_code == 302, "Keycloak still knows who it is"

        left = await visitor.post("/logout", origin=installed.address, csrf_token=await visitor.csrf_token())
        back = await confirmed(there, left.headers["refresh"].partition("; url=")[2])
        assert (back.status_code, back.headers["location"]) == (302, f"{installed.address}/logged-out")
        assert (await visitor.get("/")).status_code == 303

        asked = await there.get(await visitor.sent_to("/login/stockholm"))
        assert asked.status_code == 200
        assert "kc-form-login" in asked.text


async def test_a_stolen_code_is_of_no_use(visitor: Visitor, installed: Installed) -> None:
    """Keycloak itself holds the code to the PKCE verifier, and to one use."""
    async with browser() as there:
        sent = await submitted(
            there,
            await visitor.sent_to("/login/stockholm"),
            "outreach",
            installed.secrets["KAA_SAMPLE_PASSWORD"],
        )
        code = re.search(r"[?&]code=([^&]+)", sent.headers["location"])
        assert code
        stolen = await there.post(
            f"{installed.keycloak.address}/protocol/openid-connect/token",
            auth=("kaa", installed.secrets["KAA_SECRET_STOCKHOLM"]),
            data={
                "grant_type": "authorization_code",
                "code": code[1],
                "redirect_uri": f"{installed.address}/login/stockholm/answer",
                "code_verifier": "x" * 43,
            },
        )
        assert stolen.json()["error"] == "invalid_grant"
        assert code_of(await visitor.get(sent.headers["location"])) == "login_refused"


async def test_a_program_gets_in_with_a_token_for_the_api(visitor: Visitor, installed: Installed) -> None:
    async with browser() as there:
        given = await there.post(
            f"{installed.keycloak.address}/protocol/openid-connect/token",
            auth=("kaa-client", installed.secrets["KAA_SECRET_OF_CLIENT"]),
            data={"grant_type": "client_credentials"},
        )
    token = given.json()["access_token"]
    answer = await visitor.get("/api/v1/me", Authorization=f"Bearer {token}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["roles"] == ["outreach"]
    assert re.fullmatch(r"stockholm:[0-9a-f-]{36}", answer.json()["who"])
