"""Tasks of outreach (uppsökande verksamhet): what an episode of coverage calls for, and in which order. Pure.

A task is never told to change: it is brought to what the episode and the person, as last told, call for. So any
order of their events ends in the same queue.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal
from uuid import UUID

from contracts.model import Protection
from contracts.own import EntryReason, ExitReason

#: What is to be done. ``inform``: tell a young person at once what the municipality can offer (skollagen 29:9).
Kind = Literal["inform"]
#: ``done`` by a worker, or ``closed`` because the episode is over or should never have been.
State = Literal["open", "done", "closed"]
#: Why nobody is given a task: ``person``: what is known of the person is older than the episode needs (a protection
#: may be on its way), or she was merged into another; ``routing``: protected population registration (skyddad
#: folkbokföring), where a registrar decides first who may see it (INV-11).
Wait = Literal["person", "routing"]
#: What happened to a task, as its history has it. ``released``: taken from a worker whose lease had run out.
Happening = Literal["opened", "claimed", "released", "done", "closed", "reopened"]

#: Days from the opening until the first task is due.
DUE_DAYS: Final = 10
#: Days before the 20th birthday at which a task is as urgent as one that is due. The responsibility ends on that
#: day (29:9), and half a year is what remains of a measure worth beginning.
LAST_DAYS: Final = 180


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is told of an episode. ``to_day`` is the last covered day; it and ``exit_reason`` are None while open."""

    municipality: str
    #: The least revision of the person that must be known before anyone acts.
    person_revision: int
    from_day: date
    entry_reason: EntryReason
    to_day: date | None
    exit_reason: ExitReason | None


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode as last told. ``coverage`` is None when it was withdrawn, or forgotten together with the person."""

    episode_id: UUID
    revision: int
    person_id: UUID
    coverage: Coverage | None


@dataclass(frozen=True, slots=True)
class Person:
    """What tasks need of a person as last told. ``merged``: she turned out to be another person."""

    revision: int
    birth_date: date
    protection: Protection
    merged: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One task; an episode has at most one of a kind. Days are dates in Europe/Stockholm."""

    episode_id: UUID
    kind: Kind
    person_id: UUID
    municipality: str
    #: First covered day of the episode: of two tasks with one rank, who has been covered longest comes first.
    since: date
    opened_on: date
    due_on: date
    #: The smallest is handed out first, see ``rank_on``.
    rank_on: date
    waits_for: Wait | None
    state: State
    #: Why it was closed: ``withdrawn`` or ``episode_ended: <exit reason>``. None unless closed.
    reason: str | None


def twentieth_birthday(birth_date: date) -> date:
    """The day on which the responsibility ends by age (29:9). Born on 29 February: 1 March of a year without it."""
    year = birth_date.year + 20
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def rank_on(due_on: date, birth_date: date | None) -> date:
    """The day a task is ranked by: the day it is due, or 180 days before the 20th birthday if that is earlier."""
    if birth_date is None:
        return due_on
    return min(due_on, twentieth_birthday(birth_date) - timedelta(days=LAST_DAYS))


def waits_for(coverage: Coverage, person: Person | None) -> Wait | None:
    """What must come before a task of this episode may be given to anyone."""
    if person is None or person.merged or person.revision < coverage.person_revision:
        return "person"
    return "routing" if person.protection == "protected_registration" else None


def ending(episode: Episode) -> str | None:
    """The reason with which an episode closes its tasks; None while it is open."""
    if episode.coverage is None:
        return "withdrawn"
    return f"episode_ended: {episode.coverage.exit_reason}" if episode.coverage.to_day is not None else None


def first_task(
    task: Task | None, episode: Episode, person: Person | None, today: date
) -> tuple[Task | None, Happening | None]:
    """The first task as an episode and its person call for it now, and what to write in its history, if anything.

    - An episode first heard of when it is over opens nothing.
    - What a worker has done stays done.
    - A task that its episode's end had closed is opened again when a correction makes the episode open: the same
      task with the same due day, since the person was covered, and waited, all along.
    - A corrected reason of ending is noted as another closing.
    """
    over = ending(episode)
    if task is None:
        if over is not None or episode.coverage is None:
            return None, None
        due_on = today + timedelta(days=DUE_DAYS)
        coverage = episode.coverage
        opened = Task(
            episode_id=episode.episode_id, kind="inform", person_id=episode.person_id,
            municipality=coverage.municipality, since=coverage.from_day, opened_on=today, due_on=due_on,
            rank_on=due_on, waits_for="person", state="open", reason=None,
        )  # fmt: skip
        return _placed(opened, episode, person), "opened"
    task = _placed(task, episode, person)
    if task.state == "done":
        return task, None
    if over is None:
        return replace(task, state="open", reason=None), "reopened" if task.state == "closed" else None
    return replace(task, state="closed", reason=over), "closed" if task.reason != over else None


def _placed(task: Task, episode: Episode, person: Person | None) -> Task:
    """The task with whose it is, where it ranks and what it waits for. A withdrawn episode says nothing of where."""
    rank = rank_on(task.due_on, person.birth_date if person else None)
    if episode.coverage is None:
        return replace(task, person_id=episode.person_id, rank_on=rank)
    return replace(
        task,
        person_id=episode.person_id,
        municipality=episode.coverage.municipality,
        since=episode.coverage.from_day,
        rank_on=rank,
        waits_for=waits_for(episode.coverage, person),
    )
