"""Routing: the registrar's list of cases of protected registration, and who deals with each."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from servicekit.viewers import Viewer, seen_by
from services.outreach import routing
from services.outreach.pages import words
from services.outreach.pages.ground import (
    NO_CASE,
    Given,
    Registrar,
    answered,
    ladders_of,
    people,
    sent,
    to,
)
from services.outreach.queue import UnknownError
from services.outreach.routing import REASON_LENGTH
from services.outreach.workers import is_worker
from webkit.language import Language, _
from webkit.pages import render, spoken
from webkit.problems import Problem
from webkit.site import site_of

router = APIRouter()

#: In the list of colleagues, what says that another is written beside it.
ANOTHER: Final = "another"

_WHO: Final = _("Choose a colleague, or write who it is")
_NO_WORKER: Final = _("Write the login’s name in full: issuer:subject, of an issuer of your municipality")
_WHY: Final = _("Say why, in at most %(number)s characters")


@router.get("/routing")
async def cases(request: Request, viewer: Registrar) -> Response:
    """The cases of protected registration: those that wait, and with whom the others are."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        found = await routing.shielded_cases(connection, viewer.municipality, viewer.who)
        known = await people(connection, viewer, spoken(request))
    return render(
        request, "routing.html", waiting=[one for one in found if one.worker is None],
        routed=[one for one in found if one.worker is not None], people=known, answer=answered(request),
    )  # fmt: skip


@router.get("/routing/{person_id}")
async def case(request: Request, viewer: Registrar, person_id: UUID) -> Response:
    """A case: who is to deal with it, and what was decided before."""
    return await _show(request, viewer, person_id)


@router.post("/routing/{person_id}")
async def route(request: Request, viewer: Registrar, person_id: UUID) -> Response:
    """Gives the case to a worker."""
    given = await sent(request)
    worker = given.get("worker", "") if given.get("to") == ANOTHER else given.get("to", "")
    reason = given.get("reason", "").strip()
    problems = _reason(reason, "reason", spoken(request))
    if not is_worker(worker.strip(), site_of(request).issuers, viewer.municipality):
        problems = [_worker(given, spoken(request)), *problems]
    if problems:
        return await _show(request, viewer, person_id, given, problems)
    try:
        async with seen_by(site_of(request).pool, viewer) as connection:
            await routing.route(
                connection, ladders_of(request), viewer.municipality, person_id, worker.strip(), viewer.who, reason
            )  # fmt: skip
    except UnknownError:
        raise Problem(NO_CASE) from None
    return to(request, "/routing", said="routed")


@router.post("/routing/{person_id}/take-back")
async def take_back(request: Request, viewer: Registrar, person_id: UUID) -> Response:
    """Takes it back."""
    given = await sent(request)
    reason = given.get("why_back", "").strip()
    if problems := _reason(reason, "why_back", spoken(request)):
        return await _show(request, viewer, person_id, given, problems)
    try:
        async with seen_by(site_of(request).pool, viewer) as connection:
            await routing.take_back(
                connection, ladders_of(request), viewer.municipality, person_id, viewer.who, reason
            )
    except UnknownError:
        raise Problem(NO_CASE) from None
    return to(request, "/routing", said="taken_back")


def _worker(given: Mapping[str, str], language: Language) -> tuple[str, str]:
    if given.get("to") == ANOTHER and given.get("worker", "").strip():
        return "worker", language.text(_NO_WORKER)
    return "to", language.text(_WHO)


def _reason(reason: str, field: str, language: Language) -> list[tuple[str, str]]:
    if reason.isprintable() and 1 <= len(reason) <= REASON_LENGTH:
        return []
    return [(field, language.text(_WHY, number=REASON_LENGTH))]


async def _show(
    request: Request,
    viewer: Viewer,
    person_id: UUID,
    given: dict[str, str] | None = None,
    problems: Sequence[tuple[str, str]] = (),
) -> Response:
    async with seen_by(site_of(request).pool, viewer) as connection:
        one = await routing.shielded_case(connection, viewer.municipality, person_id, viewer.who)
        if one is None:
            raise Problem(NO_CASE)
        decided = await routing.history(connection, viewer.municipality, person_id)
        known = await people(connection, viewer, spoken(request))
    back = [problem for problem in problems if problem[0] == "why_back"]
    return render(
        request, "route.html", status=422 if problems else 200, case=one, decided=decided, people=known,
        given=Given(given or {}), problems=[problem for problem in problems if problem not in back],
        back=back, words=words, another=ANOTHER, limit=REASON_LENGTH,
    )  # fmt: skip
