"""From facts to rows, and from rows to the text of a file. Pure: no clock, no chance, one order (INV-13).

A registration is one episode; its other rows follow it, block by block. All who were covered in the municipality on
at least one day of the half-year are reported, wherever they live now; what was done falls to the registration in
which it was done.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from services.reporting.facts import PROTECTED_REGISTRATION, Episode, Facts
from services.reporting.period import Period
from services.reporting.specification import Block, BlockName, Specification

Value: TypeAlias = str | int | date | None

_DATES: Final = {"YYYYMMDD": "%Y%m%d", "YYYY-MM-DD": "%Y-%m-%d"}
_LINE_ENDS: Final = {"CRLF": "\r\n", "LF": "\n"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file. ``values``: every variable of its block (``specification.VARIABLES``)."""

    #: Its number in the file, from 1.
    serial: int
    block: BlockName
    episode: Episode
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a report, and what has no row in it."""

    rows: tuple[Row, ...]
    #: Persons in the file.
    persons: int
    #: Persons with protected population registration: in no file before it is decided whose they are (INV-11).
    protected: int
    #: Attempts in the half-year that were no contact (``contact_outcomes``).
    attempts: int
    #: Contacts and measures of the half-year about persons who were not covered here in it.
    not_covered: int


class _Done(NamedTuple):
    """Something done in the half-year that makes a row; ``day``: the day that says in which registration."""

    person_id: UUID
    day: date | None
    block: BlockName
    values: Mapping[str, Value]
    entity_id: UUID

    @property
    def order(self) -> tuple[str, ...]:
        # by what it says, and by identity only where that is the same: identities are chance
        return (*(str(value or "") for value in self.values.values()), str(self.entity_id))


def rows(facts: Facts, period: Period, specification: Specification) -> Rows:
    """The rows of a municipality's half-year, numbered in the order of the file.

    In order of identity number, then date of registration; persons not known yet come last.
    """
    protected = {episode.person_id for episode in facts.episodes if _is_protected(episode)}
    registrations: dict[UUID, list[Episode]] = defaultdict(list)
    for episode in sorted(facts.episodes, key=lambda e: (e.from_day, e.episode_id)):
        if episode.person_id not in protected:
            registrations[episode.person_id].append(episode)
    done: dict[UUID, list[_Done]] = defaultdict(list)
    not_covered = 0
    for one in (*_contacts(facts, specification), *_measures(facts, period)):
        if one.person_id in registrations:
            done[_registration_of(one.day, registrations[one.person_id]).episode_id].append(one)
        elif one.person_id not in protected:
            not_covered += 1
    blocks = {block.block: (place, block) for place, block in enumerate(specification.blocks)}
    made: list[Row] = []
    for episode in sorted((e for own in registrations.values() for e in own), key=_order):
        own = [one for one in (*_ends(episode, period), *done[episode.episode_id]) if one.block in blocks]
        for one in sorted(own, key=lambda one: (blocks[one.block][0], one.order)):
            made.append(_row(len(made) + 1, facts.municipality, episode, period, blocks[one.block][1], one))
    attempts = sum(contact.outcome not in specification.contact_outcomes for contact in facts.contacts)
    return Rows(tuple(made), len(registrations), len(protected), attempts, not_covered)


def _is_protected(episode: Episode) -> bool:
    return episode.person is not None and episode.person.protection == PROTECTED_REGISTRATION


def _order(episode: Episode) -> tuple[bool, str, date, UUID]:
    number = episode.person.identity_number if episode.person else ""
    return (not number, number, episode.from_day, episode.episode_id)


def _registration_of(day: date | None, registrations: Sequence[Episode]) -> Episode:
    """The registration something is reported under: the latest that had begun; the first, if none had."""
    begun = [episode for episode in registrations if day is None or episode.from_day <= day]
    return begun[-1] if begun else registrations[0]


def _contacts(facts: Facts, specification: Specification) -> Iterator[_Done]:
    for contact in facts.contacts:
        if contact.outcome in specification.contact_outcomes:
            values = {"contacted_on": contact.on, "occupation": contact.occupation}
            yield _Done(contact.person_id, contact.on, "contact", values, contact.contact_id)


def _measures(facts: Facts, period: Period) -> Iterator[_Done]:
    for measure in facts.measures:
        started: dict[str, Value] = {"started_on": measure.from_day, "kind": measure.kind}
        if period.holds(measure.from_day):
            yield _Done(measure.person_id, measure.from_day, "measure_started", started, measure.measure_id)
        # one that ended nobody knows when is in every file until somebody says it
        undated = measure.to_day is None and measure.from_day <= period.last
        if measure.ended and (undated or period.holds(measure.to_day)):
            ended = {
                "ended_on": measure.to_day,
                "end_reason": measure.end_reason,
                "occupation_after": measure.occupation_after,
            }
            yield _Done(
                measure.person_id, measure.to_day, "measure_ended", ended | started, measure.measure_id
            )


def _ends(episode: Episode, period: Period) -> Iterator[_Done]:
    """A registration's own rows: that it is, and that it is over."""
    reason = {"entry_reason": episode.entry_reason}
    yield _Done(episode.person_id, episode.from_day, "registration", reason, episode.episode_id)
    if period.holds(episode.to_day):
        exit_reason = {"exit_reason": episode.exit_reason}
        yield _Done(
            episode.person_id, episode.to_day, "responsibility_ended", exit_reason, episode.episode_id
        )


def _row(serial: int, municipality: str, episode: Episode, period: Period, block: Block, one: _Done) -> Row:
    return Row(
        serial,
        block.block,
        episode,
        {
            "block": block.number,
            "serial": serial,
            "municipality": municipality,
            "identity_number": episode.person.identity_number if episode.person else None,
            "registered_on": episode.from_day,
            # what comes after the half-year is the next report's
            "last_day": episode.to_day if period.holds(episode.to_day) else None,
            **one.values,
        },
    )


def text(made: Sequence[Row], specification: Specification, *first: str) -> str:
    """The file: ``first`` lines, then a line for each row with the columns of its block."""
    columns = {block.block: block.columns for block in specification.blocks}
    lines = [*first]
    lines.extend(
        specification.file.separator.join(
            cell(specification, name, row.values[name]) for name in columns[row.block]
        )
        for row in made
    )
    end = _LINE_ENDS[specification.file.line_end]
    return "".join(line + end for line in lines)


def cell(specification: Specification, variable: str, value: Value) -> str:
    """A value as the file has it: its code, its date; empty where there is none, or none has been published."""
    codes = specification.codes_of(variable)
    if value is None:
        return ""
    if codes is not None:
        return codes.code_of.get(str(value), "")
    if isinstance(value, date):
        return value.strftime(_DATES[specification.file.date])
    return str(value)
