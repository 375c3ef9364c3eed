"""Enrolments: what was proposed, what never began, what ended it, and what it was.

Everyone here was born on 15 March 2008, is resident in 0180 and out of compulsory school on 12 June 2024; so days
without an enrolment show as covered.
"""

from collections.abc import Callable

import pytest

from services.registry.enrolments import kind_of
from services.registry.statement import Statement
from tests.registry.sayings import (
    OTHER_UNIT,
    UNIT,
    changed,
    completed,
    compulsory_ended,
    left,
    no_show,
    resident,
    started,
)

END = "2028-03-14"


def days(*statements: Statement) -> list[str]:
    """The covered runs, without the reasons."""
    lines = resident(compulsory_ended("2024-06-12"), *statements, summer_hold=False)
    return [line.split(" ")[0] for line in lines]


@pytest.mark.parametrize(
    ("form", "path", "kind"),
    [
        ("GY", "IMA", "introductory"),
        ("GY", "IMSPR", "introductory"),
        ("GY", "NA", "upper_secondary"),
        ("GY", None, "upper_secondary"),
        ("GYAN", "IMA", "upper_secondary"),
        ("GYS", None, "upper_secondary"),
        ("GYSAR", None, "upper_secondary"),
        ("GS", None, "upper_secondary"),
        ("VUXGY", None, "equivalent"),
        ("ABROAD", None, "equivalent"),
        ("GR", None, "compulsory"),
        ("VUXGR", None, "other"),
        ("VUXSFI", None, "other"),
        ("FHS", None, "other"),
    ],
)
def test_the_kind_follows_from_school_form_and_study_path(form: str, path: str | None, kind: str) -> None:
    assert kind_of(form, path) == kind


class TestStarts:
    def test_of_two_starts_at_a_unit_on_one_day_the_later_told_says_what_it_is(self) -> None:
        said = [
            started("2024-08-19", "VUXGR", time="2024-08-21T00:00:00Z"),
            started("2024-08-19", "GY", time="2024-08-20T00:00:00Z"),
        ]
        assert days(*said) == days(*reversed(said)) == [f"2024-06-13..{END}"]

    def test_an_enrolment_that_nothing_ends_is_open_for_ever(self) -> None:
        assert days(started("2024-08-19")) == ["2024-06-13..2024-08-18"]


class TestNoShows:
    @pytest.mark.parametrize(
        ("term", "removed"),
        [("2024-07-20", True), ("2024-07-19", False), ("2024-09-18", True), ("2024-09-19", False)],
    )
    def test_a_no_show_removes_a_start_at_most_thirty_days_away_on_either_side(
        self, term: str, removed: bool
    ) -> None:
        expected = [f"2024-06-13..{END}"] if removed else ["2024-06-13..2024-08-18"]
        assert days(started("2024-08-19"), no_show(term)) == expected

    def test_it_removes_the_nearest_start_only(self) -> None:
        said = [started("2024-08-19", "VUXGY"), started("2024-09-02"), no_show("2024-08-30")]
        assert days(*said, left("2024-08-25")) == ["2024-06-13..2024-08-18", f"2024-08-26..{END}"]

    def test_of_two_as_near_it_removes_the_earlier(self) -> None:
        said = [started("2024-08-19"), started("2024-08-29"), no_show("2024-08-24")]
        assert days(*said) == ["2024-06-13..2024-08-28"]

    def test_each_looks_at_all_that_were_proposed_so_two_may_mean_the_same_one(self) -> None:
        said = [started("2024-08-19"), started("2024-09-09"), no_show("2024-08-19"), no_show("2024-08-20")]
        assert days(*said) == ["2024-06-13..2024-09-08"]

    def test_it_says_nothing_of_another_unit(self) -> None:
        assert days(started("2024-08-19"), no_show("2024-08-19", OTHER_UNIT)) == ["2024-06-13..2024-08-18"]


