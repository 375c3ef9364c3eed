"""CloudEvents 1.0 over Kafka: reading both modes, writing the structured one.

``decode`` is the only way into the system: what it returns has a known type, a source of the right form, and data
that keeps the contract; what it refuses, it refuses with a reason, a field and words without any value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from contracts.events import SOURCES, TYPES
from contracts.identifiers import EARLIEST, LATEST, EventId
from contracts.model import EventData, Retraction

#: As a Kafka client gives them; a header's value may be null.
Headers = Sequence[tuple[str, bytes | None]]
Reason = Literal["malformed", "unknown_type", "contract"]

STRUCTURED: Final = "application/cloudevents+json"
#: The header that goes with every record ``encode`` made.
CONTENT_TYPE: Final[tuple[str, bytes]] = ("content-type", STRUCTURED.encode())

_TIME = re.compile(
    r"(\d{4})-\d\d-\d\d[Tt](\d\d):\d\d:\d\d(?:\.\d{1,12})?(?:[Zz]|[+-](\d\d):(\d\d))", re.ASCII
)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_ID: Final = TypeAdapter[str](EventId)
_ID_WORDS: Final = "expected text of 1 to 128 characters without control characters"
_LONGEST_TYPE: Final = 100
#: Our own types, whose events carry the person_id as subject.
_ABOUT_PERSON: Final = frozenset(name for name, model in TYPES.items() if "person_id" in model.model_fields)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: the field (``data.pupil.identity_number``) and what is wrong and expected, in words."""

    field: str
    detail: str


class Refused(ValueError):
    """A record that is no event of the contract. Never holds a value from the record, but its ``id``."""

    def __init__(self, reason: Reason, problems: Sequence[Problem], event_id: str | None = None) -> None:
        super().__init__("; ".join(f"{p.field}: {p.detail}" for p in problems))
        self.reason: Reason = reason
        self.problems = tuple(problems)
        self.event_id = event_id


@dataclass(frozen=True, slots=True)
class Event:
    """One accepted event. (``source``, ``id``) is its identity; ``time`` is when its source recorded it, in UTC."""

    id: str
    source: str
    type: str
    time: datetime
    data: EventData
    replaces: str | None = None
    subject: str | None = None
    traceparent: str | None = None

    @property
    def names(self) -> str | None:
        """The id of the earlier event of the same source that this one retracts or replaces."""
        return self.data.retracts if isinstance(self.data, Retraction) else self.replaces

    @property
    def digest(self) -> bytes:
        """16 bytes, equal exactly when two events of one identity are *the same*: type, instant, replaces, data."""
        data = self.data.__pydantic_serializer__.to_json(self.data, by_alias=True, exclude_defaults=True)
        said = f"{self.type}\n{self.time.isoformat()}\n{self.replaces or ''}\n".encode()
        return blake2b(said + data, digest_size=16).digest()


def _refuse(reason: Reason, field: str, detail: str, event_id: str | None = None) -> Refused:
    return Refused(reason, (Problem(field, detail),), event_id)


