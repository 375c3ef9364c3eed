"""Each promise of docs/invariants.md has tests, each of them exists and says that it is about that promise."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, table, text

#: Numbers that a docstring begins with: "INV-01, INV-05: …".
_BEGINNING = re.compile(r"((?:INV-\d\d(?:, )?)+):")
_NUMBER = re.compile(r"INV-\d\d")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
#: Promises that must hold now; of the others the page says how far they are.
NOW = {f"INV-{number:02}" for number in (*range(1, 10), 12)}
ALL = {f"INV-{number:02}" for number in range(1, 15)}


@cache
def _tests(path: str) -> dict[str, tuple[set[str], bool]]:
    """Test → (the numbers its docstring begins with, whether it always runs) of a file; empty if it is not there."""
    file = ROOT / path
    if not file.is_file():
        return {}
    found = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            begins = _BEGINNING.match(ast.get_docstring(node) or "")
            marks = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
            runs = "skip" not in marks and "xfail" not in marks
            found[node.name] = set(_NUMBER.findall(begins[1])) if begins else set(), runs
    return found


def _promises() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Number → (state, tests named below it) as the page says."""
    page = text("docs/invariants.md")
    sections = re.split(r"^### (INV-\d\d)$", page, flags=re.MULTILINE)
    named = {number: _TEST.findall(body) for number, body in zip(sections[1::2], sections[2::2], strict=True)}
    return {row[0]: (row[2], named.get(row[0], [])) for row in table(page, "number")}


def _said_in_tests() -> set[tuple[str, str, str]]:
    """(number, file, test) for all tests whose docstring begins with a number."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    paths = [str(Path(file).relative_to(ROOT)) for file in files]
    return {
        (number, path, name)
        for path in paths
        for name, (numbers, _) in _tests(path).items()
        for number in numbers
    }


def test_every_promise_is_on_the_page_with_its_state() -> None:
    promises = _promises()
    assert set(promises) == ALL
    assert {number for number, (state, _) in promises.items() if state == "holds"} == NOW
    assert {state for state, _ in promises.values()} <= {"holds", "partly", "later"}


@pytest.mark.parametrize("number", sorted(ALL))
def test_every_test_named_for_a_promise_exists_and_runs(number: str) -> None:
    state, tests = _promises()[number]
    assert tests or state == "later", f"{number} has no test"
    missing = [f"{path}::{name}" for path, name in tests if name not in _tests(path)]
    assert missing == [], f"{number}: the page names tests that are not there"
    assert [name for path, name in tests if not _tests(path)[name][1]] == [], f"{number}: never skipped"


def test_what_tests_say_of_promises_and_what_the_page_says_is_the_same() -> None:
    on_page = {
        (number, *test) for number, (_, tests) in _promises().items() if number in NOW for test in tests
    }
    in_tests = {said for said in _said_in_tests() if said[0] in NOW}
    unknown = [f"{number}: `{path}::{name}`" for number, path, name in sorted(in_tests - on_page)]
    assert unknown == [], "add these to docs/invariants.md"
    silent = [f"{number}: {path}::{name}" for number, path, name in sorted(on_page - in_tests)]
    assert silent == [], "their docstrings must begin with the number"
