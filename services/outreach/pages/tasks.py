"""The queue: mine, the team's and what is put off; take, keep, give back, put off, reserve."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from contracts.identifiers import parse_date
from servicekit.calendar import today
from servicekit.viewers import Viewer, seen_by
from services.outreach import listing, persons, queue
from services.outreach.listing import Key, Whose
from services.outreach.pages import words
from services.outreach.pages.ground import (
    NO_TASK,
    TASK_NOT_HELD,
    TASK_ROUTED,
    TASK_TAKEN,
    Reader,
    Worker,
    answered,
    new_form,
    people,
    sent,
    to,
)
from services.outreach.pages.people import show
from services.outreach.queue import SNOOZE_DAYS, HeldError, NotHeldError, RefusedError, RoutedError
from webkit.pages import render, spoken
from webkit.problems import INVALID, ROLE_MISSING, Problem
from webkit.site import site_of

#: So long a task is in the hands of who takes it, unless she keeps it longer.
LEASE: Final = timedelta(hours=1)
#: Tasks on a page.
PAGE: Final = 40

router = APIRouter()
TaskId = Annotated[int, Path(ge=1, le=2**63 - 1)]

_VIEWS: Final[tuple[Whose, ...]] = ("mine", "team", "asleep")


@router.get("/")
async def first(request: Request, viewer: Reader) -> Response:
    """Where each role begins."""
    if "outreach" in viewer.roles:
        return await _list(request, viewer, "mine", None)
    return to(request, "/overview" if "leader" in viewer.roles else "/routing")


@router.get("/team")
async def team(request: Request, viewer: Reader, after: str | None = None) -> Response:
    """What everybody may take, and what colleagues hold."""
    return await _list(request, viewer, "team", after)


@router.get("/asleep")
async def asleep(request: Request, viewer: Reader, after: str | None = None) -> Response:
    """What was put off until a day."""
    return await _list(request, viewer, "asleep", after)


@router.get("/mine")
async def mine(request: Request, viewer: Reader, after: str | None = None) -> Response:
    """What the viewer holds, or what is reserved for her."""
    return await _list(request, viewer, "mine", after)


@router.post("/next")
async def take_next(request: Request, viewer: Worker) -> Response:
    """Takes the next task and opens it."""
    return await next_opened(request, viewer, await sent(request))


async def next_opened(
    request: Request, viewer: Viewer, given: Mapping[str, str], said: str | None = None
) -> Response:
    """Opens the next task for who sent a form; the same task if she sent the same form twice."""
    form = given.get("once") or new_form()
    number = await queue.take_next_once(site_of(request).pool, viewer, LEASE, form)
    if number is None:
        return to(request, "/", said="none")
    return to(request, f"/tasks/{number}", said=said)


@router.get("/tasks/{task_id}")
async def task(request: Request, viewer: Reader, task_id: TaskId) -> Response:
    """Leads to the person of a task."""
    return await _to_person(request, viewer, task_id, request.query_params.get("said"))


@router.post("/tasks/{task_id}/take")
async def take(request: Request, viewer: Worker, task_id: TaskId) -> Response:
    """Takes this very task and opens it."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        try:
            await queue.take(connection, viewer.municipality, task_id, viewer.who, LEASE)
        except RefusedError:
            raise Problem(TASK_TAKEN) from None
    return to(request, f"/tasks/{task_id}")


@router.post("/tasks/{task_id}/keep")
async def keep(request: Request, viewer: Worker, task_id: TaskId) -> Response:
    """Keeps a held task for another lease."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        try:
            await queue.heartbeat(connection, task_id, viewer.who, LEASE)
        except NotHeldError:
            raise Problem(TASK_NOT_HELD) from None
    return await _to_person(request, viewer, task_id, "kept")


@router.post("/tasks/{task_id}/release")
async def release(request: Request, viewer: Worker, task_id: TaskId) -> Response:
    """Gives a held task back."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        try:
            await queue.release(connection, task_id, viewer.who)
        except NotHeldError:
            raise Problem(TASK_NOT_HELD) from None
    return to(request, "/", said="released")


