"""Notices (underrättelser): which of the schools' facts the home municipality must be told of. Pure.

Skollagen 15 kap. 15 §, 18 kap. 15 §: when a pupil starts or leaves an upper secondary school or an adapted one whose
organiser (huvudman) is not the home municipality, the organiser tells the home municipality without delay; and so it
does when a pupil under 20 is absent without valid reason to a significant extent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from contracts.envelope import Event
from contracts.identifiers import birth_date_of
from contracts.model import Retraction
from contracts.organisers import Directory
from contracts.school import (
    AbsenceReported,
    AbsenceResumed,
    EnrolmentChanged,
    EnrolmentNoShow,
    EnrolmentStarted,
    LeaveCompleted,
    LeaveLeft,
)
from servicekit.calendar import STOCKHOLM

#: ``changed`` gives no notice of its own; it shows which school form the pupil is in. ``resumed`` gives none either;
#: it closes those of ``absence``.
FactKind = Literal["started", "changed", "left", "completed", "no_show", "absence", "resumed"]
#: How a notice stands that is told. ``closed``: it was true, and the pupil is back to full-time attendance.
Standing = Literal["registered", "closed"]
#: ``waiting`` for a home municipality; ``routing``: for the registrar; ``own``: the organiser is the home
#: municipality and nobody need be told; ``registered``: told; ``closed``: told and over; ``withdrawn``: told and
#: taken back.
Status = Standing | Literal["waiting", "routing", "own", "withdrawn"]

#: From how much unexcused absence in a calendar month it is significant. The law names no number; the guidance
#: recommends the routine of CSN: repeated, and 4 hours or more.
SIGNIFICANT_MINUTES: Final = 240
REPEATED: Final = 2

#: Upper secondary school and adapted upper secondary school, with its older names. Compulsory school, adult
#: education and folk high school have no such duty.
_NAMED_FORMS: Final = frozenset({"GY", "GYAN", "GYS", "GYSAR", "GS"})
_TOLD: Final[frozenset[Status]] = frozenset({"registered", "closed"})
_ABSENCE: Final = "se.kaa.school.absence."
_FAMILIES: Final = ("se.kaa.school.enrolment.", "se.kaa.school.leave.", _ABSENCE)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a school stated of a pupil: ``on`` is the day it happened, ``recorded_at`` when the school noted it.

    Of ``absence`` it is the first day of the month.
    """

    source: str
    id: str
    kind: FactKind
    identity_number: str
    school_unit: str
    #: Organisation number of the organiser that said it.
    organiser: str
    #: Stated by ``started`` and ``changed`` only.
    school_form: str | None
    on: date
    recorded_at: datetime
    #: Unexcused absence of the month so far, and in how many pieces; stated by ``absence`` only.
    minutes: int | None = None
    occasions: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A pupil as the registry knows her. The municipality is where she is registered as resident, if anywhere."""

    person_id: UUID
    municipality: str | None
    #: Protected population registration (skyddad folkbokföring): she lives elsewhere than where she is registered.
    protected: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """How it stands with the notice of one fact.

    ``municipality`` is set for good by the first decision. ``person_id`` is whom the notice was last told about;
    None: it was never told.
    """

    status: Status
    municipality: str | None = None
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A fact, whether its source took it back, and how its notice stood before."""

    fact: Fact
    taken_back: bool
    before: Decision | None


def fact_of(event: Event) -> Fact | None:
    """The fact that a school's event states; None for one that has no part in notices."""
    data = event.data
    form: str | None = None
    minutes: int | None = None
    occasions: int | None = None
    kind: FactKind
    match data:
        case EnrolmentStarted():
            kind, form, on = "started", data.school_form, data.started_on
        case EnrolmentChanged():
            kind, form, on = "changed", data.school_form, data.changed_on
        case EnrolmentNoShow():
            # who is absent without a reason at the start of term counts as having left (gymnasieförordningen 12:3)
            kind, on = "no_show", data.term_started_on
        case LeaveLeft():
            kind, on = "left", data.last_day
        case LeaveCompleted():
            kind, on = "completed", data.completed_on
        case AbsenceReported():
            kind, on = "absence", date.fromisoformat(f"{data.month}-01")
            minutes, occasions = data.unexcused_minutes, data.occasions
        case AbsenceResumed():
            kind, on = "resumed", data.resumed_on
        case _:
            return None
    number = data.pupil.identity_number
    # urn:se:orgnr:<number>[:<system>]: admission made sure that the topic belongs to this organiser
    organiser = event.source.split(":")[3]
    return Fact(
        event.source, event.id, kind, number, data.school_unit, organiser, form, on, event.time, minutes, occasions
    )  # fmt: skip


def of_absence(event: Event) -> bool:
    """Whether it takes back absence alone, as it is taken back by such events alone.

    The registry reads none of them (INV-07): what a school says there of other facts would hold here and not there.
    """
    return event.type.startswith(_ABSENCE)


def named(event: Event) -> Iterator[str]:
    """The ids, of the same source, that a school's event takes back; a retraction may replace another."""
    if event.type.startswith(_FAMILIES):
        if isinstance(event.data, Retraction):
            yield event.data.retracts
        if event.replaces is not None:
            yield event.replaces


def decide(pupil: Sequence[Known], person: Person | None, directory: Directory) -> list[Decision | None]:
    """How the notices of one pupil's facts stand, in the order of the facts; None: there is no notice.

    ``pupil``: all that is known under any of her identity numbers. ``person``: None while the registry has not
    told of her, or tells of two who have one number.
    """
    due = _due(pupil)
    return [_stands(known, due.get(at), person, directory) for at, known in enumerate(pupil)]


