"""What is known of an occupation, and for how long it counts."""

from datetime import date, timedelta

from services.outreach.ladder_file import default
from services.outreach.occupations import Stated, current, latest

AUTUMN = date(2026, 9, 1)
LATER = AUTUMN + timedelta(days=30)
WORKS = Stated(AUTUMN, "work")


def test_the_latest_word_stands() -> None:
    studies = Stated(AUTUMN + timedelta(days=5), "adult_education")
    assert latest([studies, WORKS], LATER) == studies


def test_a_later_word_that_nothing_is_known_takes_the_earlier_away() -> None:
    assert latest([WORKS, Stated(AUTUMN + timedelta(days=1), "unknown")], LATER) is None
    assert latest([WORKS, Stated(AUTUMN + timedelta(days=1), "none")], LATER) is None


def test_of_two_words_on_one_day_the_one_that_says_something_stands() -> None:
    assert latest([WORKS, Stated(AUTUMN, "unknown")], LATER) == WORKS


def test_nothing_said_is_nothing_known() -> None:
    assert latest([], LATER) is None
    assert current([], default(), AUTUMN) == "unknown"


def test_an_occupation_is_current_for_90_days_and_then_unknown() -> None:
    assert current([WORKS], default(), AUTUMN + timedelta(days=89)) == "work"
    assert current([WORKS], default(), AUTUMN + timedelta(days=90)) == "unknown"


def test_what_a_measure_will_lead_to_is_not_known_before_its_last_day() -> None:
    to_come = Stated(AUTUMN, "work")
    assert current([to_come], default(), AUTUMN - timedelta(days=1)) == "unknown"
    assert current([to_come], default(), AUTUMN) == "work"
