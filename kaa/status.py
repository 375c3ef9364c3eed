"""`kaa status` and `kaa books`: the whole installation on one screen, and whether every record is accounted for."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import asyncpg
import typer
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from rich.table import Table

from contracts.catalogue import family_of, read_by, topics_of
from contracts.organisers import load as load_directory
from contracts.yaml_file import YamlFileError
from kaa.errors import in_one_line
from kaa.terminal import wide_console, without_client_logs
from localstack.services import health, running_service, services_folder
from localstack.services import names as started_names
from servicekit import books as bookkeeping
from servicekit.database import DATABASE_ERRORS, explain, new_pool
from servicekit.lag import ends, lags
from servicekit.settings import SERVICES, ConfigurationError, Service, Settings, load


@dataclass(slots=True)
class _Stored:
    """What a service's database says of it; ``trouble`` instead of all else when it cannot be asked."""

    trouble: str | None = None
    letters: dict[str, int] = field(default_factory=dict)
    paused: dict[str, str] = field(default_factory=dict)
    outbox: int = 0
    relay: bool = False
    day: date | None = None


async def _stored(settings: Settings, service: Service) -> _Stored:
    try:
        url = settings.database(service)
        connection = await asyncpg.connect(url, timeout=5, command_timeout=10)
    except ConfigurationError as error:
        return _Stored(trouble=str(error))
    except DATABASE_ERRORS as error:
        return _Stored(trouble=explain(error, url))
    try:
        return _Stored(
            letters=dict(
                await connection.fetch("SELECT kind, count(*) FROM dead_letter GROUP BY kind ORDER BY 2 DESC")
            ),
            paused=dict(await connection.fetch("SELECT topic, reason FROM paused_topic ORDER BY topic")),
            outbox=await connection.fetchval("SELECT count(*) FROM outbox"),
            relay=await connection.fetchval("SELECT until > now() FROM relay_turn"),
            day=await connection.fetchval("SELECT day FROM business_day") if service == "registry" else None,
        )
    except asyncpg.PostgresError as error:
        return _Stored(trouble=explain(error, url))
    finally:
        await connection.close()


@dataclass(slots=True)
class _Broker:
    """What the broker says: missing topics, records by topic family, lag of each service."""

    trouble: str | None = None
    missing: list[str] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)
    #: Service → records it has not applied yet, and seconds that the oldest of them has waited.
    lag: dict[Service, tuple[int, float]] = field(default_factory=dict)


def groups_of(settings: Settings, partitions: Iterable[TopicPartition]) -> dict[str, list[TopicPartition]]:
    """Consumer group of each service → the partitions it reads."""
    reads = {service: {family.name for family in read_by(service)} for service in SERVICES}
    return {
        settings.group(service): [
            p for p in partitions if (found := family_of(p.topic)) and found[0].name in reads[service]
        ]
        for service in SERVICES
    }


async def _broker(settings: Settings) -> _Broker:
    found = _Broker()
    try:
        async with asyncio.timeout(30):
            end = await ends(settings.brokers())
            behind = await lags(settings.brokers(), groups_of(settings, end))
    except ConfigurationError as error:
        return _Broker(trouble=str(error))
    except (KafkaError, OSError) as error:
        return _Broker(trouble=f"no Kafka broker answers at {settings.kafka} ({type(error).__name__})")
    for partition, offset in end.items():
        family = family_of(partition.topic)
        if family:
            name = family[0].name
            found.records[name] = found.records.get(name, 0) + offset
            found.topics[name] = found.topics.get(name, 0) + (partition.partition == 0)
    for service in SERVICES:
        group = settings.group(service)
        mine = [lag for lag in behind if lag.group == group]
        found.lag[service] = sum(lag.records for lag in mine), max((lag.seconds for lag in mine), default=0)
    there = {partition.topic for partition in end}
    try:
        found.missing = [
            topic.name for topic in topics_of(load_directory(settings.organisers)) if topic.name not in there
        ]
    except YamlFileError:
        found.trouble = f"{settings.organisers} is wrong: run `kaa organisers check`"
    return found


async def _look(settings: Settings) -> tuple[_Broker, dict[Service, _Stored]]:
    broker = asyncio.create_task(_broker(settings))
    stored = await asyncio.gather(*(_stored(settings, service) for service in SERVICES))
    return await broker, dict(zip(SERVICES, stored, strict=True))


