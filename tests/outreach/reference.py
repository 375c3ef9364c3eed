"""What the queue must be, said another way: only the highest revision of each episode and person counts."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from contracts.envelope import Event
from contracts.own import CoverageWithdrawn, PersonUpdated


def _latest(told: Iterable[Event]) -> tuple[dict[UUID, Any], dict[UUID, PersonUpdated]]:
    episodes: dict[UUID, Any] = {}
    persons: dict[UUID, PersonUpdated] = {}
    for event in told:
        data: Any = event.data
        if isinstance(data, PersonUpdated):
            if data.person_id not in persons or persons[data.person_id].revision < data.revision:
                persons[data.person_id] = data
        elif hasattr(data, "episode_id"):
            known = episodes.get(data.episode_id)
            if known is None or known.revision < data.revision:
                episodes[data.episode_id] = data
    return episodes, persons


def endings(told: Iterable[Event]) -> dict[UUID, str]:
    """Episode → the reason with which it closes a task, for those that are over after these events."""
    episodes, _ = _latest(told)
    return {
        episode_id: "withdrawn"
        if isinstance(data, CoverageWithdrawn)
        else f"episode_ended: {data.exit_reason}"
        for episode_id, data in episodes.items()
        if isinstance(data, CoverageWithdrawn) or data.to is not None
    }


def open_tasks(told: Iterable[Event], opened_on: date) -> dict[UUID, tuple[object, ...]]:
    """Episode → (person, municipality, since, due, rank, waits for) of every task that is open after these events.

    All opened on one day, none taken by a worker.
    """
    episodes, persons = _latest(told)
    queue: dict[UUID, tuple[object, ...]] = {}
    for episode_id, data in episodes.items():
        if isinstance(data, CoverageWithdrawn) or data.to is not None:
            continue
        due = opened_on + timedelta(days=10)
        rank, waits = due, "person"
        person = persons.get(data.person_id)
        if person is not None:
            born = person.birth_date
            rank = min(due, born.replace(year=born.year + 20) - timedelta(days=180))
            if person.merged_into is None and person.revision >= data.person_revision:
                waits = "routing" if person.protection == "protected_registration" else "ready"
        queue[episode_id] = (data.person_id, data.municipality, data.from_, due, rank, waits)
    return queue
