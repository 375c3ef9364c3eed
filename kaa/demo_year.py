"""The demo's year: simulated up to today, published month by month as the business day moves on, and waited for."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from contracts.envelope import decode
from contracts.organisers import Directory
from kaa.status import groups_of
from servicekit.calendar import STOCKHOLM
from servicekit.database import connect, pool
from servicekit.lag import ends, lags
from servicekit.publishing import Record, publish, record
from servicekit.settings import SERVICES, Settings
from services.registry.scheduler import move_day
from simulator import simulate
from simulator.terms import SchoolYear

MUNICIPALITY: Final = "0180"
#: How long effects may take to show after the last record, in seconds.
PATIENCE: Final = 600


@dataclass(frozen=True, slots=True)
class Year:
    """A simulated year: one record an event, in order of publication; the ledger of what was meant."""

    lines: list[bytes]
    ledger: dict[str, Any]

    @property
    def last_day(self) -> date:
        """The day on which the register stands when the year is over."""
        return date.fromisoformat(self.ledger["last_day"])


def simulated(persons: int, seed: int, directory: Directory, folder: Path, today: date) -> Year:
    """Makes the school year of today as far as it has gone, and leaves it in a folder as ``kaa simulate`` would."""
    events, ledger = simulate(MUNICIPALITY, persons, str(SchoolYear.of(today)), seed, directory, today)
    lines = [json.dumps(event, ensure_ascii=False).encode() for event in events]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "year.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    (folder / "year.ledger.json").write_text(
        json.dumps(ledger, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    return Year(lines, ledger)


def months(lines: list[bytes], first_day: date) -> Iterator[tuple[date, list[Record]]]:
    """The records month by month, with the day on which each month ends: what was recorded later comes later."""
    month: list[Record] = []
    end = _month_end(first_day)
    for line in lines:
        event = decode(line)
        day = event.time.astimezone(STOCKHOLM).date()
        # what comes late or out of order comes where it stands in the file
        if day > end:
            yield end, month
            month, end = [], _month_end(day)
        month.append(record(event, line))
    yield end, month


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


async def publish_year(settings: Settings, year: Year, advance: Callable[[date, int], None]) -> None:
    """Publishes the year; after each month the business day moves to its end, as the calendar would have it."""
    first = date.fromisoformat(year.ledger["first_day"])
    async with pool(settings.database("registry"), name="kaa-demo", size=1) as register:
        await move_day(register, first - timedelta(days=1))
        for end, records in months(year.lines, first):
            await publish(settings.brokers(), records)
            stands = await move_day(register, min(end, year.last_day))
            advance(stands, len(records))
        await move_day(register, year.last_day)


async def publish_bad_release(settings: Settings, directory: Directory, day: date) -> int:
    """One school's system has a bad release: a record of each class that must be put aside; gives how many."""
    ours = [organiser for organiser in directory.organisers if organiser.units]
    one, other = ours[-1], ours[0]
    unit, foreign = next(iter(one.units)), next(iter(other.units))

    def left(**changed: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0", "id": f"bad-{len(changed)}-{next(iter(changed), '')}",
            "source": f"urn:se:orgnr:{one.number}", "type": "se.kaa.school.leave.left.v1",
            "time": datetime.combine(day, time(7), STOCKHOLM).isoformat(),
            "data": {"pupil": {"identity_number": "200803159813"}, "school_unit": unit, "last_day": f"{day}"},
        } | changed  # fmt: skip

    data = left()["data"]
    bad = [
        b"this is not JSON",
        json.dumps(left(type="se.kaa.school.leave.departed.v1")).encode(),
        json.dumps(left(data=data | {"last_day": f"{day:%d/%m %Y}"})).encode(),
        json.dumps(left(source=f"urn:se:orgnr:{other.number}")).encode(),
        json.dumps(left(data=data | {"school_unit": foreign}, id="bad-unit")).encode(),
        None,
    ]
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers(), enable_idempotence=True) as producer:
        for value in bad:
            await producer.send_and_wait(f"school.{one.number}.leave.v1", value, key=b"bad")
    return len(bad)


async def settled(settings: Settings, show: Callable[[int, int], None]) -> None:
    """Waits until every service has taken every record and every outbox is empty. Raises TimeoutError."""
    quiet = 0
    async with asyncio.timeout(PATIENCE):
        while quiet < 2:
            end = await ends(settings.brokers())
            behind = sum(lag.records for lag in await lags(settings.brokers(), groups_of(settings, end)))
            waiting = 0
            for service in SERVICES:
                connection = await connect(settings.database(service))
                waiting += await connection.fetchval("SELECT count(*) FROM outbox")
                if service == "registry":
                    waiting += await connection.fetchval(
                        "SELECT count(*) FROM waking JOIN business_day ON waking.day <= business_day.day"
                    )
                await connection.close()
            show(behind, waiting)
            quiet = quiet + 1 if behind + waiting == 0 else 0
            await asyncio.sleep(0.5)


async def is_empty(settings: Settings) -> bool:
    """Whether no topic of the catalogue holds a record: the demo's books are about its own records."""
    return not any((await ends(settings.brokers())).values())
