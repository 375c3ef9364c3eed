"""What a program is shown."""

from datetime import date, datetime
from typing import Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.own import EntryReason, ExitReason, Ground, MeasureKind, Occupation
from services.outreach import contacts, listing, measures, queue
from services.outreach.kinds import Channel, Kind, Outcome
from services.outreach.persons import Noticed, Seen, Spell
from services.outreach.plans import EndReason, Support
from services.outreach.tasks import Happening, State
from services.outreach.ways import Ways

#: What a listing rests on.
LAW: Final = "Skollagen (2010:800) 29 kap. 9 §"
#: Revisions of a contact or measure that are shown: the latest.
MOST_REVISIONS: Final = 200
_PERSON_ID: Final = "5b0a8f2e-7a53-4c57-9a1b-2f6d1c0e8a44"
_WHO: Final = "stockholm:8f14e45f"


class Shown(BaseModel):
    """What an answer is made of."""

    # what is read from slots of ours is not checked a second time
    model_config = ConfigDict(frozen=True, from_attributes=True)


class PersonShown(Shown):
    """A person. Of a protected one neither number nor name nor birth date is shown."""

    person_id: UUID
    protected: bool
    identity_number: str | None
    name: str | None
    birth_date: date | None
    #: The responsibility ends at the latest on this day (skollagen 29:9).
    turns_20_on: date | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "person_id": _PERSON_ID, "protected": False, "identity_number": "200803159813",
                    "name": "Vera Ek", "birth_date": "2008-03-15", "turns_20_on": "2028-03-15",
                }
            ]
        }
    )  # fmt: skip


class Claim(Shown):
    """A task in the caller's hands until ``held_until`` (UTC)."""

    task_id: int
    kind: Kind
    step: str
    channel: Channel | None
    due_on: date
    held_until: datetime

    @classmethod
    def of(cls, claimed: queue.Claimed) -> Self:
        """What of it names nobody."""
        return cls(
            task_id=claimed.task_id, kind=claimed.kind, step=claimed.step, channel=claimed.channel,
            due_on=claimed.due_on, held_until=claimed.leased_until,
        )  # fmt: skip


class TaskTaken(Shown):
    """A task that was taken, and whom it is about; the person is null when she can no longer be shown."""

    task: Claim
    person: PersonShown | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task": {
                        "task_id": 4711, "kind": "contact", "step": "call", "channel": "phone",
                        "due_on": "2026-11-23", "held_until": "2026-11-23T09:30:00Z",
                    },
                    "person": PersonShown.model_config["json_schema_extra"]["examples"][0],  # type: ignore[index]
                }
            ]
        }
    )  # fmt: skip


class NextTask(Shown):
    """The task that was taken and its person; both null when none waits."""

    task: Claim | None
    person: PersonShown | None


class Held(Shown):
    """Until when (UTC) the caller holds the task."""

    held_until: datetime


class TaskShown(Shown):
    """An open task in a list; ``name`` and ``birth_date`` are null for a protected person."""

    task_id: int
    kind: Kind
    step: str
    channel: Channel | None
    due_on: date
    #: The most urgent first: the day it is due, or that on which the person is close to 20.
    rank_on: date
    #: Whether anybody has reached the person since the case began.
    contacted: bool
    since: date
    opened_on: date
    assigned_to: str | None
    snoozed_until: date | None
    held_by: str | None
    person_id: UUID
    name: str | None
    birth_date: date | None


class TaskPage(Shown):
    """A page of a list; ``next_cursor`` is null on the last."""

    tasks: list[TaskShown]
    next_cursor: str | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tasks": [
                        {
                            "task_id": 4711, "kind": "contact", "step": "call", "channel": "phone",
                            "due_on": "2026-11-23", "rank_on": "2026-11-23", "contacted": False,
                            "since": "2026-08-20", "opened_on": "2026-11-16", "assigned_to": None,
                            "snoozed_until": None, "held_by": _WHO, "person_id": _PERSON_ID,
                            "name": "Vera Ek", "birth_date": "2008-03-15",
                        }
                    ],
                    "next_cursor": "WyIyMDI2LTExLTIzIixmYWxzZSwiMjAyNi0wOC0yMCIsNDcxMV0",
                }
            ]
        }
    )  # fmt: skip


class HappenedShown(Shown):
    """A line of a task's history; ``at`` in UTC."""

    at: datetime
    happening: Happening
    who: str
    reason: str | None


class History(Shown):
    """What happened to a task, oldest first."""

    happened: list[HappenedShown]


class Overview(Shown):
    """Tasks of the municipality, counted; ``late``, ``due_soon`` (10 days) and ``due_later`` are ready or held."""

    ready: int
    held: int
    asleep: int
    waiting: int
    done: int
    closed: int
    late: int
    due_soon: int
    due_later: int


