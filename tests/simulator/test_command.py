"""`kaa simulate`: the file, the ledger beside it, and what it says when it cannot."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from contracts.envelope import decode
from kaa.simulate import simulate
from tests.simulator.conftest import DIRECTORY

app = typer.Typer()
app.command()(simulate)


def _run(out: Path, *more: str) -> tuple[int, str]:
    given = ["--municipality", "0180", "--persons", "60", "--school-year", "2024/25", "--seed", "1"]
    result = CliRunner().invoke(app, [*given, "--out", str(out), "--organisers", str(DIRECTORY), *more])
    return result.exit_code, result.output


def test_it_writes_events_and_ledger_side_by_side(tmp_path: Path) -> None:
    status, said = _run(tmp_path / "year.ndjson")
    assert status == 0
    lines = (tmp_path / "year.ndjson").read_bytes().splitlines()
    ledger = json.loads((tmp_path / "year.ledger.json").read_text(encoding="utf-8"))
    assert len([decode(line) for line in lines]) == ledger["totals"]["events"]
    assert len(ledger["persons"]) == 60
    assert f"{len(lines)}  events" in said


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        assert _run(tmp_path / f"{name}.ndjson")[0] == 0
    for ending in ("ndjson", "ledger.json"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"other.{ending}").read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--persons", "60000"], "kaa: expected 1 to"),
        (["--municipality", "0114"], "kaa: no organiser in the directory is part of municipality 0114"),
        (["--school-year", "2024"], "kaa: expected a school year as 2024/25"),
        (["--organisers", "nowhere.yaml"], "nowhere.yaml:1: cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_status_2(tmp_path: Path, more: list[str], words: str) -> None:
    status, said = _run(tmp_path / "year.ndjson", *more)
    assert status == 2
    assert said.startswith(words)
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    status, said = _run(tmp_path / "nowhere" / "year.ndjson")
    assert status == 2
    assert "cannot be written" in said


def test_a_directory_is_no_file_to_write(tmp_path: Path) -> None:
    status, said = _run(tmp_path)
    assert status == 2
    assert "is a directory" in said
