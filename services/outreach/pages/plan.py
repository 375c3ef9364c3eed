"""Measures: planned, changed, ended."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from servicekit.calendar import now, today
from servicekit.database import Connection
from servicekit.viewers import Viewer, seen_by
from services.outreach import cases, measures, persons
from services.outreach.code_list import occupations
from services.outreach.measures import Measure
from services.outreach.pages import words
from services.outreach.pages.ground import (
    BEFORE_THE_FIRST,
    MEANWHILE,
    NO_OBJECTION,
    NO_PERSON,
    NOT_LISTED,
    NOTHING_THERE,
    TWICE,
    Given,
    Objection,
    Reader,
    Worker,
    ladders_of,
    people,
    seen_person,
    seen_revision,
    sent,
    to,
)
from services.outreach.persons import Seen
from services.outreach.plans import NOTE_LENGTH, TEXT_LENGTH, End, Plan
from services.outreach.queue import NotHeldError, RefusedError
from webkit.language import Language, _
from webkit.pages import render, spoken
from webkit.problems import Problem
from webkit.site import site_of

router = APIRouter()

#: Empty places for days of follow-up and for support, beside those that are filled.
MORE_DAYS: Final = 3
MORE_SUPPORT: Final = 1

_TEXTS: Final = ("content", "plan", "goal", "person_does", "municipality_does", "others_do", "note")
_GONE: Final = _(
    "The task is no longer in your hands: your time with it ran out, it is done, or a colleague has it. "
    "Nothing you wrote is lost: look through it below, and plan the measure without the task."
)
Problems = list[tuple[str, str]]


@router.get("/persons/{person_id}/measure")
async def new(
    request: Request, viewer: Worker, person_id: UUID, task: int | None = Query(None, ge=1, le=2**63 - 1)
) -> Response:
    """The form for a measure; with ``task`` the offer in hand is done when it is planned."""
    given = {"from_day": today().isoformat()} | ({"task": str(task)} if task else {})
    return await _new(request, viewer, person_id, given)


@router.post("/persons/{person_id}/measure")
async def start(request: Request, viewer: Worker, person_id: UUID) -> Response:
    """Plans it."""
    given = await sent(request)
    plan, problems = _plan(given, spoken(request))
    if plan is None:
        return await _new(request, viewer, person_id, given, Objection(problems))
    ladders, number = ladders_of(request), given.get("task", "")
    try:
        async with seen_by(site_of(request).pool, viewer) as connection:
            # locked, so that of two at once one sees the other's
            await cases.enter(connection, viewer.municipality, person_id)
            if await _planned(connection, viewer, person_id, plan):
                pass
            elif number.isdecimal() and len(number) < 19:
                if await persons.of_task(connection, viewer.municipality, int(number)) != person_id:
                    raise Problem(NO_PERSON)
                await measures.start_for_task(connection, ladders, int(number), viewer.who, plan)
            else:
                await measures.start(connection, ladders, viewer.municipality, person_id, viewer.who, plan)
    except NotHeldError:
        return await _new(request, viewer, person_id, given | {"task": ""}, Objection(notice=_GONE))
    except RefusedError:
        raise Problem(NO_PERSON) from None
    return to(request, f"/persons/{person_id}", said="planned")


@router.get("/measures/{measure_id}")
async def stands(request: Request, viewer: Reader, measure_id: UUID) -> Response:
    """A measure as it stands, with every earlier revision."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen, revisions = await _of(connection, viewer, measure_id)
        known = await people(connection, viewer, spoken(request))
    return render(
        request, "measure.html", seen=seen, measure=revisions[-1], earlier=list(reversed(revisions[:-1])),
        people=known, viewer=viewer, words=words, today=today(),
    )  # fmt: skip


@router.get("/measures/{measure_id}/change")
async def to_change(request: Request, viewer: Worker, measure_id: UUID) -> Response:
    """The form to change a plan."""
    return await _change(request, viewer, measure_id, None)


@router.post("/measures/{measure_id}/change")
async def change(request: Request, viewer: Worker, measure_id: UUID) -> Response:
    """Says the plan anew; how the measure ended stays as it was."""
    given = await sent(request)
    plan, problems = _plan(given, spoken(request))
    if plan is None:
        return await _change(request, viewer, measure_id, given, Objection(problems))
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen, revisions = await _of(connection, viewer, measure_id)
    stood = revisions[-1]
    if stood.end is not None and stood.end.to_day < plan.from_day:
        wrong = [("from_day", spoken(request).text("Give a day that is not after the measure’s last"))]
        return await _change(request, viewer, measure_id, given, Objection(wrong))
    if stood.plan != plan:
        try:
            async with seen_by(site_of(request).pool, viewer) as connection:
                await measures.change(
                    connection, ladders_of(request), viewer.municipality, measure_id,
                    seen_revision(given), viewer.who, plan, stood.end,
                )  # fmt: skip
        except RefusedError:
            return await _change(request, viewer, measure_id, given, Objection(notice=MEANWHILE))
    return to(request, f"/persons/{seen.person_id}", said="changed")


