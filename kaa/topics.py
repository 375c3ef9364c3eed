"""`kaa topics`: the topics that the catalogue and the directory of organisers ask for."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer

from contracts.catalogue import FAMILIES, AccessRule, Family, access_rules, family_of, owners, topics_of
from contracts.organisers import Directory
from kaa.databases import in_database
from kaa.errors import fail, in_one_line
from kaa.event_files import read_directory
from kaa.organisers import directory_path
from kaa.terminal import progress, without_client_logs
from servicekit import settings
from servicekit.calendar import STOCKHOLM
from servicekit.database import Connection
from servicekit.settings import SERVICES, Service
from servicekit.topics import Plan, administration, carry_out, plan

app = typer.Typer(help="The topics of this installation on its Kafka cluster.", no_args_is_help=True)

T = TypeVar("T")

_DAY = 24 * 60 * 60 * 1000
_ORGANISERS = typer.Option(
    "--organisers", metavar="FILE", help="Default: KAA_ORGANISERS, else deploy/organisers.yaml."
)


@app.command(name="list")
def list_topics(organisers: Annotated[Path | None, _ORGANISERS] = None) -> None:
    """Print every topic that this installation needs, and who may write and read what. Asks no broker."""
    directory = read_directory(directory_path(organisers))
    topics = topics_of(directory)
    width = max(len(topic.name) for topic in topics)
    typer.echo(f"Topics ({len(topics)})")
    for family in FAMILIES:
        for owner in owners(family, directory):
            name = family.topic(owner)
            many = f"{family.partitions} partition{'s' if family.partitions > 1 else ''}"
            who = _name(directory, owner)
            typer.echo(f"  {name:{width}}  {many:12}  {_kept(family):16}  {who}".rstrip())
    typer.echo("\nAccess (a name that ends in * stands for all that begin so)")
    for rule, count in _grouped(directory):
        typer.echo(
            f"  {rule.principal:22}  {rule.operation:5}  {rule.name}{f' ({count} topics)' if count > 1 else ''}"
        )


def _name(directory: Directory, owner: str | None) -> str:
    organiser = directory.organiser(owner or "")
    return organiser.name if organiser else ""


def _kept(family: Family) -> str:
    if family.config.get("cleanup.policy") == "compact":
        return "the latest state"
    return f"{int(family.config['retention.ms']) // _DAY} days"


def _grouped(directory: Directory) -> Iterator[tuple[AccessRule, int]]:
    """The rules of access, those of a service for all owners of a family as one."""
    found: Counter[AccessRule] = Counter()
    for rule in access_rules(directory):
        family = family_of(rule.name)
        if rule.pattern == "prefix":
            found[AccessRule(rule.principal, rule.operation, rule.pattern, f"{rule.name}*")] += 1
        elif family:
            found[AccessRule(rule.principal, rule.operation, rule.pattern, family[0].template)] += 1
    yield from sorted(found.items())


@app.command()
def apply(
    organisers: Annotated[Path | None, _ORGANISERS] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Create the topics that are missing and set right the configuration of those that differ; show first what.

    Deletes nothing and adds no partitions. The broker is the one that KAA_KAFKA names. Exit status 0 when the
    topics are (or with --dry-run: would be) as the catalogue says, 1 when a number of partitions differs or you
    say no, 2 when it cannot be done.
    """
    without_client_logs()
    directory = read_directory(directory_path(organisers))
    with in_one_line():
        status = asyncio.run(_apply(settings.load().brokers(), directory, dry_run, yes))
    raise typer.Exit(status)


async def _apply(brokers: str, directory: Directory, dry_run: bool, yes: bool) -> int:
    topics = topics_of(directory)
    async with administration(brokers) as client:
        todo = await plan(client, topics)
        for line in _in_words(todo):
            typer.echo(line)
        count = len(todo.create) + len(todo.alter)
        if not count:
            typer.echo(
                f"nothing to do: {len(topics) - len(todo.partitions)} topics are as the catalogue says"
            )
        elif dry_run:
            typer.echo(f"would create {len(todo.create)} topics and alter {len(todo.alter)}")
        elif yes or _agreed(count):
            with progress("Applying", count) as done:
                await carry_out(client, todo, done)
            typer.echo(
                f"created {len(todo.create)} topics, altered {len(todo.alter)}; every partition has a leader"
            )
        else:
            typer.echo("nothing done")
            return 1
    return 1 if todo.partitions else 0


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        fail(f"{count} topics are to be created or altered and there is nobody to ask; say --yes")
    return typer.confirm(f"Create or alter {count} topics?")


def _in_words(todo: Plan) -> Iterator[str]:
    for topic in todo.create:
        yield f"create {topic.name} ({topic.partitions} partition{'s' if topic.partitions > 1 else ''})"
    for altered in todo.alter:
        changes = ", ".join(
            f"{name} {now or 'unset'} → {wanted}" for name, (now, wanted) in altered.settings.items()
        )
        yield f"alter  {altered.topic}: {changes}"
    for differing in todo.partitions:
        yield (
            f"differs {differing.topic}: {differing.now} partitions, the catalogue says {differing.wanted}; "
            "left as it is, since another number leads keys to other partitions"
        )


@app.command()
def paused() -> None:
    """List the topics that a service has paused because bad records became the rule there: since when, and why.

    Exit status 0, also when there is none; 2 when a service's database cannot be asked.
    """
    found = [(service, row) for service in SERVICES for row in in_database(service, _paused)]
    for service, row in found:
        since = f"{row['since'].astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"
        typer.echo(f"{service:13}  {row['topic']}  since {since}: {row['reason']}")
    typer.echo(
        "mend the cause, then: kaa topics resume SERVICE TOPIC" if found else "no service has paused a topic"
    )


@app.command()
def resume(
    service: Annotated[Service, typer.Argument(help="The service that paused it.", show_default=False)],
    topic: Annotated[str, typer.Argument(metavar="TOPIC", show_default=False)],
) -> None:
    """Let a service go on with a topic that it paused, from the record where it stopped. It does within seconds.

    If the records there are still bad it is paused again. Exit status 1 when the service has not paused the topic.
    """

    async def delete(connection: Connection) -> str | None:
        reason: str | None = await connection.fetchval(
            "DELETE FROM paused_topic WHERE topic = $1 RETURNING reason", topic
        )
        return reason

    reason = in_database(service, delete)
    if reason is None:
        typer.echo(f"kaa: {service} has not paused {topic}; see `kaa topics paused`", err=True)
        raise typer.Exit(1)
    typer.echo(f"{service} goes on with {topic} (it was paused for {reason})")


async def _paused(connection: Connection) -> list[asyncpg.Record]:
    return list(await connection.fetch("SELECT topic, reason, since FROM paused_topic ORDER BY topic"))
