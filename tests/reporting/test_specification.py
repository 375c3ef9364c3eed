"""The specification: the one that is released is right and honest, and every error in one is told with its line."""

from datetime import date
from pathlib import Path

import pytest

from contracts.yaml_file import YamlFileError, YamlProblem
from services.reporting.period import period
from services.reporting.specification import VARIABLES
from services.reporting.specification_file import (
    NoSpecificationError,
    find,
    load,
)
from tests.contracts.yaml_files import BOMB
from tests.reporting.tellings import specification

RELEASED = Path(__file__).parents[2] / "services/reporting/specifications/2025H2.yaml"


def problems(tmp_path: Path, content: str | bytes) -> list[YamlProblem]:
    """What is wrong with a file of this content."""
    file = tmp_path / "specification.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(YamlFileError) as error:
        load(file)
    return list(error.value.problems)


def changed(old: str, new: str) -> tuple[str, int]:
    """The released specification with one passage changed, and the line on which the change begins."""
    text = RELEASED.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1), text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("2025H1", date(2025, 1, 1), date(2025, 6, 30)),
        ("2025H2", date(2025, 7, 1), date(2025, 12, 31)),
    ],
)
def test_a_half_year_has_six_months(name: str, first: date, last: date) -> None:
    asked = period(name)
    assert (asked.first, asked.last) == (first, last)
    assert asked.holds(first)
    assert asked.holds(last)


@pytest.mark.parametrize(
    "name", ["2025H3", "2025h1", "2025", "25H1", "2025H1 ", "0001H1", "2025-H1", "٢٠٢٥H1"]
)
def test_anything_else_is_no_half_year(name: str) -> None:
    with pytest.raises(ValueError, match="expected a half-year as YYYYH1 or YYYYH2"):
        period(name)


@pytest.mark.parametrize("name", ["2024H2", "2025H1", "2025H2"])
def test_each_of_the_last_half_years_has_a_specification(name: str) -> None:
    assert find(period(name))[0] == RELEASED


def test_a_half_year_without_specification_is_told_with_those_there_are() -> None:
    with pytest.raises(NoSpecificationError, match="for 2018H1, only for 2024H2, 2025H1, 2025H2"):
        find(period("2018H1"))


def test_the_five_blocks_are_there_with_what_each_must_tell() -> None:
    told = {
        block.number: set(block.columns) - {"block", "serial", "municipality", "identity_number"}
        for block in specification().blocks
    }
    assert told == {
        1: {"registered_on", "entry_reason"},
        2: {"contacted_on", "occupation"},
        3: {"started_on", "kind"},
        4: {"ended_on", "end_reason", "occupation_after"},
        5: {"last_day", "exit_reason"},
    }


def test_no_code_of_ours_is_said_to_be_verified() -> None:
    lists = specification().code_lists
    codes = [f"{name} {code.code}" for name, one in lists.items() for code in one.codes]
    assert specification().unverified == ["file", *codes]


def test_every_value_of_ours_has_a_code_or_says_why_it_has_none() -> None:
    for variables in VARIABLES.values():
        for name, form in variables.items():
            if isinstance(form, frozenset):
                codes = specification().codes_of(name)
                assert codes is not None
                assert form == codes.code_of.keys() | codes.no_counterpart.keys()


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ('"2025H2"]', '"2025H4"]', "expected a half-year as YYYYH1 or YYYYH2, such as 2025H2"),
        ('"2025H2"]', '"2025H1"]', "this half-year stands twice; expected once"),
        ("separator: ", "seperator: ", "no such key; expected one of: verified, name, encoding, sep"),
        ("  verified: false", "  verified: nej", "expected true or false"),
        ("encoding: utf-8", "encoding: utf-16", "expected 'utf-8' or 'iso-8859-1'"),
        ('separator: ";"', 'separator: "1"', "expected ';', ',', '|' or "),
        ("KAA_{municipality}_{period}.txt", "KAA_{period}.txt", "expected {municipality} and {period} in it"),
        ("KAA_{municipality}_{period}.txt", "../{municipality}_{period}", "expected a file name, without a folder"),
        ("KAA_{municipality}_{period}.txt", "'{municipality}_{period'", "expected {municipality} and {period}"),
        ("[reached, informed", "[called, informed", "no such outcome of a contact; expected one of: declined, "),
        ("title: {sv: Kontakt, en: Contact}", "title: Kontakt", "expected these keys with values: sv, en"),
        ("label: {sv: block, en: block}", "lable: {sv: block, en: block}", "no such key; expected one of: label, "),
        ("values: [compulsory", "value: [compulsory", "no such key; expected one of: code, verified, label, values"),
        ("title: {sv: Kontakt, en: Contact}", "title: {sv: Kontakt}", "`en` is missing; expected it here"),
        ("block: contact # repeatable", "block: kontakt", "expected 'registration', 'contact', 'measure_started'"),
        ("number: 2", 'number: "2"', "expected a whole number"),
        ("contacted_on, occupation]", "contacted_on, exit_reason]", "no such variable of block contact; expected"),
        ("contacted_on, occupation]", "contacted_on, contacted_on]", "this column stands twice; expected once"),
        ("code: X1", "code: 1", "expected text; put a number, yes or no in quotes"),
        ("code: X1", "code: 01", "YAML reads this as a number; expected text, in quotes, or a w"),
        ("code: X1", "code: X;1", "expected text of the form ^[0-9A-Za-z]{1,10}$"),
        ("code: X2", "code: X1", "this code stands twice; expected once"),
        ("values: [moved]", "values: [emigrated, moved]", "no such value of ours; expected one of: completed, moved"),
        ("values: [turned_20]", "values: [turned_20, dead]", "no such value of ours; expected one of: completed_edu"),
        ("      deceased:", "      died:", "no such value of ours; expected one of: "),
        (", code_list: measure}", "}", "`code_list` is missing; expected the name of the list"),
        (", code_list: measure}", ", code_list: measures}", "no such code list; expected one of: at_registration"),
        ("en: row number}}", "en: row number}, code_list: measure}", "this variable has no codes; expected no"),
        ("  serial: {label", "  rad: {label", "no such variable; expected one of: block, contacted_on"),
        ("rule: over_at_20", "rule: over_at_21", "expected 'valid_identity_number', 'not_after_period'"),
        ("rule: over_at_20", "rule: over_at_20, variable: last_day", "the rule over_at_20 is about the whole; "),
        ("block: registration, rule: over", "block: contact, rule: over", "is about the whole; expected block reg"),
        ("rule: before_20, variable: registered_on", "rule: before_20", "`variable` is missing; expected one of: "),
        ("variable: last_day, other: registered_on", "variable: last_day", "`other` is missing; expected one of: "),
        ("rule: within_period, variable: started_on", "rule: within_period, variable: kind", "not a variable that"),
        ("before_20, variable: registered_on", "before_20, variable: registered_on, other: last_day", "compares w"),
    ],
)  # fmt: skip
def test_an_error_is_told_with_its_line_and_what_is_expected(
    tmp_path: Path, old: str, new: str, detail: str
) -> None:
    text, line = changed(old, new)
    found = problems(tmp_path, text)
    assert (line, True) in [(problem.line, detail in problem.detail) for problem in found], found


