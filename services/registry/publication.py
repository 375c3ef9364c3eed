"""The registry's events: a person's latest state, and what is told of episodes. Pure.

An event's id is made of whom it is about and the revision, so that publishing it again is the same event.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from uuid import UUID

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event, encode
from contracts.model import EventData, Protection
from contracts.municipality import Contact
from contracts.own import (
    CoverageChanged,
    CoverageEnded,
    CoverageStarted,
    CoverageWithdrawn,
    Ground,
    PersonUpdated,
)
from servicekit.outbox import Message
from services.registry.episodes import Change, Grounds
from services.registry.reasons import Evidence

SOURCE: Final = "urn:kaa:registry"
#: Before the organiser's number or the municipality's code in the source of a school or a population feed.
_ORGANISER: Final = "urn:se:orgnr:"
_FEED: Final = "urn:se:kommun:"
_COVERAGE: Final = {"started": CoverageStarted, "changed": CoverageChanged, "ended": CoverageEnded}


def person_state(
    person_id: UUID,
    numbers: Sequence[str],
    names: tuple[str | None, str | None],
    born: date,
    municipality: str | None,
    protection: Protection,
    contact: Contact | None,
    merged_into: UUID | None = None,
) -> PersonUpdated:
    """The state of a person; ``numbers``: the current identity number first. The revision is set when it is told."""
    return PersonUpdated(
        person_id=person_id,
        revision=1,
        identity_number=numbers[0],
        former_identity_numbers=tuple(numbers[1:]),
        given_name=names[0],
        family_name=names[1],
        birth_date=born,
        municipality=municipality,
        protection=protection,
        contact=contact,
        merged_into=merged_into,
    )


def digest_of(state: PersonUpdated) -> bytes:
    """Equal for equal states, whatever the revision."""
    data = state.__pydantic_serializer__.to_json(state, exclude_defaults=True, exclude={"revision"})
    return blake2b(data, digest_size=16).digest()


def person_message(state: PersonUpdated, revision: int, now: datetime) -> Message:
    """The state as it is published under a revision."""
    return _message(
        state.model_copy(update={"revision": revision}), state.person_id, f"{state.person_id}.{revision}", now
    )


def coverage_message(change: Change, person_revision: int, day: date, now: datetime) -> Message:
    """What is told of an episode; the whole of it, so that the last event alone is enough."""
    if change.telling == "withdrawn" or change.after is None:
        gone = change.before or change.after
        if gone is None:
            raise ValueError("a change is about an episode")
        revision = change.after.revision if change.after else gone.revision + 1
        withdrawn = CoverageWithdrawn(person_id=gone.person_id, episode_id=gone.episode_id, revision=revision)
        return _message(withdrawn, gone.person_id, f"{gone.episode_id}.{revision}", now)
    if change.telling is None:
        raise ValueError("there is nothing to tell of this change")
    stored, episode = change.after, change.after.episode
    ended = episode.to_day is not None and episode.to_day < day
    told = _COVERAGE[change.telling](
        **{"from": episode.from_day},
        person_id=stored.person_id,
        person_revision=person_revision,
        episode_id=stored.episode_id,
        revision=stored.revision,
        municipality=episode.municipality,
        to=episode.to_day if ended else None,
        entry_reason=episode.entry_reason,
        exit_reason=episode.exit_reason if ended else None,
        grounds=_grounds(change.grounds),
    )
    return _message(told, stored.person_id, f"{stored.episode_id}.{stored.revision}", now)


def _grounds(grounds: Grounds) -> tuple[Ground, ...] | None:
    return tuple([_ground(stated) for stated in grounds]) or None


@lru_cache(maxsize=8_192)
def _ground(stated: Evidence) -> Ground:
    # whole classes leave a school on the same day
    source = stated.source
    return Ground(
        fact=stated.fact,
        on=stated.on,
        school_unit=stated.school_unit,
        organiser=source.split(":")[3] if source.startswith(_ORGANISER) else None,
        municipality=source.removeprefix(_FEED) if source.startswith(_FEED) else None,
    )


def _message(data: EventData, person_id: UUID, event_id: str, now: datetime) -> Message:
    event = Event(id=event_id, source=SOURCE, type=data.TYPE, time=now, data=data, subject=str(person_id))
    return Message(FAMILY_OF_TYPE[data.TYPE].topic(), str(person_id).encode(), encode(event))
