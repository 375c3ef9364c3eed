"""Which facts of schools the home municipality is told of (skollagen 15 kap. 15 §, 18 kap. 15 §)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from contracts.envelope import Event
from services.notifications.notices import (
    Decision,
    Known,
    Person,
    decide,
    fact_of,
    must_be_told,
    named,
    of_absence,
)
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
    number,
    person_id,
    resumed,
    retracted,
    started,
)

ALVA = Person(person_id("alva"), HOME, protected=False)
TOLD = Decision("registered", HOME, ALVA.person_id)
CLOSED = replace(TOLD, status="closed")
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


@pytest.mark.parametrize("event", [confirmed(), compulsory_ended()], ids=lambda event: event.type)
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
        (None, CLOSED, True),
        (TOLD, CLOSED, True),
        (CLOSED, TOLD, True),
        (CLOSED, WITHDRAWN, True),
        (CLOSED, CLOSED, False),
        (TOLD, TOLD, False),
        (None, WAITING, False),
        (None, ROUTING, False),
        (None, OWN, False),
        (WAITING, None, False),
        (WITHDRAWN, replace(TOLD, status="routing"), False),
        (replace(TOLD, status="routing"), WITHDRAWN, False),
    ],
)
def test_only_what_is_registered_closed_or_taken_back_goes_out(
    before: Decision | None, after: Decision | None, goes_out: bool
) -> None:
    assert must_be_told(before, after) is goes_out


def test_every_event_of_a_school_takes_back_what_it_names_and_absence_absence_alone() -> None:
    event = started(id="first")

    def taken_back(event: Event) -> Sequence[str]:
        return list(named(event))

    assert taken_back(retracted(event)) == ["first"]
    assert taken_back(started(replaces="first")) == ["first"]
    assert taken_back(confirmed(replaces="first")) == ["first"]
    assert taken_back(replace(retracted(event), replaces="second")) == ["first", "second"]
    assert taken_back(started()) == []
    assert taken_back(absence_retracted(event)) == ["first"]
    assert taken_back(absent(replaces="first")) == ["first"]
    assert [of_absence(one) for one in (absent(), resumed(), absence_retracted(event))] == [True] * 3
    assert not of_absence(retracted(event))


@pytest.mark.parametrize(
    ("minutes", "occasions", "given"),
    [(240, 2, True), (239, 2, False), (240, 1, False), (2400, 1, False), (0, 40, False), (241, 40, True)],
)
def test_repeated_absence_of_four_hours_in_a_month_gives_a_notice(
    minutes: int, occasions: int, given: bool
) -> None:
    assert decided(absent(minutes=minutes, occasions=occasions)) == [TOLD if given else None]


def test_of_the_reports_of_a_month_the_latest_counts_and_the_first_significant_one_gives_the_notice() -> None:
    reports = [absent(minutes=minutes, on=on) for minutes, on in ((100, "04"), (300, "11"), (280, "18"))]
    assert decided(*reports) == [None, TOLD, None]
    assert decided(*reports, absent(minutes=230, on="25")) == [None] * 4
    assert decided(*reversed(reports)) == [None, TOLD, None]


def test_of_reports_noted_in_the_same_instant_one_counts_in_any_order() -> None:
    one, other = absent(minutes=300, id="a"), absent(minutes=100, id="b")
    assert decided(one, other) == decided(other, one) == [None, None]


def test_the_report_that_was_decided_first_keeps_the_notice_of_the_month() -> None:
    late, early = absent(on="18"), absent(on="11")
    assert decide([known(late, TOLD), known(early)], ALVA, DIRECTORY) == [TOLD, None]


def test_a_total_that_falls_under_the_threshold_withdraws_what_was_told_and_one_that_rises_restores_it() -> (
    None
):
    much, less, more = absent(on="11"), absent(minutes=100, on="18"), absent(minutes=400, on="25")
    assert decide([known(much, TOLD), known(less)], ALVA, DIRECTORY) == [WITHDRAWN, None]
    assert decide([known(much, WITHDRAWN), known(less), known(more)], ALVA, DIRECTORY) == [TOLD, None, None]


def test_a_report_taken_back_counts_for_nothing() -> None:
    facts = [known(absent(on="11")), known(absent(minutes=100, on="18"), taken_back=True)]
    assert decide(facts, ALVA, DIRECTORY) == [TOLD, None]
    facts = [known(absent(minutes=100, on="11")), known(absent(on="18"), TOLD, taken_back=True)]
    assert decide(facts, ALVA, DIRECTORY) == [None, WITHDRAWN]


def test_months_and_units_have_notices_of_their_own() -> None:
    assert decided(absent("2024-09"), absent("2024-10"), absent("2024-10", unit="13000002")) == [TOLD] * 3
    assert decided(absent("2024-09"), absent("2024-10", minutes=10)) == [TOLD, None]
    assert decided(absent(unit="13000002"), absent(minutes=10, on="29")) == [TOLD, None]


@pytest.mark.parametrize(
    ("recorded_at", "given"),
    [
        ("2024-10-13T21:59:00Z", True),
        ("2024-10-13T22:00:00Z", False),
        ("2024-10-14T08:00:00Z", False),
    ],
)
@pytest.mark.parametrize("born", ["20041014", "20041074"], ids=["personal number", "coordination number"])
def test_the_duty_ends_with_the_20th_birthday_in_sweden(born: str, recorded_at: str, given: bool) -> None:
    report = absent(pupil=number(984, born), recorded_at=recorded_at)
    assert decided(report) == [TOLD if given else None]


def test_who_turns_20_in_the_month_was_under_20_when_it_became_significant() -> None:
    pupil = number(984, "20041014")
    before, after = absent(pupil=pupil, on="08"), absent(minutes=500, pupil=pupil, on="28")
    assert decided(before, after) == [TOLD, None]
    assert decided(absent(minutes=100, pupil=pupil, on="08"), after) == [None, None]


def test_absence_is_told_of_where_a_named_form_or_none_is_known_at_the_unit() -> None:
    assert decided(absent()) == [TOLD]
    assert decided(started(form="GYAN"), absent()) == [TOLD, TOLD]
    assert decided(started(form="VUXGY"), absent()) == [None, None]
    assert decided(started(form="FHS", unit="13000002"), absent()) == [None, TOLD]


def test_of_absence_the_home_municipality_is_told_by_its_own_school_too() -> None:
    assert decided(started(by=STOCKHOLM), absent(by=STOCKHOLM)) == [OWN, TOLD]


def test_absence_waits_and_is_routed_as_other_notices_are() -> None:
    assert decided(absent(), person=None) == [WAITING]
    assert decided(absent(), person=replace(ALVA, protected=True)) == [ROUTING]
    assert decided_after(WAITING, absent()) == TOLD


def test_who_is_back_to_full_time_attendance_closes_the_notice_and_withdraws_nothing() -> None:
    assert decided(absent(), resumed("2024-11-04")) == [CLOSED, None]
    assert decided(resumed("2024-11-04"), absent()) == [None, CLOSED]
    assert decide([known(absent(), TOLD), known(resumed("2024-11-04"))], ALVA, DIRECTORY) == [CLOSED, None]
    assert decide(
        [known(absent(), CLOSED), known(resumed("2024-11-04"), taken_back=True)], ALVA, DIRECTORY
    ) == [
        TOLD,
        None,
    ]


def test_one_return_closes_every_month_before_it_at_that_unit() -> None:
    other = absent("2024-10", unit="13000002")
    assert decided(absent("2024-09"), absent("2024-10"), other, resumed("2024-11-04")) == [
        CLOSED,
        CLOSED,
        TOLD,
        None,
    ]


def test_a_return_before_the_month_or_before_any_report_of_it_closes_nothing() -> None:
    assert decided(absent(on="28"), resumed("2024-09-30", recorded_at="2024-10-29T12:00:00Z")) == [TOLD, None]
    assert decided(absent(on="28"), resumed("2024-10-01", recorded_at="2024-10-29T12:00:00Z")) == [
        CLOSED,
        None,
    ]
    assert decided(absent(on="28"), resumed("2024-10-27")) == [TOLD, None]


def test_the_same_total_again_keeps_it_closed_and_growth_opens_it() -> None:
    first, back = absent(minutes=300, on="08"), resumed("2024-10-10")
    assert decided(first, back, absent(minutes=300, on="18")) == [CLOSED, None, None]
    assert decided(first, back, absent(minutes=260, on="18")) == [CLOSED, None, None]
    grown = absent(minutes=301, on="18")
    assert decided(first, back, grown) == [TOLD, None, None]
    assert decided(first, back, grown, resumed("2024-10-19")) == [CLOSED, None, None, None]
    assert decided(absent(minutes=100, on="08"), back, absent(minutes=300, on="18")) == [None, None, TOLD]


def test_what_was_told_goes_on_where_it_was_told_whatever_becomes_of_the_pupil() -> None:
    absence, back = absent(), known(resumed("2024-11-04"))
    for person in (None, replace(ALVA, protected=True), replace(ALVA, municipality=ELSEWHERE)):
        assert decide([known(absence, TOLD), back], person, DIRECTORY) == [CLOSED, None]
    for person in (None, replace(ALVA, municipality=ELSEWHERE)):
        assert decide([known(absence, CLOSED)], person, DIRECTORY) == [TOLD]


def test_absence_that_grows_under_protection_is_for_the_registrar_to_route() -> None:
    """INV-11: it is new, and is not told to the registered municipality."""
    absence, kept_there = known(absent(), CLOSED), replace(TOLD, status="routing")
    assert decide([absence], replace(ALVA, protected=True), DIRECTORY) == [kept_there]
    assert not must_be_told(CLOSED, kept_there)
    assert decided_after(kept_there, absent()) == TOLD, "when the protection is lifted"


def test_a_replaced_report_keeps_the_notice_it_was_told_with() -> None:
    first, second = absent(minutes=310, on="08"), known(absent(minutes=320, on="18"))
    told = known(first, TOLD, taken_back=True)
    assert decide([told, second], ALVA, DIRECTORY) == [TOLD, None]
    assert decide([told, known(absent(minutes=100, on="18"))], ALVA, DIRECTORY) == [WITHDRAWN, None]
    assert decide([told], ALVA, DIRECTORY) == [WITHDRAWN]
    assert decide([known(first, taken_back=True), second], ALVA, DIRECTORY) == [None, TOLD], "never told"


def test_a_correction_noted_after_the_20th_birthday_takes_nothing_back() -> None:
    pupil = "200410159800"
    report = absent(pupil=pupil, on="08")
    corrected = known(absent(pupil=pupil, minutes=320, on="18"))
    assert decide([known(report, TOLD, taken_back=True), corrected], ALVA, DIRECTORY) == [TOLD, None]
    assert decide([known(report, taken_back=True), corrected], ALVA, DIRECTORY) == [None, TOLD], (
        "in any order"
    )
    assert decide([corrected], ALVA, DIRECTORY) == [None]