def status() -> None:
    """Show the whole installation on one screen: services, topics, lag, dead letters, outbox.

    Exit status 0 when nothing wants attention, 1 when something does.
    """
    without_client_logs()
    with in_one_line():
        settings = load()
        broker, stored = asyncio.run(_look(settings))
    console = wide_console()
    wants: list[str] = []
    console.print(_services(broker, stored, wants))
    if broker.trouble:
        wants.append(broker.trouble)
    else:
        console.print(_topics(broker))
    if broker.missing:
        wants.append(f"{len(broker.missing)} topics are missing: run `kaa topics apply`")
    for line in wants:
        console.print(f"[bold]![/bold] {line}", highlight=False)
    raise typer.Exit(1 if wants else 0)


def _process(service: Service, wants: list[str]) -> str:
    """What is known of the service's process; only those started by `kaa local up --services` are known here."""
    mine = [name for name in started_names() if name.partition("-")[0] == service]
    if not mine:
        return "not started here"
    said = []
    for name in mine:
        if running_service(name) is None:
            said.append("stopped")
            wants.append(f"{name} is not running: its log is {services_folder() / name / 'service.log'}")
            continue
        good, reason = health(services_folder() / name, "ready")
        said.append("ready" if good else reason)
        if not good:
            wants.append(f"{name} is not ready: {reason}")
    return ", ".join(said)


def _services(broker: _Broker, stored: dict[Service, _Stored], wants: list[str]) -> Table:
    table = Table(title="Services")
    for heading in (
        "Service",
        "Process",
        "Lag in records (oldest)",
        "Dead letters",
        "Paused topics",
        "Outbox",
        "Relay",
    ):
        table.add_column(heading, justify="left" if heading in {"Service", "Process", "Relay"} else "right")
    for service, one in stored.items():
        process = _process(service, wants)
        if one.trouble:
            wants.append(f"{service}: {one.trouble}")
            table.add_row(service, process, *["?"] * 5)
            continue
        lag = broker.lag.get(service)
        letters = ", ".join(f"{count} {kind}" for kind, count in one.letters.items()) or "0"
        relay = "" if service == "reporting" else ("has its turn" if one.relay else "nobody's turn")
        lagging = "?" if lag is None else f"{lag[0]} ({lag[1]:.0f} s)" if lag[0] else "0"
        table.add_row(service, process, lagging, letters, str(len(one.paused)), str(one.outbox), relay)
        wants.extend(
            f"{service}: {topic} is paused ({reason}): mend the cause, then `kaa topics resume {service} {topic}`"
            for topic, reason in one.paused.items()
        )
        if one.day:
            table.caption = f"The register stands on {one.day}."
    return table


def _topics(broker: _Broker) -> Table:
    table = Table(title="Topics")
    table.add_column("Family")
    table.add_column("Topics", justify="right")
    table.add_column("Records written", justify="right")
    for name, count in sorted(broker.records.items()):
        table.add_row(name, str(broker.topics[name]), str(count))
    return table


async def check_books(settings: Settings) -> list[bookkeeping.Books]:
    """The books of every service."""
    checked = []
    for service in SERVICES:
        async with new_pool(settings.database(service), name="kaa-books", size=2) as opened:
            checked.append(await bookkeeping.check(settings.brokers(), service, opened))
    return checked


def books_table(checked: Iterable[bookkeeping.Books]) -> Table:
    """The books for people."""
    table = Table(title="Books: every record has exactly one fate")
    for heading in ("Service", "Records", "Applied", "Duplicates", "Dead letters", "Unaccounted", "Balance"):
        table.add_column(heading, justify="left" if heading in {"Service", "Balance"} else "right")
    for one in checked:
        cells: list[Any] = [
            one.records,
            *(one.total(fate) for fate in ("applied", "duplicate", "dead_letter")),
        ]
        wrong = len(one.unaccounted) + len(one.doubly) + abs(one.from_nowhere)
        table.add_row(one.service, *map(str, cells), str(wrong), "yes" if one.balance else "NO")
    return table


def books() -> None:
    """Read every record on every topic anew and find its fate: applied, duplicate or dead letter.

    Exit status 0 when each has exactly one, 1 when not (work under way is not accounted for yet).
    """
    without_client_logs()
    with in_one_line():
        checked = asyncio.run(check_books(load()))
    wide_console().print(books_table(checked))
    raise typer.Exit(0 if all(one.balance for one in checked) else 1)
