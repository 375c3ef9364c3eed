"""Who may say what where: the boundary between organisers (INV-06). Pure."""

from typing import Any

from contracts.catalogue import Family
from contracts.envelope import Event, Problem
from contracts.events import SOURCES
from contracts.organisers import Directory

__all__ = ["refusal"]


def refusal(
    event: Event, family: Family, owner: str | None, directory: Directory
) -> tuple[str, Problem] | None:
    """Why an event may not stand on a topic: (class of dead letter, problem), or None when it may.

    ``owner`` is the organisation number or municipality code in the topic's name. An organiser is accepted only
    while it is in the directory, and only about its own school units.
    """
    if event.type not in family.types:
        return "wrong_topic", Problem("type", f"this type does not belong on {family.name}")
    if owner is None:
        return None
    speaker = speaker_of(event)
    if speaker != owner:
        return "foreign_source", Problem("source", "is not the one that the topic belongs to")
    if family.owner == "organiser":
        if directory.organiser(owner) is None:
            return "unknown_organiser", Problem("source", "is not in the directory of organisers")
        unit: Any = getattr(event.data, "school_unit", None)
        if unit is not None and not directory.accepts(owner, unit):
            return "foreign_unit", Problem(
                "data.school_unit", "is not one of this organiser's units in the directory"
            )
    return None


def speaker_of(event: Event) -> str | None:
    """The organisation number, municipality code or name of service in an event's source."""
    for prefix, (form, _) in SOURCES.items():
        if event.type.startswith(prefix):
            match = form.fullmatch(event.source)
            return match.group(1) if match else None
    return None
