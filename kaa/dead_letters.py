"""`kaa dead-letters`: what could not take effect, for people: list, show, replay, discard, and who did what."""

import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from contracts.identifiers import municipality_code, organisation_number
from kaa.databases import in_database
from kaa.errors import fail, in_one_line
from kaa.run import parts_of
from kaa.terminal import progress
from servicekit.calendar import STOCKHOLM, now
from servicekit.database import Connection, TransientError
from servicekit.dead_letter_actions import Done, Operator, actions, discard, look, to_discard
from servicekit.dead_letters import (
    WHAT_TO_DO,
    Choice,
    Content,
    Group,
    Letter,
    NoLetterError,
    content,
    groups,
    letter,
    letters,
)
from servicekit.directory import DirectoryFile
from servicekit.logs import masked
from servicekit.masking import masked_headers, masked_json
from servicekit.replay import TOOK_EFFECT, left, replay, to_replay
from servicekit.settings import SERVICES, Service, load

app = typer.Typer(
    help="Dead letters: what could not take effect, and what to do about it.", no_args_is_help=True
)

T = TypeVar("T")

#: Groups that are shown, and letters of each; when there is but one group, letters of it. Lines of the audit.
_GROUPS, _FEW, _MANY, _LINES = 40, 5, 100, 100


def _who(value: str | None) -> str | None:
    if value is not None and (not value.strip() or not value.isprintable() or len(value) > 100):
        fail("--who: expected a name of 1 to 100 printable characters")
    return value


def _kind(value: str | None) -> str | None:
    if value is not None and value not in WHAT_TO_DO:
        fail(f"--class: expected one of {', '.join(WHAT_TO_DO)}")
    return value


def _why(value: str | None) -> str | None:
    if value is not None and (not value.strip() or not value.isprintable() or len(value) > 500):
        fail("--why: expected a reason of 1 to 500 printable characters")
    if value is not None and masked(value) != value:
        fail("--why: the audit keeps it: leave out identity numbers and e-mail addresses")
    return value


_TheService = Annotated[Service, typer.Argument(help="The service that put them aside.", show_default=False)]
_Numbers = typer.Argument(metavar="NUMBER...", min=1, max=2**63 - 1, show_default=False)
_Who = Annotated[str, typer.Option("--who", metavar="NAME", callback=_who, help="Your name.")]
_Why = Annotated[str, typer.Option("--why", metavar="REASON", callback=_why, help="Why. Name no pupil.")]
_Topic = Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="Of this topic alone.")]
_Class = Annotated[
    str | None, typer.Option("--class", metavar="CLASS", callback=_kind, help="Of this class alone.")
]


@app.command("list")
def list_letters(
    service: Annotated[
        Service | None, typer.Argument(help="Default: all of them.", show_default=False)
    ] = None,
    topic: _Topic = None,
    organiser: Annotated[
        str | None,
        typer.Option(metavar="ORG", help="Of this organiser's topics; or a municipality code, for its feed."),
    ] = None,
    kind: _Class = None,
    discarded: Annotated[bool, typer.Option("--discarded", help="Also those that were discarded.")] = False,
) -> None:
    """List dead letters by class and organiser: how many, how old, what to do; the first of each with its place.

    It shows nothing of what the records hold. An event id is the sender's own text; what in it looks like an
    identity number is masked. Exit status 0, also when there is none.
    """
    if organiser is not None:
        try:
            (municipality_code if len(organiser) == 4 else organisation_number)(organiser)
        except ValueError as error:
            fail(f"--organiser: {error}")
    choice = Choice(None, kind, topic, organiser, discarded)
    console = _console()
    for one in SERVICES if service is None else (service,):
        found = _in_database(one, lambda connection: _grouped(connection, choice))
        _print_groups(console, one, found, now())


Found = list[tuple[Group, list[Letter]]]


async def _grouped(connection: Connection, choice: Choice) -> Found:
    found = await groups(connection, choice)
    limit = _MANY if len(found) == 1 else _FEW
    first = []
    for group in found[:_GROUPS]:
        of_ours = not group.owner.isdigit()
        its = Choice(
            kind=group.kind,
            topic=group.owner if of_ours else choice.topic,
            owner=None if of_ours else group.owner,
            discarded=choice.discarded,
        )
        first.append((group, await letters(connection, its, limit)))
    return [*first, *((group, []) for group in found[_GROUPS:])]


