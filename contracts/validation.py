"""A file of events, one a line, against the contract: which lines would be accepted, and what is wrong with the rest.

What a school's vendor runs before the first event is sent, and ``kaa publish`` before it sends anything.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from contracts.envelope import Event, Problem, Refused, decode

#: A Kafka topic takes records of 1 MiB with their key, headers and framing; a longer line cannot be sent.
MAX_LINE: Final = 1_000_000

#: Why an event that keeps the contract is not accepted all the same (an unknown organiser, another's school unit):
#: the reason in one word and the problem. None when it is accepted.
Admission = Callable[[Event], tuple[str, Problem] | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line is refused: what ``Refused`` says, or ``identity_conflict``, or what the admission says."""

    reason: str
    problems: tuple[Problem, ...]
    #: None when there is none to read. Not for logs: nobody knows what a vendor makes ids of.
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank. Either ``event`` or ``refusal`` is there."""

    #: Counted from 1, blank lines too.
    number: int
    text: bytes
    event: Event | None = None
    refusal: Refusal | None = None
    #: The line that says the very same event (no fault: it has no effect).
    repeats: int | None = None


def check(lines: Iterable[bytes], admission: Admission | None = None) -> Iterator[Line]:
    """The lines of a file, in order, each with its event or why it is refused; blank ones are left out.

    Of two lines in conflict (same source and id, other content) the first stands and the second is refused, as
    they would be at their receivers.
    """
    seen: dict[bytes, tuple[int, bytes]] = {}
    for number, raw in enumerate(lines, start=1):
        text = raw.strip()
        if not text:
            continue
        try:
            event = _decode(text)
        except Refused as refused:
            refusal = Refusal(refused.reason, refused.problems, refused.event_id)
            yield Line(number, text, refusal=refusal)
            continue
        identity = blake2b(f"{event.source}\n{event.id}".encode(), digest_size=16).digest()
        digest = event.digest
        first, first_digest = seen.setdefault(identity, (number, digest))
        if first_digest != digest:
            conflict = Problem("id", f"line {first} has the same source and id with other content")
            yield Line(number, text, refusal=Refusal("identity_conflict", (conflict,), event.id))
            continue
        denied = admission(event) if admission else None
        if denied:
            reason, problem = denied
            yield Line(number, text, refusal=Refusal(reason, (problem,), event.id))
            continue
        yield Line(number, text, event=event, repeats=first if first != number else None)


def _decode(text: bytes) -> Event:
    if len(text) > MAX_LINE:
        raise Refused(
            "malformed", (Problem("record", f"longer than {MAX_LINE:,} bytes, the most that a topic takes"),)
        )
    return decode(text)
