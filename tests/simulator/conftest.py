"""Simulated years, made once for all tests here."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from contracts.envelope import Event, decode
from contracts.organisers import Directory, load
from simulator import simulate

DIRECTORY = Path(__file__).parents[2] / "deploy" / "organisers.yaml"


@dataclass(frozen=True)
class Year:
    """A simulated year: its events as JSON objects and as lines of a file, and its ledger."""

    events: list[dict[str, Any]]
    ledger: dict[str, Any]

    @cached_property
    def lines(self) -> list[bytes]:
        return [json.dumps(event).encode() for event in self.events]

    @cached_property
    def decoded(self) -> list[Event]:
        return [decode(line) for line in self.lines]

    def without(self, *kinds: str) -> list[bytes]:
        """The lines of all other kinds (``leave.left``, or a family as ``absence``)."""
        return [
            line
            for line, event in zip(self.lines, self.events, strict=True)
            if not kind(event).startswith(kinds)
        ]


def kind(event: dict[str, Any]) -> str:
    """Family and verb of an event: ``leave.left``."""
    return ".".join(str(event["type"]).split(".")[3:5])


def simulated(directory: Directory, persons: int, seed: int, school_year: str = "2024/25") -> Year:
    events, ledger = simulate("0180", persons, school_year, seed, directory)
    return Year(list(events), ledger)


@pytest.fixture(scope="session")
def directory() -> Directory:
    return load(DIRECTORY)


@pytest.fixture(scope="session")
def year(directory: Directory) -> Year:
    """The year of the example: 5,000 persons, seed 1."""
    return simulated(directory, 5000, 1)


@pytest.fixture(scope="session")
def other_years(directory: Directory) -> list[Year]:
    """As large, of other seeds."""
    return [simulated(directory, 5000, seed) for seed in (2, 3)]