@router.get("/measures/{measure_id}/end")
async def to_end(request: Request, viewer: Worker, measure_id: UUID) -> Response:
    """The form to end a measure, or to correct its end."""
    return await _end(request, viewer, measure_id)


@router.post("/measures/{measure_id}/end")
async def end(request: Request, viewer: Worker, measure_id: UUID) -> Response:
    """Ends it, or corrects its end."""
    given = await sent(request)
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen, revisions = await _of(connection, viewer, measure_id)
    ended, problems = _ended(given, spoken(request))
    if ended is not None and ended.to_day < revisions[-1].plan.from_day:
        ended, problems = (
            None,
            [("to_day", spoken(request).text(BEFORE_THE_FIRST))],
        )
    if ended is None:
        return await _end(request, viewer, measure_id, given, Objection(problems))
    if revisions[-1].end != ended:
        try:
            async with seen_by(site_of(request).pool, viewer) as connection:
                await measures.end(
                    connection, ladders_of(request), viewer.municipality, measure_id,
                    seen_revision(given), viewer.who, ended,
                )  # fmt: skip
        except RefusedError:
            return await _end(request, viewer, measure_id, given, Objection(notice=MEANWHILE))
    return to(request, f"/persons/{seen.person_id}", said="ended")


@router.post("/measures/{measure_id}/go-on")
async def go_on(request: Request, viewer: Worker, measure_id: UUID) -> Response:
    """Takes back an end that was noted by mistake: the measure goes on."""
    given = await sent(request)
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen, revisions = await _of(connection, viewer, measure_id)
    if revisions[-1].end is not None:
        try:
            async with seen_by(site_of(request).pool, viewer) as connection:
                await measures.change(
                    connection, ladders_of(request), viewer.municipality, measure_id,
                    seen_revision(given), viewer.who, revisions[-1].plan,
                )  # fmt: skip
        except RefusedError:
            return await _end(request, viewer, measure_id, None, Objection(notice=MEANWHILE))
    return to(request, f"/persons/{seen.person_id}", said="goes_on")


async def _new(
    request: Request,
    viewer: Viewer,
    person_id: UUID,
    given: dict[str, str],
    objection: Objection = NO_OBJECTION,
) -> Response:
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen = await seen_person(connection, viewer, person_id)
    return _plan_form(request, seen, f"/persons/{person_id}/measure", given, objection)


async def _change(
    request: Request,
    viewer: Viewer,
    measure_id: UUID,
    given: dict[str, str] | None,
    objection: Objection = NO_OBJECTION,
) -> Response:
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen, revisions = await _of(connection, viewer, measure_id)
    filled = _filled(revisions[-1].plan) if given is None else given
    if given is None or objection.notice:
        # what is sent next replaces what stands now
        filled = filled | {"revision": str(revisions[-1].revision)}
    return _plan_form(request, seen, f"/measures/{measure_id}/change", filled, objection)


async def _end(
    request: Request,
    viewer: Viewer,
    measure_id: UUID,
    given: dict[str, str] | None = None,
    objection: Objection = NO_OBJECTION,
) -> Response:
    async with seen_by(site_of(request).pool, viewer) as connection:
        seen, revisions = await _of(connection, viewer, measure_id)
    filled = _filled_end(revisions[-1].end) if given is None else given
    if given is None or objection.notice:
        # what is sent next replaces what stands now
        filled = filled | {"revision": str(revisions[-1].revision)}
    return render(
        request, "end.html", status=objection.status, seen=seen, measure=revisions[-1], given=Given(filled),
        problems=objection.problems, notice=objection.notice, words=words, today=today(),
    )  # fmt: skip


def _plan_form(
    request: Request, seen: Seen, action: str, given: dict[str, str], objection: Objection
) -> Response:
    days = [name for name in given if name.startswith("follow_up_on_") and given[name]]
    supports = [name for name in given if name.startswith("support_kind_") and given[name]]
    return render(
        request, "plan.html", status=objection.status, seen=seen, action=action, given=Given(given),
        problems=objection.problems, notice=objection.notice, days=len(days) + MORE_DAYS,
        supports=len(supports) + MORE_SUPPORT, words=words, text_length=TEXT_LENGTH, note_length=NOTE_LENGTH,
    )  # fmt: skip


