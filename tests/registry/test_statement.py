"""What the register keeps of an event, and what it never does."""

from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts.envelope import Event, decode
from contracts.events import TYPES as ALL_TYPES
from services.registry.statement import TYPES, Statement, statement_of
from tests.registry.histories import line

NUMBER, OTHER_NUMBER = "200803159813", "200803759828"
PUPIL = {"identity_number": NUMBER, "given_name": "Ada", "family_name": "Berg"}
PERSON = {**PUPIL, "birth_date": "2008-03-14"}
AT_SCHOOL = {"pupil": PUPIL, "school_unit": "10000002"}

SAID: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "school.enrolment.started": (
        {
            **AT_SCHOOL,
            "school_form": "GY",
            "study_path": "NA",
            "started_on": "2024-08-19",
            "home_municipality": "1480",
        },
        {"on": date(2024, 8, 19), "school_form": "GY", "study_path": "NA", "municipality": "1480"},
    ),
    "school.enrolment.changed": (
        {**AT_SCHOOL, "school_form": "VUXGY", "changed_on": "2024-08-20"},
        {"on": date(2024, 8, 20), "school_form": "VUXGY"},
    ),
    "school.enrolment.confirmed": ({**AT_SCHOOL, "confirmed_on": "2024-08-21"}, {"on": date(2024, 8, 21)}),
    "school.enrolment.no_show": ({**AT_SCHOOL, "term_started_on": "2024-08-22"}, {"on": date(2024, 8, 22)}),
    "school.leave.left": (
        {**AT_SCHOOL, "last_day": "2024-08-23", "reason": "excluded"},
        {"on": date(2024, 8, 23)},
    ),
    "school.leave.completed": (
        {**AT_SCHOOL, "completed_on": "2024-08-24", "outcome": "ib_diploma"},
        {"on": date(2024, 8, 24), "outcome": "ib_diploma"},
    ),
    "school.leave.compulsory_ended": (
        {**AT_SCHOOL, "ended_on": "2024-08-25", "home_municipality": "1280"},
        {"on": date(2024, 8, 25), "municipality": "1280"},
    ),
    "municipality.resident.registered": (
        {
            "person": PERSON,
            "municipality": "0180",
            "since": "2024-08-26",
            "registered_in_sweden_on": "2023-01-01",
            "contact": {"email": "hidden@example.org", "phones": ["070-hidden"]},
            "protection": "confidential",
        },
        {
            "on": date(2024, 8, 26),
            "municipality": "0180",
            "registered_in_sweden_on": date(2023, 1, 1),
            "protection": "confidential",
        },
    ),
    "municipality.resident.moved": (
        {"person": PERSON, "to_municipality": "1480", "moved_on": "2024-08-27"},
        {"on": date(2024, 8, 27), "municipality": "1480"},
    ),
    "municipality.resident.updated": (
        {
            "person": PERSON,
            "updated_on": "2024-08-28",
            "protection": "none",
            "contact": {"address": {"street": "Hidden 1", "postal_code": "00000", "city": "Hidden"}},
        },
        {"on": date(2024, 8, 28), "protection": "none"},
    ),
    "municipality.resident.deceased": (
        {"person": PERSON, "deceased_on": "2024-08-29"},
        {"on": date(2024, 8, 29)},
    ),
    "municipality.resident.identity_changed": (
        {"previous_identity_number": OTHER_NUMBER, "identity_number": NUMBER, "changed_on": "2024-08-30"},
        {"on": date(2024, 8, 30), "previous_identity_number": OTHER_NUMBER, "identity_number": NUMBER},
    ),
    "national.credential.awarded": (
        {"identity_number": NUMBER, "kind": "foreign_equivalent", "awarded_on": "2024-08-31"},
        {"on": date(2024, 8, 31), "outcome": "foreign_equivalent", "identity_number": NUMBER},
    ),
    "school.enrolment.retracted": ({"retracts": "e7", "reason": "hidden"}, {"names": "e7"}),
    "school.leave.retracted": ({"retracts": "e8"}, {"names": "e8"}),
    "municipality.resident.retracted": ({"retracts": "e9"}, {"names": "e9"}),
    "national.credential.retracted": ({"retracts": "e10"}, {"names": "e10"}),
}
SOURCES = {
    "school": "urn:se:orgnr:2120000142",
    "municipality": "urn:se:kommun:0180",
    "national": "urn:se:beda",
}


def event(name: str, data: dict[str, Any], **attributes: str) -> Event:
    said = {"id": "e1", "source": SOURCES[name.split(".")[0]], "time": "2024-09-01T12:00:00+02:00"}
    return decode(line({**said, "type": f"se.kaa.{name}.v1", "data": data, **attributes}))


def test_every_type_of_the_register_is_tried_here() -> None:
    assert {f"se.kaa.{name}.v1" for name in SAID} == TYPES


@pytest.mark.parametrize("name", SAID)
def test_a_statement_holds_what_the_event_says_and_nothing_else(name: str) -> None:
    data, expected = SAID[name]
    told: dict[str, Any] = dict.fromkeys(field.name for field in fields(Statement))
    told |= {
        "source": SOURCES[name.split(".")[0]],
        "id": "e1",
        "type": f"se.kaa.{name}.v1",
        "time": datetime(2024, 9, 1, 10, tzinfo=UTC),
    }
    if "pupil" in data or "person" in data:
        told |= PUPIL
    if "pupil" in data:
        told["school_unit"] = "10000002"
    if "person" in data:
        told["birth_date"] = date(2008, 3, 14)
    assert asdict(statement_of(event(name, data))) == told | expected


def test_what_is_replaced_is_named() -> None:
    assert statement_of(event("school.leave.left", SAID["school.leave.left"][0], replaces="e0")).names == "e0"


@pytest.mark.parametrize("name", SAID)
def test_no_contact_data_and_no_reason_for_leaving_gets_through(name: str) -> None:
    said = repr(statement_of(event(name, SAID[name][0]))).lower()
    assert "hidden" not in said
    assert "excluded" not in said


@pytest.mark.parametrize("name", ["reported", "resumed", "retracted"])
def test_absence_is_refused(name: str) -> None:
    said: dict[str, dict[str, Any]] = {
        "reported": {**AT_SCHOOL, "month": "2024-09", "unexcused_minutes": 600, "occasions": 5},
        "resumed": {**AT_SCHOOL, "resumed_on": "2024-09-30"},
        "retracted": {"retracts": "e2"},
    }
    with pytest.raises(ValueError, match=f"absence.{name}.v1 never reaches the registry"):
        statement_of(event(f"school.absence.{name}", said[name]))


def test_no_other_type_of_the_contract_reaches_the_register() -> None:
    assert {
        name for name in ALL_TYPES if name.startswith(("se.kaa.school.", "se.kaa.muni", "se.kaa.nati"))
    } - TYPES == {f"se.kaa.school.absence.{name}.v1" for name in ("reported", "resumed", "retracted")}


def test_the_order_of_the_fields_is_the_order_of_the_columns() -> None:
    assert " ".join(field.name for field in fields(Statement)) == (
        "source id type time names identity_number on school_unit school_form study_path outcome municipality "
        "birth_date registered_in_sweden_on previous_identity_number protection given_name family_name"
    )
