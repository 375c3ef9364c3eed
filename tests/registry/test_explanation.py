"""Why is she on the list? Criterion by criterion, since when, and on which events it rests."""

from datetime import date

import pytest

from services.registry.criteria import Verdict
from services.registry.explanation import Explanation, explain
from services.registry.statement import Statement
from tests.registry.sayings import (
    OTHER_UNIT,
    awarded,
    changed,
    compulsory_ended,
    deceased,
    left,
    moved,
    no_show,
    registered,
    started,
)


def asked(day: str, *statements: Statement, summer_hold: bool = True) -> Explanation:
    return explain(statements, date.fromisoformat(day), summer_hold=summer_hold)


def verdict(condition: str, day: str, *statements: Statement) -> Verdict:
    told = asked(day, *statements)
    return next(v for v in (told.residence, *told.criteria, told.summer_hold) if v.condition == condition)


def rests_on(found: Verdict) -> list[str]:
    return [ground.id for ground in found.grounds]


DROPPED_OUT = (
    registered(id="born", birth_date="2008-03-15"),
    compulsory_ended("2024-06-12", id="ninth grade"),
    started("2024-08-19", id="began"),
    left("2025-01-24", id="dropped out"),
)


def test_the_most_common_question_answered_in_full() -> None:
    told = asked("2025-03-01", *DROPPED_OUT)
    assert told.covered
    assert [(v.condition, v.holds, str(v.since), rests_on(v)) for v in (told.residence, *told.criteria)] == [
        ("residence", True, "2008-03-15", ["born"]),
        ("under_20", True, "None", ["born"]),
        ("compulsory_school_over", True, "2024-06-13", ["ninth grade"]),
        ("not_in_school", True, "2025-01-25", ["dropped out"]),
        ("no_diploma", True, "None", []),
        ("no_adapted_certificate", True, "None", []),
        ("no_equivalent_completed", True, "None", []),
    ]
    assert not any(v.inferred for v in (told.residence, *told.criteria))
    assert not told.summer_hold.holds
    assert told.entry is not None
    assert (told.entry.municipality, str(told.entry.from_day), told.entry.reason, told.entry.inferred) == (
        "0180",
        "2025-01-25",
        "left_upper_secondary",
        False,
    )
    assert [ground.id for ground in told.entry.grounds] == ["dropped out"]


def test_every_ground_says_source_id_and_date() -> None:
    ground = verdict("not_in_school", "2025-03-01", *DROPPED_OUT).grounds[0]
    assert (ground.source, ground.id, ground.on) == (
        "urn:se:orgnr:2120000142",
        "dropped out",
        date(2025, 1, 24),
    )


def test_every_verdict_names_the_law_or_says_that_there_is_none() -> None:
    told = asked("2025-03-01", *DROPPED_OUT)
    assert told.residence.law == "skollagen 29 kap. 6 §"
    assert {v.law for v in told.criteria} == {"skollagen 29 kap. 9 §"}
    assert told.summer_hold.law.startswith("not in the law")


def test_there_are_six_criteria() -> None:
    assert len(asked("2025-03-01", *DROPPED_OUT).criteria) == 6


class TestInferred:
    """Marked where a default stands in for a fact that nobody has stated."""

    def test_a_birth_date_read_from_the_number(self) -> None:
        found = verdict("under_20", "2025-03-01", registered())
        assert found.inferred
        assert "as the identity number says" in found.text

    def test_the_default_end_of_compulsory_school(self) -> None:
        found = verdict("compulsory_school_over", "2025-03-01", registered())
        assert (found.inferred, str(found.since), rests_on(found)) == (True, "2024-07-01", [])

    def test_compulsory_school_taken_to_be_over_because_the_next_began(self) -> None:
        said = [registered(), started("2024-01-08", id="early"), left("2024-03-01")]
        found = verdict("compulsory_school_over", "2024-03-02", *said)
        assert (found.holds, found.inferred, str(found.since), rests_on(found)) == (
            True,
            True,
            "2024-01-08",
            ["early"],
        )

    def test_a_home_that_only_schools_have_told(self) -> None:
        found = verdict("residence", "2025-03-01", compulsory_ended("2024-06-12", municipality="1480"))
        assert (found.holds, found.inferred, found.since) == (True, True, None)
        assert "1480" in found.text

    def test_a_home_that_nobody_has_told(self) -> None:
        found = verdict("residence", "2025-03-01", compulsory_ended("2024-06-12"))
        assert (found.holds, found.inferred, rests_on(found)) == (False, True, [])

    def test_a_reason_without_a_fact(self) -> None:
        for said, inferred in (
            ([registered()], True),
            ([registered(), started("2021-08-18", "GR", id="grade seven"), left("2024-06-05")], True),
            ([registered("2025-01-06", registered_in_sweden_on="2025-01-06")], False),
        ):
            told = asked("2025-03-01", *said)
            assert told.entry is not None
            assert told.entry.inferred == inferred


def test_a_reason_by_default_rests_on_every_sign_of_compulsory_school() -> None:
    said = [registered(), no_show("2024-08-19", id="no-show"), started("2021-08-18", "GR", id="grade seven")]
    told = asked("2025-03-01", *said, left("2024-06-05"))
    assert told.entry is not None
    assert [ground.id for ground in told.entry.grounds] == ["grade seven", "no-show"]


