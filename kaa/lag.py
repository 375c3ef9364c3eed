"""`kaa lag`: how far each service is behind, in records and in the age of the oldest; a live view."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

import asyncpg
import typer
from aiokafka.errors import KafkaError
from rich.console import Group
from rich.live import Live
from rich.table import Table

from contracts.catalogue import Family, family_of, read_by
from kaa.errors import fail, in_one_line
from kaa.status import groups_of
from kaa.terminal import wide_console, without_client_logs
from servicekit.calendar import STOCKHOLM
from servicekit.database import DATABASE_ERRORS, connect
from servicekit.lag import Lag, ends, lags
from servicekit.settings import SERVICES, ConfigurationError, Service, Settings, load

#: Seconds that one look may take.
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class _Line:
    """How far a consumer group is behind on the topics of one family."""

    group: str
    family: str
    records: int
    oldest_seconds: float
    #: Topics of the family that the service has paused; None when its database cannot be asked.
    paused: list[str] | None


def lag(
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    every: Annotated[
        float,
        typer.Option("--every", min=0.5, metavar="SECONDS", help="With --watch: seconds between looks."),
    ] = 5,
    limit: Annotated[
        float | None,
        typer.Option(
            "--limit",
            min=0,
            metavar="SECONDS",
            help="Exit status 1 when a record has waited longer than this.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a look, on one line.")] = False,
) -> None:
    """Show how far each service is behind: records not applied yet, how long the oldest has waited, paused topics.

    Asked of the broker, for each consumer group and topic family. Exit status 0; with --limit 1 when a record has
    waited longer; 2 when the broker cannot be asked. Ctrl-C ends --watch with 0.
    """
    without_client_logs()
    if watch and limit is not None:
        fail("--limit is for one look: leave out --watch, or --limit")
    with in_one_line():
        settings = load()
        if watch:
            try:
                asyncio.run(_watch(settings, every, as_json))
            except KeyboardInterrupt:
                return
        lines = asyncio.run(_look(settings))
    _print(lines, as_json)
    if limit is not None and any(line.oldest_seconds > limit for line in lines):
        raise typer.Exit(1)


async def _look(settings: Settings) -> list[_Line]:
    """One line for each service and each family it reads."""
    async with asyncio.timeout(_PATIENCE):
        partitions = await ends(settings.brokers())
        found = await lags(settings.brokers(), groups_of(settings, partitions))
        paused = await asyncio.gather(*(_paused(settings, service) for service in SERVICES))
    return [
        _line(settings.group(service), family, found, topics)
        for service, topics in zip(SERVICES, paused, strict=True)
        for family in read_by(service)
    ]


def _line(group: str, family: Family, found: Sequence[Lag], paused: Sequence[str] | None) -> _Line:
    def of_family(topic: str) -> bool:
        known = family_of(topic)
        return known is not None and known[0] is family

    mine = [one for one in found if one.group == group and of_family(one.topic)]
    return _Line(
        group,
        family.name,
        sum(one.records for one in mine),
        round(max((one.seconds for one in mine), default=0), 1),
        None if paused is None else [topic for topic in paused if of_family(topic)],
    )


async def _paused(settings: Settings, service: Service) -> list[str] | None:
    try:
        connection = await connect(settings.database(service), application_name="kaa-cli")
    except (ConfigurationError, *DATABASE_ERRORS):
        return None
    try:
        return [
            row["topic"] for row in await connection.fetch("SELECT topic FROM paused_topic ORDER BY topic")
        ]
    except asyncpg.PostgresError:
        return None
    finally:
        await connection.close()


async def _watch(settings: Settings, every: float, as_json: bool) -> None:
    """Endless. A broker that goes away after the first look is said, and waited for."""
    lines = await _look(settings)
    console = wide_console()
    live = Live(console=console, auto_refresh=False) if console.is_terminal and not as_json else None
    with live or nullcontext():
        while True:
            if live:
                live.update(_view(lines), refresh=True)
            else:
                _print(lines, as_json)
            lines = await _next_look(settings, every, live)


async def _next_look(settings: Settings, every: float, live: Live | None) -> list[_Line]:
    seen = live.renderable if live else ""
    while True:
        await asyncio.sleep(every)
        try:
            return await _look(settings)
        except (KafkaError, OSError, ConfigurationError) as error:
            said = f"the broker cannot be asked now ({type(error).__name__}); trying again"
            if live:
                live.update(Group(seen, said), refresh=True)
            else:
                typer.echo(f"kaa: {said}", err=True)


def _print(lines: Sequence[_Line], as_json: bool) -> None:
    if as_json:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        typer.echo(json.dumps({"at": at, "lag": [asdict(line) for line in lines]}))
    else:
        wide_console().print(_view(lines))


def _view(lines: Sequence[_Line]) -> Table:
    table = Table(title=f"Lag at {datetime.now(STOCKHOLM):%H:%M:%S}")
    for heading in ("Group", "Family", "Records", "Oldest (seconds)", "Paused topics"):
        table.add_column(heading, justify="right" if heading in {"Records", "Oldest (seconds)"} else "left")
    for line in lines:
        paused = "?" if line.paused is None else ", ".join(line.paused)
        table.add_row(line.group, line.family, str(line.records), f"{line.oldest_seconds:.1f}", paused)
    return table
