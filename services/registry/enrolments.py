"""Enrolments: what the schools say of one person, settled unit by unit into who was enrolled where, in what, when.

In this order: a start proposes an enrolment; what never began is removed; the rest is ended; changes of programme
cut it into pieces; and over all units one main enrolment at a time is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Literal, NamedTuple

from services.registry.statement import (
    CHANGED,
    COMPLETED,
    COMPULSORY_ENDED,
    LEFT,
    NO_SHOW,
    STARTED,
    ByType,
    Dated,
    Statement,
    holding,
    in_order,
)

#: What an enrolment is in the eyes of skollagen 29:9; ``other`` (basic adult education, SFI, folk high school)
#: never ends coverage.
Kind = Literal["introductory", "upper_secondary", "equivalent", "compulsory", "other"]

_KINDS: Final[dict[str, Kind]] = {
    "GY": "upper_secondary",
    "GYAN": "upper_secondary",
    "GYS": "upper_secondary",
    "GYSAR": "upper_secondary",
    "GS": "upper_secondary",
    "VUXGY": "equivalent",
    "ABROAD": "equivalent",
    "GR": "compulsory",
    "VUXGR": "other",
    "VUXSFI": "other",
    "FHS": "other",
}

#: Day after every other: an enrolment that nothing has ended is open until then.
OPEN: Final = 2**31
#: A no-show, or a leave before the first day, belongs to a start at most this many days away.
NEAR: Final = 30

#: By first day; the rest makes the order the same whatever order the statements came in.
_start_order = attrgetter("first", "started.id", "started.source")


class Piece(NamedTuple):
    """A part of an enrolment with one programme: ``first`` to ``last`` day (ordinals, inclusive)."""

    kind: Kind
    first: int
    last: int
    #: The ``started`` or ``changed`` that says so.
    stated: Statement
    #: What ended it: a leave, a later start or change; None while nothing has.
    ended: Statement | None


@dataclass(slots=True)
class Enrolment:
    """An enrolment that stands, from ``first`` to ``last`` (ordinals) as its own unit's events end it."""

    first: int
    last: int
    started: Statement
    ended: Statement | None
    #: A leave dated on the first day belongs to the enrolment before it: a change of programme inside the school.
    continues: "Enrolment | None"
    #: In order of day, never empty, and no longer than the main enrolment after it allows.
    pieces: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Unit:
    """One person at one school unit (skolenhet)."""

    #: The first days of all enrolments ever proposed there, in order.
    proposed: list[int]
    #: Those that stand, in order.
    standing: list[Enrolment]


def kind_of(school_form: str | None, study_path: str | None) -> Kind:
    """The kind of an enrolment from its school form (skolform) and study path code (studievägskod)."""
    if school_form == "GY" and study_path is not None and study_path.startswith("IM"):
        return "introductory"
    return _KINDS[school_form or ""]


def enrolments(said: ByType) -> dict[str, Unit]:
    """School unit → what became of the enrolments proposed there."""
    starts = _by_unit(said.get(STARTED))
    if not starts:
        return {}
    no_shows = _by_unit(said.get(NO_SHOW))
    lefts = _by_unit(said.get(LEFT))
    completions = _by_unit(said.get(COMPLETED))
    changes = _by_unit(said.get(CHANGED))
    compulsory_ends = in_order(said.get(COMPULSORY_ENDED, []))
    units: dict[str, Unit] = {}
    for code, claims in starts.items():
        held = holding(claims)
        proposed = sorted(held)
        never_began = _not_shown(proposed, no_shows[code]) if code in no_shows else ()
        left = lefts.get(code, [])
        leaves = in_order(left + completions[code] if code in completions else left)
        standing: list[Enrolment] = []
        for position, first in enumerate(proposed):
            if first in never_began:
                continue
            # asked only when there is a leave before the start: few persons have one
            if left and leaves[0][0] < first and _withdrawn(position, proposed, standing, left, leaves):
                continue
            _stand(standing, first, held[first], leaves, compulsory_ends)
        _cut(standing, holding(changes[code]) if code in changes else {})
        units[code] = Unit(proposed, standing)
    _one_main_at_a_time(units)
    return units


