"""Nothing in a simulated year is refused: not by the contract, not by the boundary between organisers."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from contracts.organisers import Directory
from simulator import simulate
from tests.simulator.conftest import Year, kind, simulated


def test_every_line_keeps_the_contract(year: Year) -> None:
    assert len(year.decoded) == len(year.events) == year.ledger["totals"]["events"]


def test_one_identity_always_has_one_content(year: Year) -> None:
    content: dict[tuple[str, str], bytes] = {}
    for event in year.decoded:
        assert content.setdefault((event.source, event.id), event.digest) == event.digest
    assert len(content) == year.ledger["totals"]["events"] - year.ledger["totals"]["repeats"]


def test_the_ids_of_different_systems_meet(year: Year) -> None:
    identities = {(event.source, event.id) for event in year.decoded}
    assert len({event_id for _, event_id in identities}) < len(identities)


def test_an_organiser_speaks_of_its_own_school_units_only(year: Year, directory: Directory) -> None:
    for event in year.decoded:
        unit = getattr(event.data, "school_unit", None)
        if unit is not None:
            assert directory.accepts(event.source.split(":")[3], unit)


def test_identity_numbers_are_of_the_test_series_and_each_is_one_persons(year: Year) -> None:
    numbers = [
        number
        for person in year.ledger["persons"]
        for number in (person["identity_number"], *person["former_identity_numbers"])
    ]
    assert len(set(numbers)) == len(numbers) >= 5000
    assert {int(number[8:11]) for number in numbers} == set(range(980, 1000))
    assert any(int(number[6:8]) > 60 for number in numbers)


def test_everyone_in_the_events_is_in_the_ledger(year: Year) -> None:
    known = {
        number
        for person in year.ledger["persons"]
        for number in (person["identity_number"], *person["former_identity_numbers"])
    }
    named = set()
    for event in year.events:
        data = event["data"]
        about = data.get("pupil") or data.get("person") or data
        named |= {about[field] for field in ("identity_number", "previous_identity_number") if field in about}
    assert named == known


def test_contact_data_is_of_nobody(year: Year) -> None:
    told = [event["data"]["contact"] for event in year.events if "contact" in event["data"]]
    assert len(told) > 4000
    for contact in told:
        assert contact["address"]["street"].startswith("Provgatan ")
        assert contact.get("email", "@example.org").endswith("@example.org")
        assert all(
            number.startswith("070-174 06 ") and int(number[-2:]) >= 5 for number in contact.get("phones", [])
        )


def test_nothing_is_recorded_after_the_school_year(year: Year) -> None:
    assert max(event.time.date() for event in year.decoded) <= date(2025, 6, 30)


def test_a_correction_is_recorded_after_what_it_corrects(year: Year) -> None:
    recorded = {(event.source, event.id): event.time for event in year.decoded}
    corrections = [event for event in year.decoded if event.names is not None]
    named = [(recorded.get((event.source, event.names or "")), event.time) for event in corrections]
    assert all(before is None or before < after for before, after in named)
    assert sum(before is not None for before, _ in named) > 300


def test_the_initial_statement_comes_first_then_the_history_then_the_year(year: Year) -> None:
    first_school = next(n for n, e in enumerate(year.events) if kind(e).startswith(("enrolment", "leave")))
    assert {kind(event) for event in year.events[:first_school]} <= {
        "resident.registered",
        "resident.retracted",
    }
    assert first_school > 4000
    in_the_year = [event.time for event in year.decoded if event.time.date() > date(2024, 7, 15)]
    late = sum(before - after > timedelta(days=2) for before, after in pairwise(in_the_year))
    assert 0 < late < len(in_the_year) * 0.1


@pytest.mark.parametrize(
    ("municipality", "persons", "school_year", "words"),
    [
        ("9999", 100, "2024/25", "290 municipalities"),
        ("0114", 100, "2024/25", "no organiser in the directory is part of municipality 0114"),
        ("0180", 0, "2024/25", "expected 1 to"),
        ("0180", 50_000, "2024/25", "no more identity numbers"),
        ("0180", 100, "2024/26", "one after the other"),
        ("0180", 100, "24/25", "as 2024/25"),
        ("0180", 100, "1234/35", "1990/91 to 2080/81"),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_expected(
    directory: Directory, municipality: str, persons: int, school_year: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        simulate(municipality, persons, school_year, 1, directory)


def test_a_directory_without_upper_secondary_schools_is_refused(directory: Directory) -> None:
    without = Directory(
        tuple(
            type(o)(o.number, o.name, o.municipality, {c: n for c, n in o.units.items() if "gymn" not in n})
            for o in directory.organisers
        )
    )
    with pytest.raises(ValueError, match="no upper secondary school"):
        simulate("0180", 100, "2024/25", 1, without)


def test_one_person_makes_a_year_too(directory: Directory) -> None:
    assert len(simulated(directory, 1, 1).ledger["persons"]) == 1
