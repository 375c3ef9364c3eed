"""What schools and the registry say, in few words, as events. All people are made up.

The pupil of most tests lives in Stockholm (0180) and goes to a school of an independent organiser.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid5

from contracts.envelope import Event
from contracts.identifiers import luhn
from contracts.model import EventData
from contracts.organisers import Directory, Organiser
from contracts.own import PersonUpdated
from contracts.school import (
    AbsenceReported,
    AbsenceResumed,
    AbsenceRetracted,
    EnrolmentChanged,
    EnrolmentConfirmed,
    EnrolmentNoShow,
    EnrolmentRetracted,
    EnrolmentStarted,
    LeaveCompleted,
    LeaveCompulsoryEnded,
    LeaveLeft,
    LeaveRetracted,
)

HOME: Final = "0180"
ELSEWHERE: Final = "0182"

STOCKHOLM: Final = "2120000142"
NACKA: Final = "2129990012"
INDEPENDENT: Final = "5599990016"
UNIT_OF: Final = {STOCKHOLM: "10000002", NACKA: "11000101", INDEPENDENT: "13000001"}

DIRECTORY: Final = Directory(
    (
        Organiser(STOCKHOLM, "Stockholms stad", HOME, {UNIT_OF[STOCKHOLM]: "Vindrosens gymnasium"}),
        Organiser(NACKA, "Nacka kommun", ELSEWHERE, {UNIT_OF[NACKA]: "Nacka norra gymnasium"}),
        Organiser(INDEPENDENT, "Ljusglimten AB", None, {UNIT_OF[INDEPENDENT]: "Ljusglimten", "13000002": "Söder"}),
    )
)  # fmt: skip

_ids = count(1)


def number(serial: int, birth: str = "20080315") -> str:
    """A made-up identity number: a birth serial of 980–999 and its check digit."""
    assert 980 <= serial <= 999
    stem = f"{birth}{serial}"
    return next(f"{stem}{digit}" for digit in range(10) if luhn(f"{stem}{digit}"[2:]))


PUPIL: Final = number(981)
#: The coordination number of the same birth date.
COORDINATION: Final = number(982, "20080375")


def person_id(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


def _school(data: EventData, organiser: str, on: str, told: dict[str, Any]) -> Event:
    recorded = told.get("recorded_at") or f"{on}T12:00:00+00:00"
    return Event(
        id=told.get("id") or f"e{next(_ids):05}",
        source=f"urn:se:orgnr:{organiser}{told.get('system', '')}",
        type=data.TYPE,
        time=datetime.fromisoformat(recorded).astimezone(UTC),
        data=data,
        replaces=told.get("replaces"),
    )


def _about(pupil: str, organiser: str, unit: str | None) -> dict[str, Any]:
    named = {"identity_number": pupil, "given_name": "Alva-Prövning", "family_name": "Påhittad"}
    return {"pupil": named, "school_unit": unit or UNIT_OF[organiser]}


def started(
    on: str = "2024-08-19",
    form: str = "GY",
    by: str = INDEPENDENT,
    pupil: str = PUPIL,
    unit: str | None = None,
    **told: Any,
) -> Event:
    data = EnrolmentStarted(**_about(pupil, by, unit), school_form=form, started_on=date.fromisoformat(on))
    return _school(data, by, on, told)


def changed(
    on: str, form: str, by: str = INDEPENDENT, pupil: str = PUPIL, unit: str | None = None, **told: Any
) -> Event:
    data = EnrolmentChanged(**_about(pupil, by, unit), school_form=form, changed_on=date.fromisoformat(on))
    return _school(data, by, on, told)


def left(
    on: str = "2024-11-29", by: str = INDEPENDENT, pupil: str = PUPIL, unit: str | None = None, **told: Any
) -> Event:
    return _school(LeaveLeft(**_about(pupil, by, unit), last_day=date.fromisoformat(on)), by, on, told)


def completed(on: str = "2027-06-10", by: str = INDEPENDENT, pupil: str = PUPIL, **told: Any) -> Event:
    data = LeaveCompleted(
        **_about(pupil, by, None), completed_on=date.fromisoformat(on), outcome="study_certificate"
    )
    return _school(data, by, on, told)


def no_show(on: str = "2024-08-19", by: str = INDEPENDENT, pupil: str = PUPIL, **told: Any) -> Event:
    data = EnrolmentNoShow(**_about(pupil, by, None), term_started_on=date.fromisoformat(on))
    return _school(data, by, on, told)


def confirmed(on: str = "2024-10-15", by: str = INDEPENDENT, pupil: str = PUPIL, **told: Any) -> Event:
    data = EnrolmentConfirmed(**_about(pupil, by, None), confirmed_on=date.fromisoformat(on))
    return _school(data, by, on, told)


def compulsory_ended(on: str = "2024-06-12", by: str = INDEPENDENT, pupil: str = PUPIL, **told: Any) -> Event:
    return _school(
        LeaveCompulsoryEnded(**_about(pupil, by, None), ended_on=date.fromisoformat(on)), by, on, told
    )


def absent(
    month: str = "2024-10",
    minutes: int = 310,
    by: str = INDEPENDENT,
    pupil: str = PUPIL,
    unit: str | None = None,
    *,
    occasions: int = 4,
    on: str = "28",
    **told: Any,
) -> Event:
    """The month's total so far; ``on``: the day of the month on which the school noted it."""
    data = AbsenceReported(
        **_about(pupil, by, unit), month=month, unexcused_minutes=minutes, occasions=occasions
    )
    return _school(data, by, f"{month}-{on}", told)


def resumed(
    on: str = "2024-10-29", by: str = INDEPENDENT, pupil: str = PUPIL, unit: str | None = None, **told: Any
) -> Event:
    data = AbsenceResumed(**_about(pupil, by, unit), resumed_on=date.fromisoformat(on))
    return _school(data, by, on, told)


def absence_retracted(event: Event) -> Event:
    return _retraction(AbsenceRetracted(retracts=event.id), event)


def retracted(event: Event) -> Event:
    leave = event.type.startswith("se.kaa.school.leave.")
    return _retraction(
        LeaveRetracted(retracts=event.id) if leave else EnrolmentRetracted(retracts=event.id), event
    )


def _retraction(data: EventData, event: Event) -> Event:
    return Event(f"e{next(_ids):05}", event.source, data.TYPE, event.time + timedelta(days=1), data)


def person(
    name: str = "alva", revision: int = 1, municipality: str | None = HOME, *, numbers: Iterable[str] = (PUPIL,),
    protection: str = "none", merged_into: str | None = None,
) -> Event:  # fmt: skip
    """The state of a person; of ``numbers`` the first is the current one."""
    current, *former = numbers
    data = PersonUpdated(
        person_id=person_id(name),
        revision=revision,
        identity_number=current,
        former_identity_numbers=tuple(former),
        given_name="Alva-Prövning",
        family_name="Påhittad",
        birth_date=date(2008, 3, 15),
        municipality=municipality,
        protection=protection,
        merged_into=person_id(merged_into) if merged_into else None,
    )
    return Event(
        f"{data.person_id}.{revision}", "urn:kaa:registry", data.TYPE, datetime(2024, 8, 1, tzinfo=UTC), data, None,
        str(data.person_id),
    )  # fmt: skip
