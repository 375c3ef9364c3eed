"""The examples say what the contract says: these are accepted, those refused, each for its reason."""

import json

import pytest

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Refused, decode
from contracts.events import TYPES

from .examples import BINARY, REFUSED, VALID


@pytest.mark.parametrize("name", VALID)
def test_a_valid_example_is_accepted(name: str) -> None:
    said = VALID[name]
    event = decode(json.dumps(said).encode())
    assert (event.id, event.source, event.type) == (said["id"], said["source"], said["type"])
    assert name.startswith(event.type)


def test_there_is_a_valid_example_of_every_type() -> None:
    assert {example["type"] for example in VALID.values()} == TYPES.keys() == FAMILY_OF_TYPE.keys()


def test_no_two_valid_examples_have_the_same_identity() -> None:
    assert len({(example["source"], example["id"]) for example in VALID.values()}) == len(VALID)


@pytest.mark.parametrize("name", BINARY)
def test_binary_mode_says_the_same_as_structured_mode(name: str) -> None:
    example = BINARY[name]
    headers = [(key, value.encode()) for key, value in example["headers"].items()]
    event = decode(json.dumps(example["value"]).encode(), headers)
    assert event == decode(json.dumps(VALID[name]).encode())
    assert event.digest == decode(json.dumps(VALID[name]).encode()).digest


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_example_gets_its_reason(name: str) -> None:
    example = REFUSED[name]
    with pytest.raises(Refused) as refusal:
        decode(example.value, example.headers)
    assert refusal.value.reason == example.reason
    assert [problem.field for problem in refusal.value.problems] == [example.field]
    assert example.words in refusal.value.problems[0].detail
