"""What a municipality's ladder (trappa) may say: its steps, what follows which answer, and what stands beside them.

Data, never code: one YAML file for each municipality that wants its own. How it is read is in ``ladder_file``, what
its parts ask of each other in ``soundness``, what it calls for in a case in ``ladder``.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from contracts.identifiers import NO_CONTROL
from contracts.own import EntryReason, Occupation
from services.outreach.kinds import Channel, Outcome

#: The other kinds have rules of their own beside the steps.
StepKind = Literal["inform", "contact", "talk", "offer_measure", "recheck_occupation", "clear_up"]
#: An outcome, or ``otherwise``: every outcome not named, and a task that was done without one.
Answer: TypeAlias = Literal[Outcome, "otherwise"]
EntryKey: TypeAlias = Literal[EntryReason, "otherwise"]


def _name(value: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", value):
        raise ValueError("expected a name: small letters a to z, digits and _, a letter first, at most 40")
    return value


def _age(value: str) -> str:
    if not re.fullmatch("1[5-9] years( ([1-9]|1[01]) months?)?", value):
        raise ValueError("expected an age such as 19 years 9 months")
    return value


Name = Annotated[str, AfterValidator(_name)]
#: Days from one thing to the next.
Wait = Annotated[int, Field(ge=0, le=365)]
#: Days from one try to the next, or between what is repeated without end: never none.
Between = Annotated[int, Field(ge=1, le=365)]
#: Days that an end lasts. Below a week it would be no end but one more try.
Pause = Annotated[int, Field(ge=7, le=730)]

#: What ``then`` may say instead of a step: try again, or end for now.
AGAIN: Final = "again"
END: Final = "end"
#: The step of a protected person, and of the tasks that have no step in the file.
PROTECTED: Final = "protected"
FOLLOW_UP: Final = "follow_up"
HAND_OVER: Final = "hand_over"
EARLY_SUPPORT: Final = "early_support"
#: Names that no step of a file may take.
RESERVED: Final = frozenset({AGAIN, END, PROTECTED, FOLLOW_UP, HAND_OVER, EARLY_SUPPORT, "otherwise"})

#: What says that nothing is known, and so is never current.
UNKNOWN_OCCUPATIONS: Final[frozenset[Occupation]] = frozenset({"none", "unknown"})


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Follows(_Part):
    """What follows an answer: a step after some days, ``again``, or ``end`` for a time and then a step."""

    then: Name
    #: With a step: days until it opens; 0 is the same day.
    in_days: Wait | None = None
    #: With ``end``: days until ``with`` opens. A case that is covered never ends for good here.
    again_after_days: Pause | None = None
    with_: Name | None = Field(default=None, alias="with")

    @property
    def opens(self) -> str:
        """The name of the step that opens, after an end too."""
        return self.then if self.with_ is None else self.with_

    @property
    def wait(self) -> int:
        """Days until it opens."""
        return self.again_after_days or self.in_days or 0


class Step(_Part):
    """One step: a task of ``kind``, and what follows each answer to it."""

    kind: StepKind
    #: In order of preference; the first that the known contact ways allow is proposed.
    channels: tuple[Channel, ...] = ()
    #: Days from the day the task opens until it is due.
    due_in_days: Wait
    #: How often the step is tried while the answer says ``again``.
    tries: Annotated[int, Field(ge=1, le=20)] = 1
    #: Days after the first try, the second, …; the last number holds for all further ones.
    days_between: tuple[Between, ...] = ()
    after: Mapping[Answer, Follows]
    #: What follows ``again`` when all tries are used up.
    after_last_try: Follows | None = None


class CloseTo20(_Part):
    """Shorter waits for who is soon 20, when the responsibility ends (skollagen 29:9)."""

    #: Days before the 20th birthday from which waits are shorter, and a task as urgent as one that is due.
    when_under_days_left: Annotated[int, Field(ge=0, le=730)]
    #: 2 halves the waits; rounded up to whole days.
    waits_divided_by: Annotated[int, Field(ge=1, le=10)]


class OccupationRule(_Part):
    """How long a known occupation (sysselsättning) is current, and what follows when it no longer is."""

    current_for_days: Between
    #: While one of these is current, no step is called for.
    rests_for: tuple[Occupation, ...]
    #: The step, of kind ``recheck_occupation``, that opens when a known occupation is no longer current.
    then: Name


class Ended(_Part):
    """What follows the end of a measure while the person is still covered."""

    then: Name
    in_days: Wait


class MeasureRule(_Part):
    """Measures (åtgärder): following them up. While one goes on no step is called for."""

    #: Days before a planned day of follow-up that its task opens.
    opens_days_before: Wait
    #: Without a planned day, a measure is followed up this often.
    at_least_every_days: Between
    #: Days after which a follow-up that nobody answered is tried again.
    again_after_days: Between = 7
    channels: tuple[Channel, ...] = ()
    when_ended: Ended


class HandOver(_Part):
    """Handing over before the responsibility ends at 20; by age in whole months, or by days. One of the two."""

    at_age: Annotated[str, AfterValidator(_age)] | None = None
    days_before_20: Annotated[int, Field(ge=1, le=730)] | None = None
    due_in_days: Wait
    #: Days after which it is tried again when nobody answered.
    again_after_days: Between = 7
    channels: tuple[Channel, ...] = ()

    @property
    def age(self) -> tuple[int, ...]:
        """``at_age`` as whole years, and months if any are said."""
        return tuple(int(word) for word in (self.at_age or "").split() if word.isdecimal())


class ProtectedRule(_Part):
    """The one manual step that a protected person has instead of the ladder; never a channel (INV-11)."""

    kind: StepKind
    due_in_days: Wait
    again_after_days: Pause


class EarlySupportRule(_Part):
    """Early support when a school tells of much absence (skollagen 15:15)."""

    due_in_days: Wait
    #: Days after which it is tried again when nobody answered.
    again_after_days: Between = 7


class Ladder(_Part):
    """A municipality's ladder, whole. Steps in the order of the file: what stands lower comes later in a case."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_CONTROL)]
    #: The first step, by the reason of the entry into the register.
    entry: Mapping[EntryKey, Name]
    steps: Mapping[Name, Step]
    close_to_20: CloseTo20
    occupation: OccupationRule
    measures: MeasureRule
    hand_over: HandOver
    protected: ProtectedRule
    early_support: EarlySupportRule

    def first_step(self, reason: EntryReason) -> str:
        """The name of the step that a case begins with."""
        return self.entry[reason] if reason in self.entry else self.entry["otherwise"]
