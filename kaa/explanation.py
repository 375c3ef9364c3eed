"""An explanation on the terminal: for the person who is asked "why is she on the list?"."""

from rich.console import Console
from rich.table import Table

from services.registry.explanation import Explanation


def show(explanation: Explanation, console: Console) -> None:
    """Prints the verdicts with the events they rest on. Holds no name and no number."""
    entry = explanation.entry
    if entry is not None:
        told = " (inferred: no fact tells)" if entry.inferred else ""
        console.print(
            f"[bold]On {explanation.day}: covered[/bold] in municipality {entry.municipality} since "
            f"{entry.from_day}. {entry.text}{told}"
        )
    else:
        console.print(f"[bold]On {explanation.day}: not covered.[/bold]")
    table = Table(show_lines=True)
    for heading in ("", "Criterion", "Since", "Rests on (source, id, date)", "Law"):
        table.add_column(heading, overflow="fold")
    for verdict in (explanation.residence, *explanation.criteria, explanation.summer_hold):
        grounds = "\n".join(f"{g.source} {g.id} {g.on or ''}".rstrip() for g in verdict.grounds)
        if verdict.inferred:
            grounds = f"{grounds}\ninferred: a default stood in for a fact".strip()
        table.add_row(
            "yes" if verdict.holds else "no",
            verdict.text,
            str(verdict.since or ""),
            grounds,
            verdict.law,
        )
    console.print(table)
