"""`make faults`: every kind of fault several times, each trial from a seed of its own; the table in docs/faults.md.

A trial whose seed failed is repeated with the words that the failure prints. Exit status 1 when a promise was broken,
2 when the arguments name no kind of fault.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from types import FrameType

import structlog

from kaa.terminal import without_client_logs
from tests.faults import long_run, page
from tests.faults.schedule import KINDS, Kind, Need, named
from tests.faults.trial import Outcome, stack, trial

#: Trials of each kind.
TIMES = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the arguments ask for; gives the exit status."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first trial of each kind")
    parser.add_argument("--events", type=int, default=None, help="of a trial (default: 3,000)")
    parser.add_argument("--times", type=int, default=TIMES, help=f"trials of each kind (default: {TIMES})")
    parser.add_argument("--minutes", type=float, help="go round for so long instead of a number of times")
    parser.add_argument("--only", metavar="WORD", help="kinds of fault in whose name the word stands")
    parser.add_argument("--long", action="store_true", help="one long run instead, under faults of all kinds")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    without_client_logs()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    if given.long:
        return long_run.main(given.seed, given.events or long_run.EVENTS)
    kinds = named(given.only) if given.only else KINDS
    if not kinds:
        print(f"no kind of fault has {given.only!r} in its name: see docs/faults.md", file=sys.stderr)
        return 2
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    for turn in count():
        enough = turn >= given.times
        if given.minutes is not None:
            enough = time.monotonic() - begun > given.minutes * 60
        if enough:
            break
        for need, group in _by_need(kinds).items():
            outcomes += _round(need, group, given.seed + turn, given.events)
    failed = [outcome for outcome in outcomes if outcome.verdict.violations]
    if not given.only:
        page.write_table(outcomes)
        print(f"written: {page.PAGE}")
    print(f"{len(outcomes)} trials, {len(failed)} with violations, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _by_need(kinds: Sequence[Kind]) -> dict[Need | None, list[Kind]]:
    groups: dict[Need | None, list[Kind]] = defaultdict(list)
    for kind in kinds:
        groups[kind.need].append(kind)
    return groups


def _round(need: Need | None, kinds: Sequence[Kind], seed: int, events: int | None) -> list[Outcome]:
    found = []
    with stack(need) as servers:
        for kind in kinds:
            print(f"seed {seed}: {kind.name} …", end="", flush=True)
            outcome = asyncio.run(trial(kind, servers, seed, events))
            found.append(outcome)
            print(f" {said(outcome)}", flush=True)
    return found


def _interrupt(number: int, _: FrameType | None) -> None:
    """As Ctrl-C: with everything stopped that was started."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def said(outcome: Outcome) -> str:
    """An outcome on one line; with violations on as many as it takes, and how to repeat it."""
    verdict = outcome.verdict
    line = (
        f"{verdict.records:,} records, {verdict.duplicates:,} repeated, {verdict.letters} refused; "
        f"killed {outcome.killed}, fenced {outcome.fenced}, retried {outcome.retried}; "
        f"longest wait {verdict.longest_wait:.1f} s, at rest after {outcome.rested_after:.1f} s; "
        f"{outcome.seconds:.0f} s"
    )
    if not verdict.violations:
        return f"good: {line}"
    repeat = f"make faults ARGS='--only \"{outcome.kind}\" --seed {outcome.seed} --times 1'"
    return "\n  ".join([f"VIOLATIONS: {line}", *verdict.violations, f"again: {repeat}"])


if __name__ == "__main__":
    sys.exit(main())
