"""`kaa outreach ladder`: a wrong ladder is refused with line and reason; a right one is tried on a made-up person."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kaa.outreach_ladder import app
from services.outreach.ladder_file import default_path

kaa = CliRunner()
FROM = ["--from", "2026-09-01"]


def tried(*words: str) -> list[list[str]]:
    """The rows of what happens, a list of words each; the first is the day counted from the first."""
    answer = kaa.invoke(app, ["try", *words])
    assert answer.exit_code == 0, answer.stderr
    rows: list[list[str]] = []
    for line in answer.stdout.splitlines():
        cells = line.split()
        if any(word in cells for word in ("opens", "done", "falls")):
            rows.append(cells)
    return rows


def refused(*words: str) -> list[str]:
    answer = kaa.invoke(app, list(words))
    assert answer.exit_code == 2
    assert answer.stdout == ""
    return answer.stderr.splitlines()


def test_a_right_ladder_is_summed_up() -> None:
    answer = kaa.invoke(app, ["check", str(default_path())])
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == f"{default_path()}: the default ladder"
    assert lines[1] == "8 steps: clear_up, inform, contact, write, visit, talk, offer_measure, recheck"
    assert "left upper secondary: begins with inform" in lines
    assert "no known school: begins with clear_up" in lines
    assert lines[-1].startswith(
        "an occupation is current for 90 days; the ladder rests for: national programme, "
    )


def test_every_fault_of_a_wrong_ladder_is_said_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "ladder.yaml"
    text = default_path().read_text(encoding="utf-8")
    file.write_text(
        text.replace("tries: 2", "tries: two").replace("name: the", "nmae: the"), encoding="utf-8"
    )
    said = refused("check", str(file))
    assert said == refused("try", str(file))
    numbers = [int(line.removeprefix(f"{file}:").partition(":")[0]) for line in said]
    assert len(said) == 4
    assert numbers == sorted(numbers)
    assert f"{file}:1: `name` is missing; expected it here" in said


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    assert refused("check", str(tmp_path / "none.yaml")) == [
        f"kaa: {tmp_path}/none.yaml: No such file or directory"
    ]


def test_a_year_without_an_answer_goes_up_the_ladder_and_begins_anew() -> None:
    rows = tried(*FROM)
    opened = [(row[0], row[3]) for row in rows if "opens" in row]
    assert opened[:7] == [
        ("0", "inform"),
        ("17", "contact"),
        ("27", "contact"),
        ("41", "contact"),
        ("55", "write"),
        ("83", "visit"),
        ("111", "visit"),
    ]
    assert ("185", "contact") in opened


def test_answers_are_taken_in_turn_and_an_occupation_learnt_rests_the_ladder() -> None:
    rows = tried(*FROM, "--answers", "informed,not_reached,reached:work")
    assert rows[5] == ["41", "2026-10-12", "contact", "contact", "done", "phone", "reached,", "work"]
    assert rows[6][:5] == ["131", "2027-01-10", "recheck", "occupation", "recheck"]


@pytest.mark.parametrize(
    ("words", "row"),
    [
        (["--person", "no-phone"], ["inform", "inform", "opens", "letter", "2026-09-11"]),
        (["--ways", "email"], ["inform", "inform", "opens", "email", "2026-09-11"]),
        (["--ways", "none"], ["inform", "inform", "opens", "social", "media", "2026-09-11"]),
        (["--person", "nothing-known"], ["inform", "inform", "opens", "social", "media", "2026-09-11"]),
        (["--person", "protected"], ["inform", "protected", "opens", "2026-09-11"]),
        (["--protected"], ["inform", "protected", "opens", "2026-09-11"]),
        (
            ["--person", "protected", "--not-protected", "--ways", "phone"],
            ["inform", "inform", "opens", "phone", "2026-09-11"],
        ),
        (["--person", "no-known-school"], ["clear", "up", "clear_up", "opens", "2026-09-11"]),
        (["--entry-reason", "no_known_school"], ["clear", "up", "clear_up", "opens", "2026-09-11"]),
    ],
)
def test_another_person_has_another_first_task(words: list[str], row: list[str]) -> None:
    assert tried(*FROM, *words)[0] == ["0", "2026-09-01", *row]


def test_who_is_soon_20_is_handed_over_and_the_table_ends_with_the_birthday() -> None:
    answer = kaa.invoke(app, ["try", *FROM, "--age", "19y6m"])
    assert answer.stdout.splitlines()[-1] == "2027-03-01: turns 20, the responsibility ends."
    assert ["91", "2026-12-01", "hand", "over", "hand_over", "opens", "meeting", "2026-12-31"] in tried(
        *FROM, "--person", "soon-20"
    )


def test_a_measure_rests_the_ladder_and_is_followed_up() -> None:
    rows = tried(*FROM, "--person", "in-measure")
    assert ["30", "2026-10-01", "contact", "contact", "falls", "away", "phone"] in rows
    assert ["83", "2026-11-23", "follow", "up", "follow_up", "opens", "meeting", "2026-11-30"] in rows


def test_a_ladder_of_ones_own_is_tried(tmp_path: Path) -> None:
    text = default_path().read_text(encoding="utf-8")
    assert text.count("{then: contact, in_days: 7}") == 2
    file = tmp_path / "ladder.yaml"
    file.write_text(
        text.replace("{then: contact, in_days: 7}", "{then: contact, in_days: 1}"), encoding="utf-8"
    )
    assert tried(str(file), *FROM)[2][0] == "11"


def test_the_table_is_as_long_as_asked_for() -> None:
    assert tried(*FROM, "--days", "10")[-1][:2] == ["10", "2026-09-11"]
    assert (
        kaa.invoke(app, ["try", *FROM, "--days", "10"]).stdout.splitlines()[-1] == "Looked until 2026-09-11."
    )


def test_without_a_date_it_begins_today() -> None:
    answer = kaa.invoke(app, ["try", "--days", "1"])
    assert answer.exit_code == 0
    assert f"since {date.today().year}-" in answer.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--person", "nobody"],
            "kaa: --person: there is no nobody; expected one of: left-school, no-phone, ",
        ),
        (["--age", "20"], "kaa: --age: expected 15 to 19 years, such as 17, or with months, such as 19y6m"),
        (
            ["--ways", "phone,visit"],
            "kaa: --ways: expected some of email, letter, phone, sms, with commas, or none",
        ),
        (["--answers", "met"], "kaa: --answers: there is no met; expected one of: reached, not_reached, "),
        (["--answers", "reached,"], "kaa: --answers: there is no empty answer; expected one of: reached, "),
        (
            ["--answers", "reached:job"],
            "kaa: --answers: there is no job; expected one of: national_programme, ",
        ),
    ],
)
def test_a_wrong_option_is_said_in_one_line(words: list[str], said: str) -> None:
    (line,) = refused("try", *words)
    assert line.startswith(said)


def test_the_page_for_municipalities_shows_what_the_command_prints() -> None:
    page = (Path(__file__).parents[2] / "docs" / "ladder.md").read_text(encoding="utf-8")
    command, *shown = page.partition("$ .venv/bin/kaa outreach ladder ")[2].partition("\n…\n")[0].splitlines()
    printed = [line.rstrip() for line in kaa.invoke(app, command.split()).stdout.splitlines()]
    assert len(shown) > 10
    assert shown == printed[: len(shown)]


def test_the_help_lists_the_made_up_persons() -> None:
    listed = kaa.invoke(app, ["try", "--help"], env={"COLUMNS": "200"}).stdout
    for name in (
        "left-school",
        "no-phone",
        "nothing-known",
        "no-known-school",
        "soon-20",
        "protected",
        "in-measure",
    ):
        assert name in listed
