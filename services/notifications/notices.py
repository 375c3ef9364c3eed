"""Notices (underrättelser): which of the schools' facts the home municipality must be told of. Pure.

Skollagen 15 kap. 15 §, 18 kap. 15 §: when a pupil starts or leaves an upper secondary school or an adapted one whose
organiser (huvudman) is not the home municipality, the organiser tells the home municipality without delay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from contracts.envelope import Event
from contracts.model import Retraction
from contracts.organisers import Directory
from contracts.school import EnrolmentChanged, EnrolmentNoShow, EnrolmentStarted, LeaveCompleted, LeaveLeft

#: ``changed`` gives no notice of its own; it shows which school form the pupil is in.
FactKind = Literal["started", "changed", "left", "completed", "no_show"]
#: ``waiting`` for a home municipality; ``routing``: for the registrar; ``own``: the organiser is the home
#: municipality and nobody need be told; ``registered``: told; ``withdrawn``: told and taken back.
Status = Literal["waiting", "routing", "own", "registered", "withdrawn"]

#: Upper secondary school and adapted upper secondary school, with its older names. Compulsory school, adult
#: education and folk high school have no such duty.
_NAMED_FORMS: Final = frozenset({"GY", "GYAN", "GYS", "GYSAR", "GS"})
#: Absence states no fact here and takes none back.
_FAMILIES: Final = ("se.kaa.school.enrolment.", "se.kaa.school.leave.")


@dataclass(frozen=True, slots=True)
class Fact:
    """What a school stated of a pupil: ``on`` is the day it happened, ``recorded_at`` when the school noted it."""

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
        case _:
            return None
    number = data.pupil.identity_number
    # urn:se:orgnr:<number>[:<system>]: admission made sure that the topic belongs to this organiser
    organiser = event.source.split(":")[3]
    return Fact(event.source, event.id, kind, number, data.school_unit, organiser, form, on, event.time)


def named(event: Event) -> Iterator[str]:
    """The ids, of the same source, that an enrolment or leave event takes back; a retraction may replace another."""
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
    return [_stands(known, at in due, person, directory) for at, known in enumerate(pupil)]


def _due(pupil: Sequence[Known]) -> set[int]:
    """Positions of the facts that the law names; of several that say the same, one."""
    forms: dict[str, set[str]] = {}
    for known in pupil:
        if known.fact.school_form is not None and not known.taken_back:
            forms.setdefault(known.fact.school_unit, set()).add(known.fact.school_form)
    one: dict[tuple[str, str, date], int] = {}
    for at, known in enumerate(pupil):
        fact = known.fact
        if known.taken_back or not _is_named(fact, forms.get(fact.school_unit)):
            continue
        said = fact.kind, fact.school_unit, fact.on
        if said not in one or _rank(known) < _rank(pupil[one[said]]):
            one[said] = at
    return set(one.values())


def _is_named(fact: Fact, forms_at_unit: set[str] | None) -> bool:
    match fact.kind:
        case "started":
            return fact.school_form in _NAMED_FORMS
        case "changed":
            return False
        case _:
            # no form is stated on leaving. Of a pupil whose start is not known (the school joined in the middle of
            # the year, or the start comes later) it is safer to tell
            return forms_at_unit is None or not _NAMED_FORMS.isdisjoint(forms_at_unit)


def _rank(known: Known) -> tuple[bool, datetime, str, str]:
    # the one that was decided first stays, whatever comes later
    undecided = known.before is None or known.before.municipality is None
    return undecided, known.fact.recorded_at, known.fact.source, known.fact.id


def _stands(known: Known, due: bool, person: Person | None, directory: Directory) -> Decision | None:
    before = known.before
    was_told = before is not None and before.person_id is not None
    if not due:
        return replace(before, status="withdrawn") if before is not None and was_told else None
    if before is not None and before.status == "own":
        return before
    if before is not None and before.status == "registered":
        # numbers may turn out to be another person's: the notice then is told again about her
        return before if person is None or person.protected else replace(before, person_id=person.person_id)
    kept = before if before is not None and was_told else Decision("waiting")
    if person is None:
        return replace(kept, status="waiting")
    if person.protected:
        return replace(kept, status="routing")
    municipality = kept.municipality or person.municipality
    if municipality is None:
        return kept
    if not was_told and municipality == directory.municipality_of(known.fact.organiser):
        return Decision("own", municipality)
    return Decision("registered", municipality, person.person_id)


def must_be_told(before: Decision | None, after: Decision | None) -> bool:
    """Whether a change of a notice goes out: registered, told about another person, or taken back."""
    if after is None or after == before:
        return False
    return after.status == "registered" or (before is not None and before.status == "registered")
