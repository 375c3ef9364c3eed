"""A simulated municipality looks like the published figures, within what chance does to 5,000 persons."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from contracts.organisers import Directory
from tests.simulator.conftest import Year, kind

FIRST, LAST = "2024-07-01", "2025-06-30"


@pytest.fixture(scope="module")
def years(year: Year, other_years: list[Year]) -> list[Year]:
    return [year, *other_years]


def _sum(years: list[Year], name: str) -> Counter[str]:
    """A table of the ledgers' totals, all years together."""
    return sum((Counter(year.ledger["totals"][name]) for year in years), Counter())


def _share(part: Counter[str], *names: str) -> float:
    return sum(part[name] for name in names) / part.total()


def _residents_of_16_to_19(year: Year) -> list[dict[str, Any]]:
    registered = {
        e["data"]["person"]["identity_number"] for e in year.events if kind(e) == "resident.registered"
    }
    return [
        person
        for person in year.ledger["persons"]
        if "2005" <= person["birth_date"] < "2009" and person["identity_number"] in registered
    ]


def test_ten_to_thirteen_percent_of_those_of_16_to_19_are_covered_at_some_time(years: list[Year]) -> None:
    shares = []
    for year in years:
        residents = _residents_of_16_to_19(year)
        covered = sum(
            any(
                e["municipality"] == "0180" and e["from"] <= LAST and e["to"] >= FIRST
                for e in person["episodes"]
            )
            for person in residents
        )
        shares.append(covered / len(residents))
    assert 0.105 < sum(shares) / len(shares) < 0.135
    assert all(0.095 < share < 0.145 for share in shares)


def test_twice_as_many_enter_in_autumn_as_in_spring(years: list[Year]) -> None:
    autumn = sum(year.ledger["totals"]["entries_in_autumn"] for year in years)
    spring = sum(year.ledger["totals"]["entries_in_spring"] for year in years)
    assert 1.7 < autumn / spring < 2.8


def test_of_those_who_leave_the_register_47_percent_turn_20_39_begin_to_study_and_4_complete(
    years: list[Year],
) -> None:
    exits = _sum(years, "exit_reasons")
    started = [reason for reason in exits if reason.startswith("started_")]
    assert 0.41 < _share(exits, "turned_20") < 0.53
    assert 0.33 < _share(exits, *started) < 0.47
    assert 0.02 < _share(exits, "completed_education") < 0.08
    assert 0.03 < _share(exits, "moved", "emigrated", "deceased") < 0.15


def test_every_reason_to_enter_and_to_leave_the_register_occurs(years: list[Year]) -> None:
    assert set(_sum(years, "entry_reasons")) == {
        "compulsory_school_only",
        "left_equivalent_education",
        "left_introductory_programme",
        "left_upper_secondary",
        "newly_arrived",
        "no_known_school",
        "study_certificate",
    }
    assert set(_sum(years, "exit_reasons")) == {
        "completed_education",
        "deceased",
        "emigrated",
        "moved",
        "returned_to_compulsory_school",
        "started_equivalent_education",
        "started_introductory_programme",
        "started_upper_secondary",
        "turned_20",
    }


def test_leaving_upper_secondary_school_is_the_commonest_way_in(years: list[Year]) -> None:
    entries = _sum(years, "entry_reasons")
    assert entries.most_common(1)[0][0] == "left_upper_secondary"
    assert 0.1 < _share(entries, "study_certificate") < 0.3
    assert 0.04 < _share(entries, "newly_arrived") < 0.15


def _upper_secondary_pupils_in_october(year: Year, directory: Directory) -> dict[str, str]:
    """Identity number → organiser, of who is confirmed in a unit with upper secondary school early in October."""
    upper = {
        code
        for o in directory.organisers
        for code, name in o.units.items()
        if "gymnasi" in name.lower() and "anpass" not in name.lower()
    }
    return {
        event["data"]["pupil"]["identity_number"]: event["source"].split(":")[3]
        for event in year.events
        if kind(event) == "enrolment.confirmed"
        and event["data"]["confirmed_on"][:7] in ("2024-09", "2024-10")
        and event["data"]["school_unit"] in upper
    }


def test_29_percent_of_the_pupils_go_to_independent_schools(years: list[Year], directory: Directory) -> None:
    pupils = Counter(
        "independent" if directory.municipality_of(organiser) is None else "municipal"
        for year in years
        for organiser in _upper_secondary_pupils_in_october(year, directory).values()
    )
    assert pupils.total() > 7000
    assert 0.26 < _share(pupils, "independent") < 0.33


def test_one_in_ten_pupils_has_four_hours_of_unexcused_absence_in_a_month(
    years: list[Year], directory: Directory
) -> None:
    """10.8 % lose their student aid."""
    shares = []
    for year in years:
        pupils = _upper_secondary_pupils_in_october(year, directory)
        taken_back = {(e["source"], e.get("replaces") or e["data"].get("retracts")) for e in year.events}
        absent = {
            event["data"]["pupil"]["identity_number"]
            for event in year.events
            if kind(event) == "absence.reported"
            and (event["source"], event["id"]) not in taken_back
            and event["data"]["unexcused_minutes"] >= 240
        }
        shares.append(len(absent & pupils.keys()) / len(pupils))
    assert 0.09 < sum(shares) / len(shares) < 0.125


def test_a_few_persons_are_protected_at_each_level(year: Year) -> None:
    levels = Counter(person["protection"] for person in year.ledger["persons"])
    assert set(levels) == {"none", "confidential", "protected_registration", "assumed_identity"}
    assert 10 < levels.total() - levels["none"] < 100


def test_the_ages_are_those_that_turn_15_to_20_in_the_autumn(year: Year) -> None:
    born = Counter(date.fromisoformat(person["birth_date"]).year for person in year.ledger["persons"])
    assert sorted(born) == list(range(2004, 2010))
    assert min(born.values()) > 700


def test_a_year_of_5000_persons_has_60000_to_90000_events(years: list[Year]) -> None:
    assert all(60_000 < year.ledger["totals"]["events"] < 90_000 for year in years)
