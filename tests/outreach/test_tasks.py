"""What an episode calls for, without any database."""

from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Final
from uuid import UUID

import pytest

from services.outreach.tasks import (
    Coverage,
    Episode,
    Happening,
    Person,
    Task,
    first_task,
    rank_on,
    twentieth_birthday,
    waits_for,
)

TODAY: Final = date(2026, 9, 1)
WHO: Final = UUID(int=1)
OPEN: Final = Coverage("0180", 1, date(2026, 8, 17), "left_upper_secondary", None, None)
ENDED: Final = replace(OPEN, to_day=date(2026, 9, 30), exit_reason="moved")
KNOWN: Final = Person(1, date(2008, 3, 15), "none", merged=False)


def episode(revision: int, coverage: Coverage | None) -> Episode:
    return Episode(UUID(int=2), revision, WHO, coverage)


def after(*told: Episode, person: Person | None = KNOWN) -> tuple[Task | None, list[Happening]]:
    """The task after these tellings, lower revisions ignored, and its history."""
    task: Task | None = None
    history: list[Happening] = []
    seen = 0
    for one in told:
        if one.revision > seen:
            seen = one.revision
            task, happening = first_task(task, one, person, TODAY)
            history.extend([happening] if happening else [])
    return task, history


def test_an_open_episode_opens_a_task_due_ten_days_later() -> None:
    task, history = after(episode(1, OPEN))
    assert task is not None
    assert (task.kind, task.state, task.opened_on, task.due_on) == (
        "inform",
        "open",
        TODAY,
        date(2026, 9, 11),
    )
    assert history == ["opened"]


def test_an_episode_first_heard_of_when_it_is_over_opens_none() -> None:
    assert after(episode(2, ENDED)) == (None, [])
    assert after(episode(2, None)) == (None, [])


def test_the_end_of_an_episode_closes_its_task_with_the_reason() -> None:
    task, history = after(episode(1, OPEN), episode(2, ENDED))
    assert task is not None
    assert (task.state, task.reason) == ("closed", "episode_ended: moved")
    assert history == ["opened", "closed"]


def test_a_withdrawn_episode_closes_its_task_as_withdrawn() -> None:
    task, _ = after(episode(1, OPEN), episode(2, None))
    assert task is not None
    assert (task.state, task.reason) == ("closed", "withdrawn")


def test_a_corrected_reason_of_ending_is_noted_as_another_closing() -> None:
    task, history = after(
        episode(1, OPEN), episode(2, ENDED), episode(3, replace(ENDED, exit_reason="deceased"))
    )
    assert task is not None
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
    task, history = after(episode(1, OPEN), episode(2, over), episode(3, OPEN))
    assert task == before
    assert history == ["opened", "closed", "reopened"]


@pytest.mark.parametrize("coverage", [OPEN, ENDED, None])
def test_what_a_worker_has_done_stays_done(coverage: Coverage | None) -> None:
    opened, _ = after(episode(1, OPEN))
    assert opened is not None
    done = replace(opened, state="done")
    assert first_task(done, episode(2, coverage), KNOWN, TODAY) == (done, None)


def test_a_task_follows_its_episode_to_another_person() -> None:
    opened, _ = after(episode(1, OPEN))
    winner = replace(episode(2, OPEN), person_id=UUID(int=9))
    task, happening = first_task(opened, winner, KNOWN, TODAY)
    assert task is not None
    assert (task.person_id, happening) == (UUID(int=9), None)


def test_an_open_episode_ends_in_the_same_task_in_any_order_and_repetition() -> None:
    told = (episode(1, OPEN), episode(2, ENDED), episode(3, OPEN), episode(4, None), episode(5, OPEN))
    expected, _ = after(told[-1])
    for order in permutations(told):
        assert after(*order, *order)[0] == expected


def test_an_episode_that_is_over_never_leaves_an_open_task_in_any_order() -> None:
    told = (episode(1, OPEN), episode(2, None), episode(3, OPEN), episode(4, ENDED))
    for order in permutations(told):
        task, history = after(*order, *order)
        assert task is None or (task.state, task.reason) == ("closed", "episode_ended: moved")
        # it is there exactly when staff once had it
        assert (task is not None) == ("opened" in history)


def test_who_is_close_to_20_comes_before_who_has_time() -> None:
    due = date(2026, 9, 11)
    assert (
        rank_on(due, date(2006, 10, 1))
        < rank_on(due, date(2006, 12, 1))
        < rank_on(due, date(2009, 1, 1))
        == due
    )


def test_who_waits_longest_comes_first_among_those_with_time() -> None:
    assert rank_on(date(2026, 5, 1), date(2009, 1, 1)) < rank_on(date(2026, 9, 11), date(2009, 1, 1))


def test_while_the_birth_date_is_not_known_the_due_day_alone_ranks() -> None:
    assert rank_on(date(2026, 9, 11), None) == date(2026, 9, 11)


@pytest.mark.parametrize(
    ("born", "turns"),
    [
        (date(2008, 3, 15), date(2028, 3, 15)),
        (date(2008, 2, 29), date(2028, 2, 29)),
        (date(2080, 2, 29), date(2100, 3, 1)),
    ],
)
def test_the_20th_birthday_of_one_born_on_29_february_is_1_march_in_a_year_without(
    born: date, turns: date
) -> None:
    assert twentieth_birthday(born) == turns


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
    assert waits_for(replace(OPEN, person_revision=3), person) == waits
