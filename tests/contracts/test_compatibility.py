"""A change that would break an earlier reader or writer is found; today's contract has none."""

from copy import deepcopy
from typing import Any

import pytest

from contracts.compatibility import RELEASED, Break, breaking_changes, read
from contracts.generate import HERE

EVENT = "se.kaa.school.enrolment.started.v1"


def test_nothing_breaks_those_who_go_by_the_released_contract() -> None:
    breaks = breaking_changes(read(RELEASED), read(HERE / "schemas"))
    assert [str(found) for found in breaks] == [], (
        "make it a new version of the type; or, where nobody uses the released form, "
        "copy contracts/schemas/*.json to contracts/schemas/released/"
    )


def test_every_schema_is_released() -> None:
    assert read(RELEASED).keys() == read(HERE / "schemas").keys(), "copy the new one to schemas/released/"


BEFORE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pupil": {"$ref": "#/$defs/Pupil"},
        "unit": {"type": "string", "pattern": "^[0-9]{8}$"},
        "form": {"type": "string", "enum": ["GY", "GR"]},
        "minutes": {"type": "integer", "minimum": 0, "maximum": 1000},
        "reason": {"anyOf": [{"type": "string", "maxLength": 100}, {"type": "null"}]},
        "phones": {"type": "array", "items": {"type": "string", "maxLength": 20}},
        "day": {"type": "string", "format": "date"},
        "name": {"type": "string", "not": {"pattern": "[0-9]"}},
    },
    "required": ["pupil", "unit"],
    "$defs": {
        "Pupil": {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
    },
}


def changed(path: str, value: object = None) -> dict[str, Any]:
    """``BEFORE`` with what stands at ``path`` replaced, or (None) removed."""
    schema = deepcopy(BEFORE)
    *way, last = path.split("/")
    at: Any = schema
    for part in way:
        at = at[int(part)] if isinstance(at, list) else at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return schema


@pytest.mark.parametrize(
    ("after", "field", "words", "breaks"),
    [
        (changed("properties/form"), "form", "the field is removed", "readers"),
        (changed("required", ["pupil"]), "unit", "may be left out now", "readers"),
        (changed("required", ["pupil", "unit", "day"]), "day", "required now", "writers"),
        (changed("required", ["pupil", "unit", "new"]), "new", "a new field that is required", "writers"),
        (changed("properties/form/enum", ["GY"]), "form", "no longer allowed: GR", "writers"),
        (changed("properties/form/enum", ["GY", "GR", "FHS"]), "form", "allowed now: FHS", "readers"),
        (changed("properties/form/enum"), "form", "values beyond the list", "readers"),
        (changed("properties/day/enum", ["2024-01-01"]), "day", "only listed values", "writers"),
        (
            changed("properties/unit/pattern", "^[0-9]{9}$"),
            "unit",
            "`pattern` changed",
            "readers and writers",
        ),
        (changed("properties/unit/pattern"), "unit", "`pattern` changed", "readers and writers"),
        (
            changed("properties/name/not", {"pattern": "[a-z]"}),
            "name",
            "`not` changed",
            "readers and writers",
        ),
        (changed("properties/day/format", "date-time"), "day", "`format` changed", "readers and writers"),
        (
            changed("properties/day/type", "integer"),
            "day",
            "the type of value changed",
            "readers and writers",
        ),
        (changed("properties/minutes/maximum", 500), "minutes", "`maximum` went from 1000 to 500", "writers"),
        (changed("properties/minutes/maximum", 5000), "minutes", "from 1000 to 5000", "readers"),
        (changed("properties/minutes/minimum", 1), "minutes", "`minimum` went from 0 to 1", "writers"),
        (changed("properties/minutes/minimum"), "minutes", "from 0 to none", "readers"),
        (changed("properties/day/maxLength", 10), "day", "`maxLength` went from none to 10", "writers"),
        (changed("properties/reason/anyOf/0/maxLength", 50), "reason", "from 100 to 50", "writers"),
        (
            changed("properties/reason", {"type": "string", "maxLength": 100}),
            "reason",
            "no longer",
            "writers",
        ),
        (
            changed("properties/unit", {"anyOf": [BEFORE["properties"]["unit"], {"type": "null"}]}),
            "unit",
            "null is allowed",
            "readers",
        ),
        (changed("properties/phones/items/maxLength", 10), "phones[]", "from 20 to 10", "writers"),
        (changed("properties/phones/items"), "phones", "`items` changed", "readers and writers"),
        (changed("$defs/Pupil/properties/number"), "pupil.number", "the field is removed", "readers"),
        (
            changed("$defs/Pupil/properties/number/type", "integer"),
            "pupil.number",
            "type",
            "readers and writers",
        ),
        (changed("oneOf", [{"required": ["day"]}]), "", "`oneOf` changed", "readers and writers"),
    ],
)
def test_a_breaking_change_is_found(after: dict[str, Any], field: str, words: str, breaks: str) -> None:
    found = breaking_changes({EVENT: BEFORE}, {EVENT: after})
    assert [(change.field, change.breaks) for change in found if words in change.detail] == [(field, breaks)]
    assert len({change.field for change in found}) == 1


def test_a_removed_type_breaks_both_sides() -> None:
    assert breaking_changes({EVENT: BEFORE}, {}) == [
        Break(EVENT, "", "the schema is removed", "readers and writers")
    ]


@pytest.mark.parametrize(
    "after",
    [
        changed("description", "Other words"),
        changed("properties/new", {"type": "string"}),
        changed("properties/day/description", "A day"),
        changed("properties/phones/items/title", "Phone"),
        # the same rule, written where it is used
        changed("properties/pupil", BEFORE["$defs"]["Pupil"]),
    ],
)
def test_other_words_and_new_optional_fields_break_nobody(after: dict[str, Any]) -> None:
    assert breaking_changes({EVENT: BEFORE}, {EVENT: after}) == []


def test_a_new_type_breaks_nobody() -> None:
    assert breaking_changes({}, {EVENT: BEFORE}) == []
