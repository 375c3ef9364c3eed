"""What stands in for the ladder's steps: an occupation, a measure, protection; and what stands beside a case."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from contracts.own import Occupation
from services.outreach.ages import at_age
from services.outreach.kinds import Kind
from services.outreach.ladder import Case, MeasureOf, Wanted, called_for, early_support, still_planned
from services.outreach.rehearsal import Answered, rehearse
from services.outreach.steps import Ladder

from .ladders import DEFAULT, FIRST, UNTOUCHED, after, ladder_of, next_day, on, only, plain, steps


def changed(**parts: dict[str, Any]) -> Ladder:
    """The default ladder with other values in its parts."""
    values = plain()
    for part, said in parts.items():
        values[part] |= said
    return ladder_of(values)


# --- occupation


def occupied(case: Case, day: int, occupation: Occupation) -> Case:
    return replace(case, occupation=occupation, occupation_known_on=on(day))


def test_nothing_is_called_for_while_a_known_occupation_is_current() -> None:
    case = occupied(after(UNTOUCHED, (5, "inform", "inform", "reached")), 5, "work")
    assert called_for(case, DEFAULT, on(5)) == ((), on(95))
    assert called_for(case, DEFAULT, on(94)) == ((), on(95))


def test_after_90_days_an_occupation_is_unknown_and_to_be_rechecked() -> None:
    case = occupied(after(UNTOUCHED, (5, "inform", "inform", "reached")), 5, "work")
    assert only(case, 95) == Wanted("recheck_occupation", on(109), "recheck", "phone", on(109))


def test_how_long_it_is_current_is_the_municipalitys_choice() -> None:
    case = occupied(UNTOUCHED, 5, "work")
    assert steps(case, 35, changed(occupation={"current_for_days": 30})) == ["recheck"]


def test_who_seeks_work_is_talked_to_all_the_same_and_rechecked_too() -> None:
    case = occupied(after(UNTOUCHED, (5, "inform", "inform", "reached")), 5, "seeking_work")
    assert steps(case, 12) == ["talk"]
    assert steps(case, 95) == ["recheck"]


@pytest.mark.parametrize("occupation", ["none", "unknown"])
def test_that_nothing_is_known_is_never_current(occupation: Occupation) -> None:
    case = occupied(after(UNTOUCHED, (5, "inform", "inform", "reached")), 5, occupation)
    assert steps(case, 12) == ["talk"]
    assert steps(case, 95) == ["talk"]


def test_a_recheck_that_reaches_nobody_leads_back_to_trying() -> None:
    case = occupied(after(UNTOUCHED, (5, "inform", "inform", "reached")), 5, "work")
    case = after(case, (95, "recheck_occupation", "recheck", "not_reached"))
    assert steps(case, 102) == ["recheck"]
    assert steps(after(case, (102, "recheck_occupation", "recheck", "not_reached")), 109) == ["contact"]


# --- measures


def measure(began: int, ended: int | None, *follow_ups: int) -> MeasureOf:
    return MeasureOf(on(began), None if ended is None else on(ended), tuple(map(on, follow_ups)))


def test_while_a_measure_goes_on_only_its_follow_ups_are_called_for() -> None:
    case = replace(UNTOUCHED, measures=(measure(0, 100, 40),))
    assert called_for(case, DEFAULT, on(0)) == ((), on(33))
    assert only(case, 33) == Wanted("follow_up", on(40), "follow_up", "meeting", on(40))


def test_a_measure_without_a_plan_is_followed_up_by_itself() -> None:
    case = replace(UNTOUCHED, measures=(measure(0, None),))
    assert (steps(case, 52), steps(case, 53)) == ([], ["follow_up"])
    case = after(case, (58, "follow_up", "follow_up", "reached"))
    assert called_for(case, DEFAULT, on(58)) == ((), on(58 + 60 - 7))


def test_a_follow_up_that_nobody_answered_is_tried_again_a_week_later() -> None:
    case = replace(UNTOUCHED, measures=(measure(0, 100, 40),))
    ahead = after(case, (34, "follow_up", "follow_up", "not_reached"))
    assert called_for(ahead, DEFAULT, on(34)) == ((), on(41))
    assert only(ahead, 41).due_on == on(41)
    again = after(ahead, (45, "follow_up", "follow_up", "message_left"))
    assert (steps(again, 51), steps(again, 52)) == ([], ["follow_up"])


def test_one_task_of_follow_up_at_a_time_the_soonest_first() -> None:
    case = replace(UNTOUCHED, measures=(measure(0, None, 30, 10), measure(0, None, 20)))
    assert only(case, 30).due_on == on(10)


def test_when_a_measure_has_ended_she_is_talked_to() -> None:
    case = replace(UNTOUCHED, measures=(measure(0, 100),))
    assert steps(case, 106) == []
    assert steps(case, 107) == ["talk"], "a week after its last day"
    assert steps(after(case, (108, "talk", "talk", "reached")), 115) == ["offer_measure"]


def test_the_last_day_of_a_measure_is_under_way_and_the_ladder_goes_on_the_day_after() -> None:
    at_once = changed(measures={"when_ended": {"then": "talk", "in_days": 0}})
    case = replace(UNTOUCHED, measures=(measure(0, 40),))
    assert called_for(case, at_once, on(40)) == ((), on(41))
    assert steps(case, 41, at_once) == ["talk"]


def test_the_ladder_goes_on_until_a_planned_measure_begins() -> None:
    case = replace(UNTOUCHED, measures=(measure(20, None),))
    assert steps(case, 19) == ["inform"]
    assert steps(case, 20) == []
    assert next_day(case, 0) == 20


def test_a_follow_up_planned_for_after_the_end_is_not_forgotten() -> None:
    assert "follow_up" in steps(replace(UNTOUCHED, measures=(measure(0, 10, 30),)), 30)


def test_a_measure_that_ended_before_the_case_was_opened_changes_nothing() -> None:
    assert steps(replace(UNTOUCHED, measures=(measure(-50, -10),)), 0) == ["inform"]


# --- protection


def test_a_protected_person_has_one_manual_step_and_no_channel() -> None:
    case = replace(after(UNTOUCHED, (2, "inform", "inform", "reached")), protected=True)
    assert only(case, 3) == Wanted("inform", on(12), "protected", None, on(12))


def test_the_manual_step_comes_again_whatever_came_of_it() -> None:
    case = replace(after(UNTOUCHED, (2, "inform", "protected", "not_reached")), protected=True)
    assert called_for(case, DEFAULT, on(2)) == ((), on(92))
    assert steps(case, 92) == ["protected"]


def test_a_protected_persons_measure_is_followed_up_without_a_channel() -> None:
    case = replace(UNTOUCHED, protected=True, measures=(measure(0, None, 5),))
    assert only(case, 0).channel is None
    assert steps(case, 0) == ["follow_up"]


def test_the_manual_step_of_who_was_in_a_measure_is_due_counted_from_its_end() -> None:
    case = replace(UNTOUCHED, protected=True, measures=(measure(0, 50),))
    assert steps(case, 50) == []
    assert only(case, 51) == Wanted("inform", on(61), "protected", None, on(61))


def test_when_protection_is_lifted_the_ladder_goes_on_where_it_stood() -> None:
    case = after(UNTOUCHED, (2, "inform", "inform", "not_reached"), (9, "inform", "protected", "reached"))
    assert steps(case, 9) == ["contact"]


# --- trying a ladder


def test_a_ladder_is_not_tried_without_an_answer() -> None:
    with pytest.raises(ValueError, match="expected at least one answer"):
        list(rehearse(UNTOUCHED, DEFAULT, [], on(10)))


def test_a_planned_follow_up_that_was_done_is_not_done_again() -> None:
    case = replace(UNTOUCHED, measures=(measure(0, 50, 10, 20),))
    lines = list(rehearse(case, DEFAULT, [Answered("reached")], on(30)))
    assert [(line.on, line.happening) for line in lines] == [
        (on(3), "opens"),
        (on(10), "done"),
        (on(13), "opens"),
        (on(20), "done"),
    ]


def test_a_follow_up_does_away_with_its_day_and_all_before_it_was_done_and_no_other() -> None:
    days = tuple(map(on, (5, 10, 12, 20)))
    assert still_planned(days, []) == days
    ahead = [(on(3), on(10))]
    assert still_planned(days, ahead) == (on(5), on(12), on(20)), (
        "done a week early: its day is not asked for again"
    )
    late = [(on(12), on(5))]
    assert still_planned(days, late) == (on(20),)


# --- early support


@pytest.mark.parametrize(
    ("birth_date", "urgent"),
    [(None, on(5)), (date(2009, 5, 4), on(5)), (at_age(on(100), -20), on(100) - timedelta(days=180))],
)
def test_a_notice_of_absence_calls_for_early_support(birth_date: date | None, urgent: date) -> None:
    assert early_support(FIRST, None, birth_date, DEFAULT) == Wanted(
        "early_support", on(5), "early_support", None, urgent
    )


@pytest.mark.parametrize(("last_in_vain", "due_on"), [(0, 7), (4, 11), (-3, 5)])
def test_early_support_tried_in_vain_is_due_when_it_is_tried_again(last_in_vain: int, due_on: int) -> None:
    assert early_support(FIRST, on(last_in_vain), None, DEFAULT).due_on == on(due_on)


def test_the_soonest_due_comes_first() -> None:
    case = replace(UNTOUCHED, birth_date=date(2006, 12, 1), measures=(measure(20, 30, 30),))
    kinds: list[Kind] = [wanted.kind for wanted in called_for(case, DEFAULT, on(40))[0]]
    assert kinds == ["follow_up", "hand_over", "talk"]
