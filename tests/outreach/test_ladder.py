"""What the ladder calls for in a case, and when that may change."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from contracts.own import EntryReason
from services.outreach.ages import at_age, hand_over_on
from services.outreach.kinds import Channel, Outcome
from services.outreach.ladder import Wanted, called_for

from .ladders import DEFAULT, UNTOUCHED, after, ladder_of, next_day, on, only, plain, steps

# --- the first step


def test_a_young_person_is_to_be_informed_at_once_by_phone_within_ten_days() -> None:
    assert only(UNTOUCHED, 0) == Wanted("inform", on(10), "inform", "phone", on(10))


def test_a_resident_no_source_accounts_for_is_cleared_up_first() -> None:
    case = replace(UNTOUCHED, entry_reason="no_known_school")
    assert only(case, 0).kind == "clear_up"
    assert steps(after(case, (3, "clear_up", "clear_up", None)), 3) == ["inform"]


@pytest.mark.parametrize(
    "reason", ["compulsory_school_only", "left_introductory_programme", "study_certificate", "newly_arrived"]
)
def test_every_other_reason_of_entry_begins_with_informing(reason: EntryReason) -> None:
    assert steps(replace(UNTOUCHED, entry_reason=reason), 0) == ["inform"]


# --- what follows


@pytest.mark.parametrize(
    ("outcome", "step", "days"),
    [
        ("reached", "talk", 7),
        ("informed", "contact", 14),
        ("declined", "contact", 90),
        ("message_left", "contact", 7),
        ("not_reached", "contact", 7),
        (None, "contact", 7),
    ],
)
def test_a_step_follows_each_outcome_after_its_days(outcome: Outcome | None, step: str, days: int) -> None:
    case = after(UNTOUCHED, (4, "inform", "inform", outcome))
    assert called_for(case, DEFAULT, on(3 + days))[0] == ()
    assert next_day(case, 4) == 4 + days
    assert steps(case, 4 + days) == [step]


def test_a_step_is_tried_as_often_as_it_says_with_the_days_it_says_between() -> None:
    case = after(UNTOUCHED, (0, "inform", "inform", "not_reached"), (7, "contact", "contact", "not_reached"))
    assert (steps(case, 9), steps(case, 10)) == ([], ["contact"])
    case = after(case, (10, "contact", "contact", "message_left"))
    assert (steps(case, 16), steps(case, 17)) == ([], ["contact"])
    case = after(case, (17, "contact", "contact", "not_reached"))
    assert (steps(case, 23), steps(case, 24)) == ([], ["write"])


def test_tries_are_counted_anew_when_a_step_is_come_back_to() -> None:
    case = after(
        UNTOUCHED,
        (0, "inform", "inform", "not_reached"),
        (7, "contact", "contact", "not_reached"),
        (10, "contact", "contact", "not_reached"),
        (17, "contact", "contact", "declined"),
    )
    assert (steps(case, 106), steps(case, 107)) == ([], ["contact"])
    assert steps(after(case, (107, "contact", "contact", "not_reached")), 110) == ["contact"]


def test_an_end_lasts_for_its_time_and_then_the_case_goes_on() -> None:
    case = after(UNTOUCHED, (2, "talk", "talk", "declined"))
    assert called_for(case, DEFAULT, on(2)) == ((), on(62))
    assert steps(case, 62) == ["contact"]


def test_who_is_reached_is_talked_to_and_then_offered_a_measure() -> None:
    case = after(UNTOUCHED, (1, "inform", "inform", "reached"))
    assert only(case, 8).channel == "meeting"
    assert steps(after(case, (9, "talk", "talk", "reached")), 16) == ["offer_measure"]


def test_an_answer_given_before_its_step_opens_counts() -> None:
    case = after(UNTOUCHED, (1, "inform", "inform", "not_reached"), (2, "contact", "contact", "reached"))
    assert steps(case, 9) == ["talk"]


@pytest.mark.parametrize("day", [0, 5])
def test_a_contact_made_without_a_task_answers_what_a_contact_can(day: int) -> None:
    assert steps(after(UNTOUCHED, (day, "contact", None, "reached")), day + 7) == ["talk"]
    informed = after(UNTOUCHED, (0, "inform", "inform", "not_reached"))
    assert steps(after(informed, (day, "contact", None, "reached")), day + 7) == ["talk"]


def test_a_contact_made_without_a_task_is_no_conversation_and_clears_nothing_up() -> None:
    case = after(UNTOUCHED, (0, "inform", "inform", "reached"), (8, "contact", None, "reached"))
    assert steps(case, 20) == ["talk"]
    unknown = replace(UNTOUCHED, entry_reason="no_known_school")
    assert steps(after(unknown, (8, "contact", None, "not_reached")), 20) == ["clear_up"]


def test_a_step_that_was_renamed_is_answered_by_its_kind() -> None:
    case = after(UNTOUCHED, (0, "inform", "inform", "not_reached"), (7, "contact", "ring", "reached"))
    assert steps(case, 14) == ["talk"]


def test_what_was_done_before_the_reason_of_entry_was_corrected_is_not_done_again() -> None:
    case = after(UNTOUCHED, (2, "inform", "inform", "reached"))
    assert steps(replace(case, entry_reason="no_known_school"), 9) == ["talk"]


def test_a_first_step_of_a_corrected_reason_does_not_lead_back_from_what_came_after_it_the_same_day() -> None:
    case = after(UNTOUCHED, (2, "clear_up", "clear_up", None), (2, "inform", "inform", "reached"))
    assert steps(case, 9) == ["talk"]


def test_of_two_answers_to_one_step_on_one_day_the_one_that_reached_her_counts_last() -> None:
    case = after(
        UNTOUCHED,
        (0, "inform", "inform", "not_reached"),
        (7, "contact", "contact", "reached"),
        (7, "contact", "contact", "not_reached"),
    )
    assert steps(case, 14) == ["talk"]


# --- channels


@pytest.mark.parametrize(
    ("ways", "channel"),
    [
        ({"phone", "letter"}, "phone"),
        ({"letter", "email"}, "email"),
        ({"letter"}, "letter"),
        (set(), "social_media"),
    ],
)
def test_the_first_channel_that_the_known_ways_allow_is_proposed(
    ways: set[Channel], channel: Channel
) -> None:
    assert only(replace(UNTOUCHED, ways=frozenset(ways)), 0).channel == channel


def test_nobody_is_visited_whose_address_is_not_known() -> None:
    case = after(UNTOUCHED, (0, "contact", "write", "not_reached"))
    assert only(case, 21).channel == "home_visit"
    assert only(replace(case, ways=frozenset({"phone"})), 21).channel == "social_media"


def test_no_channel_is_proposed_when_none_is_possible() -> None:
    values = plain()
    values["steps"]["inform"]["channels"] = ["phone", "letter"]
    assert only(replace(UNTOUCHED, ways=frozenset()), 0, ladder_of(values)).channel is None


# --- close to 20


def test_a_task_is_urgent_from_180_days_before_the_20th_birthday() -> None:
    case = replace(UNTOUCHED, birth_date=date(2007, 1, 1))
    assert only(case, 0).urgent_from == date(2027, 1, 1) - timedelta(days=180)
    assert only(case, 0).due_on == on(10)


def test_waits_are_half_as_long_close_to_20() -> None:
    case = after(replace(UNTOUCHED, birth_date=date(2007, 1, 1)), (4, "inform", "inform", "not_reached"))
    assert (steps(case, 7), steps(case, 8)) == ([], ["contact"])


def test_a_wait_is_cut_when_she_comes_close_to_20_in_the_middle_of_it() -> None:
    # close to 20 from day 60; three months after day 0 would be day 90, half of that day 45
    case = replace(UNTOUCHED, birth_date=at_age(on(60) + timedelta(days=180), -20))
    case = after(case, (0, "inform", "inform", "declined"))
    assert next_day(case, 0) == 60
    assert steps(case, 60) == ["contact"]


def test_nothing_is_shorter_for_whom_no_birth_date_is_known() -> None:
    case = after(replace(UNTOUCHED, birth_date=None), (4, "inform", "inform", "not_reached"))
    assert called_for(case, DEFAULT, on(4)) == ((), on(11))


# --- hand over


def test_a_case_is_handed_over_from_19_years_and_9_months() -> None:
    case = replace(UNTOUCHED, birth_date=date(2006, 12, 15))
    assert hand_over_on(date(2006, 12, 15), DEFAULT) == date(2026, 9, 15)
    assert steps(case, 13) == ["inform"]
    assert next_day(case, 0) == 14
    assert steps(case, 14) == ["inform", "hand_over"]


def test_months_are_counted_as_months_and_a_day_that_is_not_there_is_the_next() -> None:
    assert at_age(date(2006, 5, 31), 19, 9) == date(2026, 3, 1)
    assert at_age(date(2008, 2, 29), 20) == date(2028, 2, 29)
    assert at_age(date(2008, 2, 29), 19) == date(2027, 3, 1)
    assert at_age(date(2006, 12, 31), 19, 11) == date(2026, 12, 1)


def test_a_municipality_may_count_days_instead() -> None:
    values = plain()
    values["hand_over"] = {"days_before_20": 91, "due_in_days": 30}
    assert hand_over_on(date(2006, 12, 15), ladder_of(values)) == date(2026, 12, 15) - timedelta(days=91)


def test_a_case_that_was_handed_over_is_not_handed_over_again() -> None:
    case = after(replace(UNTOUCHED, birth_date=date(2006, 12, 15)), (20, "hand_over", "hand_over", "reached"))
    assert steps(case, 20) == ["inform"]


@pytest.mark.parametrize("outcome", ["not_reached", "message_left"])
def test_a_hand_over_that_nobody_answered_is_tried_again(outcome: Outcome) -> None:
    case = after(replace(UNTOUCHED, birth_date=date(2006, 12, 15)), (20, "hand_over", "hand_over", outcome))
    assert "hand_over" not in steps(case, 23)
    assert "hand_over" in steps(case, 24), "half of a week, being close to 20"
    assert "hand_over" not in steps(after(case, (24, "hand_over", "hand_over", None)), 100)


def test_handing_over_is_due_before_the_responsibility_ends() -> None:
    case = replace(UNTOUCHED, birth_date=at_age(on(10), -20))
    due = {wanted.kind: wanted.due_on for wanted in called_for(case, DEFAULT, on(0))[0]}
    assert due == {"hand_over": on(9), "inform": on(10)}
