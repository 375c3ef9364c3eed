"""What every group of pages stands on: who may ask, the ladders, colleagues' names, what may go wrong."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse

from contracts.organisers import Directory
from servicekit.database import Connection
from servicekit.directory import DirectoryFile
from servicekit.viewers import Viewer
from services.outreach import persons
from services.outreach.ladder_file import Ladders
from services.outreach.pages.words import BY_ITSELF
from services.outreach.persons import Seen
from webkit.access import require
from webkit.language import Language, _
from webkit.problems import Kind, Problem

#: Works the queue; sees persons; follows the work up; answers for the register.
Worker = Annotated[Viewer, Depends(require("outreach"))]
Reader = Annotated[Viewer, Depends(require("outreach", "leader", "registrar"))]
Leader = Annotated[Viewer, Depends(require("leader"))]
Registrar = Annotated[Viewer, Depends(require("registrar"))]

NO_PERSON: Final = Kind(
    "no_such_person", HTTPStatus.NOT_FOUND, _("There is no such person here"),
    _("Your municipality has no case of this person, or has none any more."),
)  # fmt: skip
NO_TASK: Final = Kind(
    "no_such_task", HTTPStatus.NOT_FOUND, _("There is no such task here"),
    _("Your municipality has no task with this number, or has none any more."),
)  # fmt: skip
TASK_TAKEN: Final = Kind(
    "task_taken", HTTPStatus.CONFLICT, _("The task cannot be taken"),
    _("It is done already, or a colleague took it just now. Take another one."),
)  # fmt: skip
TASK_NOT_HELD: Final = Kind(
    "task_not_held", HTTPStatus.CONFLICT, _("The task is not in your hands"),
    _("Your time with it ran out, it is done, or a colleague has it. Nothing was changed."),
)  # fmt: skip
TASK_ROUTED: Final = Kind(
    "task_routed", HTTPStatus.CONFLICT, _("The task is kept for whom the registrar named"),
    _("Only a registrar gives the case to somebody else. Nothing was changed."),
)  # fmt: skip
NO_CASE: Final = Kind(
    "no_such_case", HTTPStatus.NOT_FOUND, _("There is no such case to route"),
    _("The protection was lifted, the case is over, or it is another municipality’s."),
)  # fmt: skip
NOTHING_THERE: Final = Kind(
    "no_such_entry", HTTPStatus.NOT_FOUND, _("There is no such entry here"),
    _("Your municipality has no contact or measure at this address."),
)  # fmt: skip

#: The same thing sent twice within this time, by the same worker, is one: a button pressed twice.
TWICE: Final = timedelta(minutes=2)

#: Stands above a form whose entry is not what it was when the form was opened.
MEANWHILE: Final = _(
    "A colleague changed this meanwhile. What you wrote stands below; saving it now replaces what she wrote."
)

#: A day of follow-up, or the last one, that comes before the measure.
BEFORE_THE_FIRST: Final = _("Give a day that is not before the measure’s first")
#: An occupation that is dated before it was in the code list, or after.
NOT_LISTED: Final = _("Choose an occupation that the code list had on that day")

#: What a page answers after something was done, by the word in its address.
ANSWERS: Final[Mapping[str, str]] = {
    "contact": _("The contact is saved."),
    "done": _("The task is done, without a contact."),
    "goes_on": _("The end is taken back: the measure goes on."),
    "corrected": _("The contact is corrected. What it said before is kept."),
    "planned": _("The measure is planned."),
    "changed": _("The measure is changed. What it said before is kept."),
    "ended": _("The measure is ended."),
    "kept": _("The task stays in your hands for another hour."),
    "released": _("The task is given back."),
    "snoozed": _("The task is put off."),
    "reassigned": _("The task is reserved anew."),
    "none": _("No task waits that you could take."),
    "routed": _("The case is routed."),
    "taken_back": _("The case is taken back. It waits for routing again."),
}


@dataclass(frozen=True, slots=True)
class People:
    """Colleagues by who they are in history and log: ``<issuer>:<subject>`` and their name."""

    known: Mapping[str, str]
    language: Language
    me: str

    def name(self, who: str) -> str:
        """As a reader knows her; ``who`` itself where no name is known."""
        if who in BY_ITSELF:
            return self.language.text(BY_ITSELF[who])
        if who == self.me:
            return self.language.text("you")
        return self.known.get(who, who.partition(":")[2] or who)

    @property
    def all(self) -> Sequence[tuple[str, str]]:
        """All who work the queue and logged in lately, herself too if she does, by name."""
        return sorted(self.known.items(), key=lambda one: one[1])

    @property
    def others(self) -> Sequence[tuple[str, str]]:
        """Colleagues for whom a task can be reserved, by name."""
        return sorted(
            ((who, name) for who, name in self.known.items() if who != self.me), key=lambda one: one[1]
        )


# Names are known of who logged in lately. A session that ended is gone, and her name with it.
_PEOPLE = """
SELECT DISTINCT ON (1) issuer || ':' || subject, name FROM web_session
WHERE $1 || ':outreach' = ANY(grants) ORDER BY 1, seen_at DESC
"""


async def people(connection: Connection, viewer: Viewer, language: Language) -> People:
    """The viewer's colleagues in the municipality."""
    return People(dict(await connection.fetch(_PEOPLE, viewer.municipality)), language, viewer.who)


async def seen_person(connection: Connection, viewer: Viewer, person_id: UUID) -> Seen:
    """A person of the viewer's municipality; the look is in the access log. Raises Problem NO_PERSON."""
    seen = await persons.of(connection, viewer.municipality, person_id, viewer.who)
    if seen is None:
        raise Problem(NO_PERSON)
    return seen


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a form comes back to who sent it; nothing of it for a form that is new."""

    #: Field and text.
    problems: Sequence[tuple[str, str]] = ()
    #: Stands above the form: what happened meanwhile, an English text.
    notice: str | None = None

    @property
    def status(self) -> int:
        """The status of the page with the form."""
        return 422 if self.problems else 409 if self.notice else 200


#: The form is new.
NO_OBJECTION: Final = Objection()


class Given(dict[str, str]):
    """What was given in a form, for its template: a field that was not sent is empty."""

    def __missing__(self, key: str) -> str:
        return ""


def new_form() -> str:
    """A key for a form that takes the next task: sent twice, it takes one."""
    return secrets.token_urlsafe(16)


def ladders_of(request: Request) -> Ladders:
    """The ladders of this installation."""
    found: Ladders = request.app.state.ladders
    return found


def organisers_of(request: Request) -> Directory:
    """The directory of organisers of this installation; empty where the process has none."""
    file: DirectoryFile | None = request.app.state.organisers
    return file.current() if file is not None else Directory(())


def to(request: Request, path: str, **words: object) -> RedirectResponse:
    """Sends the browser on after a form, so that loading the page again sends nothing twice."""
    query = urlencode({name: str(word) for name, word in words.items() if word is not None})
    address = f"{request.scope.get('root_path', '')}{path}"
    return RedirectResponse(f"{address}?{query}" if query else address, 303)


def answered(request: Request) -> str | None:
    """What the page answers to what was done, as an English text."""
    return ANSWERS.get(request.query_params.get("said", ""))


async def sent(request: Request) -> dict[str, str]:
    """The texts of a form, by field."""
    form: FormData = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def seen_revision(given: Mapping[str, str]) -> int:
    """The revision that a form was opened on; 0, which none is, where it does not say."""
    number = given.get("revision", "")
    return int(number) if number.isdecimal() and len(number) < 7 else 0
