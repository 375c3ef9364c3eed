"""Contacts over the API: corrected; every revision is kept."""

from operator import attrgetter
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from pydantic import TypeAdapter

from contracts.own import Id
from services.outreach import contacts
from services.outreach.api import said, shown
from services.outreach.api.once import Change, change, looking, made
from services.outreach.api.refusals import KEY_REUSED, OVERTAKEN, UNKNOWN, WRONG_DAY, described

router: Final = APIRouter(tags=["contacts"], generate_unique_id_function=attrgetter("name"))

_CONTACT: Final = TypeAdapter(shown.ContactKept)


@router.post(
    "/contacts/{contact_id}/corrections",
    status_code=201,
    summary="Correct a contact",
    responses=described(UNKNOWN, OVERTAKEN, WRONG_DAY, KEY_REUSED),
)
async def correct_contact(
    contact_id: Annotated[Id, Path(examples=["c0a80a1e-3b52-4f0e-8f35-6f1d7b0c9d21"])],
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
