"""The demo's end: whether all came out right, and a summary for people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from kaa.demo_work import Work
from kaa.demo_year import MUNICIPALITY, Year
from kaa.explanation import show
from kaa.status import books_table, check_books
from servicekit.books import Books
from servicekit.database import Connection, connect
from servicekit.dead_letters import WHAT_TO_DO
from servicekit.settings import Service, Settings
from services.outreach.kinds import Outcome as Answer
from services.registry import reading
from services.registry.evaluation import evaluate
from services.registry.explanation import Explanation
from simulator.check import differences


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the year."""

    books: Sequence[Books]
    #: Persons about whom the running register and the pure function over the same events disagree.
    unlike_function: int
    #: Persons about whom the pure function and the simulator's ledger disagree.
    unlike_ledger: int
    covered: Counter[str]
    letters: dict[str, int]
    tasks: int
    notices: int
    example: Explanation | None

    @property
    def right(self) -> bool:
        """Whether the books balance and the register is what it should be."""
        return all(books.balance for books in self.books) and not (self.unlike_function or self.unlike_ledger)


async def outcome(settings: Settings, year: Year) -> Outcome:
    """Checks the books of every service, and the register against the pure function and the ledger."""
    computed = evaluate(year.lines, year.last_day, summer_hold=True)
    meant = {person["identity_number"]: person["episodes"] for person in computed["persons"]}
    register = await connect(settings.database("registry"))
    try:
        found = await reading.episodes(register, year.last_day, None)
        example = _example(found["persons"])
        explained = await reading.explanation(register, example, year.last_day) if example else None
    finally:
        await register.close()
    listed = {person["identity_number"]: person["episodes"] for person in found["persons"]}
    return Outcome(
        books=await check_books(settings),
        unlike_function=sum(listed.get(number, []) != episodes for number, episodes in meant.items())
        + len(listed.keys() - meant.keys()),
        unlike_ledger=len(differences(year.ledger, computed, year.last_day)),
        covered=Counter(
            episode["entry_reason"]
            for person in found["persons"]
            for episode in person["episodes"]
            if episode["to"] is None and episode["municipality"] == MUNICIPALITY
        ),
        letters=await _count(settings, "SELECT kind, count(*) FROM dead_letter GROUP BY kind"),
        tasks=(await _count(settings, "SELECT 'open', count(*) FROM task WHERE state = 'open'", "outreach"))[
            "open"
        ],
        notices=(
            await _count(
                settings,
                "SELECT 'all', count(*) FROM notice WHERE status IN ('registered', 'closed')",
                "notifications",
            )
        )["all"],
        example=explained,
    )


def _example(persons: Sequence[dict[str, Any]]) -> str | None:
    """Somebody who is covered now and once left upper secondary school: there is something to explain."""
    covered = [p for p in persons if p["episodes"] and p["episodes"][-1]["to"] is None]
    best = [p for p in covered if p["episodes"][-1]["entry_reason"] == "left_upper_secondary"]
    return next((str(p["identity_number"]) for p in (*best, *covered)), None)


async def _count(settings: Settings, query: str, service: Service = "registry") -> dict[str, int]:
    connection: Connection = await connect(settings.database(service))
    try:
        return dict(await connection.fetch(query))
    finally:
        await connection.close()


def print_outcome(console: Console, found: Outcome, year: Year, rows: int, report: Path, files: Path) -> None:
    """The summary, for somebody who sees the system for the first time."""
    console.rule("What became of the year")
    console.print(books_table(found.books))
    if found.letters:
        table = Table(title="Dead letters of the registry: put aside, not lost")
        table.add_column("Class")
        table.add_column("Records", justify="right")
        table.add_column("What to do")
        for kind, count in sorted(found.letters.items()):
            table.add_row(kind, str(count), WHAT_TO_DO[kind])
        console.print(table)
    table = Table(title=f"Covered in {MUNICIPALITY} on {year.last_day}, by entry reason")
    for heading in ("Entry reason", "Persons", ""):
        table.add_column(heading, justify="right" if heading == "Persons" else "left")
    most = max(found.covered.values(), default=1)
    for reason, count in found.covered.most_common():
        table.add_row(reason.replace("_", " "), str(count), "█" * max(1, round(30 * count / most)))
    table.add_row("all", str(found.covered.total()), "")
    console.print(table)
    console.print(f"Tasks queued for outreach: {found.tasks}")
    console.print(f"Notices to home municipalities: {found.notices}")
    console.print(f"Rows of the half-year report (draft): {rows}, in {report}")
    console.print(f"The events and the ledger of what was meant: {files}")
    if found.example:
        console.rule('One person: "why is she on the list?"')
        show(found.example, console)
    console.rule("Right?")
    _judge(
        console,
        all(books.balance for books in found.books),
        "every record has exactly one fate, by the broker's count",
    )
    _judge(
        console,
        not found.unlike_function,
        "the register is the pure function over the same events",
        found.unlike_function,
    )
    _judge(
        console,
        not found.unlike_ledger,
        "and what the simulator meant, person by person",
        found.unlike_ledger,
    )


def _judge(console: Console, good: bool, what: str, persons: int = 0) -> None:
    console.print(
        f"[bold]{'yes' if good else 'NO'}[/bold]  {what}{f': {persons} persons differ' if persons else ''}"
    )


def print_work(console: Console, work: Work, address: str, users: Mapping[str, Mapping[str, object]]) -> None:
    """What was done in outreach, where its pages are, and who may log in there."""
    console.rule("A season's work in outreach, and a morning's")
    console.print(
        f"The season: {work.season.total()} contacts ({_by_outcome(work.season)}), {work.begun} measures begun, "
        f"{work.ended} of them ended"
    )
    console.print(
        f"This morning: {work.morning.total()} contacts ({_by_outcome(work.morning)}), {work.put_off} tasks put off, "
        f"{work.held} in hand"
    )
    console.print(f"Its pages: {address} (a login for the demo alone; users: {', '.join(users)})")


def _by_outcome(contacts: Counter[Answer]) -> str:
    return ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in contacts.most_common())


def next_steps(day: date, half_year: str, specification: Path) -> str:
    """What to try while the stack runs; the half-year's report is written by the specification."""
    return f"""
Now try, in another terminal (the commands find this stack by themselves):
  .venv/bin/kaa status                                        the whole installation on one screen
  .venv/bin/kaa lag --watch                                   how far each service is behind
  .venv/bin/kaa dead-letters list registry                    what was put aside, and what to do about it
  .venv/bin/kaa organisers receipts 2120000142                what an organiser sent, and what became of it
  .venv/bin/kaa outreach next --municipality {MUNICIPALITY}             take the next task
  .venv/bin/kaa registry explain --on {day}              asks for an identity number (the ledger has some)
  .venv/bin/kaa registry episodes --municipality {MUNICIPALITY}         the register as JSON
  .venv/bin/kaa notifications notices                         the proof that schools told without delay
  .venv/bin/kaa report build --period {half_year} --municipality {MUNICIPALITY} --specification {specification}
  .venv/bin/kaa publish out/demo/year.ndjson --shuffle 7      all of it again, in another order: nothing changes
  .venv/bin/kaa books                                         every record, accounted for
"""
