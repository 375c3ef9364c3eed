"""`kaa report`: the half-year's file for Statistics Sweden (SCB), and its specification."""

from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from contracts.identifiers import MUNICIPALITIES, municipality_code
from contracts.yaml_file import YamlFileError
from kaa.databases import in_database
from kaa.errors import fail
from services.reporting.period import Period
from services.reporting.period import period as period_of
from services.reporting.specification import Language, Specification
from services.reporting.specification_file import NoSpecificationError, find, load
from services.reporting.submission import (
    NotFinalError,
    PrefixError,
    Submission,
    build,
    check_list_beside,
    refuse_unverified,
    write,
)

app = typer.Typer(
    help="The half-year report to SCB: build the file, check a specification.", no_args_is_help=True
)

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "sv": {
        "title": "Halvårsrapport",
        "rows": "Rader",
        "persons": "Personer",
        "block": "Block",
        "fails": "Det som inte stämmer",
        "failing": "Rader med fel (de står ändå i filen)",
        "none": "Alla kontroller är godkända.",
        "protected": "Personer med skyddad folkbokföring, inte i filen: kommun ska avgöras av registeransvarig",
        "attempts": "Kontaktförsök utan svar, rapporteras inte",
        "not_covered": "Kontakter och åtgärder för personer som inte omfattades under halvåret, inte i filen",
        "draft": "UTKAST: koder som inte är verifierade mot SCB:s underlag",
        "final": "SLUTLIG",
        "known": "Mottaget till och med (--as-known-at ger samma fil igen)",
        "specification": "Specifikation",
        "file": "Fil",
        "list": "Rad för rad, det som inte stämmer",
    },
    "en": {
        "title": "Half-year report",
        "rows": "Rows",
        "persons": "Persons",
        "block": "Block",
        "fails": "What fails",
        "failing": "Rows that fail (they are in the file all the same)",
        "none": "All checks hold.",
        "protected": "Persons with protected population registration, not in the file: a registrar decides whose",
        "attempts": "Attempts at contact without an answer, not reported",
        "not_covered": "Contacts and measures of persons not covered in the half-year, not in the file",
        "draft": "DRAFT (UTKAST): codes that are not verified against SCB's documents",
        "final": "FINAL",
        "known": "Received up to (--as-known-at gives the same file again)",
        "specification": "Specification",
        "file": "File",
        "list": "Row by row, what fails",
    },
}


@app.command("build")
def build_file(
    period: Annotated[str, typer.Option(metavar="YYYYH1|YYYYH2", help="The half-year, such as 2025H2.")],
    municipality: Annotated[str, typer.Option(metavar="CODE", help="4-digit municipality code.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Where to write. Default: a name of its own in out/."
        ),
    ] = None,
    final: Annotated[
        bool,
        typer.Option("--final", help="For submission: refused while a code is unverified or a row fails."),
    ] = False,
    lang: Annotated[Language, typer.Option(help="The language in which to say what fails.")] = "sv",
    specification: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The specification. Default: the half-year's that comes with this."
        ),
    ] = None,
    as_known_at: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="On the events received up to this one. Default: all."),
    ] = None,
) -> None:
    """Write a municipality's half-year: all who were covered in it, contacts, measures, ends; check every row.

    Rows that fail are in the draft all the same; a list beside it says what fails, row by row. The look at its
    persons is in the access log before the file is written. The same period, specification and N give the same file.

    Exit status 0: a file was written; 1: it cannot be final; 2: period, municipality, specification or N are wrong,
    or the database is out of reach.
    """
    half_year, town = _asked(period, municipality)
    path, chosen = _specification(specification, half_year)
    try:
        if final:
            refuse_unverified(chosen)
        with Console(stderr=True).status(f"{_WORDS[lang]['title']} {half_year.name} …"):
            submission = _built(chosen, half_year, town, as_known_at)
            file = write(submission, out, final=final, language=lang)
    except NotFinalError as error:
        typer.echo(f"kaa: {error}; without --final it is written as a draft:", err=True)
        for reason in error.reasons:
            typer.echo(f"  {reason}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        fail(f"the file cannot be written ({error.strerror}): see --out")
    _print(submission, path, file, lang, final)


@app.command("check-specification")
def check_specification(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A specification in YAML.", show_default=False)
    ],
) -> None:
    """Check a specification: every error with its line, what is wrong and what is expected.

    Exit status 0: it is right; 1: it is not; 2: it cannot be read.
    """
    try:
        specification = load(file)
    except YamlFileError as error:
        for problem in error.problems:
            typer.echo(f"{file}:{problem.line}: {problem.detail}")
        raise typer.Exit(1) from None
    except OSError as error:
        _unreadable(file, error)
    columns = sum(len(block.columns) for block in specification.blocks)
    codes = sum(len(code_list.codes) for code_list in specification.code_lists.values())
    typer.echo(
        f"{file}: valid for {', '.join(specification.periods)}; {len(specification.blocks)} blocks, "
        f"{columns} columns, {codes} codes, {len(specification.checks)} checks"
    )
    unverified = specification.unverified
    typer.echo(
        f"unverified: {len(unverified)}, so every file is a draft: {', '.join(unverified)}"
        if unverified
        else "everything is verified: files can be final"
    )


