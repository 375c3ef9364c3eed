"""What an event costs in a register of 10,000 persons and in one of 1,000,000: it should be the same.

The registers are filled by COPY with the rows that the registry would have written for two events a person:
registered as resident in 0180, enrolled in upper secondary school. Measured is the registry's way of a batch, from
the polled records to the commit, without Kafka: 1,000 `leave.left` of as many persons, picked at random, each of
which states a name too, so that each makes an episode, a new state of the person and two rows in the outbox.

Event ids have no order, as UUIDs of school systems have none. Each batch begins right after a checkpoint, when the
first change of a page writes the whole page to the log: the worst case, and the same for both.
"""

import json
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg

from benchmarks.stage import Figure, Stage, as_in_a_service, told
from contracts.envelope import CONTENT_TYPE, decode
from contracts.identifiers import birth_date_of
from contracts.organisers import Directory
from servicekit.batches import Store, sort
from servicekit.database import Connection, pool
from servicekit.records import DeadLetter, Record
from servicekit.settings import Settings
from services.registry.publication import digest_of, person_message, person_state
from services.registry.register import apply
from services.registry.statement import statement_of

_SMALL: Final = 10_000
_LARGE: Final = 1_000_000
_ROUNDS: Final = 8
_EVENTS: Final = 1_000
#: The day on which the registers stand: all have left school by then, and none is 20.
_DAY: Final = date(2026, 3, 31)
_TOWN: Final = "0180"
_FIRST_BIRTHDAY: Final = date(2006, 7, 1)
_BIRTHDAYS: Final = 3 * 365
#: Serials of a day. All of them: the databases are thrown away.
_SERIALS: Final = 999
_RECEIVED: Final = datetime(2025, 9, 1, tzinfo=UTC)
_MODEL_PERSON: Final = "200803159813"
_MODEL_ID: Final = UUID(int=0)

_LOG_COLUMNS: Final = [
    "source", "id", "digest", "topic", "partition", "offset", "received_at", "type", "time", "names",
    "identity_number", "on_day", "school_unit", "school_form", "study_path", "outcome", "municipality", "birth_date",
    "registered_in_sweden_on", "previous_identity_number", "protection", "given_name", "family_name",
]  # fmt: skip
_ID, _DIGEST, _OFFSET, _NUMBER, _ON, _BORN = (
    _LOG_COLUMNS.index(name) for name in ("id", "digest", "offset", "identity_number", "on_day", "birth_date")
)


_WARM: Final = """
SELECT pg_prewarm(oid) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace
"""


@dataclass(frozen=True, slots=True)
class _School:
    organiser: str
    unit: str


@dataclass(slots=True)
class _Register:
    """A filled register: who has not left school yet, and where each goes."""

    settings: Settings
    pool: asyncpg.Pool
    pupils: list[tuple[str, _School]]
    offset: int = 0


def _numbers(count: int) -> list[str]:
    """That many valid identity numbers of persons born in three years, picked at random."""
    days = [f"{_FIRST_BIRTHDAY + timedelta(days=day):%Y%m%d}" for day in range(_BIRTHDAYS)]
    serials = [f"{serial:03}" for serial in range(1, _SERIALS + 1)]
    # a check digit makes the sum of both parts' digits one that ends in 0 (Luhn): each part is summed up once
    of_days = [_summed(day[2:]) for day in days]
    of_serials = [_summed(serial) for serial in serials]
    found = []
    for ordinal in random.Random(count).sample(range(_BIRTHDAYS * _SERIALS), count):
        day, serial = divmod(ordinal, _SERIALS)
        found.append(f"{days[day]}{serials[serial]}{-(of_days[day] + of_serials[serial]) % 10}")
    return found