@pytest.mark.parametrize(
    ("old", "new", "detail", "line"),
    [
        ("values: [turned_20]", "values: []", "`turned_20` has no place; expected it once", "  deregistration:"),
        (
            "values: [turned_20]", "values: [turned_20, moved]",
            "`moved` has more than one place; expected it once, under one code's `values` or under `no_counterpart`",
            "  deregistration:",
        ),
        (
            "  serial: {label: {sv: radnummer, en: row number}}\n", "",
            "nothing is said of it; expected it under `variables`, with its label", "    columns: [block, serial",
        ),
        ("  - block: registration # m", "  - block: contact # m", "this block stands twice", "  - block: contact #"),
        (
            "  - block: registration # m", "  - block: contact # m",
            "`registration` is missing; expected it among the blocks: it is mandatory", "blocks:",
        ),
        ("number: 1", "number: 2", "this number stands twice; expected once", "    number: 2"),
        (
            "no_overlap}", "no_overlap}\n  - {rule: no_overlap, block: contact, block: registration}",
            "`block` stands twice; expected once", "  - {rule: no_overlap, block: contact",
        ),
        ("no_overlap}", "no_overlap", "not YAML: ", "  - {block: contact"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_where_it_is_expected_and_what_is_twice_where_it_comes_again(
    tmp_path: Path, old: str, new: str, detail: str, line: str
) -> None:
    text, _ = changed(old, new)
    lines = text.splitlines()
    (one, *_) = [problem for problem in problems(tmp_path, text) if detail in problem.detail]
    assert lines[one.line - 1].startswith(line)


def test_all_errors_are_told_at_once_in_order_of_line(tmp_path: Path) -> None:
    text, first = changed("encoding: utf-8", "encoding: utf-16")
    old = "title: {sv: Kontakt, en: Contact}"
    second = text[: text.index(old)].count("\n") + 1
    found = problems(tmp_path, text.replace(old, "title: {sv: Kontakt}"))
    assert [problem.line for problem in found] == [first, second]


@pytest.mark.parametrize(
    ("content", "line", "detail"),
    [
        ("", 1, "the file is empty; expected a specification"),
        ("# nothing\n", 1, "the file is empty; expected a specification"),
        ("- a\n- b\n", 1, "expected these keys with values: title, periods, file, "),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8; save the file in that encoding"),
        ("a: b\nc: \x07\n", 2, "not YAML: a character that YAML does not allow"),
        (BOMB, 6, "more than 200,000 keys and values, aliases followed; expected a specification"),
        ("a: &a [*a]\n", 1, "nested too deep; expected a specification"),
        ("a: 2025-01-01\n", 1, "a: YAML reads this as a date; expected text, in quotes, or a whole number"),
        ("[" * 2000, 1, "nested too deep; expected a specification"),
    ],
)
def test_a_file_that_is_no_specification_at_all(
    tmp_path: Path, content: str | bytes, line: int, detail: str
) -> None:
    found = problems(tmp_path, content)
    assert (found[0].line, detail in found[0].detail) == (line, True), found[:3]


def test_the_end_block_is_expected_where_the_check_asks_for_it(tmp_path: Path) -> None:
    text = RELEASED.read_text(encoding="utf-8")
    start, end = text.index("  - block: responsibility_ended"), text.index("# `values`")
    lines = [
        line for line in (text[:start] + text[end:]).splitlines() if "{block: responsibility_en" not in line
    ]
    (one,) = problems(tmp_path, "\n".join(lines))
    assert "asks for block responsibility_ended; expected it under `blocks`" in one.detail
    assert "end_reported" in lines[one.line - 1]
