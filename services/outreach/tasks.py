"""Tasks of outreach (uppsökande verksamhet): what is stored, brought to what a case calls for. Pure.

A task is never told to change: the tasks of a case are brought to what the episode, the person and what was done call
for (``ladder.called_for``). So any order of events ends in the same queue.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal
from uuid import UUID

from contracts.model import Protection
from contracts.own import EntryReason, ExitReason, Ground
from services.outreach.kinds import Channel, Kind
from services.outreach.ladder import Wanted

#: ``done`` by a worker, or ``closed`` because nothing calls for it any more.
State = Literal["open", "done", "closed"]
#: Why nobody is given a task: ``person``: what is known of the person is older than the episode needs (a protection
#: may be on its way), or she was merged into another; ``routing``: protected population registration (skyddad
#: folkbokföring), until a registrar has decided who may see it (INV-11); ``holder``: nothing calls for it any more,
#: and it stays open only for who holds it, since the call may have been made.
Wait = Literal["person", "routing", "holder"]
#: What happened to a task, as its history has it. ``released``: given back, or taken from a worker whose lease had
#: run out; ``woken``: its snooze ended; ``changed``: another step of the ladder calls for it now.
Happening = Literal[
    "opened", "changed", "claimed", "released", "reassigned", "snoozed", "woken", "done", "closed", "reopened"
]

#: Why a task is closed, beside ``episode_ended: <exit reason>``: its episode should never have been; another episode
#: of the same person in the same municipality is the case (two persons turned out to be one); what was done or learnt
#: since calls for something else; of early support also: the school took its notice back; it says that the pupil is
#: back; she has left school since and has, or had, a case (``covered``); she is 20.
WITHDRAWN: Final = "withdrawn"
MERGED: Final = "merged"
NOT_CALLED_FOR: Final = "not_called_for"
NOTICE_WITHDRAWN: Final = "notice_withdrawn"
NOTICE_CLOSED: Final = "notice_closed"
COVERED: Final = "covered"
TURNED_20: Final = "turned_20"


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
    #: What the entry rests on, for people to read: no task depends on it.
    grounds: Sequence[Ground] = ()


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode as last told. ``coverage`` is None when it was withdrawn, or forgotten together with the person."""

    episode_id: UUID
    revision: int
    person_id: UUID
    coverage: Coverage | None
    #: The day on which it was first known here as open; None before.
    opened_on: date | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What tasks need of a person as last told. ``merged``: she turned out to be another person."""

    revision: int
    birth_date: date
    protection: Protection
    merged: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One task; of a person in a municipality at most one of a kind is open. Days are dates in Europe/Stockholm."""

    #: None before it is stored.
    task_id: int | None
    #: None for early support, which follows from a notice.
    episode_id: UUID | None
    kind: Kind
    #: The ladder's step that calls for it, and the channel proposed.
    step: str
    channel: Channel | None
    person_id: UUID
    municipality: str
    #: First covered day, or the day of the first notice: of two tasks with one rank, who has waited longest is first.
    since: date
    opened_on: date
    due_on: date
    #: The smallest is handed out first: the day it is due, or that on which the person is close to 20, if earlier.
    rank_on: date
    #: Whether anybody has reached the person since the case began; of two with one rank, who was not comes first.
    contacted: bool
    #: For whom it is reserved; the team's when nobody is named.
    assigned_to: str | None
    waits_for: Wait | None
    state: State
    #: Why it was closed; None unless closed.
    reason: str | None
    done_on: date | None
    #: Whether a worker holds it by a lease that lasts.
    held: bool


#: A task as it is to be, and what to write into its history, if anything.
Brought = tuple[Task, Happening | None]


@dataclass(frozen=True, slots=True)
class Whose:
    """What all tasks of one case, or of the notices about one person, have in common."""

    person_id: UUID
    municipality: str
    since: date
    contacted: bool
    waits_for: Wait | None
    #: The worker to whom a registrar has routed the case of a person with protected registration.
    routed_to: str | None = None


def waits_for(person: Person | None, revision: int, routed_to: str | None = None) -> Wait | None:
    """What must come before a task of a person may be given to anyone; ``revision``: the least that must be known."""
    if person is None or person.merged or person.revision < revision:
        return "person"
    return "routing" if person.protection == "protected_registration" and routed_to is None else None


def ending(episode: Episode) -> str | None:
    """The reason with which an episode closes its tasks; None while it is open."""
    if episode.coverage is None:
        return WITHDRAWN
    return f"episode_ended: {episode.coverage.exit_reason}" if episode.coverage.to_day is not None else None


def the_case(episodes: Iterable[Episode]) -> UUID | None:
    """Of a person's episodes in one municipality the one that is her case; None when none is open.

    There can be two for a moment, while two persons turn out to be one: then the one that began first.
    """
    going_on = [
        (episode.coverage.from_day, episode.episode_id)
        for episode in episodes
        if episode.coverage is not None and episode.coverage.to_day is None
    ]
    return min(going_on)[1] if going_on else None