def test_registration_after_compulsory_age_is_no_default_but_the_laws_second_point() -> None:
    said = registered("2025-01-06", registered_in_sweden_on="2025-01-06", id="arrived")
    found = verdict("compulsory_school_over", "2025-03-01", said)
    assert (found.holds, found.inferred, str(found.since)) == (True, False, "2025-01-06")
    assert found.law == "skollagen 29 kap. 9 § p. 2"
    assert rests_on(found) == ["arrived"]


def test_emigration_and_death_are_told_apart() -> None:
    emigrated = verdict("residence", "2025-03-01", registered(), moved("2025-01-10", None, id="gone"))
    assert (emigrated.holds, str(emigrated.since), rests_on(emigrated)) == (False, "2025-01-10", ["gone"])
    assert "has left Sweden" in emigrated.text
    assert "deceased" in verdict("residence", "2025-03-01", registered(), deceased("2025-01-10")).text


def test_compulsory_school_is_over_from_the_day_after_its_last() -> None:
    assert not verdict("compulsory_school_over", "2024-06-12", *DROPPED_OUT).holds
    assert verdict("compulsory_school_over", "2024-06-13", *DROPPED_OUT).holds


def test_from_the_birthday_on_she_is_twenty() -> None:
    assert verdict("under_20", "2028-03-14", *DROPPED_OUT).holds
    found = verdict("under_20", "2028-03-15", *DROPPED_OUT)
    assert (found.holds, str(found.since)) == (False, "2028-03-15")


def test_in_school_since_the_first_of_the_programmes_that_follow_on_each_other() -> None:
    said = [
        registered(),
        started("2024-08-19", id="first"),
        changed("2025-01-13", path="IMV", id="second"),
        started("2025-03-03", unit=OTHER_UNIT, id="third"),
    ]
    found = verdict("not_in_school", "2025-04-01", *said)
    assert (found.holds, str(found.since), rests_on(found)) == (
        False,
        "2024-08-19",
        ["first", "second", "third"],
    )
    assert "gymnasieskola" in found.text


def test_back_in_compulsory_school_its_criterion_fails_and_not_the_third() -> None:
    said = [
        *DROPPED_OUT,
        started("2025-02-10", "GR", unit=OTHER_UNIT, id="back"),
        left("2025-05-23", OTHER_UNIT),
    ]
    found = verdict("compulsory_school_over", "2025-03-01", *said)
    assert (found.holds, str(found.since), rests_on(found)) == (False, "2025-02-10", ["back"])
    assert verdict("not_in_school", "2025-03-01", *said).holds
    after = verdict("compulsory_school_over", "2025-06-01", *said)
    assert (after.holds, str(after.since)) == (True, "2025-05-24")


def test_compulsory_school_that_goes_on_without_a_break_was_never_over() -> None:
    said = [registered(), compulsory_ended("2024-06-12"), started("2024-06-13", "GR")]
    found = verdict("compulsory_school_over", "2024-10-01", *said)
    assert (found.holds, found.since) == (False, None)
    later = [registered(), compulsory_ended("2024-06-12"), started("2024-06-14", "GR")]
    assert str(verdict("compulsory_school_over", "2024-10-01", *later).since) == "2024-06-14"


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("diploma", "no_diploma"),
        ("adapted_certificate", "no_adapted_certificate"),
        ("ib_diploma", "no_equivalent_completed"),
        ("adult_diploma", "no_equivalent_completed"),
        ("folk_high_school_eligibility", "no_equivalent_completed"),
        ("foreign_equivalent", "no_equivalent_completed"),
    ],
)
def test_each_credential_fails_the_criterion_of_the_law_that_it_belongs_to(kind: str, condition: str) -> None:
    told = asked("2025-06-01", *DROPPED_OUT, awarded("2025-05-05", kind, id="got it"))
    failed = [(v.condition, str(v.since), rests_on(v)) for v in told.criteria if not v.holds]
    assert failed == [(condition, "2025-05-05", ["got it"])]
    assert not told.covered
    assert not asked("2025-05-05", *DROPPED_OUT, awarded("2025-05-05", kind)).covered
    assert verdict(condition, "2025-05-05", *DROPPED_OUT, awarded("2025-05-05", kind)).holds is False
    assert asked("2025-05-04", *DROPPED_OUT, awarded("2025-05-05", kind)).covered


class TestSummerHold:
    SAID = (registered(), started("2024-08-19"), left("2025-06-11", id="school is out"))

    def test_it_holds_while_it_alone_keeps_her_off_the_list(self) -> None:
        told = asked("2025-07-01", *self.SAID)
        assert not told.covered
        assert told.entry is None
        assert all(v.holds for v in (told.residence, *told.criteria))
        assert (told.summer_hold.holds, str(told.summer_hold.since)) == (True, "2025-06-12")
        assert rests_on(told.summer_hold) == ["school is out"]

    def test_until_september(self) -> None:
        assert asked("2025-08-31", *self.SAID).summer_hold.holds
        told = asked("2025-09-01", *self.SAID)
        assert told.covered
        assert not told.summer_hold.holds

    def test_not_where_it_is_switched_off(self) -> None:
        told = asked("2025-07-01", *self.SAID, summer_hold=False)
        assert told.covered
        assert not told.summer_hold.holds


def test_nobody_can_be_explained_of_whom_nothing_is_said() -> None:
    with pytest.raises(ValueError, match="names a person"):
        explain((), date(2025, 3, 1))