@lru_cache(maxsize=8_192)
def parse_time(text: str) -> datetime:
    """RFC 3339 with an offset → UTC. Raises ValueError. Beyond microseconds a fraction is cut off."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("expected a time as RFC 3339 with an offset, such as 2026-01-31T08:30:00+01:00")
    year, hour, off_hour, off_minute = match.groups()
    if off_hour is not None and (int(off_hour) > 23 or int(off_minute) > 59):
        raise ValueError("the offset of the time is out of range")
    if not EARLIEST.year <= int(year) <= LATEST.year:
        raise ValueError("expected a time from 1900 to 2100")
    try:
        if hour == "24":  # ISO 8601, and Pythons from 3.14 on, know such a midnight; RFC 3339 does not
            raise ValueError
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError:
        raise ValueError("no such day or time of day") from None


_PATTERNS: Final = {
    r"^[0-9]{8}$": "expected a school unit code: 8 digits",
    r"^[^\x00-\x1f\x7f-\x9f]*$": "control characters are not allowed",
}


def _problem(error: ErrorDetails) -> Problem:
    field = ".".join(("data", *(str(part) for part in error["loc"])))
    match error["type"]:
        case "missing":
            detail = "is missing"
        case "string_pattern_mismatch":
            detail = _PATTERNS.get(str(error.get("ctx", {}).get("pattern")), error["msg"])
        case "model_type" | "dict_type":
            detail = "expected a JSON object"
        case "tuple_type":
            detail = "expected a JSON array"
        case _:
            detail = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return Problem(field, detail)


def _text(attributes: dict[str, Any], name: str, event_id: str | None) -> str:
    value = attributes.get(name)
    if value is None:
        raise _refuse("contract", name, "is missing", event_id)
    if not isinstance(value, str):
        raise _refuse("contract", name, "expected text", event_id)
    return value


@lru_cache(maxsize=256)
def _nearest_type(name: str) -> str | None:
    return next(iter(get_close_matches(name, TYPES, n=1, cutoff=0.6)), None)


def _unknown_type(name: str) -> str:
    # a name may be a megabyte, too long to search for and to keep
    near = _nearest_type(name) if len(name) <= _LONGEST_TYPE else None
    return f"no such event type{f'; the nearest is {near}' if near else ''}"


def _readable_id(value: object) -> str | None:
    """An id that a store can take, also to name a refused record by."""
    try:
        return _ID.validate_python(value)
    except ValidationError:
        return None


def _replaced(attributes: dict[str, Any], event_id: str) -> str | None:
    value = attributes.get("replaces")
    if value is None:
        return None
    named = _readable_id(value)
    if named is None:
        raise _refuse("contract", "replaces", _ID_WORDS, event_id)
    return named


@lru_cache(maxsize=8_192)
def _check_source(source: str, kind: str) -> None:
    """Raises ValueError: what is raised is not cached, so no long text of a stranger stays in memory."""
    prefix = next(prefix for prefix in SOURCES if kind.startswith(prefix))
    form, words = SOURCES[prefix]
    if not form.fullmatch(source):
        raise ValueError(f"expected {words}")


def _event(attributes: dict[str, Any], data: object) -> Event:
    event_id = _readable_id(attributes.get("id"))
    version = attributes.get("specversion")
    if version is None:
        raise _refuse(
            "malformed",
            "specversion",
            'is missing: this is no CloudEvent; expected "specversion": "1.0"',
            event_id,
        )
    kind = attributes.get("type")
    if isinstance(kind, str) and kind not in TYPES:
        raise _refuse("unknown_type", "type", _unknown_type(kind), event_id)
    if version != "1.0":
        raise _refuse("contract", "specversion", 'expected "1.0"', event_id)
    kind = _text(attributes, "type", event_id)
    if event_id is None:
        _text(attributes, "id", None)
        raise _refuse("contract", "id", _ID_WORDS)
    source = _text(attributes, "source", event_id)
    try:
        _check_source(source, kind)
    except ValueError as error:
        raise _refuse("contract", "source", str(error), event_id) from None
    said_at = _text(attributes, "time", event_id)
    try:
        time = parse_time(said_at)
    except ValueError as error:
        raise _refuse("contract", "time", str(error), event_id) from None
    media_type = attributes.get("datacontenttype")
    if media_type is not None and not (
        isinstance(media_type, str) and media_type.partition(";")[0].strip().lower() == "application/json"
    ):
        raise _refuse("contract", "datacontenttype", "expected application/json", event_id)
    if not isinstance(data, dict):
        raise _refuse("contract", "data", "expected a JSON object", event_id)
    try:
        content = TYPES[kind].model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=True, include_input=False)
        raise Refused("contract", [_problem(p) for p in problems], event_id) from None
    subject = attributes.get("subject")
    own = kind in _ABOUT_PERSON
    if own and subject != str(getattr(content, "person_id", None)):
        raise _refuse("contract", "subject", "expected the person_id of the data", event_id)
    if not own and subject is not None and not isinstance(content, Retraction):
        raise _refuse("contract", "subject", "must be absent: the data carries the identity number", event_id)
    trace = attributes.get("traceparent")
    return Event(
        id=event_id,
        source=source,
        type=kind,
        time=time,
        data=content,
        replaces=_replaced(attributes, event_id),
        subject=subject if own else None,
        # W3C: a receiver that cannot read it goes on without
        traceparent=trace if isinstance(trace, str) and _TRACEPARENT.fullmatch(trace) else None,
    )


def _json(value: bytes, what: str) -> Any:
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError as error:
        raise _refuse("malformed", what, f"not JSON: {error}") from None


def _header(headers: Headers, name: str) -> str | None:
    for key, value in headers:
        if key.lower() == name and value is not None:
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise _refuse("malformed", f"header {name}", "not UTF-8") from None
    return None


#: The context attributes of an event; in binary mode each is a header, ``ce_`` before it.
ATTRIBUTES: Final = (
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "replaces",
    "traceparent",
)


def decode(value: bytes | None, headers: Headers = ()) -> Event:
    """A Kafka record (or a line of a file, without headers) → the event it is. Raises ``Refused``.

    Structured mode is taken when the content type says so or when there are no ``ce_`` headers; else binary mode.
    Headers that the contract does not know are not read, whatever their bytes.
    """
    if value is None:
        raise _refuse("malformed", "record", "is empty (null); expected an event")
    media_type = (_header(headers, "content-type") or "").partition(";")[0].strip().lower()
    if media_type == STRUCTURED or _header(headers, "ce_specversion") is None:
        if media_type.startswith("application/cloudevents") and media_type != STRUCTURED:
            raise _refuse("malformed", "header content-type", f"expected {STRUCTURED}, one event a record")
        whole = _json(value, "record")
        if not isinstance(whole, dict):
            raise _refuse("malformed", "record", "expected a JSON object: one CloudEvent")
        return _event(whole, whole.get("data"))
    attributes: dict[str, Any] = {name: _header(headers, f"ce_{name}") for name in ATTRIBUTES}
    attributes["datacontenttype"] = media_type or None
    return _event(attributes, _json(value, "data"))


def encode(event: Event) -> bytes:
    """The event in structured mode: one JSON object, absent fields left out. Goes with header ``CONTENT_TYPE``."""
    whole: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
    }
    for name in ("subject", "replaces", "traceparent"):
        said = getattr(event, name)
        if said is not None:
            whole[name] = said
    whole["data"] = event.data.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return to_json(whole)
