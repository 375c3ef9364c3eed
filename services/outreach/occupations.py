"""Occupation (sysselsättning): what is known of how a young person is occupied, and since when. Pure.

The municipality keeps itself informed of it continuously (skollagen 29:9); how long a statement is current the ladder
says, 90 days unless a municipality decides otherwise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from contracts.own import Occupation
from services.outreach.steps import UNKNOWN_OCCUPATIONS, Ladder


@dataclass(frozen=True, slots=True)
class Stated:
    """What somebody learnt of the occupation on a day: at a contact, or when a measure ended."""

    on: date
    occupation: Occupation


def latest(statements: Iterable[Stated], today: date) -> Stated | None:
    """The statement that stands: the latest. Of two on one day the one that says something; None when none says any.

    A later word that nothing is known takes the earlier one away. What a measure that is yet to end leads to counts
    from its last day.
    """
    stands = max(
        (one for one in statements if one.on <= today),
        key=lambda one: (one.on, one.occupation not in UNKNOWN_OCCUPATIONS, one.occupation),
        default=None,
    )
    return None if stands is None or stands.occupation in UNKNOWN_OCCUPATIONS else stands


def current(statements: Iterable[Stated], ladder: Ladder, today: date) -> Occupation:
    """The occupation as it counts today; ``unknown`` when nothing is known that is not too old."""
    stands = latest(statements, today)
    if stands is None or today >= stands.on + timedelta(days=ladder.occupation.current_for_days):
        return "unknown"
    return stands.occupation
