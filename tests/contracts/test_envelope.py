"""The envelope: both CloudEvents modes, what makes two events the same, and what no record may do to us."""

import json
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.envelope import CONTENT_TYPE, Event, Refused, decode, encode

from .examples import BINARY, VALID

LEFT = VALID["se.kaa.school.leave.left.v1"]
REGISTERED = VALID["se.kaa.municipality.resident.registered.v1"]


def event(base: dict[str, Any] = LEFT, **changes: Any) -> Event:
    """``base`` with attributes changed; those named ``data__x`` change a field of the data."""
    said = deepcopy(base)
    for name, value in changes.items():
        at, _, field = name.partition("__")
        if field:
            said[at][field] = value
        else:
            said[at] = value
    return decode(json.dumps(said).encode())


def binary(changes: dict[str, bytes] | None = None) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The leave above in binary mode: value and headers, some of them changed."""
    example = BINARY["se.kaa.school.leave.left.v1"]
    headers = {key: value.encode() for key, value in example["headers"].items()}
    headers |= changes or {}
    return json.dumps(example["value"]).encode(), list(headers.items())


def refusal(value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()) -> Refused:
    with pytest.raises(Refused) as refused:
        decode(value, headers)
    return refused.value


def outcome(value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()) -> Event | Refused:
    try:
        return decode(value, headers)
    except Refused as refused:
        return refused


# reading


@pytest.mark.parametrize(
    "time",
    [
        "2025-01-13T07:30:00Z",
        "2025-01-13t07:30:00z",
        "2025-01-13T08:30:00+01:00",
        "2025-01-13T09:30:00+02:00",
        "2025-01-13T07:30:00-00:00",
        "2025-01-12T23:30:00-08:00",
        "2025-01-13T07:30:00.000Z",
        "2025-01-13T07:30:00.000000000+00:00",
    ],
)
def test_one_instant_may_be_written_in_many_ways(time: str) -> None:
    assert event(time=time).time == datetime(2025, 1, 13, 7, 30, tzinfo=UTC)
    assert event(time=time).digest == event().digest


def test_a_fraction_of_a_second_counts_down_to_the_microsecond() -> None:
    assert event(time="2025-01-13T07:30:00.1234567Z").time.microsecond == 123456


@pytest.mark.parametrize(
    "media_type",
    [
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=utf-8",
        b"application/cloudevents+json;charset=UTF-8",
        b"Application/CloudEvents+JSON",
    ],
)
def test_a_media_type_with_parameters_is_the_same_media_type(media_type: bytes) -> None:
    assert decode(json.dumps(LEFT).encode(), [("content-type", media_type)]) == event()
    assert decode(json.dumps(LEFT).encode(), [("Content-Type", media_type)]) == event()


def test_an_event_without_headers_is_read_in_structured_mode() -> None:
    assert decode(json.dumps(LEFT).encode(), []) == event()


def test_the_content_type_decides_when_both_modes_are_said() -> None:
    _, headers = binary({"ce_id": b"another", "content-type": b"application/cloudevents+json"})
    assert decode(json.dumps(LEFT).encode(), headers).id == LEFT["id"]


@pytest.mark.parametrize("name", [b"content-type", b"ce_id", b"ce_specversion", b"ce_time"])
def test_a_header_we_read_must_be_utf_8(name: bytes) -> None:
    key = name.decode()
    value, headers = binary({key: b"application/json \xe5"})
    refused = refusal(value, headers)
    assert (refused.reason, refused.problems[0].field) == ("malformed", f"header {key}")


def test_a_header_that_nobody_reads_may_hold_any_bytes() -> None:
    value, headers = binary({"x-trace": b"\xff\xfe\x00"})
    assert decode(value, headers) == event()


def test_a_header_without_a_value_is_absent() -> None:
    value, headers = binary()
    assert decode(value, [*headers, ("ce_replaces", None), ("x-empty", None)]) == event()


def test_null_in_an_optional_field_is_its_absence() -> None:
    nothing = event(data__reason=None, replaces=None, traceparent=None, subject=None)
    said = deepcopy(LEFT)
    del said["data"]["reason"]
    absent = decode(json.dumps(said).encode())
    assert nothing == absent
    assert nothing.digest == absent.digest


def test_unknown_fields_are_ignored_everywhere() -> None:
    said = deepcopy(LEFT)
    said["dataschema"] = "https://example.com/schema"
    said["data"]["mentor"] = "someone"
    said["data"]["pupil"]["shoe_size"] = 38
    known = decode(json.dumps(said).encode())
    assert known == event()
    assert known.digest == event().digest
    assert b"someone" not in encode(known)


def test_an_unreadable_traceparent_is_left_out() -> None:
    assert event(traceparent="garbage").traceparent is None
    good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert event(traceparent=good).traceparent == good


def test_the_last_of_two_equal_keys_counts() -> None:
    text = json.dumps(LEFT)[:-1] + ', "id": "the-last"}'
    assert decode(text.encode()).id == "the-last"


def test_an_id_that_no_store_takes_is_not_repeated_in_the_refusal() -> None:
    for bad in ("", "x" * 129, "a\x00b", 7):
        assert refusal(json.dumps({**LEFT, "id": bad}).encode()).event_id is None
    assert refusal(json.dumps({**LEFT, "time": "now"}).encode()).event_id == LEFT["id"]


def test_every_wrong_field_of_the_data_is_said() -> None:
    refused = refusal(json.dumps({**LEFT, "data": {"pupil": {}, "last_day": "soon"}}).encode())
    assert [problem.field for problem in refused.problems] == [
        "data.pupil.identity_number",
        "data.school_unit",
        "data.last_day",
    ]


# the same, or in conflict


def test_mode_headers_key_order_and_trace_do_not_make_another_event() -> None:
    backwards = json.dumps(
        dict(reversed(list(deepcopy(LEFT).items()))) | {"data": dict(reversed(LEFT["data"].items()))}
    )
    value, headers = binary({"x-attempt": b"2"})
    traced = event(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    digests = {
        event().digest,
        decode(backwards.encode()).digest,
        decode(value, headers).digest,
        traced.digest,
    }
    assert digests == {event().digest}


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2025-01-13T08:30:00.000001+01:00"},
        {"replaces": "lv-1999"},
        {"data__last_day": "2025-01-09"},
        {"data__reason": None},
        {"data__reason": "work"},
        {"data__pupil": {"identity_number": LEFT["data"]["pupil"]["identity_number"]}},
    ],
)
def test_another_content_under_the_same_identity_is_a_conflict(changes: dict[str, Any]) -> None:
    assert event(**changes).digest != event().digest


def test_another_type_with_the_same_data_is_a_conflict() -> None:
    retracted = VALID["se.kaa.school.leave.retracted.v1"]
    same = {**retracted, "type": "se.kaa.school.enrolment.retracted.v1"}
    assert event(same).digest != event(retracted).digest


# what an event names


def test_a_retraction_names_its_target_and_a_correction_what_it_replaces() -> None:
    assert event().names is None
    assert event(replaces="lv-1999").names == "lv-1999"
    assert event(VALID["se.kaa.school.leave.retracted.v1"]).names == "lv-2001"


# writing


@pytest.mark.parametrize("name", VALID)
def test_what_is_written_is_read_as_the_same_event(name: str) -> None:
    original = event(VALID[name])
    again = decode(encode(original), [CONTENT_TYPE])
    assert again == original
    assert again.digest == original.digest


def test_absent_fields_are_not_written() -> None:
    written = json.loads(encode(event(data__reason=None)))
    assert written["time"] == "2025-01-13T07:30:00Z"
    assert "reason" not in written["data"]
    assert "replaces" not in written
    moved = VALID["se.kaa.municipality.resident.moved.v1.left-sweden"]
    assert json.loads(encode(event(moved)))["data"]["to_municipality"] is None, "null says: left Sweden"


# whatever comes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "is empty (null)"),
        (b"", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"\xff", "not JSON"),
        (b"{" * 1_000_000, "not JSON"),
        (b"[" * 1_000_000, "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"id": 1e999999}', "specversion: is missing"),
        (b'{"id": NaN}', "not JSON"),
        (b'{"id": Infinity}', "not JSON"),
        (b'{"id": "\\ud800"}', "not JSON"),
        (b'{"id": "\x00"}', "not JSON"),
        (
            b'{"specversion": "1.0", "specversion": "0.3", "id": "a", "type": 1}',
            'specversion: expected "1.0"',
        ),
        (b'"text"', "expected a JSON object"),
        (b"null", "expected a JSON object"),
    ],
)
def test_no_bytes_crash_anything(value: bytes | None, words: str) -> None:
    assert words in str(refusal(value))


def test_a_number_of_thousands_of_digits_in_the_data_is_refused() -> None:
    text = json.dumps(VALID["se.kaa.school.absence.reported.v1"]).replace("310", "9" * 4000)
    assert refusal(text.encode()).problems[0].field == "data.unexcused_minutes"


def test_a_type_of_a_megabyte_is_refused_at_once_and_not_kept() -> None:
    refused = refusal(json.dumps({**LEFT, "type": "se.kaa." + "x" * 1_000_000}).encode())
    assert refused.problems[0].detail == "no such event type"


#: The machine may be busy with other tests; how long an example takes says nothing here.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SENTINEL = "Qzxwvyl"
NUMBER = 918273645
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.just(NUMBER),
    st.floats(allow_nan=True),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.text(max_size=20).map(lambda text: SENTINEL + text),
    st.sampled_from(
        ["", "1.0", "2024-02-30", "2024-02-01", "200803159813", "0180", "10000017", f"{SENTINEL}\x00"]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([SENTINEL, "phones", "id"]), inner)
    ),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[dict[str, Any], set[str]]:
    """A valid example with some of its parts replaced by anything or left out, and the texts it holds."""
    said: dict[str, Any] = deepcopy(VALID[draw(st.sampled_from(sorted(VALID)))])
    for _ in range(draw(st.integers(1, 3))):
        at: Any = said
        while True:
            key = draw(st.sampled_from(sorted(at)))
            if isinstance(at[key], dict) and at[key] and draw(st.booleans()):
                at = at[key]
                continue
            break
        if draw(st.booleans()):
            at[key] = draw(JSON)
        elif len(at) > 1:
            del at[key]
    return said, {SENTINEL, str(NUMBER), *personal(said)}


def personal(said: dict[str, Any]) -> set[str]:
    """The texts of the data that the words of the contract do not happen to contain."""
    found = set(json.dumps(said.get("data"), ensure_ascii=False).split('"'))
    return {text for text in found if len(text) > 5 and any(sign.isdigit() for sign in text)} - {"2100-12-31"}


@unhurried
@given(damaged())
def test_a_damaged_event_is_read_or_refused_and_the_refusal_holds_none_of_it(
    case: tuple[dict[str, Any], set[str]],
) -> None:
    said, planted = case
    found = outcome(json.dumps(said).encode("utf-8", "surrogatepass"))
    if isinstance(found, Event):
        assert decode(encode(found)).digest == found.digest
    else:
        assert found.problems
        assert not [text for text in planted if text in str(found)]


@unhurried
@given(
    value=st.none() | st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                ["content-type", "ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "x"]
            ),
            st.none()
            | st.binary()
            | st.sampled_from(
                [b"1.0", b"application/json", b"application/cloudevents+json", LEFT["type"].encode()]
            ),
        )
    ),
)
def test_whatever_stands_in_a_record_it_is_read_or_refused(
    value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    assert SENTINEL not in str(outcome(value, headers))
