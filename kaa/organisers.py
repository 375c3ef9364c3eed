"""`kaa organisers`: the directory of organisers of this installation."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.catalogue import topics_of
from kaa import receipts
from kaa.errors import in_one_line
from kaa.event_files import read_directory
from servicekit import settings

app = typer.Typer(help="The directory of organisers (huvudmän) of this installation.", no_args_is_help=True)


@app.callback()
def organisers() -> None:
    """The directory of organisers (huvudmän) of this installation."""


def directory_path(file: Path | None) -> Path:
    """The file named, else the installation's (``KAA_ORGANISERS``, deploy/organisers.yaml)."""
    with in_one_line():
        return file or settings.load().organisers


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Default: KAA_ORGANISERS, else deploy/organisers.yaml."),
    ] = None,
) -> None:
    """Refuse a wrong directory of organisers with file, line and reason; else say what it holds.

    Exit status 0 when the file is right, 2 when something in it is wrong or it cannot be read.
    """
    path = directory_path(file)
    directory = read_directory(path)
    independent = sum(organiser.municipality is None for organiser in directory.organisers)
    unlisted = sum(not organiser.units for organiser in directory.organisers)
    units = sum(len(organiser.units) for organiser in directory.organisers)
    typer.echo(
        f"{path}: {len(directory.organisers)} organisers, {len(directory.organisers) - independent} of them part of "
        f"a municipality ({len(directory.municipalities)} municipalities), {independent} independent"
    )
    free = (
        f"; {unlisted} organisers list none and may speak about any unit that nobody has" if unlisted else ""
    )
    typer.echo(f"{units} school units{free}")
    typer.echo(f"{len(topics_of(directory))} topics follow from it: kaa topics list")


app.command(name="receipts")(receipts.show)
