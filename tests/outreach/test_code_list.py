"""The dated code list of occupations: what could be named on a day, and what is wrong with a file of it."""

from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from contracts.own import Occupation
from contracts.yaml_file import YamlFileError
from services.outreach import code_list
from services.outreach.pages import words

SINCE = date(2018, 7, 1)
#: A code given up after 2026, and the one that came for it.
CHANGED = """
occupations:
  - {code: work, from: "2018-07-01", until: "2026-12-31"}
  - {code: work_placement, from: "2027-01-01"}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "occupations.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_code_of_the_contract_is_in_the_list_and_counts_since_the_register_has_its_form() -> None:
    listed = code_list.occupations()
    assert sorted(listed.on(SINCE)) == sorted(get_args(Occupation))
    assert listed.on(date(2026, 11, 22)) == listed.on(SINCE)
    assert listed.on(date(2018, 6, 30)) == []


def test_a_code_can_be_named_from_its_first_day_to_its_last(tmp_path: Path) -> None:
    listed = code_list.load(written(tmp_path, CHANGED))
    assert [listed.on(date(2026, 12, 31)), listed.on(date(2027, 1, 1))] == [["work"], ["work_placement"]]


def test_a_form_offers_what_is_listed_and_what_was_chosen_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = code_list.load(written(tmp_path, CHANGED))
    monkeypatch.setattr(words, "occupations", lambda: listed)
    assert words.listed(date(2027, 1, 1)) == {"work_placement": "Work placement"}
    assert list(words.listed(date(2027, 1, 1), "work")) == ["work", "work_placement"]


def test_a_file_that_is_no_list_is_refused_with_every_line(tmp_path: Path) -> None:
    wrong = f"{CHANGED}  - {{code: work, from: '2027-01-01', until: '2026-01-01'}}\n"
    with pytest.raises(YamlFileError) as refused:
        code_list.load(written(tmp_path, wrong))
    assert [(problem.line, problem.detail.split(":")[0]) for problem in refused.value.problems] == [
        (5, "occupations[2].code"),
        (5, "occupations[2].until"),
    ]
    for text in ("occupations: []", "occupations: [{code: sleeping, from: '2027-01-01'}]", "{}"):
        with pytest.raises(YamlFileError):
            code_list.load(written(tmp_path, text))
