"""Why an episode began, and why it ended."""

import pytest

from services.registry.statement import Statement
from tests.registry.sayings import (
    OTHER_UNIT,
    awarded,
    changed,
    completed,
    compulsory_ended,
    deceased,
    episodes,
    left,
    moved,
    no_show,
    registered,
    resident,
    started,
)


def entered(*statements: Statement) -> list[str]:
    """The entry reasons, one an episode, of a resident without a summer hold."""
    return [line.split(" ")[-1].split("/")[0] for line in resident(*statements, summer_hold=False)]


def gone(*statements: Statement) -> list[str]:
    """The exit reasons, one an episode, of one who could be covered from 1 July 2024."""
    return [line.split("/")[1] for line in resident(*statements, summer_hold=False)]


class TestTheLatestFactBefore:
    def test_the_latest_decides_and_not_the_one_told_last(self) -> None:
        said = [
            left("2025-01-10", time="2025-06-01T00:00:00Z"),
            awarded("2025-02-10", "study_certificate", time="2025-02-11T00:00:00Z"),
            compulsory_ended("2025-03-10", time="2025-03-11T00:00:00Z"),
        ]
        assert entered(*said) == ["compulsory_school_only"]
        assert entered(*said[:2]) == ["no_known_school"]
        assert entered(*said[:2], started("2024-08-19"), left("2025-02-28")) == [
            "no_known_school",
            "left_upper_secondary",
        ]

    def test_a_fact_on_the_first_day_itself_comes_too_late(self) -> None:
        said = [compulsory_ended("2024-06-12"), left("2024-06-13", OTHER_UNIT)]
        assert entered(*said) == ["compulsory_school_only"]
        assert entered(compulsory_ended("2024-06-12"), left("2024-06-12", OTHER_UNIT)) == [
            "left_upper_secondary"
        ]

    def test_each_municipality_in_turn_gets_the_reason_of_its_own_first_day(self) -> None:
        said = [
            compulsory_ended("2024-06-12"),
            moved("2025-05-01", "1480"),
            awarded("2025-03-01", "study_certificate"),
        ]
        assert entered(*said) == ["compulsory_school_only", "study_certificate"]

    def test_what_was_told_of_the_summer_counts_for_who_is_kept_back_until_september(self) -> None:
        said = [compulsory_ended("2024-06-12"), awarded("2024-08-31", "study_certificate")]
        assert resident(*said) == ["2024-09-01..2028-03-14 study_certificate/turned_20"]

    def test_a_study_certificate_counts_from_the_school_and_from_beda(self) -> None:
        assert entered(started("2024-06-01"), completed("2025-06-05")) == ["study_certificate"]
        assert entered(awarded("2024-05-05", "study_certificate")) == ["study_certificate"]
        assert entered(awarded("2024-05-05", "course_certificate")) == ["no_known_school"]


class TestFactsOfOneDay:
    def test_a_study_certificate_goes_before_leaving_and_leaving_before_compulsory_school(self) -> None:
        day = "2025-02-14"
        said = [started("2024-06-01"), compulsory_ended(day), left(day), awarded(day, "study_certificate")]
        assert entered(*said) == ["study_certificate"]
        assert entered(*said[:3]) == ["left_upper_secondary"]
        assert entered(*said[:2], left("2025-01-01")) == ["compulsory_school_only"]

    def test_upper_secondary_goes_before_introductory_and_introductory_before_equivalent(self) -> None:
        day = "2025-02-14"
        equivalent = [started("2024-06-01", "VUXGY", unit="10000005"), left(day, "10000005")]
        introductory = [started("2024-06-01", path="IMA", unit="10000004"), left(day, "10000004")]
        upper_secondary = [started("2024-06-01", unit="10000003"), left(day, "10000003")]
        assert entered(*equivalent, *introductory, *upper_secondary) == ["left_upper_secondary"]
        assert entered(*equivalent, *introductory) == ["left_introductory_programme"]
        assert entered(*equivalent) == ["left_equivalent_education"]