def _print_groups(console: Console, service: Service, found: Found, at: datetime) -> None:
    total = sum(group.count for group, _ in found)
    console.print(f"{service}: {_counted(total)}")
    for group, first in found[:_GROUPS]:
        oldest = _age(at - group.oldest)
        console.print(f"  {group.kind}, {group.owner}: {_counted(group.count)}, the oldest {oldest} old")
        console.print(f"    what to do: {WHAT_TO_DO.get(group.kind, 'look at one of them')}")
        for one in first:
            words = [
                f"{one.number:>8}", one.kind, one.field or "-", _age(at - one.received_at), one.place,
                masked(one.event_id) if one.event_id else "no event id",
            ]  # fmt: skip
            console.print(Text("  ".join(words + (["discarded"] if one.discarded_at else []))))
        if group.count > len(first):
            console.print(f"          and {group.count - len(first)} more")
    if len(found) > _GROUPS:
        rest = sum(group.count for group, _ in found[_GROUPS:])
        console.print(
            f"  and {rest} more in {len(found) - _GROUPS} groups; narrow it with --organiser or --class"
        )


@app.command()
def show(
    service: _TheService,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, max=2**63 - 1, show_default=False)],
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="The record as it came; needs --who and --why.")
    ] = False,
    who: Annotated[str | None, typer.Option(metavar="NAME", callback=_who, help="Your name.")] = None,
    why: Annotated[
        str | None, typer.Option(metavar="REASON", callback=_why, help="Why you must see it. Name no pupil.")
    ] = None,
) -> None:
    """Show a dead letter: where it stood, what is wrong, what to do, and the shape of its content, masked.

    Masked: each value is its type and length, and so is each key that the contracts do not know. With --unmasked
    the record is printed to standard output as it came, headers first, and who looked and why stands in the audit;
    where that cannot be written nothing is shown.
    """
    if not unmasked:
        found, held = _in_database(service, lambda connection: _one(connection, number))
        _print_letter(_console(), service, found, held)
        return
    if who is None or why is None:
        fail("--unmasked needs --who NAME and --why REASON: the look is written to the audit")
    operator = Operator(who, why)
    record = _in_database(service, lambda connection: look(connection, number, operator))
    _print_record(record)


async def _one(connection: Connection, number: int) -> tuple[Letter, Content]:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await letter(connection, number), await content(connection, number)


def _print_letter(console: Console, service: Service, one: Letter, held: Content) -> None:
    def line(words: str, value: str) -> None:
        console.print(Text(f"{words:12}{value}"))

    line("number", str(one.number))
    line("service", service)
    line("place", f"{one.topic}, partition {one.partition}, offset {one.offset}")
    line("class", one.kind)
    line("field", one.field or "-")
    line("detail", one.detail)
    line("what to do", WHAT_TO_DO.get(one.kind, "-"))
    line("received", f"{_moment(one.received_at)}, {_age(now() - one.received_at)} ago")
    line("event id", masked(one.event_id) if one.event_id else "none that can be read")
    if one.discarded_at is not None:
        line("discarded", f"{_moment(one.discarded_at)}: the content is gone; see `kaa dead-letters actions`")
        return
    shape = None if held.value is None else masked_json(held.value)
    line("key", "none" if held.key is None else f"{len(held.key)} bytes")
    line("headers", ", ".join(masked_headers([name for name, _ in held.headers])) or "none")
    masked_as = "; below its shape: type and length of each value"
    line("content", "none" if held.value is None else f"{len(held.value)} bytes{masked_as if shape else ''}")
    console.print(Text(shape) if shape is not None else "no JSON, so nothing of it can be shown masked")


def _print_record(held: Content) -> None:
    """Key and headers, a line each, an empty line, the value: as it is, but on a terminal without control codes."""
    name_and_value = [("key", held.key), *((f"header {name}", value) for name, value in held.headers)]
    for name, value in name_and_value:
        text = "null" if value is None else value.decode(errors="backslashreplace")
        typer.echo(f"{_tame(name)}: {_tame(text)}")
    typer.echo()
    value = held.value if held.value is not None else b"null"
    if sys.stdout.isatty():
        for part in value.decode(errors="backslashreplace").split("\n"):
            typer.echo(_tame(part))
    else:
        typer.echo(value, nl=False)


