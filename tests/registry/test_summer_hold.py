"""The summer hold: who goes out of school between June and August is listed from September, if still not in one."""

import pytest

from tests.registry.sayings import (
    compulsory_ended,
    episodes,
    left,
    moved,
    registered,
    resident,
    started,
)


@pytest.mark.parametrize(
    ("last_day", "begins"),
    [
        ("2025-05-30", "2025-05-31"),
        ("2025-05-31", "2025-09-01"),
        ("2025-06-01", "2025-09-01"),
        ("2025-08-30", "2025-09-01"),
        ("2025-08-31", "2025-09-01"),
        ("2025-09-01", "2025-09-02"),
    ],
)
def test_it_lasts_from_1_june_to_31_august(last_day: str, begins: str) -> None:
    assert resident(started("2024-06-01"), left(last_day)) == [
        f"{begins}..2028-03-14 left_upper_secondary/turned_20"
    ]


def test_without_it_the_first_free_day_counts() -> None:
    said = [started("2024-06-01"), left("2025-06-11")]
    assert resident(*said, summer_hold=False) == ["2025-06-12..2028-03-14 left_upper_secondary/turned_20"]


@pytest.mark.parametrize("begins", ["2025-08-20", "2025-09-01"])
def test_who_is_in_school_again_by_september_was_never_on_the_list(begins: str) -> None:
    assert resident(started("2024-06-01"), left("2025-06-11"), started(begins, unit="13000001")) == []


def test_who_starts_on_2_september_was_on_it_for_a_day() -> None:
    said = [started("2024-06-01"), left("2025-06-11"), started("2025-09-02", unit="13000001")]
    assert resident(*said) == ["2025-09-01..2025-09-01 left_upper_secondary/started_upper_secondary"]


def test_who_is_covered_before_the_summer_stays_covered_through_it() -> None:
    said = [compulsory_ended("2024-06-12"), started("2024-08-19"), left("2025-04-11")]
    assert resident(*said) == ["2025-04-12..2028-03-14 left_upper_secondary/turned_20"]


def test_who_becomes_resident_in_the_summer_is_listed_at_once() -> None:
    said = [registered("2025-07-10"), compulsory_ended("2024-06-12")]
    assert episodes(*said) == ["0180 2025-07-10..2028-03-14 compulsory_school_only/turned_20"]


def test_also_when_school_ended_on_the_day_before_but_she_was_not_resident_then() -> None:
    said = [registered("2025-07-10"), started("2024-08-19"), left("2025-07-09")]
    assert episodes(*said) == ["0180 2025-07-10..2028-03-14 left_upper_secondary/turned_20"]


def test_a_move_within_a_span_begins_no_new_one() -> None:
    said = [
        compulsory_ended("2024-06-12"),
        started("2024-08-19"),
        left("2025-04-11"),
        moved("2025-07-01", "1480"),
    ]
    assert episodes(registered(), *said) == [
        "0180 2025-04-12..2025-06-30 left_upper_secondary/moved",
        "1480 2025-07-01..2028-03-14 left_upper_secondary/turned_20",
    ]


def test_only_the_municipality_of_september_sees_who_moved_in_the_summer() -> None:
    said = [compulsory_ended("2024-06-12"), moved("2024-07-01", "1480"), moved("2024-09-01", "1280")]
    assert episodes(registered(), *said) == ["1280 2024-09-01..2028-03-14 compulsory_school_only/turned_20"]


def test_who_leaves_sweden_in_the_summer_and_comes_back_is_listed_on_the_day_she_comes() -> None:
    said = [compulsory_ended("2024-06-12"), moved("2024-07-01", None), moved("2024-08-01", "0180")]
    assert episodes(registered(), *said) == ["0180 2024-08-01..2028-03-14 compulsory_school_only/turned_20"]


def test_who_turns_twenty_in_the_summer_of_leaving_school_is_never_listed() -> None:
    said = [registered(birth_date="2005-08-15"), started("2024-08-19"), left("2025-06-11")]
    assert episodes(*said) == ["0180 2021-09-01..2024-08-18 no_known_school/started_upper_secondary"]
