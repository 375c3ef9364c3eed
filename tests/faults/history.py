"""Random histories from a seed: made-up lives as schools and authorities tell them, and what else goes wrong there.

The simulator's year is the ground: corrections, retractions that overtake, repeats, late files. On it comes what a
hub must bear from many senders at once: the same event in another wording, ids used twice, links of identity numbers
that are taken back, retractions of retractions, records that are no events at all. Same seed, same bytes.

A history comes in cohorts (*årskullar*) of people of their own, so that a long one need not be in memory at once and
can be checked in pieces. The key of each record begins with its cohort.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final

from contracts.envelope import decode
from contracts.organisers import Directory
from servicekit.publishing import topic_of
from simulator import simulate
from simulator.identity import PER_DAY
from tests.system.installation import TOWN, Raw, left
from tests.system.poison import MIB, binary, every_poison, leaves, structured

#: More people would need more than the thousand birth serials of a day.
COHORTS: Final = 1000 // PER_DAY

#: Confirmations are more than half of a year's events and say nothing of coverage: one of so many is kept.
_CONFIRMATIONS: Final = 4
#: Shares of the events.
_REPEATED, _IN_BINARY, _CONFLICTS, _TAKEN_BACK, _LINKED = 0.05, 0.03, 0.01, 0.01, 0.01
#: Records further back or forth that an event may come without being a straggler; and the share of those.
_JITTER, _STRAGGLERS = 30, 0.03

_NUMBER = re.compile(r'"((?:19|20)\d{10})"')
_RETRACTIONS = {
    "school.enrolment": "school.enrolment.retracted",
    "school.leave": "school.leave.retracted",
    "school.absence": "school.absence.retracted",
    "municipality.resident": "municipality.resident.retracted",
    "national.credential": "national.credential.retracted",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as somebody sends it. ``kind``: the class of the dead letter it must become; None: a valid event."""

    raw: Raw
    kind: str | None = None


