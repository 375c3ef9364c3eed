"""A small service behind the login, and somebody with a browser."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
import httpx
from fastapi import APIRouter, Depends, FastAPI, Form
from pydantic import BaseModel
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from servicekit.viewers import Viewer
from tests.webkit.issuing import SECRET, FakeIssuer
from webkit.access import caller, require, require_token, viewer
from webkit.app import application
from webkit.openid import Provider
from webkit.pages import Link
from webkit.site import Site

ADDRESS = "https://kaa.example"
pages = APIRouter()
api = APIRouter(prefix="/v1")


class Note(BaseModel):
    """What the API of the small service takes."""

    text: str


def _described(found: Viewer) -> str:
    return f"{found.who} in {found.municipality} as {', '.join(sorted(found.roles))}"


@pages.get("/")
async def first(found: Annotated[Viewer, Depends(viewer)]) -> PlainTextResponse:
    return PlainTextResponse(_described(found))


@pages.get("/overview")
async def overview(found: Annotated[Viewer, Depends(require("leader"))]) -> PlainTextResponse:
    return PlainTextResponse(_described(found))


@pages.post("/note")
async def note(
    found: Annotated[Viewer, Depends(require("outreach"))], text: Annotated[str, Form(max_length=10)]
) -> Response:
    return RedirectResponse(f"/?{found.municipality}={text}", 303)


@pages.get("/broken")
async def broken() -> Response:
    raise RuntimeError("19850101-9984 Otilia")


@pages.get("/away")
async def away() -> Response:
    raise asyncpg.InterfaceError("connection is closed")


@api.get("/me")
async def me(found: Annotated[Viewer, Depends(caller)]) -> dict[str, Any]:
    return {"who": found.who, "municipality": found.municipality, "roles": sorted(found.roles)}


@api.post("/note")
async def api_note(
    found: Annotated[Viewer, Depends(require_token("outreach"))], sent: Note
) -> dict[str, str]:
    return {"who": found.who, "text": sent.text}


def service(pool: asyncpg.Pool, issuers: Sequence[FakeIssuer], address: str = ADDRESS) -> FastAPI:
    """The application, with these issuers."""
    providers = {
        issuer.entry.name: Provider(issuer.entry, SECRET, transport=issuer.transport()) for issuer in issuers
    }
    site = Site(address, pool, providers)
    return application(
        "Outreach", site, [pages], [api], navigation=lambda _: [Link("Outreach", "/", "queue")]
    )


class Visitor:
    """Somebody with a browser, which keeps cookies and follows no redirect by itself."""

    def __init__(self, app: FastAPI, address: str = ADDRESS) -> None:
        # what goes wrong inside is to be an answer here, as it is for a browser
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
        self.browser = httpx.AsyncClient(
            transport=transport, base_url=address, headers={"Accept-Language": "en"}
        )

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.browser.get(path, headers=headers)

    async def post(self, path: str, *, origin: str | None = ADDRESS, **fields: str) -> httpx.Response:
        headers = {"Origin": origin} if origin else {}
        return await self.browser.post(path, data=fields, headers=headers)

    async def sent_to(self, path: str = "/login") -> str:
        """The issuer's login page that a page of ours sends to."""
        answer = await self.get(path)
        while answer.is_redirect and answer.headers["location"].startswith("/"):
            answer = await self.get(answer.headers["location"])
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def log_in(self, issuer: FakeIssuer, path: str = "/login", **claims: Any) -> httpx.Response:
        """Through the issuer's login page and back."""
        return await self.get(issuer.answer(await self.sent_to(path), **claims))

    async def csrf_token(self, path: str = "/choose") -> str:
        """The token in the forms of a page."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', (await self.get(path)).text)
        assert found
        return found[1]


def code_of(answer: httpx.Response) -> str:
    """The code of what went wrong, on a page for people; the page holds no trace of our program."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Traceback" not in answer.text
    found = re.search(r"<code>(\w+)</code>", answer.text)
    assert found, answer.text
    return found[1]
