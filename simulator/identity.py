"""Identity numbers that nobody has: birth serials 980-999, each issued once.

Twenty a day, ten for women (even serials) and ten for men (odd); a coordination number
(samordningsnummer) has the day + 60 and so its own twenty.
"""

from datetime import date
from random import Random

_SERIALS = range(980, 1000)
PER_DAY = len(_SERIALS)


def identity_number(birth: date, serial: int, coordination: bool = False) -> str:
    """The 12 digits for a birth date and a serial, with the check digit (Luhn over the last ten)."""
    nine = f"{birth:%y%m}{birth.day + (60 if coordination else 0):02d}{serial:03d}"
    total = 0
    for position, digit in enumerate(nine):
        value = int(digit) * (2 - position % 2)
        total += value - 9 if value > 9 else value
    return f"{birth:%Y}"[:2] + nine + str(-total % 10)


class Numbers:
    """Issues numbers, none twice."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._left: dict[tuple[date, bool], list[int]] = {}

    def left(self, birth: date, woman: bool, coordination: bool = False) -> int:
        """How many are left of that day and sex."""
        return sum(1 for serial in self._serials(birth, coordination) if (serial % 2 == 0) == woman)

    def issue(self, birth: date, woman: bool, coordination: bool = False) -> str:
        """A number not issued before. Raises LookupError when the day has no more of that sex."""
        left = self._serials(birth, coordination)
        for index, serial in enumerate(left):
            if (serial % 2 == 0) == woman:
                return identity_number(birth, left.pop(index), coordination)
        raise LookupError("no identity number left for the day")

    def _serials(self, birth: date, coordination: bool) -> list[int]:
        left = self._left.get((birth, coordination))
        if left is None:
            left = self._left[(birth, coordination)] = self._rng.sample(_SERIALS, PER_DAY)
        return left
