"""Outreach's application for people and programs, and how a process of the service serves it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import asyncpg
from fastapi import FastAPI

from servicekit.database import pool as opened
from servicekit.directory import DirectoryFile
from servicekit.parts import Background
from servicekit.settings import Settings
from servicekit.viewers import Role
from services.outreach import api
from services.outreach.ladder_file import Ladders
from services.outreach.pages import contact, overview, people, plan, routing, tasks, weeks
from webkit.app import application, serve
from webkit.language import _
from webkit.pages import Link
from webkit.site import Site, site

#: Connections of the pages and the API: as many requests are answered at once.
POOL: Final = 8

_WORK: Final = (
    Link(_("Queue"), "/", "queue"),
    Link(_("Follow-ups"), "/follow-ups", "calendar"),
    Link(_("Search"), "/search", "search"),
)


def menu(roles: frozenset[Role]) -> Sequence[Link]:
    """The entries of the navigation for somebody with these roles."""
    links = list(_WORK) if "outreach" in roles else [Link(_("Queue"), "/team", "queue"), *_WORK[1:]]
    if "leader" in roles:
        links.append(Link(_("Overview"), "/overview", "chart"))
    if "registrar" in roles:
        links.append(Link(_("Routing"), "/routing", "protected"))
    return links


def app_of(found: Site, ladders: Ladders, organisers: DirectoryFile | None = None) -> FastAPI:
    """The application, with its pages and its API. Without ``organisers`` pages show codes instead of names."""
    groups = (tasks, people, contact, plan, weeks, overview, routing)
    app = application(
        _("Outreach"),
        found,
        [group.router for group in groups],
        [api.router],
        folder=Path(__file__).parent,
        navigation=menu,
    )
    app.state.ladders = ladders
    app.state.organisers = organisers
    return app


def pages(settings: Settings, ladders: Ladders) -> Background:
    """The pages as work beside the consumer, on connections of their own. It raises ConfigurationError."""

    async def run(_pool: asyncpg.Pool, _wake: Callable[[], None]) -> None:
        async with opened(settings.database("outreach", "staff"), name="kaa-outreach-web", size=POOL) as own:
            organisers = DirectoryFile(settings.organisers)
            await serve(app_of(site(settings, own), ladders, organisers), settings)

    return run
