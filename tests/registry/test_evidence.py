"""What an episode is told to rest on: the deciding statement first, and nothing that names anybody."""

from datetime import date
from functools import partial
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given

from contracts.model import Protection
from services.registry.coverage import Episode, episodes_of, timeline
from services.registry.episodes import Change, Stored, changes, grounds_of
from services.registry.facts import facts_of
from services.registry.publication import coverage_message
from services.registry.statement import Statement
from tests.registry.histories import history
from tests.registry.sayings import (
    HOME,
    OTHER_UNIT,
    UNIT,
    awarded,
    changed,
    completed,
    compulsory_ended,
    left,
    moved,
    no_show,
    registered,
    started,
)
from tests.registry.test_properties import people, rngs, steady

VERA = UUID(int=1)
DAY = date(2026, 1, 15)
BORN = registered()
HOME_SINCE_BIRTH = "registered 2008-03-15"


def evidence(*statements: Statement) -> list[list[str]]:
    """The grounds of each episode, in short: ``left 2025-01-24``."""
    facts = facts_of(statements)
    return [
        [f"{ground.fact} {ground.on}" for ground in grounds_of(facts, "none", episode)]
        for episode in timeline(statements)
    ]


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ([compulsory_ended("2024-06-12")], ["compulsory_school_ended 2024-06-12", HOME_SINCE_BIRTH]),
        ([started("2024-08-19"), left("2025-01-24")], ["left 2025-01-24", HOME_SINCE_BIRTH]),
        ([started("2024-08-19", path="IMV"), left("2025-01-24")], ["left 2025-01-24", HOME_SINCE_BIRTH]),
        ([started("2024-08-19", "VUXGY"), left("2025-01-24")], ["left 2025-01-24", HOME_SINCE_BIRTH]),
        (
            [started("2024-08-19"), completed("2025-01-24"), compulsory_ended("2024-06-12")],
            ["study_certificate 2025-01-24", "compulsory_school_ended 2024-06-12", HOME_SINCE_BIRTH],
        ),
        (
            [started("2024-08-19"), left("2025-01-24"), awarded("2025-01-24", "study_certificate")],
            ["study_certificate 2025-01-24", "left 2025-01-24", HOME_SINCE_BIRTH],
        ),
        ([], [HOME_SINCE_BIRTH]),
        (
            [no_show("2024-08-19"), started("2021-08-18", "GR", unit=OTHER_UNIT), left("2024-06-05", OTHER_UNIT)],
            [
                "no_show 2024-08-19",
                "compulsory_school_started 2021-08-18",
                "left 2024-06-05",
                HOME_SINCE_BIRTH,
            ],
        ),
    ],
    ids=[
        "compulsory_school_only", "left_upper_secondary", "left_introductory_programme", "left_equivalent_education",
        "study_certificate", "study_certificate_of_beda", "no_known_school", "compulsory_school_only_by_default",
    ],
)  # fmt: skip
def test_each_reason_has_its_evidence_the_deciding_statement_first(
    said: list[Statement], first: list[str]
) -> None:
    assert evidence(BORN, *said)[0] == first


def test_the_newly_arrived_are_so_by_the_day_they_were_registered_in_sweden() -> None:
    arrived = registered("2025-01-07", registered_in_sweden_on="2025-01-06")
    assert evidence(arrived) == [["registered_in_sweden 2025-01-06"]]


def test_a_home_that_schools_alone_have_told_is_told_as_such() -> None:
    said = [started("2024-08-19", municipality=HOME, id="a"), left("2025-01-24")]
    assert evidence(*said) == [["left 2025-01-24", "home_stated 2024-08-19"]]


def test_what_ended_the_enrolment_is_evidence_beside_what_decides() -> None:
    said = [
        started("2024-08-19"),
        started("2025-01-08", "VUXSFI"),
        awarded("2024-12-20", "study_certificate"),
    ]
    assert evidence(BORN, *said) == [["study_certificate 2024-12-20", "started 2025-01-08", HOME_SINCE_BIRTH]]


def test_the_former_municipality_is_not_told_of_what_came_later() -> None:
    said = [
        started("2021-08-18", "GR"),
        left("2024-06-05"),
        moved("2025-02-01", "1480"),
        no_show("2025-08-18"),
    ]
    assert evidence(BORN, *said) == [
        ["compulsory_school_started 2021-08-18", "left 2024-06-05", HOME_SINCE_BIRTH],
        ["no_show 2025-08-18", "compulsory_school_started 2021-08-18", "left 2024-06-05", "moved 2025-02-01"],
    ]


