"""The login of the demo: the mock provider as a process of its own, and the file of issuers made for it."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from localstack.oidc import USERS, issuers_file, start_oidc
from localstack.running import Running
from localstack.throwaway import throwaway_folder
from servicekit.settings import ConfigurationError, Settings
from tests.webkit import visiting
from tests.webkit.visiting import Visitor
from webkit.app import application
from webkit.site import site

ADDRESS = "http://127.0.0.1:18001"


@pytest.fixture(scope="module")
def provider() -> Iterator[Running]:
    with throwaway_folder() as folder:
        running = start_oidc(folder / "oidc")
        yield running
        running.stop()


def settings(provider: Running, *, plain_http: bool = True) -> Settings:
    return Settings(
        web_address=ADDRESS if plain_http else "https://kaa.example",
        web_plain_http=plain_http,
        issuers=issuers_file(provider.folder),
    )


@pytest.mark.parametrize(
    ("user", "roles"), [("outreach", "outreach"), ("leader", "leader, outreach"), ("registrar", "registrar")]
)
async def test_each_sample_user_gets_in_with_their_role(
    user: str, roles: str, provider: Running, pool: asyncpg.Pool
) -> None:
    app = application("Outreach", site(settings(provider), pool), [visiting.pages])
    visitor = Visitor(app, ADDRESS)
    login_page = await visitor.sent_to("/login/demo")
    async with httpx.AsyncClient() as there:
        assert f'value="{user}"' in (await there.get(login_page)).text
        answer = (await there.post(login_page, data={"sub": user})).headers["location"]
    assert (await visitor.get(answer)).status_code == 303
    assert (await visitor.get("/")).text == f"demo:{user} in 0180 as {roles}"
    assert set(USERS) == {"outreach", "leader", "registrar"}

    left = await visitor.post("/logout", origin=ADDRESS, csrf_token=await visitor.csrf_token())
    address = left.headers["refresh"].partition("; url=")[2]
    async with httpx.AsyncClient() as there:
        assert (await there.get(address)).status_code == 200


@pytest.mark.parametrize(
    ("language", "warning"), [("sv", "Demo, inte för skarp drift"), ("en", "A demo, not for production")]
)
async def test_it_says_what_it_is_before_anybody_logs_in_and_where_they_do(
    language: str, warning: str, provider: Running, pool: asyncpg.Pool
) -> None:
    app = application("Outreach", site(settings(provider), pool), [visiting.pages])
    visitor = Visitor(app, ADDRESS)
    sent_to = (await visitor.get("/overview")).headers["location"]
    ours = await visitor.get(sent_to, **{"Accept-Language": language})
    assert ours.status_code == 200, "no login without its warning, though there is one issuer only"
    assert warning in ours.text
    async with httpx.AsyncClient() as there:
        theirs = (await there.get(await visitor.sent_to("/login/demo"))).text
    assert warning in theirs


async def test_a_program_gets_tokens_in_the_names_of_the_sample_users_with_their_own_scopes(
    provider: Running, pool: asyncpg.Pool
) -> None:
    app = application("Outreach", site(settings(provider), pool), [visiting.pages], [visiting.api])
    visitor = Visitor(app, ADDRESS)

    async def answer(status: int, name: str, **more: str) -> dict[str, str]:
        asked = {"grant_type": "client_credentials", "client_id": name, "client_secret": "any"} | more
        async with httpx.AsyncClient() as there:
            given = await there.post(f"{provider.address}/oauth2/token", data=asked)
        assert given.status_code == status, given.text
        told: dict[str, str] = given.json()
        return told

    for scope, roles in (({}, ["leader", "outreach"]), ({"scope": "kaa.leader kaa.registrar"}, ["leader"])):
        token = (await answer(200, "leader", **scope))["access_token"]
        me = await visitor.get("/api/v1/me", Authorization=f"Bearer {token}")
        assert me.json() == {"who": "demo:leader", "municipality": "0180", "roles": roles}
    assert await answer(400, "outreach", scope="kaa.registrar") == {"error": "invalid_scope"}
    assert await answer(401, "nobody") == {"error": "invalid_client"}


def test_it_is_found_again_and_keeps_its_address(provider: Running) -> None:
    assert start_oidc(provider.folder).pid == provider.pid
    assert urlsplit(provider.address).hostname == "127.0.0.1"


async def test_an_installation_that_is_not_a_demo_refuses_it(provider: Running, pool: asyncpg.Pool) -> None:
    assert re.search("NOT FOR PRODUCTION", issuers_file(provider.folder).read_text(encoding="utf-8"))
    with pytest.raises(ConfigurationError, match="expected an https:// address"):
        site(settings(provider, plain_http=False), pool)


async def test_what_is_missing_is_said_in_one_line(tmp_path: Path, pool: asyncpg.Pool) -> None:
    with pytest.raises(ConfigurationError, match="KAA_WEB_ADDRESS is not set"):
        site(Settings(), pool)
    with pytest.raises(ConfigurationError, match="KAA_ISSUERS is not set"):
        site(Settings(web_address="https://kaa.example"), pool)
    with pytest.raises(ConfigurationError, match="No such file"):
        site(Settings(web_address="https://kaa.example", issuers=tmp_path / "none.yaml"), pool)


@pytest.mark.parametrize(
    ("address", "plain_http"),
    [
        ("http://kaa.example", False), ("http://kaa.example", True), ("http://127.0.0.1:8000", False),
        ("https://kaa.example/path", False), ("kaa.example", True), ("https://user@kaa.example", True),
        ("https://", False),
    ],
)  # fmt: skip
def test_pages_in_the_clear_are_for_the_loopback_interface_and_on_purpose(
    address: str, plain_http: bool
) -> None:
    with pytest.raises(ValueError, match="expected"):
        Settings(web_address=address, web_plain_http=plain_http)
