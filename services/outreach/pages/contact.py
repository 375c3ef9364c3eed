"""Contacts: noted for the task in hand, or without one; corrected."""

from typing import Final, cast
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from contracts.identifiers import EARLIEST, parse_date
from contracts.own import Occupation
from servicekit.calendar import now, today
from servicekit.database import Connection
from servicekit.viewers import Viewer, seen_by
from services.outreach import cases, contacts, persons
from services.outreach.code_list import occupations
from services.outreach.contacts import Contact, Said
from services.outreach.kinds import Channel, Outcome
from services.outreach.pages import words
from services.outreach.pages.ground import (
    MEANWHILE,
    NO_OBJECTION,
    NO_PERSON,
    NO_TASK,
    NOT_LISTED,
    NOTHING_THERE,
    TASK_NOT_HELD,
    TWICE,
    Given,
    Objection,
    Worker,
    ladders_of,
    people,
    seen_person,
    seen_revision,
    sent,
    to,
)
from services.outreach.pages.people import show
from services.outreach.pages.tasks import TaskId, next_opened
from services.outreach.queue import NotHeldError, RefusedError
from webkit.language import Language, _
from webkit.pages import render, spoken
from webkit.problems import INVALID, Problem
from webkit.site import site_of

router = APIRouter()

_GONE: Final = _(
    "The task is no longer in your hands: your time with it ran out, it is done, or a colleague has it. "
    "Nothing you wrote is lost: look through it below, and save it as a contact without the task."
)


@router.post("/tasks/{task_id}/contact")
async def for_task(request: Request, viewer: Worker, task_id: TaskId) -> Response:
    """Notes the contact made for the task in hand, which is done with it. ``then=next`` takes the next at once."""
    given = await sent(request)
    said, problems = _said(given, spoken(request))
    async with seen_by(site_of(request).pool, viewer) as connection:
        person_id = await persons.of_task(connection, viewer.municipality, task_id)
    if person_id is None:
        raise Problem(NO_TASK)
    if said is None:
        return await show(request, viewer, person_id, task_id, given=given, problems=problems)
    try:
        async with seen_by(site_of(request).pool, viewer) as connection:
            await contacts.record(connection, ladders_of(request), task_id, viewer.who, said)
    except NotHeldError:
        if not await _is_noted(request, viewer, person_id, said, task_id):
            return await _form(request, viewer, person_id, given, Objection(notice=_GONE))
    if given.get("then") == "next":
        return await next_opened(request, viewer, given, "contact")
    return to(request, f"/persons/{person_id}", said="contact")


@router.post("/tasks/{task_id}/done")
async def done_without(request: Request, viewer: Worker, task_id: TaskId) -> Response:
    """Closes a task in hand that asks for no contact with her."""
    try:
        async with seen_by(site_of(request).pool, viewer) as connection:
            await contacts.done_without(connection, ladders_of(request), task_id, viewer.who)
    except NotHeldError:
        raise Problem(TASK_NOT_HELD) from None
    except RefusedError:
        raise Problem(INVALID) from None
    return to(request, f"/tasks/{task_id}", said="done")


@router.get("/persons/{person_id}/contact")
async def new(request: Request, viewer: Worker, person_id: UUID) -> Response:
    """The form for a contact that no task called for: she rang, or was met by chance."""
    return await _form(request, viewer, person_id, {})


@router.post("/persons/{person_id}/contact")
async def log(request: Request, viewer: Worker, person_id: UUID) -> Response:
    """Notes it."""
    given = await sent(request)
    said, problems = _said(given, spoken(request))
    if said is None:
        return await _form(request, viewer, person_id, given, Objection(problems))
    try:
        async with seen_by(site_of(request).pool, viewer) as connection:
            # locked, so that of two at once one sees the other's
            await cases.enter(connection, viewer.municipality, person_id)
            if not await _noted(connection, viewer, person_id, said, None):
                await contacts.log(
                    connection, ladders_of(request), viewer.municipality, person_id, viewer.who, said
                )
    except RefusedError:
        raise Problem(NO_PERSON) from None
    return to(request, f"/persons/{person_id}", said="contact")