class TestWithoutAFact:
    def test_compulsory_school_that_was_started_anywhere(self) -> None:
        assert entered(started("2021-08-18", "GR"), left("2024-06-05")) == ["compulsory_school_only"]

    def test_also_when_a_later_told_start_of_that_day_says_otherwise(self) -> None:
        said = [started("2023-08-17", "GR"), started("2023-08-17", "FHS", time="2024-01-01T00:00:00Z")]
        assert entered(*said) == ["compulsory_school_only"]

    def test_a_no_show_anywhere(self) -> None:
        assert entered(no_show("2024-08-19")) == ["compulsory_school_only"]

    def test_both_go_before_being_newly_arrived(self) -> None:
        arrived = registered("2025-10-06", registered_in_sweden_on="2025-10-06")
        assert episodes(arrived) == ["0180 2025-10-06..2028-03-14 newly_arrived/turned_20"]
        assert episodes(arrived, no_show("2026-08-19")) == [
            "0180 2025-10-06..2028-03-14 compulsory_school_only/turned_20"
        ]

    def test_arrived_by_the_default_day_is_not_newly_arrived(self) -> None:
        arrived = registered("2025-10-06", registered_in_sweden_on="2024-06-30")
        assert episodes(arrived) == ["0180 2025-10-06..2028-03-14 no_known_school/turned_20"]

    def test_newly_arrived_also_when_a_school_told_of_compulsory_school_later(self) -> None:
        said = [registered("2025-01-06", registered_in_sweden_on="2025-01-06"), moved("2025-02-01", "1480")]
        assert [line.split(" ")[2] for line in episodes(*said)] == [
            "newly_arrived/moved",
            "newly_arrived/turned_20",
        ]


class TestWhatALeaveRefersTo:
    def test_the_kind_of_the_latest_piece_on_or_before_its_date(self) -> None:
        said = [started("2024-06-01"), changed("2024-11-04", path="IMV"), left("2025-03-14")]
        assert entered(*said) == ["left_introductory_programme"]
        said = [started("2024-06-01"), changed("2025-03-14", path="IMV"), left("2025-03-14")]
        assert entered(*said) == ["left_introductory_programme"]

    @pytest.mark.parametrize("form", ["GR", "FHS", "VUXGR", "VUXSFI"])
    def test_leaving_compulsory_or_other_education_tells_nothing(self, form: str) -> None:
        said = [compulsory_ended("2024-06-12"), started("2024-08-19", form), left("2025-03-14")]
        assert set(entered(*said)) == {"compulsory_school_only"}

    def test_on_the_first_day_of_the_next_programme_it_is_of_the_one_before(self) -> None:
        said = [started("2024-06-01", path="IMV"), left("2025-01-13"), started("2025-01-13", "FHS")]
        assert entered(*said, moved("2025-02-01", "1480"))[1:] == ["left_introductory_programme"]

    def test_it_ends_the_open_enrolment_rather_than_a_later_one_that_never_began(self) -> None:
        said = [
            started("2024-06-01"),
            started("2024-12-02", path="IMA"),
            no_show("2024-12-02"),
            left("2025-01-24"),
        ]
        assert entered(*said) == ["left_upper_secondary"]

    def test_one_that_ends_nothing_is_of_the_latest_start_on_or_before_it(self) -> None:
        said = [started("2024-06-01", path="IMA"), completed("2024-12-20"), left("2025-01-24")]
        assert entered(*said, moved("2025-02-01", "1480")) == [
            "study_certificate",
            "left_introductory_programme",
        ]

    def test_of_an_enrolment_that_never_began_it_tells_nothing(self) -> None:
        said = [
            compulsory_ended("2024-06-12"),
            started("2024-08-19"),
            no_show("2024-08-19"),
            left("2024-08-26"),
        ]
        assert entered(*said, moved("2024-10-01", "1480")) == ["compulsory_school_only"] * 2

    def test_a_start_on_its_very_day_is_on_or_before_it(self) -> None:
        said = [started("2024-06-01"), completed("2024-07-31"), started("2024-08-19"), no_show("2024-08-19")]
        assert entered(*said, left("2024-08-19"), moved("2024-10-01", "1480")) == ["study_certificate"] * 2

    @pytest.mark.parametrize(
        ("day", "reason"), [("2024-07-20", "compulsory_school_only"), ("2024-07-19", "left_upper_secondary")]
    )
    def test_up_to_thirty_days_before_the_first_start_it_tells_nothing(self, day: str, reason: str) -> None:
        said = [compulsory_ended("2024-06-12"), started("2024-08-19"), left(day), left("2024-12-13")]
        assert entered(*said, moved("2024-08-10", "1480"))[1] == reason

    def test_where_no_start_was_ever_told_it_counts_as_upper_secondary(self) -> None:
        said = [compulsory_ended("2024-06-12"), left("2025-01-24"), moved("2025-02-01", "1480")]
        assert entered(*said) == ["compulsory_school_only", "left_upper_secondary"]

    def test_a_piece_that_fell_away_is_not_what_was_left(self) -> None:
        said = [
            started("2024-06-01"),
            changed("2025-02-01", path="IMV"),
            started("2025-01-13", unit=OTHER_UNIT),
            completed("2025-02-28", unit=OTHER_UNIT),
            left("2025-03-14"),
            moved("2025-04-01", "1480"),
        ]
        assert entered(*said) == ["study_certificate", "left_upper_secondary"]

    def test_nor_is_one_that_would_have_begun_with_the_main_enrolment_elsewhere(self) -> None:
        said = [
            started("2024-06-01"),
            changed("2025-01-13", path="IMV"),
            started("2025-01-13", unit=OTHER_UNIT),
            completed("2025-02-28", unit=OTHER_UNIT),
            left("2025-03-14"),
            moved("2025-04-01", "1480"),
        ]
        assert entered(*said) == ["study_certificate", "left_upper_secondary"]

    def test_a_leave_from_the_school_before_comes_late_and_counts_all_the_same(self) -> None:
        said = [
            started("2024-06-01", path="IMV"),
            started("2025-01-13", unit=OTHER_UNIT),
            left("2025-01-17"),
            completed("2025-01-15", unit=OTHER_UNIT),
            moved("2025-02-01", "1480"),
        ]
        assert entered(*said) == ["study_certificate", "left_introductory_programme"]


