"""Records that could not take effect: kept whole, with their class and what to do; stored and found again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from contracts.catalogue import family_of
from contracts.envelope import Headers
from servicekit.database import Connection
from servicekit.records import DeadLetter, Received, Record

#: Class → what to do about it, for the operator and the organiser.
WHAT_TO_DO: Final[dict[str, str]] = {
    "malformed": "the organiser's system sends something that is no CloudEvent; ask its vendor to run the validator",
    "unknown_type": "the organiser's system sends a type that the contract does not have; ask its vendor",
    "contract": "the data does not keep the contract; the organiser corrects it and sends it under a new id",
    "wrong_topic": "the type belongs on another topic; the organiser sends it there",
    "foreign_source": "somebody speaks for another organiser; look into it, then ask the organiser of the topic",
    "unknown_organiser": "the organiser is not in the directory: add it, then replay",
    "foreign_unit": "the school unit is not this organiser's in the directory: correct it and replay, or the sender",
    "identity_conflict": "an id was used twice for different content; the organiser sends the second under a new id",
    "store": "valid, but it could not be stored: a fault of this system; mend it, then replay",
}

# NULL is a header without a value: in binary mode that is not the same as an empty one.
_INSERT = """
INSERT INTO dead_letter
  (topic, partition, "offset", kind, field, detail, key, value, header_names, header_values, recorded_at,
   event_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (topic, partition, "offset") DO NOTHING
"""
_CHOSEN = """
FROM dead_letter
WHERE ($1::bigint[] IS NULL OR dead_letter_id = ANY($1)) AND ($2::text IS NULL OR kind = $2)
  AND ($3::text IS NULL OR topic = $3) AND ($4::text IS NULL OR split_part(topic, '.', 2) = $4)
  AND ($5 OR discarded_at IS NULL)
"""
_SUMMARY = f"SELECT kind, topic, count(*), min(received_at) {_CHOSEN} GROUP BY kind, topic"
_LETTERS = f"""
SELECT dead_letter_id, topic, partition, "offset", kind, field, detail, event_id, received_at, discarded_at
{_CHOSEN} ORDER BY topic, partition, "offset" LIMIT $6
"""
_NUMBERS = f"""
SELECT dead_letter_id, coalesce(octet_length(value), 0) {_CHOSEN} ORDER BY topic, partition, "offset"
"""
_CONTENT = "SELECT key, value, header_names, header_values FROM dead_letter WHERE dead_letter_id = $1"
_TAKE_BACK = """
DELETE FROM dead_letter USING unnest($1::text[], $2::int[], $3::bigint[]) AS applied (topic, partition, "offset")
WHERE dead_letter.topic = applied.topic AND dead_letter.partition = applied.partition
  AND dead_letter."offset" = applied."offset"
"""


async def put_aside(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Stores them, each record once whatever is delivered again."""
    await connection.executemany(
        _INSERT,
        [
            (
                letter.record.topic,
                letter.record.partition,
                letter.record.offset,
                letter.kind,
                letter.field,
                letter.detail[:1000],
                letter.record.key,
                letter.record.value,
                # a header's name may hold what no text column takes; its bytes are in the value column's array
                [name.replace("\x00", "\N{REPLACEMENT CHARACTER}") for name, _ in letter.record.headers],
                [value for _, value in letter.record.headers],
                datetime.fromtimestamp(max(letter.record.timestamp, 0) / 1000, UTC),
                letter.event_id,
            )
            for letter in letters
        ],
    )


class NoLetterError(Exception):
    """There is no dead letter of that number to do this with; said in one line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters: those of which all that is stated holds. ``owner``: organisation number or municipality."""

    numbers: Sequence[int] | None = None
    kind: str | None = None
    topic: str | None = None
    owner: str | None = None
    #: Those that somebody discarded as well.
    discarded: bool = False

    def _arguments(self) -> tuple[object, ...]:
        return self.numbers, self.kind, self.topic, self.owner, self.discarded


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without its content."""

    number: int
    topic: str
    partition: int
    offset: int
    kind: str
    field: str | None
    detail: str
    event_id: str | None
    received_at: datetime
    discarded_at: datetime | None

    @property
    def place(self) -> str:
        """topic/partition/offset."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Content:
    """What a record held, as it came. A discarded one holds nothing."""

    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Group:
    """The dead letters of one class from one organiser (``owner``; of our own topics the topic's name)."""

    kind: str
    owner: str
    count: int
    oldest: datetime


async def groups(connection: Connection, choice: Choice) -> list[Group]:
    """The chosen dead letters by class and organiser, the largest group first."""
    found: dict[tuple[str, str], list[tuple[int, datetime]]] = defaultdict(list)
    for kind, topic, count, oldest in await connection.fetch(_SUMMARY, *choice._arguments()):
        found[kind, _owner(topic)].append((count, oldest))
    each = (
        Group(kind, owner, sum(count for count, _ in parts), min(oldest for _, oldest in parts))
        for (kind, owner), parts in found.items()
    )
    return sorted(each, key=lambda group: (-group.count, group.kind, group.owner))


def _owner(topic: str) -> str:
    family = family_of(topic)
    return topic if family is None or family[1] is None else family[1]


async def letters(connection: Connection, choice: Choice, limit: int) -> list[Letter]:
    """The first of the chosen dead letters, in order of topic, partition and offset."""
    return [Letter(*row) for row in await connection.fetch(_LETTERS, *choice._arguments(), limit)]


async def letter(connection: Connection, number: int) -> Letter:
    """One dead letter. Raises NoLetterError."""
    found = await letters(connection, Choice([number], discarded=True), 1)
    if not found:
        raise NoLetterError(f"there is no dead letter {number}; see `kaa dead-letters list`")
    return found[0]


async def numbers(connection: Connection, choice: Choice) -> list[tuple[int, int]]:
    """(number, bytes of content) of the chosen dead letters, in order of topic, partition and offset."""
    return [(row[0], row[1]) for row in await connection.fetch(_NUMBERS, *choice._arguments())]


async def content(connection: Connection, number: int) -> Content:
    """What the record held. Personal data: mask it, or write down who looks. Raises NoLetterError."""
    row = await connection.fetchrow(_CONTENT, number)
    if row is None:
        raise NoLetterError(f"there is no dead letter {number}; see `kaa dead-letters list`")
    return Content(row[0], row[1], tuple(zip(row[2], row[3], strict=True)))


def conflicting(item: Received) -> DeadLetter:
    """What becomes of an event whose identity another event of other content has."""
    detail = "another event with this source and id, of other content, stands"
    return DeadLetter(item.record, item.family, "identity_conflict", "id", detail, item.event_id)


def not_storable(item: Received, error: BaseException) -> DeadLetter:
    """What becomes of a valid event at which the store, or a rule, fails; without what the error's text repeats."""
    state = getattr(error, "sqlstate", None)
    detail = f"{type(error).__name__}{f', SQLSTATE {state}' if state else ''}"
    return DeadLetter(item.record, item.family, "store", None, detail, item.event_id)


async def take_back(connection: Connection, records: Sequence[Record]) -> None:
    """Removes the letters of records that took effect after all, when they were delivered again: one fate each."""
    await connection.execute(
        _TAKE_BACK,
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
    )
