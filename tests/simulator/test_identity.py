"""Identity numbers that nobody has, and none twice."""

from datetime import date
from random import Random

import pytest

from contracts.identifiers import birth_date_of, luhn
from simulator.identity import Numbers, identity_number

BORN = date(2008, 3, 15)


def test_the_number_states_the_birth_date_and_checks() -> None:
    number = identity_number(BORN, 981)
    assert number == "200803159813"
    assert luhn(number[2:])
    assert birth_date_of(number) == BORN


def test_a_coordination_number_has_the_day_and_60() -> None:
    number = identity_number(BORN, 982, coordination=True)
    assert number == "200803759828"
    assert luhn(number[2:])
    assert birth_date_of(number) == BORN


def test_a_day_has_ten_numbers_for_women_and_ten_for_men() -> None:
    numbers = Numbers(Random(1))
    women = {numbers.issue(BORN, woman=True) for _ in range(10)}
    men = {numbers.issue(BORN, woman=False) for _ in range(10)}
    assert len(women | men) == 20
    assert {int(number[10]) % 2 for number in women} == {0}
    assert {int(number[10]) % 2 for number in men} == {1}
    assert numbers.left(BORN, woman=True) == 0
    with pytest.raises(LookupError, match="no identity number left"):
        numbers.issue(BORN, woman=True)
    assert numbers.issue(BORN, woman=True, coordination=True)
