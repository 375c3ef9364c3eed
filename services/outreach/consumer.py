"""What other services tell, taken into the queue: episodes, persons and notices as last told, brought to tasks."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from contracts.envelope import Event
from contracts.own import (
    CoverageChanged,
    CoverageEnded,
    CoverageStarted,
    CoverageWithdrawn,
    NoticeRegistered,
    NoticeUpdated,
    PersonUpdated,
)
from servicekit import persons
from servicekit.database import Connection
from servicekit.inbox import through_inbox
from servicekit.records import Apply
from services.outreach import cases, notices, routing, store, ways
from services.outreach.ladder_file import Ladders
from services.outreach.tasks import Coverage, Episode

#: Who, in a task's history, did what followed from events.
REGISTRY: Final = "registry"


def episode_told(
    data: CoverageStarted | CoverageChanged | CoverageEnded | CoverageWithdrawn,
) -> Episode:
    """The episode that an event tells of: each carries all of it."""
    if isinstance(data, CoverageWithdrawn):
        return Episode(data.episode_id, data.revision, data.person_id, None)
    coverage = Coverage(
        data.municipality, data.person_revision, data.from_, data.entry_reason, data.to, data.exit_reason,
        data.grounds or (),
    )  # fmt: skip
    return Episode(data.episode_id, data.revision, data.person_id, coverage)


def consumer(ladders: Ladders) -> Apply:
    """Takes a batch of events into outreach, where cases follow these ladders (an ``Apply`` of servicekit)."""

    async def take_effect(connection: Connection, events: Sequence[Event]) -> None:
        await _take_effect(connection, ladders, events)

    return through_inbox(take_effect, purge)


async def _take_effect(connection: Connection, ladders: Ladders, events: Sequence[Event]) -> None:
    """Keeps what is newer of a batch, and brings the tasks of all whom it touches to what is called for."""
    states: list[PersonUpdated] = []
    told: dict[UUID, Episode] = {}
    noticed: list[NoticeRegistered | NoticeUpdated] = []
    for event in events:
        match event.data:
            case PersonUpdated() as state:
                states.append(state)
            case CoverageStarted() | CoverageChanged() | CoverageEnded() | CoverageWithdrawn() as data:
                episode = episode_told(data)
                if data.episode_id not in told or told[data.episode_id].revision < episode.revision:
                    told[data.episode_id] = episode
            case NoticeRegistered() | NoticeUpdated() as notice:
                if notice.kind == "absence":
                    noticed.append(notice)
    if not states and not told and not noticed:
        return
    about = {notice.notice_id for notice in noticed}
    met = await store.meet(connection, _named(states, told.values(), noticed), told, about)
    renewed = await persons.keep(connection, states)
    await ways.keep(connection, states, renewed)
    await store.keep_episodes(connection, list(told.values()), met.persons, met.today)
    await notices.keep(connection, noticed, met.persons, met.today)
    if any(state.merged_into for state in states):
        await store.re_key(connection, renewed)
    if met.purged:
        await store.forget(connection, met.purged)
    if met.routed:
        await routing.settle(connection, met.routed, REGISTRY)
    await ways.place(connection, met.persons)
    await cases.bring_up(connection, ladders, met.persons, REGISTRY, met.today)


def _named(
    states: Iterable[PersonUpdated],
    episodes: Iterable[Episode],
    told: Iterable[NoticeRegistered | NoticeUpdated],
) -> set[UUID]:
    return (
        {state.person_id for state in states}
        | {state.merged_into for state in states if state.merged_into is not None}
        | {episode.person_id for episode in episodes}
        | {notice.person_id for notice in told}
    )


async def purge(connection: Connection, keys: Sequence[bytes]) -> None:
    """Forgets persons on a tombstone's word, with all that was done for them; the key is the person_id."""
    purged = {UUID(key.decode("ascii")) for key in keys}
    await store.meet(connection, purged)
    await persons.purge(connection, keys)
    await store.forget(connection, purged)
