"""The generated JSON Schemas are valid, not stale, and as strict as the models as far as JSON Schema goes."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter, ValidationError

from contracts import identifiers
from contracts.events import TYPES
from contracts.generate import HERE, main, render, stale, write
from contracts.json_schemas import data_schema, envelope_schema, event_schema

from .examples import REFUSED, VALID

EVENT_SCHEMAS = {name: event_schema(name, data_schema(name), envelope_schema()) for name in TYPES}


def is_valid(schema: dict[str, Any], value: object) -> bool:
    """As a vendor would ask it: with formats asserted."""
    return Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(value)


def test_no_generated_file_is_stale() -> None:
    assert stale() == [], "run `python -m contracts.generate`"


def test_a_stale_missing_or_left_over_schema_is_found(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / "schemas" / "envelope.json").write_text("{}\n", encoding="utf-8")
    (tmp_path / "schemas" / "se.kaa.school.leave.left.v1.json").unlink()
    (tmp_path / "schemas" / "se.kaa.school.leave.left.v0.json").write_text("{}\n", encoding="utf-8")
    assert stale(tmp_path) == [
        "schemas/envelope.json",
        "schemas/se.kaa.school.leave.left.v0.json",
        "schemas/se.kaa.school.leave.left.v1.json",
    ]
    write(tmp_path)
    assert stale(tmp_path) == []


def test_the_check_of_the_command_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    assert main() == 0
    monkeypatch.setattr("contracts.generate.render", lambda: {**render(), Path("schemas/new.json"): "{}\n"})
    assert main() == 1
    assert not (HERE / "schemas" / "new.json").exists()


@pytest.mark.parametrize("name", ["envelope", *TYPES])
def test_every_schema_is_a_valid_schema_of_its_dialect(name: str) -> None:
    schema = envelope_schema() if name == "envelope" else data_schema(name)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", VALID)
def test_a_valid_example_passes_its_schema(name: str) -> None:
    assert is_valid(EVENT_SCHEMAS[VALID[name]["type"]], VALID[name])


@pytest.mark.parametrize("name", [name for name, example in REFUSED.items() if example.schema_can_tell])
def test_a_refused_example_fails_its_schema_where_a_schema_can_tell(name: str) -> None:
    event = REFUSED[name].event
    assert not is_valid(EVENT_SCHEMAS[event.get("type", "se.kaa.school.leave.left.v1")], event)


@pytest.mark.parametrize(
    "name", [name for name, example in REFUSED.items() if example.event and not example.schema_can_tell]
)
def test_a_refused_example_passes_its_schema_where_a_schema_cannot_tell(name: str) -> None:
    event = REFUSED[name].event
    assert event["type"] not in TYPES or is_valid(EVENT_SCHEMAS[event["type"]], event)


def test_what_a_schema_cannot_tell_is_only_check_digits_calendar_and_identity() -> None:
    assert {name for name, example in REFUSED.items() if example.event and not example.schema_can_tell} == {
        "identity-number-31-february",
        "identity-number-wrong-check-digit",
        "minutes-as-310.0",
        "subject-of-another-person",
        "time-31-february",
        "type-of-version-2",
        "type-unknown",
    }


def accepts(annotation: Any, value: object) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


#: Types whose schema lets pass exactly what the model lets pass.
EXACT = {
    "Text": identifiers.Text,
    "EventId": identifiers.EventId,
    "StudyPath": identifiers.StudyPath,
    "SchoolUnit": identifiers.SchoolUnit,
    "MunicipalityCode": identifiers.MunicipalityCode,
    "Month": identifiers.Month,
    "Day": identifiers.Day,
}
#: The machine may be busy with other tests; how long an example takes says nothing here.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NASTY = st.one_of(
    st.sampled_from(
        ["", "\n", "a\n", "a\x00", "a\x7f", "a\x85", "\u2028", *("x" * n for n in (9, 10, 128, 129, 1001))]
    ),
    st.sampled_from(
        ["0180", "0180\n", "180", "٠١٨٠", "12345678", "12345678\n", "1234567", "１２３４５６７８"]
    ),
    st.sampled_from(["2024-02", "2024-00", "2024-13", "1899-12", "2101-01", "2024-02\n", "2024-2"]),
    st.sampled_from(["2024-02-29", "2023-02-29", "1899-12-31", "1900-01-01", "2100-12-31", "2101-01-01"]),
    st.sampled_from(["20240229", "2024-02-29\n", "2024-W09-4", "1704067200", "٢٠٢٤-٠١-٠١"]),
)


@pytest.mark.parametrize("name", EXACT)
@unhurried
@given(
    value=NASTY | st.text() | st.dates().map(str) | st.integers() | st.booleans() | st.floats() | st.none()
)
def test_text_and_dates_are_as_strict_in_the_schema_as_in_the_model(name: str, value: object) -> None:
    assert is_valid(TypeAdapter(EXACT[name]).json_schema(), value) == accepts(EXACT[name], value)


@unhurried
@given(value=NASTY | st.from_regex(r"(18|19|20|21)[0-9]{10}", fullmatch=True))
def test_an_identity_number_that_the_model_accepts_passes_the_schema(value: str) -> None:
    if accepts(identifiers.IdentityNumber, value):
        assert is_valid(TypeAdapter(identifiers.IdentityNumber).json_schema(), value)


def with_check_digit(nine: str) -> str:
    return next(f"{nine}{digit}" for digit in range(10) if identifiers.luhn(f"{nine}{digit}"))


@unhurried
@given(
    day=st.dates(date(1900, 1, 1) - timedelta(days=400), date(2100, 12, 31) + timedelta(days=400)),
    coordination=st.booleans(),
    serial=st.integers(0, 999),
)
def test_with_a_right_check_digit_and_a_real_day_the_schema_agrees_on_identity_numbers(
    day: date, coordination: bool, serial: int
) -> None:
    written = f"{day.year:04}{day.month:02}{day.day + 60 * coordination:02}{serial:03}"
    number = written[:2] + with_check_digit(written[2:])
    schema = TypeAdapter(identifiers.IdentityNumber).json_schema()
    assert is_valid(schema, number) == accepts(identifiers.IdentityNumber, number)
