"""`kaa outreach ladder`: check a municipality's ladder, and try it on a sample person."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, cast, get_args

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from contracts.own import EntryReason, Occupation
from contracts.yaml_file import YamlFileError
from kaa.errors import fail, in_one_line
from kaa.terminal import wide_console
from servicekit.calendar import today
from services.outreach.ages import at_age, hand_over_on
from services.outreach.kinds import OUTCOMES, Channel
from services.outreach.ladder import Case, MeasureOf
from services.outreach.ladder_file import default_path, load
from services.outreach.rehearsal import Answered, Line, rehearse
from services.outreach.steps import Ladder


@dataclass(frozen=True, slots=True)
class _Sample:
    """A made-up person: age on the first day, why she is listed, what is known of how to reach her."""

    years: int
    months: int
    entry_reason: EntryReason
    ways: frozenset[Channel]
    protected: bool = False
    #: Days from the first until a measure begins and ends.
    measure: tuple[int, int] | None = None


_ALL_WAYS: Final[frozenset[Channel]] = frozenset({"phone", "sms", "email", "letter"})
_LETTER: Final[frozenset[Channel]] = frozenset({"letter"})
_SAMPLES: Final = {
    "left-school": _Sample(17, 3, "left_upper_secondary", _ALL_WAYS),
    "no-phone": _Sample(18, 0, "study_certificate", _LETTER),
    "nothing-known": _Sample(18, 6, "newly_arrived", frozenset()),
    "no-known-school": _Sample(16, 9, "no_known_school", _LETTER),
    "soon-20": _Sample(19, 6, "left_upper_secondary", _ALL_WAYS),
    "protected": _Sample(17, 3, "left_upper_secondary", frozenset(), protected=True),
    "in-measure": _Sample(17, 9, "left_introductory_programme", _ALL_WAYS, measure=(30, 210)),
}
_NAMES: Final = ", ".join(_SAMPLES)
_REASONS: Final[tuple[EntryReason, ...]] = get_args(EntryReason)
_OCCUPATIONS: Final[tuple[Occupation, ...]] = get_args(Occupation)
_HAPPENINGS: Final = {"opens": "opens", "done": "done", "falls_away": "falls away"}

app = typer.Typer(
    help="The ladder (trappa): which step follows which answer, after how many days.", no_args_is_help=True
)

File = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="Default: the ladder that comes with this release.")
]


@app.callback()
def ladder() -> None:
    """The ladder (trappa): which step follows which answer, after how many days."""


@app.command()
def check(file: File = None) -> None:
    """Refuse a wrong ladder with file, line and reason; else say what it holds.

    Exit status 0 when the file is right, 2 when something in it is wrong or it cannot be read.
    """
    path = file or default_path()
    read = _read(path)
    typer.echo(f"{path}: {read.name}")
    typer.echo(f"{len(read.steps)} steps: {', '.join(read.steps)}")
    for reason in _REASONS:
        typer.echo(f"{_words(reason)}: begins with {read.first_step(reason)}")
    rests = ", ".join(_words(one) for one in read.occupation.rests_for) or "no occupation"
    typer.echo(
        f"an occupation is current for {read.occupation.current_for_days} days; the ladder rests for: {rests}"
    )


@app.command("try")
def try_(
    file: File = None,
    person: Annotated[str, typer.Option(metavar="NAME", help=f"A made-up person: {_NAMES}.")] = "left-school",
    age: Annotated[
        str | None, typer.Option(metavar="AGE", help="Another age on the first day: 17, or 19y6m.")
    ] = None,
    entry_reason: Annotated[EntryReason | None, typer.Option(help="Another reason of the entry.")] = None,
    ways: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Other known contact ways: phone,sms,email,letter, or none."),
    ] = None,
    protected: Annotated[
        bool | None, typer.Option("--protected/--not-protected", help="Whether she is protected.")
    ] = None,
    answers: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help=f"What comes of each step in turn, the last one of all further: {', '.join(OUTCOMES)}; with an "
            "occupation that is learnt: reached:work. Follow-ups and the hand-over are taken as reached.",
        ),
    ] = "not_reached",
    first_day: Annotated[
        datetime | None,
        typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="The first day. Default: today."),
    ] = None,
    days: Annotated[int, typer.Option(metavar="DAYS", min=1, max=1830, help="How long to look.")] = 365,
) -> None:
    """Show, day by day over a year, what a ladder would call for in the case of a made-up person.

    Every task is done on the day it is due, with the answers given. Nothing is read or written but the file.
    """
    path = file or default_path()
    read = _read(path)
    if person not in _SAMPLES:
        fail(f"--person: there is no {person}; expected one of: {_NAMES}")
    sample = _SAMPLES[person]
    sample = replace(
        sample,
        entry_reason=entry_reason or sample.entry_reason,
        protected=sample.protected if protected is None else protected,
        ways=sample.ways if ways is None else _ways(ways),
    )
    if age is not None:
        sample = replace(sample, years=_age(age)[0], months=_age(age)[1])
    first = first_day.date() if first_day else today()
    case = _case(sample, first)
    said = _answers(answers)
    twentieth = at_age(cast(date, case.birth_date), 20)
    last = min(first + timedelta(days=days), twentieth - timedelta(days=1))
    lines = list(rehearse(case, read, said, last))
    console = wide_console()
    console.print(_about(sample, case, read))
    console.print(_shown(lines, first))
    if last < first + timedelta(days=days):
        console.print(f"{twentieth}: turns 20, the responsibility ends.")
    else:
        console.print(f"Looked until {last}.")


def _read(path: Path) -> Ladder:
    try:
        with in_one_line():
            return load(path)
    except YamlFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _age(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"(1[5-9])(?:y(\d|1[01])m)?", value)
    if found is None:
        fail("--age: expected 15 to 19 years, such as 17, or with months, such as 19y6m")
    return int(found[1]), int(found[2] or 0)


def _ways(value: str) -> frozenset[Channel]:
    said = frozenset(value.split(",")) - {"none"}
    if said - _ALL_WAYS:
        fail(f"--ways: expected some of {', '.join(sorted(_ALL_WAYS))}, with commas, or none")
    return cast(frozenset[Channel], said)


def _answers(value: str) -> list[Answered]:
    answers = []
    for one in value.split(","):
        outcome, _, occupation = one.strip().partition(":")
        if outcome not in OUTCOMES:
            fail(
                f"--answers: there is no {outcome or 'empty answer'}; expected one of: {', '.join(OUTCOMES)}"
            )
        if occupation and occupation not in _OCCUPATIONS:
            fail(f"--answers: there is no {occupation}; expected one of: {', '.join(_OCCUPATIONS)}")
        answers.append(Answered(outcome, occupation or None))
    return answers


def _case(sample: _Sample, first: date) -> Case:
    # the birth date of who has this age on the first day; at most the 28th, which every month has
    months = first.year * 12 + first.month - 1 - sample.years * 12 - sample.months
    born = date(months // 12, months % 12 + 1, min(first.day, 28))
    measures: tuple[MeasureOf, ...] = ()
    if sample.measure is not None:
        begins, ends = (first + timedelta(days=day) for day in sample.measure)
        measures = (MeasureOf(begins, ends, ()),)
    return Case(
        since=first, opened_on=first, entry_reason=sample.entry_reason, birth_date=born,
        protected=sample.protected, ways=sample.ways, done=(), occupation_known_on=None, occupation=None,
        measures=measures,
    )  # fmt: skip


def _about(sample: _Sample, case: Case, read: Ladder) -> Table:
    grid = Table.grid(padding=(0, 2))
    born = cast(date, case.birth_date)
    grid.add_row("ladder", read.name)
    grid.add_row("person", f"{sample.years} years {sample.months} months, turns 20 on {at_age(born, 20)}")
    grid.add_row("on the list", f"since {case.since}: {_words(sample.entry_reason)}")
    if sample.protected:
        grid.add_row("protection", "protected: one manual step instead of the ladder")
    else:
        grid.add_row("contact ways", ", ".join(sorted(sample.ways)) or "none known")
    for measure in case.measures:
        grid.add_row("measure", f"from {measure.started_on} to {measure.ended_on}")
    grid.add_row("hand over from", f"{hand_over_on(born, read)}")
    return grid


def _shown(lines: Iterable[Line], first: date) -> Table:
    table = Table("day", "date", "task", "step", "", "by", "due", "answer", box=SIMPLE_HEAD)
    table.columns[0].justify = "right"
    day = None
    for line in lines:
        task, answer = line.task, line.answer
        learnt = f", {_words(answer.occupation)}" if answer and answer.occupation else ""
        table.add_row(
            f"{(line.on - first).days}" if line.on != day else "",
            f"{line.on}" if line.on != day else "",
            _words(task.kind),
            task.step,
            _HAPPENINGS[line.happening],
            _words(task.channel) if task.channel else "",
            f"{task.due_on}" if line.happening == "opens" else "",
            f"{_words(answer.outcome)}{learnt}" if answer else "",
        )
        day = line.on
    return table


def _words(code: str) -> str:
    return code.replace("_", " ")
