"""From facts to rows and to the bytes of a file, without a database."""

from datetime import date
from itertools import permutations

import pytest

from services.reporting.facts import Facts, Person
from services.reporting.report import Rows, rows, text
from services.reporting.specification import Specification
from tests.reporting.made_up import BORN, VERA, contact, episode, made, measure
from tests.reporting.tellings import HALF_YEAR, identity_number, specification


def blocks(made: Rows) -> list[str]:
    return [row.block for row in made.rows]


def test_the_file_has_a_line_for_each_row_in_the_order_of_blocks() -> None:
    built = made(
        [episode(to_day=date(2025, 11, 30), exit_reason="turned_20")],
        [contact(8, date(2025, 9, 20)), contact(7, date(2025, 9, 10), "informed", occupation="none")],
        [measure(3, date(2025, 9, 15), date(2025, 10, 15))],
    )
    number = VERA.identity_number
    assert text(built.rows, specification(), "UTKAST") == (
        "UTKAST\r\n"
        f"1;1;0180;{number};20250901;X2\r\n"
        f"2;2;0180;{number};20250910;X9\r\n"
        f"2;3;0180;{number};20250920;X5\r\n"
        f"3;4;0180;{number};20250915;X1\r\n"
        f"4;5;0180;{number};20251015;X1;X5\r\n"
        f"5;6;0180;{number};20251130;X4\r\n"
    )


def test_columns_separator_dates_and_line_ends_follow_the_specification() -> None:
    released = specification()
    block = released.blocks[0].model_copy(
        update={"number": 11, "columns": ("registered_on", "identity_number", "block")}
    )
    file = released.file.model_copy(update={"separator": "\t", "line_end": "LF", "date": "YYYY-MM-DD"})
    other: Specification = released.model_copy(update={"blocks": (block,), "file": file})
    built = rows(Facts("0180", [episode()], [contact(7, date(2025, 9, 10))], []), HALF_YEAR, other)
    assert text(built.rows, other) == f"2025-09-01\t{VERA.identity_number}\t11\n"


def test_facts_in_any_order_give_the_same_bytes() -> None:
    episodes = [
        episode(1, 1), episode(2, 2, person=Person(identity_number(date(2007, 5, 5)), date(2007, 5, 5), "none")),
        episode(3, 3, person=None), episode(4, 4, person=None),
    ]  # fmt: skip
    contacts = [
        contact(5, date(2025, 9, 9)),
        contact(6, date(2025, 9, 9)),
        contact(7, date(2025, 9, 8), who=2),
    ]
    files = {
        text(made(order, contacts[:: 1 if turn % 2 else -1]).rows, specification())
        for turn, order in enumerate(permutations(episodes))
    }
    assert len(files) == 1


def test_what_says_the_same_stands_in_the_same_place_whatever_identities_chance_gave() -> None:
    one = made([episode()], [contact(5, date(2025, 9, 9), occupation="work"), contact(6, date(2025, 9, 9))])
    other = made([episode()], [contact(6, date(2025, 9, 9)), contact(9, date(2025, 9, 9), occupation="work")])
    assert text(one.rows, specification()) == text(other.rows, specification())


def test_persons_come_in_order_of_identity_number_and_unknown_ones_last() -> None:
    older = Person(identity_number(date(2006, 1, 1)), date(2006, 1, 1), "none")
    built = made([episode(1, 1, person=None), episode(2, 2), episode(3, 3, person=older)])
    numbers = [row.values["identity_number"] for row in built.rows]
    assert numbers == [older.identity_number, VERA.identity_number, None]
    assert [row.serial for row in built.rows] == [1, 2, 3]
    assert built.persons == 3


def test_an_attempt_that_reached_nobody_is_no_contact_but_counted() -> None:
    built = made(
        [episode()],
        [
            contact(5, date(2025, 9, 9), "not_reached"),
            contact(6, date(2025, 9, 10), "message_left"),
            contact(7, date(2025, 9, 11), "declined"),
        ],
    )
    assert blocks(built) == ["registration", "contact"]
    assert built.attempts == 2


def test_what_was_done_falls_to_the_registration_in_which_it_was_done() -> None:
    first = episode(1, to_day=date(2025, 9, 30), exit_reason="started_upper_secondary")
    again = episode(2, from_day=date(2025, 11, 1))
    built = made(
        [again, first], [contact(5, date(2025, 10, 10)), contact(6, date(2025, 11, 1))],
        [measure(7, date(2025, 9, 5), date(2025, 11, 20))],
    )  # fmt: skip
    assert [(row.episode.episode_id.int, row.block) for row in built.rows] == [
        (1, "registration"),
        (1, "contact"),
        (1, "measure_started"),
        (1, "responsibility_ended"),
        (2, "registration"),
        (2, "contact"),
        (2, "measure_ended"),
    ]
    assert built.persons == 1


def test_what_was_done_before_the_first_registration_stands_under_it() -> None:
    built = made([episode()], [contact(5, date(2025, 8, 15))])
    assert [row.values.get("contacted_on") for row in built.rows] == [None, date(2025, 8, 15)]


@pytest.mark.parametrize(
    ("since", "to", "ended", "expected"),
    [
        (date(2025, 9, 1), None, False, ["measure_started"]),
        (date(2025, 9, 1), date(2026, 1, 10), True, ["measure_started"]),
        (date(2025, 6, 30), date(2025, 7, 1), True, ["measure_ended"]),
        (date(2025, 6, 30), None, False, []),
        (date(2025, 6, 30), date(2025, 9, 1), False, []),
        (date(2025, 6, 1), None, True, ["measure_ended"]),
        (date(2026, 1, 1), None, True, []),
    ],
)
def test_a_measure_is_reported_in_the_half_year_it_starts_and_in_the_one_it_ends(
    since: date, to: date | None, ended: bool, expected: list[str]
) -> None:
    assert blocks(made([episode()], [], [measure(5, since, to, ended)])) == ["registration", *expected]


def test_an_end_after_the_half_year_is_the_next_report_s() -> None:
    built = made([episode(to_day=date(2026, 1, 1), exit_reason="moved")])
    assert blocks(built) == ["registration"]
    assert built.rows[0].values["last_day"] is None


def test_contacts_and_measures_of_persons_not_covered_are_counted_and_not_in_the_file() -> None:
    built = made([], [contact(5, date(2025, 9, 9))], [measure(6, date(2025, 9, 1), None, ended=False)])
    assert (built.rows, built.not_covered) == ((), 2)


def test_a_person_with_protected_registration_is_in_no_file_before_it_is_decided_whose() -> None:
    hidden = Person(VERA.identity_number, BORN, "protected_registration")
    built = made([episode(person=hidden), episode(2, 2)], [contact(5, date(2025, 9, 9))])
    assert (built.persons, built.protected, built.not_covered) == (1, 1, 0)
    assert blocks(built) == ["registration"]


@pytest.mark.parametrize("protection", ["confidential", "assumed_identity"])
def test_other_protection_does_not_keep_a_person_out_of_the_total_survey(protection: str) -> None:
    built = made([episode(person=Person(VERA.identity_number, BORN, protection))])
    assert (built.persons, built.protected) == (1, 0)
