"""What the registry tells, taken into the queue: episodes and persons as last told, and the tasks they call for."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from contracts.envelope import Event
from contracts.own import CoverageChanged, CoverageEnded, CoverageStarted, CoverageWithdrawn, PersonUpdated
from servicekit import persons
from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.inbox import through_inbox
from services.outreach import store
from services.outreach.tasks import Coverage, Episode, first_task

#: Who, in a task's history, did what followed from the registry's events.
REGISTRY: Final = "registry"


def episode_told(
    data: CoverageStarted | CoverageChanged | CoverageEnded | CoverageWithdrawn,
) -> Episode:
    """The episode that an event tells of: each carries all of it."""
    if isinstance(data, CoverageWithdrawn):
        return Episode(data.episode_id, data.revision, data.person_id, None)
    coverage = Coverage(
        data.municipality, data.person_revision, data.from_, data.entry_reason, data.to, data.exit_reason
    )
    return Episode(data.episode_id, data.revision, data.person_id, coverage)


async def take_effect(connection: Connection, events: Sequence[Event]) -> None:
    """Keeps the newer episodes and persons of a batch, and brings the tasks they touch to what they call for.

    Notices have no effect yet: the inbox keeps that they came.
    """
    states: list[PersonUpdated] = []
    told: dict[UUID, Episode] = {}
    for event in events:
        match event.data:
            case PersonUpdated() as state:
                states.append(state)
            case CoverageStarted() | CoverageChanged() | CoverageEnded() | CoverageWithdrawn() as data:
                episode = episode_told(data)
                if data.episode_id not in told or told[data.episode_id].revision < episode.revision:
                    told[data.episode_id] = episode
    if not states and not told:
        return
    about = {state.person_id for state in states} | {episode.person_id for episode in told.values()}
    purged = await store.lock(connection, about, told)
    renewed = await persons.keep(connection, states)
    changed = await store.keep_episodes(connection, list(told.values()))
    if purged:
        await store.forget(connection, purged)
    await _bring_up(connection, await store.touched(connection, renewed, changed))


async def _bring_up(connection: Connection, touched: Sequence[store.Touched]) -> None:
    day = today()
    brought = []
    for item in touched:
        task, happening = first_task(item.task, item.episode, item.person, day)
        if task is not None and task != item.task:
            brought.append((task, happening))
    if brought:
        await store.keep_tasks(connection, brought, REGISTRY)


async def purge(connection: Connection, keys: Sequence[bytes]) -> None:
    """Forgets persons on a tombstone's word, with their tasks and contacts; the key is the person_id."""
    purged = {UUID(key.decode("ascii")) for key in keys}
    await store.lock(connection, purged, ())
    await persons.purge(connection, keys)
    await store.forget(connection, purged)


#: Takes a batch of events into outreach (an ``Apply`` of servicekit).
apply = through_inbox(take_effect, purge)
