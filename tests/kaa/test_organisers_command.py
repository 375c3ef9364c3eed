"""`kaa organisers check`: a wrong directory is refused with line and reason, a right one summed up."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kaa.organisers import app

from .installation import new_directory, written

kaa = CliRunner()


def test_a_right_file_is_summed_up(tmp_path: Path) -> None:
    file = written(new_directory(3), tmp_path / "organisers.yaml")
    answer = kaa.invoke(app, ["check", str(file)])
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [
        f"{file}: 3 organisers, 0 of them part of a municipality (0 municipalities), 3 independent",
        "3 school units",
        "14 topics follow from it: kaa topics list",
    ]


def test_the_example_installation_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAA_ORGANISERS", raising=False)
    answer = kaa.invoke(app, ["check"])
    assert answer.exit_code == 0
    assert answer.stdout.startswith("deploy/organisers.yaml: ")


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "organisers.yaml"
    file.write_text('organisers:\n- number: "2120000143"\n  nmae: A\n', encoding="utf-8")
    monkeypatch.setenv("KAA_ORGANISERS", str(file))
    answer = kaa.invoke(app, ["check"])
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert answer.stderr.splitlines() == [
        f"{file}:2: `name` is missing in an organiser",
        f"{file}:2: `number`: wrong check digit in the organisation number",
        f"{file}:3: unknown key `nmae` in an organiser; expected `number`, `name`, `municipality`, `units`",
    ]


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    answer = kaa.invoke(app, ["check", str(tmp_path / "none.yaml")])
    assert answer.exit_code == 2
    assert answer.stderr == f"{tmp_path}/none.yaml:1: cannot be read: No such file or directory\n"
