"""`kaa notifications`: the notices from schools to home municipalities, and what proves "without delay"."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from contracts.identifiers import organisation_number
from contracts.organisers import Directory
from kaa.databases import in_database
from kaa.errors import fail, in_one_line
from servicekit.calendar import STOCKHOLM
from servicekit.directory import DirectoryFile
from servicekit.settings import load
from services.notifications.proof import NoticeTimes, OrganiserNotices, listed, summed_up

app = typer.Typer(
    help="Notices from a school's organiser to the home municipality (skollagen 15 kap. 15 §).",
    no_args_is_help=True,
)

T = TypeVar("T")


@app.callback()
def notifications() -> None:
    """Notices from a school's organiser to the home municipality (skollagen 15 kap. 15 §)."""


def _organiser(value: str | None) -> str | None:
    try:
        return None if value is None else organisation_number(value)
    except ValueError as error:
        fail(f"--organiser: {error}")


def _school_unit(value: str | None) -> str | None:
    if value is not None and not (len(value) == 8 and value.isascii() and value.isdigit()):
        fail("--school-unit: expected a school unit code: 8 digits")
    return value


@app.command()
def notices(
    organiser: Annotated[
        str | None,
        typer.Option(
            "--organiser", metavar="NR", callback=_organiser, help="Organisation number: this one's alone."
        ),
    ] = None,
    school_unit: Annotated[
        str | None,
        typer.Option(
            "--school-unit", metavar="CODE", callback=_school_unit, help="This school unit's alone."
        ),
    ] = None,
    one_by_one: Annotated[
        bool, typer.Option("--list", help="The notices one by one, with their times.")
    ] = False,
) -> None:
    """Show how many notices each organiser has given, how many wait, and how long they took. No personal data.

    With --list the look is written to the access log. Times are Swedish.
    """
    if one_by_one:
        _show_list(
            in_database("notifications", lambda connection: listed(connection, organiser, school_unit))
        )
        return
    sums = in_database("notifications", lambda connection: summed_up(connection, organiser, school_unit))
    with in_one_line():
        _show_sums(sums, DirectoryFile(load().organisers).current())


def _show_sums(sums: Sequence[OrganiserNotices], directory: Directory) -> None:
    table = Table(
        "organiser",
        "name",
        caption="days: median / longest, of notices registered or closed; absence has no first delay",
    )
    for heading in ("registered", "closed", "waits for home\nmunicipality", "withdrawn", "routing"):
        table.add_column(heading, justify="right")
    table.add_column("days until the\nschool noted it", justify="right")
    table.add_column("days until it\ncame here", justify="right")
    for s in sums:
        known = directory.organiser(s.organiser)
        table.add_row(
            s.organiser,
            known.name if known else "not in the directory",
            *(str(count) for count in (s.registered, s.closed, s.waiting, s.withdrawn, s.routing)),
            "–" if s.median_noting is None else f"{s.median_noting:.1f} / {s.longest_noting}",
            "–" if s.median_sending is None else f"{s.median_sending:.1f} / {s.longest_sending:.1f}",
        )
    _print(table)


def _show_list(found: Sequence[NoticeTimes]) -> None:
    table = Table(
        "notice", "status", "kind", "school unit", "municipality", "on", "noted", "came", "registered", "withdrawn"
    )  # fmt: skip
    for notice in found:
        table.add_row(
            str(notice.notice_id),
            notice.status,
            notice.kind,
            notice.school_unit,
            notice.municipality or "–",
            notice.on.isoformat(),
            *(
                _minute(instant)
                for instant in (
                    notice.recorded_at,
                    notice.received_at,
                    notice.registered_at,
                    notice.withdrawn_at,
                )
            ),
        )
    _print(table)


def _minute(instant: datetime | None) -> str:
    return "–" if instant is None else f"{instant.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"


def _print(table: Table) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        # in a file or a pipe nothing is cut off or wrapped
        console.width = max(console.width, 200)
    console.print(table)
