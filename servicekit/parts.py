"""What makes one service different from another; apart from the process, so that reading it does not load Kafka."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from servicekit.records import Apply
from servicekit.retention import Job
from servicekit.settings import Service

#: Work beside the consumer, such as a scheduler: runs until cancelled; is given the pool and a way to wake the relay.
Background = Callable[[asyncpg.Pool, Callable[[], None]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Parts:
    """A service: its name, what its events effect, and what else it does."""

    service: Service
    apply: Apply
    #: Whether it has an outbox to relay.
    publishes: bool
    background: Sequence[Background] = ()
    #: What it keeps for a time only; dead letters are every service's.
    retention: Sequence[Job] = ()
