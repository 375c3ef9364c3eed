"""Proves that the tests can fail: breaks a copy of the code on purpose, one promise at a time, and sees who notices.

Run by `make breakages [ARGS=WORD …]`: all breakages, or those with a word in their names. Each must be
caught: the tests named for it pass on the code as it is, and fail on the broken one by what they themselves claim (an
assertion, a wait in vain), not because it cannot be loaded. Exit status 1 when one is not caught, 2 when it cannot be
told. When all were run the result is written to docs/breakages.md.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from localstack.throwaway import throwaway_folder
from localstack.ways import VARIABLES, describe, find
from tests.faults.broken import MESSAGING, Breakage
from tests.faults.broken_services import SERVICES
from tests.faults.verdict import ROOMS

BREAKAGES: Final = (*MESSAGING, *SERVICES)
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "breakages.md"
#: Seconds for one run of tests, which takes 3 to 30.
PATIENCE = 180
#: By which a test says that a promise is broken.
CLAIMS = {"AssertionError": "says", "TimeoutError": "waits in vain", "did not raise": "says"}

_NO_END = "did not come to its end"


class CannotTellError(Exception):
    """It cannot be told whether the breakages are caught; says in one line why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a test ended on broken code."""

    test: str
    caught: bool
    #: In words: by what it noticed, or what happened instead.
    how: str
    statement: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a breakage. ``seconds``: for its tests."""

    breakage: Breakage
    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def caught(self) -> bool:
        """Whether every test named for it noticed."""
        return all(verdict.caught for verdict in self.verdicts)


def misfits(root: Path, breakages: Sequence[Breakage]) -> list[str]:
    """Breakages that do not fit the code below ``root`` any more, in words: the old text must stand there once."""
    wrong = []
    for breakage in breakages:
        count = (root / breakage.file).read_text(encoding="utf-8").count(breakage.old)
        if count != 1:
            wrong.append(f"{breakage.name}: its old text stands {count} times in {breakage.file}, not once")
    return wrong


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the checkout as it is now, without what git ignores; gone afterwards."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="kaa-broken-") as folder:
        copy = Path(folder).resolve()
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, copy / name)
        yield copy


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """One broker and one database for all runs: the variables that name them."""
    with ExitStack() as cleanup:
        folder = cleanup.enter_context(throwaway_folder())
        addresses = {}
        for part, variable in VARIABLES.items():
            found = find(part, folder)
            cleanup.callback(found.stop)
            print(describe(part, found.way), flush=True)
            addresses[variable] = found.address
        yield addresses


@contextmanager
def broken(copy: Path, breakage: Breakage) -> Iterator[None]:
    """The copy with one breakage."""
    file = copy / breakage.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace(breakage.old, breakage.new), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(whole, encoding="utf-8")


