"""`kaa publish`: a file of events to the topics they belong on."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from contracts.catalogue import family_of
from contracts.envelope import Event, Problem
from contracts.organisers import Directory
from contracts.validation import Admission
from kaa.contracts import in_words
from kaa.errors import in_one_line
from kaa.event_files import admission, checked, read_directory
from kaa.organisers import directory_path
from kaa.terminal import progress, without_client_logs
from servicekit import settings
from servicekit.publishing import Record, record, require_topics
from servicekit.publishing import publish as send


def publish(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Events, one CloudEvent a line; - reads standard input.")
    ],
    shuffle: Annotated[
        int | None,
        typer.Option("--shuffle", metavar="SEED", help="Send in another order, the same for the same seed."),
    ] = None,
    organisers: Annotated[
        Path | None,
        typer.Option(
            "--organisers", metavar="FILE", help="Default: KAA_ORGANISERS, else deploy/organisers.yaml."
        ),
    ] = None,
) -> None:
    """Send the events of a file, as the schools, the municipalities and the credentials import would send them.

    Checks all lines first, also against the directory of organisers, and sends nothing if one would be refused.
    Sending the same file again has no effect at the receivers. The broker is the one that KAA_KAFKA names. Exit
    status 1 when a line is refused, 2 when the file cannot be read, a topic is missing or the broker is away.
    """
    without_client_logs()
    with in_one_line():
        brokers = settings.load().brokers()
    records = _records(file, read_directory(directory_path(organisers)))
    if shuffle is not None:
        random.Random(shuffle).shuffle(records)
    with in_one_line():
        begun = time.monotonic()
        sent = asyncio.run(_send(brokers, records))
        seconds = time.monotonic() - begun
    _summarise(sent, seconds)


def _records(file: str, directory: Directory) -> list[Record]:
    records: list[Record] = []
    refused = 0
    for line in checked(file, _from_outside(admission(directory)), "Checking"):
        if line.refusal:
            refused += 1
            for words in in_words(line, line.refusal):
                typer.echo(words, err=True)
        elif line.event and not refused:
            records.append(record(line.event, line.text))
    if refused:
        typer.echo(f"{refused:,} lines refused; nothing sent", err=True)
        raise typer.Exit(1)
    return records


def _from_outside(accept: Admission) -> Admission:
    """Refuses also what only the services themselves may say."""

    def admit(event: Event) -> tuple[str, Problem] | None:
        if event.source.startswith("urn:kaa:"):
            return "own_event", Problem("type", "an event of KAA's own services; only they send it")
        return accept(event)

    return admit


async def _send(brokers: str, records: Sequence[Record]) -> Counter[str]:
    await require_topics(brokers, sorted({one.topic for one in records}))
    with progress("Sending", len(records)) as acknowledged:
        return await send(brokers, records, acknowledged)


def _summarise(sent: Counter[str], seconds: float) -> None:
    families: Counter[str] = Counter()
    topics: Counter[str] = Counter()
    for topic, count in sent.items():
        family = family_of(topic)
        if family:
            families[family[0].template] += count
            topics[family[0].template] += 1
    for template, count in sorted(families.items()):
        many = f" on {topics[template]} topics" if topics[template] > 1 else ""
        typer.echo(f"{count:>11,}  {template}{many}")
    rate = f", {sent.total() / seconds:,.0f} a second" if seconds and sent else ""
    typer.echo(f"{sent.total():>11,}  events sent and acknowledged in {seconds:.1f} s{rate}")