async def _of(connection: Connection, viewer: Viewer, measure_id: UUID) -> tuple[Seen, list[Measure]]:
    """A measure's person and its revisions, oldest first; the look is in the access log. Raises Problem."""
    person_id = await persons.of_measure(connection, viewer.municipality, measure_id)
    if person_id is None:
        raise Problem(NOTHING_THERE)
    seen = await seen_person(connection, viewer, person_id)
    every = await measures.of_person(connection, viewer.municipality, person_id, every_revision=True)
    return seen, [one for one in every if one.measure_id == measure_id]


async def _planned(connection: Connection, viewer: Viewer, person_id: UUID, plan: Plan) -> bool:
    """Whether this very measure was planned just now by the viewer: the form was sent twice."""
    there = await measures.of_person(connection, viewer.municipality, person_id)
    return any(
        one.plan == plan and one.end is None and one.who == viewer.who and now() - one.at < TWICE
        for one in there
    )


def _plan(given: dict[str, str], language: Language) -> tuple[Plan | None, Problems]:
    stated: dict[str, Any] = {name: given.get(name, "") for name in ("kind", "from_day", *_TEXTS)}
    places = [name for name in given if name.startswith("follow_up_on_") and given[name]]
    stated["follow_up_on"] = [given[name] for name in places]
    rows = [
        row
        for name in given
        if (row := name.removeprefix("support_kind_")) != name
        and (given[name] or given.get(f"support_amount_{row}"))
    ]
    stated["support"] = [
        {
            "kind": given[f"support_kind_{row}"],
            "amount": "".join(given.get(f"support_amount_{row}", "").split()),
            "per": given.get(f"support_per_{row}", ""),
        }
        for row in rows
    ]
    try:
        plan = Plan.model_validate(stated)
    except ValidationError as error:
        problems: dict[str, str] = {}
        for one in error.errors(include_input=False, include_url=False):
            field, *rest = one["loc"]
            if field == "follow_up_on" and rest:
                name = places[int(rest[0])]
            elif field == "support" and len(rest) > 1:
                name = f"support_{rest[1]}_{rows[int(rest[0])]}"
            else:
                name = str(field)
            problems.setdefault(name, _wrong(name, str(one["type"]), language))
        return None, list(problems.items())
    if any(day < plan.from_day for day in plan.follow_up_on):
        return None, [(min(places, key=given.__getitem__), language.text(BEFORE_THE_FIRST))]
    return plan, []


def _ended(given: dict[str, str], language: Language) -> tuple[End | None, Problems]:
    stated = {
        "to_day": given.get("to_day", ""),
        "reason": given.get("reason", ""),
        "occupation_after": given.get("occupation_after") or None,
    }
    try:
        ended = End.model_validate(stated)
    except ValidationError as error:
        wrong = {str(one["loc"][0]): str(one["type"]) for one in error.errors(include_input=False)}
        return None, [(name, _wrong(name, kind, language)) for name, kind in wrong.items()]
    if ended.occupation_after not in {None, *occupations().on(ended.to_day)}:
        return None, [("occupation_after", language.text(NOT_LISTED))]
    return ended, []


def _wrong(name: str, kind: str, language: Language) -> str:
    text = language.text
    if kind == "string_too_long":
        most = NOTE_LENGTH if name == "note" else TEXT_LENGTH
        return text("Write at most %(most)s characters", most=most)
    if "day" in name or name.startswith("follow_up_on"):
        return text("Give a day, such as 2026-09-01")
    if name.startswith("support_amount"):
        return text("Give whole kronor, 1 to 100,000")
    if name == "reason":
        return text("Choose one of these")
    if name in {"kind", "occupation_after"} or name.startswith("support_"):
        return text("Choose one of the list")
    if name == "content" and kind != "string_pattern_mismatch":
        return text("Say what the measure consists of")
    return text("Use letters, signs and line breaks only")


def _filled_end(ended: End | None) -> dict[str, str]:
    if ended is None:
        return {"to_day": today().isoformat()}
    return {
        "to_day": ended.to_day.isoformat(),
        "reason": ended.reason,
        "occupation_after": ended.occupation_after or "",
    }


def _filled(plan: Plan) -> dict[str, str]:
    filled = {name: getattr(plan, name) or "" for name in ("kind", *_TEXTS)}
    filled["from_day"] = plan.from_day.isoformat()
    filled |= {f"follow_up_on_{place}": day.isoformat() for place, day in enumerate(plan.follow_up_on)}
    for place, support in enumerate(plan.support):
        filled |= {
            f"support_kind_{place}": support.kind,
            f"support_amount_{place}": str(support.amount),
            f"support_per_{place}": support.per,
        }
    return filled
