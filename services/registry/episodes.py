"""From one timeline to the next: which stored episode a computed one continues, and what must be told of it.

Pure. The stored episodes are the whole timeline; told is what stands on the business day (``coverage.cut``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b
from typing import Literal
from uuid import UUID

from contracts.model import Protection
from services.registry.coverage import Episode
from services.registry.facts import Facts
from services.registry.reasons import Evidence, evidence

Grounds = tuple[Evidence, ...]
Telling = Literal["started", "changed", "ended", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Stored:
    """An episode with its identity. ``told``: how it was last told, None when readers know nothing of it."""

    episode_id: UUID
    person_id: UUID
    episode: Episode
    revision: int
    told: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is new about an episode: ``after`` is None when it is gone. ``telling`` is None when nobody must know.

    ``grounds``: what is told with it.
    """

    before: Stored | None
    after: Stored | None
    telling: Telling | None
    grounds: Grounds = ()


def grounds_of(facts: Facts | None, protection: Protection, episode: Episode) -> Grounds:
    """What an episode of a person is told to rest on, by what is true of her; None: nothing is said of her any more.

    Of a protected person (skyddade personuppgifter) nothing is told: it would say where she goes, or went, to school.
    """
    if facts is None or protection != "none" or episode.to_day is None:
        return ()
    return evidence(facts, episode.from_day.toordinal(), episode.to_day.toordinal())


def as_told(person_id: UUID, episode: Episode, grounds: Grounds, day: date) -> str:
    """How an episode that has begun stands on a day, in one text to compare with."""
    end = f"{episode.to_day} {episode.exit_reason}" if _ended(episode, day) else "open"
    # as it was before grounds were told, where there are none: nobody needs to be told that
    why = f"{episode.entry_reason} {_digest(grounds)}" if grounds else episode.entry_reason
    return f"{person_id} {episode.municipality} {episode.from_day} {why} {end}"


def _digest(grounds: Grounds) -> str:
    said = "\n".join([f"{fact} {on.toordinal()} {unit} {source}" for fact, on, unit, source in grounds])
    return blake2b(said.encode(), digest_size=8).hexdigest()


def _ended(episode: Episode, day: date) -> bool:
    return episode.to_day is not None and episode.to_day < day


def continued(
    stored: Sequence[Stored], episodes: Sequence[Episode]
) -> list[tuple[Stored | None, Episode | None]]:
    """Pairs what is stored with what was computed; either may be alone.

    An episode continues a stored one of the same municipality that it overlaps: one that begins on the same day,
    else the one it shares most days with. So a corrected day never ends one task and opens another.
    """
    free = sorted(stored, key=lambda s: s.episode.from_day)
    pairs: list[tuple[Stored | None, Episode | None]] = []
    for episode in episodes:
        best: Stored | None = None
        best_rank = (False, 0)
        for candidate in free:
            shared = _shared_days(candidate.episode, episode)
            if candidate.episode.municipality == episode.municipality and shared > 0:
                rank = (candidate.episode.from_day == episode.from_day, shared)
                if rank > best_rank:
                    best, best_rank = candidate, rank
        if best is not None:
            free.remove(best)
        pairs.append((best, episode))
    pairs.extend((left, None) for left in free)
    return pairs


def _shared_days(one: Episode, other: Episode) -> int:
    last = min(one.to_day or date.max, other.to_day or date.max)
    return (last - max(one.from_day, other.from_day)).days + 1


def changes(
    person_id: UUID,
    stored: Sequence[Stored],
    episodes: Sequence[Episode],
    rests_on: Callable[[Episode], Grounds],
    day: date,
    new_id: Iterable[UUID],
) -> list[Change]:
    """The difference between what is stored and told, and what was computed and is to be told on a day.

    Each ``after`` carries the state that is told from now on, and a revision one higher where there is something
    to tell. ``rests_on`` is asked of the episodes that have begun alone: most persons have none. ``new_id`` gives
    identities for episodes that continue none.
    """
    found = []
    identities = iter(new_id)
    for before, episode in continued(stored, episodes):
        if episode is None:
            if before is not None:
                found.append(Change(before, None, "withdrawn" if before.told is not None else None))
            continue
        begun = episode.from_day <= day
        grounds = rests_on(episode) if begun else ()
        told = as_told(person_id, episode, grounds, day) if begun else None
        if before is None:
            after = Stored(next(identities), person_id, episode, 0, told)
        else:
            after = replace(before, person_id=person_id, episode=episode, told=told)
        telling = _telling(before.told if before else None, told, _ended(episode, day))
        if telling is not None:
            after = replace(after, revision=after.revision + 1)
        if after != before:
            found.append(Change(before, after, telling, grounds))
    return found


def _telling(before: str | None, after: str | None, ended: bool) -> Telling | None:
    if before == after:
        return None
    if after is None:
        return "withdrawn"
    if ended and (before is None or before.endswith(" open")):
        return "ended"
    return "started" if before is None else "changed"


def wakes_on(episodes: Iterable[Episode], moves: Iterable[tuple[date, str | None]], day: date) -> date | None:
    """The next day after ``day`` on which time alone changes something: an episode begins or is over, or a move."""
    coming = [begins for begins, _ in moves if begins > day]
    for episode in episodes:
        if episode.from_day > day:
            coming.append(episode.from_day)
        if episode.to_day is not None and episode.to_day >= day:
            coming.append(episode.to_day + timedelta(days=1))
    return min(coming, default=None)
