"""`kaa registry`: the register on the command line."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from datetime import date
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress
from rich.prompt import Prompt

from contracts.identifiers import MUNICIPALITIES, parse_date, parse_identity_number
from kaa.errors import fail, in_one_line
from kaa.explanation import show
from kaa.registry_evaluate import evaluate
from kaa.terminal import wide_console
from servicekit import database
from servicekit.calendar import today
from servicekit.settings import load
from services.registry import reading
from services.registry.scheduler import move_day

app = typer.Typer(help="The register: who is covered, from when to when, and why.", no_args_is_help=True)
app.command()(evaluate)

T = TypeVar("T")


def _day(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else parse_date(text)
    except ValueError as error:
        fail(f"{option}: {error}")


def _in_registry(work: Callable[[asyncpg.Pool], Coroutine[Any, Any, T]]) -> T:
    async def run(url: str) -> T:
        async with database.new_pool(url, name="kaa-cli", size=2) as opened:
            return await work(opened)

    with in_one_line():
        url = load().database("registry")
    try:
        return asyncio.run(run(url))
    except database.DATABASE_ERRORS as error:
        fail(database.explain(error, url))


@app.command()
def episodes(
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="As this day sees it. Default: the business day."),
    ] = None,
    municipality: Annotated[
        str | None, typer.Option("--municipality", metavar="CODE", help="This municipality's episodes alone.")
    ] = None,
) -> None:
    """Print the persons who have an episode in the running register, as `evaluate` does for a file.

    The look is written to the access log.
    """
    day = _day(as_of, "--as-of")
    if municipality is not None and municipality not in MUNICIPALITIES:
        fail("--municipality: expected the 4-digit code of one of the 290 municipalities")

    async def read(opened: asyncpg.Pool) -> dict[str, Any]:
        async with opened.acquire() as connection:
            return await reading.episodes(connection, day, municipality)

    typer.echo(json.dumps(_in_registry(read), indent=1))


@app.command()
def explain(
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The day asked for. Default: the business day.")
    ] = None,
) -> None:
    """Say why a person is on the list on a day, or is not: each criterion, the events behind it, the law.

    The identity number is asked for, or read from standard input; never give it on the command line, where other
    users and the shell's history see it. The look is written to the access log. Exit status 1: nobody has the number.
    """
    day = _day(on, "--on")
    if sys.stdin is not None and sys.stdin.isatty():
        number = Prompt.ask("Identity number (12 digits)", password=True)
    else:
        number = sys.stdin.readline() if sys.stdin is not None else ""
    try:
        number = parse_identity_number(number.strip())
    except ValueError as error:
        fail(f"the identity number on standard input: {error}")

    async def read(opened: asyncpg.Pool) -> Any:
        async with opened.acquire() as connection:
            return await reading.explanation(connection, number, day)

    found = _in_registry(read)
    if found is None:
        typer.echo("kaa: nobody in the register's sources has this number", err=True)
        raise typer.Exit(1)
    show(found, wide_console())


@app.command()
def republish() -> None:
    """Send every current person and episode again, for a new reader or one that lost its store.

    The events are the same as before; who has seen them takes them for repetitions. The registry's relay sends them.
    """

    async def write(opened: asyncpg.Pool) -> tuple[int, int]:
        counts = []
        with Progress(console=Console(stderr=True)) as progress:
            for topic in ("registry.person.v1", "registry.coverage.v1"):
                task = progress.add_task(topic, total=None)
                count = 0
                async for size in reading.republish(opened, topic):
                    count += size
                    progress.advance(task, size)
                counts.append(count)
        return counts[0], counts[1]

    persons, told = _in_registry(write)
    typer.echo(f"{persons} persons and {told} episodes are in the outbox; the relay sends them.")


@app.command()
def day(
    to: Annotated[
        str | None,
        typer.Argument(metavar="[DATE]", help="Move the business day forward to this day; not past today."),
    ] = None,
) -> None:
    """Show the business day, the day on which the register stands, or move it forward (in a simulated year).

    A running registry follows the calendar, unless KAA_CALENDAR=false.
    """
    wanted = _day(to, "DATE")
    if wanted is not None and wanted > today():
        fail("DATE: the business day cannot be in the future")

    async def move(opened: asyncpg.Pool) -> date:
        if wanted is None:
            stands: date = await opened.fetchval("SELECT day FROM business_day")
            return stands
        return await move_day(opened, wanted)

    stands = _in_registry(move)
    if wanted is not None and stands != wanted:
        fail(f"the business day stands on {stands} already and never goes back")
    typer.echo(stands.isoformat())