@router.post("/tasks/{task_id}/snooze")
async def snooze(request: Request, viewer: Worker, task_id: TaskId) -> Response:
    """Puts a held task off until a day."""
    given = await sent(request)
    try:
        until = parse_date(given.get("until", ""))
        async with seen_by(site_of(request).pool, viewer) as connection:
            await queue.snooze(connection, task_id, until, viewer.who)
    except NotHeldError:
        raise Problem(TASK_NOT_HELD) from None
    except (ValueError, RefusedError):
        return await _not_then(request, viewer, task_id, given)
    return to(request, "/", said="snoozed")


async def _not_then(request: Request, viewer: Viewer, task_id: int, given: dict[str, str]) -> Response:
    """The person's page again: the day is none, or none until which a task can be put off."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        person_id = await persons.of_task(connection, viewer.municipality, task_id)
    if person_id is None:
        raise Problem(NO_TASK)
    wrong = spoken(request).text("Give a day after today, at most %(days)s days on", days=SNOOZE_DAYS)
    return await show(request, viewer, person_id, task_id, given=given, problems=[("until", wrong)])


@router.post("/tasks/{task_id}/reassign")
async def reassign(request: Request, viewer: Reader, task_id: TaskId) -> Response:
    """Reserves a task for somebody of the municipality, or gives it to the team.

    What a colleague holds, only who leads the work takes out of her hands.
    """
    if not viewer.roles & {"outreach", "leader"}:
        raise Problem(ROLE_MISSING)
    given = (await sent(request)).get("to", "")
    async with seen_by(site_of(request).pool, viewer) as connection:
        known = await people(connection, viewer, spoken(request))
        person_id = await persons.of_task(connection, viewer.municipality, task_id)
        if person_id is None:
            raise Problem(NO_TASK)
        if given not in {"", viewer.who, *known.known}:
            raise Problem(INVALID)
        try:
            await queue.reassign(
                connection, task_id, given or None, viewer.who, leads="leader" in viewer.roles
            )
        except HeldError:
            raise Problem(TASK_TAKEN) from None
        except NotHeldError:
            raise Problem(TASK_NOT_HELD) from None
        except RoutedError:
            raise Problem(TASK_ROUTED) from None
    return to(request, f"/persons/{person_id}", said="reassigned")


async def _to_person(request: Request, viewer: Viewer, task_id: int, said: str | None = None) -> Response:
    async with seen_by(site_of(request).pool, viewer) as connection:
        person_id = await persons.of_task(connection, viewer.municipality, task_id)
    if person_id is None:
        raise Problem(NO_TASK)
    return to(request, f"/persons/{person_id}", task=task_id, said=said)


async def _list(request: Request, viewer: Viewer, whose: Whose, after: str | None) -> Response:
    key = _key(after) if after else None
    async with seen_by(site_of(request).pool, viewer) as connection:
        page = await listing.tasks(connection, viewer.municipality, viewer.who, whose, after=key, limit=PAGE)
        colleagues = await people(connection, viewer, spoken(request))
    more = None if page.following is None else _written(page.following)
    return render(
        request, "queue.html", tasks=page.tasks, whose=whose, views=_VIEWS, more=more, later=key is not None,
        people=colleagues, viewer=viewer, today=today(), words=words, answer=answered(request), once=new_form(),
    )  # fmt: skip


def _written(key: Key) -> str:
    rank_on, contacted, since, task_id = key
    return f"{rank_on}.{int(contacted)}.{since}.{task_id}"


def _key(after: str) -> Key:
    parts = after.split(".")
    if len(parts) != 4 or parts[1] not in {"0", "1"} or not parts[3].isdecimal() or len(parts[3]) > 18:
        raise Problem(INVALID)
    return _day(parts[0]), parts[1] == "1", _day(parts[2]), int(parts[3])


def _day(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError:
        raise Problem(INVALID) from None
