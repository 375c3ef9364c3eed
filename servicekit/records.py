"""A record on its way through a service: received, judged, put aside."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from contracts.envelope import Event, Headers
from servicekit.database import Connection


@dataclass(frozen=True, slots=True)
class Record:
    """What Kafka gave, untouched. ``timestamp`` is the broker's or producer's, in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Received:
    """A record that is an event of the contract, from one who may say it. Without event: a tombstone (purged)."""

    record: Record
    family: str
    event: Event | None
    digest: bytes

    @property
    def event_id(self) -> str | None:
        """The event's id."""
        return self.event.id if self.event is not None else None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record put aside: its class, the field and what is wrong, without any value of it; its id if readable."""

    record: Record
    family: str
    kind: str
    field: str | None
    detail: str
    event_id: str | None = None


class Outcome(Enum):
    """What became of a received event. A conflict becomes a dead letter."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


#: Takes effect of a batch inside the transaction of the connection; one outcome for each event, in their order.
Apply = Callable[[Connection, Sequence[Received]], Awaitable[Sequence[Outcome]]]
