"""Reasons: why an episode of coverage began, on what evidence, and why it ended; each in its order of precedence."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from contracts.own import MOST_GROUNDS, EntryReason, ExitReason, Fact
from services.registry.enrolments import NEAR, Enrolment, Kind, Unit
from services.registry.facts import Facts, registered_after_compulsory_age
from services.registry.residence import ALWAYS, stay_on
from services.registry.statement import (
    AWARDED,
    CHANGED,
    COMPLETED,
    COMPULSORY_ENDED,
    DECEASED,
    LEFT,
    MOVED,
    NO_SHOW,
    REGISTERED,
    STARTED,
    Statement,
    precedence,
)

#: Of facts on the same date the one with the greater rank is the reason.
_RANK: Final[dict[EntryReason, int]] = {
    "study_certificate": 4,
    "left_upper_secondary": 3,
    "left_introductory_programme": 2,
    "left_equivalent_education": 1,
    "compulsory_school_only": 0,
}
_LEFT: Final[dict[Kind, EntryReason]] = {
    "upper_secondary": "left_upper_secondary",
    "introductory": "left_introductory_programme",
    "equivalent": "left_equivalent_education",
}
_STARTED: Final[dict[Kind, ExitReason]] = {
    "introductory": "started_introductory_programme",
    "upper_secondary": "started_upper_secondary",
    "equivalent": "started_equivalent_education",
    "compulsory": "returned_to_compulsory_school",
}
_STUDY_CERTIFICATE: Final = "study_certificate"
_SCHOOL: Final[dict[str, Fact]] = {
    LEFT: "left",
    COMPLETED: "completed",
    COMPULSORY_ENDED: "compulsory_school_ended",
    NO_SHOW: "no_show",
    STARTED: "started",
    CHANGED: "changed",
}
_HOME: Final[dict[str, Fact]] = {REGISTERED: "registered", MOVED: "moved"}


class EntryFact(NamedTuple):
    """A school-related fact that may be the reason why coverage began. ``day`` is an ordinal."""

    day: int
    rank: int
    reason: EntryReason
    stated: Statement


def entry_facts(facts: Facts) -> list[EntryFact]:
    """All school-related facts of a person; of any two the one that decides comes later."""
    said = facts.said
    found = [
        EntryFact(day, 0, "compulsory_school_only", statement)
        for day, statement in said.get(COMPULSORY_ENDED, ())
    ]
    for name in (COMPLETED, AWARDED):
        for day, statement in said.get(name, ()):
            if statement.outcome == _STUDY_CERTIFICATE:
                found.append(EntryFact(day, _RANK["study_certificate"], "study_certificate", statement))
    for day, statement in said.get(LEFT, ()):
        reason = _left(facts.units.get(statement.school_unit or ""), day)
        if reason is not None:
            found.append(EntryFact(day, _RANK[reason], reason, statement))
    if len(found) > 1:
        found.sort(key=lambda fact: (fact.day, fact.rank, precedence(fact.stated)))
    return found


def latest_fact(entered: Sequence[EntryFact], first: int) -> EntryFact | None:
    """The fact that decides for an episode that begins on ``first``: the latest before it."""
    for fact in reversed(entered):
        if fact.day < first:
            return fact
    return None


def entry_reason(facts: Facts, entered: Sequence[EntryFact], first: int) -> EntryReason:
    """Why an episode that begins on ``first`` (ordinal) began."""
    fact = latest_fact(entered, first)
    if fact is not None:
        return fact.reason
    if only_compulsory_school_known(facts):
        return "compulsory_school_only"
    return "newly_arrived" if registered_after_compulsory_age(facts) else "no_known_school"


def only_compulsory_school_known(facts: Facts) -> list[Statement]:
    """The statements that show compulsory school and nothing after it: its starts, and no-shows anywhere."""
    return [s for _, s in facts.said.get(STARTED, ()) if s.school_form == "GR"] + [
        s for _, s in facts.said.get(NO_SHOW, ())
    ]


def decided_by(facts: Facts, entered: Sequence[EntryFact], first: int) -> list[Statement]:
    """The statements that ``entry_reason`` rests on, in order of precedence; none when no school is known."""
    fact = latest_fact(entered, first)
    if fact is not None:
        return [fact.stated]
    if shown := only_compulsory_school_known(facts):
        return sorted(shown, key=precedence)
    arrived = facts.registered_in_sweden
    return [arrived] if arrived is not None and registered_after_compulsory_age(facts) else []


class Evidence(NamedTuple):
    """A statement as the register's readers are told it: what it says, the day it is about, where, and its source."""

    fact: Fact
    on: date
    school_unit: str | None
    source: str


