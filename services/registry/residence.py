"""Residence: in which municipality a person is registered (folkbokförd, skollagen 29:6), from which day."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from services.registry.statement import (
    COMPULSORY_ENDED,
    DECEASED,
    MOVED,
    REGISTERED,
    STARTED,
    ByType,
    Dated,
    Statement,
    by_type,
    holding,
    precedence,
)

#: From the beginning of time: the first day the calendar has.
ALWAYS: Final = date.min.toordinal()


class Stay(NamedTuple):
    """From ``day`` (ordinal) until the next stay: resident in a municipality, or nowhere (None)."""

    day: int
    municipality: str | None
    stated: Statement


def stays(said: ByType) -> list[Stay]:
    """The stays in order of day, each in another municipality than the one before; before the first: nowhere.

    Of the population feed, as soon as it states a residence at all; else what the schools say of the home
    municipality, the first of these from the beginning of time.
    """
    registered: list[Dated] = [*said.get(REGISTERED, ()), *said.get(MOVED, ())]
    deaths = said.get(DECEASED)
    if registered or deaths:
        held = holding(registered)
        if deaths:
            held = _until_death(held, deaths)
        return _merged(held)
    stated = [
        claim
        for claim in (*said.get(STARTED, ()), *said.get(COMPULSORY_ENDED, ()))
        if claim[1].municipality is not None
    ]
    merged = _merged(holding(stated))
    if merged:
        merged[0] = merged[0]._replace(day=ALWAYS)
    return merged


def _until_death(held: dict[int, Statement], deaths: list[Dated]) -> dict[int, Statement]:
    # death is final: no statement about that day or a later one counts, whatever its time
    day = min(day for day, _ in deaths)
    held = {on: statement for on, statement in held.items() if on < day}
    held[day] = max((statement for on, statement in deaths if on == day), key=precedence)
    return held


def _merged(held: dict[int, Statement]) -> list[Stay]:
    merged: list[Stay] = []
    last = None
    for day in sorted(held):
        statement = held[day]
        municipality = statement.municipality
        if municipality != last or not merged:
            merged.append(Stay(day, municipality, statement))
            last = municipality
    return merged


def stay_on(timeline: Sequence[Stay], day: int) -> Stay | None:
    """The stay that holds on a day (ordinal); None before the first."""
    current = None
    for stay in timeline:
        if stay.day > day:
            break
        current = stay
    return current


def residence(statements: Iterable[Statement]) -> tuple[tuple[date, str | None], ...]:
    """The whole timeline: (first day, municipality code), None for not resident from then.

    A timeline that rests on schools begins at ``date.min``.
    """
    return tuple((date.fromordinal(s.day), s.municipality) for s in stays(by_type(statements)))
