"""What KAA's services tell each other (``se.kaa.registry.…``, ``outreach``, ``notifications``).

Identified by ``person_id``. Only the entity event ``registry.person.updated`` carries an identity number, names or
contact data; its topic is read by outreach, notifications and reporting alone.
"""

import re
from typing import Annotated, ClassVar, Final, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from contracts.identifiers import (
    MAX_COUNT,
    Day,
    IdentityNumber,
    MunicipalityCode,
    OrganisationNumber,
    SchoolUnit,
    Text,
)
from contracts.model import EventData, Model, Protection
from contracts.municipality import Contact

#: Only the canonical form: ``uuid.UUID`` itself also takes braces, underscores and misplaced hyphens.
_UUID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def _uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and re.fullmatch(_UUID, value):
        return UUID(value)
    raise ValueError("expected a UUID in lower case, with its hyphens")


Id = Annotated[
    UUID,
    BeforeValidator(_uuid),
    WithJsonSchema({"type": "string", "format": "uuid", "maxLength": 36, "pattern": _UUID}),
]
#: Only grows, per person, episode, contact, measure or notice; a reader ignores a lower one than it has seen.
Revision = Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)]

EntryReason = Literal[
    "compulsory_school_only",
    "left_upper_secondary",
    "left_introductory_programme",
    "left_equivalent_education",
    "study_certificate",
    "newly_arrived",
    "no_known_school",
]
ExitReason = Literal[
    "deceased",
    "emigrated",
    "moved",
    "turned_20",
    "completed_education",
    "started_introductory_programme",
    "started_upper_secondary",
    "started_equivalent_education",
    "returned_to_compulsory_school",
]
#: What a school, a population feed or Beda has stated. ``started`` and ``changed`` ended an enrolment in another;
#: ``registered_in_sweden``: for the first time, after the age of compulsory school (skollagen 29:9 p. 2);
#: ``home_stated``: a school has told the home municipality.
Fact = Literal[
    "left",
    "completed",
    "study_certificate",
    "compulsory_school_started",
    "compulsory_school_ended",
    "no_show",
    "started",
    "changed",
    "registered",
    "registered_in_sweden",
    "moved",
    "home_stated",
]
#: An episode is told with so many grounds at most.
MOST_GROUNDS: Final = 5
Occupation = Literal[
    "national_programme",
    "introductory_programme",
    "adult_education",
    "other_studies",
    "work",
    "work_placement",
    "seeking_work",
    "abroad",
    "none",
    "unknown",
]
MeasureKind = Literal[
    "guidance",
    "work_placement",
    "adult_education",
    "folk_high_school",
    "talks",
    "other",
]


class _OwnEvent(EventData):
    person_id: Id


class PersonUpdated(_OwnEvent):
    """The latest state of a person. A null record on the topic means *purged*, nothing else."""

    TYPE: ClassVar[str] = "se.kaa.registry.person.updated.v1"
    revision: Revision
    identity_number: IdentityNumber
    former_identity_numbers: tuple[IdentityNumber, ...]
    given_name: Text | None = None
    family_name: Text | None = None
    birth_date: Day
    municipality: MunicipalityCode | None = None
    protection: Protection
    contact: Contact | None = None
    merged_into: Id | None = None


class Ground(Model):
    """A statement that a listing rests on, and who made it: neither an organiser nor a municipality is Beda."""

    fact: Fact
    #: The day it is about.
    on: Day
    school_unit: SchoolUnit | None = None
    #: The organiser whose school stated it.
    organiser: OrganisationNumber | None = None
    #: Whose population feed stated it.
    municipality: MunicipalityCode | None = None


class _Episode(_OwnEvent):
    """An episode of coverage, whole: the last event of an episode alone is enough."""

    person_revision: Revision
    episode_id: Id
    revision: Revision
    municipality: MunicipalityCode
    from_: Day = Field(alias="from")
    to: Day | None = None
    entry_reason: EntryReason
    exit_reason: ExitReason | None = None
    #: What the entry rests on, the deciding statement first; nothing of a protected person.
    grounds: Annotated[tuple[Ground, ...], Field(max_length=MOST_GROUNDS)] | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"to": {"type": "null"}, "exit_reason": {"type": "null"}}},
                {
                    "properties": {"to": {"type": "string"}, "exit_reason": {"type": "string"}},
                    "required": ["to", "exit_reason"],
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _ended_for_a_reason(self) -> Self:
        if (self.to is None) != (self.exit_reason is None):
            raise ValueError("`to` and `exit_reason` are stated together or not at all")
        return self


class CoverageStarted(_Episode):
    """The responsibility for a young person begins (skollagen 29:9)."""

    TYPE: ClassVar[str] = "se.kaa.registry.coverage.started.v1"


class CoverageChanged(_Episode):
    """Late or corrected facts moved an episode; without ``to`` it is open (again)."""

    TYPE: ClassVar[str] = "se.kaa.registry.coverage.changed.v1"


class CoverageEnded(_Episode):
    """The responsibility is over, ``to`` being the last covered day."""

    TYPE: ClassVar[str] = "se.kaa.registry.coverage.ended.v1"


class CoverageWithdrawn(_OwnEvent):
    """The episode should never have been: a wrong listing is taken back."""

    TYPE: ClassVar[str] = "se.kaa.registry.coverage.withdrawn.v1"
    episode_id: Id
    revision: Revision


class ContactMade(_OwnEvent):
    """Somebody tried to reach the person, or did."""

    TYPE: ClassVar[str] = "se.kaa.outreach.contact.made.v1"
    municipality: MunicipalityCode
    contact_id: Id
    revision: Revision
    on: Day
    channel: Literal["phone", "sms", "email", "letter", "home_visit", "social_media", "meeting", "other"]
    outcome: Literal["reached", "not_reached", "message_left", "declined", "informed"]
    occupation: Occupation | None = None


class _Measure(_OwnEvent):
    municipality: MunicipalityCode
    measure_id: Id
    revision: Revision
    kind: MeasureKind
    from_: Day = Field(alias="from")
    to: Day | None = None
    end_reason: (
        Literal["completed", "started_education", "started_work", "moved", "own_choice", "other"] | None
    ) = None
    occupation_after: Occupation | None = None


class MeasureStarted(_Measure):
    """An individual measure (individuell åtgärd) began."""

    TYPE: ClassVar[str] = "se.kaa.outreach.measure.started.v1"


class MeasureChanged(_Measure):
    """A measure was corrected or its plan moved."""

    TYPE: ClassVar[str] = "se.kaa.outreach.measure.changed.v1"


class MeasureEnded(_Measure):
    """A measure ended, with its reason (förordning 2006:39 § 4)."""

    TYPE: ClassVar[str] = "se.kaa.outreach.measure.ended.v1"


class _Notice(_OwnEvent):
    notice_id: Id
    revision: Revision
    municipality: MunicipalityCode
    kind: Literal["started", "left", "completed", "no_show", "absence"]
    school_unit: SchoolUnit
    #: ``closed``: absence that was told, and the pupil is back to full-time attendance.
    status: Literal["registered", "closed", "withdrawn"]


class NoticeRegistered(_Notice):
    """The home municipality is told that a pupil started or left elsewhere, or is absent (skollagen 15:15, 18:15)."""

    TYPE: ClassVar[str] = "se.kaa.notifications.notice.registered.v1"


class NoticeUpdated(_Notice):
    """A notice changed its status."""

    TYPE: ClassVar[str] = "se.kaa.notifications.notice.updated.v1"