def evidence(facts: Facts, first: int, last: int) -> tuple[Evidence, ...]:
    """What an episode from ``first`` to ``last`` (ordinals) rests on, at most ``MOST_GROUNDS``, each statement once.

    In this order: what decided the reason, the latest first; what ended the latest enrolment before it; the end of
    compulsory school, if stated; where the person was registered on the first day. Nothing dated after the episode is
    among it: her former municipality is not told where she is now.
    """
    decided = decided_by(facts, entry_facts(facts), first)
    if len(decided) > 1:
        decided.sort(key=lambda s: (s.on, precedence(s)), reverse=True)
    latest = ALWAYS
    ended: list[Statement | None] = []
    for piece in facts.schooling:
        if latest <= piece.last < first:
            ended = [*ended, piece.ended] if piece.last == latest else [piece.ended]
            latest = piece.last
    compulsory = facts.compulsory.stated if facts.compulsory.basis == "stated" else None
    # told apart as objects: each statement is one throughout, and to compare two takes as long as all the rest
    rests_on: dict[int, tuple[Statement, Fact, date | None]] = {}
    for stated in (*decided, *ended, compulsory):
        if stated is not None and id(stated) not in rests_on:
            rests_on[id(stated)] = (stated, *_said(stated))
    stay = stay_on(facts.stays, first)
    if stay is not None and id(stay.stated) not in rests_on:
        home = stay.stated
        rests_on[id(home)] = (home, _HOME.get(home.type, "home_stated"), home.on)
    return tuple(
        [
            Evidence(fact, on, stated.school_unit, stated.source)
            for stated, fact, on in rests_on.values()
            if on is not None and on.toordinal() <= last
        ][:MOST_GROUNDS]
    )


def _said(stated: Statement) -> tuple[Fact, date | None]:
    if stated.type == REGISTERED:
        return "registered_in_sweden", stated.registered_in_sweden_on
    if stated.outcome == _STUDY_CERTIFICATE:
        return "study_certificate", stated.on
    if stated.type == STARTED and stated.school_form == "GR":
        return "compulsory_school_started", stated.on
    return _SCHOOL[stated.type], stated.on


def _left(unit: Unit | None, day: int) -> EntryReason | None:
    """What a ``left`` dated ``day`` at a unit tells; None: nothing, for what it ended never began."""
    if unit is None:
        # a school that joined in the middle of the year: no start was ever told
        return "left_upper_secondary"
    enrolment = _ended_by(unit, day)
    if enrolment is None:
        first = max((f for f in unit.proposed if f <= day), default=None)
        if first is None:
            withdrawn = any(first <= day + NEAR for first in unit.proposed)
            return None if withdrawn else "left_upper_secondary"
        enrolment = next((e for e in unit.standing if e.first == first), None)
        if enrolment is None:
            return None
    piece = next(piece for piece in reversed(enrolment.pieces) if piece.first <= day)
    return _LEFT.get(piece.kind)


def _ended_by(unit: Unit, day: int) -> Enrolment | None:
    for enrolment in unit.standing:
        if enrolment.first == day and enrolment.continues is not None:
            return enrolment.continues
        if enrolment.last == day:
            return enrolment
    return None


def exit_reason(facts: Facts, municipality: str, day: int) -> ExitReason:
    """Why an episode in a municipality ended, by what changed on ``day`` (ordinal), the day after its last."""
    stay = stay_on(facts.stays, day)
    if stay is None or stay.municipality is None:
        return "deceased" if stay is not None and stay.stated.type == DECEASED else "emigrated"
    if stay.municipality != municipality:
        return "moved"
    if day == facts.twentieth:
        return "turned_20"
    if facts.completed is not None and day == facts.completed[0]:
        return "completed_education"
    kinds = [piece.kind for piece in facts.schooling if piece.first == day]
    return next(reason for kind, reason in _STARTED.items() if kind in kinds)
