"""Tasks over the API: take, keep, give back, put off, hand to somebody; the lists and what happened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from operator import attrgetter
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import TypeAdapter
from starlette.requests import Request

from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.viewers import Viewer
from services.outreach import contacts, listing, measures, persons, queue
from services.outreach.api import cursors, said, shown
from services.outreach.api.once import NOTHING, Change, change, looking, made
from services.outreach.api.refusals import (
    CONTACT_NEEDED,
    CURSOR,
    KEY_REUSED,
    NO_WORKER,
    NOT_FREE,
    NOT_HELD,
    NOT_LISTED,
    OVER,
    OVERTAKEN,
    ROUTED,
    UNKNOWN,
    WRONG_DAY,
    described,
)
from services.outreach.workers import is_worker
from webkit.access import require_token
from webkit.problems import Kind, Problem
from webkit.site import site_of

router: Final = APIRouter(tags=["tasks"], generate_unique_id_function=attrgetter("name"))

Worker = Annotated[Change, Depends(change("outreach"))]
WorkerOrLeader = Annotated[Change, Depends(change("outreach", "leader"))]
Reader = Annotated[Viewer, Depends(require_token("outreach", "leader", "registrar"))]

_CLAIM: Final = TypeAdapter(shown.Claim)
_CLAIM_OR_NONE: Final[TypeAdapter[shown.Claim | None]] = TypeAdapter(shown.Claim | None)
_HELD: Final = TypeAdapter(shown.Held)
_CONTACT: Final = TypeAdapter(shown.ContactKept)
_MEASURE: Final = TypeAdapter(shown.MeasureKept)


TaskId = Annotated[said.TaskNumber, Path(description="The task's number.", examples=[4711])]


@router.get("/tasks", summary="List open tasks, the most urgent first", responses=described(CURSOR))
async def list_tasks(
    request: Request,
    viewer: Reader,
    asked: Annotated[said.TasksAsked, Query()],
) -> shown.TaskPage:
    """Every page is noted in the access log."""
    after = cursors.read(cursors.TASKS, asked.cursor)
    async with looking(site_of(request), viewer) as connection:
        page = await listing.tasks(
            connection, viewer.municipality, viewer.who, asked.whose, after=after, limit=asked.limit
        )
    following = None if page.following is None else cursors.written(cursors.TASKS, page.following)
    return shown.TaskPage(tasks=[shown.task(one) for one in page.tasks], next_cursor=following)


@router.get("/overview", summary="Count tasks")
async def count_tasks(request: Request, viewer: Reader) -> shown.Overview:
    """Names nobody."""
    async with looking(site_of(request), viewer) as connection:
        return shown.Overview.model_validate(await listing.overview(connection, viewer.municipality, today()))


@router.post("/tasks/next", summary="Take the next task", responses=described(KEY_REUSED))
async def take_next_task(asked: Worker, sent: said.Lease) -> shown.NextTask:
    """First what is kept for you, then what a lost worker held, then the team's most urgent. It is yours until
    `held_until`; then it goes back, unless you keep it with heartbeats. Both are null when no task waits."""
    async with looking(asked.site, asked.viewer) as connection:

        async def work() -> shown.Claim | None:
            lease = timedelta(minutes=sent.minutes)
            claimed = await queue.next_task(connection, asked.municipality, asked.who, lease)
            return None if claimed is None else shown.Claim.of(claimed)

        claim = await made(connection, asked, _CLAIM_OR_NONE, work)
        person = None if claim is None else await _person(connection, asked.viewer, claim.task_id)
    return shown.NextTask(task=claim, person=person)


@router.post(
    "/tasks/{task_id}/take",
    summary="Take this task",
    responses=described(UNKNOWN, NOT_FREE, KEY_REUSED),
)
async def take_task(task_id: TaskId, asked: Worker, sent: said.Lease) -> shown.TaskTaken:
    """Also one that sleeps or is kept for somebody; one you hold already is yours anew."""
    async with _at(asked, task_id, NOT_FREE) as connection:

        async def work() -> shown.Claim:
            lease = timedelta(minutes=sent.minutes)
            return shown.Claim.of(await queue.take(connection, asked.municipality, task_id, asked.who, lease))

        claim = await made(connection, asked, _CLAIM, work)
        person = await _person(connection, asked.viewer, task_id)
    return shown.TaskTaken(task=claim, person=person)


@router.post(
    "/tasks/{task_id}/heartbeat",
    summary="Keep a task for longer",
    responses=described(UNKNOWN, NOT_HELD, KEY_REUSED),
)
async def keep_task(task_id: TaskId, asked: Worker, sent: said.Lease) -> shown.Held:
    """The lease is lengthened, never shortened."""
    async with _at(asked, task_id) as connection:

        async def work() -> shown.Held:
            lease = timedelta(minutes=sent.minutes)
            return shown.Held(held_until=await queue.heartbeat(connection, task_id, asked.who, lease))

        return await made(connection, asked, _HELD, work)


@router.post(
    "/tasks/{task_id}/release",
    status_code=204,
    summary="Give a task back",
    responses=described(UNKNOWN, NOT_HELD, KEY_REUSED),
)
async def release_task(task_id: TaskId, asked: Worker) -> None:
    """To the team, or to whom it is kept for. No body."""
    async with _at(asked, task_id) as connection:
        await made(connection, asked, NOTHING, lambda: queue.release(connection, task_id, asked.who))


@router.post(
    "/tasks/{task_id}/snooze",
    status_code=204,
    summary="Put a task off until a day",
    responses=described(UNKNOWN, NOT_HELD, WRONG_DAY, KEY_REUSED),
)
async def snooze_task(task_id: TaskId, asked: Worker, sent: said.Snooze) -> None:
    """It is given back, and to nobody before that day."""
    async with _at(asked, task_id) as connection:
        await made(
            connection, asked, NOTHING, lambda: queue.snooze(connection, task_id, sent.until, asked.who)
        )


@router.post(
    "/tasks/{task_id}/reassign",
    status_code=204,
    summary="Keep a task for somebody, or give it to the team",
    responses=described(UNKNOWN, NOT_FREE, OVER, ROUTED, NO_WORKER, KEY_REUSED),
)
async def reassign_task(task_id: TaskId, asked: WorkerOrLeader, sent: said.Reassignment) -> None:
    """Whoever holds it holds it no more. What a colleague holds, a leader alone takes out of her hands."""
    if sent.to is not None and not is_worker(sent.to, asked.site.issuers, asked.municipality):
        raise Problem(NO_WORKER)
    leads = "leader" in asked.viewer.roles
    async with _at(asked, task_id, not_held=OVER) as connection:
        await made(
            connection, asked, NOTHING,
            lambda: queue.reassign(connection, task_id, sent.to, asked.who, leads=leads),
        )  # fmt: skip


@router.post(
    "/tasks/{task_id}/contact",
    status_code=201,
    summary="Record the contact made for a task you hold",
    responses=described(UNKNOWN, NOT_HELD, WRONG_DAY, NOT_LISTED, KEY_REUSED),
)
async def record_contact(task_id: TaskId, asked: Worker, sent: said.ContactSaid) -> shown.ContactKept:
    """The task is done with it; what follows opens by itself, as the ladder says."""
    async with _at(asked, task_id) as connection:

        async def work() -> shown.ContactKept:
            kept = await contacts.record(connection, asked.ladders, task_id, asked.who, sent.said())
            return shown.ContactKept(contact_id=kept.contact_id, revision=kept.revision)

        return await made(connection, asked, _CONTACT, work)


@router.post(
    "/tasks/{task_id}/done",
    status_code=204,
    summary="Close a task that asks for no contact",
    responses=described(UNKNOWN, NOT_HELD, CONTACT_NEEDED, KEY_REUSED),
)
async def done_task(task_id: TaskId, asked: Worker) -> None:
    """Of kind `clear_up` or `hand_over`: others told you, or took over, and you did not speak with her. No body."""
    async with _at(asked, task_id) as connection:
        await made(
            connection, asked, NOTHING,
            lambda: contacts.done_without(connection, asked.ladders, task_id, asked.who),
        )  # fmt: skip


@router.post(
    "/tasks/{task_id}/measure",
    status_code=201,
    summary="Plan the measure that a task you hold led to",
    responses=described(UNKNOWN, NOT_HELD, OVERTAKEN, WRONG_DAY, KEY_REUSED),
)
async def plan_measure_for_task(task_id: TaskId, asked: Worker, sent: said.PlanSaid) -> shown.MeasureKept:
    """The task is done with it: the offer was taken up."""
    async with _at(asked, task_id) as connection:

        async def work() -> shown.MeasureKept:
            measure_id = await measures.start_for_task(
                connection, asked.ladders, task_id, asked.who, sent.planned()
            )
            return shown.MeasureKept(measure_id=measure_id, revision=1)

        return await made(connection, asked, _MEASURE, work)


@router.get("/tasks/{task_id}/history", summary="What happened to a task", responses=described(UNKNOWN))
async def task_history(request: Request, task_id: TaskId, viewer: Reader) -> shown.History:
    """Oldest first, the latest 200 lines. Names no young person."""
    async with looking(site_of(request), viewer) as connection:
        happened = await listing.history(connection, viewer.municipality, task_id)
    if not happened:
        raise Problem(UNKNOWN)
    return shown.History(happened=[shown.HappenedShown.model_validate(one) for one in happened])


@asynccontextmanager
async def _at(
    asked: Change, task_id: int, refused: Kind = UNKNOWN, not_held: Kind = NOT_HELD
) -> AsyncIterator[Connection]:
    """The viewer's transaction for a task of her municipality."""
    async with looking(asked.site, asked.viewer, refused, not_held) as connection:
        if await persons.of_task(connection, asked.municipality, task_id) is None:
            raise Problem(UNKNOWN)
        yield connection


async def _person(connection: Connection, viewer: Viewer, task_id: int) -> shown.PersonShown | None:
    """Whom a task is about, as she may be shown now: an answer given again is no older than this look."""
    person_id = await persons.of_task(connection, viewer.municipality, task_id)
    if person_id is None:
        return None
    seen = await persons.of(connection, viewer.municipality, person_id, viewer.who)
    return None if seen is None else shown.person(seen)