def closed(tasks: Sequence[Task], episode: Episode, reason: str) -> list[Brought]:
    """What changes in the tasks of an episode that is no case, or none any more.

    What a worker has done stays done. A corrected reason is noted as another closing.
    """
    brought: list[Brought] = []
    for task in tasks:
        its = _followed(task, episode)
        if its.state == "open" or (its.state == "closed" and its.reason not in (reason, NOT_CALLED_FOR)):
            brought.append((_close(its, reason), "closed"))
        elif its != task:
            brought.append((its, None))
    return brought


def brought_up(
    tasks: Sequence[Task], episode: Episode, whose: Whose, wanted: Sequence[Wanted], today: date
) -> list[Brought]:
    """What changes in the tasks of an episode, given oldest first, when these are called for.

    - What a worker has done stays done; what is called for after that is another task.
    - A task that the end of its episode had closed is opened again when a correction makes the episode open: the same
      task, since the person was covered, and waited, all along.
    - What nothing calls for any more closes; while a worker holds it, it stays for her.
    """
    now: list[Brought] = [_kept(_followed(task, episode), whose, wanted) for task in tasks]
    open_kinds = {task.kind for task, _ in now if task.state == "open"}
    fresh: list[Brought] = []
    for one in wanted:
        if one.kind in open_kinds:
            continue
        place = _closed_before(now, one)
        if place is None:
            fresh.append((_opened(episode.episode_id, whose, one, today), "opened"))
        else:
            reopened = replace(now[place][0], state="open", reason=None)
            now[place] = _placed(reopened, whose, one), "reopened"
    return [brought for before, brought in zip(tasks, now, strict=True) if brought[0] != before] + fresh


def for_notices(
    tasks: Sequence[Task], whose: Whose, wanted: Wanted | None, over: str, today: date
) -> list[Brought]:
    """What changes in the tasks of early support for a person, when notices call for one or for none.

    ``over``: the reason that closes a task nothing calls for. While a worker holds it, it stays for her.
    """
    for task in tasks:
        if task.state != "open":
            continue
        if wanted is None and task.held and whose.waits_for is None:
            kept = replace(task, waits_for="holder")
            return [(kept, "changed")] if kept != task else []
        if wanted is None:
            return [(_close(task, over), "closed")]
        placed = _placed(task, whose, wanted)
        happening: Happening | None = "changed" if stands(placed) != stands(task) else None
        return [(placed, happening)] if placed != task else []
    return [] if wanted is None else [(_opened(None, whose, wanted, today), "opened")]


def stands(task: Task) -> str:
    """How an open task stands, for its history: step, channel, the day it is due, and what it waits for."""
    by = f" by {task.channel}" if task.channel else ""
    waiting = f", waits for {task.waits_for}" if task.waits_for else ""
    return f"{task.step}{by}, due {task.due_on}{waiting}"


def _followed(task: Task, episode: Episode) -> Task:
    """The task with whose it is. An episode withdrawn says nothing of whose what was done for it is."""
    return task if episode.coverage is None else replace(task, person_id=episode.person_id)


def _close(task: Task, reason: str) -> Task:
    return replace(task, state="closed", reason=reason, waits_for=None, held=False)


def _kept(task: Task, whose: Whose, wanted: Sequence[Wanted]) -> Brought:
    if task.state != "open":
        return task, None
    one = next((one for one in wanted if one.kind == task.kind), None)
    if one is not None:
        placed = _placed(task, whose, one)
        return placed, "changed" if stands(placed) != stands(task) else None
    if task.held:
        return replace(task, waits_for="holder"), "changed" if task.waits_for != "holder" else None
    return _close(task, NOT_CALLED_FOR), "closed"


def _closed_before(now: Sequence[Brought], one: Wanted) -> int | None:
    """Which closed task it is that is called for again: the latest of its kind, unless it was done or is another."""
    for place in reversed(range(len(now))):
        task = now[place][0]
        if task.kind == one.kind:
            same = task.reason != NOT_CALLED_FOR or (task.step, task.due_on) == (one.step, one.due_on)
            return place if task.state == "closed" and same else None
    return None


def _placed(task: Task, whose: Whose, one: Wanted) -> Task:
    """An open task with whose it is, what it is for, where it ranks and what it waits for.

    A routed case is its worker's alone; one that waits for routing is nobody's, whoever had it before.
    """
    kept_for = None if whose.waits_for == "routing" else task.assigned_to
    return replace(
        task,
        step=one.step,
        channel=one.channel,
        due_on=one.due_on,
        rank_on=one.urgent_from,
        person_id=whose.person_id,
        municipality=whose.municipality,
        since=whose.since,
        contacted=whose.contacted,
        assigned_to=whose.routed_to or kept_for,
        waits_for=whose.waits_for,
    )


def _opened(episode_id: UUID | None, whose: Whose, one: Wanted, today: date) -> Task:
    return Task(
        task_id=None, episode_id=episode_id, kind=one.kind, step=one.step, channel=one.channel,
        person_id=whose.person_id, municipality=whose.municipality, since=whose.since, opened_on=today,
        due_on=one.due_on, rank_on=one.urgent_from, contacted=whose.contacted, assigned_to=whose.routed_to,
        waits_for=whose.waits_for, state="open", reason=None, done_on=None, held=False,
    )  # fmt: skip
