"""The base of every event's data, and what several families share."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.identifiers import MAX_COUNT, EventId, Text

#: A whole number: minutes, occasions, revisions.
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_COUNT)]

Protection = Literal["none", "confidential", "protected_registration", "assumed_identity"]


class Model(BaseModel):
    """Frozen; unknown fields are ignored, unknown enum values are refused; null in an optional field is absence."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, regex_engine="rust-regex"
    )


class EventData(Model):
    """What stands in ``data`` of one event type."""

    #: The event type, e.g. ``se.kaa.school.leave.left.v1``.
    TYPE: ClassVar[str]


class Retraction(EventData):
    """Takes an earlier event of the same source back. May arrive before what it names; naming is final."""

    retracts: EventId
    reason: Text | None = None
