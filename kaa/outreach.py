"""`kaa outreach`: the queue of calls to be made, at the command line."""

import getpass
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Annotated, Final, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.identifiers import MUNICIPALITIES, municipality_code, parse_date
from contracts.own import Occupation
from kaa import outreach_ladder
from kaa.databases import in_database
from kaa.errors import fail, in_one_line
from servicekit.access_log import Look, looked, looks
from servicekit.calendar import STOCKHOLM, today
from servicekit.database import Connection
from servicekit.settings import load
from servicekit.viewers import Viewer, seen_on
from services.outreach import contacts, listing, queue
from services.outreach.app import ladders_of
from services.outreach.contacts import Said
from services.outreach.kinds import Channel, Outcome
from services.outreach.ladder_file import Ladders
from services.outreach.workers import is_worker
from webkit.issuers import load as issuers_of

app = typer.Typer(
    help="Outreach: take the next task, be done with it, see how much waits. As in the pages you work in one "
    "municipality at a time, and the database shows you no other's.",
    no_args_is_help=True,
)
app.add_typer(outreach_ladder.app, name="ladder")

T = TypeVar("T")

#: Who works at a command line: the operator's user name, and for whom if somebody else is named.
_AT_COMMANDS: Final = r"cli:[^/\s]+(/.+)?"
#: Looks that `access-log` shows unless more are asked for.
LOOKS: Final = 200


def _municipality(value: str) -> str:
    try:
        return municipality_code(value)
    except ValueError as error:
        fail(f"--municipality: {error}, such as 0180 (Stockholm)")


def _worker(value: str | None) -> str:
    """Who works, as history and access log have it: the operator, and for whom if somebody else is named."""
    operator = f"cli:{getpass.getuser()}"
    if value is None:
        return operator
    return f"{operator}/{_name('--worker', value)}"


def _name(option: str, value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > 100:
        fail(f"{option}: expected a name of 1 to 100 printable characters")
    return value


def _colleague(option: str, value: str, municipality: str) -> str:
    """Who can have tasks here: who works at a command line, or may log in to work in the municipality."""
    _name(option, value)
    if re.fullmatch(_AT_COMMANDS, value):
        return value
    with in_one_line():
        settings = load()
        issuers = (
            ()
            if settings.issuers is None
            else issuers_of(settings.issuers, plain_http=settings.web_plain_http)
        )
    if not is_worker(value, issuers, municipality):
        fail(
            f"{option}: nobody can be so named here: expected cli:<user>, cli:<user>/<name>, or <issuer>:<subject> "
            "of an issuer that serves the municipality (KAA_ISSUERS)"
        )
    return value


def _day(option: str, value: str) -> date:
    try:
        return parse_date(value)
    except ValueError as error:
        fail(f"{option}: {error}")


Municipality = Annotated[
    str, typer.Option(metavar="CODE", callback=_municipality, help="4-digit municipality code.")
]
Worker = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        callback=_worker,
        default_factory=lambda: None,
        show_default="your user name",
        help="Who works, if it is not you.",
    ),
]
Task = Annotated[int, typer.Argument(metavar="TASK", min=1, max=2**63 - 1, help="The task's number.")]
Lease = Annotated[int, typer.Option(metavar="MINUTES", min=1, max=24 * 60, help="How long you hold it.")]


@app.command("next")
def take(
    municipality: Municipality,
    worker: Worker,
    lease: Lease = 60,
) -> None:
    """Take the next task of a municipality and print what it is about.

    First comes who is close to 20 or has waited longest. It is yours until the lease runs out; then it goes back to
    the queue. Exit status 1 when no task waits.
    """

    async def work(connection: Connection) -> tuple[queue.Claimed | None, int]:
        claimed = await queue.next_task(connection, municipality, worker, timedelta(minutes=lease))
        return claimed, await listing.routing_count(connection)

    claimed, routing = _at_work(Viewer(worker, municipality, frozenset({"outreach"})), work)
    console = _console()
    if claimed is None:
        console.print(f"No task waits in {MUNICIPALITIES[municipality]}.")
    else:
        console.print(_described(claimed))
    _print_routing(console, routing)
    raise typer.Exit(1 if claimed is None else 0)