@router.get("/contacts/{contact_id}")
async def stands(request: Request, viewer: Worker, contact_id: UUID) -> Response:
    """A contact as it stands, to be corrected; what it said before stands below."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        person_id = await persons.of_contact(connection, viewer.municipality, contact_id)
    if person_id is None:
        raise Problem(NOTHING_THERE)
    return await _form(request, viewer, person_id, {}, contact_id=contact_id)


@router.post("/contacts/{contact_id}")
async def correct(request: Request, viewer: Worker, contact_id: UUID) -> Response:
    """Says a contact anew."""
    given = await sent(request)
    said, problems = _said(given, spoken(request))
    async with seen_by(site_of(request).pool, viewer) as connection:
        person_id, contact = await _stands(connection, viewer, contact_id)
    if said is None:
        return await _form(request, viewer, person_id, given, Objection(problems), contact_id=contact_id)
    if contact.said != said:
        try:
            async with seen_by(site_of(request).pool, viewer) as connection:
                await contacts.correct(
                    connection, ladders_of(request), viewer.municipality, contact_id,
                    seen_revision(given), viewer.who, said,
                )  # fmt: skip
        except RefusedError:
            overtaken = Objection(notice=MEANWHILE)
            return await _form(request, viewer, person_id, given, overtaken, contact_id=contact_id)
    return to(request, f"/persons/{person_id}", said="corrected")


async def _form(
    request: Request,
    viewer: Viewer,
    person_id: UUID,
    given: dict[str, str],
    objection: Objection = NO_OBJECTION,
    *,
    contact_id: UUID | None = None,
) -> Response:
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen = await seen_person(connection, viewer, person_id)
        made = await contacts.of_person(connection, viewer.municipality, person_id, every_revision=True)
        known = await people(connection, viewer, spoken(request))
    revisions = [one for one in made if one.contact_id == contact_id]
    filled = _filled(revisions[-1]) | given if revisions else given
    if revisions and ("revision" not in given or objection.notice):
        # what is sent next replaces what is shown now: after a mere slip, what was shown before
        filled["revision"] = str(revisions[-1].revision)
    return render(
        request, "contact.html", status=objection.status, seen=seen, given=Given(filled),
        problems=objection.problems, notice=objection.notice,
        action=f"/contacts/{contact_id}" if contact_id else f"/persons/{person_id}/contact",
        stands=revisions[-1] if revisions else None, earlier=list(reversed(revisions[:-1])), people=known,
        correcting=contact_id is not None, today=today(), words=words,
    )  # fmt: skip


async def _stands(connection: Connection, viewer: Viewer, contact_id: UUID) -> tuple[UUID, Contact]:
    person_id = await persons.of_contact(connection, viewer.municipality, contact_id)
    if person_id is None:
        raise Problem(NOTHING_THERE)
    await seen_person(connection, viewer, person_id)
    made = await contacts.of_person(connection, viewer.municipality, person_id)
    return person_id, next(one for one in made if one.contact_id == contact_id)


async def _is_noted(request: Request, viewer: Viewer, person_id: UUID, said: Said, task_id: int) -> bool:
    async with seen_by(site_of(request).pool, viewer) as connection:
        return await _noted(connection, viewer, person_id, said, task_id)


async def _noted(
    connection: Connection, viewer: Viewer, person_id: UUID, said: Said, task_id: int | None
) -> bool:
    """Whether this very contact was noted just now by the viewer: the form was sent twice."""
    made = await contacts.of_person(connection, viewer.municipality, person_id)
    return any(
        one.said == said and one.who == viewer.who and one.task_id == task_id and now() - one.at < TWICE
        for one in made
    )


def _said(given: dict[str, str], language: Language) -> tuple[Said | None, list[tuple[str, str]]]:
    """What the form says, or what is wrong in it: pairs of field and text."""
    problems = []
    if (channel := given.get("channel", "")) not in words.CHANNELS:
        problems.append(("channel", language.text("Choose how the contact was made")))
    if (outcome := given.get("outcome", "")) not in words.OUTCOMES:
        problems.append(("outcome", language.text("Choose what came of it")))
    try:
        on = parse_date(given.get("on", ""))
    except ValueError:
        on = None
    if on is None or not EARLIEST <= on <= today():
        problems.append(("on", language.text("Give a day that is not after today")))
    occupation = given.get("occupation", "")
    if occupation and occupation not in occupations().on(on or today()):
        problems.append(("occupation", language.text(NOT_LISTED)))
    if problems or on is None:
        return None, problems
    return (
        Said(on, cast(Channel, channel), cast(Outcome, outcome), cast(Occupation, occupation) or None),
        [],
    )


def _filled(contact: Contact) -> dict[str, str]:
    said = contact.said
    return {
        "channel": said.channel,
        "outcome": said.outcome,
        "on": said.on.isoformat(),
        "occupation": said.occupation or "",
    }
