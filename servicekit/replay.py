"""Replaying dead letters: the same records through the same effect as the first time, once what was wrong is mended.

Idempotent, because the effect is: (``source``, ``id``) lets an event through once, whether it comes from Kafka or
from here. A letter goes in the transaction of its effect; what is refused again stays, under its new class.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from contracts.organisers import Directory
from servicekit.database import Connection, TransientError, is_fatal, is_transient
from servicekit.dead_letter_actions import Operator, actions, write_down
from servicekit.dead_letters import Choice, NoLetterError, conflicting, letters, not_storable, numbers
from servicekit.records import Apply, DeadLetter, Outcome, Received, Record
from servicekit.sorting import sort_out

#: Outcomes with which a letter is gone; all others are classes, under which it stays.
TOOK_EFFECT: Final = frozenset({"applied", "duplicate"})

_BATCH: Final = 500
#: Bytes of content in a batch: a record may hold a mebibyte.
_BATCH_BYTES: Final = 16 * 1024 * 1024
_ATTEMPTS: Final = 6

# Two that replay at once share the letters: each takes what the other does not hold.
_TAKE = """
SELECT dead_letter_id, topic, partition, "offset", recorded_at, key, value, header_names, header_values
FROM dead_letter WHERE dead_letter_id = ANY($1) AND discarded_at IS NULL
ORDER BY topic, partition, "offset" FOR UPDATE SKIP LOCKED
"""
_TOOK_EFFECT = "DELETE FROM dead_letter WHERE dead_letter_id = ANY($1)"
_REFUSED = """
UPDATE dead_letter SET kind = new.kind, field = new.field, detail = new.detail,
                       event_id = coalesce(new.event_id, dead_letter.event_id)
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
  AS new (dead_letter_id, kind, field, detail, event_id)
WHERE dead_letter.dead_letter_id = new.dead_letter_id
"""


async def to_replay(connection: Connection, choice: Choice) -> list[list[int]]:
    """The numbers of the chosen dead letters in batches, in order of topic, partition and offset.

    Of numbers that are named, one that took effect in an earlier replay is left out: nothing is to be done. Raises
    NoLetterError for one that never was, has expired or was discarded.
    """
    if choice.numbers is not None:
        await _must_exist(connection, choice.numbers)
    batches: list[list[int]] = []
    room = held = 0
    for number, size in await numbers(connection, choice):
        if not batches or not room or held + size > _BATCH_BYTES:
            batches.append([])
            room, held = _BATCH, 0
        batches[-1].append(number)
        room -= 1
        held += size
    return batches


async def _must_exist(connection: Connection, wanted: Sequence[int]) -> None:
    found = await letters(connection, Choice(wanted, discarded=True), len(wanted))
    for one in found:
        if one.discarded_at is not None:
            raise NoLetterError(f"dead letter {one.number} was discarded: its content is gone")
    for number in sorted(set(wanted) - {one.number for one in found}):
        last = await actions(connection, number, 1)
        if not last:
            raise NoLetterError(f"there is no dead letter {number}; see `kaa dead-letters list`")
        if last[0].action == "expired":
            raise NoLetterError(f"dead letter {number} was deleted after {last[0].why}")


async def replay(
    connection: Connection,
    apply: Apply,
    directory: Directory,
    batches: Sequence[Sequence[int]],
    operator: Operator,
    done: Callable[[int], None] = lambda _: None,
) -> Counter[str]:
    """Judges dead letters anew and lets the good ones take effect, one transaction a batch; gives outcome → letters.

    ``batches``: of ``to_replay``. ``done`` is called with the size of each batch when it is committed. Not among
    the outcomes are letters that another replay has taken or holds. Raises what asyncpg raises, and TransientError
    when other work stays in the way; what was committed until then stands.
    """
    outcomes: Counter[str] = Counter()
    for batch in batches:
        outcomes += await _persistently(connection, apply, directory, batch, operator)
        done(len(batch))
    return outcomes


async def left(connection: Connection, batches: Sequence[Sequence[int]]) -> int:
    """How many letters of these batches are still there, not discarded."""
    every = [number for batch in batches for number in batch]
    return len(await numbers(connection, Choice(every)))


async def _persistently(
    connection: Connection, apply: Apply, directory: Directory, batch: Sequence[int], operator: Operator
) -> Counter[str]:
    """One batch; again after a deadlock or the like with a service that works meanwhile."""
    delay = 0.1
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _transaction(connection, apply, directory, batch, operator)
        except (TransientError, asyncpg.TransactionRollbackError):
            await asyncio.sleep(delay)
            delay *= 2
    return await _transaction(connection, apply, directory, batch, operator)


async def _transaction(
    connection: Connection, apply: Apply, directory: Directory, batch: Sequence[int], operator: Operator
) -> Counter[str]:
    async with connection.transaction():
        taken = [(row[0], _record(*row[1:])) for row in await connection.fetch(_TAKE, batch)]
        judged = [sort_out(record, directory) for _, record in taken]
        fates = await _take_effect(connection, apply, judged)
        words = [fate.kind if isinstance(fate, DeadLetter) else fate.value for fate in fates]
        held = [number for number, _ in taken]
        await write_down(connection, operator, "replayed", held, words)
        effective = [n for n, fate in zip(held, fates, strict=True) if isinstance(fate, Outcome)]
        await connection.execute(_TOOK_EFFECT, effective)
        refused = [
            (number, fate.kind, fate.field, fate.detail[:1000], fate.event_id)
            for number, fate in zip(held, fates, strict=True)
            if isinstance(fate, DeadLetter)
        ]
        if refused:
            await connection.execute(_REFUSED, *map(list, zip(*refused, strict=True)))
    return Counter(words)


async def _take_effect(
    connection: Connection, apply: Apply, judged: Sequence[Received | DeadLetter]
) -> list[Outcome | DeadLetter]:
    """The fate of each; where one spoils the batch, each for itself."""
    good = [item for item in judged if isinstance(item, Received)]
    fates: list[Outcome | DeadLetter] = []
    if good:
        try:
            fates = await _applied(connection, apply, good)
        except Exception as error:
            if is_fatal(error) or is_transient(error):
                raise
            fates = [await _alone(connection, apply, item) for item in good]
    its = iter(fates)
    return [next(its) if isinstance(item, Received) else item for item in judged]


async def _alone(connection: Connection, apply: Apply, item: Received) -> Outcome | DeadLetter:
    try:
        return (await _applied(connection, apply, [item]))[0]
    except Exception as error:
        # whatever it was, also an error in our own rules: it costs this letter alone, as it does in the consumer
        if is_fatal(error) or is_transient(error):
            raise
        return not_storable(item, error)


async def _applied(
    connection: Connection, apply: Apply, items: Sequence[Received]
) -> list[Outcome | DeadLetter]:
    async with connection.transaction():
        outcomes = await apply(connection, items)
    return [
        conflicting(item) if outcome is Outcome.CONFLICT else outcome
        for item, outcome in zip(items, outcomes, strict=True)
    ]


def _record(
    topic: str,
    partition: int,
    offset: int,
    recorded_at: datetime,
    key: bytes | None,
    value: bytes | None,
    names: Sequence[str],
    values: Sequence[bytes | None],
) -> Record:
    headers = tuple(zip(names, values, strict=True))
    return Record(topic, partition, offset, round(recorded_at.timestamp() * 1000), key, value, headers)
