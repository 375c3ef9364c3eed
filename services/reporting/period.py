"""A half-year (*halvår*): what a report covers."""

import re
from dataclasses import dataclass
from datetime import date

from contracts.identifiers import EARLIEST, LATEST

_PERIOD = re.compile(r"([0-9]{4})H([12])")


@dataclass(frozen=True, slots=True)
class Period:
    """1 January to 30 June (``2025H1``) or 1 July to 31 December (``2025H2``); both days belong to it."""

    name: str
    first: date
    last: date

    def holds(self, day: date | None) -> bool:
        """Whether the day lies in the half-year."""
        return day is not None and self.first <= day <= self.last


def period(name: str) -> Period:
    """The half-year of a name such as ``2025H2``. Raises ValueError."""
    match = _PERIOD.fullmatch(name)
    if match is None or not EARLIEST.year <= int(match[1]) <= LATEST.year:
        raise ValueError("expected a half-year as YYYYH1 or YYYYH2, such as 2025H2")
    year = int(match[1])
    if match[2] == "1":
        return Period(name, date(year, 1, 1), date(year, 6, 30))
    return Period(name, date(year, 7, 1), date(year, 12, 31))
