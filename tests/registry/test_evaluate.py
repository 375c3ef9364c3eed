"""`kaa registry evaluate`: a file of events in, the register and the rejected lines out."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from kaa.registry_evaluate import evaluate as command
from servicekit.calendar import today
from services.registry.evaluation import evaluate
from tests.registry.histories import Raw, line

NUMBER = "200803159813"
AS_OF = date(2026, 10, 1)

app = typer.Typer()
app.command()(command)


def event(id_: str, name: str, data: Raw, **attributes: str) -> Raw:
    sources = {"school": "urn:se:orgnr:2120000142", "municipality": "urn:se:kommun:0180"}
    said = {
        "id": id_,
        "source": sources.get(name.split(".")[0], "urn:kaa:registry"),
        "time": "2025-02-01T12:00:00Z",
    }
    return {**said, "type": f"se.kaa.{name}.v1", "data": data, **attributes}


REGISTERED = event(
    "r",
    "municipality.resident.registered",
    {
        "person": {"identity_number": NUMBER},
        "municipality": "0180",
        "since": "2008-03-15",
        "protection": "none",
    },
)
ENDED = event(
    "c",
    "school.leave.compulsory_ended",
    {"pupil": {"identity_number": NUMBER}, "school_unit": "10000001", "ended_on": "2024-06-12"},
)
COVERED = {
    "identity_number": NUMBER,
    "episodes": [
        {
            "municipality": "0180",
            "from": "2024-09-01",
            "to": None,
            "entry_reason": "compulsory_school_only",
            "exit_reason": None,
        }
    ],
}


def answer(*lines: bytes | Raw, as_of: date = AS_OF) -> dict[str, Any]:
    return evaluate([each if isinstance(each, bytes) else line(each) for each in lines], as_of, True)


def reasons(*lines: bytes | Raw) -> list[tuple[int, str | None, str]]:
    return [(r["line"], r["id"], r["reason"]) for r in answer(*lines)["rejected"]]


def left(id_: str, day: str = "2025-01-24", **attributes: str) -> Raw:
    data = {"pupil": {"identity_number": NUMBER}, "school_unit": "10000002", "last_day": day}
    return event(id_, "school.leave.left", data, **attributes)


class TestRejectedLines:
    def test_they_are_told_in_order_of_line_with_blank_lines_counted(self) -> None:
        wrong = left("2")
        wrong["data"] = {**wrong["data"], "school_unit": "1"}
        lines = (
            *(REGISTERED, b"\n", b"not json\n", left("1"), b"  \t\r\n", left("1", "2025-02-28")),
            *(wrong, event("3", "school.leave.paused", {}), b'["no event"]\n', ENDED),
        )
        assert reasons(*lines) == [
            (3, None, "malformed"),
            (6, "1", "identity_conflict"),
            (7, "2", "contract"),
            (8, "3", "unknown_type"),
            (9, None, "malformed"),
        ]
        assert [p["identity_number"] for p in answer(*lines)["persons"]] == [NUMBER]

    def test_one_says_where_the_other_is_that_it_is_in_conflict_with(self) -> None:
        rejected = answer(REGISTERED, b"\n", left("1"), left("1", "2025-02-28"))["rejected"]
        assert [r["detail"] for r in rejected] == [
            "id: line 3 has the same source and id, other content; it stands"
        ]

    def test_no_detail_holds_a_value_of_the_data(self) -> None:
        planted = "planted-7f3a"
        wrong = [left(str(n)) for n in range(3)]
        wrong[0]["data"] = {**wrong[0]["data"], "school_unit": planted}
        wrong[1]["data"] = {**wrong[1]["data"], "last_day": planted}
        wrong[2]["data"] = {**wrong[2]["data"], "pupil": {"identity_number": planted}}
        told = answer(*wrong, left("9"), left("9", "2025-02-28"))
        assert [r["reason"] for r in told["rejected"]] == ["contract"] * 3 + ["identity_conflict"]
        assert planted not in json.dumps(told)
        assert NUMBER not in json.dumps(told["rejected"])

    def test_bytes_that_are_no_text_are_a_malformed_line_and_no_more(self) -> None:
        assert reasons(b"\xff\xfe\x00", REGISTERED) == [(1, None, "malformed")]

    def test_what_the_services_tell_each_other_is_no_event_of_the_register(self) -> None:
        own = event(
            "w",
            "registry.coverage.withdrawn",
            {
                "person_id": "6f1c0f0e-0000-4000-8000-000000000001",
                "episode_id": "6f1c0f0e-0000-4000-8000-000000000002",
                "revision": 1,
            },
            subject="6f1c0f0e-0000-4000-8000-000000000001",
        )
        assert reasons(own) == [(1, "w", "unknown_type")]


class TestAbsence:
    ABSENT = event("1", "school.absence.resumed", {**left("1")["data"], "resumed_on": "2025-01-24"})

    def test_it_names_nobody(self) -> None:
        assert answer(self.ABSENT) == {"as_of": "2026-10-01", "persons": [], "rejected": []}

    def test_it_is_in_conflict_with_nothing_and_takes_nothing_back(self) -> None:
        takes_back = event("2", "school.absence.retracted", {"retracts": "c"}, replaces="1")
        for order in ((self.ABSENT, left("1"), takes_back), (takes_back, left("1"), self.ABSENT)):
            told = answer(REGISTERED, *order, ENDED)
            assert told["rejected"] == []
            assert told["persons"][0]["episodes"][-1]["from"] == "2024-09-01"

    def test_it_is_still_held_against_the_contract(self) -> None:
        wrong = event("1", "school.absence.resumed", {"resumed_on": "2025-01-24"})
        assert reasons(wrong) == [(1, "1", "contract")]


class TestPersons:
    def test_whoever_is_named_only_by_what_was_taken_back_is_not_listed(self) -> None:
        taken_back = event("x", "school.leave.retracted", {"retracts": "1"})
        assert answer(left("1"), taken_back)["persons"] == []

    def test_whoever_is_named_by_anything_else_is_with_no_episodes_if_need_be(self) -> None:
        assert answer(left("1"))["persons"] == [{"identity_number": NUMBER, "episodes": []}]

    def test_an_episode_that_begins_on_the_day_is_seen_and_one_that_begins_later_is_not(self) -> None:
        begins = date(2024, 9, 1)
        assert answer(REGISTERED, ENDED, as_of=begins)["persons"] == [COVERED]
        on_the_eve = answer(REGISTERED, ENDED, as_of=date(2024, 8, 31))
        assert on_the_eve["persons"] == [{"identity_number": NUMBER, "episodes": []}]

    def test_on_its_last_day_an_episode_is_not_over_and_on_the_next_it_is(self) -> None:
        for as_of, end in ((date(2028, 3, 14), None), (date(2028, 3, 15), "2028-03-14")):
            episode = answer(REGISTERED, ENDED, as_of=as_of)["persons"][0]["episodes"][0]
            assert episode["to"] == end
            assert episode["exit_reason"] == (None if end is None else "turned_20")

    def test_an_optional_field_given_as_null_is_absent(self) -> None:
        spelled_out = json.loads(json.dumps(ENDED))
        spelled_out["data"] |= {"home_municipality": None}
        assert answer(REGISTERED, ENDED, spelled_out) == answer(REGISTERED, ENDED)


class TestCommand:
    def test_it_prints_one_object_and_ends_well_also_with_rejected_lines(self) -> None:
        given = line(REGISTERED) + b"\n\nwrong\n" + line(ENDED)
        result = CliRunner().invoke(app, ["--as-of", "2026-10-01"], input=given)
        assert result.exit_code == 0
        told = json.loads(result.stdout)
        assert told["persons"] == [COVERED]
        assert [(r["line"], r["reason"]) for r in told["rejected"]] == [(3, "malformed")]

    def test_without_a_day_it_is_today_in_sweden(self) -> None:
        before = today()
        told = json.loads(CliRunner().invoke(app, [], input=b"").stdout)
        assert before.isoformat() <= told["as_of"] <= today().isoformat()
        assert told["persons"] == told["rejected"] == []

    def test_the_summer_hold_can_be_switched_off(self) -> None:
        given = line(REGISTERED) + b"\n" + line(ENDED)
        result = CliRunner().invoke(app, ["--no-summer-hold"], input=given)
        assert json.loads(result.stdout)["persons"][0]["episodes"][0]["from"] == "2024-06-13"

    @pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "1 October"])
    def test_a_day_that_is_none_is_told_in_one_line_with_exit_status_2(self, day: str) -> None:
        result = CliRunner().invoke(app, ["--as-of", day], input=b"")
        assert result.exit_code == 2
        assert result.stderr.startswith("--as-of: ")
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""

    @pytest.mark.parametrize("stdin", ["write-only", "closed"])
    def test_input_that_cannot_be_read_is_told_in_one_line_with_exit_status_2(
        self, stdin: str, tmp_path: Path
    ) -> None:
        run = "import typer; from kaa.registry_evaluate import evaluate; typer.run(evaluate)"
        redirected = {"write-only": f"0>{tmp_path / 'out'}", "closed": "0<&-"}[stdin]
        root = Path(__file__).parents[2]
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirected}', sys.executable, run],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1
        assert "standard input" in done.stderr
