"""`kaa simulate`: a made-up school year in a municipality, as a file of events, and the ledger of what is true."""

import json
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from kaa.errors import fail
from kaa.event_files import read_directory
from kaa.organisers import directory_path
from kaa.terminal import progress
from simulator import simulate as simulated

_STEP = 500


def simulate(
    municipality: Annotated[
        str, typer.Option(metavar="CODE", help="The municipality, part of the directory of organisers.")
    ],
    persons: Annotated[int, typer.Option(metavar="N", help="Young people, all of them in the ledger.")],
    school_year: Annotated[str, typer.Option(metavar="YYYY/YY", help="Such as 2024/25: 1 July to 30 June.")],
    seed: Annotated[
        int, typer.Option(metavar="N", help="Another seed, another year; the same, the same bytes.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The events, one a line, in order of publication."),
    ],
    organisers: Annotated[
        Path | None,
        typer.Option(
            "--organisers", metavar="FILE", help="Default: KAA_ORGANISERS, else deploy/organisers.yaml."
        ),
    ] = None,
) -> None:
    """Write a year's events as the schools, the population feed and the credentials import would publish them.

    Beside FILE, named as it with .ledger.json for its ending, stands the ledger: what was meant to be true, person by
    person. People and numbers are made up. Exit status 2 when it cannot be done, with what to change.
    """
    if out.is_dir():
        fail(f"--out {out}: is a directory; name a file in it, such as year.ndjson")
    ledger_file = out.with_suffix(".ledger.json")
    directory = read_directory(directory_path(organisers))
    try:
        with progress("Deciding lives", None):
            events, ledger = simulated(municipality, persons, school_year, seed, directory)
    except ValueError as error:
        fail(str(error))
    totals = ledger["totals"]
    try:
        with out.open("wb") as file, progress("Writing events", totals["events"]) as advance:
            while step := list(islice(events, _STEP)):
                file.writelines(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in step)
                advance(len(step))
        ledger_file.write_text(json.dumps(ledger, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"--out {out}: cannot be written: {error.strerror or error}")
    typer.echo(f"{totals['events']:>9,}  events, {totals['repeats']:,} of them repeats: {out}")
    typer.echo(
        f"{totals['persons']:>9,}  persons, {totals['persons_covered_in_the_year']:,} of them covered in"
        f" {municipality} at some time in the year: {ledger_file}"
    )
