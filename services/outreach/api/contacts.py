"""Contacts over the API: corrected, and shown with every revision."""

from operator import attrgetter
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from pydantic import TypeAdapter
from starlette.requests import Request

from contracts.own import Id
from servicekit.viewers import Viewer
from services.outreach import contacts, persons
from services.outreach.api import said, shown
from services.outreach.api.once import Change, change, looking, made
from services.outreach.api.refusals import KEY_REUSED, NOT_LISTED, OVERTAKEN, UNKNOWN, WRONG_DAY, described
from webkit.access import require_token
from webkit.problems import Problem
from webkit.site import site_of

router: Final = APIRouter(tags=["contacts"], generate_unique_id_function=attrgetter("name"))

_CONTACT: Final = TypeAdapter(shown.ContactKept)


ContactId = Annotated[Id, Path(examples=["c0a80a1e-3b52-4f0e-8f35-6f1d7b0c9d21"])]


@router.get(
    "/contacts/{contact_id}/revisions", summary="What was said of a contact", responses=described(UNKNOWN)
)
async def contact_revisions(
    request: Request,
    contact_id: ContactId,
    viewer: Annotated[Viewer, Depends(require_token("outreach", "leader", "registrar"))],
) -> shown.ContactRevisions:
    """Oldest first, the latest 200. The look is noted in the access log."""
    place = viewer.municipality
    async with looking(site_of(request), viewer) as connection:
        person_id = await persons.of_contact(connection, place, contact_id)
        if person_id is None or await persons.of(connection, place, person_id, viewer.who) is None:
            raise Problem(UNKNOWN)
        made = await contacts.of_person(connection, place, person_id, every_revision=True)
    revisions = [shown.ContactShown.of(one) for one in made if one.contact_id == contact_id]
    return shown.ContactRevisions(revisions=revisions[-shown.MOST_REVISIONS :])


@router.post(
    "/contacts/{contact_id}/corrections",
    status_code=201,
    summary="Correct a contact",
    responses=described(UNKNOWN, OVERTAKEN, WRONG_DAY, NOT_LISTED, KEY_REUSED),
)
async def correct_contact(
    contact_id: ContactId,
    asked: Annotated[Change, Depends(change("outreach"))],
    sent: said.ContactCorrection,
) -> shown.ContactKept:
    """The contact said anew, whole. `revision` is the one you read; if another stands now, nothing is changed."""
    async with looking(asked.site, asked.viewer) as connection:

        async def work() -> shown.ContactKept:
            kept = await contacts.correct(
                connection,
                asked.ladders,
                asked.municipality,
                contact_id,
                sent.revision,
                asked.who,
                sent.said(),
            )
            return shown.ContactKept(contact_id=kept.contact_id, revision=kept.revision)

        return await made(connection, asked, _CONTACT, work)
