"""A batch: what was polled, sorted and stored in one transaction with all its effects (INV-01, 02, 05)."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import asyncpg
import structlog

from contracts.organisers import Directory
from servicekit import telemetry
from servicekit.database import explain, is_fatal, is_transient
from servicekit.dead_letters import conflicting, not_storable, put_aside, take_back
from servicekit.receipts import Fate, account
from servicekit.records import Apply, DeadLetter, Outcome, Received, Record
from servicekit.settings import ConfigurationError, Service, Settings
from servicekit.sorting import sort_out

log = structlog.get_logger()

#: Records sorted before others may run: some two milliseconds.
_SLICE: Final = 50


class GaveUpError(Exception):
    """A batch could not be committed within ``retry_seconds``: the process ends and a supervisor starts it anew."""


async def sort(raw: Sequence[Any], directory: Directory) -> list[Received | DeadLetter]:
    """Sorts records as Kafka's client gives them, in their order. Lets others run in between."""
    sorted_out: list[Received | DeadLetter] = []
    for at in range(0, len(raw), _SLICE):
        sorted_out += [
            sort_out(
                Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers), directory
            )
            for r in raw[at : at + _SLICE]
        ]
        await asyncio.sleep(0)
    return sorted_out


@dataclass(frozen=True, slots=True)
class Store:
    """Stores batches of a service; ``apply`` is what its events effect."""

    service: Service
    settings: Settings
    pool: asyncpg.Pool
    apply: Apply

    async def __call__(
        self, taken: Sequence[Received | DeadLetter], holds: Mapping[str, str], until: float
    ) -> list[bool]:
        """One transaction; again after what passes, by halves after what one record may be guilty of.

        Gives of each record whether it became a dead letter. ``holds``: topics to pause → reason.
        """
        delay = 0.1
        while True:
            try:
                return await self._transaction(taken, holds)
            except Exception as error:
                if is_fatal(error):
                    raise ConfigurationError(explain(error, self.settings.database(self.service))) from None
                if not is_transient(error):
                    culprit = error
                    break
                telemetry.RETRIES.labels(self.service).inc()
                if time.monotonic() + delay > until:
                    raise GaveUpError(
                        f"a batch could not be stored within {self.settings.retry_seconds:.0f} s"
                    ) from None
                log.warning("batch.retried", seconds=delay, count=len(taken), exc_info=error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10)
        good = [index for index, item in enumerate(taken) if isinstance(item, Received)]
        if len(good) > 1:
            half = good[len(good) // 2]  # in order: receipts count each partition from its beginning on
            log.warning("batch.halved", count=len(good), exc_info=culprit)
            refused = await self(taken[:half], holds, until)
            return refused + await self(taken[half:], {}, until)
        if good:
            item = cast(Received, taken[good[0]])
            log.error("record.not_storable", topic=item.record.topic, partition=item.record.partition,
                      offset=item.record.offset, exc_info=culprit)  # fmt: skip
            letter = not_storable(item, culprit)
            return await self((*taken[: good[0]], letter, *taken[good[0] + 1 :]), holds, until)
        raise ConfigurationError(f"dead letters cannot be stored: {type(culprit).__name__}") from culprit

    async def _transaction(
        self, taken: Sequence[Received | DeadLetter], holds: Mapping[str, str]
    ) -> list[bool]:
        started = time.monotonic()
        good = [item for item in taken if isinstance(item, Received)]
        async with self.pool.acquire() as connection, connection.transaction():
            outcomes = iter(await self.apply(connection, good) if good else ())
            fates = [_fate(item, next(outcomes)) if isinstance(item, Received) else item for item in taken]
            letters = [fate for fate in fates if isinstance(fate, DeadLetter)]
            if letters:
                await put_aside(connection, letters)
            again = await account(
                connection,
                [(item.record, "refused" if isinstance(fate, DeadLetter) else _FATES[fate])
                 for item, fate in zip(taken, fates, strict=True)],
            )  # fmt: skip
            if again:
                await take_back(connection, again)
            for topic, reason in holds.items():
                await connection.execute(
                    "INSERT INTO paused_topic (topic, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    topic,
                    reason,
                )
        telemetry.BATCH_SECONDS.labels(self.service).observe(time.monotonic() - started)
        for item, fate in zip(taken, fates, strict=True):
            if fate is Outcome.APPLIED:
                telemetry.APPLIED.labels(self.service, item.family).inc()
            elif fate is Outcome.DUPLICATE:
                telemetry.DUPLICATES.labels(self.service, item.family).inc()
        for letter in letters:
            telemetry.DEAD_LETTERS.labels(self.service, letter.family, letter.kind).inc()
        return [isinstance(fate, DeadLetter) for fate in fates]


_FATES: Final[dict[Outcome, Fate]] = {Outcome.APPLIED: "applied", Outcome.DUPLICATE: "repeated"}


def _fate(item: Received, outcome: Outcome) -> Outcome | DeadLetter:
    return conflicting(item) if outcome is Outcome.CONFLICT else outcome