def environment(copy: Path, addresses: Mapping[str, str]) -> dict[str, str]:
    """Of every process of a run. The project is installed in development mode: the copy must come before it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KAA_")}
    # a file broken and mended within a second would else be taken from its compiled form
    return kept | dict(addresses) | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}


def refuse_other_code(copy: Path, variables: dict[str, str]) -> None:
    """Raises CannotTellError when a process started like those of the tests does not load the copy."""
    asked = f"import {', '.join(ROOMS)}; print(*(room.__file__ for room in ({', '.join(ROOMS)})))"
    for where in (copy, Path("/")):
        said = subprocess.run(
            [sys.executable, "-c", asked],
            cwd=where,
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        )
        strange = [path for path in said.stdout.split() if not Path(path).is_relative_to(copy)]
        if strange:
            raise CannotTellError(f"these would be loaded in place of the copy's: {', '.join(strange)}")


def run(copy: Path, tests: Sequence[str], variables: dict[str, str], seconds: float) -> list[dict[str, Any]]:
    """Runs tests in the copy; gives what `verdict` saw of each. Empty when none came to its end."""
    with tempfile.TemporaryDirectory(prefix="kaa-verdicts-") as folder:
        verdicts = Path(folder) / "verdicts"
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "tests.faults.verdict", "--verdicts", str(verdicts),
             "-p", "no:cacheprovider", "--basetemp", str(Path(folder) / "tests"), *tests],
            cwd=copy, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _stop(process)
        lines = verdicts.read_text(encoding="utf-8").splitlines() if verdicts.exists() else []
    return [json.loads(line) for line in lines]


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends a run that is not over, with all that it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def judged(test: str, lines: Sequence[dict[str, Any]]) -> Verdict:
    """Whether a test, perhaps one of many cases, caught the breakage it was run on."""
    of_test = [line for line in lines if line["test"] == test or line["test"].startswith(f"{test}[")]
    failed = [line for line in of_test if line["failed"]]
    for line in failed:
        if line["when"] == "call" and line["of_the_test"] and line["kind"] in CLAIMS:
            return Verdict(test, True, CLAIMS[line["kind"]], line["statement"])
    if failed:
        return Verdict(test, False, f"{failed[0]['kind']} in {failed[0]['when']}: {failed[0]['statement']}")
    return Verdict(test, False, "passed" if of_test else _NO_END)


def passes_unbroken(copy: Path, tests: Sequence[str], variables: dict[str, str]) -> None:
    """Raises CannotTellError when a test fails, or is missing, on the code as it is."""
    begun = time.monotonic()
    lines = run(copy, tests, variables, PATIENCE + 20 * len(tests))
    wrong = [f"{line['test']} ({line['kind']}: {line['statement']})" for line in lines if line["failed"]]
    wrong += [f"{test} ({verdict.how})" for test in tests if (verdict := judged(test, lines)).how == _NO_END]
    if wrong:
        raise CannotTellError(f"fails on the code as it is: {', '.join(wrong)}")
    print(f"{len(tests)} tests pass on the code as it is ({time.monotonic() - begun:.0f} s)", flush=True)


def tried(copy: Path, breakage: Breakage, variables: dict[str, str]) -> Result:
    """Breaks the copy, runs the tests named for it, mends it."""
    begun = time.monotonic()
    with broken(copy, breakage):
        lines = run(copy, breakage.tests, variables, PATIENCE)
    verdicts = tuple(judged(test, lines) for test in breakage.tests)
    return Result(breakage, verdicts, time.monotonic() - begun)


def said(result: Result) -> str:
    """A result in lines for the terminal."""
    head = f"{'caught' if result.caught else 'NOT CAUGHT':10} {result.seconds:4.0f} s  {result.breakage.name}"
    return "\n".join([head, *(f"{'':11}{v.how}: {v.statement}  ({v.test})" for v in result.verdicts)])


def page(results: Sequence[Result]) -> str:
    """docs/breakages.md."""
    rows = [
        f"| {number} | {result.breakage.name} | {result.breakage.promise} "
        f"| {_cell(f'`{verdict.test}`' for verdict in result.verdicts)} "
        f"| {_cell(map(_shown, result.verdicts))} "
        f"| {result.seconds:.0f} |"
        for number, result in enumerate(results, 1)
    ]
    caught = sum(result.caught for result in results)
    return f"""# Breakages

Tests that cannot fail prove nothing. `make breakages` takes a copy of the code, breaks it on purpose, one place at a
time, and runs the tests that must notice. They pass on the code as it is. On the broken code they must fail by what
they claim themselves: an assertion that does not hold, or a wait in vain. An error at loading does not count.

The breakages are in `tests/faults/broken.py` and `broken_services.py`, each with the text it replaces.
`tests/faults/test_breakages.py` fails when such a text is not in the code any more. This page is written by the run:
{caught} of {len(results)} caught.

| number | what is broken | promise | caught by | how | seconds |
|---|---|---|---|---|---|
{chr(10).join(rows)}
"""


def _shown(verdict: Verdict) -> str:
    return f"{verdict.how} `{verdict.statement}`" if verdict.caught else f"**not caught**: {verdict.how}"


def _cell(parts: Iterable[str]) -> str:
    return "<br>".join(part.replace("|", "\\|") for part in parts)


def main(words: Sequence[str]) -> int:
    """Runs the breakages whose names hold one of the words, or all; gives the exit status."""
    chosen = [b for b in BREAKAGES if not words or any(word.lower() in b.name.lower() for word in words)]
    if not chosen:
        raise CannotTellError(f"no breakage has one of these words in its name: {', '.join(words)}")
    wrong = misfits(ROOT, BREAKAGES)
    if wrong:
        raise CannotTellError("; ".join(wrong))
    results = []
    with copied() as copy, servers() as addresses:
        variables = environment(copy, addresses)
        refuse_other_code(copy, variables)
        passes_unbroken(copy, sorted({test for b in chosen for test in b.tests}), variables)
        for breakage in chosen:
            results.append(tried(copy, breakage, variables))
            print(said(results[-1]), flush=True)
    caught = sum(result.caught for result in results)
    print(f"{caught} of {len(results)} breakages caught")
    if len(chosen) == len(BREAKAGES):
        PAGE.write_text(page(results), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return 0 if caught == len(results) else 1


if __name__ == "__main__":
    # told to stop, it ends as with Ctrl-C: with the servers stopped and the copy removed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except CannotTellError as reason:
        print(f"breakages: {reason}", file=sys.stderr)
        sys.exit(2)
