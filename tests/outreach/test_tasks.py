"""What happens to the tasks of an episode, without any database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from typing import Final
from uuid import UUID

import pytest

from services.outreach.kinds import Kind
from services.outreach.ladder import Wanted
from services.outreach.tasks import (
    MERGED,
    Brought,
    Coverage,
    Episode,
    Happening,
    Person,
    Task,
    Whose,
    brought_up,
    closed,
    ending,
    for_notices,
    stands,
    the_case,
    waits_for,
)

TODAY: Final = date(2026, 9, 1)
DUE: Final = date(2026, 9, 11)
WHO: Final = UUID(int=1)
OPEN: Final = Coverage("0180", 1, date(2026, 8, 17), "left_upper_secondary", None, None)
ENDED: Final = replace(OPEN, to_day=date(2026, 9, 30), exit_reason="moved")
KNOWN: Final = Person(1, date(2008, 3, 15), "none", merged=False)
HERS: Final = Whose(WHO, "0180", OPEN.from_day, contacted=False, waits_for=None)


def episode(revision: int, coverage: Coverage | None) -> Episode:
    return Episode(UUID(int=2), revision, WHO, coverage)


def wanted(kind: Kind = "inform", step: str | None = None, due_on: date = DUE) -> Wanted:
    return Wanted(kind, due_on, step or kind, "phone", due_on)


INFORM: Final = (wanted(),)


def settled(tasks: Sequence[Task], brought: Sequence[Brought]) -> list[Task]:
    """The tasks as they are stored after this, oldest first."""
    changed = {task.task_id: task for task, _ in brought if task.task_id is not None}
    fresh = [
        replace(task, task_id=len(tasks) + place)
        for place, task in enumerate((task for task, _ in brought if task.task_id is None), 1)
    ]
    return [changed.get(task.task_id or 0, task) for task in tasks] + fresh


def after(*told: Episode, calls_for: Sequence[Wanted] = INFORM) -> tuple[list[Task], list[Happening]]:
    """The tasks after these tellings, lower revisions ignored, and their history."""
    tasks: list[Task] = []
    history: list[Happening] = []
    seen = 0
    for one in told:
        if one.revision > seen:
            seen = one.revision
            over = ending(one)
            brought = (
                brought_up(tasks, one, HERS, calls_for, TODAY) if over is None else closed(tasks, one, over)
            )
            tasks = settled(tasks, brought)
            history += [happening for _, happening in brought if happening is not None]
    return tasks, history


def opened(*calls_for: Wanted) -> list[Task]:
    tasks, _ = after(episode(1, OPEN), calls_for=calls_for or INFORM)
    return tasks


def test_what_is_called_for_opens_a_task() -> None:
    (task,), history = after(episode(1, OPEN))
    assert (task.kind, task.step, task.channel, task.state) == ("inform", "inform", "phone", "open")
    assert (task.opened_on, task.due_on, task.since) == (TODAY, DUE, OPEN.from_day)
    assert history == ["opened"]


def test_an_episode_first_heard_of_when_it_is_over_opens_none() -> None:
    assert after(episode(2, ENDED)) == ([], [])
    assert after(episode(2, None)) == ([], [])


def test_the_end_of_an_episode_closes_its_tasks_with_the_reason() -> None:
    tasks, history = after(episode(1, OPEN), episode(2, ENDED), calls_for=(*INFORM, wanted("hand_over")))
    assert [(task.state, task.reason) for task in tasks] == [("closed", "episode_ended: moved")] * 2
    assert history == ["opened", "opened", "closed", "closed"]


def test_a_withdrawn_episode_closes_its_task_as_withdrawn() -> None:
    (task,), _ = after(episode(1, OPEN), episode(2, None))
    assert (task.state, task.reason) == ("closed", "withdrawn")


def test_a_corrected_reason_of_ending_is_noted_as_another_closing() -> None:
    (task,), history = after(
        episode(1, OPEN), episode(2, ENDED), episode(3, replace(ENDED, exit_reason="deceased"))
    )
    assert task.reason == "episode_ended: deceased"
    assert history == ["opened", "closed", "closed"]


def test_a_corrected_last_day_is_no_news_to_a_closed_task() -> None:
    _, history = after(
        episode(1, OPEN), episode(2, ENDED), episode(3, replace(ENDED, to_day=date(2026, 9, 29)))
    )
    assert history == ["opened", "closed"]


@pytest.mark.parametrize("over", [ENDED, None])
def test_an_episode_that_opens_again_reopens_the_same_task_with_its_due_day(over: Coverage | None) -> None:
    before, _ = after(episode(1, OPEN))
    tasks, history = after(episode(1, OPEN), episode(2, over), episode(3, OPEN))
    assert tasks == before
    assert history == ["opened", "closed", "reopened"]


@pytest.mark.parametrize("coverage", [ENDED, None])
def test_what_a_worker_has_done_stays_done_when_the_episode_is_over(coverage: Coverage | None) -> None:
    done = replace(opened()[0], state="done", done_on=TODAY)
    assert closed([done], episode(2, coverage), "episode_ended: moved") == []


def test_what_is_called_for_after_a_task_was_done_is_another_task() -> None:
    done = replace(opened()[0], state="done", done_on=TODAY)
    assert brought_up([done], episode(2, OPEN), HERS, (), TODAY) == []
    ((again, happening),) = brought_up([done], episode(2, OPEN), HERS, INFORM, TODAY)
    assert (again.task_id, again.state, happening) == (None, "open", "opened")


def test_what_nothing_calls_for_any_more_closes_and_opens_anew_when_it_is_called_for_later() -> None:
    (task,) = opened(wanted("recheck_occupation"))
    ((gone, happening),) = brought_up([task], episode(2, OPEN), HERS, (), TODAY)
    assert (gone.state, gone.reason, happening) == ("closed", "not_called_for", "closed")
    later = wanted("recheck_occupation", due_on=DUE + timedelta(days=90))
    ((fresh, happening),) = brought_up([gone], episode(3, OPEN), HERS, (later,), TODAY)
    assert (fresh.task_id, happening) == (None, "opened")
    ((same, happening),) = brought_up([gone], episode(3, OPEN), HERS, (wanted("recheck_occupation"),), TODAY)
    assert (same.task_id, happening) == (task.task_id, "reopened")


def test_a_task_that_nothing_calls_for_stays_for_who_holds_it_and_for_nobody_else() -> None:
    held = replace(opened()[0], held=True)
    ((kept, happening),) = brought_up([held], episode(2, OPEN), HERS, (), TODAY)
    assert (kept.state, kept.waits_for, happening) == ("open", "holder", "changed")
    assert brought_up([kept], episode(2, OPEN), HERS, (), TODAY) == []
    ((called_for_again, happening),) = brought_up([kept], episode(2, OPEN), HERS, INFORM, TODAY)
    assert (called_for_again.waits_for, happening) == (None, "changed")
    ((gone, _),) = brought_up([replace(kept, held=False)], episode(2, OPEN), HERS, (), TODAY)
    assert (gone.state, gone.waits_for) == ("closed", None)


def test_the_end_of_the_episode_takes_a_task_from_whoever_holds_it() -> None:
    held = replace(opened()[0], held=True)
    ((gone, _),) = closed([held], episode(2, ENDED), "episode_ended: moved")
    assert (gone.state, gone.held) == ("closed", False)


def test_another_step_of_the_same_kind_changes_the_task_that_is_there() -> None:
    (task,) = opened(wanted("contact", "contact"))
    ((changed, happening),) = brought_up([task], episode(2, OPEN), HERS, (wanted("contact", "write"),), TODAY)
    assert (changed.task_id, changed.step, happening) == (task.task_id, "write", "changed")


def test_another_due_day_stands_in_the_history() -> None:
    (task,) = opened()
    sooner = wanted(due_on=DUE - timedelta(days=3))
    ((changed, happening),) = brought_up([task], episode(2, OPEN), HERS, (sooner,), TODAY)
    assert (changed.due_on, changed.rank_on, happening) == (sooner.due_on, sooner.due_on, "changed")
    assert stands(changed) == f"inform by phone, due {sooner.due_on}"
    assert brought_up([changed], episode(3, OPEN), HERS, (sooner,), TODAY) == []


def test_tasks_follow_their_episode_to_another_person() -> None:
    (task,) = opened()
    winner = replace(episode(2, OPEN), person_id=UUID(int=9))
    whose = replace(HERS, person_id=UUID(int=9))
    ((followed, happening),) = brought_up([task], winner, whose, INFORM, TODAY)
    assert (followed.person_id, happening) == (UUID(int=9), None)
    ended = replace(episode(3, ENDED), person_id=UUID(int=9))
    done = replace(task, state="done", done_on=TODAY)
    assert [task.person_id for task, _ in closed([done], ended, "episode_ended: moved")] == [UUID(int=9)]


def test_what_was_done_for_an_episode_stays_whose_it_is_when_the_episode_is_withdrawn() -> None:
    done = replace(opened()[0], state="done", done_on=TODAY, person_id=UUID(int=9))
    assert closed([done], episode(2, None), "withdrawn") == []


def test_an_open_episode_ends_in_the_same_tasks_in_any_order_and_repetition() -> None:
    told = (episode(1, OPEN), episode(2, ENDED), episode(3, OPEN), episode(4, None), episode(5, OPEN))
    expected, _ = after(told[-1])
    for order in permutations(told):
        assert after(*order, *order)[0] == expected


def test_an_episode_that_is_over_never_leaves_an_open_task_in_any_order() -> None:
    told = (episode(1, OPEN), episode(2, None), episode(3, OPEN), episode(4, ENDED))
    for order in permutations(told):
        tasks, history = after(*order, *order)
        assert {(task.state, task.reason) for task in tasks} <= {("closed", "episode_ended: moved")}
        # it is there exactly when staff once had it
        assert bool(tasks) == ("opened" in history)


def test_of_two_open_episodes_of_a_person_the_one_that_began_first_is_her_case() -> None:
    first = Episode(UUID(int=9), 1, WHO, OPEN)
    later = Episode(UUID(int=3), 1, WHO, replace(OPEN, from_day=date(2026, 8, 20)))
    assert the_case([later, first]) == first.episode_id
    assert the_case([later, replace(first, coverage=ENDED)]) == later.episode_id
    assert the_case([replace(first, coverage=None)]) is None


def test_the_other_one_is_closed_as_merged_and_opens_again_when_it_is_the_case_after_all() -> None:
    tasks = settled((before := opened()), closed(before, episode(1, OPEN), MERGED))
    assert [(task.state, task.reason) for task in tasks] == [("closed", "merged")]
    assert settled(tasks, brought_up(tasks, episode(1, OPEN), HERS, INFORM, TODAY)) == before


def test_a_notice_of_absence_opens_one_task_of_early_support_and_its_withdrawal_closes_it() -> None:
    called = wanted("early_support")
    tasks = settled([], for_notices([], HERS, called, "notice_withdrawn", TODAY))
    assert [(task.kind, task.state, task.episode_id) for task in tasks] == [("early_support", "open", None)]
    assert for_notices(tasks, HERS, called, "notice_withdrawn", TODAY) == []
    tasks = settled(tasks, for_notices(tasks, HERS, None, "notice_withdrawn", TODAY))
    assert [(task.state, task.reason) for task in tasks] == [("closed", "notice_withdrawn")]
    assert for_notices(tasks, HERS, None, "notice_closed", TODAY) == []
    again = for_notices(tasks, HERS, called, "notice_withdrawn", TODAY)
    assert [happening for _, happening in again] == ["opened"]


def test_early_support_that_no_notice_calls_for_stays_for_its_holder_alone() -> None:
    called = wanted("early_support")
    (opened_task,) = settled([], for_notices([], HERS, called, "notice_closed", TODAY))
    held = replace(opened_task, held=True)
    ((kept, happening),) = for_notices([held], HERS, None, "notice_closed", TODAY)
    assert (kept.state, kept.waits_for, happening) == ("open", "holder", "changed")
    assert for_notices([kept], HERS, None, "notice_closed", TODAY) == []
    # it is called for again, or the lease is over, or she may not be shown any more
    ((back, _),) = for_notices([kept], HERS, called, "notice_closed", TODAY)
    assert (back.state, back.waits_for) == ("open", None)
    let_go = [replace(kept, held=False)]
    for tasks, whose in ((let_go, HERS), ([kept], replace(HERS, waits_for="routing"))):
        ((gone, _),) = for_notices(tasks, whose, None, "notice_closed", TODAY)
        assert (gone.state, gone.reason, gone.waits_for) == ("closed", "notice_closed", None)


@pytest.mark.parametrize(
    ("person", "waits"),
    [
        (None, "person"),
        (replace(KNOWN, revision=2), "person"),
        (replace(KNOWN, revision=3), None),
        (replace(KNOWN, revision=4), None),
        (replace(KNOWN, revision=3, merged=True), "person"),
        (replace(KNOWN, revision=3, protection="confidential"), None),
        (replace(KNOWN, revision=3, protection="assumed_identity"), None),
        (replace(KNOWN, revision=3, protection="protected_registration"), "routing"),
        (replace(KNOWN, revision=2, protection="protected_registration"), "person"),
    ],
)
def test_a_task_waits_until_what_its_episode_needs_of_the_person_is_known(
    person: Person | None, waits: str | None
) -> None:
    assert waits_for(person, 3) == waits


def test_of_protected_registration_a_routed_case_waits_no_longer_but_for_what_must_be_known() -> None:
    shielded = replace(KNOWN, revision=3, protection="protected_registration")
    assert waits_for(shielded, 3, "idp:bo") is None
    assert waits_for(shielded, 4, "idp:bo") == "person"
    assert waits_for(replace(shielded, merged=True), 3, "idp:bo") == "person"


def test_tasks_of_a_routed_case_are_its_workers_and_nobodys_once_it_is_taken_back() -> None:
    routed = replace(HERS, routed_to="idp:bo")
    tasks = settled([], brought_up([], episode(1, OPEN), routed, INFORM, TODAY))
    assert [(task.assigned_to, task.waits_for) for task in tasks] == [("idp:bo", None)]
    for whose, assigned in (
        (replace(routed, routed_to="idp:eva"), "idp:eva"),
        (replace(HERS, waits_for="routing"), None),
        (routed, "idp:bo"),
    ):
        tasks = settled(tasks, brought_up(tasks, episode(1, OPEN), whose, INFORM, TODAY))
        assert [task.assigned_to for task in tasks] == [assigned]


def test_a_task_that_somebody_reserved_stays_reserved_whatever_is_told() -> None:
    tasks = settled([], brought_up([], episode(1, OPEN), HERS, INFORM, TODAY))
    reserved = [replace(task, assigned_to="idp:bo") for task in tasks]
    later = (wanted(due_on=DUE + timedelta(days=1)),)
    (brought,) = brought_up(reserved, episode(2, OPEN), HERS, later, TODAY)
    assert brought[0].assigned_to == "idp:bo"