def history(
    seed: int | str, events: int, directory: Directory, persons: int = 4000, poison_every: int = 1500
) -> Iterator[Sent]:
    """About so many records, in the order in which they are sent, in cohorts of at most ``persons`` people.

    ``poison_every``: good records to each set of bad ones.

    Raises ValueError when there are too few identity numbers for so many.
    """
    sent = 0
    for cohort in count():
        if sent >= events:
            return
        if cohort == COHORTS:
            raise ValueError(f"no more identity numbers: at most {COHORTS} cohorts of {persons} people")
        # a person of whom one in four confirmations is kept has about seven events
        people = min(persons, max(60, (events - sent) // 7))
        for one in _cohort(seed, cohort, people, directory, poison_every):
            sent += 1
            yield one


def cohort_of_key(key: bytes) -> int:
    """The cohort of a record that a history sent."""
    return int(key.partition(b".")[0])


def cohort_of_number(identity_number: str) -> int:
    """The cohort that a person belongs to, by the birth serial."""
    return (999 - int(identity_number[8:11])) // PER_DAY


def _cohort(
    seed: int | str, cohort: int, persons: int, directory: Directory, poison_every: int
) -> list[Sent]:
    rng = Random(f"{seed}.{cohort}")
    told, _ = simulate("0180", persons, "2024/25", rng.randrange(2**32), directory)
    said = [_moved(event, cohort) for event in told if _is_kept(event, rng)]
    said += _taken_back(said, rng) + _linked(said, cohort, rng)
    said += _taken_back(said, rng)
    lines = [Sent(_record(event)) for event in said]
    lines += [Sent(_reworded(event, rng)) for event in rng.sample(said, round(_REPEATED * len(said)))]
    lines += [Sent(_record(_contradicted(e))) for e in rng.sample(said, round(_CONFLICTS * len(said)))]
    lines = _disordered(lines, len(said), rng)
    for turn in range(max(1, len(lines) // poison_every)):
        for bad in _poison(f"{cohort}.{turn}", directory, rng, whole_mebibytes=turn % 10 == 0):
            lines.insert(rng.randint(0, len(lines)), replace(bad, raw=replace(bad.raw, key=b"%d." % cohort)))
    return lines


def _is_kept(event: dict[str, Any], rng: Random) -> bool:
    return ".confirmed." not in event["type"] or rng.randrange(_CONFIRMATIONS) == 0


def _moved(event: dict[str, Any], cohort: int) -> dict[str, Any]:
    """The event with ids and identity numbers of the cohort's own."""
    moved: dict[str, Any] = json.loads(
        _NUMBER.sub(lambda found: f'"{_shifted(found[1], cohort)}"', json.dumps(event))
    )
    moved["id"] = f"{cohort}.{moved['id']}"
    if "replaces" in moved:
        moved["replaces"] = f"{cohort}.{moved['replaces']}"
    if "retracts" in moved["data"]:
        moved["data"]["retracts"] = f"{cohort}.{moved['data']['retracts']}"
    return moved


def _shifted(number: str, cohort: int) -> str:
    if not int(number[8:11]) >= 980 or cohort == 0:
        return number
    return _with_check_digit(f"{number[:8]}{int(number[8:11]) - PER_DAY * cohort:03}")


def _with_check_digit(eleven: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(eleven[2:]))
    return f"{eleven}{-total % 10}"


def _record(event: dict[str, Any]) -> Raw:
    line = json.dumps(event, ensure_ascii=False).encode()
    return Raw(topic_of(decode(line)), line, key=event["id"].encode())


def _reworded(event: dict[str, Any], rng: Random) -> Raw:
    """The same event as another process of its sender may write it."""
    record = _record(event)
    if rng.random() < _IN_BINARY / _REPEATED:
        bare = {name: value for name, value in event.items() if name != "datacontenttype"}
        return replace(binary(bare), topic=record.topic, key=record.key)
    names = list(event)
    rng.shuffle(names)
    other = {name: event[name] for name in names}
    other["traceparent"] = f"00-{rng.getrandbits(128) | 1:032x}-{rng.getrandbits(64) | 1:016x}-01"
    return _record(other)


def _contradicted(event: dict[str, Any]) -> dict[str, Any]:
    """Another event under the same id: recorded an hour later."""
    later = datetime.fromisoformat(event["time"]) + timedelta(hours=1)
    return event | {"time": later.isoformat()}


def _taken_back(said: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
    """Retractions of events chosen at random, retractions among them."""
    found = []
    for event in rng.sample(said, round(_TAKEN_BACK * len(said))):
        kind = event["type"].removeprefix("se.kaa.").rpartition(".")[0].rpartition(".")[0]
        found.append(
            event
            | {
                "id": f"{event['id']}-back",
                "type": f"se.kaa.{_RETRACTIONS[kind]}.v1",
                "time": (datetime.fromisoformat(event["time"]) + timedelta(days=3)).isoformat(),
                "data": {"retracts": event["id"]},
            }
        )
        found[-1].pop("replaces", None)
    return found


def _linked(said: list[dict[str, Any]], cohort: int, rng: Random) -> list[dict[str, Any]]:
    """People of whom the population register says that they are one; half of it is taken back."""
    registered = [event for event in said if event["type"].endswith("resident.registered.v1")]
    numbers = sorted({event["data"]["person"]["identity_number"] for event in registered})
    rng.shuffle(numbers)
    found = []
    for turn in range(max(3, round(_LINKED * len(numbers)))):
        # now and then the same number again: chains, and two numbers that both became one
        previous, now = numbers[turn], numbers[(turn * 3 + 1) % len(numbers)]
        if previous == now:
            continue
        link = {
            "specversion": "1.0",
            "id": f"{cohort}.link-{turn}",
            "source": registered[0]["source"],
            "type": "se.kaa.municipality.resident.identity_changed.v1",
            "time": f"2025-0{rng.randint(1, 6)}-{rng.randint(10, 28)}T12:00:00+02:00",
            "data": {
                "previous_identity_number": previous,
                "identity_number": now,
                "changed_on": f"2025-0{rng.randint(1, 6)}-{rng.randint(10, 28)}",
            },
        }
        found.append(link)
        if turn % 2:
            back = {"id": f"{link['id']}-back", "type": "se.kaa.municipality.resident.retracted.v1"}
            found.append(link | back | {"data": {"retracts": link["id"]}})
    return found


def _disordered(lines: list[Sent], fresh: int, rng: Random) -> list[Sent]:
    """Near the order they were said in; some hang for long, and what comes after ``fresh`` may come any time."""

    def place(turn: int) -> float:
        if turn >= fresh or rng.random() < _STRAGGLERS:
            return rng.uniform(0, fresh)
        return turn + rng.uniform(-_JITTER, _JITTER)

    placed = [(place(turn), turn) for turn in range(len(lines))]
    return [lines[turn] for _, turn in sorted(placed)]


def _poison(mark: str, directory: Directory, rng: Random, whole_mebibytes: bool) -> Iterator[Sent]:
    """Records of every class of refusal, all on one topic."""
    number = _with_check_digit(f"2007{rng.randint(1, 12):02}{rng.randint(1, 28):02}{rng.randint(980, 999)}")
    for bad in every_poison(number, f"Påhitt{mark.replace('.', 'o')}"):
        if whole_mebibytes or len(bad.raw.value or b"") < MIB // 4:
            yield Sent(bad.raw, bad.kind)
    other = next(o for o in directory.organisers if o.number != TOWN and o.units)
    unit = next(iter(other.units))
    foreign = {"source": f"urn:se:orgnr:{other.number}"}
    yield Sent(
        structured(json.dumps(left(f"f{mark}", number, "2024-11-15", unit) | foreign).encode()),
        "foreign_source",
    )
    yield Sent(structured(json.dumps(leaves(f"u{mark}", number, school_unit=unit)).encode()), "foreign_unit")
