"""Compares what a register says with what the ledger says was meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Episodes = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A person about whom the two do not agree. None: the person is not listed there at all."""

    identity_number: str
    meant: Episodes | None
    found: Episodes | None


def episodes_as_of(episodes: Episodes, as_of: date) -> Episodes:
    """A ledger's episodes as they stand on a day: the later ones left out, those that go on without an end."""
    day = as_of.isoformat()
    return [
        {**episode, "to": None, "exit_reason": None} if episode["to"] >= day else dict(episode)
        for episode in episodes
        if episode["from"] <= day
    ]


def differences(ledger: Mapping[str, Any], evaluated: Mapping[str, Any], as_of: date) -> list[Difference]:
    """Where the answer of ``kaa registry evaluate`` on ``as_of`` is not what the ledger meant, in order of number.

    ``evaluated`` lists every person that an event names, those without an episode too; so does the ledger.
    """
    meant = {p["identity_number"]: episodes_as_of(p["episodes"], as_of) for p in ledger["persons"]}
    found = {p["identity_number"]: p["episodes"] for p in evaluated["persons"]}
    return [
        Difference(number, meant.get(number), found.get(number))
        for number in sorted(meant.keys() | found.keys())
        if meant.get(number) != found.get(number)
    ]
