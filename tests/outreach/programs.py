"""A municipality's own program, which calls the API of outreach."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from fastapi import FastAPI

from servicekit.calendar import today
from services.outreach.web import app_of
from tests.outreach.tellings import HOME, LADDERS
from tests.webkit.issuing import SECRET, FakeIssuer, entry
from webkit.openid import Provider
from webkit.site import Site

ADDRESS = "https://kaa.example"
AWAY = "0126"
ISSUER = FakeIssuer(
    entry(
        "stockholm",
        HOME,
        AWAY,
        api={
            "audience": "kaa-api",
            "roles": [
                {"scope": f"kaa.{role}", "role": role, "municipality_claim": "kommun"}
                for role in ("outreach", "leader", "registrar")
            ],
        },
    )
)

#: What is said of a measure and of a contact.
PLAN: dict[str, Any] = {
    "kind": "work_placement",
    "content": "Fyra veckor på en handelsträdgård.",
    "from_day": f"{today()}",
    "follow_up_on": [f"{today() + timedelta(days=3)}"],
    "support": [{"kind": "travel_card", "amount": 600, "per": "month"}],
}
SAID: dict[str, Any] = {
    "on": f"{today()}",
    "channel": "phone",
    "outcome": "reached",
    "occupation": "seeking_work",
}


def application(pool: asyncpg.Pool) -> FastAPI:
    """Outreach with one issuer."""
    provider = Provider(ISSUER.entry, SECRET, transport=ISSUER.transport())
    return app_of(Site(ADDRESS, pool, {ISSUER.entry.name: provider}), LADDERS)


def token(name: str = "anna", scope: str = "kaa.outreach", place: str = HOME) -> str:
    """An access token of the issuer, for one municipality."""
    return ISSUER.signed(ISSUER.claims(aud="kaa-api", sub=name, scope=scope, kommun=place))


class Program:
    """Calls the API on behalf of somebody."""

    def __init__(
        self, app: FastAPI, name: str = "anna", scope: str = "kaa.outreach", place: str = HOME
    ) -> None:
        self.who = f"stockholm:{name}"
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
            base_url=f"{ADDRESS}/api/v1",
            headers={"Authorization": f"Bearer {token(name, scope, place)}"},
        )

    async def get(self, path: str, **asked: Any) -> httpx.Response:
        return await self.http.get(path, params=asked)

    async def post(self, path: str, key: str | None = None, **said: Any) -> httpx.Response:
        """With a new key unless one is given."""
        return await self.http.post(path, json=said, headers={"Idempotency-Key": key or str(uuid4())})

    async def change(self, path: str, status: int = 201, **said: Any) -> Any:
        """What a change that is done is answered with; None where there is nothing to say."""
        answer = await self.post(path, **said)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def see(self, path: str, **asked: Any) -> Any:
        """What a look is answered with."""
        answer = await self.get(path, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which is a problem as RFC 9457 has it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:kaa:problem:{body['code']}"
    return answer.status_code, body["code"]
