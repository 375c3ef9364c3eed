"""The comparison of a register with the ledger sees every kind of difference."""

from datetime import date
from typing import Any

from simulator.check import Difference, differences

NUMBER, OTHER = "200803159813", "200803159821"
EPISODE = {
    "municipality": "0180",
    "from": "2024-09-01",
    "to": "2025-01-11",
    "entry_reason": "compulsory_school_only",
    "exit_reason": "started_introductory_programme",
}
OPEN = {**EPISODE, "to": None, "exit_reason": None}
LATE = date(2030, 1, 1)


def _listed(**episodes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"persons": [{"identity_number": number[1:], "episodes": e} for number, e in episodes.items()]}


def test_the_same_is_no_difference() -> None:
    same = _listed(**{f"n{NUMBER}": [EPISODE], f"n{OTHER}": []})
    assert differences(same, same, LATE) == []


def test_the_ledger_is_cut_at_the_day_one_looks_from() -> None:
    ledger = _listed(**{f"n{NUMBER}": [EPISODE]})
    none, still, over = _listed(**{f"n{NUMBER}": []}), _listed(**{f"n{NUMBER}": [OPEN]}), ledger
    assert differences(ledger, none, date(2024, 8, 31)) == []
    assert differences(ledger, still, date(2024, 9, 1)) == []
    assert differences(ledger, still, date(2025, 1, 11)) == []
    assert differences(ledger, over, date(2025, 1, 12)) == []
    assert differences(ledger, over, date(2025, 1, 11)) == [Difference(NUMBER, [OPEN], [EPISODE])]


def test_another_reason_is_a_difference() -> None:
    found = {**EPISODE, "entry_reason": "newly_arrived"}
    assert differences(_listed(**{f"n{NUMBER}": [EPISODE]}), _listed(**{f"n{NUMBER}": [found]}), LATE) == [
        Difference(NUMBER, [EPISODE], [found])
    ]


def test_a_person_that_only_one_of_them_lists_is_a_difference() -> None:
    nobody, somebody = _listed(), _listed(**{f"n{NUMBER}": []})
    assert differences(somebody, nobody, LATE) == [Difference(NUMBER, [], None)]
    assert differences(nobody, somebody, LATE) == [Difference(NUMBER, None, [])]