def test_at_most_five_are_told_the_latest_of_those_that_decide() -> None:
    starts = [started(f"20{year}-08-18", "GR", unit=f"100000{year}") for year in range(15, 24)]
    assert evidence(BORN, *starts, left("2024-06-05", "10000023"))[0] == [
        f"compulsory_school_started 20{year}-08-18" for year in range(23, 18, -1)
    ]


def test_evidence_says_where_and_who_told_it() -> None:
    episode = timeline([BORN, started("2024-08-19"), left("2025-01-24")])[0]
    facts = facts_of([BORN, started("2024-08-19"), left("2025-01-24")])
    gone, home = grounds_of(facts, "none", episode)
    assert (gone.school_unit, gone.source) == (UNIT, "urn:se:orgnr:2120000142")
    assert (home.school_unit, home.source) == (None, "urn:se:kommun:0180")


@pytest.mark.parametrize("protection", ["confidential", "protected_registration", "assumed_identity"])
def test_of_a_protected_person_no_evidence_is_told(protection: Protection) -> None:
    said = [BORN, started("2024-08-19"), left("2025-01-24")]
    assert grounds_of(facts_of(said), protection, timeline(said)[0]) == ()


@steady
@given(rngs)
def test_evidence_does_not_depend_on_the_order_of_arrival_and_is_never_of_later_days(rng: Random) -> None:
    for said in people(history(rng)):
        shuffled = list(said)
        rng.shuffle(shuffled)
        for episode in timeline(said):
            grounds = grounds_of(facts_of(said), "none", episode)
            assert grounds == grounds_of(facts_of(shuffled), "none", episode)
            assert len(grounds) <= 5
            assert all(episode.to_day is not None and ground.on <= episode.to_day for ground in grounds)
            assert all(one.school_unit is None or len(one.school_unit) == 8 for one in grounds)


def told(stored: list[Stored], *statements: Statement, protection: Protection = "none") -> list[Change]:
    """What is told of Vera's episodes on the day, after what is stored."""
    facts = facts_of(statements)
    rests_on = partial(grounds_of, facts, protection)
    return changes(VERA, stored, episodes_of(facts), rests_on, DAY, iter(uuid4, None))


def kept(found: list[Change]) -> list[Stored]:
    return [change.after for change in found if change.after is not None]


SAID = (BORN, started("2024-08-19"), left("2025-01-24"))


def test_an_episode_is_told_anew_when_what_it_rests_on_is_corrected_and_its_days_are_not() -> None:
    first = told([], *SAID)
    assert [change.telling for change in first] == ["started"]
    assert told(kept(first), *SAID) == []
    corrected = told(kept(first), *SAID, compulsory_ended("2024-06-12"))
    assert [(one.telling, one.after and one.after.revision) for one in corrected] == [("changed", 2)]
    taken_back = told(kept(corrected), *SAID)
    assert [(change.telling, change.grounds) for change in taken_back] == [("changed", first[0].grounds)]


def test_a_programme_that_was_changed_before_she_left_is_no_new_evidence() -> None:
    assert told(kept(told([], *SAID)), *SAID, changed("2024-11-04", path="EK")) == []


def test_protection_takes_back_what_was_told_and_its_end_tells_it_again() -> None:
    open_ = told([], *SAID)
    hidden = told(kept(open_), *SAID, protection="protected_registration")
    assert [(change.telling, change.grounds) for change in hidden] == [("changed", ())]
    again = told(kept(hidden), *SAID)
    assert [(change.telling, change.grounds) for change in again] == [("changed", open_[0].grounds)]


def test_an_episode_that_has_not_begun_is_told_with_nothing() -> None:
    coming = Episode(HOME, date(2026, 7, 1), date(2028, 3, 14), "no_known_school", "turned_20")
    (change,) = changes(VERA, [], [coming], _never_asked, DAY, iter(uuid4, None))
    assert (change.telling, change.grounds) == (None, ())


def _never_asked(episode: Episode) -> tuple[()]:
    raise AssertionError(f"{episode} has not begun")


def test_what_is_told_names_organiser_or_municipality_and_nothing_of_the_person() -> None:
    said = [BORN, started("2024-08-19"), left("2025-01-24", source="urn:se:orgnr:2120000142:extens")]
    (change,) = told([], *said, awarded("2025-01-24", "study_certificate", given_name="Vera"))
    value = coverage_message(change, 1, DAY, said[2].time).value
    assert value.partition(b'"grounds":')[2] == (
        b'[{"fact":"study_certificate","on":"2025-01-24"},'
        b'{"fact":"left","on":"2025-01-24","school_unit":"10000002","organiser":"2120000142"},'
        b'{"fact":"registered","on":"2008-03-15","municipality":"0180"}]}}'
    )
    assert b"Vera" not in value
    assert b"2008031" not in value