@app.command()
def done(
    task: Task,
    municipality: Municipality,
    worker: Worker,
    outcome: Annotated[
        Outcome | None,
        typer.Option(help="What came of it. Leave it out where no contact was made: clear_up and hand_over."),
    ] = None,
    channel: Annotated[Channel, typer.Option(help="How you tried.")] = "phone",
    on: Annotated[str | None, typer.Option(metavar="DATE", help="When, if it was not today.")] = None,
    occupation: Annotated[Occupation | None, typer.Option(help="What you learnt of it.")] = None,
) -> None:
    """Record the contact made for a task you hold, and close the task.

    Exit status 1 when you do not hold it: it is another's, over, or your lease ran out.
    """
    if outcome is None and (on is not None or occupation is not None):
        fail("--on and --occupation are of a contact: say its --outcome")
    said = outcome and Said(today() if on is None else _day("--on", on), channel, outcome, occupation)
    ladders = _ladders()

    async def work(connection: Connection) -> None:
        if said is None:
            await contacts.done_without(connection, ladders, task, worker)
        else:
            await contacts.record(connection, ladders, task, worker, said)

    _as_held(municipality, worker, work)
    typer.echo(f"Task {task} is done: {f'{outcome}, by {channel}' if outcome else 'without a contact'}.")


@app.command()
def heartbeat(task: Task, municipality: Municipality, worker: Worker, lease: Lease = 60) -> None:
    """Keep a task you hold for longer. Exit status 1 when you do not hold it."""

    async def work(connection: Connection) -> str:
        until = await queue.heartbeat(connection, task, worker, timedelta(minutes=lease))
        return f"{until.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"

    typer.echo(f"Task {task} is yours until {_as_held(municipality, worker, work)}.")


@app.command()
def release(task: Task, municipality: Municipality, worker: Worker) -> None:
    """Give a task you hold back to the queue. Exit status 1 when you do not hold it."""

    async def work(connection: Connection) -> None:
        await queue.release(connection, task, worker)

    _as_held(municipality, worker, work)
    typer.echo(f"Task {task} is given back.")


@app.command()
def snooze(
    task: Task,
    municipality: Municipality,
    until: Annotated[
        str,
        typer.Option(metavar="DATE", help=f"The day it comes back, at most {queue.SNOOZE_DAYS} days on."),
    ],
    worker: Worker,
) -> None:
    """Put a task you hold off until a day. Exit status 1 when you do not hold it."""
    day = _day("--until", until)

    async def work(connection: Connection) -> None:
        await queue.snooze(connection, task, day, worker)

    _as_held(municipality, worker, work)
    typer.echo(f"Task {task} is put off until {day}.")


@app.command()
def reassign(
    task: Task,
    municipality: Municipality,
    worker: Worker,
    to: Annotated[
        str | None, typer.Option(metavar="WHO", help="For whom it is kept; the team's when nobody is named.")
    ] = None,
) -> None:
    """Keep a task for one worker, or give it back to the team; whoever holds it holds it no more.

    WHO is written as the history has it, such as cli:anna, or <issuer>:<subject> for who works on the pages. Exit
    status 1 when the task is over, or when another worker holds it.
    """
    name = None if to is None else _colleague("--to", to, municipality)

    async def work(connection: Connection) -> None:
        await queue.reassign(connection, task, name, worker, leads=False)

    _as_held(municipality, worker, work)
    typer.echo(f"Task {task} is the team's." if name is None else f"Task {task} is kept for {name}.")


