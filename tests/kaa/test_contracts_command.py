"""`kaa contracts validate`, as a school's vendor meets it."""

import json
import os
import pty
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.organisers import Directory
from kaa.contracts import app
from tests.contracts.examples import REFUSED, VALID

from .installation import enrolment, file_of, leave, new_directory, organisation_number, written

kaa = CliRunner()
LEFT = VALID["se.kaa.school.leave.left.v1"]


@pytest.fixture
def directory() -> Directory:
    return new_directory()


def test_a_file_that_keeps_the_contract_is_good(tmp_path: Path) -> None:
    file = file_of(list(VALID.values()), tmp_path / "events.ndjson")
    answer = kaa.invoke(app, ["validate", str(file)])
    assert answer.exit_code == 0
    assert answer.stdout == f"{len(VALID)} events accepted; none refused\n"
    assert answer.stderr == "", "no bar where there is no terminal"


def test_every_refused_line_is_named_with_field_and_what_is_expected(tmp_path: Path) -> None:
    wrong = deepcopy(LEFT)
    wrong["data"]["school_unit"] = "123"
    del wrong["data"]["last_day"]
    conflicting = {**LEFT, "time": "2025-01-13T08:31:00+01:00"}
    file = tmp_path / "events.ndjson"
    file.write_text(
        "\n".join(
            [json.dumps(LEFT), "", json.dumps(wrong), "not json", json.dumps(conflicting), json.dumps(LEFT)]
        )
    )
    answer = kaa.invoke(app, ["validate", str(file)])
    assert answer.exit_code == 1
    assert answer.stdout.splitlines() == [
        "line 3: data.school_unit: expected a school unit code: 8 digits",
        "line 3: data.last_day: is missing",
        "line 4: record: not JSON: expected ident at line 1 column 2",
        "line 5: id: line 1 has the same source and id with other content",
        "2 events accepted, 1 of them repeated; 3 lines refused (1 contract, 1 malformed, 1 identity_conflict)",
    ]


def test_it_reads_standard_input() -> None:
    answer = kaa.invoke(app, ["validate", "-"], input=json.dumps(LEFT) + "\n")
    assert (answer.exit_code, answer.stdout) == (0, "1 events accepted; none refused\n")


def test_programs_get_one_object_a_line(tmp_path: Path) -> None:
    events = [LEFT, REFUSED["reason-unknown"].event, REFUSED["id-as-number"].event]
    answer = kaa.invoke(app, ["validate", "--json", str(file_of(events, tmp_path / "events.ndjson"))])
    assert answer.exit_code == 1
    first, second, summary = map(json.loads, answer.stdout.splitlines())
    assert first["line"] == 2
    assert first["id"] == LEFT["id"]
    assert first["reason"] == "contract"
    assert [problem["field"] for problem in first["problems"]] == ["data.reason"]
    assert (second["line"], second["id"]) == (3, None)
    assert summary == {"summary": {"accepted": 1, "repeats": 0, "refused": 2, "reasons": {"contract": 2}}}


def test_with_the_directory_it_says_who_may_not_speak_of_what(tmp_path: Path, directory: Directory) -> None:
    one, other = directory.organisers
    foreign = leave(one, 2, school_unit=next(iter(other.units)))
    unknown = {**leave(one, 3), "source": f"urn:se:orgnr:{organisation_number()}"}
    elsewhere = VALID["se.kaa.municipality.resident.deceased.v1"]
    file = file_of(
        [leave(one, 1), foreign, unknown, enrolment(other, 4), elsewhere], tmp_path / "events.ndjson"
    )
    organisers = written(directory, tmp_path / "organisers.yaml")

    assert kaa.invoke(app, ["validate", str(file)]).exit_code == 0, "the contract alone knows no directory"
    answer = kaa.invoke(app, ["validate", "--organisers", str(organisers), str(file)])
    assert answer.exit_code == 1
    assert [line.split(": ")[:2] for line in answer.stdout.splitlines()[:-1]] == [
        ["line 2", "data.school_unit"],
        ["line 3", "source"],
        ["line 5", "source"],
    ]


@pytest.mark.parametrize("name", ["none.ndjson", "."])
def test_a_file_that_cannot_be_read_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    answer = kaa.invoke(app, ["validate", str(tmp_path / name)])
    assert answer.exit_code == 2
    assert "cannot be read" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_wrong_directory_is_said_with_its_lines(tmp_path: Path) -> None:
    organisers = tmp_path / "organisers.yaml"
    organisers.write_text("organisers: []\n")
    answer = kaa.invoke(app, ["validate", "--organisers", str(organisers), "-"])
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"{organisers}:1: `organisers`: the list is empty")


def test_no_value_of_the_data_is_repeated(tmp_path: Path) -> None:
    planted = deepcopy(LEFT)
    planted["data"] |= {
        "last_day": "Planteradsson",
        "reason": "Planteradsson",
        "school_unit": "Planteradsson",
    }
    planted["data"]["pupil"] = {"identity_number": "200803159814", "given_name": "Planteradsson\n"}
    file = file_of([planted], tmp_path / "events.ndjson")
    for form in ([], ["--json"]):
        answer = kaa.invoke(app, ["validate", *form, str(file)])
        assert answer.exit_code == 1
        assert "Planteradsson" not in answer.output
        assert "200803159814" not in answer.output


def test_a_line_longer_than_a_topic_takes_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    long = deepcopy(LEFT)
    long["data"]["note"] = "x" * 3_500_000
    answer = kaa.invoke(app, ["validate", str(file_of([long, LEFT], tmp_path / "events.ndjson"))])
    assert answer.stdout.splitlines() == [
        "line 1: record: longer than 1,000,000 bytes, the most that a topic takes",
        "1 events accepted; 1 lines refused (1 malformed)",
    ]


def test_a_long_file_shows_a_bar_on_a_terminal(tmp_path: Path, directory: Directory) -> None:
    file = file_of(
        [leave(directory.organisers[0], number) for number in range(3000)], tmp_path / "events.ndjson"
    )
    terminal, end = pty.openpty()
    command = [sys.executable, "-c", "from kaa.contracts import app; app()", "validate", str(file)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=end, env=os.environ | {"TERM": "xterm"}
    ) as running:
        os.close(end)
        out, _ = running.communicate(timeout=60)
    shown = os.read(terminal, 100_000)
    os.close(terminal)
    assert out == b"3,000 events accepted; none refused\n"
    assert b"Checking" in shown
