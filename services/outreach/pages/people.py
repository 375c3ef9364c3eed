"""A person: why she is on the list, what has happened, what is to be done now; and the search for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.viewers import Viewer, seen_by
from services.outreach import contacts, listing, measures, persons, ways
from services.outreach.kinds import WITHOUT_CONTACT, Channel, Kind
from services.outreach.listing import Happened, Past
from services.outreach.pages import timeline, words
from services.outreach.pages.evidence import stated
from services.outreach.pages.ground import (
    Given,
    People,
    Reader,
    answered,
    ladders_of,
    new_form,
    organisers_of,
    people,
    seen_person,
    sent,
    to,
)
from services.outreach.persons import Seen, Spell
from services.outreach.queue import SNOOZE_DAYS
from services.outreach.steps import Ladder
from services.outreach.ways import Ways
from webkit.pages import render, spoken
from webkit.site import site_of

router = APIRouter()

#: For what a measure is the answer; everything else is answered by a contact.
OFFER: Final[Kind] = "offer_measure"


@dataclass(frozen=True, slots=True)
class File:
    """All that a page shows of a person (personakt)."""

    seen: Seen
    spells: Sequence[Spell]
    ways: Ways | None
    occupation: str
    measures: Sequence[measures.Measure]
    tasks: Sequence[Past]
    history: Sequence[tuple[Past, Sequence[Happened]]]
    entries: Sequence[timeline.Entry]

    def proposed(self, task: Past) -> Channel:
        """How the contact for a task was made, unless the worker says otherwise."""
        if task.kind == "talk":
            return "meeting"
        if self.ways is None:
            return "other" if self.seen.protected else "phone"
        if self.ways.phones:
            return "phone"
        return "email" if self.ways.email else "letter"


@router.get("/persons/{person_id}")
async def person(
    request: Request,
    viewer: Reader,
    person_id: UUID,
    task: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """All of a person; the form for the contact stands on top when the viewer holds her task."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        became = await persons.now_is(connection, person_id)
        read = await _read(request, connection, viewer, person_id) if became is None else None
    if read is None:
        return to(request, f"/persons/{became}")
    return _page(request, viewer, *read, task, {}, ())


async def show(
    request: Request,
    viewer: Viewer,
    person_id: UUID,
    task_id: int | None = None,
    *,
    given: dict[str, str] | None = None,
    problems: Sequence[tuple[str, str]] = (),
) -> Response:
    """The page; with what was given in the contact's form, and what is wrong with it. Raises Problem NO_PERSON."""
    async with seen_by(site_of(request).pool, viewer) as connection:
        read = await _read(request, connection, viewer, person_id)
    return _page(request, viewer, *read, task_id, given or {}, problems)


async def _read(
    request: Request, connection: Connection, viewer: Viewer, person_id: UUID
) -> tuple[People, File]:
    language = spoken(request)
    known = await people(connection, viewer, language)
    told = timeline.Told(language, known, organisers_of(request))
    ladder = ladders_of(request).of(viewer.municipality)
    return known, await _file(connection, viewer, person_id, ladder, told)


def _page(
    request: Request, viewer: Viewer, known: People, file: File, task_id: int | None, given: dict[str, str],
    problems: Sequence[tuple[str, str]],
) -> Response:  # fmt: skip
    language = spoken(request)
    held = [one for one in file.tasks if one.state == "open" and one.held_by == viewer.who]
    in_hand = next((one for one in held if one.task_id == task_id), held[0] if held else None)
    current = next((spell for spell in file.spells if spell.to_day is None), None)
    grounds = current.grounds if current is not None else ()
    return render(
        request, "person.html", status=422 if problems else 200, file=file, seen=file.seen, in_hand=in_hand,
        waiting=[one for one in file.tasks if one.state == "open" and one is not in_hand],
        current=current, evidence=list(stated(grounds, language, organisers_of(request))),
        given=Given(given), problems=problems, people=known, viewer=viewer, today=today(), words=words,
        answer=answered(request), offers=OFFER, without_contact=WITHOUT_CONTACT, snooze_days=SNOOZE_DAYS,
        once=new_form(),
    )  # fmt: skip


async def _file(
    connection: Connection, viewer: Viewer, person_id: UUID, ladder: Ladder, told: timeline.Told
) -> File:
    home = viewer.municipality
    seen = await seen_person(connection, viewer, person_id)
    spells = await persons.spells(connection, home, person_id)
    tasks = await listing.of_person(connection, home, person_id)
    made = await contacts.of_person(connection, home, person_id, every_revision=True)
    planned = await measures.of_person(connection, home, person_id, every_revision=True)
    notices = await persons.noticed(connection, home, person_id)
    open_now = [task for task in tasks if task.state == "open"]
    histories = await listing.histories(connection, home, [task.task_id for task in open_now])
    stand = {one.measure_id: one for one in planned}
    latest = {one.contact_id: one for one in made}
    return File(
        seen,
        spells,
        None if seen.protected else await ways.of(connection, home, person_id, viewer.who),
        measures.occupation(latest.values(), stand.values(), ladder, today()),
        list(stand.values()),
        tasks,
        [(task, histories[task.task_id]) for task in open_now],
        timeline.entries(told, spells, made, planned, tasks, notices),
    )


@router.get("/search")
async def search(request: Request, viewer: Reader) -> Response:
    """An empty search. What is sought is sent in a form: an address is kept in logs and histories."""
    return _search(request, viewer)


@router.post("/search")
async def find(request: Request, viewer: Reader) -> Response:
    """What was found by name or identity number."""
    sought = (await sent(request)).get("sought", "")[:100].replace("\0", "").strip()
    if not sought:
        return _search(request, viewer, hint=spoken(request).text("Write a name or an identity number"))
    async with seen_by(site_of(request).pool, viewer) as connection:
        found = await persons.search(connection, viewer.municipality, sought, viewer.who)
    return _search(request, viewer, sought, found)


def _search(
    request: Request, viewer: Viewer, sought: str = "", found: Sequence[Seen] | None = None, hint: str = ""
) -> Response:
    return render(
        request, "search.html", status=422 if hint else 200, sought=sought, found=found,
        problems=[("sought", hint)] if hint else [], most=persons.MOST_FOUND, viewer=viewer,
    )  # fmt: skip
