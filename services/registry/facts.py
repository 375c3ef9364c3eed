"""What is true of one person, by the dates in her counting statements: the ground the rules of coverage stand on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Final, Literal

from contracts.identifiers import birth_date_of
from services.registry.enrolments import Piece, Unit, enrolments
from services.registry.identity import birth_date_statement, birthday, current_number
from services.registry.residence import Stay, stays
from services.registry.statement import (
    AWARDED,
    COMPLETED,
    COMPULSORY_ENDED,
    REGISTERED,
    ByType,
    Statement,
    by_type,
    in_order,
    precedence,
)

#: Outcomes and credentials after which nobody is covered (skollagen 29:9).
COMPLETING: Final = frozenset(
    {
        "diploma",
        "adapted_certificate",
        "ib_diploma",
        "adult_diploma",
        "folk_high_school_eligibility",
        "foreign_equivalent",
    }
)

#: What tells when compulsory school was over: the school; registration in Sweden after compulsory age; that
#: education after it began earlier than by default; the default day.
Basis = Literal["stated", "registered_after_age", "started_early", "default"]

#: By first day; the rest makes the order the same whatever order the statements came in.
_piece_order = attrgetter("first", "kind", "stated.id", "stated.source")


@dataclass(slots=True)
class CompulsorySchool:
    """Compulsory school (skolplikt) is over after ``last`` (ordinal)."""

    last: int
    basis: Basis
    stated: Statement | None


@dataclass(slots=True)
class Facts:
    """Days are ordinals."""

    said: ByType
    stays: list[Stay]
    units: dict[str, Unit]
    #: Introductory, upper-secondary, equivalent and compulsory ones of all units, in order of first day.
    schooling: list[Piece]
    birth_date: date
    #: The statement of the birth date; None: read from the identity number.
    birth_stated: Statement | None
    #: The 20th birthday.
    twentieth: int
    #: 30 June of the year the person turns 16.
    default_end: int
    compulsory: CompulsorySchool
    #: The first day with a completing outcome or credential, and what states it.
    completed: tuple[int, Statement] | None
    #: The latest statement of the first registration in Sweden.
    registered_in_sweden: Statement | None


def facts_of(statements: Sequence[Statement]) -> Facts:
    """Everything the rules need of one person's counting statements, in any order.

    Raises ValueError when none of them names anybody.
    """
    said = by_type(statements)
    units = enrolments(said)
    schooling = [
        piece for unit in units.values() for e in unit.standing for piece in e.pieces if piece.kind != "other"
    ]
    if len(schooling) > 1:
        schooling.sort(key=_piece_order)
    birth_stated = birth_date_statement(statements)
    born = birth_stated.birth_date if birth_stated is not None else None
    if born is None:
        born = birth_date_of(current_number(statements))
    registered = None
    for _, statement in said.get(REGISTERED, ()):
        if statement.registered_in_sweden_on is not None and (
            registered is None or precedence(registered) < precedence(statement)
        ):
            registered = statement
    default_end = date(born.year + 16, 6, 30).toordinal()
    return Facts(
        said=said,
        stays=stays(said),
        units=units,
        schooling=schooling,
        birth_date=born,
        birth_stated=birth_stated,
        twentieth=birthday(born, 20).toordinal(),
        default_end=default_end,
        compulsory=_compulsory_school(said, born, default_end, registered, schooling),
        completed=_completed(said),
        registered_in_sweden=registered,
    )


def registered_after_compulsory_age(facts: Facts) -> bool:
    """Skollagen 29:9 p. 2: first registered in Sweden after the default day."""
    registered = facts.registered_in_sweden
    if registered is None or registered.registered_in_sweden_on is None:
        return False
    return registered.registered_in_sweden_on.toordinal() > facts.default_end


def _compulsory_school(
    said: ByType, born: date, default_end: int, registered: Statement | None, schooling: Sequence[Piece]
) -> CompulsorySchool:
    ends = said.get(COMPULSORY_ENDED)
    if ends:
        day, statement = in_order(ends)[-1]
        return CompulsorySchool(day, "stated", statement)
    if registered is not None and registered.registered_in_sweden_on is not None:
        day = registered.registered_in_sweden_on.toordinal()
        if day > default_end:
            return CompulsorySchool(day - 1, "registered_after_age", registered)
    from_day = date(born.year + 15, 1, 1).toordinal()
    for piece in schooling:
        if piece.first >= from_day and piece.kind != "compulsory":
            if piece.first - 1 < default_end:
                return CompulsorySchool(piece.first - 1, "started_early", piece.stated)
            break
    return CompulsorySchool(default_end, "default", None)


def _completed(said: ByType) -> tuple[int, Statement] | None:
    claims = [claim for claim in said.get(COMPLETED, ()) if claim[1].outcome in COMPLETING]
    claims += [claim for claim in said.get(AWARDED, ()) if claim[1].outcome in COMPLETING]
    return in_order(claims)[0] if claims else None
