"""Real feeds correct, retract, repeat and delay; a simulated year has every kind of it, and every event type."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from contracts.events import TYPES
from contracts.municipality import ResidentIdentityChanged, ResidentRegistered
from tests.simulator.conftest import Year

OURS = ("se.kaa.registry.", "se.kaa.outreach.", "se.kaa.notifications.")

MISTAKES = [
    "a birth date stated wrongly, later rightly: resident.updated",
    "a change of programme as a new start, alone: enrolment.started",
    "a change of programme as a new start, left on the day: enrolment.started",
    "a change of programme as a new start, left the day before: enrolment.started",
    "a leave after a no-show: leave.left",
    "a retraction that names nothing: enrolment.retracted",
    "changed on the first day: enrolment.changed",
    "never true: absence.reported",
    "never true: credential.awarded",
    "never true: enrolment.changed",
    "never true: enrolment.no_show",
    "never true: enrolment.started",
    "never true: leave.completed",
    "never true: leave.compulsory_ended",
    "never true: leave.left",
    "never true: resident.deceased",
    "never true: resident.identity_changed",
    "never true: resident.moved",
    "no-show: enrolment.no_show",
    "recoded when long gone: enrolment.changed",
    "the school says left, the national database diploma: leave.left",
    "the school says left, the national database study_certificate: leave.left",
    "the school says nothing, the national database diploma",
    "withdrew before the term: leave.left",
    "withdrew, told as a retraction: enrolment.started",
]
#: Met by few in a year: looked for in three.
RARE = [
    "only the leave is told: leave.left",
    "registered after death: resident.registered",
    "said to have withdrawn, came all the same: leave.left",
]
WAYS = [
    "corrected",
    "corrected twice",
    "first said of another pupil",
    "late",
    "taken back by mistake and said again",
    "taken back, the taking back taken back, said again",
]


def test_every_event_type_from_outside_occurs(year: Year) -> None:
    assert {event.type for event in year.decoded} == {name for name in TYPES if not name.startswith(OURS)}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_kind_of_mistake_occurs(year: Year, mistake: str) -> None:
    assert year.ledger["totals"]["told"].get(mistake, 0) > 0


@pytest.mark.parametrize("mistake", RARE)
def test_the_rarest_mistakes_occur_in_some_year(year: Year, other_years: list[Year], mistake: str) -> None:
    assert any(mistake in one.ledger["totals"]["told"] for one in (year, *other_years))


@pytest.mark.parametrize("way", WAYS)
def test_truths_of_every_family_are_told_in_every_crooked_way(
    year: Year, other_years: list[Year], way: str
) -> None:
    told = {
        words.partition(": ")[2].partition(".")[0]
        for one in (year, *other_years)
        for words in one.ledger["totals"]["told"]
        if words.startswith(f"{way}: ")
    }
    by_schools = {"enrolment", "leave"}
    assert told >= (by_schools if "pupil" in way else by_schools | {"resident", "credential"})


def _positions(year: Year) -> dict[tuple[str, str], int]:
    """Where each event stands first in the file."""
    first: dict[tuple[str, str], int] = {}
    for position, event in enumerate(year.decoded):
        first.setdefault((event.source, event.id), position)
    return first


def test_retractions_and_replacements_overtake_what_they_name(year: Year) -> None:
    first = _positions(year)
    overtaking = Counter(
        "retracts" if event.type.endswith(".retracted.v1") else "replaces"
        for event in year.decoded
        if event.names is not None
        and first[event.source, event.id] < first.get((event.source, event.names), -1)
    )
    assert min(overtaking["retracts"], overtaking["replaces"]) > 20


def test_repeats_are_exact_or_write_the_same_instant_another_way(year: Year) -> None:
    lines = defaultdict(list)
    for line, event in zip(year.lines, year.decoded, strict=True):
        lines[event.source, event.id].append(line)
    repeated = [copies for copies in lines.values() if len(copies) > 1]
    assert sum(len(copies) - 1 for copies in repeated) == year.ledger["totals"]["repeats"] > 1000
    exact = sum(len(set(copies)) == 1 for copies in repeated)
    assert 0 < exact < len(repeated)


def test_a_chain_of_corrections_is_three_long(year: Year) -> None:
    names = {(e.source, e.id): e.names for e in year.decoded if not e.type.endswith(".retracted.v1")}
    chains = [key for key, before in names.items() if before and names.get((key[0], before))]
    assert chains


def test_retractions_are_retracted(year: Year) -> None:
    retractions = {(e.source, e.id) for e in year.decoded if e.type.endswith(".retracted.v1")}
    assert [e for e in year.decoded if (e.source, e.names) in retractions]


def test_an_organiser_joins_in_the_middle_of_the_year_with_all_it_had_recorded(year: Year) -> None:
    """Its first event in the file comes after the autumn's events of others."""
    first: dict[str, int] = {}
    for position, event in enumerate(year.decoded):
        if event.type.startswith("se.kaa.school."):
            first.setdefault(event.source.split(":")[3], position)
    last = max(first, key=lambda organiser: first[organiser])
    before = [event.time for event in year.decoded[: first[last]]]
    newest = max(before)
    own = [event.time for event in year.decoded if event.source.split(":")[3:4] == [last]]
    assert newest - min(own) > timedelta(days=60)


def test_schools_go_on_with_a_former_identity_number(year: Year) -> None:
    changed = {
        data.previous_identity_number: event.time
        for event in year.decoded
        if isinstance(data := event.data, ResidentIdentityChanged)
    }
    after = [
        event
        for event in year.decoded
        if (pupil := getattr(event.data, "pupil", None))
        and pupil.identity_number in changed
        and event.time > changed[pupil.identity_number]
    ]
    assert after


def test_a_feed_sends_the_contact_data_of_a_protected_person(year: Year) -> None:
    """It must not; a register that keeps them then breaks INV-11."""
    assert [
        event
        for event in year.decoded
        if isinstance(event.data, ResidentRegistered)
        and event.data.protection != "none"
        and event.data.contact is not None
    ]
