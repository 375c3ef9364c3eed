"""The school year (läsår): its first and last day, and when its terms begin and end.

Dates are Swedish local dates. A school year runs from 1 July to 30 June; its autumn term begins in the middle of
August, its spring term early in January, and it ends in the first half of June (gymnasieförordningen 3:2).
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

_FORM = re.compile(r"(\d{4})/(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """The school year that begins in the autumn of ``start``; one that is not over yet ends with ``until``."""

    start: int
    until: date | None = None

    @classmethod
    def parse(cls, text: str) -> "SchoolYear":
        """``"2024/25"`` → the school year. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if not match or (int(match[1]) + 1) % 100 != int(match[2]):
            raise ValueError("expected a school year as 2024/25: two years, one after the other")
        if not 1990 <= int(match[1]) <= 2080:
            raise ValueError("expected a school year from 1990/91 to 2080/81")
        return cls(int(match[1]))

    @classmethod
    def of(cls, day: date) -> "SchoolYear":
        """The school year that a day lies in, whole."""
        return cls(day.year if day.month > 6 else day.year - 1)

    def up_to(self, day: date) -> "SchoolYear":
        """The year as far as it has gone by the end of a day. Raises ValueError when the day is not in it."""
        if not self.first_day <= day <= self.last_day:
            raise ValueError(f"expected a day of the school year, from {self.first_day} to {self.last_day}")
        return SchoolYear(self.start, day)

    def __str__(self) -> str:
        return f"{self.start}/{(self.start + 1) % 100:02d}"

    @property
    def first_day(self) -> date:
        return date(self.start, 7, 1)

    @property
    def last_day(self) -> date:
        return self.until or date(self.start + 1, 6, 30)

    @property
    def go_live(self) -> date:
        """The day on which a new installation gets the population feed's initial statement."""
        return date(self.start, 6, 17)


def workday(day: date) -> date:
    """The day itself, or the Monday after when it is a Saturday or Sunday."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def autumn_start(year: int, shift: int) -> date:
    """First day of the autumn term, 15-22 August; ``shift`` 0-4 is the school's own."""
    return workday(date(year, 8, 15) + timedelta(days=shift))


def spring_start(year: int, shift: int) -> date:
    """First day of the spring term, 8-14 January; ``shift`` 0-4 is the school's own."""
    return workday(date(year, 1, 8) + timedelta(days=shift))


def school_end(year: int, shift: int) -> date:
    """Last day of the school year, 5-15 June; ``shift`` 0-4 is the school's own."""
    return workday(date(year, 6, 5) + timedelta(days=2 * shift))


def birthday(birth: date, age: int) -> date:
    """The day on which that age is reached; who is born on 29 February has it on 1 March in other years."""
    try:
        return birth.replace(year=birth.year + age)
    except ValueError:
        return date(birth.year + age, 3, 1)


def default_compulsory_end(birth: date) -> date:
    """30 June of the year the person turns 16: where nothing else is known (skollagen 7:12)."""
    return date(birth.year + 16, 6, 30)
