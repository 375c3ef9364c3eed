"""The deliberate breakages fit the code as it is, and the page tells of all of them (`make breakages` tries them)."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, table, text
from tests.faults.breakages import BREAKAGES, broken, judged, misfits
from tests.faults.broken import Breakage

TEST = "tests/test_year.py::test_a_year_has_twelve_months"
BREAKAGE = Breakage("A year is short", "INV-00", "year.py", "MONTHS = 12\n", "MONTHS = 11\n", (TEST,))
FAILED = {
    "test": TEST,
    "when": "call",
    "failed": True,
    "of_the_test": True,
    "statement": "assert months == 12",
}


def test_each_breakage_changes_a_text_that_stands_once_in_the_code() -> None:
    assert misfits(ROOT, BREAKAGES) == []
    assert [b.name for b in BREAKAGES if b.old == b.new] == []
    assert len({b.name for b in BREAKAGES}) == len(BREAKAGES) >= 20


def test_each_test_named_for_a_breakage_exists() -> None:
    for test in {test for breakage in BREAKAGES for test in breakage.tests}:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in text(file), test


def test_the_page_tells_of_every_breakage_that_it_was_caught() -> None:
    rows = table(text("docs/breakages.md"), "number")
    assert [(row[1], row[2]) for row in rows] == [(b.name, b.promise) for b in BREAKAGES]
    assert [row[1] for row in rows if "not caught" in row[4]] == []


@pytest.mark.parametrize("code", ["MONTHS = 13\n", "MONTHS = 12\nMONTHS = 12\n"])
def test_a_breakage_whose_text_is_gone_or_stands_twice_does_not_fit(code: str, tmp_path: Path) -> None:
    (tmp_path / "year.py").write_text(code)
    (said,) = misfits(tmp_path, [BREAKAGE])
    assert said.startswith("A year is short: ")
    assert "year.py" in said


def test_what_was_broken_is_mended_again(tmp_path: Path) -> None:
    (tmp_path / "year.py").write_text("MONTHS = 12\nDAYS = 365\n")
    with broken(tmp_path, BREAKAGE):
        assert (tmp_path / "year.py").read_text() == "MONTHS = 11\nDAYS = 365\n"
    assert (tmp_path / "year.py").read_text() == "MONTHS = 12\nDAYS = 365\n"


@pytest.mark.parametrize("kind", ["AssertionError", "TimeoutError", "did not raise"])
def test_a_test_that_fails_by_what_it_claims_has_caught_the_breakage(kind: str) -> None:
    for test in (TEST, f"{TEST}[leap-year]"):
        verdict = judged(TEST, [FAILED | {"test": test, "kind": kind}])
        assert (verdict.caught, verdict.statement) == (True, "assert months == 12")


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "ImportError"},
        {"kind": "SyntaxError"},
        {"kind": "AssertionError", "when": "setup"},
        {"kind": "AssertionError", "of_the_test": False},
        {"kind": "AssertionError", "test": "tests/test_year.py::test_a_year_has_twelve_months_and_a_day"},
        {"kind": "AssertionError", "failed": False},
    ],
    ids=str,
)
def test_any_other_end_of_the_test_proves_nothing(other: dict[str, object]) -> None:
    assert not judged(TEST, [FAILED | other]).caught


def test_a_test_that_did_not_run_proves_nothing() -> None:
    assert not judged(TEST, []).caught
