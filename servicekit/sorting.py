"""Sorting a polled batch: which records are events that may take effect, and which are put aside. Pure."""

from uuid import UUID

from contracts.catalogue import Family, family_of
from contracts.envelope import Refused, decode
from contracts.organisers import Directory
from servicekit.admission import refusal
from servicekit.records import DeadLetter, Received, Record


def sort_out(record: Record, directory: Directory) -> Received | DeadLetter:
    """Decodes and judges one record. Raises nothing, whatever the record holds."""
    found = family_of(record.topic)
    if found is None:
        return DeadLetter(record, "unknown", "wrong_topic", None, "no topic of the catalogue has this name")
    family, owner = found
    if record.value is None and family.config.get("cleanup.policy") == "compact":
        return _tombstone(record, family)
    try:
        event = decode(record.value, record.headers)
    except Refused as refused:
        problem = refused.problems[0]
        return DeadLetter(record, family.name, refused.reason, problem.field, str(refused), refused.event_id)
    wrong = refusal(event, family, owner, directory)
    if wrong:
        kind, problem = wrong
        return DeadLetter(record, family.name, kind, problem.field, problem.detail, event.id)
    return Received(record, family.name, event, event.digest)


def _tombstone(record: Record, family: Family) -> Received | DeadLetter:
    try:
        UUID((record.key or b"").decode("ascii"))
    except ValueError:
        return DeadLetter(
            record, family.name, "malformed", "key", "expected the person_id of whom was purged"
        )
    return Received(record, family.name, None, b"")
