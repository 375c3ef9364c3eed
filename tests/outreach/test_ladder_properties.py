"""What holds for every ladder and every case."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.outreach.kinds import OUTCOMES, Outcome
from services.outreach.ladder import Case, Done, called_for
from services.outreach.ladder_file import default
from services.outreach.steps import Ladder

from .ladders import any_case, any_ladder, on

#: The same examples on every run, on every machine.
steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
#: Days looked at: beyond the last of anything done or planned.
LAST: Final = 620


@st.composite
def _met(draw: st.DrawFn) -> tuple[Case, Ladder]:
    """A ladder, the default as often as any other, and a case that meets it."""
    ladder = draw(st.just(default()) | any_ladder())
    return draw(any_case(ladder)), ladder


met = _met()


@steady
@given(met)
def test_a_case_never_falls_silent(both: tuple[Case, Ladder]) -> None:
    for day in range(LAST):
        wanted, next_day = called_for(*both, on(day))
        assert wanted or next_day is not None
        assert next_day is None or next_day > on(day)


@steady
@given(met)
def test_between_one_next_day_and_the_following_nothing_changes(both: tuple[Case, Ladder]) -> None:
    wanted, next_day = called_for(*both, on(0))
    for day in range(1, LAST):
        if on(day) == next_day:
            wanted, next_day = called_for(*both, on(day))
        assert called_for(*both, on(day)) == (wanted, next_day)


@steady
@given(met, st.data())
def test_the_order_in_which_things_are_told_does_not_count(
    both: tuple[Case, Ladder], data: st.DataObject
) -> None:
    case, ladder = both
    other = replace(
        case,
        done=tuple(data.draw(st.permutations(case.done))),
        measures=tuple(data.draw(st.permutations(case.measures))),
    )
    for day in range(0, LAST, 31):
        assert called_for(case, ladder, on(day)) == called_for(other, ladder, on(day))


@steady
@given(met)
def test_at_most_one_task_of_a_kind_is_called_for_the_soonest_due_first(both: tuple[Case, Ladder]) -> None:
    for day in range(0, LAST, 31):
        wanted, _ = called_for(*both, on(day))
        kinds = [task.kind for task in wanted]
        assert len(kinds) == len(set(kinds))
        assert [task.due_on for task in wanted] == sorted(task.due_on for task in wanted)
        assert all(task.urgent_from <= task.due_on for task in wanted)


@steady
@given(met)
def test_a_channel_is_proposed_only_where_its_way_is_known(both: tuple[Case, Ladder]) -> None:
    case, ladder = both
    known = case.ways | ({"home_visit"} if "letter" in case.ways else set())
    for day in range(0, LAST, 31):
        for task in called_for(case, ladder, on(day))[0]:
            assert task.channel in known | {None, "social_media", "meeting", "other"}


@steady
@given(st.data())
def test_a_protected_person_is_never_on_the_ladder_and_has_no_channel(data: st.DataObject) -> None:
    ladder = data.draw(st.just(default()) | any_ladder())
    case = data.draw(any_case(ladder, protected=True))
    for day in range(0, LAST, 31):
        for task in called_for(case, ladder, on(day))[0]:
            assert task.step in {"protected", "follow_up", "hand_over"}
            assert task.channel is None


@steady
@given(met, st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=5), st.integers(0, 400))
def test_a_days_work_in_a_case_comes_to_an_end(
    both: tuple[Case, Ladder], outcomes: list[Outcome], day: int
) -> None:
    case, ladder = both
    # the planned follow-ups are the staff's own, and are taken out of the plan when they are done
    case = replace(case, measures=tuple(replace(one, follow_up_on=()) for one in case.measures))
    for number in range(len(ladder.steps) + 3):
        wanted, _ = called_for(case, ladder, on(day))
        if not wanted:
            break
        outcome = outcomes[number % len(outcomes)]
        done = Done(wanted[0].kind, on(day), outcome, wanted[0].channel, wanted[0].step)
        case = replace(case, done=(*case.done, done))
    assert called_for(case, ladder, on(day))[0] == ()


def test_a_year_is_longer_than_anything_these_cases_plan() -> None:
    assert on(LAST) - on(0) > timedelta(days=365 + 200)