class TestWhatChangedOnTheDayAfter:
    @pytest.mark.parametrize(
        ("form", "path", "reason"),
        [
            ("GY", "IMA", "started_introductory_programme"),
            ("GY", "NA", "started_upper_secondary"),
            ("VUXGY", None, "started_equivalent_education"),
            ("GR", None, "returned_to_compulsory_school"),
        ],
    )
    def test_education_that_began(self, form: str, path: str | None, reason: str) -> None:
        assert gone(started("2025-01-13", form, path)) == [reason]

    def test_also_by_a_change_of_programme(self) -> None:
        assert gone(started("2025-01-13", "VUXSFI"), changed("2025-03-03", "VUXGY", None)) == [
            "started_equivalent_education"
        ]

    def test_of_all_that_happened_on_one_day_the_first_in_the_order_is_told(self) -> None:
        day = "2028-03-15"
        units = iter(("10000003", "10000004", "10000005", "10000006"))
        in_order = [
            (deceased(day), "deceased"),
            (moved(day, None, time="2028-03-17T00:00:00Z"), "emigrated"),
            (moved(day, "1480", time="2028-03-16T00:00:00Z"), "moved"),
            # the twentieth birthday itself
            (None, "turned_20"),
        ]
        others = [awarded(day, "diploma"), started(day, unit=next(units))]
        while in_order:
            assert gone(*others, *(said for said, _ in in_order if said is not None)) == [in_order[0][1]]
            in_order.pop(0)

    def test_and_so_before_the_birthday(self) -> None:
        day = "2025-03-03"
        in_order = [
            (awarded(day, "diploma"), "completed_education"),
            (started(day, path="IMA", unit="10000003"), "started_introductory_programme"),
            (started(day, unit="10000004"), "started_upper_secondary"),
            (started(day, "VUXGY", unit="10000005"), "started_equivalent_education"),
            (started(day, "GR", unit="10000006"), "returned_to_compulsory_school"),
        ]
        while in_order:
            assert gone(*(said for said, _ in in_order)) == [in_order[0][1]]
            in_order.pop(0)
