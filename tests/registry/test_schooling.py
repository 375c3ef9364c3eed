"""When compulsory school is over, when education is completed, and the twentieth birthday.

The person was born on 15 March 2008: the default day is 30 June 2024.
"""

from datetime import date

import pytest

from services.registry.identity import birthday
from tests.registry.sayings import (
    OTHER_UNIT,
    UNIT,
    awarded,
    changed,
    completed,
    compulsory_ended,
    episodes,
    left,
    moved,
    no_show,
    registered,
    resident,
    started,
    updated,
)


class TestCompulsorySchool:
    def test_by_default_it_is_over_on_30_june_of_the_year_she_turns_sixteen(self) -> None:
        assert resident(summer_hold=False) == ["2024-07-01..2028-03-14 no_known_school/turned_20"]

    def test_the_latest_day_that_a_school_states_goes_before_all(self) -> None:
        said = [
            compulsory_ended("2022-06-10"),
            compulsory_ended("2025-02-03"),
            started("2023-08-17"),
            left("2024-01-10"),
        ]
        assert resident(*said) == ["2025-02-04..2028-03-14 compulsory_school_only/turned_20"]

    def test_registered_in_sweden_after_the_default_day_it_was_over_the_day_before(self) -> None:
        said = [registered("2008-03-15", registered_in_sweden_on="2024-07-01")]
        assert episodes(*said, summer_hold=False) == ["0180 2024-07-01..2028-03-14 newly_arrived/turned_20"]

    def test_registered_on_the_default_day_is_not_after_it(self) -> None:
        said = [registered("2008-03-15", registered_in_sweden_on="2024-06-30")]
        assert episodes(*said, summer_hold=False) == ["0180 2024-07-01..2028-03-14 no_known_school/turned_20"]

    def test_an_earlier_start_of_what_comes_after_does_not_reach_past_a_registration(self) -> None:
        said = [
            registered("2024-01-10", registered_in_sweden_on="2024-09-10"),
            started("2024-02-01"),
            left("2024-03-01"),
        ]
        assert episodes(*said) == ["0180 2024-09-10..2028-03-14 left_upper_secondary/turned_20"]

    def test_the_registration_that_was_stated_last_counts(self) -> None:
        said = [
            registered("2008-03-15", registered_in_sweden_on="2025-02-01", time="2025-03-01T00:00:00Z"),
            registered("2009-03-15", registered_in_sweden_on="2025-05-01", time="2025-02-01T00:00:00Z"),
            registered("2010-03-15", time="2025-06-01T00:00:00Z"),
        ]
        assert episodes(*said) == ["0180 2025-02-01..2028-03-14 newly_arrived/turned_20"]

    @pytest.mark.parametrize(("form", "path"), [("GY", "IMA"), ("GY", "NA"), ("GYAN", None), ("VUXGY", None)])
    def test_it_was_over_the_day_before_education_after_it_began(self, form: str, path: str | None) -> None:
        said = [started("2024-01-08", form, path), left("2024-01-31")]
        assert resident(*said)[0].startswith("2024-02-01..")

    @pytest.mark.parametrize(
        ("form", "begins"), [("VUXGR", "2024-07-01"), ("FHS", "2024-07-01"), ("GR", "2024-07-01")]
    )
    def test_other_education_shows_nothing_of_it(self, form: str, begins: str) -> None:
        said = [started("2024-01-08", form), left("2024-01-31")]
        assert resident(*said, summer_hold=False)[0].startswith(begins)

    def test_only_from_the_new_year_of_the_year_she_turns_fifteen(self) -> None:
        early = [started("2022-12-31"), left("2023-01-31")]
        assert resident(*early, summer_hold=False) == [
            "2024-07-01..2028-03-14 left_upper_secondary/turned_20"
        ]
        in_time = [started("2023-01-01"), left("2023-01-31")]
        assert resident(*in_time) == ["2023-02-01..2028-03-14 left_upper_secondary/turned_20"]

    def test_a_piece_that_begins_in_time_shows_it_also_in_an_enrolment_that_did_not(self) -> None:
        said = [started("2022-08-17"), changed("2023-01-09", path="TE"), left("2023-01-31")]
        assert resident(*said) == ["2023-02-01..2028-03-14 left_upper_secondary/turned_20"]

    def test_an_enrolment_that_never_began_shows_nothing(self) -> None:
        said = [started("2023-08-17"), no_show("2023-08-17")]
        assert resident(*said, summer_hold=False) == [
            "2024-07-01..2028-03-14 compulsory_school_only/turned_20"
        ]

    def test_a_later_start_leaves_the_default_day(self) -> None:
        said = [started("2024-08-19"), left("2024-09-30")]
        assert resident(*said, summer_hold=False)[0].startswith("2024-07-01..2024-08-18")


