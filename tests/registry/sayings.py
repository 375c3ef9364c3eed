"""What a school, a population feed or Beda says, in few words, as the statements that the rules read.

All about one made-up person, born on 15 March 2008, unless told otherwise. ``time`` defaults to noon of the day.
"""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any, Final

from services.registry.coverage import timeline
from services.registry.statement import (
    AWARDED,
    CHANGED,
    COMPLETED,
    COMPULSORY_ENDED,
    DECEASED,
    IDENTITY_CHANGED,
    LEFT,
    MOVED,
    NO_SHOW,
    REGISTERED,
    STARTED,
    UPDATED,
    Statement,
)

NUMBER: Final = "200803159813"
UNIT: Final = "10000002"
OTHER_UNIT: Final = "13000001"
HOME: Final = "0180"

SCHOOL: Final = "urn:se:orgnr:2120000142"
FEED: Final = "urn:se:kommun:0180"
BEDA: Final = "urn:se:beda"

_ids = count(1)
_NOTHING: Final = dict.fromkeys(Statement.__dataclass_fields__)


def said(type_: str, on: str, **facts: Any) -> Statement:
    """Any statement; ``facts`` are its fields, dates as text."""
    day = date.fromisoformat(on)
    for name in ("birth_date", "registered_in_sweden_on"):
        if isinstance(facts.get(name), str):
            facts[name] = date.fromisoformat(facts[name])
    time = facts.pop("time", None)
    known: dict[str, Any] = {
        "source": FEED if ".municipality." in type_ else BEDA if ".national." in type_ else SCHOOL,
        "id": f"e{next(_ids):05}",
        "type": type_,
        "time": datetime.fromisoformat(time)
        if time
        else datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        "identity_number": NUMBER,
        "on": day,
    }
    return Statement(**{**_NOTHING, **known, **facts})


def started(on: str, form: str = "GY", path: str | None = None, unit: str = UNIT, **facts: Any) -> Statement:
    if form == "GY" and path is None:
        path = "NA"
    return said(STARTED, on, school_unit=unit, school_form=form, study_path=path, **facts)


def changed(on: str, form: str = "GY", path: str | None = "NA", unit: str = UNIT, **facts: Any) -> Statement:
    return said(CHANGED, on, school_unit=unit, school_form=form, study_path=path, **facts)


def no_show(on: str, unit: str = UNIT, **facts: Any) -> Statement:
    return said(NO_SHOW, on, school_unit=unit, **facts)


def left(on: str, unit: str = UNIT, **facts: Any) -> Statement:
    return said(LEFT, on, school_unit=unit, **facts)


def completed(on: str, outcome: str = "study_certificate", unit: str = UNIT, **facts: Any) -> Statement:
    return said(COMPLETED, on, school_unit=unit, outcome=outcome, **facts)


def compulsory_ended(on: str, unit: str = "10000001", **facts: Any) -> Statement:
    return said(COMPULSORY_ENDED, on, school_unit=unit, **facts)


def registered(on: str = "2008-03-15", municipality: str = HOME, **facts: Any) -> Statement:
    facts.setdefault("protection", "none")
    return said(REGISTERED, on, municipality=municipality, **facts)


def moved(on: str, municipality: str | None, **facts: Any) -> Statement:
    return said(MOVED, on, municipality=municipality, **facts)


def updated(on: str, **facts: Any) -> Statement:
    return said(UPDATED, on, **facts)


def deceased(on: str, **facts: Any) -> Statement:
    return said(DECEASED, on, **facts)


def identity_changed(on: str, previous: str, current: str, **facts: Any) -> Statement:
    return said(IDENTITY_CHANGED, on, identity_number=current, previous_identity_number=previous, **facts)


def awarded(on: str, kind: str, **facts: Any) -> Statement:
    return said(AWARDED, on, outcome=kind, **facts)


def episodes(*statements: Statement, summer_hold: bool = True) -> list[str]:
    """The timeline in short, an episode a line: ``0180 2025-01-25..2028-03-14 left_upper_secondary/turned_20``."""
    return [
        f"{e.municipality} {e.from_day}..{e.to_day} {e.entry_reason}/{e.exit_reason}"
        for e in timeline(statements, summer_hold=summer_hold)
    ]


def resident(*statements: Statement, summer_hold: bool = True) -> list[str]:
    """As ``episodes``, for one resident in 0180 since birth, and without saying so in every line."""
    return [
        line.removeprefix(f"{HOME} ") for line in episodes(registered(), *statements, summer_hold=summer_hold)
    ]
