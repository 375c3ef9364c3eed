"""Files of events, one a line: read with a progress bar and checked as the hub will check them."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import typer

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event, Problem
from contracts.organisers import Directory, load
from contracts.validation import MAX_LINE, Admission, Line, check
from contracts.yaml_file import YamlFileError
from kaa.errors import fail
from kaa.terminal import progress
from servicekit.admission import refusal, speaker_of

_STEP = 500


def read_directory(path: Path) -> Directory:
    """The directory of organisers in a file; ends the command (2) with a line for each thing wrong in it."""
    try:
        return load(path)
    except YamlFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def admission(directory: Directory) -> Admission:
    """What an installation refuses of events that keep the contract: who may speak, and about which school units."""
    municipalities = frozenset(directory.municipalities)

    def admit(event: Event) -> tuple[str, Problem] | None:
        family = FAMILY_OF_TYPE[event.type]
        owner = speaker_of(event) if family.owner != "none" else None
        if family.owner == "municipality" and owner not in municipalities:
            return "unknown_municipality", Problem(
                "source", "no organiser in the directory is of that municipality"
            )
        return refusal(event, family, owner, directory)

    return admit


def checked(path: str, accept: Admission | None, title: str) -> Iterator[Line]:
    """The checked lines of a file, or of standard input for ``-``. Ends the command (2) if it cannot be read."""
    try:
        if path == "-":
            yield from _checked(sys.stdin.buffer, None, accept, title)
        else:
            with Path(path).open("rb") as file:
                yield from _checked(file, Path(path).stat().st_size, accept, title)
    except OSError as error:
        fail(f"{'standard input' if path == '-' else path}: cannot be read: {error.strerror}")


def _checked(file: BinaryIO, size: int | None, accept: Admission | None, title: str) -> Iterator[Line]:
    with progress(title, size) as advance:
        done = 0
        for line in check(_lines(file), accept):
            yield line
            done += len(line.text) + 1
            if line.number % _STEP == 0:
                advance(done)
                done = 0


def _lines(file: BinaryIO) -> Iterable[bytes]:
    """Lines, none held in memory much beyond what a topic takes: of a longer one only its beginning is given."""
    while line := file.readline(MAX_LINE + 2):
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE + 2)):
            pass
        yield line
