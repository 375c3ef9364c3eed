"""The examples that the contract comes with: events it accepts, and events it refuses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contracts

FOLDER = Path(contracts.__file__).parent / "examples"


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


VALID = {path.stem: load(path) for path in sorted(FOLDER.glob("*.json"))}
BINARY = {path.stem: load(path) for path in sorted((FOLDER / "binary").glob("*.json"))}


@dataclass(frozen=True)
class RefusedExample:
    """A record with what it must be refused with; ``event`` is None where the record is no JSON object."""

    reason: str
    field: str
    words: str
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    event: Any
    schema_can_tell: bool


def _refused(entry: dict[str, Any]) -> RefusedExample:
    event = entry.get("event")
    return RefusedExample(
        reason=entry["reason"],
        field=entry["field"],
        words=entry["words"],
        value=(entry["value"] if event is None else json.dumps(event)).encode(),
        headers=[(name, value.encode()) for name, value in entry.get("headers", {}).items()],
        event=event,
        schema_can_tell=entry.get("schema_can_tell", False),
    )


REFUSED = {path.stem: _refused(load(path)) for path in sorted((FOLDER / "refused").glob("*.json"))}
