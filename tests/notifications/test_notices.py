"""Which facts of schools the home municipality is told of (skollagen 15 kap. 15 §, 18 kap. 15 §)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from contracts.envelope import Event
from services.notifications.notices import Decision, Known, Person, decide, fact_of, must_be_told, named
from tests.notifications.sayings import (
    DIRECTORY,
    ELSEWHERE,
    HOME,
    INDEPENDENT,
    NACKA,
    STOCKHOLM,
    absence_retracted,
    absent,
    changed,
    completed,
    compulsory_ended,
    confirmed,
    left,
    no_show,
    person_id,
    retracted,
    started,
)

ALVA = Person(person_id("alva"), HOME, protected=False)
TOLD = Decision("registered", HOME, ALVA.person_id)
WITHDRAWN = replace(TOLD, status="withdrawn")
OWN = Decision("own", HOME)
WAITING = Decision("waiting")
ROUTING = Decision("routing")


def known(event: Event, before: Decision | None = None, *, taken_back: bool = False) -> Known:
    fact = fact_of(event)
    assert fact is not None
    return Known(fact, taken_back, before)


def decided(*events: Event, person: Person | None = ALVA) -> list[Decision | None]:
    return decide([known(event) for event in events], person, DIRECTORY)


def decided_after(before: Decision, event: Event, person: Person | None = ALVA) -> Decision | None:
    return decide([known(event, before)], person, DIRECTORY)[0]


@pytest.mark.parametrize("event", [started(), left(), completed(), no_show()], ids=lambda event: event.type)
def test_a_pupil_who_starts_or_leaves_elsewhere_gives_a_notice(event: Event) -> None:
    assert decided(event) == [TOLD]


@pytest.mark.parametrize("event", [confirmed(), compulsory_ended(), absent()], ids=lambda event: event.type)
def test_other_school_events_have_no_part_in_notices(event: Event) -> None:
    assert fact_of(event) is None


def test_a_new_programme_at_the_same_unit_gives_no_notice() -> None:
    assert decided(started(), changed("2025-01-08", "GY")) == [TOLD, None]


@pytest.mark.parametrize("organiser", [INDEPENDENT, NACKA])
def test_an_independent_organiser_and_another_municipality_tell(organiser: str) -> None:
    assert decided(started(by=organiser)) == [TOLD]


def test_the_home_municipality_s_own_school_tells_nobody() -> None:
    assert decided(started(by=STOCKHOLM)) == [OWN]


@pytest.mark.parametrize("form", ["GY", "GYAN", "GYS", "GYSAR", "GS"])
def test_the_law_names_upper_secondary_and_adapted_upper_secondary_school(form: str) -> None:
    assert decided(started(form=form), left()) == [TOLD, TOLD]


@pytest.mark.parametrize("form", ["GR", "VUXGY", "VUXGR", "VUXSFI", "FHS", "ABROAD"])
def test_the_law_does_not_name_other_forms(form: str) -> None:
    assert decided(started(form=form), left(), completed(), no_show()) == [None] * 4


def test_whoever_leaves_without_a_known_start_is_told_of() -> None:
    assert decided(left()) == [TOLD]


def test_the_form_shown_at_another_unit_says_nothing_of_this_one() -> None:
    assert decided(started(form="FHS", unit="13000002"), left()) == [None, TOLD]


def test_one_start_in_upper_secondary_school_at_the_unit_is_enough_to_tell() -> None:
    assert decided(started("2024-01-08", "FHS"), started("2024-08-19", "GY"), left()) == [None, TOLD, TOLD]


def test_a_change_of_programme_shows_the_form_too() -> None:
    assert decided(started("2024-01-08", "FHS"), changed("2024-08-19", "GY"), left()) == [None, None, TOLD]


def test_a_start_that_was_taken_back_shows_no_form() -> None:
    facts = [known(started(form="FHS"), taken_back=True), known(left())]
    assert decide(facts, ALVA, DIRECTORY) == [None, TOLD]


def test_a_pupil_without_known_home_municipality_waits() -> None:
    assert decided(started(), person=None) == [WAITING]
    assert decided(started(), person=replace(ALVA, municipality=None)) == [WAITING]
    assert decided_after(WAITING, started()) == TOLD
    assert decided_after(WAITING, started(by=STOCKHOLM)) == OWN


@pytest.mark.parametrize("municipality", [HOME, ELSEWHERE, None])
def test_a_protected_pupil_is_never_routed_by_the_registered_municipality(municipality: str | None) -> None:
    protected = replace(ALVA, municipality=municipality, protected=True)
    for organiser in (INDEPENDENT, STOCKHOLM):
        assert decided(started(by=organiser), person=protected) == [ROUTING]


def test_what_was_decided_stands_when_the_pupil_moves() -> None:
    moved = replace(ALVA, municipality=ELSEWHERE)
    assert decided_after(TOLD, started(by=NACKA), moved) == TOLD
    assert decided_after(OWN, started(by=STOCKHOLM), moved) == OWN
    assert decided_after(TOLD, started(), None) == TOLD


def test_what_was_told_before_the_protection_stands_and_is_not_told_again() -> None:
    protected = Person(person_id("another"), ELSEWHERE, protected=True)
    assert decided_after(TOLD, started(), protected) == TOLD
    assert decided_after(WITHDRAWN, started(), protected) == replace(TOLD, status="routing")


def test_what_was_told_is_withdrawn_when_taken_back_and_else_there_was_nothing() -> None:
    for before, after in ((TOLD, WITHDRAWN), (WAITING, None), (ROUTING, None), (OWN, None), (None, None)):
        fact = known(started(), before, taken_back=True)
        assert decide([fact], ALVA, DIRECTORY) == [after]


def test_what_was_withdrawn_wrongly_is_told_again_to_the_same_municipality() -> None:
    assert decided_after(WITHDRAWN, left(), replace(ALVA, municipality=ELSEWHERE)) == TOLD


def test_a_number_that_turns_out_to_be_another_person_s_is_told_of_that_person() -> None:
    other = replace(ALVA, person_id=person_id("another"))
    assert decided_after(TOLD, started(), other) == replace(TOLD, person_id=other.person_id)


def test_the_same_fact_under_another_id_gives_no_second_notice() -> None:
    earlier, later = started(recorded_at="2024-08-19T08:00:00Z"), started(recorded_at="2024-08-20T08:00:00Z")
    assert decided(later, earlier) == [None, TOLD]
    told_first = [known(later, TOLD), known(earlier)]
    assert decide(told_first, ALVA, DIRECTORY) == [TOLD, None]
    own_first = [known(later, OWN), known(earlier)]
    assert decide(own_first, ALVA, DIRECTORY) == [OWN, None]


def test_facts_of_other_days_units_or_kinds_are_not_the_same() -> None:
    facts = [started("2024-08-19"), started("2025-08-18"), started(unit="13000002"), left("2024-08-19")]
    assert decided(*facts) == [TOLD] * 4


@pytest.mark.parametrize(
    ("before", "after", "goes_out"),
    [
        (None, TOLD, True),
        (WAITING, TOLD, True),
        (ROUTING, TOLD, True),
        (WITHDRAWN, TOLD, True),
        (TOLD, replace(TOLD, person_id=person_id("another")), True),
        (TOLD, WITHDRAWN, True),
        (TOLD, TOLD, False),
        (None, WAITING, False),
        (None, ROUTING, False),
        (None, OWN, False),
        (WAITING, None, False),
        (WITHDRAWN, replace(TOLD, status="routing"), False),
        (replace(TOLD, status="routing"), WITHDRAWN, False),
    ],
)
def test_only_what_is_registered_or_taken_back_goes_out(
    before: Decision | None, after: Decision | None, goes_out: bool
) -> None:
    assert must_be_told(before, after) is goes_out


def test_enrolment_and_leave_take_back_what_they_name_and_absence_takes_back_no_fact() -> None:
    event = started(id="first")

    def taken_back(event: Event) -> Sequence[str]:
        return list(named(event))

    assert taken_back(retracted(event)) == ["first"]
    assert taken_back(started(replaces="first")) == ["first"]
    assert taken_back(confirmed(replaces="first")) == ["first"]
    assert taken_back(replace(retracted(event), replaces="second")) == ["first", "second"]
    assert taken_back(started()) == []
    assert taken_back(absence_retracted(event)) == []
