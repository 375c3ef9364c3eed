"""What is said of a measure (åtgärd): its plan and how it ended. Pure values, refused when they cannot be."""

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
)

from contracts.identifiers import EARLIEST, LATEST, Day
from contracts.own import MeasureKind, Occupation

#: Why a measure ended; as in the published ``outreach.measure.ended``.
EndReason = Literal["completed", "started_education", "started_work", "moved", "own_choice", "other"]
#: Economic support (ekonomiskt stöd) while a measure goes on: as study aid (studiebidrag), travel card, meals.
SupportKind = Literal["study_aid", "travel_card", "meals"]
#: The longest note, in characters: enough for what to remember, too short for a record of a person.
NOTE_LENGTH: Final = 500
TEXT_LENGTH: Final = 1000
#: More days of follow-up than a measure has months is a mistake.
MOST_FOLLOW_UPS: Final = 60


def _lines(value: object) -> object:
    """Line ends as one character; nothing but blanks is nothing."""
    if not isinstance(value, str):
        return value
    return value.replace("\r\n", "\n").strip() or None


def _within(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"expected a day from {EARLIEST} to {LATEST}")
    return day


def _in_order(days: tuple[date, ...]) -> tuple[date, ...]:
    return tuple(sorted(set(days)))


#: Text of several lines; no other control characters, which PostgreSQL or a reader may refuse.
_Lines = StringConstraints(pattern=r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$")
_Text = Annotated[str, StringConstraints(max_length=TEXT_LENGTH), _Lines]
Words = Annotated[_Text, BeforeValidator(_lines)]
MaybeWords = Annotated[_Text | None, BeforeValidator(_lines)]
Note = Annotated[
    Annotated[str, StringConstraints(max_length=NOTE_LENGTH), _Lines] | None, BeforeValidator(_lines)
]
#: A day that readers of what is published take.
PlanDay = Annotated[Day, AfterValidator(_within)]


class _Part(BaseModel):
    # values are not repeated in errors: they are about a person
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, regex_engine="rust-regex"
    )


class Support(_Part):
    """Money or its worth that comes with a measure."""

    kind: SupportKind
    #: Whole kronor (SEK) for each period.
    amount: Annotated[int, Field(ge=1, le=100_000)]
    per: Literal["once", "day", "week", "month"]


class Plan(_Part):
    """A measure as planned: what Skolverket asks to be documented. Texts say nothing of health (2006:39 § 5)."""

    kind: MeasureKind
    #: What it consists of (förordning 2006:39 § 4).
    content: Words
    plan: MaybeWords = None
    goal: MaybeWords = None
    #: Who answers for what.
    person_does: MaybeWords = None
    municipality_does: MaybeWords = None
    others_do: MaybeWords = None
    from_day: PlanDay
    follow_up_on: Annotated[
        tuple[PlanDay, ...], Field(max_length=MOST_FOLLOW_UPS), AfterValidator(_in_order)
    ] = ()
    support: Annotated[tuple[Support, ...], Field(max_length=10)] = ()
    #: For the worker's memory; never leaves outreach.
    note: Note = None


class End(_Part):
    """How a measure ended. ``to_day`` is its last day."""

    to_day: PlanDay
    reason: EndReason
    occupation_after: Occupation | None = None


#: The support of a measure as it is stored.
SUPPORT: Final = TypeAdapter(tuple[Support, ...])
