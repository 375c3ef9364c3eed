"""A school year that is not over yet: what comes after today nobody knows, and the register is right all the same."""

from datetime import date, datetime, timedelta

import pytest

from contracts.organisers import Directory
from services.registry.evaluation import evaluate
from simulator import simulate
from simulator.check import differences
from simulator.terms import SchoolYear
from tests.simulator.conftest import Year

#: All timelines are over then: nothing is cut.
THE_END = date(2100, 1, 1)
FIRST = date(2026, 7, 1)
#: The first days of the year, the turns of its terms, and some between.
DAYS = [
    FIRST + timedelta(days=day) for day in (0, 1, 5, 20, 61, 62, 63, 90, 144, 183, 210, 300, 350, 363, 364)
]


def _until(directory: Directory, day: date, persons: int = 300) -> Year:
    seed = day.toordinal()
    events, ledger = simulate("0180", persons, str(SchoolYear.of(day)), seed, directory, day)
    return Year(list(events), ledger)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_the_register_of_any_day_is_what_was_meant(directory: Directory, day: date) -> None:
    year = _until(directory, day)
    for as_of in (day, THE_END):
        answer = evaluate(year.lines, as_of, True)
        assert answer["rejected"] == []
        assert differences(year.ledger, answer, as_of) == []


@pytest.mark.parametrize("day", DAYS[::4], ids=str)
def test_nothing_was_recorded_after_it(directory: Directory, day: date) -> None:
    year = _until(directory, day)
    assert year.ledger["last_day"] == day.isoformat()
    assert max(datetime.fromisoformat(event["time"]).date() for event in year.events) <= day
    told = {event["data"].get("month", "") for event in year.events}
    assert max(told) <= f"{day:%Y-%m}"


def test_pupils_are_absent_in_the_month_that_goes_on(directory: Directory) -> None:
    day = date(2026, 11, 22)
    months = {event["data"].get("month") for event in _until(directory, day, 1500).events}
    assert months == {None, "2026-09", "2026-10", "2026-11"}


def test_its_last_day_makes_it_whole(directory: Directory) -> None:
    """As many persons as were asked for, and every month of school."""
    year = _until(directory, date(2027, 6, 30), 1500)
    assert year.ledger["totals"]["persons"] == 1500
    assert {event["data"].get("month") for event in year.events} >= {"2026-09", "2027-05"}


@pytest.mark.parametrize("day", [date(2024, 6, 30), date(2025, 7, 1)])
def test_a_day_outside_it_is_refused(directory: Directory, day: date) -> None:
    with pytest.raises(ValueError, match="a day of the school year, from 2024-07-01 to 2025-06-30"):
        simulate("0180", 100, "2024/25", 1, directory, day)


@pytest.mark.parametrize(
    ("day", "name"),
    [(date(2026, 6, 30), "2025/26"), (date(2026, 7, 1), "2026/27"), (date(2027, 1, 1), "2026/27")],
)
def test_the_school_year_of_a_day(day: date, name: str) -> None:
    assert str(SchoolYear.of(day)) == name