def _tame(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


@app.command("replay")
def replay_letters(
    service: _TheService,
    who: _Who,
    why: _Why,
    numbers: Annotated[list[int] | None, _Numbers] = None,
    kind: _Class = None,
    topic: _Topic = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were not discarded.")] = False,
) -> None:
    """Let dead letters take effect, once what was wrong is mended: by NUMBER, --class, --topic, or --all.

    They go the way of any record, under the ids they have: what took effect meanwhile is recognised. What is
    refused again stays, under its new class. May be repeated. Exit status 0 when all took effect or nothing was to
    be done, 1 when some are still there, 2 when it cannot be done.
    """
    narrowed = kind is not None or topic is not None
    if [bool(numbers), narrowed, everything].count(True) != 1:
        fail("say what to replay: numbers, or --class and --topic, or --all")
    choice = Choice(numbers or None, kind, topic)
    with in_one_line():
        settings = load()
        directory = DirectoryFile(settings.organisers).current()
        apply = parts_of(service, settings).apply

    async def work(connection: Connection) -> tuple[Counter[str], int]:
        batches = await to_replay(connection, choice)
        with progress("Replaying", sum(map(len, batches))) as done:
            outcomes = await replay(connection, apply, directory, batches, Operator(who, why), done)
        return outcomes, await left(connection, batches)

    outcomes, still_there = _in_database(service, work)
    refused = {kind: count for kind, count in sorted(outcomes.items()) if kind not in TOOK_EFFECT}
    if not outcomes and not still_there:
        typer.echo("nothing to replay")
    else:
        typer.echo(
            f"{service}: {outcomes['applied']} applied, {outcomes['duplicate']} had taken effect meanwhile, "
            f"{sum(refused.values())} refused again"
        )
    for its, count in refused.items():
        typer.echo(f"  {its}: {count}; {WHAT_TO_DO[its]}")
    others = still_there - sum(refused.values())
    if others > 0:
        words = ("is", "it") if others == 1 else ("are", "them")
        typer.echo(f"  {others} {words[0]} in another's hands: somebody replays {words[1]} at this moment")
    raise typer.Exit(1 if still_there else 0)


@app.command("discard")
def discard_letters(
    service: _TheService,
    numbers: Annotated[list[int], _Numbers],
    who: _Who,
    why: _Why,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Let dead letters have no effect, for good: their content is removed, their place and class stay.

    Exit status 0 when all are discarded, 1 when you say no, 2 when one of them cannot be; then none is.
    """
    found = _in_database(service, lambda connection: to_discard(connection, numbers))
    kinds = Counter(one.kind for one in found)
    words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    if not yes:
        if not sys.stdin.isatty():
            fail(f"{_counted(len(found))} ({words}) would be discarded and there is nobody to ask; say --yes")
        if not typer.confirm(f"Discard {_counted(len(found))} ({words}) of {service}, for good?"):
            typer.echo("nothing done")
            raise typer.Exit(1)
    operator = Operator(who, why)
    _in_database(service, lambda connection: discard(connection, numbers, operator))
    typer.echo(f"{service}: discarded {_counted(len(found))}")


@app.command("actions")
def list_actions(
    service: _TheService,
    number: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, max=2**63 - 1, help="Of this dead letter alone.")
    ] = None,
) -> None:
    """List what was done with a service's dead letters, the latest first: who, when, what, why."""
    done = _in_database(service, lambda connection: actions(connection, number, _LINES + 1))
    for one in done[:_LINES]:
        typer.echo(_line_of(one))
    if len(done) > _LINES:
        typer.echo(f"and older ones; of one dead letter: kaa dead-letters actions {service} --number NUMBER")
    if not done:
        typer.echo("nothing was done")


def _line_of(one: Done) -> str:
    outcome = f" ({one.outcome})" if one.outcome else ""
    event = masked(one.event_id) if one.event_id else "no event id"
    what = f"{one.action}{outcome} {one.number}"
    return f"{_moment(one.at)}  {one.who}  {what}  {one.kind}  {one.place}  {event}: {one.why}"


def _counted(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"


def _age(age: timedelta) -> str:
    seconds = max(int(age.total_seconds()), 0)
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} s"


def _console() -> Console:
    return Console(highlight=False, markup=False, soft_wrap=True)


def _in_database(service: Service, work: Callable[[Connection], Awaitable[T]]) -> T:
    try:
        return in_database(service, work)
    except NoLetterError as error:
        fail(str(error))
    except TransientError:
        fail(f"the {service} is at work on the same persons; what was done stands: say it again")
