"""A service's real process that ends itself, or falls asleep, at an exact point of its work.

`python -m tests.faults.victim registry --kill before_commit:3` runs what `kaa run registry` runs, and is gone by
SIGKILL when it is about to commit its third batch. Nothing is raised in its place and production code knows of none
of this: the functions that mark the points are wrapped here, before the service starts. In the same way the process
gets a clock that is hours off, a group session short enough that a pause outlasts it, and little time to leave.
"""

import argparse
import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime, timedelta, tzinfo
from functools import wraps
from typing import Any, Final

import aiokafka
from asyncpg.transaction import Transaction

from kaa.main import app
from servicekit import calendar, consumer, relay

#: In the order in which a batch and then its messages pass them.
POINTS: Final = {
    "after_poll": "a batch is polled, nothing is done with it yet",
    "before_commit": "all is written, the transaction is not committed",
    "before_offsets": "the transaction is committed, the offsets are not",
    "before_publish": "a page of the outbox is read, nothing of it is sent",
    "inside_publish": "the page is sent, its Kafka transaction is not committed",
    "before_delete": "the page is acknowledged, its rows are still in the outbox",
}

_in_batch: ContextVar[bool] = ContextVar("in_batch", default=False)


class Passing:
    """Counts how often each point is reached; at its number there the process gets the signal."""

    def __init__(self, ends: dict[str, tuple[int, signal.Signals]]) -> None:
        self._ends = ends
        self._seen: dict[str, int] = {}

    def __call__(self, point: str) -> None:
        """To be called where the point is."""
        self._seen[point] = self._seen.get(point, 0) + 1
        number, sent = self._ends.get(point, (0, signal.SIGKILL))
        if self._seen[point] == number:
            os.kill(os.getpid(), sent)


def mark_points(passing: Passing) -> None:
    """Wraps the functions of servicekit between which the points lie. AttributeError where one is gone."""
    works: Any = consumer.Consumer
    works._work_off = _within(works._work_off, passing)
    works._commit = _before(works._commit, passing, "before_offsets")
    leave = Transaction.__aexit__

    @wraps(leave)
    async def leaves(self: Transaction, kind: type | None, *what: Any) -> None:
        if kind is None and _in_batch.get():
            passing("before_commit")
        await leave(self, kind, *what)

    Transaction.__aexit__ = leaves
    module: Any = relay
    publish = module.publish

    @wraps(publish)
    async def publishes(*arguments: Any) -> None:
        passing("before_publish")
        await publish(*arguments)
        passing("before_delete")

    module.publish = publishes
    aiokafka.AIOKafkaProducer.commit_transaction = _before(
        aiokafka.AIOKafkaProducer.commit_transaction, passing, "inside_publish"
    )


def _within(work: Callable[..., Awaitable[None]], passing: Passing) -> Callable[..., Awaitable[None]]:
    @wraps(work)
    async def works(*arguments: Any) -> None:
        passing("after_poll")
        token = _in_batch.set(True)
        try:
            await work(*arguments)
        finally:
            _in_batch.reset(token)

    return works


def _before(work: Callable[..., Awaitable[None]], passing: Passing, point: str) -> Callable[..., Any]:
    @wraps(work)
    async def works(*arguments: Any) -> None:
        passing(point)
        await work(*arguments)

    return works


def set_clock(hours: float) -> None:
    """The process's clock is so many hours ahead; behind, if negative."""

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(hours=hours)

    module: Any = calendar
    module.datetime = Skewed


def shorten_session(seconds: float) -> None:
    """After so many seconds without a heartbeat the group takes the process's partitions away (usually 30)."""
    begin = aiokafka.AIOKafkaConsumer.__init__

    @wraps(begin)
    def begins(self: object, *topics: str, **settings: Any) -> None:
        if settings.get("group_id") is not None:
            settings |= {
                "session_timeout_ms": int(seconds * 1000),
                "heartbeat_interval_ms": int(seconds * 200),
            }
        begin(self, *topics, **settings)

    aiokafka.AIOKafkaConsumer.__init__ = begins


def leave_within(seconds: float) -> None:
    """Told to stop, the process goes without a farewell to the broker after so many seconds."""
    module: Any = consumer
    module.LEAVING_SECONDS = seconds


def main() -> None:
    """Runs a service with what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service")
    parser.add_argument("--kill", metavar="POINT:N", action="append", default=[])
    parser.add_argument("--sleep", metavar="POINT:N", action="append", default=[])
    parser.add_argument("--clock", metavar="HOURS", type=float, default=0)
    parser.add_argument("--session", metavar="SECONDS", type=float)
    parser.add_argument("--leaving", metavar="SECONDS", type=float)
    given = parser.parse_args()
    ends: dict[str, tuple[int, signal.Signals]] = {}
    for words, sent in ((given.kill, signal.SIGKILL), (given.sleep, signal.SIGSTOP)):
        for point, _, number in (word.partition(":") for word in words):
            if point not in POINTS:
                parser.error(f"no point {point}: expected one of {', '.join(POINTS)}")
            ends[point] = int(number), sent
    mark_points(Passing(ends))
    if given.clock:
        set_clock(given.clock)
    if given.session:
        shorten_session(given.session)
    if given.leaving:
        leave_within(given.leaving)
    app(["run", given.service], standalone_mode=True)


if __name__ == "__main__":
    main()
