"""What a program may say: strictly typed, and nothing that is not named here."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from contracts.identifiers import MAX_COUNT
from contracts.own import MeasureKind, Occupation
from services.outreach.api import cursors
from services.outreach.contacts import Said
from services.outreach.kinds import Channel, Outcome
from services.outreach.listing import Whose
from services.outreach.plans import (
    MOST_FOLLOW_UPS,
    TEXT_LENGTH,
    End,
    EndReason,
    Plan,
    PlanDay,
    Support,
    SupportKind,
)
from services.outreach.routing import REASON_LENGTH
from services.outreach.workers import WHO_PATTERN

_BLANK: Final = r"\s\x00-\x1f\x7f-\x9f"
_CONTROL: Final = r"\x00-\x09\x0b-\x1f\x7f-\x9f"
#: Text of one or several lines, not blank, without other control characters. Never of health.
Words = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=TEXT_LENGTH, pattern=f"^[^{_CONTROL}]*[^{_BLANK}][^{_CONTROL}]*$"
    ),
]
#: Somebody at work, as ``held_by`` and ``who`` of answers have it.
Who = Annotated[str, StringConstraints(pattern=WHO_PATTERN)]
#: A line, not blank. Never where somebody is.
Reason = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=REASON_LENGTH,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    ),
    Field(examples=["Has worked with protected persons before."]),
]
#: Enough for a name or an identity number.
Sought = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "not": {"pattern": r"[\u0000-\u001f\u007f-\u009f]"},
        }
    ),
]


def _whole(value: object) -> object:
    """What JSON calls an integer: 600.0 is one too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _digits(value: object) -> object:
    """A number in an address, as digits alone: ``int`` itself also takes blanks, signs and underscores."""
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise ValueError("expected digits")
    return int(value) if isinstance(value, str) else value


# Limits stand before what reads the number: behind it, a description would not show them.
#: The revision that was read.
ReadRevision = Annotated[int, Field(ge=1, le=MAX_COUNT, examples=[1]), BeforeValidator(_whole)]
Minutes = Annotated[int, Field(ge=1, le=24 * 60, examples=[60]), BeforeValidator(_whole)]
#: Whole kronor (SEK).
Kronor = Annotated[int, Field(ge=1, le=100_000, examples=[600]), BeforeValidator(_whole)]
#: A task's number in an address; as large as every language's numbers hold exactly.
TaskNumber = Annotated[int, Field(ge=1, le=2**53 - 1), BeforeValidator(_digits)]
#: So many on a page.
PageSize = Annotated[int, Field(ge=1, le=200), BeforeValidator(_digits)]
#: So many days.
Days = Annotated[int, Field(ge=1, le=31), BeforeValidator(_digits)]


class Form(BaseModel):
    """Strict: a number is not a text, and an unknown field is refused. Values are not repeated in errors."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, regex_engine="rust-regex"
    )


class PageAsked(Form):
    """Which page of a list."""

    # absent, never the word null
    cursor: Annotated[
        Annotated[str, StringConstraints(pattern=cursors.PATTERN)] | SkipJsonSchema[None],
        Field(description="`next_cursor` of the page before."),
    ] = None
    limit: Annotated[PageSize, Field(description="So many on a page.")] = 50


class TasksAsked(PageAsked):
    """Which page of which list."""

    whose: Annotated[
        Whose,
        Field(
            description="`mine`: what you hold, or what is kept for you. `team`: what everybody may take, what "
            "others hold, and what is kept for them. `asleep`: what was put off until a day.",
            examples=["team"],
        ),
    ]


class FollowUpsAsked(Form):
    """Which days."""

    from_day: Annotated[PlanDay, Field(alias="from", description="The first day.", examples=["2026-11-23"])]
    days: Annotated[Days, Field(description="How many days from then on.")] = 7


class Lease(Form):
    """For how long a task is held, in minutes."""

    minutes: Minutes = 60


class Snooze(Form):
    """The day on which the task comes back: after today, at most 90 days on."""

    until: Annotated[PlanDay, Field(examples=["2026-12-01"])]


class Reassignment(Form):
    """For whom the task is kept; the team's with null."""

    to: Annotated[Who | None, Field(examples=["stockholm:8f14e45f"])]


