"""Persons over the API: found, seen whole, and what is logged or planned without a task."""

from operator import attrgetter
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from pydantic import TypeAdapter
from starlette.requests import Request

from contracts.own import Id
from servicekit.calendar import today
from servicekit.viewers import Viewer
from services.outreach import contacts, listing, measures, persons, ways
from services.outreach.api import said, shown
from services.outreach.api.once import Change, change, looking, made
from services.outreach.api.refusals import KEY_REUSED, NOT_LISTED, UNKNOWN, WRONG_DAY, described
from webkit.access import require_token
from webkit.problems import Problem
from webkit.site import site_of

router: Final = APIRouter(tags=["persons"], generate_unique_id_function=attrgetter("name"))

Worker = Annotated[Change, Depends(change("outreach"))]
Reader = Annotated[Viewer, Depends(require_token("outreach", "leader", "registrar"))]
PersonId = Annotated[Id, Path(examples=["5b0a8f2e-7a53-4c57-9a1b-2f6d1c0e8a44"])]

_CONTACT: Final = TypeAdapter(shown.ContactKept)
_MEASURE: Final = TypeAdapter(shown.MeasureKept)


@router.post("/search", summary="Find persons by identity number or name", responses=described())
async def search_persons(request: Request, viewer: Reader, sent: said.Search) -> shown.Found:
    """A POST, since names and numbers do not belong into addresses; it changes nothing and needs no key. Protected
    persons are found by their number alone. Everybody found is noted in the access log."""
    async with looking(site_of(request), viewer) as connection:
        found = await persons.search(connection, viewer.municipality, sent.sought, viewer.who)
    some = found[: persons.MOST_FOUND]
    return shown.Found(persons=[shown.person(one) for one in some], more=len(found) > len(some))


@router.get(
    "/persons/{person_id}", summary="A person: why listed, and what was done", responses=described(UNKNOWN)
)
async def read_person(request: Request, person_id: PersonId, viewer: Reader) -> shown.PersonWhole:
    """Contacts and measures as they stand after all corrections. A look that is noted in the access log."""
    place = viewer.municipality
    async with looking(site_of(request), viewer) as connection:
        seen = await persons.of(connection, place, person_id, viewer.who)
        if seen is None:
            raise Problem(UNKNOWN)
        reached = None if seen.protected else await ways.of(connection, place, person_id, viewer.who)
        made_so_far = await contacts.of_person(connection, place, person_id)
        planned = await measures.of_person(connection, place, person_id)
        ladder = request.app.state.ladders.of(place)
        return shown.PersonWhole(
            person=shown.person(seen),
            listed=[shown.Listed.of(one) for one in await persons.spells(connection, place, person_id)],
            notices=[
                shown.NoticeShown.of(one) for one in await persons.noticed(connection, place, person_id)
            ],
            contact_ways=None if reached is None else shown.ContactWays.of(reached),
            occupation=measures.occupation(made_so_far, planned, ladder, today()),
            tasks=[
                shown.TaskPast.model_validate(one)
                for one in await listing.of_person(connection, place, person_id)
            ],
            contacts=[shown.ContactShown.of(one) for one in made_so_far],
            measures=[shown.MeasureShown.of(one) for one in planned],
        )


@router.post(
    "/persons/{person_id}/contacts",
    status_code=201,
    summary="Log a contact that no task called for",
    responses=described(UNKNOWN, WRONG_DAY, NOT_LISTED, KEY_REUSED),
)
async def log_contact(person_id: PersonId, asked: Worker, sent: said.ContactSaid) -> shown.ContactKept:
    """She rang, or was met by chance. For a task you hold, record it with the task instead."""
    async with looking(asked.site, asked.viewer) as connection:

        async def work() -> shown.ContactKept:
            kept = await contacts.log(
                connection, asked.ladders, asked.municipality, person_id, asked.who, sent.said()
            )
            return shown.ContactKept(contact_id=kept.contact_id, revision=kept.revision)

        return await made(connection, asked, _CONTACT, work)


@router.post(
    "/persons/{person_id}/measures",
    status_code=201,
    summary="Plan a measure",
    responses=described(UNKNOWN, WRONG_DAY, KEY_REUSED),
)
async def plan_measure(person_id: PersonId, asked: Worker, sent: said.PlanSaid) -> shown.MeasureKept:
    """It begins on its first day. No text may speak of health (förordning 2006:39 § 5)."""
    async with looking(asked.site, asked.viewer) as connection:

        async def work() -> shown.MeasureKept:
            measure_id = await measures.start(
                connection, asked.ladders, asked.municipality, person_id, asked.who, sent.planned()
            )
            return shown.MeasureKept(measure_id=measure_id, revision=1)

        return await made(connection, asked, _MEASURE, work)
