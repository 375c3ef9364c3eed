"""`kaa outreach`: the queue of calls to be made, at the command line."""

import getpass
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.identifiers import MUNICIPALITIES, municipality_code
from kaa.databases import in_database
from kaa.errors import fail
from servicekit.calendar import STOCKHOLM, today
from servicekit.database import Connection
from services.outreach import contacts, queue
from services.outreach.tasks import DUE_DAYS

app = typer.Typer(
    help="Outreach: take the next task, be done with it, see how much waits.", no_args_is_help=True
)

T = TypeVar("T")


def _municipality(value: str) -> str:
    try:
        return municipality_code(value)
    except ValueError as error:
        fail(f"--municipality: {error}, such as 0180 (Stockholm)")


def _worker(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > 100:
        fail("--worker: expected a name of 1 to 100 printable characters")
    return value


Municipality = Annotated[
    str, typer.Option(metavar="CODE", callback=_municipality, help="4-digit municipality code.")
]
Worker = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        callback=_worker,
        default_factory=getpass.getuser,
        show_default="your user name",
        help="Who works.",
    ),
]


@app.command("next")
def take(
    municipality: Municipality,
    worker: Worker,
    lease: Annotated[
        int, typer.Option(metavar="MINUTES", min=1, max=24 * 60, help="How long you hold it.")
    ] = 60,
) -> None:
    """Take the next task of a municipality and print what it is about.

    First comes who is close to 20 or has waited longest. It is yours until the lease runs out; then it goes back to
    the queue. Exit status 1 when no task waits.
    """

    async def work(connection: Connection) -> tuple[queue.Claimed | None, int]:
        claimed = await queue.next_task(connection, municipality, worker, timedelta(minutes=lease))
        return claimed, await queue.routing_count(connection)

    claimed, routing = _in_transaction(work)
    console = _console()
    if claimed is None:
        console.print(f"No task waits in {MUNICIPALITIES[municipality]}.")
    else:
        console.print(_described(claimed))
    _print_routing(console, routing)
    raise typer.Exit(1 if claimed is None else 0)


@app.command()
def done(
    task: Annotated[int, typer.Argument(metavar="TASK", min=1, max=2**63 - 1, help="The task's number.")],
    outcome: Annotated[contacts.Outcome, typer.Option(help="What came of it.")],
    worker: Worker,
    channel: Annotated[contacts.Channel, typer.Option(help="How you tried.")] = "phone",
) -> None:
    """Record the contact made for a task you hold, and close the task.

    Exit status 1 when you do not hold it: it is another's, over, or your lease ran out.
    """

    async def work(connection: Connection) -> None:
        await contacts.record(connection, task, worker, outcome, channel)

    try:
        _in_transaction(work)
    except queue.NotHeldError as error:
        typer.echo(f"kaa: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Task {task} is done: {outcome}, by {channel}.")


@app.command()
def tasks(municipality: Municipality) -> None:
    """Count a municipality's tasks by state, and the open ones by how urgent they are. Names nobody."""

    async def work(connection: Connection) -> tuple[queue.Overview, int]:
        return await queue.overview(connection, municipality, today()), await queue.routing_count(connection)

    counted, routing = _in_transaction(work)
    console = _console()
    table = Table("tasks", "", title=f"Outreach in {MUNICIPALITIES[municipality]}", title_justify="left")
    table.columns[1].justify = "right"
    for words, number in (
        ("ready to be taken", counted.ready),
        ("held by a worker", counted.held),
        ("waiting for the person's data", counted.waiting),
        ("done", counted.done),
        ("closed by the registry", counted.closed),
    ):
        table.add_row(words, str(number))
    table.add_section()
    for words, number in (
        ("ready or held: the day to have done it by has passed", counted.rank_passed),
        (f"… is within {DUE_DAYS} days", counted.rank_near),
        ("… is later", counted.rank_later),
    ):
        table.add_row(words, str(number))
    console.print(table)
    _print_routing(console, routing)


def _described(claimed: queue.Claimed) -> Table:
    grid = Table.grid(padding=(0, 2))

    def line(words: str, value: str) -> None:
        # as text: a name is never markup
        grid.add_row(words, Text(value))

    line("task", f"{claimed.task_id}")
    line("kind", claimed.kind)
    line("due", f"{claimed.due_on}")
    if claimed.youth is None:
        line("person", "protected: manual step; ask the registrar")
    else:
        youth = claimed.youth
        line("name", youth.name or "not known")
        line("identity number", youth.identity_number)
        line("on the list", f"since {youth.since}: {youth.entry_reason.replace('_', ' ')}")
        line("turns 20", f"{youth.turns_20_on}")
        line("protection", "none")
    line("yours until", f"{claimed.leased_until.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}")
    return grid


def _print_routing(console: Console, count: int) -> None:
    if count:
        cases = "1 case waits" if count == 1 else f"{count} cases wait"
        console.print(f"{cases} for routing by the registrar, in the whole installation.")


def _console() -> Console:
    return Console(highlight=False, markup=False, soft_wrap=True)


def _in_transaction(work: Callable[[Connection], Awaitable[T]]) -> T:
    async def run(connection: Connection) -> T:
        async with connection.transaction():
            return await work(connection)

    return in_database("outreach", run)
