"""Outreach's pages on a real database, and people at work who visit them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
from fastapi import FastAPI

from servicekit.calendar import today
from servicekit.database import Connection, connect, new_pool
from servicekit.settings import role_url
from services.outreach.web import app_of
from tests.outreach.tellings import LADDERS, Person
from tests.webkit.issuing import SECRET, FakeIssuer, entry
from tests.webkit.visiting import ADDRESS, Visitor
from webkit.openid import Provider
from webkit.site import Site

ISSUER = FakeIssuer(entry("stockholm", "0180", "0184"))
PHONE = {"phones": ["+46701740605"], "email": "vera@example.se"}
SAID = {"channel": "phone", "outcome": "reached", "on": today().isoformat(), "occupation": "work"}
PLAN = {"kind": "guidance", "content": "Tre samtal", "from_day": today().isoformat()}


def staff_url(postgres: str, database: str) -> str:
    """The address of a database for the role that pages have, from that for the application role."""
    return role_url(postgres, urlsplit(database).path.strip("/"), "staff")


@asynccontextmanager
async def staffed(postgres: str, database: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of the role that pages have, for a database named by the application role's address."""
    async with new_pool(staff_url(postgres, database), name="test", size=4) as opened:
        yield opened


def application(pool: asyncpg.Pool, address: str = ADDRESS) -> FastAPI:
    """The application, whose people log in with the issuer of the tests."""
    provider = Provider(ISSUER.entry, SECRET, transport=ISSUER.transport())
    return app_of(Site(address, pool, {ISSUER.entry.name: provider}), LADDERS)


class Colleague(Visitor):
    """Somebody at work with a browser, logged in."""

    @classmethod
    async def at_work(
        cls, app: FastAPI, name: str = "otilia", *roles: str, municipality: str = "0180"
    ) -> "Colleague":
        """Logged in as ``stockholm:<name>``, by default as outreach in Stockholm."""
        colleague = cls(app)
        answer = await colleague.log_in(
            ISSUER, sub=name, name=name.title(), roles=list(roles or ("outreach",)), kommun=municipality
        )
        assert answer.status_code == 303, answer.text
        return colleague

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """A form of ours, with its token."""
        return await self.post(path, csrf_token=await self.csrf_token("/search"), **fields)

    async def led(self, answer: httpx.Response) -> httpx.Response:
        """Where an answer leads to, in the end."""
        while answer.is_redirect:
            answer = await self.get(answer.headers["location"])
        return answer


def heading(answer: httpx.Response) -> str:
    """The page's heading."""
    found = re.search(r"<h1>(.*?)</h1>", answer.text, re.DOTALL)
    assert found, answer.text
    return found[1].strip()


async def looks(postgres: str, database: str, person_id: UUID) -> set[tuple[str, str]]:
    """Who looked at a person, and how."""
    admin = await connect(f"{postgres.rpartition('/')[0]}/{database.rpartition('/')[2]}")
    rows = await admin.fetch("SELECT who, action FROM access_log WHERE person_id = $1", person_id)
    await admin.close()
    return {tuple(row) for row in rows}


async def task_of(outreach: Connection, person: Person) -> int:
    """The first of a person's open tasks."""
    number: int = await outreach.fetchval(
        "SELECT task_id FROM task WHERE person_id = $1 AND state = 'open' ORDER BY task_id", person.person_id
    )
    return number


async def contacts_of(outreach: Connection, person: Person) -> list[tuple[str, str]]:
    """(outcome, who) of a person's contacts as they stand."""
    rows = await outreach.fetch(
        """
        SELECT outcome, who FROM contact JOIN contact_revision USING (contact_id, revision) WHERE person_id = $1
        """,
        person.person_id,
    )
    return [tuple(row) for row in rows]


def shown(answer: httpx.Response) -> str:
    """The page of an answer that is one."""
    assert answer.status_code == 200, answer.text
    return answer.text
