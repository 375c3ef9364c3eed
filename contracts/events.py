"""Every event type, by name, with the family that may say it."""

import re
from typing import Final

from contracts import municipality, national, own, school
from contracts.model import EventData

_SCHOOL: Final = (
    school.EnrolmentStarted,
    school.EnrolmentChanged,
    school.EnrolmentConfirmed,
    school.EnrolmentNoShow,
    school.EnrolmentRetracted,
    school.LeaveLeft,
    school.LeaveCompleted,
    school.LeaveCompulsoryEnded,
    school.LeaveRetracted,
    school.AbsenceReported,
    school.AbsenceResumed,
    school.AbsenceRetracted,
)
_MUNICIPALITY: Final = (
    municipality.ResidentRegistered,
    municipality.ResidentMoved,
    municipality.ResidentUpdated,
    municipality.ResidentDeceased,
    municipality.ResidentIdentityChanged,
    municipality.ResidentRetracted,
)
_NATIONAL: Final = (national.CredentialAwarded, national.CredentialRetracted)
_OWN: Final = (
    own.PersonUpdated,
    own.CoverageStarted,
    own.CoverageChanged,
    own.CoverageEnded,
    own.CoverageWithdrawn,
    own.ContactMade,
    own.MeasureStarted,
    own.MeasureChanged,
    own.MeasureEnded,
    own.NoticeRegistered,
    own.NoticeUpdated,
)

#: Type name → model of its data.
TYPES: Final[dict[str, type[EventData]]] = {
    model.TYPE: model for model in (*_SCHOOL, *_MUNICIPALITY, *_NATIONAL, *_OWN)
}

#: Prefix of a type → the form of the source that may say it, and that form in words.
SOURCES: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "se.kaa.school.": (
        re.compile(r"urn:se:orgnr:([0-9]{10})(?::[a-z0-9-]{1,32})?"),
        "urn:se:orgnr:<10 digits>, optionally followed by :<system> (a-z, 0-9, -; at most 32)",
    ),
    "se.kaa.municipality.": (re.compile(r"urn:se:kommun:([0-9]{4})"), "urn:se:kommun:<4 digits>"),
    "se.kaa.national.": (re.compile(r"urn:se:(beda)"), "urn:se:beda"),
    "se.kaa.registry.": (re.compile(r"urn:kaa:(registry)"), "urn:kaa:registry"),
    "se.kaa.outreach.": (re.compile(r"urn:kaa:(outreach)"), "urn:kaa:outreach"),
    "se.kaa.notifications.": (re.compile(r"urn:kaa:(notifications)"), "urn:kaa:notifications"),
}