class Found(Shown):
    """Whom a search found. ``more``: there are others, whom more of the name would find."""

    persons: list[PersonShown]
    more: bool


class Listed(Shown):
    """A time on the municipality's list; ``to_day`` is its last day, null while it lasts."""

    from_day: date
    to_day: date | None
    entry_reason: EntryReason
    exit_reason: ExitReason | None
    #: What the listing rests on.
    law: str = LAW
    #: The evidence for its beginning, the deciding statement first; none is shown of a protected person.
    grounds: list[Ground]

    @classmethod
    def of(cls, spell: Spell) -> Self:
        """With its law."""
        return cls.model_validate(spell)


class NoticeShown(Shown):
    """A school told of much absence (skollagen 15:15): no part of the register."""

    heard_on: date
    handled_on: date | None
    #: The school says that the pupil is back to full-time attendance.
    closed: bool

    @classmethod
    def of(cls, noticed: Noticed) -> Self:
        """As it stands."""
        return cls.model_validate(noticed)


class ContactWays(Shown):
    """How a person can be reached, as the registry last told."""

    phones: list[str]
    email: str | None
    street: str | None
    postal_code: str | None
    city: str | None

    @classmethod
    def of(cls, ways: Ways) -> Self:
        """The same."""
        return cls(
            phones=list(ways.phones), email=ways.email, street=ways.street, postal_code=ways.postal_code,
            city=ways.city,
        )  # fmt: skip


class TaskPast(Shown):
    """A task of a person, in any state."""

    task_id: int
    kind: Kind
    step: str
    state: State
    reason: str | None
    opened_on: date
    due_on: date
    done_on: date | None
    assigned_to: str | None
    snoozed_until: date | None
    held_by: str | None


class ContactShown(Shown):
    """A contact as a revision has it; ``at`` (UTC) is when that was said."""

    contact_id: UUID
    revision: int
    task_id: int | None
    on: date
    channel: Channel
    outcome: Outcome
    occupation: Occupation | None
    who: str
    at: datetime

    @classmethod
    def of(cls, contact: contacts.Contact) -> Self:
        """Flat."""
        said = contact.said
        return cls(
            contact_id=contact.contact_id, revision=contact.revision, task_id=contact.task_id, on=said.on,
            channel=said.channel, outcome=said.outcome, occupation=said.occupation, who=contact.who, at=contact.at,
        )  # fmt: skip


class EndShown(Shown):
    """How a measure ended."""

    to_day: date
    reason: EndReason
    occupation_after: Occupation | None


class MeasureShown(Shown):
    """A measure as a revision has it, without staff's own note; ``at`` (UTC) is when that was said."""

    measure_id: UUID
    revision: int
    kind: MeasureKind
    content: str
    plan: str | None
    goal: str | None
    person_does: str | None
    municipality_does: str | None
    others_do: str | None
    from_day: date
    follow_up_on: list[date]
    support: list[Support]
    end: EndShown | None
    who: str
    at: datetime

    @classmethod
    def of(cls, measure: measures.Measure) -> Self:
        """Flat, and without the note: it leaves outreach in no way."""
        plan = measure.plan.model_dump(exclude={"note"})
        end = None if measure.end is None else measure.end.model_dump()
        return cls.model_validate(
            plan
            | {
                "measure_id": measure.measure_id, "revision": measure.revision, "end": end, "who": measure.who,
                "at": measure.at,
            }
        )  # fmt: skip


class ContactRevisions(Shown):
    """What was said of a contact, oldest first; the last one stands."""

    revisions: list[ContactShown]


class MeasureRevisions(Shown):
    """What was said of a measure, oldest first; the last one stands."""

    revisions: list[MeasureShown]


class PersonWhole(Shown):
    """A person and all that the municipality has about her."""

    person: PersonShown
    listed: list[Listed]
    notices: list[NoticeShown]
    contact_ways: ContactWays | None
    #: What was learnt last of how she is occupied, as long as the municipality's ladder lets it count.
    occupation: Occupation
    tasks: list[TaskPast]
    contacts: list[ContactShown]
    measures: list[MeasureShown]


class ContactKept(Shown):
    """A contact that was recorded or corrected."""

    contact_id: UUID
    revision: int


class MeasureKept(Shown):
    """A measure that was planned, changed or ended."""

    measure_id: UUID
    revision: int


class FollowUpShown(Shown):
    """A day on which a measure is to be followed up; ``name`` is null for a protected person."""

    measure_id: UUID
    person_id: UUID
    kind: MeasureKind
    on: date
    name: str | None


class FollowUps(Shown):
    """Follow-ups that are due or planned and not done, by day."""

    follow_ups: list[FollowUpShown]


def person(seen: Seen) -> PersonShown:
    """A person as the API shows her."""
    return PersonShown.model_validate(seen)


def task(listed: listing.Listed) -> TaskShown:
    """A task of a list as the API shows it."""
    return TaskShown.model_validate(listed)
