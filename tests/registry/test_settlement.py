"""Settlement: which events count, and whom they are about."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.envelope import Event
from contracts.municipality import Person, ResidentIdentityChanged, ResidentUpdated
from contracts.school import AbsenceResumed, LeaveLeft, LeaveRetracted, Pupil
from services.registry.settlement import Conflict, components, named, persons, settle
from tests.registry.histories import number
from tests.registry.sayings import identity_changed, left, registered, updated

SCHOOL, OTHER_SCHOOL = "urn:se:orgnr:2120000142", "urn:se:orgnr:5565550000"
NUMBER = number("20080315", 981)
NOON = datetime(2025, 1, 25, 12, tzinfo=UTC)


def leave(id_: str, day: str = "2025-01-24", source: str = SCHOOL, replaces: str | None = None) -> Event:
    data = LeaveLeft.model_validate(
        {"pupil": {"identity_number": NUMBER}, "school_unit": "10000002", "last_day": day}
    )
    return Event(id_, source, LeaveLeft.TYPE, NOON, data, replaces)


def retraction(id_: str, target: str, source: str = SCHOOL, replaces: str | None = None) -> Event:
    return Event(id_, source, LeaveRetracted.TYPE, NOON, LeaveRetracted(retracts=target), replaces)


def counting(*events: Event) -> set[tuple[str, str]]:
    """(system, id) of the leaves that count, the same in both orders."""
    forwards, backwards = (
        {(s.source.rsplit(":", 1)[1], s.id) for s in settle(told).counting if s.type == LeaveLeft.TYPE}
        for told in (events, events[::-1])
    )
    assert forwards == backwards
    return forwards


HERE, THERE = SCHOOL.rsplit(":", 1)[1], OTHER_SCHOOL.rsplit(":", 1)[1]


def test_a_repetition_counts_once() -> None:
    assert [s.id for s in settle([leave("1"), leave("1"), leave("1")]).counting] == ["1"]


def test_the_same_identity_with_other_content_is_a_conflict_and_the_first_stands() -> None:
    settlement = settle(
        [leave("0"), leave("1", "2025-01-24"), leave("1", "2025-02-28"), leave("1", "2025-01-24")]
    )
    assert settlement.conflicts == (Conflict(position=2, standing=1),)
    assert [str(s.on) for s in settlement.counting] == ["2025-01-24", "2025-01-24"]


def test_what_a_rejected_event_names_is_not_taken_back() -> None:
    settlement = settle([leave("1"), leave("2"), leave("2", replaces="1")])
    assert [s.id for s in settlement.counting] == ["1", "2"]


def test_whatever_is_named_is_left_out_whichever_came_first() -> None:
    assert counting(leave("1"), retraction("2", "1")) == set()
    assert counting(leave("1"), leave("2", "2025-02-28", replaces="1")) == {(HERE, "2")}


def test_only_its_own_source_can_name_an_event_and_another_system_is_another_source() -> None:
    assert counting(leave("1"), retraction("2", "1", OTHER_SCHOOL)) == {(HERE, "1")}
    assert counting(leave("1"), retraction("2", "1", SCHOOL + ":lokal")) == {(HERE, "1")}
    assert counting(leave("1"), leave("1", source=OTHER_SCHOOL), retraction("2", "1")) == {(THERE, "1")}


def test_naming_is_final_though_the_one_that_named_is_taken_back() -> None:
    assert counting(leave("1"), retraction("2", "1"), retraction("3", "2")) == set()
    assert counting(leave("1"), leave("2", replaces="1"), retraction("3", "2")) == set()


def test_a_chain_of_replacements_ends_at_the_last() -> None:
    told = [leave(str(n), f"2025-02-{n:02}", replaces=str(n - 1)) for n in range(2, 9)]
    assert counting(leave("1"), *told) == {(HERE, "8")}


def test_a_retraction_may_replace_another_and_takes_both_back() -> None:
    both = retraction("3", "1", replaces="2")
    assert sorted(named(both)) == ["1", "2"]
    assert counting(leave("1"), leave("2"), both) == set()


def test_two_that_replace_each_other_are_both_left_out() -> None:
    assert counting(leave("1", replaces="2"), leave("2", replaces="1")) == set()


def test_absence_is_refused() -> None:
    data = AbsenceResumed(pupil=Pupil(identity_number=NUMBER), school_unit="10000002", resumed_on=NOON.date())
    with pytest.raises(ValueError, match="never reaches the registry"):
        settle([Event("1", SCHOOL, AbsenceResumed.TYPE, NOON, data)])


FIRST, SECOND, THIRD, STRANGER = (number("20080315", serial) for serial in (981, 982, 983, 984))


def test_linked_numbers_are_one_person_under_the_number_of_the_latest_change() -> None:
    said = [
        registered(identity_number=FIRST),
        left("2025-01-24", identity_number=SECOND),
        identity_changed("2024-02-01", FIRST, SECOND, time="2026-01-01T00:00:00Z"),
        identity_changed("2024-03-01", SECOND, THIRD, time="2025-01-01T00:00:00Z"),
        registered(identity_number=STRANGER),
    ]
    for order in (said, said[::-1]):
        found = persons(order)
        assert {current: len(about) for current, about in found.items()} == {THIRD: 4, STRANGER: 1}
        assert list(found) == sorted(found)


def test_numbers_linked_in_the_middle_join_those_on_either_side() -> None:
    links = [identity_changed("2024-01-01", FIRST, SECOND), identity_changed("2024-01-01", THIRD, STRANGER)]
    assert len(set(components(links).values())) == 2
    assert len(set(components([*links, identity_changed("2024-01-02", SECOND, STRANGER)]).values())) == 1


def test_of_two_changes_of_one_day_the_later_told_says_the_current_number() -> None:
    said = [
        identity_changed("2024-02-01", FIRST, SECOND, time="2024-02-03T00:00:00Z"),
        identity_changed("2024-02-01", SECOND, FIRST, time="2024-02-02T00:00:00Z"),
    ]
    assert list(persons(said)) == list(persons(reversed(said))) == [SECOND]


def test_a_link_alone_names_a_person() -> None:
    assert list(persons([identity_changed("2024-02-01", FIRST, SECOND)])) == [SECOND]


def test_a_link_that_was_taken_back_links_nothing() -> None:
    link = ResidentIdentityChanged.model_validate(
        {"previous_identity_number": FIRST, "identity_number": SECOND, "changed_on": "2024-02-01"}
    )
    feed = "urn:se:kommun:0180"
    told = [
        Event(f"r{n}", feed, ResidentUpdated.TYPE, NOON + timedelta(n), _updated(n))
        for n in (FIRST_SERIAL, 982)
    ]
    linked = Event("x", feed, ResidentIdentityChanged.TYPE, NOON, link)
    assert list(persons(settle([*told, linked]).counting)) == [SECOND]
    taken_back = Event("y", feed, told[0].type, NOON, told[0].data, replaces="x")
    assert list(persons(settle([*told, linked, taken_back]).counting)) == [FIRST, SECOND]


FIRST_SERIAL = 981


def _updated(serial: int) -> ResidentUpdated:
    return ResidentUpdated(
        person=Person(identity_number=number("20080315", serial)), updated_on=NOON.date(), protection=None
    )


def test_whoever_is_only_mentioned_by_a_statement_without_effect_is_listed_too() -> None:
    assert list(persons([updated("2025-01-01", identity_number=FIRST)])) == [FIRST]
