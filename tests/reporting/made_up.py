"""Facts of a report, made up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from services.reporting.facts import Contact, Episode, Facts, Measure, Person
from services.reporting.report import Rows, rows
from tests.reporting.tellings import HALF_YEAR, identity_number, specification

BORN: Final = date(2008, 3, 15)
VERA: Final = Person(identity_number(BORN), BORN, "none")


def _id(number: int) -> UUID:
    return UUID(int=number)


def episode(number: int = 1, who: int = 1, **facts: Any) -> Episode:
    """An episode that begins on 1 September."""
    since = Episode(_id(number), _id(who), VERA, date(2025, 9, 1), None, "left_upper_secondary", None)
    return replace(since, **facts)


def contact(
    number: int, on: date, outcome: str = "reached", who: int = 1, occupation: str = "work"
) -> Contact:
    """A contact."""
    return Contact(_id(number), _id(who), on, outcome, occupation)


def measure(number: int, since: date, to: date | None, ended: bool = True, who: int = 1) -> Measure:
    """A measure; one that ended did so for a reason."""
    reason, after = ("completed", "work") if ended else (None, None)
    return Measure(_id(number), _id(who), "guidance", since, to, ended, reason, after)


def made(
    episodes: Sequence[Episode], contacts: Sequence[Contact] = (), measures: Sequence[Measure] = ()
) -> Rows:
    """Their rows."""
    return rows(Facts("0180", episodes, contacts, measures), HALF_YEAR, specification())
