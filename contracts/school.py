"""What schools tell: enrolments, leaves and absence (``se.kaa.school.…``)."""

from typing import ClassVar, Literal

from contracts.identifiers import Day, IdentityNumber, Month, MunicipalityCode, SchoolUnit, StudyPath, Text
from contracts.model import Count, EventData, Model, Retraction

#: Forms of schooling (skolformer). GYS, GYSAR and GS are older names of GYAN, adapted upper secondary school.
SchoolForm = Literal["GY", "GYAN", "GYS", "GYSAR", "GS", "VUXGY", "VUXGR", "VUXSFI", "FHS", "GR", "ABROAD"]


class Pupil(Model):
    """A pupil (elev) as the school knows her."""

    identity_number: IdentityNumber
    given_name: Text | None = None
    family_name: Text | None = None


class _PupilEvent(EventData):
    pupil: Pupil
    school_unit: SchoolUnit


class EnrolmentStarted(_PupilEvent):
    """A pupil starts at a school unit, in a form and (in upper secondary school) on a study path."""

    TYPE: ClassVar[str] = "se.kaa.school.enrolment.started.v1"
    school_form: SchoolForm
    study_path: StudyPath | None = None
    started_on: Day
    home_municipality: MunicipalityCode | None = None


class EnrolmentChanged(_PupilEvent):
    """A new programme at the same unit, from that day."""

    TYPE: ClassVar[str] = "se.kaa.school.enrolment.changed.v1"
    school_form: SchoolForm
    study_path: StudyPath | None = None
    changed_on: Day


class EnrolmentConfirmed(_PupilEvent):
    """Still here on that day; sent for everyone at least each term. No effect on coverage."""

    TYPE: ClassVar[str] = "se.kaa.school.enrolment.confirmed.v1"
    confirmed_on: Day


class EnrolmentNoShow(_PupilEvent):
    """The enrolment that would have started never began (gymnasieförordningen 12:3)."""

    TYPE: ClassVar[str] = "se.kaa.school.enrolment.no_show.v1"
    term_started_on: Day


class EnrolmentRetracted(Retraction):
    """Takes an enrolment event of the same source back."""

    TYPE: ClassVar[str] = "se.kaa.school.enrolment.retracted.v1"


class LeaveLeft(_PupilEvent):
    """A pupil left before the end; ``last_day`` is the last day she was enrolled."""

    TYPE: ClassVar[str] = "se.kaa.school.leave.left.v1"
    last_day: Day
    reason: Literal["own_choice", "moved", "work", "excluded", "other"] | None = None


class LeaveCompleted(_PupilEvent):
    """A pupil finished; a study certificate (studiebevis) does not complete upper secondary school."""

    TYPE: ClassVar[str] = "se.kaa.school.leave.completed.v1"
    completed_on: Day
    outcome: Literal["diploma", "adapted_certificate", "ib_diploma", "study_certificate"]


class LeaveCompulsoryEnded(_PupilEvent):
    """Compulsory school (skolplikt) is over for this pupil."""

    TYPE: ClassVar[str] = "se.kaa.school.leave.compulsory_ended.v1"
    ended_on: Day
    home_municipality: MunicipalityCode | None = None


class LeaveRetracted(Retraction):
    """Takes a leave event of the same source back."""

    TYPE: ClassVar[str] = "se.kaa.school.leave.retracted.v1"


class AbsenceReported(_PupilEvent):
    """Unexcused absence of a month, the total so far (skollagen 15:15); the latest ``time`` wins."""

    TYPE: ClassVar[str] = "se.kaa.school.absence.reported.v1"
    month: Month
    unexcused_minutes: Count
    occasions: Count
    home_municipality: MunicipalityCode | None = None


class AbsenceResumed(_PupilEvent):
    """Back to full-time attendance."""

    TYPE: ClassVar[str] = "se.kaa.school.absence.resumed.v1"
    resumed_on: Day


class AbsenceRetracted(Retraction):
    """Takes an absence event of the same source back."""

    TYPE: ClassVar[str] = "se.kaa.school.absence.retracted.v1"
