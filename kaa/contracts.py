"""`kaa contracts`: the contract of events, for those who send them."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from contracts.validation import Line, Refusal
from kaa.event_files import admission, checked, read_directory

app = typer.Typer(help="The contract of events, for those who send them.", no_args_is_help=True)


@app.callback()
def contracts() -> None:
    """The contract of events, for those who send them."""


@app.command()
def validate(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Events, one CloudEvent a line; - reads standard input.")
    ],
    organisers: Annotated[
        Path | None,
        typer.Option(
            "--organisers",
            metavar="FILE",
            help="Also check, against this directory, that the organiser is known and has the school unit.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="One JSON object for each refused line, and one with the counts at the end."
        ),
    ] = False,
) -> None:
    """Say for every line that would be refused: the line, the field, what is wrong and what is expected.

    Lines are counted from 1; blank ones are skipped. Exit status 0 when every line would be accepted, 1 when one is
    refused, 2 when a file cannot be read.
    """
    accept = admission(read_directory(organisers)) if organisers else None
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for line in checked(file, accept, "Checking"):
        if line.refusal is None:
            counts["accepted"] += 1
            counts["repeats"] += line.repeats is not None
        else:
            counts["refused"] += 1
            reasons[line.refusal.reason] += 1
            typer.echo(_as_json(line, line.refusal) if as_json else "\n".join(in_words(line, line.refusal)))
    if as_json:
        numbers = {name: counts[name] for name in ("accepted", "repeats", "refused")}
        typer.echo(json.dumps({"summary": {**numbers, "reasons": dict(sorted(reasons.items()))}}))
    else:
        typer.echo(_summary(counts, reasons))
    raise typer.Exit(1 if counts["refused"] else 0)


def in_words(line: Line, refusal: Refusal) -> list[str]:
    """A line of text for each thing wrong in a line of the file."""
    return [f"line {line.number}: {problem.field}: {problem.detail}" for problem in refusal.problems]


def _as_json(line: Line, refusal: Refusal) -> str:
    problems = [{"field": problem.field, "detail": problem.detail} for problem in refusal.problems]
    return json.dumps(
        {"line": line.number, "id": refusal.event_id, "reason": refusal.reason, "problems": problems},
        ensure_ascii=False,
    )


def _summary(counts: Counter[str], reasons: Counter[str]) -> str:
    repeats = f", {counts['repeats']:,} of them repeated" if counts["repeats"] else ""
    accepted = f"{counts['accepted']:,} events accepted{repeats}"
    if not counts["refused"]:
        return f"{accepted}; none refused"
    why = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
    return f"{accepted}; {counts['refused']:,} lines refused ({why})"
