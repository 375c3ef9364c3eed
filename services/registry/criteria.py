"""Criteria: residence and each of the six conditions of skollagen 29:9 on one day, with the events behind it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from contracts.identifiers import MUNICIPALITIES
from services.registry.enrolments import Kind, Piece
from services.registry.facts import Basis, Facts
from services.registry.residence import ALWAYS, stay_on
from services.registry.statement import (
    AWARDED,
    COMPLETED,
    DECEASED,
    MOVED,
    REGISTERED,
    Statement,
    in_order,
)

_LAW: Final = "skollagen 29 kap. 9 §"

_KINDS: Final[dict[Kind, str]] = {
    "introductory": "an introductory programme (introduktionsprogram)",
    "upper_secondary": "upper secondary school (gymnasieskola or anpassad gymnasieskola)",
    "equivalent": "equivalent education (adult education on upper-secondary level, or studies abroad)",
    "compulsory": "compulsory school (grundskola)",
    "other": "other education",
}
_COMPULSORY: Final[dict[Basis, str]] = {
    "stated": "as the school has told",
    "registered_after_age": "registered in Sweden when no longer of compulsory school age",
    "started_early": "taken to be over because the education after it began earlier than by default",
    "default": "taken to be over on 30 June of the year the person turns 16, for no school has told",
}
#: The three ways of completing: criterion, outcomes and kinds of credential, what it is.
_COMPLETIONS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("no_diploma", frozenset({"diploma"}), "an upper secondary diploma (gymnasieexamen)"),
    (
        "no_adapted_certificate",
        frozenset({"adapted_certificate"}),
        "a certificate from adapted upper secondary school (gymnasiebevis)",
    ),
    (
        "no_equivalent_completed",
        frozenset({"ib_diploma", "adult_diploma", "folk_high_school_eligibility", "foreign_equivalent"}),
        "completed equivalent education (IB, adult education, folk high school, a foreign diploma)",
    ),
)


@dataclass(frozen=True, slots=True)
class Ground:
    """An event that a verdict rests on. ``on`` is the date in its data."""

    source: str
    id: str
    type: str
    on: date | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one condition holds on the day."""

    #: ``residence``, ``under_20``, ``compulsory_school_over``, ``not_in_school``, ``no_diploma``,
    #: ``no_adapted_certificate``, ``no_equivalent_completed`` or ``summer_hold``.
    condition: str
    #: The section of law, with its act.
    law: str
    holds: bool
    #: The first day of the run of days on which it has been so; None: always.
    since: date | None
    #: A default stood in for a fact that nobody has stated.
    inferred: bool
    grounds: tuple[Ground, ...]
    #: One sentence in plain English, the Swedish term in brackets.
    text: str


def six_criteria(facts: Facts, on: int) -> tuple[Verdict, ...]:
    """The criteria of skollagen 29:9 in the order of the law, on a day (ordinal)."""
    return (
        _under_20(facts, on),
        _compulsory_school_over(facts, on),
        _not_in_school(facts, on),
        *(_not_completed(facts, on, *completion) for completion in _COMPLETIONS),
    )


def residence_verdict(facts: Facts, on: int) -> Verdict:
    stay = stay_on(facts.stays, on)
    stated_by_feed = any(facts.said.get(name) for name in (REGISTERED, MOVED, DECEASED))
    if stay is None:
        text = "Not resident in any municipality: nobody has stated where (folkbokföring)."
    elif stay.municipality is None:
        why = "deceased" if stay.stated.type == DECEASED else "has left Sweden"
        text = f"Not resident in any municipality: {why} (folkbokföring)."
    else:
        name = MUNICIPALITIES.get(stay.municipality, "")
        whose = (
            "registered as resident (folkbokförd)" if stated_by_feed else "resident, as schools have told,"
        )
        text = f"Is {whose} in {stay.municipality} {name}."
    return Verdict(
        condition="residence",
        law="skollagen 29 kap. 6 §",
        holds=stay is not None and stay.municipality is not None,
        since=_date(stay.day) if stay is not None else None,
        inferred=stay is None or not stated_by_feed,
        grounds=grounds_of([stay.stated] if stay is not None else []),
        text=text,
    )


