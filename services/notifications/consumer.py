"""What a batch of events does to the notices of the pupils it touches: decided anew, stored as a difference.

Nothing here depends on the order of the events: facts and persons are kept first, then all that is known of each
touched pupil is judged by one pure function (``notices.decide``).
"""

from collections.abc import Callable, Sequence
from uuid import uuid4

from contracts.envelope import Event
from contracts.organisers import Directory
from contracts.own import PersonUpdated
from servicekit.calendar import now
from servicekit.database import Connection
from servicekit.inbox import through_inbox
from servicekit.outbox import append
from servicekit.records import Apply
from services.notifications import store
from services.notifications.notices import decide, must_be_told
from services.notifications.publication import notice_message
from services.notifications.store import Change


def effect(directory: Callable[[], Directory]) -> Apply:
    """The service's effect; ``directory`` gives the organisers as they stand now."""

    async def take_effect(connection: Connection, events: Sequence[Event]) -> None:
        states = [event.data for event in events if isinstance(event.data, PersonUpdated)]
        touched = await store.keep_persons(connection, states)
        touched |= await store.enter(connection, events)
        if touched:
            await _decide(connection, touched, directory())

    async def purge(connection: Connection, keys: Sequence[bytes]) -> None:
        touched = await store.purge(connection, keys)
        if touched:
            await _decide(connection, touched, directory())

    return through_inbox(take_effect, purge)


async def _decide(connection: Connection, numbers: set[str], directory: Directory) -> None:
    at = now()
    changes, told = [], []
    for pupil in await store.lock(connection, numbers):
        decisions = decide([row.known for row in pupil.rows], pupil.person, directory)
        for row, after in zip(pupil.rows, decisions, strict=True):
            known = row.known
            if after == known.before:
                continue
            notice_id, revision = row.notice_id or uuid4(), row.revision
            if after is not None and must_be_told(known.before, after):
                revision += 1
                told.append(notice_message(notice_id, revision, known.fact, after, at))
            changes.append(Change(known.fact, notice_id, revision, after))
    await store.keep_notices(connection, changes, at)
    await append(connection, told)
