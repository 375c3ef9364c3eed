"""Residence: where a person is registered, and what stands in when no population feed has spoken."""

from datetime import date

from services.registry.residence import residence
from tests.registry.sayings import (
    compulsory_ended,
    deceased,
    episodes,
    left,
    moved,
    no_show,
    registered,
    started,
    updated,
)


def test_dates_decide_and_not_the_order_in_which_they_were_told() -> None:
    said = [
        moved("2024-05-01", "1280", time="2024-01-01T00:00:00Z"),
        registered("2008-03-15", "0180", time="2025-01-01T00:00:00Z"),
        moved("2020-02-02", "1480", time="2025-06-01T00:00:00Z"),
    ]
    assert residence(said) == (
        (date(2008, 3, 15), "0180"),
        (date(2020, 2, 2), "1480"),
        (date(2024, 5, 1), "1280"),
    )


def test_registered_and_moved_on_one_day_are_one_claim_and_the_later_told_holds() -> None:
    said = [
        registered("2024-05-01", "0180", time="2024-05-03T00:00:00Z"),
        moved("2024-05-01", "1480", time="2024-05-04T00:00:00Z"),
    ]
    assert residence(said) == ((date(2024, 5, 1), "1480"),)
    assert residence(reversed(said)) == ((date(2024, 5, 1), "1480"),)


def test_of_two_told_at_one_instant_the_greater_id_holds_and_then_the_greater_source() -> None:
    at = "2024-05-03T00:00:00Z"
    one = moved("2024-05-01", "0180", time=at, id="9", source="urn:se:kommun:1480")
    greater_id = moved("2024-05-01", "1280", time=at, id="91", source="urn:se:kommun:0180")
    greater_source = moved("2024-05-01", "1480", time=at, id="91", source="urn:se:kommun:1480")
    assert residence([greater_id, one]) == ((date(2024, 5, 1), "1280"),)
    assert residence([greater_source, greater_id, one]) == ((date(2024, 5, 1), "1480"),)


def test_registered_again_in_the_same_municipality_is_no_new_stay() -> None:
    assert residence([registered("2008-03-15"), registered("2020-01-01")]) == ((date(2008, 3, 15), "0180"),)


def test_whoever_died_is_resident_nowhere_from_that_day_whatever_is_said_later() -> None:
    said = [
        registered("2008-03-15"),
        deceased("2025-01-10", time="2025-01-11T00:00:00Z"),
        moved("2025-01-10", "1480", time="2025-02-01T00:00:00Z"),
        registered("2025-03-01", "1280", time="2025-03-02T00:00:00Z"),
    ]
    assert residence(said) == ((date(2008, 3, 15), "0180"), (date(2025, 1, 10), None))


def test_of_two_days_of_death_the_first_is_final() -> None:
    said = [registered("2008-03-15"), deceased("2025-02-01"), deceased("2025-01-10")]
    assert residence(said)[-1] == (date(2025, 1, 10), None)


def test_schools_are_asked_for_the_home_municipality_only_where_no_population_feed_has_spoken() -> None:
    told = [
        compulsory_ended("2024-06-12", municipality="1280"),
        started("2024-08-19", municipality="1480"),
        left("2025-01-24"),
    ]
    assert residence(told) == ((date.min, "1280"), (date(2024, 8, 19), "1480"))
    assert residence([*told, registered("2008-03-15", "0180")]) == ((date(2008, 3, 15), "0180"),)
    assert residence([*told, moved("2025-02-01", None)]) == ((date(2025, 2, 1), None),)
    assert residence([*told, deceased("2025-02-01")]) == ((date(2025, 2, 1), None),)
    assert residence([*told, updated("2025-02-01")]) == residence(told)


def test_a_home_municipality_counts_also_when_its_enrolment_never_began() -> None:
    said = [started("2024-08-19", municipality="1480"), no_show("2024-08-19")]
    assert episodes(*said) == ["1480 2024-09-01..2028-03-14 compulsory_school_only/turned_20"]


def test_of_two_schools_that_state_it_for_one_day_the_later_told_holds() -> None:
    said = [
        started("2024-08-19", municipality="1480", time="2024-09-01T00:00:00Z"),
        started("2024-08-19", unit="13000001", municipality="1280", time="2024-08-20T00:00:00Z"),
        # says nothing of it, so does not stand against those who do
        started("2024-08-19", unit="13000002", time="2024-10-01T00:00:00Z"),
    ]
    assert residence(said) == ((date.min, "1480"),)


def test_nobody_is_covered_where_no_one_says_where_she_lives() -> None:
    assert residence([compulsory_ended("2024-06-12"), left("2025-01-24")]) == ()
    assert episodes(compulsory_ended("2024-06-12"), left("2025-01-24")) == []


def test_coverage_follows_the_person_from_one_municipality_to_the_next() -> None:
    said = [
        registered(),
        compulsory_ended("2024-06-12"),
        moved("2025-02-01", "1480"),
        moved("2025-03-01", "0180"),
    ]
    assert episodes(*said) == [
        "0180 2024-09-01..2025-01-31 compulsory_school_only/moved",
        "1480 2025-02-01..2025-02-28 compulsory_school_only/moved",
        "0180 2025-03-01..2028-03-14 compulsory_school_only/turned_20",
    ]