class Routing(Form):
    """To whom a case is routed, and why: in one line that says nothing of where she is."""

    to: Annotated[Who, Field(examples=["stockholm:8f14e45f"])]
    reason: Reason


class TakingBack(Form):
    """Why a case is taken back: in one line that says nothing of where she is."""

    reason: Reason


class Search(Form):
    """An identity number, or the beginnings of names."""

    sought: Annotated[Sought, Field(examples=["Vera Ek"])]


class ContactSaid(Form):
    """A contact, or an attempt at one; ``occupation`` is what was learnt of it, if anything."""

    on: Annotated[PlanDay, Field(examples=["2026-11-20"])]
    channel: Annotated[Channel, Field(examples=["phone"])]
    outcome: Annotated[Outcome, Field(examples=["reached"])]
    occupation: Annotated[Occupation | None, Field(examples=["seeking_work"])] = None

    def said(self) -> Said:
        """As outreach takes it."""
        return Said(self.on, self.channel, self.outcome, self.occupation)


class ContactCorrection(ContactSaid):
    """The contact said anew, whole; ``revision`` is the one that was read."""

    revision: ReadRevision


class SupportSaid(Form):
    """Economic support (ekonomiskt stöd), in whole kronor for each period."""

    kind: SupportKind
    amount: Kronor
    per: Annotated[Literal["once", "day", "week", "month"], Field(examples=["month"])]


class PlanSaid(Form):
    """An individual measure (individuell åtgärd) as planned. No text may speak of health (förordning 2006:39 § 5)."""

    kind: Annotated[MeasureKind, Field(examples=["work_placement"])]
    content: Annotated[Words, Field(examples=["Four weeks at a garden centre, three days a week."])]
    plan: Words | None = None
    goal: Annotated[Words | None, Field(examples=["An application to upper secondary school by May."])] = None
    person_does: Words | None = None
    municipality_does: Words | None = None
    others_do: Words | None = None
    from_day: Annotated[PlanDay, Field(examples=["2026-12-01"])]
    follow_up_on: Annotated[list[PlanDay], Field(max_length=MOST_FOLLOW_UPS, examples=[["2027-01-15"]])] = []
    support: Annotated[list[SupportSaid], Field(max_length=10)] = []

    def planned(self, note: str | None = None) -> Plan:
        """As outreach takes it; the note is staff's own."""
        return Plan(
            kind=self.kind, content=self.content, plan=self.plan, goal=self.goal, person_does=self.person_does,
            municipality_does=self.municipality_does, others_do=self.others_do, from_day=self.from_day,
            follow_up_on=tuple(self.follow_up_on), note=note,
            support=tuple(Support(kind=one.kind, amount=one.amount, per=one.per) for one in self.support),
        )  # fmt: skip


class EndSaid(Form):
    """How a measure ended; ``to_day`` is its last day."""

    to_day: Annotated[PlanDay, Field(examples=["2027-01-29"])]
    reason: Annotated[EndReason, Field(examples=["started_education"])]
    occupation_after: Annotated[Occupation | None, Field(examples=["national_programme"])] = None

    def ended(self) -> End:
        """As outreach takes it."""
        return End(to_day=self.to_day, reason=self.reason, occupation_after=self.occupation_after)


class MeasureChange(Form):
    """The measure said anew, whole; ``revision`` is the one that was read. Without an end it goes on (again)."""

    revision: ReadRevision
    plan: PlanSaid
    end: EndSaid | None = None


class MeasureEnd(EndSaid):
    """The end of a measure; ``revision`` is the one that was read."""

    revision: ReadRevision
