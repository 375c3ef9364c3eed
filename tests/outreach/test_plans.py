"""What may be said of a measure."""

from datetime import date
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from contracts.own import MeasureEnded
from services.outreach.plans import End, EndReason, Plan

FIRST = date(2026, 9, 1)


def plan(**words: Any) -> Plan:
    said: dict[str, Any] = {"kind": "work_placement", "content": "Praktik på biblioteket", "from_day": FIRST}
    return Plan(**(said | words))


def test_a_measure_says_what_is_done_by_whom_and_when_it_is_followed_up() -> None:
    said = plan(
        goal="Söka till hösten",
        person_does="Kommer varje dag",
        municipality_does="Ringer varje vecka",
        follow_up_on=(date(2026, 10, 1), date(2026, 9, 15), date(2026, 10, 1)),
        support=({"kind": "study_aid", "amount": 1250, "per": "month"},),
    )
    assert said.follow_up_on == (date(2026, 9, 15), date(2026, 10, 1))
    assert (said.support[0].kind, said.support[0].amount, said.support[0].per) == ("study_aid", 1250, "month")


def test_lines_are_kept_and_what_a_browser_makes_of_their_ends_is_not() -> None:
    assert plan(plan=" en rad\r\nen till \r\n").plan == "en rad\nen till"
    assert plan(goal="  ").goal is None


@pytest.mark.parametrize(
    "words",
    [
        {"content": " "},
        {"content": "x" * 1001},
        {"note": "x" * 501},
        {"note": "ett\x00tecken"},
        {"kind": "therapy"},
        {"diagnosis": "x"},
        {"from_day": date(1899, 12, 31)},
        {"support": ({"kind": "meals", "amount": 0, "per": "day"},)},
        {"support": ({"kind": "rent", "amount": 100, "per": "month"},)},
        {"follow_up_on": tuple(date(2026, 9, 1).replace(year=2026 + n) for n in range(61))},
    ],
)
def test_what_cannot_be_is_refused_and_not_repeated_in_the_error(words: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        plan(**words)
    assert "tecken" not in str(refused.value)


def test_the_reasons_of_ending_are_those_of_the_contract() -> None:
    of_contract = get_args(MeasureEnded.model_fields["end_reason"].annotation)
    assert get_args(EndReason) == get_args(of_contract[0])
    assert End(to_day=FIRST, reason="started_education").occupation_after is None