@app.command()
def tasks(municipality: Municipality) -> None:
    """Count a municipality's tasks by state, and the open ones by the day they are due. Names nobody."""

    async def work(connection: Connection) -> tuple[listing.Overview, int]:
        counted = await listing.overview(connection, municipality, today())
        return counted, await listing.routing_count(connection)

    counted, routing = _at_work(Viewer(_worker(None), municipality, frozenset({"outreach"})), work)
    console = _console()
    table = Table("tasks", "", title=f"Outreach in {MUNICIPALITIES[municipality]}", title_justify="left")
    table.columns[1].justify = "right"
    for words, number in (
        ("ready to be taken", counted.ready),
        ("held by a worker", counted.held),
        ("put off until a day", counted.asleep),
        ("waiting for the person's data", counted.waiting),
        ("done", counted.done),
        ("closed, since nothing calls for them", counted.closed),
    ):
        table.add_row(words, str(number))
    table.add_section()
    for words, number in (
        ("ready or held: the day it was due has passed", counted.late),
        (f"… is within {listing.SOON_DAYS} days", counted.due_soon),
        ("… is later", counted.due_later),
    ):
        table.add_row(words, str(number))
    console.print(table)
    _print_routing(console, routing)


@app.command("access-log")
def access_log(
    municipality: Municipality,
    from_day: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The first day; today when none is named.")
    ] = None,
    to_day: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The last day; today when none is named.")
    ] = None,
    person: Annotated[
        UUID | None, typer.Option(metavar="PERSON_ID", help="Looks at this person alone, named by the id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest.")] = LOOKS,
) -> None:
    """For the registrar: who looked at whom in a municipality, when and why, the newest first.

    One line each, tabs between. Of whom a list showed there is a line each; a look at this log, which goes to the log
    as well, counts its lines. Times are Swedish.
    """
    first = today() if from_day is None else _day("--from", from_day)
    last = today() if to_day is None else _day("--to", to_day)
    registrar = Viewer(_worker(None), municipality, frozenset({"registrar"}))

    async def work(connection: Connection) -> Sequence[Look]:
        shown = await looks(connection, municipality, first, last, person_id=person, limit=limit)
        await looked(
            connection, "outreach access-log", who=registrar.who, person_id=person, municipality=municipality,
            count=len(shown),
        )  # fmt: skip
        return shown

    found = _at_work(registrar, work)
    typer.echo("when\twho\twhy\tperson")
    for look in found:
        when = f"{look.at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M:%S}"
        typer.echo(f"{when}\t{look.who}\t{look.why}\t{look.person_id or f'{look.count} lines'}")


def _described(claimed: queue.Claimed) -> Table:
    grid = Table.grid(padding=(0, 2))

    def line(words: str, value: str) -> None:
        # as text: a name is never markup
        grid.add_row(words, Text(value))

    line("task", f"{claimed.task_id}")
    line("kind", claimed.kind)
    line("step", claimed.step)
    if claimed.channel is not None:
        line("channel", claimed.channel)
    line("due", f"{claimed.due_on}")
    if claimed.youth is None:
        line("person", "protected: manual step; ask the registrar")
    else:
        youth = claimed.youth
        line("name", youth.name or "not known")
        line("identity number", youth.identity_number)
        if youth.entry_reason is None:
            line("on the list", "no: a school told of absence")
        else:
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


def _ladders() -> Ladders:
    with in_one_line():
        return ladders_of(load())


def _as_held(municipality: str, worker: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Does what only who holds a task may do, or ends the command with the reason why not."""
    try:
        return _at_work(Viewer(worker, municipality, frozenset({"outreach"})), work)
    except (queue.NotHeldError, queue.RefusedError) as error:
        typer.echo(f"kaa: {error}", err=True)
        raise typer.Exit(1) from None


def _at_work(viewer: Viewer, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Does in one transaction what somebody at work in a municipality may do."""

    async def run(connection: Connection) -> T:
        async with seen_on(connection, viewer):
            return await work(connection)

    return in_database("outreach", run, role="staff")
