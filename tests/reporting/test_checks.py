"""What fails in a row, in the words that a registrar gets; and that a right row has nothing to say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.reporting.checks import findings
from services.reporting.facts import Contact, Person
from services.reporting.report import Row, Rows
from tests.reporting.made_up import BORN, VERA, contact, episode, made, measure
from tests.reporting.tellings import HALF_YEAR, identity_number, specification


def said(made: Rows | Sequence[Row], language: str = "sv") -> list[str]:
    """What fails: row, block and words."""
    rows = made.rows if isinstance(made, Rows) else made
    found = findings(rows, HALF_YEAR, specification())
    return [f"{one.serial} {one.block.number} {getattr(one.said, language)}" for one in found]


def born(day: date) -> Person:
    return Person(identity_number(day), day, "none")


def test_nothing_fails_in_a_right_report() -> None:
    ended = episode(to_day=date(2025, 11, 30), exit_reason="started_upper_secondary")
    done = [measure(6, date(2025, 9, 2), date(2025, 10, 1))]
    assert said(made([ended], [contact(5, date(2025, 9, 1))], done)) == []


def test_an_unknown_person_is_said_once_in_each_row() -> None:
    found = made([episode(person=None)], [contact(5, date(2025, 9, 5))])
    assert said(found) == [
        "1 1 Personen är okänd: det senaste om personen är inte mottaget. Bygg om när allt är mottaget.",
        "2 2 Personen är okänd: det senaste om personen är inte mottaget. Bygg om när allt är mottaget.",
    ]


def test_an_empty_column_fails() -> None:
    silent = Contact(episode(5).episode_id, episode().person_id, date(2025, 9, 5), "reached", None)
    assert said(made([episode()], [silent])) == [
        "2 2 Sysselsättning vid kontakten saknas. Komplettera och bygg om."
    ]
    assert said(made([episode()], [silent]), "en") == [
        "2 2 Occupation at contact is missing. Add it and build again."
    ]


def test_a_measure_that_ended_without_date_and_reason_fails_for_both() -> None:
    ended = replace(measure(5, date(2025, 9, 5), None), end_reason=None)
    assert said(made([episode()], [], [ended])) == [
        "3 4 Åtgärdens slutdatum saknas. Komplettera och bygg om.",
        "3 4 Skäl till att åtgärden avslutades saknas. Komplettera och bygg om.",
    ]


@pytest.mark.parametrize("reason", ["emigrated", "deceased", "returned_to_compulsory_school"])
def test_a_reason_of_deregistration_without_published_counterpart_fails_and_is_not_guessed(
    reason: str,
) -> None:
    found = made([episode(to_day=date(2025, 11, 30), exit_reason=reason)])
    (one,) = said(found)
    assert one.startswith("2 5 Avregistreringsorsak har ingen kod: ")
    assert "Fråga SCB" in one


@pytest.mark.parametrize("reason", ["left_introductory_programme", "left_equivalent_education"])
def test_an_entry_reason_without_published_counterpart_fails(reason: str) -> None:
    (one,) = said(made([episode(entry_reason=reason)]), "en")
    assert one.startswith("1 1 Latest school-related occupation at registration has no code: having left ")


def test_an_identity_number_with_wrong_check_digit_fails_and_is_not_repeated() -> None:
    wrong = VERA.identity_number[:-1] + str((int(VERA.identity_number[-1]) + 1) % 10)
    (one,) = said(made([episode(person=Person(wrong, BORN, "none"))]))
    assert one == "1 1 Personnummer är inget giltigt personnummer eller samordningsnummer."


def test_a_contact_before_the_registration_fails() -> None:
    found = made([episode()], [contact(5, date(2025, 8, 31))])
    assert said(found) == ["2 2 Kontaktdatum ligger före registreringsdatum."]
    assert said(made([episode()], [contact(5, date(2025, 9, 1))])) == []


def test_a_measure_before_the_registration_fails() -> None:
    found = made([episode()], [], [measure(5, date(2025, 8, 31), None, ended=False)])
    assert said(found) == ["2 3 Åtgärdens startdatum ligger före registreringsdatum."]


def test_a_measure_that_ends_before_it_starts_fails() -> None:
    found = made([episode()], [], [measure(5, date(2025, 10, 2), date(2025, 10, 1))])
    assert said(found) == ["3 4 Åtgärdens slutdatum ligger före åtgärdens startdatum."]
    assert said(made([episode()], [], [measure(5, date(2025, 10, 2), date(2025, 10, 2))])) == []


def test_a_date_outside_the_half_year_fails_where_the_block_demands_it_inside() -> None:
    found = made([episode(from_day=date(2025, 3, 1))], [contact(5, date(2025, 6, 30))])
    assert said(found) == ["2 2 Kontaktdatum ligger utanför halvåret, 2025-07-01–2025-12-31."]


def test_a_registration_before_the_half_year_is_right_and_one_after_it_fails() -> None:
    assert said(made([episode(from_day=date(2024, 3, 1))])) == []
    assert said(made([episode(from_day=date(2026, 1, 1))]), "en") == [
        "1 1 Date of registration is after the end of the half-year, 2025-12-31."
    ]


def test_an_end_before_the_registration_fails() -> None:
    found = made([episode(to_day=date(2025, 8, 1), exit_reason="moved")])
    assert said(found) == ["2 5 Datum då ansvaret upphörde ligger före registreringsdatum."]


def test_who_was_registered_at_twenty_fails() -> None:
    found = made([episode(person=born(date(2005, 9, 1)), to_day=date(2025, 9, 1), exit_reason="moved")])
    assert said(found) == [
        "1 1 Registreringsdatum ligger inte före 20-årsdagen.",
        "2 5 Datum då ansvaret upphörde ligger inte före 20-årsdagen.",
    ]


def test_the_day_before_the_birthday_is_the_last_that_is_right() -> None:
    ended: dict[str, Any] = {"to_day": date(2025, 11, 30), "exit_reason": "turned_20"}
    assert said(made([episode(person=born(date(2005, 12, 1)), **ended)])) == []
    assert len(said(made([episode(person=born(date(2005, 11, 30)), **ended)]))) == 1


def test_who_turned_twenty_in_the_half_year_and_is_still_covered_fails() -> None:
    assert said(made([episode(person=born(date(2005, 12, 31)))])) == [
        "1 1 Personen har fyllt 20 vid halvårets slut, men ansvaret har inte upphört."
    ]
    assert said(made([episode(person=born(date(2006, 1, 1)))])) == []


def test_an_end_in_the_half_year_without_its_block_fails() -> None:
    found = made([episode(to_day=date(2025, 11, 30), exit_reason="moved")])
    assert said(found.rows[:1]) == ["1 1 Ansvaret upphörde under halvåret, men block 5 saknas."]


def test_an_end_block_without_an_end_in_the_half_year_fails() -> None:
    found = made([episode(to_day=date(2025, 11, 30), exit_reason="moved")])
    still = [replace(row, episode=replace(row.episode, to_day=None)) for row in found.rows]
    assert said(still) == ["1 1 Block 5 finns, men ansvaret upphörde inte under halvåret."]


def test_two_registrations_of_a_person_on_one_day_fail_both() -> None:
    first = episode(1, to_day=date(2025, 10, 31), exit_reason="moved")
    words = "Registreringen överlappar en annan registrering av samma person."
    assert said(made([first, episode(2, from_day=date(2025, 10, 31))])) == [f"1 1 {words}", f"3 1 {words}"]
    assert said(made([first, episode(2, from_day=date(2025, 11, 1))])) == []
    assert said(made([episode(1), episode(2, 2)])) == []


def test_no_words_hold_anything_of_the_person() -> None:
    ended: dict[str, Any] = {"to_day": date(2025, 9, 1), "exit_reason": "emigrated"}
    found = made([episode(person=born(date(2005, 9, 1)), **ended)], [contact(5, date(2025, 8, 13))])
    words = " ".join(said(found) + said(found, "en"))
    assert "2005" not in words
    assert "2025-08-13" not in words
    assert "2025-09-01" not in words
