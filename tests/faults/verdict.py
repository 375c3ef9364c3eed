"""A pytest plugin for runs on broken code: how each test ended, and by which statement, as JSON lines in a file.

A test that fails because the broken code cannot be loaded has shown nothing. So what counts is seen here: the kind
of the error, and whether the innermost line of this checkout that it comes from is one of the tests' own.
"""

import json
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

#: The folders of production code; all of them must be those of the copy.
ROOMS = ("contracts", "servicekit", "services", "simulator", "localstack", "kaa")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--verdicts FILE``."""
    parser.addoption("--verdicts", type=Path, required=True, help="where to write how each test ended")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to run against any other code than that of the folder it runs in."""
    for room in ROOMS:
        origin = import_module(room).__file__
        if origin is None or not Path(origin).is_relative_to(config.rootpath):
            raise pytest.UsageError(f"{room} would be imported from {origin}, not from {config.rootpath}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Writes a line for the test itself, and for a fixture that failed."""
    report = yield
    if report.when == "call" or report.failed:
        line = {"test": item.nodeid, "when": report.when, "failed": report.failed}
        if call.excinfo is not None:
            line |= _seen(call.excinfo, item)
        with item.config.getoption("--verdicts").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return report


def _seen(error: pytest.ExceptionInfo[BaseException], item: pytest.Item) -> dict[str, Any]:
    leaf = next(_leaves(error.value))
    root = item.config.rootpath
    ours = [entry for entry in pytest.ExceptionInfo.from_exception(leaf).traceback if _is_ours(entry, root)]
    if not ours:
        return {"kind": type(leaf).__name__, "of_the_test": False, "statement": ""}
    innermost = ours[-1]
    # a wait that was in vain says more in the words of the test than in those of the waiting
    shown = innermost if isinstance(leaf, AssertionError) else ours[0]
    return {
        "kind": "did not raise" if "DID NOT RAISE" in str(leaf) else type(leaf).__name__,
        "of_the_test": Path(innermost.path).is_relative_to(root / "tests"),
        "statement": " ".join(str(shown.statement).split()),
    }


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _is_ours(entry: Any, root: Path) -> bool:
    path = Path(entry.path)
    return path.is_relative_to(root) and ".venv" not in path.parts
