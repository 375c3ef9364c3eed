"""What people and the retention do with dead letters, each with a line in the audit: who, when, why.

The application role can only add to the audit. Each action is written in the transaction of what it tells of: no
line, no action. Replaying is in ``servicekit.replay``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from servicekit.database import Connection
from servicekit.dead_letters import Choice, Content, Letter, NoLetterError, content, letter, letters

Action = Literal["shown", "replayed", "discarded", "expired"]

#: How long a dead letter is kept after it was received. Topics that organisers write keep records for 30 days, so
#: the broker has forgotten the record long before; of a compacted topic, which may still hold it, the audit keeps
#: the place, and the books find it there.
KEPT: Final = timedelta(days=90)
_PAGE: Final = 1000

_WRITE_DOWN = """
INSERT INTO dead_letter_action
  (who, why, action, outcome, dead_letter_id, topic, partition, "offset", kind, event_id, received_at)
SELECT $1, $2, $3, new.outcome, dead_letter_id, topic, partition, "offset", kind, event_id, received_at
FROM dead_letter JOIN unnest($4::bigint[], $5::text[]) AS new (dead_letter_id, outcome) USING (dead_letter_id)
ORDER BY topic, partition, "offset"
"""
_HOLD = """
SELECT dead_letter_id FROM dead_letter WHERE dead_letter_id = ANY($1) AND discarded_at IS NULL
ORDER BY topic, partition, "offset" FOR UPDATE
"""
# A header's name can hold anything too.
_EMPTY = """
UPDATE dead_letter SET discarded_at = now(), key = NULL, value = NULL, header_names = '{}', header_values = '{}'
WHERE dead_letter_id = ANY($1)
"""
_OLD = """
SELECT dead_letter_id FROM dead_letter WHERE received_at < $1 ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_DELETE = "DELETE FROM dead_letter WHERE dead_letter_id = ANY($1)"
_ACTIONS = """
SELECT at, who, why, action, outcome, dead_letter_id, topic, partition, "offset", kind, event_id
FROM dead_letter_action WHERE $1::bigint IS NULL OR dead_letter_id = $1 ORDER BY action_id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who does something with dead letters, and why: both go into the audit."""

    who: str
    why: str


_RETENTION: Final = Operator("retention", f"{KEPT.days} days")


@dataclass(frozen=True, slots=True)
class Done:
    """A line of the audit. ``outcome``, of a replay: applied, duplicate, or the class it was refused with again."""

    at: datetime
    who: str
    why: str
    action: Action
    outcome: str | None
    number: int
    topic: str
    partition: int
    offset: int
    kind: str
    event_id: str | None

    @property
    def place(self) -> str:
        """topic/partition/offset."""
        return f"{self.topic}/{self.partition}/{self.offset}"


async def write_down(
    connection: Connection,
    operator: Operator,
    action: Action,
    numbers: Sequence[int],
    outcomes: Sequence[str | None],
) -> None:
    """Adds a line to the audit for each dead letter, in the transaction of the connection, as the letter is now."""
    await connection.execute(_WRITE_DOWN, operator.who, operator.why, action, numbers, outcomes)


async def actions(connection: Connection, number: int | None, limit: int) -> list[Done]:
    """The newest lines of the audit, the latest first; of one dead letter alone when its number is given."""
    return [Done(*row) for row in await connection.fetch(_ACTIONS, number, limit)]


async def look(connection: Connection, number: int, operator: Operator) -> Content:
    """The content of a dead letter, for somebody who says who and why. Raises NoLetterError.

    It is given only after the look stands in the audit: where that cannot be written, nothing is shown.
    """
    async with connection.transaction():
        if (await letter(connection, number)).discarded_at is not None:
            raise NoLetterError(f"dead letter {number} was discarded: its content is gone")
        held = await content(connection, number)
        await write_down(connection, operator, "shown", [number], [None])
    return held


async def to_discard(connection: Connection, numbers: Sequence[int]) -> list[Letter]:
    """The dead letters of these numbers. Raises NoLetterError for one that is not there or discarded already."""
    found = await letters(connection, Choice(numbers, discarded=True), len(numbers))
    gone = [one.number for one in found if one.discarded_at is not None]
    if gone:
        raise NoLetterError(f"dead letter {_listed(gone)} was discarded already")
    missing = set(numbers) - {one.number for one in found}
    if missing:
        raise NoLetterError(f"there is no dead letter {_listed(missing)}; see `kaa dead-letters list`")
    return found


async def discard(connection: Connection, numbers: Sequence[int], operator: Operator) -> None:
    """Lets dead letters have no effect, for good: the content is removed, place, class and event id stay.

    So the books still balance, and the organiser's receipts say what became of it. All of them or none. Raises
    NoLetterError for one that is not there, or was discarded or took effect meanwhile.
    """
    async with connection.transaction():
        held = [row[0] for row in await connection.fetch(_HOLD, numbers)]
        missing = set(numbers) - set(held)
        if missing:
            raise NoLetterError(
                f"there is no dead letter {_listed(missing)} that is not discarded; see `kaa dead-letters list`"
            )
        await write_down(connection, operator, "discarded", held, [None] * len(held))
        await connection.execute(_EMPTY, held)


async def expire(connection: Connection, now: datetime) -> int:
    """Deletes the dead letters received more than 90 days before ``now``, discarded or not; gives how many.

    In batches with a transaction each, and a line in the audit for each letter; safe to repeat and to run twice at
    once. The books do not miss them: organisers' topics keep records 30 days, see ``KEPT``. Raises what asyncpg
    raises.
    """
    total = 0
    while True:
        async with connection.transaction():
            old = [row[0] for row in await connection.fetch(_OLD, now - KEPT, _PAGE)]
            await write_down(connection, _RETENTION, "expired", old, [None] * len(old))
            await connection.execute(_DELETE, old)
        total += len(old)
        if len(old) < _PAGE:
            return total


def _listed(numbers: Sequence[int] | set[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
