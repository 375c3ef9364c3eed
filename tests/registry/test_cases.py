"""The fifty worked cases: events in, register out. Each is a file in ``cases``; its title says what it shows."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.registry.evaluation import evaluate
from tests.registry.histories import line

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def test_all_fifty_are_here() -> None:
    assert [case.name[:2] for case in CASES] == [f"{number:02}" for number in range(1, 51)]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    events = case["events"]
    answer = evaluate([line(event) for event in events], date.fromisoformat(case["as_of"]), True)
    assert answer["as_of"] == case["as_of"]
    assert {p["identity_number"]: p["episodes"] for p in answer["persons"]} == case["persons"]
    assert [{"id": r["id"], "reason": r["reason"]} for r in answer["rejected"]] == case["rejected"]
