"""`kaa registry evaluate`: the register that a file of events makes, without broker or database."""

import json
import sys
from typing import Annotated

import typer

from contracts.identifiers import parse_date
from servicekit.calendar import today
from services.registry.evaluation import evaluate as evaluated


def evaluate(
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="The day to look from, YYYY-MM-DD. Default: today."),
    ] = None,
    no_summer_hold: Annotated[
        bool, typer.Option("--no-summer-hold", help="List also who only is out of school for the summer.")
    ] = False,
) -> None:
    """Read events from standard input, one CloudEvent a line; print who is covered, from when to when and why.

    Prints one JSON object: the persons with their episodes, and every line that was rejected with the reason.
    Exit status 0, also when lines are rejected; 2 when the input cannot be read.
    """
    try:
        day = today() if as_of is None else parse_date(as_of)
    except ValueError as error:
        typer.echo(f"--as-of: {error}", err=True)
        raise typer.Exit(2) from None
    if sys.stdin is None:
        typer.echo(
            "standard input is closed; give events on it: kaa registry evaluate < events.ndjson", err=True
        )
        raise typer.Exit(2)
    try:
        answer = evaluated(sys.stdin.buffer, day, not no_summer_hold)
    except OSError as error:
        typer.echo(
            f"cannot read standard input: {error.strerror or error}; give a file of events on it", err=True
        )
        raise typer.Exit(2) from None
    typer.echo(json.dumps(answer, indent=1))
