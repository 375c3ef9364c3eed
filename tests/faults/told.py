"""What a reader knows who folds our own topics from the beginning; and whether they kept their promises (INV-04)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from contracts.envelope import Event, decode
from contracts.own import (
    CoverageChanged,
    CoverageEnded,
    CoverageStarted,
    CoverageWithdrawn,
    NoticeRegistered,
    NoticeUpdated,
    PersonUpdated,
)

#: At most so many of one kind of violation are listed.
FEW = 5


@dataclass(slots=True)
class _Line:
    """What was told of an entity under one key: highest revision, and the last."""

    highest: int = 0
    last: int = 0


@dataclass(slots=True)
class Topics:
    """The fold of every record of our own topics, in the order of offsets within each partition."""

    violations: list[str] = field(default_factory=list)
    #: (source, id) → digest of every event told.
    told: dict[tuple[str, str], bytes] = field(default_factory=dict)
    #: Every state of a person that was ever told: which municipality a notice went to depends on it.
    states: list[PersonUpdated] = field(default_factory=list)
    records: int = 0
    _latest: dict[tuple[str, UUID], Any] = field(default_factory=dict)
    #: An episode that passes from one person to another is told under the other's key from then on, and between two
    #: keys there is no order.
    _lines: dict[tuple[bytes, str, UUID], _Line] = field(default_factory=dict)
    #: Episodes that were told of as open, at any time.
    once_open: set[UUID] = field(default_factory=set)

    def take(self, records: Iterable[Any]) -> list[Event]:
        """Folds the records of one or more partitions; gives their events."""
        events = []
        for record in records:
            event = decode(record.value, record.headers)
            events.append(event)
            self.records += 1
            self._take(record.topic, record.key, event)
        return events

    def _take(self, topic: str, key: bytes, event: Event) -> None:
        digest = event.digest
        known = self.told.setdefault((event.source, event.id), digest)
        data: Any = event.data
        entity = _entity_of(data)
        line = self._lines.setdefault((key, *entity), _Line())
        if known is not digest:
            if known != digest:
                self._say(f"{topic}: one (source, id) was told with two contents")
        elif data.revision <= line.highest:
            self._say(f"{topic}: revision {data.revision} was told for the first time after {line.highest}")
        line.last = data.revision
        line.highest = max(line.highest, data.revision)
        latest = self._latest.get(entity)
        if latest is None or latest.revision < data.revision:
            self._latest[entity] = data
        if isinstance(data, PersonUpdated) and known is digest:
            self.states.append(data)
        if isinstance(data, CoverageStarted | CoverageChanged) and data.to is None:
            self.once_open.add(data.episode_id)

    def end(self) -> None:
        """Looks at what the last record of each entity says: a compacted topic keeps that one alone."""
        for (_, kind, entity_id), line in self._lines.items():
            if line.last != line.highest:
                self._say(f"{kind} {entity_id}: the last record has revision {line.last} of {line.highest}")

    def latest(self, kind: str) -> dict[UUID, Any]:
        """Identity → last state, of the ``person``s, ``episode``s or ``notice``s."""
        return {entity_id: data for (of, entity_id), data in self._latest.items() if of == kind}

    def _say(self, violation: str) -> None:
        if len(self.violations) < 4 * FEW:
            self.violations.append(violation)


def _entity_of(data: Any) -> tuple[str, UUID]:
    match data:
        case PersonUpdated():
            return "person", data.person_id
        case CoverageStarted() | CoverageChanged() | CoverageEnded() | CoverageWithdrawn():
            return "episode", data.episode_id
        case NoticeRegistered() | NoticeUpdated():
            return "notice", data.notice_id
        case _:
            raise ValueError(f"nobody tells {type(data).__name__} here")