class TestCompletion:
    @pytest.mark.parametrize(
        "kind",
        [
            "diploma",
            "adapted_certificate",
            "ib_diploma",
            "adult_diploma",
            "folk_high_school_eligibility",
            "foreign_equivalent",
        ],
    )
    def test_nobody_is_covered_from_the_day_of_a_completing_credential(self, kind: str) -> None:
        said = [compulsory_ended("2024-06-12"), awarded("2025-05-05", kind)]
        assert resident(*said) == ["2024-09-01..2025-05-04 compulsory_school_only/completed_education"]

    @pytest.mark.parametrize("kind", ["study_certificate", "course_certificate"])
    def test_other_certificates_complete_nothing(self, kind: str) -> None:
        assert resident(awarded("2025-05-05", kind))[0].startswith("2024-09-01..2028-03-14")

    @pytest.mark.parametrize("outcome", ["diploma", "adapted_certificate", "ib_diploma"])
    def test_a_school_says_it_as_well_as_beda_and_the_first_day_counts(self, outcome: str) -> None:
        said = [completed("2025-05-05", outcome), awarded("2025-06-01", "diploma")]
        assert resident(*said) == ["2024-09-01..2025-05-04 no_known_school/completed_education"]

    def test_a_study_certificate_of_the_same_day_takes_no_diploma_away(self) -> None:
        said = [
            completed("2025-05-05", "diploma", time="2025-05-06T00:00:00Z"),
            completed("2025-05-05", "study_certificate", time="2025-05-07T00:00:00Z"),
        ]
        assert resident(*said) == ["2024-09-01..2025-05-04 no_known_school/completed_education"]

    def test_a_completion_before_compulsory_school_is_over_leaves_nothing_to_cover(self) -> None:
        assert resident(awarded("2020-01-01", "foreign_equivalent")) == []


class TestTwentiethBirthday:
    def test_the_birth_date_that_was_stated_last_counts(self) -> None:
        said = [
            registered(birth_date="2007-01-01", time="2020-01-01T00:00:00Z"),
            updated("2021-05-05", birth_date="2008-02-01", time="2024-01-01T00:00:00Z"),
            moved("2022-05-05", "0180", birth_date="2006-06-06", time="2023-01-01T00:00:00Z"),
            updated("2025-05-05"),
        ]
        assert episodes(*said) == ["0180 2024-09-01..2028-01-31 no_known_school/turned_20"]

    def test_without_one_the_number_says_it_also_a_coordination_number(self) -> None:
        said = registered(identity_number="200803759828")
        assert episodes(said) == ["0180 2024-09-01..2028-03-14 no_known_school/turned_20"]

    def test_born_on_a_leap_day_the_birthday_of_other_years_is_1_march(self) -> None:
        assert birthday(date(2008, 2, 29), 20) == date(2028, 2, 29)
        assert birthday(date(2080, 2, 29), 20) == date(2100, 3, 1)
        assert birthday(date(2008, 2, 29), 15) == date(2023, 3, 1)

    def test_whoever_is_twenty_before_compulsory_school_is_over_is_never_covered(self) -> None:
        assert resident(compulsory_ended("2028-06-12")) == []

    def test_the_day_before_it_is_the_last_that_can_be_covered(self) -> None:
        said = compulsory_ended("2028-03-13")
        assert resident(said) == ["2028-03-14..2028-03-14 compulsory_school_only/turned_20"]

    def test_an_enrolment_over_the_birthday_leaves_nothing_after_it(self) -> None:
        said = [compulsory_ended("2024-06-12"), started("2024-08-19", unit=UNIT), left("2028-06-01", UNIT)]
        assert resident(*said, left("2025-01-01", OTHER_UNIT)) == []
