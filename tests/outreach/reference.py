"""What the queue must be, said another way: only the highest revision of each episode and person counts.

Of a case in which nobody has done anything; the ladder itself has tests of its own.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from contracts.envelope import Event
from contracts.own import CoverageWithdrawn, PersonUpdated
from services.outreach.kinds import Channel, Kind
from services.outreach.ladder import Case, Wanted, called_for
from services.outreach.ladder_file import default


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


def goes_on(episode: Any) -> bool:
    """Whether an episode, as last told, is open."""
    return not isinstance(episode, CoverageWithdrawn) and episode.to is None


def endings(told: Iterable[Event]) -> dict[UUID, str]:
    """Episode → the reason with which it closes its tasks, for those that are over after these events."""
    episodes, _ = _latest(told)
    return {
        episode_id: "withdrawn"
        if isinstance(data, CoverageWithdrawn)
        else f"episode_ended: {data.exit_reason}"
        for episode_id, data in episodes.items()
        if not goes_on(data)
    }


def untouched(episode: Any, person: PersonUpdated | None, day: date) -> tuple[Wanted, ...]:
    """What an open episode first heard of on a day calls for on that day."""
    ways: set[Channel] = set()
    if person is not None and person.contact is not None and person.protection == "none":
        ways |= {"phone", "sms"} if person.contact.phones else set()
        ways |= {"email"} if person.contact.email else set()
        ways |= {"letter"} if person.contact.address else set()
    case = Case(
        since=episode.from_,
        opened_on=day,
        entry_reason=episode.entry_reason,
        birth_date=person.birth_date if person else None,
        protected=person is not None and person.protection != "none",
        ways=frozenset(ways),
        done=(),
        occupation_known_on=None,
        occupation=None,
        measures=(),
    )
    return called_for(case, default(), day)[0]


def waits(episode: Any, person: PersonUpdated | None) -> str:
    """What a task of the episode waits for, or ``ready``."""
    if person is None or person.merged_into is not None or person.revision < episode.person_revision:
        return "person"
    return "routing" if person.protection == "protected_registration" else "ready"


def open_tasks(told: Iterable[Event], opened_on: date) -> dict[tuple[UUID, Kind], tuple[object, ...]]:
    """(episode, kind) → (person, municipality, since, due, rank, waits for) of every open task after these events.

    All opened on one day, none taken by a worker.
    """
    episodes, persons = _latest(told)
    cases: defaultdict[tuple[UUID, str], list[Any]] = defaultdict(list)
    for data in episodes.values():
        if goes_on(data):
            cases[data.person_id, data.municipality].append(data)
    queue: dict[tuple[UUID, Kind], tuple[object, ...]] = {}
    for of_person in cases.values():
        data = min(of_person, key=lambda one: (one.from_, one.episode_id))
        person = persons.get(data.person_id)
        for one in untouched(data, person, opened_on):
            queue[data.episode_id, one.kind] = (
                data.person_id, data.municipality, data.from_, one.due_on, one.urgent_from, waits(data, person)
            )  # fmt: skip
    return queue
