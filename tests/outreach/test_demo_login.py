"""What docs/api.md says of trying the API in the demo, done word by word with the demo's own login."""

import re
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

import asyncpg
import httpx
import pytest

from localstack.oidc import issuers_file, start_oidc
from localstack.running import Running
from localstack.throwaway import throwaway_folder
from servicekit.settings import Settings
from services.outreach.web import app_of
from tests.docs.pages import fenced, text
from tests.outreach.tellings import LADDERS, Person
from webkit.site import site

PAGES = "http://127.0.0.1:8000"


@pytest.fixture
def provider() -> Iterator[Running]:
    with throwaway_folder() as folder:
        running = start_oidc(folder / "oidc")
        yield running
        running.stop()


def curl(line: str) -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("-u", dest="user")
    parser.add_argument("-d", dest="fields", action="append")
    parser.add_argument("-H", dest="header")
    parser.add_argument("address")
    program, *arguments = shlex.split(line)
    assert program == "curl"
    return parser.parse_args(arguments)


async def test_the_two_commands_of_the_guide_list_the_teams_tasks(
    provider: Running, pool: asyncpg.Pool, vera: Person
) -> None:
    (block,) = fenced(text("docs/api.md"), "sh")
    token, tasks = map(curl, block.splitlines())
    async with httpx.AsyncClient() as there:
        given = await there.post(
            re.sub(r"http://[\d.:]+", provider.address, token.address),
            auth=tuple(token.user.split(":")),
            data=dict(field.split("=") for field in token.fields),
        )
    assert given.status_code == 200, given.text

    settings = Settings(web_address=PAGES, web_plain_http=True, issuers=issuers_file(provider.folder))
    transport = httpx.ASGITransport(app=app_of(site(settings, pool), LADDERS))
    async with httpx.AsyncClient(transport=transport) as program:
        header, value = tasks.header.replace("eyJhbGciOi…", given.json()["access_token"]).split(": ")
        listed = await program.get(tasks.address, headers={header: value})
    assert listed.status_code == 200, listed.text
    assert [one["person_id"] for one in listed.json()["tasks"]] == [str(vera.person_id)]