def _due(pupil: Sequence[Known]) -> dict[int, Standing]:
    """Positions of the facts that the law names; of several that say the same, one. How each notice is to stand."""
    forms: dict[str, set[str]] = {}
    for known in pupil:
        if known.fact.school_form is not None and not known.taken_back:
            forms.setdefault(known.fact.school_unit, set()).add(known.fact.school_form)
    one: dict[tuple[str, str, date], int] = {}
    for at, known in enumerate(pupil):
        fact = known.fact
        # a month's notice stays on the report it was told with, also when another has replaced that one
        if known.taken_back and not (fact.kind == "absence" and _was_decided(known)):
            continue
        if not _is_named(fact, forms.get(fact.school_unit)):
            continue
        said = fact.kind, fact.school_unit, fact.on
        if said not in one or _rank(known) < _rank(pupil[one[said]]):
            one[said] = at
    due: dict[int, Standing] = {}
    for (kind, unit, on), at in one.items():
        stands = _of_month(pupil, unit, on) if kind == "absence" else "registered"
        if stands is not None:
            due[at] = stands
    return due


def _of_month(pupil: Sequence[Known], unit: str, month: date) -> Standing | None:
    """How the notice of a month's absence is to stand, by all that the unit said; None: there is none.

    Each report is the total so far, and the latest counts. One noted before her 20th birthday must have said that it
    is significant, also if it was replaced: a correction takes back no notice that was due. Who is back to full-time
    attendance (``resumed``, on the month's first day or later) closes it, until a report says more minutes than were
    known then.
    """
    said = [known.fact for known in pupil if known.fact.school_unit == unit]
    if not any(_is_under_20(fact) and _is_significant(fact) for fact in said if _is_of(fact, month)):
        return None
    at_unit = [known.fact for known in pupil if known.fact.school_unit == unit and not known.taken_back]
    reports = sorted((fact for fact in at_unit if _is_of(fact, month)), key=_noted)
    if not reports or not _is_significant(reports[-1]):
        return None
    latest = reports[-1]
    for back in at_unit:
        if back.kind == "resumed" and back.on >= month:
            until_then = [report for report in reports if report.recorded_at <= back.recorded_at]
            if until_then and (latest.minutes or 0) <= (until_then[-1].minutes or 0):
                return "closed"
    return "registered"


def _is_of(fact: Fact, month: date) -> bool:
    return fact.kind == "absence" and fact.on == month


def _noted(fact: Fact) -> tuple[datetime, str, str]:
    return fact.recorded_at, fact.source, fact.id


def _is_significant(report: Fact) -> bool:
    return (report.minutes or 0) >= SIGNIFICANT_MINUTES and (report.occasions or 0) >= REPEATED


def _is_under_20(fact: Fact) -> bool:
    """Whether she was when the school noted it, by the identity number it used."""
    born, noted = birth_date_of(fact.identity_number), fact.recorded_at.astimezone(STOCKHOLM).date()
    return (noted.year - 20, noted.month, noted.day) < (born.year, born.month, born.day)


def _is_named(fact: Fact, forms_at_unit: set[str] | None) -> bool:
    match fact.kind:
        case "started":
            return fact.school_form in _NAMED_FORMS
        case "changed" | "resumed":
            return False
        case "absence" if not _is_significant(fact):
            # a later report may say more; this one gives no notice
            return False
        case _:
            # no form is stated on leaving, nor of absence. Of a pupil whose start is not known (the school joined in
            # the middle of the year, or the start comes later) it is safer to tell
            return forms_at_unit is None or not _NAMED_FORMS.isdisjoint(forms_at_unit)


def _rank(known: Known) -> tuple[bool, datetime, str, str]:
    # the one that was decided first stays, whatever comes later
    return not _was_decided(known), *_noted(known.fact)


def _was_decided(known: Known) -> bool:
    return known.before is not None and known.before.municipality is not None


def _stands(
    known: Known, due: Standing | None, person: Person | None, directory: Directory
) -> Decision | None:
    before = known.before
    was_told = before is not None and before.person_id is not None
    if due is None:
        return replace(before, status="withdrawn") if before is not None and was_told else None
    if before is not None and before.status == "own":
        return before
    opens_again = before is not None and before.status == "closed" and due == "registered"
    if (
        before is not None
        and before.status in _TOLD
        and not (opens_again and person is not None and person.protected)
    ):
        # numbers may turn out to be another person's: the notice then is told again about her
        about = before.person_id if person is None or person.protected else person.person_id
        return replace(before, status=due, person_id=about)
    kept = before if before is not None and was_told else Decision("waiting")
    if person is None:
        return replace(kept, status="waiting")
    if person.protected:
        return replace(kept, status="routing")
    municipality = kept.municipality or person.municipality
    if municipality is None:
        return kept
    # starts and leaves its own schools tell the register anyway; absence they tell nobody else (decision 20)
    is_own = municipality == directory.municipality_of(known.fact.organiser) and known.fact.kind != "absence"
    if is_own and not was_told:
        return Decision("own", municipality)
    return Decision(due, municipality, person.person_id)


def must_be_told(before: Decision | None, after: Decision | None) -> bool:
    """Whether a change of a notice goes out: registered, closed, told about another person, or taken back."""
    if after is None or after == before:
        return False
    was_told = before is not None and before.status in _TOLD
    return after.status in _TOLD or (was_told and after.status == "withdrawn")
