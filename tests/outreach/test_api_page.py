"""What the page for vendors says of the API is so."""

import json
from typing import Any

import pytest

from services.outreach.api import refusals, said, shown
from tests.docs.pages import table, text
from tests.outreach.test_api_schema import described

PAGE = text("docs/api.md")


def test_the_page_names_every_request_of_the_description() -> None:
    there = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in described.raw_schema["paths"].items()
        for method in methods
    }
    assert {row[0].strip("`") for row in table(PAGE, "request")} == there


def test_the_page_names_every_code_with_its_status() -> None:
    there = {(kind.code, str(int(kind.status))) for kind in refusals.KINDS}
    assert {(row[0].strip("`"), row[1]) for row in table(PAGE, "code")} == there


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        (said.Lease, '{"minutes"'),
        (shown.TaskTaken, '{\n  "task"'),
        (said.ContactSaid, '{"on"'),
        (shown.ContactKept, '{"contact_id"'),
    ],
)
def test_the_examples_are_what_the_api_takes_and_gives(form: Any, begins: str) -> None:
    example, _ = json.JSONDecoder().raw_decode(PAGE[PAGE.index(begins) :])
    assert form.model_validate(example).model_dump(mode="json", exclude_unset=True).keys() == example.keys()


def test_every_code_of_the_api_is_told_apart_by_its_status() -> None:
    for kind in refusals.KINDS:
        (example,) = [
            answer["content"]["application/problem+json"]["examples"][kind.code]["value"]
            for methods in described.raw_schema["paths"].values()
            for operation in methods.values()
            for status, answer in operation["responses"].items()
            if status == str(int(kind.status)) and f"`{kind.code}`" in answer["description"]
        ][:1]
        assert (example["code"], example["status"]) == (kind.code, kind.status)


def test_every_operation_has_a_short_name_of_its_own_for_generated_clients() -> None:
    names = [
        operation["operationId"]
        for methods in described.raw_schema["paths"].values()
        for operation in methods.values()
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 24 for name in names)
