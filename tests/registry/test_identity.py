"""Who a person is, as last stated."""

from datetime import date

import pytest

from services.registry.identity import birth_date, current_number, names, protection
from tests.registry.sayings import NUMBER, identity_changed, left, registered, started, updated

COORDINATION = "200803759828"


def test_names_are_each_as_last_stated_by_time_and_not_by_date() -> None:
    said = [
        registered(given_name="Ada", family_name="Berg", time="2024-01-02T00:00:00Z"),
        updated("2026-01-01", given_name="Adina", time="2024-01-01T00:00:00Z"),
        started("2024-08-19", family_name="Ek", time="2024-08-20T00:00:00Z"),
    ]
    assert names(said) == names(reversed(said)) == ("Ada", "Ek")
    assert names([left("2025-01-24")]) == (None, None)


def test_protection_is_as_last_stated_and_none_when_never() -> None:
    said = [
        registered(protection="protected_registration", time="2024-03-01T00:00:00Z"),
        updated("2025-01-01", protection="confidential", time="2024-02-01T00:00:00Z"),
        updated("2026-01-01", time="2024-04-01T00:00:00Z"),
    ]
    assert protection(said) == protection(reversed(said)) == "protected_registration"
    assert protection([left("2025-01-24")]) == "none"


def test_the_birth_date_is_read_from_the_current_number_where_nobody_states_it() -> None:
    said = [
        registered(identity_number="200803169986"),
        identity_changed("2025-01-01", "200803169986", COORDINATION),
    ]
    assert current_number(said) == COORDINATION
    assert birth_date(said) == date(2008, 3, 15)


def test_of_two_birth_dates_told_at_one_instant_the_greater_id_holds() -> None:
    at = "2024-01-01T00:00:00Z"
    said = [
        registered(birth_date="2008-03-01", time=at, id="a"),
        registered(birth_date="2008-04-01", time=at, id="b"),
    ]
    assert birth_date(said) == birth_date(said[::-1]) == date(2008, 4, 1)


def test_without_a_change_the_only_number_is_the_current_one() -> None:
    assert current_number([left("2025-01-24")]) == NUMBER


def test_nobody_is_named_by_nothing() -> None:
    with pytest.raises(ValueError, match="names a person"):
        current_number([])