def _under_20(facts: Facts, on: int) -> Verdict:
    holds = on < facts.twentieth
    birthday = date.fromordinal(facts.twentieth)
    read = "" if facts.birth_stated is not None else ", as the identity number says"
    return Verdict(
        condition="under_20",
        law=_LAW,
        holds=holds,
        since=None if holds else birthday,
        inferred=facts.birth_stated is None,
        grounds=grounds_of([facts.birth_stated]),
        text=f"{'Turns' if holds else 'Turned'} 20 on {birthday}{read}.",
    )


def _compulsory_school_over(facts: Facts, on: int) -> Verdict:
    ended = facts.compulsory
    enrolled, since, pieces = _run([p for p in facts.schooling if p.kind == "compulsory"], on)
    law = f"{_LAW} p. 2" if ended.basis == "registered_after_age" else _LAW
    over = f"Compulsory school (skolplikt) is over after {date.fromordinal(ended.last)}: {_COMPULSORY[ended.basis]}"
    inferred = ended.basis in ("started_early", "default")
    begins = ended.last + 1
    if on < begins:
        return Verdict(
            "compulsory_school_over", law, False, None, inferred, grounds_of([ended.stated]), f"{over}."
        )
    if enrolled:
        return Verdict(
            condition="compulsory_school_over",
            law=law,
            holds=False,
            # a run of days that reaches back to before it was ever over has no beginning
            since=None if since is None or since <= begins else _date(since),
            inferred=False,
            grounds=grounds_of(piece.stated for piece in pieces),
            text=f"{over}; but is enrolled in {_KINDS['compulsory']}.",
        )
    later = [piece.ended for piece in pieces] if since is not None and since >= begins else []
    return Verdict(
        condition="compulsory_school_over",
        law=law,
        holds=True,
        since=_date(max(begins, since or begins)),
        inferred=inferred,
        grounds=grounds_of([ended.stated, *(statement for statement in later if statement != ended.stated)]),
        text=f"{over}.",
    )


def _not_in_school(facts: Facts, on: int) -> Verdict:
    enrolled, since, pieces = _run([p for p in facts.schooling if p.kind != "compulsory"], on)
    if enrolled:
        kinds = sorted({_KINDS[piece.kind] for piece in pieces if piece.first <= on <= piece.last})
        text = f"Takes part in {' and '.join(kinds)}."
    elif pieces:
        text = "No longer takes part in upper secondary school (gymnasieskola) or equivalent education."
    else:
        text = "Is not known to have taken part in upper secondary school (gymnasieskola) or equivalent education."
    return Verdict(
        condition="not_in_school",
        law=_LAW,
        holds=not enrolled,
        since=_date(since),
        inferred=False,
        grounds=grounds_of(piece.stated if enrolled else piece.ended for piece in pieces),
        text=text,
    )


def _run(pieces: Sequence[Piece], on: int) -> tuple[bool, int | None, list[Piece]]:
    """(enrolled on the day; since when, in or out, without a gap; the pieces that make it so)."""
    since = next((piece.first for piece in pieces if piece.first <= on <= piece.last), None)
    if since is None:
        over = [piece for piece in pieces if piece.last < on]
        latest = max((piece.last for piece in over), default=None)
        if latest is None:
            return False, None, []
        return False, latest + 1, [piece for piece in over if piece.last == latest]
    while (
        earlier := min((p.first for p in pieces if p.first < since <= p.last + 1), default=None)
    ) is not None:
        since = earlier
    return True, since, [piece for piece in pieces if piece.first <= on and piece.last >= since]


def _not_completed(facts: Facts, on: int, condition: str, outcomes: frozenset[str], what: str) -> Verdict:
    claims = [*facts.said.get(COMPLETED, ()), *facts.said.get(AWARDED, ())]
    until_then = [c for c in in_order(claims) if c[1].outcome in outcomes and c[0] <= on]
    first = until_then[:1]
    return Verdict(
        condition=condition,
        law=_LAW,
        holds=not first,
        since=_date(first[0][0]) if first else None,
        inferred=False,
        grounds=grounds_of(statement for _, statement in first),
        text=f"Has {what}." if first else f"Is not known to have {what}.",
    )


def grounds_of(statements: Iterable[Statement | None]) -> tuple[Ground, ...]:
    """Those that are there, as grounds."""
    return tuple(Ground(s.source, s.id, s.type, s.on) for s in statements if s is not None)


def _date(day: int | None) -> date | None:
    return None if day is None or day <= ALWAYS else date.fromordinal(day)