def _asked(period: str, municipality: str) -> tuple[Period, str]:
    try:
        half_year = period_of(period)
    except ValueError as error:
        fail(f"--period: {error}")
    try:
        return half_year, municipality_code(municipality)
    except ValueError as error:
        fail(f"--municipality: {error}, such as 0180 (Stockholm)")


def _specification(file: Path | None, period: Period) -> tuple[Path, Specification]:
    try:
        if file is None:
            return find(period)
        specification = load(file)
    except NoSpecificationError as error:
        fail(f"--period: {error}")
    except YamlFileError as error:
        first = error.problems[0]
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        fail(
            f"{error.path}:{first.line}: {first.detail}{more}; see `kaa report check-specification {error.path}`"
        )
    except OSError as error:
        _unreadable(file or Path(), error)
    if period.name not in specification.periods:
        fail(f"{file} is valid for {', '.join(specification.periods)}, not for {period.name}: see --period")
    return file, specification


def _unreadable(file: Path, error: OSError) -> NoReturn:
    fail(f"{file} cannot be read: {error.strerror}")


def _built(
    specification: Specification, period: Period, municipality: str, as_known_at: int | None
) -> Submission:
    try:
        return in_database(
            "reporting",
            lambda connection: build(
                connection, specification, period, municipality, as_known_at=as_known_at
            ),
        )
    except PrefixError as error:
        fail(f"--as-known-at: {error}")


def _print(submission: Submission, specification: Path, file: Path, lang: Language, final: bool) -> None:
    words, made = _WORDS[lang], submission.made
    console = Console(highlight=False, markup=False, soft_wrap=True)
    town = f"{submission.municipality} {MUNICIPALITIES[submission.municipality]}"
    table = Table(title=f"{words['title']} {submission.period.name}, {town}", title_justify="left")
    table.add_column(words["block"])
    table.add_column(words["rows"], justify="right")
    for block in submission.specification.blocks:
        rows = sum(row.block == block.block for row in made.rows)
        table.add_row(f"{block.number} {getattr(block.title, lang)}", str(rows))
    table.add_section()
    table.add_row(words["rows"], str(len(made.rows)))
    table.add_row(words["persons"], str(made.persons))
    console.print(table)
    failures = submission.failures()
    if failures:
        table = Table(words["block"], words["fails"], words["rows"])
        table.columns[2].justify = "right"
        for number, said, count in failures:
            table.add_row(str(number), getattr(said, lang), str(count))
        console.print(table)
        console.print(f"{words['failing']}: {submission.failing_rows}")
    else:
        console.print(words["none"])
    for key in ("protected", "attempts", "not_covered"):
        if count := getattr(made, key):
            console.print(f"{words[key]}: {count}")
    unverified = len(submission.specification.unverified)
    console.print(words["final"] if final else f"{words['draft']}: {unverified}")
    console.print(f"{words['specification']}: {specification}")
    console.print(f"{words['known']}: {submission.as_known_at}")
    console.print(f"{words['file']}: {file}")
    console.print(f"{words['list']}: {check_list_beside(file)}")