class TestWithdrawnBeforeTheTerm:
    @pytest.mark.parametrize(("day", "removed"), [("2024-07-20", True), ("2024-07-19", False)])
    def test_a_leave_at_most_thirty_days_before_the_start_removes_it(self, day: str, removed: bool) -> None:
        expected = [f"2024-06-13..{END}"] if removed else ["2024-06-13..2024-08-18"]
        assert days(started("2024-08-19"), left(day)) == expected

    def test_a_leave_on_the_first_day_ends_it_after_that_day(self) -> None:
        expected = ["2024-06-13..2024-08-18", f"2024-08-20..{END}"]
        assert days(started("2024-08-19"), left("2024-08-19")) == expected

    def test_a_completion_before_the_start_removes_nothing(self) -> None:
        assert days(started("2024-08-19"), completed("2024-08-09")) == ["2024-06-13..2024-08-18"]

    def test_a_leave_at_another_unit_removes_nothing(self) -> None:
        assert days(started("2024-08-19"), left("2024-08-09", OTHER_UNIT)) == ["2024-06-13..2024-08-18"]

    def test_not_when_another_start_lies_between(self) -> None:
        # the leave is of the one that starts next after it
        said = [started("2024-08-19"), started("2024-09-02"), left("2024-08-09")]
        assert days(*said) == ["2024-06-13..2024-09-01"]

    def test_a_start_between_counts_also_when_a_no_show_removed_it(self) -> None:
        said = [started("2024-08-19"), no_show("2024-08-19"), started("2024-09-02"), left("2024-08-09")]
        assert days(*said) == ["2024-06-13..2024-09-01"]

    def test_not_when_the_leave_is_dated_while_an_earlier_enrolment_there_is_open(self) -> None:
        said = [started("2024-07-01", "VUXGY"), left("2024-08-09"), started("2024-08-19")]
        assert days(*said) == ["2024-06-13..2024-06-30", "2024-08-10..2024-08-18"]

    def test_but_so_when_the_earlier_one_had_ended(self) -> None:
        said = [started("2024-07-01"), completed("2024-07-30"), left("2024-08-09"), started("2024-08-19")]
        assert days(*said) == ["2024-06-13..2024-06-30", f"2024-07-31..{END}"]

    def test_and_when_the_earlier_one_never_began_either(self) -> None:
        # the July start was proposed before the leave, so it does not lie between; and it does not stand
        said = [left("2024-06-20"), started("2024-07-01"), no_show("2024-07-01"), left("2024-08-09")]
        assert days(*said, started("2024-08-19")) == [f"2024-06-13..{END}"]

    def test_whether_it_is_open_is_asked_of_the_unit_and_not_of_enrolments_elsewhere(self) -> None:
        # the pupil went elsewhere in September, but at the first unit nothing had ended it
        said = [
            started("2024-08-19"),
            started("2024-09-10", unit=OTHER_UNIT),
            left("2024-10-01"),
            started("2024-10-15"),
            left("2024-10-20", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18"]

    def test_not_when_a_later_leave_shows_that_it_began(self) -> None:
        said = [left("2024-08-09"), started("2024-08-19"), left("2024-12-13")]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2024-12-14..{END}"]

    def test_a_leave_on_the_first_day_shows_that_it_began(self) -> None:
        said = [left("2024-08-09"), started("2024-08-19"), left("2024-08-19")]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2024-08-20..{END}"]

    def test_a_leave_from_the_next_proposed_start_on_shows_nothing_of_this_one(self) -> None:
        said = [left("2024-08-09"), started("2024-08-19"), started("2024-10-01"), left("2024-10-01")]
        assert days(*said) == ["2024-06-13..2024-09-30", f"2024-10-02..{END}"]

    def test_a_completion_shows_it_too(self) -> None:
        said = [left("2024-08-09"), started("2024-08-19"), completed("2024-12-13")]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2024-12-14..{END}"]


class TestEnds:
    def test_the_first_leave_on_or_after_the_start_ends_it(self) -> None:
        said = [started("2024-08-19"), left("2025-03-01"), completed("2025-01-10"), left("2024-06-01")]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-01-11..{END}"]

    def test_a_new_enrolment_at_the_unit_ends_it_the_day_before(self) -> None:
        said = [started("2024-08-19"), started("2025-01-13", "VUXGR"), left("2025-03-01")]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-01-13..{END}"]

    def test_one_that_never_began_ends_nothing(self) -> None:
        said = [
            started("2024-08-19"),
            started("2025-01-13", "VUXGR"),
            no_show("2025-01-13"),
            left("2025-03-01"),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-03-02..{END}"]

    @pytest.mark.parametrize("leave", [left, completed])
    def test_a_leave_on_the_first_day_is_of_the_programme_before_it(
        self, leave: Callable[[str], Statement]
    ) -> None:
        said = [started("2024-08-19", path="IMV"), leave("2025-01-13"), started("2025-01-13")]
        assert days(*said) == ["2024-06-13..2024-08-18"]

    def test_also_when_the_programme_before_had_its_own_leave_the_day_before(self) -> None:
        said = [started("2024-08-19"), left("2025-01-12"), left("2025-01-13"), started("2025-01-13")]
        assert days(*said) == ["2024-06-13..2024-08-18"]

    def test_but_its_own_when_the_one_before_had_ended_earlier(self) -> None:
        said = [started("2024-08-19"), left("2025-01-11"), left("2025-01-13"), started("2025-01-13")]
        assert days(*said) == ["2024-06-13..2024-08-18", "2025-01-12..2025-01-12", f"2025-01-14..{END}"]

    def test_a_later_leave_still_ends_it(self) -> None:
        said = [started("2024-08-19"), left("2025-01-13"), started("2025-01-13"), left("2025-02-28")]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-03-01..{END}"]

    def test_an_old_programme_does_not_last_into_the_first_day_of_the_new(self) -> None:
        said = [started("2024-08-19"), left("2025-01-13"), started("2025-01-13", "VUXGR")]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-01-13..{END}"]

    def test_the_end_of_compulsory_school_at_any_unit_ends_what_was_started_as_such(self) -> None:
        said = [started("2024-09-02", "GR"), compulsory_ended("2024-12-20", OTHER_UNIT)]
        assert days(*said) == [f"2024-12-21..{END}"]

    def test_the_end_of_compulsory_school_ends_it_also_on_its_first_day_and_not_before(self) -> None:
        assert days(started("2024-06-12", "GR")) == [f"2024-06-13..{END}"]
        assert days(started("2024-06-13", "GR")) == []

    def test_the_end_of_compulsory_school_ends_nothing_else(self) -> None:
        said = [started("2024-08-19"), changed("2024-10-01", "GR"), compulsory_ended("2025-01-31")]
        assert days(*said) == []

    def test_what_was_started_as_compulsory_school_ends_so_whatever_it_was_changed_to(self) -> None:
        said = [started("2024-08-19", "GR"), changed("2024-10-01", "GY"), compulsory_ended("2025-01-31")]
        assert days(*said) == [f"2025-02-01..{END}"]


class TestChanges:
    def test_a_change_makes_it_something_else_from_that_day(self) -> None:
        said = [started("2024-08-19"), changed("2025-01-13", "VUXSFI"), changed("2025-03-01", "VUXGY")]
        assert days(*said) == ["2024-06-13..2024-08-18", "2025-01-13..2025-02-28"]

    def test_on_the_first_day_it_replaces_what_was_started(self) -> None:
        said = [started("2024-08-19", time="2024-09-01T00:00:00Z"), changed("2024-08-19", "VUXSFI")]
        assert days(*said) == [f"2024-06-13..{END}"]

    def test_on_the_last_day_it_still_counts(self) -> None:
        said = [started("2024-08-19", "VUXSFI"), changed("2024-12-20", "GY"), left("2024-12-20")]
        assert days(*said) == ["2024-06-13..2024-12-19", f"2024-12-21..{END}"]

    @pytest.mark.parametrize("day", ["2024-08-18", "2024-12-21"])
    def test_where_none_is_open_it_opens_none(self, day: str) -> None:
        said = [started("2024-08-19", "VUXSFI"), changed(day, "GY"), left("2024-12-20")]
        assert days(*said) == [f"2024-06-13..{END}"]

    def test_of_two_on_one_day_the_later_told_holds(self) -> None:
        said = [
            started("2024-08-19"),
            changed("2025-01-13", "VUXSFI", time="2025-01-15T00:00:00Z"),
            changed("2025-01-13", "VUXGY", time="2025-01-14T00:00:00Z"),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-01-13..{END}"]


class TestOneMainEnrolmentAtATime:
    @pytest.mark.parametrize(("form", "path"), [("GY", "IMA"), ("GY", "NA"), ("VUXGY", None), ("GR", None)])
    def test_a_later_one_elsewhere_ends_it(self, form: str, path: str | None) -> None:
        said = [
            started("2024-08-19"),
            started("2025-01-13", form, path, OTHER_UNIT),
            left("2025-03-01", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-03-02..{END}"]

    def test_not_a_later_one_of_another_kind(self) -> None:
        said = [
            started("2024-08-19"),
            started("2025-01-13", "FHS", unit=OTHER_UNIT),
            left("2025-03-01", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18"]

    def test_not_one_that_becomes_main_only_later(self) -> None:
        said = [
            started("2024-08-19"),
            started("2025-01-13", "VUXGR", unit=OTHER_UNIT),
            changed("2025-02-01", "VUXGY", None, OTHER_UNIT),
            left("2025-03-01", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18"]

    def test_and_one_that_became_main_only_later_is_not_ended(self) -> None:
        said = [
            started("2024-08-19", "VUXGR"),
            changed("2024-10-01", "VUXGY", None),
            started("2025-01-13", unit=OTHER_UNIT),
            left("2025-03-01", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-09-30"]

    def test_what_it_is_on_its_first_day_decides(self) -> None:
        said = [
            started("2024-08-19"),
            changed("2024-08-19", "VUXGR", None),
            changed("2024-10-01", "VUXGY", None),
            started("2025-01-13", unit=OTHER_UNIT),
            left("2025-03-01", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-09-30"]

    def test_pieces_from_that_day_on_fall_away(self) -> None:
        said = [
            started("2024-08-19"),
            changed("2025-02-01", "VUXGY", None),
            started("2025-01-13", unit=OTHER_UNIT),
            left("2025-01-31", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2025-02-01..{END}"]

    def test_two_that_start_on_one_day_both_stand(self) -> None:
        said = [
            started("2024-08-19"),
            started("2024-08-19", unit=OTHER_UNIT),
            left("2024-10-01"),
            left("2024-11-01", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2024-11-02..{END}"]

    def test_both_are_ended_by_a_third(self) -> None:
        said = [
            started("2024-08-19"),
            started("2024-08-19", unit=OTHER_UNIT),
            started("2024-10-01", unit="13000002"),
            left("2024-11-01", "13000002"),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18", f"2024-11-02..{END}"]

    def test_one_that_never_began_ends_none(self) -> None:
        said = [
            started("2024-08-19", unit=UNIT),
            started("2025-01-13", unit=OTHER_UNIT),
            no_show("2025-01-13", OTHER_UNIT),
        ]
        assert days(*said) == ["2024-06-13..2024-08-18"]