def _summed(digits: str) -> int:
    """Every second digit, from the first on, counts twice, as the sum of its own digits."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    return sum(value - 9 if value > 9 else value for value in doubled)


def _event(source: str, kind: str, event_id: str, data: dict[str, Any]) -> bytes:
    event = {
        "specversion": "1.0", "id": event_id, "source": source, "type": f"se.kaa.{kind}.v1",
        "time": "2026-03-02T08:00:00+01:00", "data": data,
    }  # fmt: skip
    return json.dumps(event).encode()


def _registered(number: str) -> bytes:
    person = {"identity_number": number, "birth_date": birth_date_of(number).isoformat()}
    data = {"person": person, "municipality": _TOWN, "since": "2009-12-31", "protection": "none"}
    return _event(f"urn:se:kommun:{_TOWN}", "municipality.resident.registered", "model", data)


def _started(number: str, school: _School) -> bytes:
    data = {
        "pupil": {"identity_number": number}, "school_unit": school.unit, "school_form": "GY", "study_path": "NA",
        "started_on": "2025-08-18", "home_municipality": _TOWN,
    }  # fmt: skip
    return _event(f"urn:se:orgnr:{school.organiser}", "school.enrolment.started", "model", data)


def _left(number: str, school: _School) -> bytes:
    pupil = {"identity_number": number, "given_name": "Prov", "family_name": "Provsson"}
    data = {"pupil": pupil, "school_unit": school.unit, "last_day": "2026-02-27"}
    return _event(f"urn:se:orgnr:{school.organiser}", "school.leave.left", str(uuid4()), data)


def _row_of(event: bytes, topic: str) -> list[Any]:
    """What the registry writes into its log of an event."""
    received = decode(event)
    s = statement_of(received)
    return [
        s.source, s.id, received.digest, topic, 0, 0, _RECEIVED, s.type, s.time, s.names, s.identity_number, s.on,
        s.school_unit, s.school_form, s.study_path, s.outcome, s.municipality, s.birth_date,
        s.registered_in_sweden_on, s.previous_identity_number, s.protection, s.given_name, s.family_name,
    ]  # fmt: skip


def _log_rows(numbers: Sequence[str], schools: Sequence[_School]) -> Iterator[tuple[Any, ...]]:
    """First the population feed, then the schools, each in an order of its own.

    One event of each kind goes through the registry's own code; the others are its row with another id, content
    and person.
    """
    chance = random.Random(len(numbers))
    row = _row_of(_registered(_MODEL_PERSON), f"municipality.{_TOWN}.population.v1")
    for offset, number in enumerate(numbers):
        row[_ID], row[_DIGEST], row[_OFFSET] = chance.randbytes(16).hex(), chance.randbytes(16), offset
        row[_NUMBER], row[_BORN] = number, birth_date_of(number)
        yield tuple(row)
    models = {
        school: _row_of(_started(_MODEL_PERSON, school), f"school.{school.organiser}.enrolment.v1")
        for school in set(schools)
    }
    order = list(range(len(numbers)))
    chance.shuffle(order)
    for offset, index in enumerate(order):
        row, number = models[schools[index]], numbers[index]
        row[_ID], row[_DIGEST], row[_OFFSET] = chance.randbytes(16).hex(), chance.randbytes(16), offset
        # in the autumn after ninth grade: a gap would have been an episode of its own
        row[_NUMBER], row[_ON] = number, date(int(number[:4]) + 16, 8, 18)
        yield tuple(row)


def _person_rows(numbers: Sequence[str], ids: Sequence[UUID]) -> Iterator[tuple[Any, ...]]:
    """As after one publication; what was published is one person's, with the number and the id of each put in."""
    state = person_state(
        _MODEL_ID, [_MODEL_PERSON], (None, None), birth_date_of(_MODEL_PERSON), _TOWN, "none", None
    )
    digest = digest_of(state)
    model = person_message(state, 1, _RECEIVED).value or b""
    birth = f"{birth_date_of(_MODEL_PERSON)}".encode()
    for number, person_id in zip(numbers, ids, strict=True):
        published = (
            model.replace(str(_MODEL_ID).encode(), str(person_id).encode())
            .replace(_MODEL_PERSON.encode(), number.encode())
            .replace(birth, f"{number[:4]}-{number[4:6]}-{number[6:8]}".encode())
        )
        yield person_id, number, number, 1, digest, published


def _shown(rows: Iterable[tuple[Any, ...]], table: str) -> Iterator[tuple[Any, ...]]:
    """The rows, with a word on standard error from time to time."""
    count = 0
    for count, row in enumerate(rows, 1):
        yield row
        if count % 100_000 == 0:
            print(f"\r  {table}: {count:,} rows ", end="", file=sys.stderr, flush=True)
    print(f"\r  {table}: {count:,} rows ", file=sys.stderr, flush=True)


async def _fill(stage: Stage, settings: Settings, count: int) -> list[tuple[str, _School]]:
    """Fills a register; gives its pupils, in random order, with the school of each."""
    await stage.database(settings)
    numbers, units = _numbers(count), _schools(stage.directory)
    schools = [units[index % len(units)] for index in range(count)]
    ids = [uuid4() for _ in numbers]
    owner = await asyncpg.connect(settings.database("registry", "owner"))
    await owner.execute("UPDATE business_day SET day = $1", _DAY)
    await _copy(owner, "event_log", _log_rows(numbers, schools), _LOG_COLUMNS)
    columns = ["person_id", "anchor", "identity_number", "revision", "digest", "published"]
    await _copy(owner, "person", _person_rows(numbers, ids), columns)
    await _copy(owner, "person_number", zip(numbers, ids, strict=True), ["identity_number", "person_id"])
    # as autovacuum leaves them: the first to read a row would else pay for marking it as visible
    await owner.execute("VACUUM (ANALYZE)")
    await owner.close()
    await _warm(stage, settings)
    pupils = list(zip(numbers, schools, strict=True))
    random.Random(2).shuffle(pupils)
    return pupils


