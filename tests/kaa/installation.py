"""An installation of a test's own, with organisers that no other test has: topics do not meet on the one broker."""

import json
import random
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from contracts.identifiers import luhn
from contracts.organisers import Directory, Organiser
from tests.contracts.examples import VALID


def organisation_number() -> str:
    """A made-up one with a right check digit."""
    begin = f"55{random.randint(2_000_000, 9_999_999)}"
    return next(f"{begin}{digit}" for digit in range(10) if luhn(f"{begin}{digit}"))


def new_directory(organisers: int = 2) -> Directory:
    """Independent organisers with one school unit each."""
    units = random.sample(range(50_000_000, 99_999_999), organisers)
    return Directory(
        tuple(
            Organiser(organisation_number(), f"Huvudman {unit}", None, {str(unit): f"Skola {unit}"})
            for unit in units
        )
    )


def written(directory: Directory, path: Path) -> Path:
    """The directory as a file."""
    organisers = [
        {
            "number": one.number,
            "name": one.name,
            "municipality": one.municipality,
            "units": [{"code": code, "name": name} for code, name in one.units.items()],
        }
        for one in directory.organisers
    ]
    # JSON is YAML, and puts text in quotes
    path.write_text(json.dumps({"organisers": organisers}, indent=1), encoding="utf-8")
    return path


def leave(organiser: Organiser, number: int, **data: object) -> dict[str, Any]:
    """The example leave, said by an organiser about its own unit."""
    said: dict[str, Any] = deepcopy(VALID["se.kaa.school.leave.left.v1"])
    said["id"] = f"lv-{number}"
    said["source"] = f"urn:se:orgnr:{organiser.number}"
    said["data"] |= {"school_unit": next(iter(organiser.units)), **data}
    return said


def enrolment(organiser: Organiser, number: int) -> dict[str, Any]:
    """The example enrolment, said by an organiser about its own unit."""
    said: dict[str, Any] = deepcopy(VALID["se.kaa.school.enrolment.started.v1"])
    said["id"] = f"enr-{number}"
    said["source"] = f"urn:se:orgnr:{organiser.number}"
    said["data"]["school_unit"] = next(iter(organiser.units))
    return said


def file_of(events: Sequence[dict[str, Any]], path: Path) -> Path:
    """The events, one a line."""
    path.write_text(
        "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events), encoding="utf-8"
    )
    return path
