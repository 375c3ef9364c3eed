"""Measures over the API: changed, ended, and the days on which they are to be followed up."""

from datetime import timedelta
from operator import attrgetter
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import TypeAdapter
from starlette.requests import Request

from contracts.own import Id
from servicekit.viewers import Viewer
from services.outreach import measures, persons
from services.outreach.api import said, shown
from services.outreach.api.once import Change, change, looking, made
from services.outreach.api.refusals import KEY_REUSED, NOT_LISTED, OVERTAKEN, UNKNOWN, WRONG_DAY, described
from webkit.access import require_token
from webkit.problems import Problem
from webkit.site import site_of

router: Final = APIRouter(tags=["measures"], generate_unique_id_function=attrgetter("name"))

Worker = Annotated[Change, Depends(change("outreach"))]
MeasureId = Annotated[Id, Path(examples=["a3bb189e-8bf9-4888-9912-ace4e6543002"])]

_MEASURE: Final = TypeAdapter(shown.MeasureKept)


@router.post(
    "/measures/{measure_id}/changes",
    status_code=201,
    summary="Change a measure",
    responses=described(UNKNOWN, OVERTAKEN, WRONG_DAY, NOT_LISTED, KEY_REUSED),
)
async def change_measure(measure_id: MeasureId, asked: Worker, sent: said.MeasureChange) -> shown.MeasureKept:
    """The measure said anew, whole; without an end it goes on (again). Staff's note stays as it is. `revision` is the
    one you read; if another stands now, nothing is changed."""
    async with looking(asked.site, asked.viewer) as connection:

        async def work() -> shown.MeasureKept:
            note = await measures.note_of(connection, asked.municipality, measure_id, sent.revision)
            await measures.change(
                connection,
                asked.ladders,
                asked.municipality,
                measure_id,
                sent.revision,
                asked.who,
                sent.plan.planned(note),
                None if sent.end is None else sent.end.ended(),
            )
            return shown.MeasureKept(measure_id=measure_id, revision=sent.revision + 1)

        return await made(connection, asked, _MEASURE, work)


@router.post(
    "/measures/{measure_id}/end",
    status_code=201,
    summary="End a measure",
    responses=described(UNKNOWN, OVERTAKEN, WRONG_DAY, NOT_LISTED, KEY_REUSED),
)
async def end_measure(measure_id: MeasureId, asked: Worker, sent: said.MeasureEnd) -> shown.MeasureKept:
    """The plan stays what it was."""
    async with looking(asked.site, asked.viewer) as connection:

        async def work() -> shown.MeasureKept:
            await measures.end(
                connection,
                asked.ladders,
                asked.municipality,
                measure_id,
                sent.revision,
                asked.who,
                sent.ended(),
            )
            return shown.MeasureKept(measure_id=measure_id, revision=sent.revision + 1)

        return await made(connection, asked, _MEASURE, work)


@router.get("/follow-ups", summary="What is to be followed up", responses=described())
async def list_follow_ups(
    request: Request,
    viewer: Annotated[Viewer, Depends(require_token("outreach", "leader", "registrar"))],
    asked: Annotated[said.FollowUpsAsked, Query()],
) -> shown.FollowUps:
    """Due or planned, and not done yet: what the queue has, and planned days ahead. Each person stands once a day.

    The first 500 by day; ask for fewer days when there are so many. The look is noted in the access log.
    """
    to_day = asked.from_day + timedelta(days=asked.days - 1)
    async with looking(site_of(request), viewer) as connection:
        found = await measures.follow_ups(connection, viewer.municipality, asked.from_day, to_day, viewer.who)
    return shown.FollowUps(follow_ups=[shown.FollowUpShown.model_validate(one) for one in found])


@router.get(
    "/measures/{measure_id}/revisions", summary="What was said of a measure", responses=described(UNKNOWN)
)
async def measure_revisions(
    request: Request,
    measure_id: MeasureId,
    viewer: Annotated[Viewer, Depends(require_token("outreach", "leader", "registrar"))],
) -> shown.MeasureRevisions:
    """Oldest first, the latest 200, without staff's own note. The look is noted in the access log."""
    place = viewer.municipality
    async with looking(site_of(request), viewer) as connection:
        person_id = await persons.of_measure(connection, place, measure_id)
        if person_id is None or await persons.of(connection, place, person_id, viewer.who) is None:
            raise Problem(UNKNOWN)
        planned = await measures.of_person(connection, place, person_id, every_revision=True)
    revisions = [shown.MeasureShown.of(one) for one in planned if one.measure_id == measure_id]
    return shown.MeasureRevisions(revisions=revisions[-shown.MOST_REVISIONS :])
