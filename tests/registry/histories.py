"""Made-up histories: what feeds say of a few persons, with everything real feeds do to make it hard.

``history`` draws from a ``random.Random``: from a seeded one for a sample that is the same everywhere, from one of
Hypothesis' where a failing example should be shrunk.

Dates come from few anchors and their neighbours, so that things meet on one day and on both sides of every limit;
ids are few and shared between sources, so that ties go down to the last rule. ``classes_of`` says which of the hard
things a history holds; a test shows that a sample holds them all.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from typing import Any, Final

from contracts.envelope import Event, decode
from contracts.identifiers import luhn
from contracts.model import Retraction
from services.registry.statement import TYPES

UNITS: Final = ("10000001", "10000002", "13000001")
MUNICIPALITIES: Final = ("0180", "1480", "1280")
ORGANISERS: Final = (
    "urn:se:orgnr:2120000142",
    "urn:se:orgnr:2120000142:antagning",
    "urn:se:orgnr:5565550000",
)
FEEDS: Final = ("urn:se:kommun:0180", "urn:se:kommun:1480")
BEDA: Final = "urn:se:beda"
FORMS: Final = ("GY", "GY", "GY", "GYAN", "GYSAR", "VUXGY", "VUXGR", "VUXSFI", "FHS", "GR", "ABROAD")
PATHS: Final = ("NA", "IMA", None)
OUTCOMES: Final = ("diploma", "adapted_certificate", "ib_diploma", "study_certificate", "study_certificate")
KINDS: Final = (
    *("diploma", "adapted_certificate", "ib_diploma", "adult_diploma", "folk_high_school_eligibility"),
    *("foreign_equivalent", "study_certificate", "study_certificate", "course_certificate"),
)
PROTECTIONS: Final = ("none", "confidential", "protected_registration", "assumed_identity")

ANCHORS: Final = tuple(
    date(*day)
    for day in (
        *((2023, 1, 1), (2023, 8, 17), (2024, 6, 12), (2024, 6, 30), (2024, 8, 19), (2025, 1, 13)),
        *((2025, 6, 1), (2025, 8, 20), (2025, 8, 31), (2026, 1, 12), (2028, 2, 29), (2028, 3, 15)),
    )
)
OFFSETS: Final = (0, 0, 0, 0, 0, 1, -1, 7, 30, -30, 31, -31)
ZONES: Final = (UTC, timezone(timedelta(hours=2)))
TIMES: Final = tuple(
    datetime(2025, 9, day, hour, 0, tzinfo=zone)
    for day, hour, zone in ((1, 8, UTC), (1, 10, ZONES[1]), (1, 9, UTC), (2, 8, UTC))
)


def number(birth: str, serial: int, *, coordination: bool = False) -> str:
    """A made-up identity number, ``birth`` as YYYYMMDD, with its check digit."""
    digits = f"{birth[:6]}{int(birth[6:]) + 60 * coordination:02}{serial:03}"
    return next(digits + str(check) for check in range(10) if luhn(digits[2:] + str(check)))


#: By person: the numbers she is known by over time.
PERSONS: Final = (
    (
        number("20080315", 981),
        number("20080315", 982, coordination=True),
        number("20080316", 983, coordination=True),
    ),
    (number("20080229", 984), number("20080229", 985, coordination=True)),
    (number("20071130", 986), number("20071130", 987)),
)

_FAMILIES: Final = {
    "school": ("school.enrolment", "school.leave", "school.absence"),
    "municipality": ("municipality.resident",),
    "national": ("national.credential",),
}

#: A CloudEvent as JSON values.
Raw = dict[str, Any]


@dataclass(frozen=True)
class History:
    """Events in order of arrival; no two have the same source and id with other content."""

    events: tuple[Raw, ...]

    @property
    def lines(self) -> list[bytes]:
        return [line(event) for event in self.events]

    @property
    def decoded(self) -> list[Event]:
        return [decode(each) for each in self.lines]


def line(event: Raw) -> bytes:
    return json.dumps({"specversion": "1.0", **event}).encode()


def _days(rng: Random) -> list[str]:
    """The days on which things happen to a person: sometimes all around one, sometimes over years."""
    anchors = rng.sample(ANCHORS, rng.randint(1, 3))
    return [
        (rng.choice(anchors) + timedelta(days=rng.choice(OFFSETS))).isoformat()
        for _ in range(rng.randint(3, 6))
    ]


def _said(source: str, name: str, data: Raw) -> Raw:
    return {"source": source, "type": f"se.kaa.{name}.v1", "data": data}


def _school_event(rng: Random, who: str, units: Sequence[str], days: Sequence[str]) -> Raw:
    name = rng.choice(
        (
            *("enrolment.started", "enrolment.started", "enrolment.started"),
            *(
                "enrolment.changed",
                "enrolment.changed",
                "enrolment.no_show",
                "enrolment.confirmed",
                "absence.reported",
                "absence.resumed",
            ),
            *("leave.left", "leave.left", "leave.left", "leave.completed", "leave.compulsory_ended"),
        )
    )
    day = rng.choice(days)
    data: Raw = {"pupil": {"identity_number": who}, "school_unit": rng.choice(units)}
    home = rng.choice((None, None, *MUNICIPALITIES))
    education = {"school_form": rng.choice(FORMS), "study_path": rng.choice(PATHS)}
    match name:
        case "enrolment.started":
            data |= {**education, "started_on": day, "home_municipality": home}
        case "enrolment.changed":
            data |= {**education, "changed_on": day}
        case "enrolment.confirmed":
            data |= {"confirmed_on": day}
        case "enrolment.no_show":
            data |= {"term_started_on": day}
        case "leave.left":
            data |= {"last_day": day}
        case "leave.completed":
            data |= {"completed_on": day, "outcome": rng.choice(OUTCOMES)}
        case "leave.compulsory_ended":
            data |= {"ended_on": day, "home_municipality": home}
        case "absence.reported":
            data |= {"month": day[:7], "unexcused_minutes": 600, "occasions": 5, "home_municipality": home}
        case "absence.resumed":
            data |= {"resumed_on": day}
    return _said(rng.choice(ORGANISERS), f"school.{name}", data)


def _feed_event(rng: Random, numbers: Sequence[str], who: str, days: Sequence[str]) -> Raw:
    name = rng.choice(
        ("registered", "registered", "moved", "moved", "updated", "deceased", "identity_changed")
    )
    day = rng.choice(days)
    person: Raw = {"identity_number": who}
    if rng.randrange(4) == 0:
        person["birth_date"] = rng.choice(("2008-03-15", "2008-02-29", "2007-12-31", "2006-05-01"))
    match name:
        case "registered":
            data = {
                "person": person,
                "municipality": rng.choice(MUNICIPALITIES),
                "since": rng.choice(("2008-03-15", day)),
                "registered_in_sweden_on": rng.choice((None, None, day)),
                "protection": rng.choice(PROTECTIONS),
            }
        case "moved":
            data = {"person": person, "to_municipality": rng.choice((None, *MUNICIPALITIES)), "moved_on": day}
        case "updated":
            data = {"person": person, "updated_on": day, "protection": rng.choice((None, *PROTECTIONS))}
        case "deceased":
            data = {"person": person, "deceased_on": day}
        case _:
            previous, current = rng.sample(numbers, 2)
            data = {"previous_identity_number": previous, "identity_number": current, "changed_on": day}
    return _said(rng.choice(FEEDS), f"municipality.resident.{name}", data)


def _credential_event(rng: Random, who: str, days: Sequence[str]) -> Raw:
    data = {"identity_number": who, "kind": rng.choice(KINDS), "awarded_on": rng.choice(days)}
    return _said(BEDA, "national.credential.awarded", data)


def _ordinary_life(rng: Random, who: str) -> Iterator[Raw]:
    """What most lives have, so that the unlikely things happen to somebody."""
    if rng.randrange(6):
        data: Raw = {"person": {"identity_number": who}, "municipality": "0180", "since": "2008-03-15"}
        yield _said(FEEDS[0], "municipality.resident.registered", {**data, "protection": "none"})
    pupil: Raw = {"pupil": {"identity_number": who}}
    if rng.randrange(2):
        data = {"school_unit": UNITS[0], "ended_on": "2024-06-12"}
        yield _said(ORGANISERS[0], "school.leave.compulsory_ended", pupil | data)
    if rng.randrange(2):
        data = {"school_unit": UNITS[1], "started_on": "2024-08-19"}
        data |= {"school_form": rng.choice(FORMS), "study_path": rng.choice(PATHS)}
        yield _said(ORGANISERS[0], "school.enrolment.started", pupil | data)


def _takes_back(rng: Random, told: Sequence[Raw]) -> Raw:
    """An event that retracts or replaces one of those told, or one that nobody ever tells."""
    target = rng.choice(told)
    named = rng.choice((target["id"], target["id"], target["id"], "never-told"))
    source = target["source"]
    if source in ORGANISERS and rng.randrange(5) == 0:
        # not its own: takes nothing back
        source = rng.choice(ORGANISERS)
    if rng.randrange(2):
        again = rng.choice([t for t in told if t["source"].split(":")[2] == source.split(":")[2]])
        return {"source": source, "type": again["type"], "data": again["data"], "replaces": named}
    family = rng.choice(_FAMILIES[target["type"].split(".")[2]])
    retraction = _said(source, f"{family}.retracted", {"retracts": named})
    if rng.randrange(5) == 0:
        retraction["replaces"] = rng.choice(told)["id"]
    return retraction


def _contradictions(rng: Random, told: Sequence[Raw]) -> Iterator[Raw]:
    """What another source says otherwise of the same thing, under the same id and at the same time."""
    known = {(event["source"], event["id"]) for event in told}
    for event in told:
        pool = FEEDS if event["source"] in FEEDS else ORGANISERS
        source = rng.choice(pool)
        otherwise: Raw = {}
        if "school_form" in event["data"]:
            otherwise = {"school_form": rng.choice(FORMS)}
        elif "municipality" in event["data"]:
            otherwise = {"municipality": rng.choice(MUNICIPALITIES)}
        if otherwise and rng.randrange(6) == 0 and (source, event["id"]) not in known:
            known.add((source, event["id"]))
            yield {**event, "source": source, "data": event["data"] | otherwise}


def history(rng: Random, *, persons: Sequence[Sequence[str]] = PERSONS, prefix: str = "") -> History:
    """A history about one or two of these persons. ``prefix`` begins every id, to keep two histories apart."""
    told: list[Raw] = []
    ids: dict[str, int] = {}

    def tell(event: Raw) -> None:
        ids[event["source"]] = ids.get(event["source"], 0) + 1
        told.append({"id": f"{prefix}{ids[event['source']]}", "time": rng.choice(TIMES).isoformat(), **event})

    for numbers in rng.sample(persons, rng.randint(1, min(2, len(persons)))):
        for event in _ordinary_life(rng, numbers[0]):
            tell(event)
        units = UNITS[: rng.randint(1, 3)]
        days = _days(rng)
        for _ in range(rng.randint(0, 12)):
            who = rng.choice((numbers[0], numbers[0], numbers[0], *numbers))
            of = rng.randrange(6)
            if of == 0:
                tell(_feed_event(rng, numbers, who, days))
            elif of == 1:
                tell(_credential_event(rng, who, days))
            else:
                tell(_school_event(rng, who, units, days))
    if told:
        for _ in range(rng.choice((0, 0, 0, 1, 2, 4))):
            tell(_takes_back(rng, told))
    told += _contradictions(rng, told)
    rng.shuffle(told)
    return History(tuple(told))


def rearranged(rng: Random, events: Sequence[Raw]) -> list[bytes]:
    """The same events in another order, some of them again, written otherwise where that changes nothing."""
    written = [line(event) for event in events]
    for event in [rng.choice(events) for _ in range(rng.randint(0, 4) if events else 0)]:
        other = dict(reversed(event.items()))
        other["time"] = datetime.fromisoformat(event["time"]).astimezone(rng.choice(ZONES)).isoformat()
        other["data"] = {**event["data"], "unknown_to_the_contract": 1}
        written.append(line(other))
    rng.shuffle(written)
    return written


def classes_of(history: History) -> Iterator[str]:
    """The hard things this history holds, by name; ``ALL_CLASSES`` lists them."""
    events = history.decoded
    arrival = {(e.source, e.id): position for position, e in enumerate(events)}
    by_identity = {(e.source, e.id): e for e in events}
    for event in events:
        yield event.type
        data = event.data
        named = [*([data.retracts] if isinstance(data, Retraction) else []), *filter(None, [event.replaces])]
        for name in named:
            yield from _naming(event, name, by_identity, arrival)
        if isinstance(data, Retraction) and event.replaces is not None:
            yield "a retraction that replaces"
        if getattr(data, "birth_date", None) is not None or getattr(
            getattr(data, "person", None), "birth_date", None
        ):
            yield "a stated birth date"
    yield from _links(events)
    yield from _ties(events)


def _naming(
    event: Event, name: str, by_identity: dict[tuple[str, str], Event], arrival: dict[tuple[str, str], int]
) -> Iterator[str]:
    target = by_identity.get((event.source, name))
    how = "retracts" if isinstance(event.data, Retraction) else "replaces"
    if target is None:
        others = {identity[1] for identity in by_identity}
        yield f"{how} what only another source has said" if name in others else f"{how} what nobody ever says"
        return
    if arrival[event.source, name] > arrival[event.source, event.id]:
        yield f"{how} before its target arrives"
    what = "an event"
    if isinstance(target.data, Retraction):
        what = "a retraction"
    elif target.replaces is not None:
        what = "a replacement"
    yield f"{how} {what}"


def _links(events: Sequence[Event]) -> Iterator[str]:
    links = {
        (e.data.previous_identity_number, e.data.identity_number)  # type: ignore[attr-defined]
        for e in events
        if e.type.endswith("identity_changed.v1")
    }
    if links:
        yield "two numbers of one person"
    if any(a[1] == b[0] and a[0] != b[1] for a in links for b in links):
        yield "three numbers in a chain"
    if any((b, a) in links for a, b in links):
        yield "numbers changed there and back"


_ABOUT: Final = {"started": "school_unit", "changed": "school_unit", "registered": None, "moved": None}
_DAY: Final = {"started": "started_on", "changed": "changed_on", "registered": "since", "moved": "moved_on"}


def _ties(events: Sequence[Event]) -> Iterator[str]:
    claims: dict[tuple[str, str, str, date], list[Event]] = {}
    for event in events:
        name = event.type.split(".")[-2]
        if name not in _DAY:
            continue
        unit = _ABOUT[name]
        whose = getattr(event.data, "pupil" if unit else "person").identity_number
        what = "residence" if unit is None else name
        where = getattr(event.data, unit) if unit else ""
        day = getattr(event.data, _DAY[name])
        claims.setdefault((what, whose, where, day), []).append(event)
    for (what, _, _, _), rivals in claims.items():
        rivals.sort(key=lambda e: (e.time, e.id, e.source))
        for one, other in pairwise(rivals):
            if one.time != other.time:
                yield f"{what} twice for a day, told apart by time"
            elif one.id != other.id:
                yield f"{what} twice for a day, told apart by id"
            else:
                yield f"{what} twice for a day, told apart by source"


ALL_CLASSES: Final = (
    TYPES
    | {f"se.kaa.school.absence.{name}.v1" for name in ("reported", "resumed", "retracted")}
    | {
        f"{how} {what}"
        for how in ("retracts", "replaces")
        for what in (
            "an event",
            "a retraction",
            "a replacement",
            "before its target arrives",
            "what nobody ever says",
            "what only another source has said",
        )
    }
    | {
        f"{what} twice for a day, told apart by {by}"
        for what in ("started", "changed", "residence")
        for by in ("time", "id", "source")
    }
    | {
        "a retraction that replaces",
        "a stated birth date",
        "two numbers of one person",
        "three numbers in a chain",
        "numbers changed there and back",
    }
)
