"""docs/faults.md: what the fault suite found, written by it."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from localstack.kafka import VERSION
from localstack.postgres import MAJOR
from tests.faults.supervisor import SHORT_SESSION
from tests.faults.trial import AT_REST_WITHIN, Outcome

PAGE: Final = Path("docs/faults.md")
_TABLE, _LONG = "## Each fault by itself", "## The long run"
_ABOUT = f"""# Faults

What was broken on purpose, how often, and what came of it. `make faults` writes this page; do not edit it.

A trial is one installation: four services as processes of their own (two of the registry), started anew by a
supervisor when they end, on Apache Kafka {VERSION} and PostgreSQL {MAJOR}. A random history is told to it: a
simulated year with corrections, retractions and links of identity numbers; repeats in other words, ids used twice,
stragglers, records that are no events. Meanwhile the business day moves and the faults happen. Then *everything* is
compared with the pure model: persons and episodes in the database and as a reader of the topics has them, tasks,
notices, dead letters, receipts, and every offset of every topic of every service.

**The stated time:** {AT_REST_WITHIN:.0f} seconds after the last fault is healed all that was said has taken effect,
and no event waits longer than that and the fault itself. *Longest wait*: from when an event was said until it took
effect.

History, schedule and points come from the seed alone: the same seed sends the same bytes and breaks the same things
at the same moments of it. What the machine's scheduler makes of that differs from run to run.

"""


def write_table(outcomes: Sequence[Outcome]) -> None:
    """Writes the section of the single faults, and keeps that of the long run."""
    rows = []
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.kind == kind]
        bad = [outcome.seed for outcome in mine if outcome.verdict.violations]
        result = "as one clean pass" if not bad else f"**violations** (seeds {_list(bad)})"
        rows.append(
            f"| {kind} | {len(mine)} | {result} | {max(o.verdict.longest_wait for o in mine):.0f} s "
            f"| {max(o.rested_after for o in mine):.0f} s | {_list([o.seed for o in mine])} |"
        )
    counts = [outcome.verdict.records for outcome in outcomes]
    text = (
        f"{_TABLE}\n\n{_where()} {min(counts):,} to {max(counts):,} records a trial, told over ten seconds; the\n"
        f"group's session is {SHORT_SESSION:.0f} s instead of 30, so that a pause outlasts it.\n\n"
        "| fault | trials | outcome | longest wait | at rest after | seeds |\n|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n\nOne seed again: `make faults ARGS='--only \"slow database\" --seed 2 --times 1'`.\n"
    )
    _write(_TABLE, text)


def write_long(text: str) -> None:
    """Writes the section of the long run, and keeps that of the single faults."""
    _write(_LONG, f"{_LONG}\n\n{_where()}\n\n{text}")


def _where() -> str:
    memory = psutil.virtual_memory().total / 1024**3
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}."
    )


def _write(section: str, text: str) -> None:
    known = {_TABLE: "", _LONG: ""}
    if PAGE.exists():
        page = PAGE.read_text(encoding="utf-8")
        for name in known:
            if name in page:
                known[name] = name + page.split(name, 1)[1].split("\n## ", 1)[0].rstrip() + "\n"
    known[section] = text
    PAGE.write_text(_ABOUT + "\n".join(part for part in known.values() if part), encoding="utf-8")


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
