"""Routing over the API, for registrars: cases of protected registration, and who deals with each."""

from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request

from contracts.own import Id
from servicekit.access_log import looked
from servicekit.viewers import Viewer
from services.outreach import routing
from services.outreach.api import cursors, said
from services.outreach.api.once import NOTHING, Change, change, looking, made
from services.outreach.api.refusals import CURSOR, KEY_REUSED, NO_WORKER, UNKNOWN, described
from services.outreach.api.shown import Shown
from services.outreach.routing import Decided
from services.outreach.workers import is_worker
from webkit.access import require_token
from webkit.problems import Problem
from webkit.site import site_of

router: Final = APIRouter(tags=["routing"], generate_unique_id_function=attrgetter("name"))

Registrar = Annotated[Change, Depends(change("registrar"))]
PersonId = Annotated[Id, Path(examples=["5b0a8f2e-7a53-4c57-9a1b-2f6d1c0e8a44"])]


class ShieldedCase(Shown):
    """A case; ``worker`` and ``routed_at`` (UTC) are null while it waits for the registrar."""

    person_id: UUID
    identity_number: str
    #: The day the first of its open tasks was opened.
    since: date | None
    tasks: int
    worker: str | None
    routed_at: datetime | None


class RoutingShown(Shown):
    """A page of cases of protected population registration; ``next_cursor`` is null on the last."""

    cases: list[ShieldedCase]
    next_cursor: str | None


class DecisionShown(Shown):
    """A line of a case's history; ``at`` in UTC, ``reason`` null where it ended by itself."""

    at: datetime
    happening: Decided
    worker: str
    who: str
    reason: str | None


class RoutingHistoryShown(Shown):
    """What was decided of a case, the latest first; at most 200 lines."""

    decided: list[DecisionShown]


@router.get("/routing", summary="Cases of protected population registration", responses=described(CURSOR))
async def list_routing(
    request: Request,
    viewer: Annotated[Viewer, Depends(require_token("registrar"))],
    asked: Annotated[said.PageAsked, Query()],
) -> RoutingShown:
    """First those that wait to be routed, then those that are. Every case is noted in the access log."""
    after = cursors.read(cursors.CASES, asked.cursor)
    async with looking(site_of(request), viewer) as connection:
        found = await routing.shielded_cases(
            connection, viewer.municipality, viewer.who, after=after, limit=asked.limit
        )
    following = cursors.written(cursors.CASES, found[-1].key) if len(found) == asked.limit else None
    return RoutingShown(cases=[ShieldedCase.model_validate(one) for one in found], next_cursor=following)


@router.get(
    "/routing/{person_id}/history", summary="What was decided of a case", responses=described(UNKNOWN)
)
async def routing_history(
    request: Request, person_id: PersonId, viewer: Annotated[Viewer, Depends(require_token("registrar"))]
) -> RoutingHistoryShown:
    """The latest first. It is kept as long as the person is. The look is noted in the access log."""
    async with looking(site_of(request), viewer) as connection:
        decided = await routing.history(connection, viewer.municipality, person_id)
        if not decided:
            raise Problem(UNKNOWN)
        await looked(
            connection, "outreach routing history", who=viewer.who, person_id=person_id,
            municipality=viewer.municipality,
        )  # fmt: skip
    return RoutingHistoryShown(decided=[DecisionShown.model_validate(one) for one in decided])


@router.post(
    "/routing/{person_id}/route",
    status_code=204,
    summary="Route a case to a worker",
    responses=described(UNKNOWN, NO_WORKER, KEY_REUSED),
)
async def route_case(person_id: PersonId, asked: Registrar, sent: said.Routing) -> None:
    """She alone gets its tasks and sees it, beside registrars; whoever had it has it no more. The same worker again
    changes nothing. The reason says nothing of where the person is."""
    if not is_worker(sent.to, asked.site.issuers, asked.municipality):
        raise Problem(NO_WORKER)
    async with looking(asked.site, asked.viewer) as connection:
        await made(
            connection, asked, NOTHING,
            lambda: routing.route(
                connection, asked.ladders, asked.municipality, person_id, sent.to, asked.who, sent.reason
            ),
        )  # fmt: skip


@router.post(
    "/routing/{person_id}/take-back",
    status_code=204,
    summary="Take a case back",
    responses=described(UNKNOWN, KEY_REUSED),
)
async def take_case_back(person_id: PersonId, asked: Registrar, sent: said.TakingBack) -> None:
    """It waits to be routed again; one that waits already is left as it is."""
    async with looking(asked.site, asked.viewer) as connection:
        await made(
            connection, asked, NOTHING,
            lambda: routing.take_back(
                connection, asked.ladders, asked.municipality, person_id, asked.who, sent.reason
            ),
        )  # fmt: skip
