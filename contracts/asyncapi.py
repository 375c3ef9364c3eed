"""The AsyncAPI 3 document: channels from the catalogue, messages with references to the JSON Schemas."""

from typing import Any, Final

from contracts.catalogue import FAMILIES, Family
from contracts.envelope import STRUCTURED
from contracts.events import TYPES
from contracts.json_schemas import event_schema

_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "organiser": {
        "description": "Organisation number of the organiser (huvudman), 10 digits.",
        "examples": ["2120000142"],
    },
    "municipality": {"description": "Municipality code, 4 digits.", "examples": ["0180"]},
}
#: Values of a topic's configuration that the Kafka binding wants as something else than text.
_LISTS: Final = frozenset({"cleanup.policy"})


def document() -> dict[str, Any]:
    """The whole document. Readers and writers are its operations, since it describes all that travels."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "KAA events",
            "version": "1.0.0",
            "description": "What schools, municipalities and the services of the hub for the municipalities' "
            "responsibility for young people (kommunernas aktivitetsansvar, skollagen 29:9) tell each other: "
            "CloudEvents 1.0 on Apache Kafka. Structured mode is shown; binary mode is accepted too.",
        },
        "defaultContentType": STRUCTURED,
        "channels": {family.name: _channel(family) for family in FAMILIES},
        "operations": dict(operation for family in FAMILIES for operation in _operations(family)),
        "components": {"messages": {name: _message(name) for name in TYPES}},
    }


def _channel(family: Family) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": family.template.replace("<", "{").replace(">", "}"),
        "description": family.description,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in TYPES if name in family.types
        },
    }
    if family.owner != "none":
        channel["parameters"] = {family.owner: _PARAMETERS[family.owner]}
    channel["bindings"] = {
        "kafka": {
            "partitions": family.partitions,
            "topicConfiguration": {name: _setting(name, value) for name, value in family.config.items()},
            "bindingVersion": "0.5.0",
        }
    }
    return channel


def _setting(name: str, value: str) -> object:
    if name in _LISTS:
        return value.split(",")
    return int(value) if value.isdigit() else value


def _operations(family: Family) -> list[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{family.name}"}
    return [
        (
            f"{who}.{verb}.{family.name}",
            {"action": action, "channel": channel, "summary": f"{who} {verb} {family.template}"},
        )
        for everyone, verb, action in (
            (family.writers, "writes", "send"),
            (family.readers, "reads", "receive"),
        )
        for who in everyone
    ]


def _message(name: str) -> dict[str, Any]:
    schema = event_schema(name, {"$ref": f"./schemas/{name}.json"}, {"$ref": "./schemas/envelope.json"})
    return {
        "name": name,
        "summary": (TYPES[name].__doc__ or "").strip().splitlines()[0],
        "contentType": STRUCTURED,
        "headers": {
            "type": "object",
            "required": ["content-type"],
            "properties": {"content-type": {"type": "string", "const": STRUCTURED}},
        },
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": schema},
    }
