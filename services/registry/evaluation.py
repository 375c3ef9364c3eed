"""Evaluation: a file of events → the register they make, in one pass and without any infrastructure."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from contracts.envelope import Event, Refused, decode
from services.registry.coverage import Episode, cut, timeline
from services.registry.settlement import persons, settle
from services.registry.statement import TYPES

_ABSENCE: Final = "se.kaa.school.absence."


def evaluate(lines: Iterable[bytes], as_of: date, summer_hold: bool) -> dict[str, Any]:
    """Lines of NDJSON, one CloudEvent each → ``{"as_of", "persons", "rejected"}`` as JSON values.

    ``rejected`` is in order of line, counted from 1, blank lines too; a ``detail`` never holds a value of ``data``.
    Absence is checked against the contract and then dropped before everything else.
    """
    rejected: list[dict[str, Any]] = []
    events: list[Event] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = decode(line)
        except Refused as refused:
            rejected.append(_rejection(number, refused.event_id, refused.reason, str(refused)))
            continue
        if event.type.startswith(_ABSENCE):
            continue
        if event.type not in TYPES:
            detail = "type: the services tell each other this; expected what a school, a municipality or Beda tells"
            rejected.append(_rejection(number, event.id, "unknown_type", detail))
            continue
        events.append(event)
        numbers.append(number)
    settlement = settle(events)
    for conflict in settlement.conflicts:
        detail = f"id: line {numbers[conflict.standing]} has the same source and id, other content; it stands"
        number, event = numbers[conflict.position], events[conflict.position]
        rejected.append(_rejection(number, event.id, "identity_conflict", detail))
    rejected.sort(key=lambda rejection: int(rejection["line"]))
    return {
        "as_of": as_of.isoformat(),
        "persons": [
            listing(number, cut(timeline(statements, summer_hold=summer_hold), as_of))
            for number, statements in persons(settlement.counting).items()
        ],
        "rejected": rejected,
    }


def listing(identity_number: str, episodes: Sequence[Episode]) -> dict[str, Any]:
    """One person of the answer, as JSON values."""
    return {
        "identity_number": identity_number,
        "episodes": [
            {
                "municipality": e.municipality,
                "from": e.from_day.isoformat(),
                "to": None if e.to_day is None else e.to_day.isoformat(),
                "entry_reason": e.entry_reason,
                "exit_reason": e.exit_reason,
            }
            for e in episodes
        ],
    }


def _rejection(line: int, event_id: str | None, reason: str, detail: str) -> dict[str, Any]:
    return {"line": line, "id": event_id, "reason": reason, "detail": detail}