def _by_unit(claims: Sequence[Dated] | None) -> dict[str, list[Dated]]:
    units: dict[str, list[Dated]] = {}
    for claim in claims or ():
        code = claim[1].school_unit or ""
        if code in units:
            units[code].append(claim)
        else:
            units[code] = [claim]
    return units


def _not_shown(proposed: Sequence[int], no_shows: Sequence[Dated]) -> set[int]:
    """The starts that a no-show (gymnasieförordningen 12:3) removes: each the nearest, of two the earlier."""
    removed = set()
    for day, _ in no_shows:
        nearest = min(proposed, key=lambda first: (abs(first - day), first))
        if abs(nearest - day) <= NEAR:
            removed.add(nearest)
    return removed


def _withdrawn(
    position: int,
    proposed: Sequence[int],
    standing: Sequence[Enrolment],
    lefts: Sequence[Dated],
    leaves: Sequence[Dated],
) -> bool:
    """Whether the pupil left before the first day of this start, and nothing shows that it began after all."""
    first = proposed[position]
    earliest = first - NEAR
    if position and proposed[position - 1] > earliest:
        # a leave before the start in between belongs to that one; one dated on its very day may be ours
        earliest = proposed[position - 1]
    before = standing[-1] if standing else None
    if not any(
        earliest <= day < first and not (before is not None and before.first <= day <= before.last)
        for day, _ in lefts
    ):
        return False
    following = proposed[position + 1] if position + 1 < len(proposed) else OPEN
    return not any(first <= day < following for day, _ in leaves)


def _stand(
    standing: list[Enrolment],
    first: int,
    started: Statement,
    leaves: Sequence[Dated],
    compulsory_ends: Sequence[Dated],
) -> None:
    """Append an enrolment that stands; end it, and the one before it at the latest on the day before."""
    continues = None
    if standing:
        before = standing[-1]
        if before.last >= first:
            before.last, before.ended = first - 1, started
        if before.last == first - 1:
            continues = before
    own = first if continues is None else first + 1
    last, ended = OPEN, None
    for day, leave in leaves:
        if day >= own:
            last, ended = day, leave
            break
    if started.school_form == "GR":
        for day, compulsory_ended in compulsory_ends:
            if day >= first:
                if day < last:
                    last, ended = day, compulsory_ended
                break
    standing.append(Enrolment(first, last, started, ended, continues))


def _cut(standing: Sequence[Enrolment], changes: dict[int, Statement]) -> None:
    """Give each enrolment its pieces. A change where none is open opens none: schools recode in bulk."""
    for enrolment in standing:
        first, stated = enrolment.first, enrolment.started
        pieces = enrolment.pieces
        if changes:
            for day in sorted(changes):
                if enrolment.first <= day <= enrolment.last:
                    change = changes[day]
                    if day > first:
                        kind = kind_of(stated.school_form, stated.study_path)
                        pieces.append(Piece(kind, first, day - 1, stated, change))
                    first, stated = day, change
        kind = kind_of(stated.school_form, stated.study_path)
        pieces.append(Piece(kind, first, enrolment.last, stated, enrolment.ended))


def _one_main_at_a_time(units: dict[str, Unit]) -> None:
    """A main enrolment ends at the latest the day before a later one starts; two of the same day both stand."""
    main = [e for unit in units.values() for e in unit.standing if e.pieces[0].kind != "other"]
    if len(main) < 2:
        return
    main.sort(key=_start_order)
    later = following = None
    for enrolment in reversed(main):
        if following is not None and following.first > enrolment.first:
            later = following
        following = enrolment
        pieces = enrolment.pieces
        if later is not None and pieces[-1].last >= later.first:
            while pieces[-1].first >= later.first:
                pieces.pop()
            pieces[-1] = pieces[-1]._replace(last=later.first - 1, ended=later.started)
