"""The contract as JSON Schema (2020-12): one schema for the data of each event type, and one for the envelope.

A schema says all that JSON Schema can say. What only the models check: that a day exists in its month (a validator
that asserts ``format`` does), check digits, and that a whole number is not written ``5.0``.
"""

from typing import Any, Final

from pydantic.json_schema import JsonSchemaValue

from contracts.events import SOURCES, TYPES
from contracts.identifiers import MAX_ID

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: Also beside a pattern with ``$``, which in Python's ``re`` matches before a newline at the end as well.
_NO_CONTROL: Final[JsonSchemaValue] = {"not": {"pattern": r"[\u0000-\u001f\u007f-\u009f]"}}
_ID: Final[JsonSchemaValue] = {"type": "string", **_NO_CONTROL, "minLength": 1, "maxLength": MAX_ID}
_OPTIONAL_ID: Final[JsonSchemaValue] = {**_ID, "type": ["string", "null"]}
#: As ``envelope.parse_time`` reads it.
_TIME: Final = (
    r"^(?:19[0-9]{2}|20[0-9]{2}|2100)-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,12})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)


def data_schema(name: str) -> JsonSchemaValue:
    """The schema of what stands in ``data`` of an event type. Raises KeyError for an unknown type."""
    schema = TYPES[name].model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    return {
        "$schema": DIALECT,
        "$id": f"urn:kaa:schema:{name}",
        "title": name,
        **_plain(schema),
        **({"$defs": {key: _plain(value) for key, value in definitions.items()}} if definitions else {}),
    }


def envelope_schema() -> JsonSchemaValue:
    """The schema of the envelope in structured mode: the attributes around ``data``, whatever the type."""
    return {
        "$schema": DIALECT,
        "$id": "urn:kaa:schema:envelope",
        "title": "CloudEvents 1.0, structured mode",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {**_ID, "description": "Unique within its source: (source, id) is the event's identity."},
            "source": {
                "description": "Who says it, and (a school's) with which system.",
                "anyOf": [source_schema(prefix) for prefix in SOURCES],
            },
            "type": {
                "description": "The event type, which has a schema of its own for `data`.",
                "type": "string",
                "pattern": r"^se\.kaa\.[a-z_.]+\.v[0-9]+$",
            },
            "time": {
                "description": "When the source recorded it: RFC 3339 with an offset. Not when it happened.",
                "type": "string",
                "format": "date-time",
                "maxLength": 38,
                "pattern": _TIME,
            },
            "datacontenttype": {
                "description": "application/json, also with parameters.",
                "type": ["string", "null"],
                "pattern": r"^\s*[aA][pP][pP][lL][iI][cC][aA][tT][iI][oO][nN]/[jJ][sS][oO][nN]\s*(?:;|$)",
            },
            "subject": {
                "description": "On our own events the person_id; absent on events that carry an identity number.",
                "type": ["string", "null"],
            },
            "replaces": {
                **_OPTIONAL_ID,
                "description": "The id of an earlier event of the same source that this one corrects.",
            },
            "traceparent": {"description": "W3C trace context."},
            "data": {"type": "object"},
        },
    }


def source_schema(prefix: str) -> JsonSchemaValue:
    """The schema of ``source`` for types that begin with ``prefix``, one of ``events.SOURCES``."""
    form, words = SOURCES[prefix]
    return {"type": "string", "description": words, **_NO_CONTROL, "pattern": f"^{form.pattern}$"}


def event_schema(name: str, data: JsonSchemaValue, envelope: JsonSchemaValue) -> JsonSchemaValue:
    """The schema of a whole event in structured mode, from the two (or references to them)."""
    prefix = next(prefix for prefix in SOURCES if name.startswith(prefix))
    own: dict[str, Any] = {"type": {"const": name}, "source": source_schema(prefix), "data": data}
    required = []
    if "person_id" in TYPES[name].model_fields:
        own["subject"] = {"type": "string"}
        required = ["subject"]
    elif "retracts" not in TYPES[name].model_fields:
        own["subject"] = {"type": "null"}
    return {"allOf": [envelope, {"type": "object", "properties": own, "required": required}]}


def _plain(schema: Any) -> Any:
    """Without what pydantic adds and says nothing: titles made from names, and null as default."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _plain(part) for name, part in value.items()} if key == "properties" else _plain(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }
