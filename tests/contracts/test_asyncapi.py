"""The AsyncAPI document is one by its official meta-schema, and leads to every schema."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from contracts.catalogue import FAMILIES
from contracts.events import TYPES
from contracts.generate import HERE

META = Path(__file__).parent / "asyncapi_specification" / "3.0.0-without-id.json"


@pytest.fixture(scope="module")
def document() -> Any:
    return yaml.safe_load((HERE / "asyncapi.yaml").read_text(encoding="utf-8"))


def test_it_is_valid_by_the_official_meta_schema(document: Any) -> None:
    validator = Draft7Validator(json.loads(META.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(document)] == []
    broken = {**document, "channels": {"x": {"address": 1}}}
    assert not validator.is_valid(broken)


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [reference for part in value.values() for reference in references(part)]
    return [reference for part in value for reference in references(part)] if isinstance(value, list) else []


def test_every_reference_leads_somewhere(document: Any) -> None:
    files = set()
    for reference in references(document):
        path, _, pointer = reference.partition("#")
        target: Any = document
        if path:
            files.add(path)
            target = json.loads((HERE / path).read_text(encoding="utf-8"))
        for part in filter(None, pointer.split("/")):
            target = target[part]
        assert target, reference
    assert files == {"./schemas/envelope.json", *(f"./schemas/{name}.json" for name in TYPES)}


def test_there_is_a_channel_for_each_family_with_its_types(document: Any) -> None:
    channels = document["channels"]
    assert channels.keys() == {family.name for family in FAMILIES}
    for family in FAMILIES:
        assert channels[family.name]["messages"].keys() == family.types
    assert channels["school.leave"]["address"] == "school.{organiser}.leave.v1"
    assert channels["school.leave"]["parameters"]["organiser"]["examples"] == ["2120000142"]
    assert channels["registry.person"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == [
        "compact"
    ]


def test_its_operations_say_who_reads_and_writes(document: Any) -> None:
    reads = {name for name, operation in document["operations"].items() if operation["action"] == "receive"}
    assert "notifications.reads.school.absence" in reads
    assert "registry.reads.school.absence" not in reads
    assert document["operations"]["registry.writes.registry.person"]["action"] == "send"
