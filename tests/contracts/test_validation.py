"""A file of events, line by line, as ``kaa contracts validate`` and ``kaa publish`` see it."""

import json
from copy import deepcopy
from typing import Any

from contracts.envelope import Event, Problem
from contracts.validation import MAX_LINE, check

from .examples import VALID

LEFT = VALID["se.kaa.school.leave.left.v1"]
STARTED = VALID["se.kaa.school.enrolment.started.v1"]


def line(said: Any) -> bytes:
    return json.dumps(said).encode() + b"\n"


def other(said: dict[str, Any], **data: object) -> dict[str, Any]:
    changed = deepcopy(said)
    changed["data"] |= data
    return changed


def test_lines_come_with_their_events_and_numbers_and_blank_ones_are_counted() -> None:
    found = list(check([line(LEFT), b"\n", b"  \r\n", line(STARTED)]))
    assert [(one.number, one.event.id if one.event else None) for one in found] == [
        (1, LEFT["id"]),
        (4, STARTED["id"]),
    ]
    assert found[0].text == line(LEFT).strip()


def test_a_refused_line_says_every_wrong_field_and_the_good_ones_around_it_stand() -> None:
    wrong = other(LEFT, last_day="soon", school_unit="1")
    before, refused, after = check(
        [line(STARTED), line(wrong), line(VALID["se.kaa.school.leave.completed.v1"])]
    )
    assert before.event
    assert after.event
    assert refused.refusal
    assert refused.refusal.reason == "contract"
    assert refused.refusal.event_id == LEFT["id"]
    assert {problem.field for problem in refused.refusal.problems} == {"data.last_day", "data.school_unit"}


def test_a_repeated_line_is_no_fault() -> None:
    backwards = dict(reversed(LEFT.items()))
    first, again = check([line(LEFT), line(backwards)])
    assert (first.repeats, again.repeats) == (None, 1)
    assert again.refusal is None


def test_two_lines_of_one_identity_with_other_content_conflict_and_the_first_stands() -> None:
    first, second, third = check([line(LEFT), line(other(LEFT, last_day="2025-01-09")), line(LEFT)])
    assert first.event
    assert second.refusal
    assert second.refusal.reason == "identity_conflict"
    assert second.refusal.problems == (Problem("id", "line 1 has the same source and id with other content"),)
    assert third.repeats == 1


def test_the_same_id_from_two_sources_is_no_conflict() -> None:
    elsewhere = {**other(LEFT, last_day="2025-01-09"), "source": "urn:se:orgnr:5599990016"}
    assert all(one.event for one in check([line(LEFT), line(elsewhere)]))


def test_a_line_that_no_topic_takes_is_refused() -> None:
    (refused,) = check([line(other(LEFT, note="x" * MAX_LINE))])
    assert refused.refusal
    assert refused.refusal.problems[0].detail == "longer than 1,000,000 bytes, the most that a topic takes"


def test_what_an_installation_does_not_admit_is_refused_with_its_reason() -> None:
    def nobody(event: Event) -> tuple[str, Problem] | None:
        return ("unknown_organiser", Problem("source", "is not known")) if event.id == LEFT["id"] else None

    refused, accepted = check([line(LEFT), line(STARTED)], nobody)
    assert refused.refusal
    assert refused.refusal.reason == "unknown_organiser"
    assert accepted.event
