"""A statement: what one accepted event says, flattened to what the register may hold and rules may read.

The closed list of förordning (2006:39) § 4 is kept here: contact data, the reason for leaving and absence have no
field, so nothing behind this module can come to hold them (INV-07).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from contracts.envelope import Event
from contracts.municipality import (
    Person,
    ResidentDeceased,
    ResidentIdentityChanged,
    ResidentMoved,
    ResidentRegistered,
    ResidentRetracted,
    ResidentUpdated,
)
from contracts.national import CredentialAwarded, CredentialRetracted
from contracts.school import (
    EnrolmentChanged,
    EnrolmentConfirmed,
    EnrolmentNoShow,
    EnrolmentRetracted,
    EnrolmentStarted,
    LeaveCompleted,
    LeaveCompulsoryEnded,
    LeaveLeft,
    LeaveRetracted,
    Pupil,
)

STARTED: Final = EnrolmentStarted.TYPE
CHANGED: Final = EnrolmentChanged.TYPE
CONFIRMED: Final = EnrolmentConfirmed.TYPE
NO_SHOW: Final = EnrolmentNoShow.TYPE
LEFT: Final = LeaveLeft.TYPE
COMPLETED: Final = LeaveCompleted.TYPE
COMPULSORY_ENDED: Final = LeaveCompulsoryEnded.TYPE
REGISTERED: Final = ResidentRegistered.TYPE
MOVED: Final = ResidentMoved.TYPE
UPDATED: Final = ResidentUpdated.TYPE
DECEASED: Final = ResidentDeceased.TYPE
IDENTITY_CHANGED: Final = ResidentIdentityChanged.TYPE
AWARDED: Final = CredentialAwarded.TYPE

#: The event types the registry is made of. Absence and the services' own events are not among them.
TYPES: Final = frozenset(
    {
        STARTED,
        CHANGED,
        CONFIRMED,
        NO_SHOW,
        LEFT,
        COMPLETED,
        COMPULSORY_ENDED,
        REGISTERED,
        MOVED,
        UPDATED,
        DECEASED,
        IDENTITY_CHANGED,
        AWARDED,
        EnrolmentRetracted.TYPE,
        LeaveRetracted.TYPE,
        ResidentRetracted.TYPE,
        CredentialRetracted.TYPE,
    }
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What one event says. (``source``, ``id``) is its identity; what is not said is None."""

    source: str
    id: str
    #: The full event type, e.g. ``se.kaa.school.leave.left.v1``.
    type: str
    #: When the source recorded it, in UTC. Decides only between statements about the same thing on the same date.
    time: datetime
    #: The id that this event retracts, else the one it replaces.
    names: str | None
    #: None on retractions, which name nobody.
    identity_number: str | None
    #: The date in the data: what is true follows from it. None on retractions.
    on: date | None
    school_unit: str | None
    school_form: str | None
    study_path: str | None
    #: Outcome of ``leave.completed``, or kind of a credential.
    outcome: str | None
    #: ``municipality``, ``to_municipality`` (None: left Sweden) or ``home_municipality``.
    municipality: str | None
    birth_date: date | None
    registered_in_sweden_on: date | None
    previous_identity_number: str | None
    protection: str | None
    given_name: str | None
    family_name: str | None


#: A statement with the ordinal of its ``on``: days are counted as integers inside the rules.
Dated = tuple[int, Statement]
#: The dated statements about one person, by event type.
ByType = dict[str, list[Dated]]


def statement_of(event: Event) -> Statement:
    """What the register keeps of an event. Raises ValueError for a type outside ``TYPES``, absence above all."""
    if event.type not in TYPES:
        raise ValueError(f"{event.type} never reaches the registry")
    who: Pupil | Person | None = None
    number: str | None = None
    previous: str | None = None
    unit: str | None = None
    form: str | None = None
    path: str | None = None
    outcome: str | None = None
    municipality: str | None = None
    protection: str | None = None
    on = birth_date = registered_on = None
    names = event.replaces
    said = event.data
    # the exact type, for isinstance is a call into pydantic and this runs for every event of the country
    if type(said) is EnrolmentStarted:
        who, unit, on = said.pupil, said.school_unit, said.started_on
        form, path, municipality = said.school_form, said.study_path, said.home_municipality
    elif type(said) is EnrolmentChanged:
        who, unit, on = said.pupil, said.school_unit, said.changed_on
        form, path = said.school_form, said.study_path
    elif type(said) is EnrolmentConfirmed:
        who, unit, on = said.pupil, said.school_unit, said.confirmed_on
    elif type(said) is EnrolmentNoShow:
        who, unit, on = said.pupil, said.school_unit, said.term_started_on
    elif type(said) is LeaveLeft:
        who, unit, on = said.pupil, said.school_unit, said.last_day
    elif type(said) is LeaveCompleted:
        who, unit, on, outcome = said.pupil, said.school_unit, said.completed_on, said.outcome
    elif type(said) is LeaveCompulsoryEnded:
        who, unit, on, municipality = said.pupil, said.school_unit, said.ended_on, said.home_municipality
    elif type(said) is ResidentRegistered:
        who, on, municipality = said.person, said.since, said.municipality
        registered_on, protection = said.registered_in_sweden_on, said.protection
    elif type(said) is ResidentMoved:
        who, on, municipality = said.person, said.moved_on, said.to_municipality
    elif type(said) is ResidentUpdated:
        who, on, protection = said.person, said.updated_on, said.protection
    elif type(said) is ResidentDeceased:
        who, on = said.person, said.deceased_on
    elif type(said) is ResidentIdentityChanged:
        number, previous, on = said.identity_number, said.previous_identity_number, said.changed_on
    elif type(said) is CredentialAwarded:
        number, on, outcome = said.identity_number, said.awarded_on, said.kind
    else:
        names = event.names
    given_name = family_name = None
    if who is not None:
        number, given_name, family_name = who.identity_number, who.given_name, who.family_name
        if type(who) is Person:
            birth_date = who.birth_date
    return Statement(
        event.source,
        event.id,
        event.type,
        event.time,
        names,
        number,
        on,
        unit,
        form,
        path,
        outcome,
        municipality,
        birth_date,
        registered_on,
        previous,
        protection,
        given_name,
        family_name,
    )


def precedence(statement: Statement) -> tuple[datetime, str, str]:
    """Of two statements that claim the same thing for the same date the greater of these holds."""
    return statement.time, statement.id, statement.source


def by_type(statements: Iterable[Statement]) -> ByType:
    """The statements in groups; retractions, which carry no date and name nobody, are left out."""
    groups: ByType = {}
    for statement in statements:
        on = statement.on
        if on is not None:
            group = groups.get(statement.type)
            if group is None:
                groups[statement.type] = [(on.toordinal(), statement)]
            else:
                group.append((on.toordinal(), statement))
    return groups


def holding(claims: Iterable[Dated]) -> dict[int, Statement]:
    """Day → the claim that holds for it, among claims about one thing."""
    held: dict[int, Statement] = {}
    for day, statement in claims:
        rival = held.get(day)
        if rival is None or precedence(rival) < precedence(statement):
            held[day] = statement
    return held


def in_order(claims: list[Dated]) -> list[Dated]:
    """By day, then precedence: the same order whatever order they came in."""
    if len(claims) > 1:
        return sorted(claims, key=lambda claim: (claim[0], precedence(claim[1])))
    return claims
