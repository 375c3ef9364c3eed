"""Settlement: of all events ever accepted, which count, and whom they are about.

Done over the events of every source at once, before anything is known of persons: a retraction names nobody.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.envelope import Event
from contracts.model import Retraction
from services.registry.identity import current_number
from services.registry.statement import IDENTITY_CHANGED, Statement, statement_of


@dataclass(frozen=True, slots=True)
class Conflict:
    """An event whose (``source``, ``id``) an earlier one with other content has: that one stands.

    Both are positions in what was settled.
    """

    position: int
    standing: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What counts, in order of first arrival, and what was in conflict with it, in order of arrival."""

    counting: tuple[Statement, ...]
    conflicts: tuple[Conflict, ...]


def named(event: Event) -> Iterator[str]:
    """The ids, of the same source, that an event takes back. A retraction may replace another event as well."""
    if isinstance(event.data, Retraction):
        yield event.data.retracts
    if event.replaces is not None:
        yield event.replaces


def settle(events: Iterable[Event]) -> Settlement:
    """Repetitions dropped, conflicts told, and left out what an accepted event of the same source names.

    Naming is final: it does not matter whether the one that names was itself taken back, nor which came first.
    Raises ValueError for an event that never reaches the registry, such as absence.
    """
    accepted: dict[tuple[str, str], tuple[int, Event, Statement]] = {}
    taken_back: set[tuple[str, str]] = set()
    conflicts = []
    for position, event in enumerate(events):
        identity = event.source, event.id
        first = accepted.get(identity)
        if first is None:
            accepted[identity] = position, event, statement_of(event)
            taken_back.update((event.source, name) for name in named(event))
        elif first[1].digest != event.digest:
            conflicts.append(Conflict(position, first[0]))
    return Settlement(
        tuple(said for identity, (_, _, said) in accepted.items() if identity not in taken_back),
        tuple(conflicts),
    )


def components(counting: Iterable[Statement]) -> dict[str, str]:
    """Identity number → the number that stands for its group: numbers linked by counting ``identity_changed``.

    Only numbers that are linked to another are in it. The one that stands for a group is its least, whatever the
    order of the statements; it is not the current one.
    """
    parents: dict[str, str] = {}
    for statement in counting:
        number, previous = statement.identity_number, statement.previous_identity_number
        if statement.type == IDENTITY_CHANGED and number is not None and previous is not None:
            one, other = _root(parents, number), _root(parents, previous)
            parents[max(one, other)] = parents[min(one, other)] = min(one, other)
    return {number: _root(parents, number) for number in parents}


def _root(parents: dict[str, str], number: str) -> str:
    while (parent := parents.setdefault(number, number)) != number:
        parents[number] = parents[parent]
        number = parent
    return number


def persons(counting: Iterable[Statement]) -> dict[str, tuple[Statement, ...]]:
    """Current identity number → the counting statements about that person, in order of number."""
    about = [statement for statement in counting if statement.identity_number is not None]
    roots = components(about)
    groups: dict[str, list[Statement]] = {}
    for statement in about:
        number = statement.identity_number or ""
        groups.setdefault(roots.get(number, number), []).append(statement)
    return dict(sorted((current_number(group), tuple(group)) for group in groups.values()))
