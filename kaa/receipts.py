"""`kaa organisers receipts`: what an organiser sent, day by day, and what became of it."""

import json
from dataclasses import asdict
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any

import typer
from rich.table import Table

from contracts.catalogue import FAMILIES, family_of, read_by
from contracts.identifiers import municipality_code, organisation_number
from kaa.databases import in_database
from kaa.errors import fail
from kaa.terminal import wide_console
from servicekit.calendar import STOCKHOLM, today
from servicekit.database import Connection
from servicekit.dead_letters import WHAT_TO_DO
from servicekit.logs import masked
from servicekit.receipts import Receipt, Refusal, receipts, refusals
from servicekit.settings import SERVICES, Service

#: Days that are shown when no first day is said: as long as topics keep an organiser's records.
_DAYS = 30

Found = dict[Service, tuple[list[Receipt], list[Refusal]]]


def _topics(who: str) -> dict[Service, list[str]]:
    """The topics of an organiser or municipality, by the services that read them."""
    owner = "municipality" if len(who) == 4 else "organiser"
    try:
        (municipality_code if owner == "municipality" else organisation_number)(who)
    except ValueError as error:
        fail(
            f"{error}; give an organiser's number (10 digits), or a municipality's code for its population feed"
        )
    mine = {family.name for family in FAMILIES if family.owner == owner}
    return {
        service: [family.topic(who) for family in read_by(service) if family.name in mine]
        for service in SERVICES
    }


def _find(topics: dict[Service, list[str]], since: date, until: date) -> Found:
    async def look(connection: Connection, its: list[str]) -> tuple[list[Receipt], list[Refusal]]:
        return await receipts(connection, its, since, until), await refusals(connection, its, since, until)

    return {service: in_database(service, partial(look, its=its)) for service, its in topics.items() if its}


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        fail("expected a day as 2026-01-31")


def show(
    organiser: Annotated[
        str,
        typer.Argument(metavar="ORG", help="Organisation number; or municipality code, for its feed."),
    ],
    since: Annotated[str | None, typer.Option("--from", metavar="DAY", help="Default: 30 days ago.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Default: today.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON, for the organiser's own systems.")
    ] = False,
) -> None:
    """Show what an organiser sent, day by day: received, applied, repeated, refused, and why each was refused.

    Each service that reads a topic gives its own receipt. What Kafka delivers twice is counted once. It holds no
    personal data: send it to the organiser. Exit status 0 when all that was refused has taken effect since, else 1.
    """
    last = _day(until) or today()
    first = _day(since) or last - timedelta(days=_DAYS)
    if first > last:
        fail(f"--from {first} is after --to {last}")
    topics = _topics(organiser)
    found = _find(topics, first, last)
    if as_json:
        typer.echo(json.dumps(_as_json(organiser, first, last, found), ensure_ascii=False, indent=2))
    else:
        _print(organiser, first, last, found)
    open_ones = [
        r for _, refused in found.values() for r in refused if r.since_then not in {"applied", "duplicate"}
    ]
    raise typer.Exit(1 if open_ones else 0)


def _as_json(organiser: str, first: date, last: date, found: Found) -> dict[str, Any]:
    return {
        "organiser": organiser,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "receipts": [
            {"service": service, "received": r.applied + r.repeated + r.refused}
            | asdict(r) | {"day": r.day.isoformat()}
            for service, (days, _) in found.items()
            for r in days
        ],
        "refusals": [
            {"service": service}
            | asdict(r)
            | {
                "at": r.at.isoformat(),
                "event_id": masked(r.event_id) if r.event_id else None,
                "what_to_do": WHAT_TO_DO.get(r.kind),
            }
            for service, (_, refused) in found.items()
            for r in refused
        ],
    }  # fmt: skip


def _family(topic: str) -> str:
    found = family_of(topic)
    return found[0].name if found else topic


def _print(organiser: str, first: date, last: date, found: Found) -> None:
    console = wide_console()
    table = Table(title=f"Receipts of {organiser}, {first} to {last}")
    for heading in ("Day", "Topic", "Service", "Received", "Applied", "Repeated", "Refused"):
        table.add_column(heading, justify="left" if heading in {"Day", "Topic", "Service"} else "right")
    rows = sorted((r.day, _family(r.topic), service, r) for service, (days, _) in found.items() for r in days)
    for day, family, service, r in rows:
        counts = (r.applied + r.repeated + r.refused, r.applied, r.repeated, r.refused)
        table.add_row(str(day), family, service, *map(str, counts))
    console.print(table if rows else f"Nothing came from {organiser} from {first} to {last}.")
    refused = [(service, r) for service, (_, all_of_it) in found.items() for r in all_of_it]
    if not refused:
        return
    console.print("\nRefused")
    for service, one in refused:
        at = f"{one.at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M:%S}"
        since_then = f" (since then: {one.since_then})" if one.since_then else ""
        about = f"  {at}  {_family(one.topic)}  {service}  event {masked(one.event_id or 'without a readable id')}"
        typer.echo(f"{about}\n    {one.kind}{': ' if one.detail else ''}{one.detail}{since_then}")
    typer.echo("\nWhat to do")
    for kind in sorted({one.kind for _, one in refused}):
        typer.echo(f"  {kind}: {WHAT_TO_DO.get(kind, '')}")
