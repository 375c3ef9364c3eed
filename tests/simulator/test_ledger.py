"""The ledger, derived from the lives alone, is what the rule engine makes of the events.

The two share no code: the simulator asks of each day of a life who is covered, the engine knows only what was told.
"""

from datetime import date
from random import Random

import pytest

from contracts.organisers import Directory
from services.registry.evaluation import evaluate
from simulator.check import differences
from tests.simulator.conftest import Year, simulated

#: All timelines are over then: nothing is cut.
THE_END = date(2100, 1, 1)
DAYS = (date(2024, 6, 30), date(2024, 8, 31), date(2024, 9, 1), date(2025, 1, 24), date(2025, 6, 30), THE_END)

#: Most of a year's events, without effect on coverage.
IDLE = ("absence", "enrolment.confirmed")


@pytest.fixture(scope="module")
def smaller(directory: Directory) -> Year:
    """1,500 persons."""
    return simulated(directory, 1500, 1)


def _agree(year: Year, lines: list[bytes], as_of: date) -> None:
    answer = evaluate(lines, as_of, True)
    assert answer["rejected"] == []
    assert differences(year.ledger, answer, as_of) == []


def test_the_register_is_what_was_meant(year: Year) -> None:
    assert sum(len(person["episodes"]) for person in year.ledger["persons"]) > 1500
    _agree(year, year.lines, THE_END)


def test_so_it_is_with_other_seeds_in_any_order(other_years: list[Year]) -> None:
    for turn, year in enumerate(other_years):
        lines = year.without(*IDLE)
        Random(turn).shuffle(lines)
        _agree(year, lines, THE_END)


@pytest.mark.parametrize(
    ("persons", "seed", "school_year"),
    [(1, 1, "2024/25"), (30, 2, "2024/25"), (900, 11, "2024/25"), (900, 12, "2019/20"), (900, 13, "2027/28")],
)
def test_so_it_is_for_small_places_and_other_years(
    directory: Directory, persons: int, seed: int, school_year: str
) -> None:
    year = simulated(directory, persons, seed, school_year)
    _agree(year, year.lines, THE_END)


def test_so_it_is_on_every_day_that_one_looks(smaller: Year) -> None:
    lines = smaller.without(*IDLE)
    for turn, day in enumerate(DAYS):
        Random(turn).shuffle(lines)
        _agree(smaller, lines, day)


@pytest.mark.parametrize(
    "kind",
    [
        "credential.awarded",
        "enrolment.changed",
        "enrolment.no_show",
        "enrolment.retracted",
        "enrolment.started",
        "leave.completed",
        "leave.compulsory_ended",
        "leave.left",
        "leave.retracted",
        "resident.deceased",
        "resident.identity_changed",
        "resident.moved",
        "resident.registered",
        "resident.retracted",
    ],
)
def test_without_the_events_of_a_kind_it_is_not(smaller: Year, kind: str) -> None:
    found = evaluate(smaller.without(kind, *IDLE), THE_END, True)
    assert differences(smaller.ledger, found, THE_END)


def test_without_the_summer_hold_it_is_not(smaller: Year) -> None:
    found = evaluate(smaller.without(*IDLE), THE_END, False)
    assert len(differences(smaller.ledger, found, THE_END)) > 1000


def test_a_reader_finds_a_person_s_life_in_the_ledger(year: Year) -> None:
    person = next(
        p
        for p in year.ledger["persons"]
        if any(e["entry_reason"] == "study_certificate" for e in p["episodes"])
    )
    dates = [line[:10] for line in person["life"] if " absent " not in line]
    assert dates == sorted(dates)
    assert any("is awarded: study_certificate" in line for line in person["life"])
    assert person["name"]


def test_the_totals_are_those_of_the_persons(year: Year) -> None:
    totals, persons = year.ledger["totals"], year.ledger["persons"]
    assert totals["persons"] == len(persons) == 5000
    here = [e for p in persons for e in p["episodes"] if e["municipality"] == "0180"]
    entered = [e for e in here if "2024-07-01" <= e["from"] <= "2025-06-30"]
    assert totals["entries_in_autumn"] + totals["entries_in_spring"] == len(entered)
    assert sum(totals["entry_reasons"].values()) == len(entered)
    assert sum(totals["by_type"].values()) == totals["events"] == len(year.events)
