"""Records that are no events of the contract, of every class."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.system.installation import TOWN, Raw, left, started, wire

#: The topic that they stand on.
LEAVE: Final = f"school.{TOWN}.leave.v1"
MIB: Final = 1024 * 1024
#: The broker's limit is on the whole batch: what key, headers and framing take of it.
FRAME: Final = 1024


@dataclass(frozen=True, slots=True)
class Poison:
    """A record with the class and field of the dead letter that it must become."""

    what: str
    raw: Raw
    kind: str
    field: str | None


def structured(value: bytes | None) -> Raw:
    return Raw(LEAVE, value)


def binary(event: dict[str, Any], *headers: tuple[str, bytes | None]) -> Raw:
    """An event in binary mode; ``headers`` stand in place of the right ones of the same name."""
    attributes = {f"ce_{name}": str(value).encode() for name, value in event.items() if name != "data"}
    every: dict[str, bytes | None] = {**attributes, "content-type": b"application/json", **dict(headers)}
    return Raw(LEAVE, json.dumps(event["data"]).encode(), tuple(every.items()))


def leaves(event_id: str, number: str, **changes: Any) -> dict[str, Any]:
    return left(event_id, number, "2024-11-15", **changes)


def every_poison(number: str, value: str) -> list[Poison]:
    """All ways in which a record of an organiser can be no event of the contract.

    Each but the empty ones holds ``value`` (Latin letters) or ``number`` (a right identity number).
    """
    good = leaves(f"p-{value}", number)
    named = {"identity_number": number, "given_name": value}
    text, latin = value.encode(), value.encode("latin-1")

    def spoilt(number: str, **changes: Any) -> Raw:
        return structured(wire(leaves(f"spoilt-{value}", number, **changes)))

    wrong_digit = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
    whole, media_type, name = "record", "header content-type", "data.pupil.family_name"
    return [
        Poison("not JSON", structured(b'{"id": "' + text), "malformed", whole),
        Poison("empty", structured(b""), "malformed", whole),
        Poison("JSON in another encoding", structured(b'{"id": "' + latin + b'"}'), "malformed", whole),
        Poison("half a character", structured(b'{"id": "%b\\ud83d"}' % text), "malformed", whole),
        Poison("nested beyond reason", structured(b"[" * 100_000 + text), "malformed", whole),
        Poison("a list", structured(b"[%b]" % wire(good)), "malformed", whole),
        Poison("a text", structured(b'"%b"' % text), "malformed", whole),
        Poison("no CloudEvent", structured(b'{"name": "%b"}' % text), "malformed", "specversion"),
        Poison("a tombstone", structured(None), "malformed", whole),
        Poison("1 MiB of no JSON", structured(text * ((MIB - FRAME) // len(text))), "malformed", whole),
        Poison("1 MiB in a field", spoilt(number, pupil=named | {"family_name": "ö" * (MIB // 2 - FRAME)}),
               "contract", name),
        Poison("NUL in a field", spoilt(number, pupil=named | {"family_name": f"{value}\0"}), "contract", name),
        Poison("wrong schema", spoilt(number, last_day=value), "contract", "data.last_day"),
        Poison("a wrong check digit", spoilt(wrong_digit), "contract", "data.pupil.identity_number"),
        Poison("data that is text", structured(wire(good | {"data": value})), "contract", "data"),
        Poison("unknown type", structured(wire(good | {"type": f"se.kaa.{value}.v1"})), "unknown_type", "type"),
        Poison("a long unknown type", structured(wire(good | {"type": value * 50_000})), "unknown_type", "type"),
        Poison("a type of another topic", structured(wire(started(f"w-{value}", number, "2024-01-10"))),
               "wrong_topic", "type"),
        Poison("a batch of events", Raw(LEAVE, b"[%b]" % wire(good),
               (("content-type", b"application/cloudevents-batch+json"),)), "malformed", media_type),
        Poison("a content type that is not UTF-8", Raw(LEAVE, wire(good), (("content-type", latin),)),
               "malformed", media_type),
        Poison("an id that is not UTF-8", binary(good, ("ce_id", latin)), "malformed", "header ce_id"),
        Poison("a header that is null", binary(good, ("ce_id", None)), "contract", "id"),
        Poison("binary mode without a type", binary(good, ("ce_type", None)), "contract", "type"),
        Poison("binary mode with XML", binary(good, ("content-type", b"text/xml; " + text)), "contract",
               "datacontenttype"),
    ]  # fmt: skip