async def _warm(stage: Stage, settings: Settings) -> None:
    """Brings the register into the database's memory, where a service that has run for a while finds it."""
    place = urlsplit(settings.database("registry", "owner")).path
    admin = await asyncpg.connect(urlunsplit(urlsplit(stage.admin_url)._replace(path=place)))
    await admin.execute("CREATE EXTENSION pg_prewarm")
    await admin.execute(_WARM)
    await admin.close()


async def _copy(owner: Connection, table: str, rows: Iterable[tuple[Any, ...]], columns: list[str]) -> None:
    await owner.copy_records_to_table(table, records=_shown(rows, table), columns=columns)


def _schools(directory: Directory) -> list[_School]:
    return [_School(organiser.number, unit) for organiser in directory.organisers for unit in organiser.units]


async def _round(stage: Stage, register: _Register) -> float:
    """Microseconds an event of one batch."""
    leaving = [register.pupils.pop() for _ in range(_EVENTS)]
    polled = []
    for number, school in leaving:
        topic = f"school.{school.organiser}.leave.v1"
        polled.append(Record(topic, 0, register.offset, 0, None, _left(number, school), (CONTENT_TYPE,)))
        register.offset += 1
    store = Store("registry", register.settings, register.pool, apply)
    begun = time.perf_counter()
    taken = await sort(polled, stage.directory)
    refused = await store(taken, {}, time.monotonic() + 60)
    spent = time.perf_counter() - begun
    if any(refused):
        why = sorted({letter.kind for letter in taken if isinstance(letter, DeadLetter)})
        raise RuntimeError(f"the events of the benchmark were refused: {why}")
    return spent / _EVENTS * 1e6


async def _clear(stage: Stage, register: _Register) -> None:
    """Empties the outbox, as the relay would have, and brings all pages to the disk."""
    owner = await asyncpg.connect(register.settings.database("registry", "owner"))
    told_rows = await owner.fetchval("SELECT count(*) FROM outbox")
    if told_rows != 2 * _EVENTS:
        raise RuntimeError(f"{_EVENTS} events told {told_rows} things; two each were expected")
    await owner.execute("TRUNCATE outbox")
    await owner.close()
    admin = await asyncpg.connect(stage.admin_url)
    await admin.execute("CHECKPOINT")
    await admin.close()


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figure."""
    print(f"Growth, batches of {_EVENTS:,} events in a register of {_SMALL:,} and of {_LARGE:,} persons")
    begun = time.perf_counter()
    settings = {count: stage.settings() for count in (_SMALL, _LARGE)}
    pupils = {count: await _fill(stage, settings[count], count) for count in settings}
    print(f"  filled in {time.perf_counter() - begun:.0f} s")
    spent: dict[int, list[float]] = {_SMALL: [], _LARGE: []}
    async with (
        pool(settings[_SMALL].database("registry"), name="bench") as small,
        pool(settings[_LARGE].database("registry"), name="bench") as large,
    ):
        registers = {
            _SMALL: _Register(settings[_SMALL], small, pupils[_SMALL]),
            _LARGE: _Register(settings[_LARGE], large, pupils[_LARGE]),
        }
        with as_in_a_service():
            for number in range(_ROUNDS + 1):
                # each goes first as often as the other
                for count in (_SMALL, _LARGE) if number % 2 else (_LARGE, _SMALL):
                    register = registers[count]
                    microseconds = await _round(stage, register)
                    await _clear(stage, register)
                    if number:  # in the first, statements are planned and caches filled
                        spent[count].append(microseconds)
    for one in settings.values():
        await stage.drop(one)
    few = told(f"{_SMALL:,} persons", spent[_SMALL], "µs an event")
    many = told(f"{_LARGE:,} persons", spent[_LARGE], "µs an event")
    name = f"cost of an event in a register of {_LARGE:,} persons"
    reference = f"the same in a register of {_SMALL:,}"
    return [Figure(name, many, reference, few, "µs", at_least=0.85, at_most=1.15)]
