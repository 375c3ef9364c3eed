"""Checks of every row before it is written, and what fails in words that a registrar understands. Pure.

No word of a finding holds a value of a person: it names the row's number in the file and the variable.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pydantic import TypeAdapter, ValidationError

from contracts.identifiers import IdentityNumber
from services.reporting.period import Period
from services.reporting.report import Row
from services.reporting.specification import Block, BlockName, Check, Rule, Specification, Words

_IDENTITY_NUMBER: Final = TypeAdapter[str](IdentityNumber)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that fails in one row."""

    serial: int
    block: Block
    said: Words


@dataclass(frozen=True, slots=True)
class _Whole:
    """What a check may look at beside its row."""

    specification: Specification
    period: Period
    #: The rows of each registration, by its episode.
    registrations: Mapping[object, Sequence[Row]]
    #: Serials of registrations that overlap another of the same person.
    overlapping: frozenset[int]

    def label(self, variable: str | None) -> Words:
        return self.specification.variables[variable or ""].label

    def number(self, block: BlockName) -> int:
        return next(b.number for b in self.specification.blocks if b.block == block)


def findings(rows: Sequence[Row], period: Period, specification: Specification) -> list[Finding]:
    """Everything that fails, in order of the rows.

    Asked of every row: that the person is known, that no column is empty, that each value has a code. Asked beside
    that: the ``checks`` of the specification.
    """
    registrations: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        registrations[row.episode.episode_id].append(row)
    whole = _Whole(specification, period, registrations, _overlapping(rows))
    blocks = {block.block: block for block in specification.blocks}
    return [
        Finding(row.serial, blocks[row.block], said)
        for row in rows
        for said in (*_filled_in(row, blocks[row.block], specification), *_checked(row, whole))
    ]


def _filled_in(row: Row, block: Block, specification: Specification) -> Iterator[Words]:
    if row.episode.person is None:
        yield Words(
            sv="Personen är okänd: det senaste om personen är inte mottaget. Bygg om när allt är mottaget.",
            en="The person is not known: the latest about the person is not received. Build again when all is.",
        )
    for variable in block.columns:
        value, label = row.values[variable], specification.variables[variable].label
        codes = specification.codes_of(variable)
        if value is None:
            if variable != "identity_number" or row.episode.person is not None:
                yield _about(label, "saknas. Komplettera och bygg om.", "is missing. Add it and build again.")
        elif codes is not None and str(value) not in codes.code_of:
            why = codes.no_counterpart[str(value)]
            yield _about(label, f"har ingen kod: {why.sv}", f"has no code: {why.en}")


def _about(label: Words, sv: str, en: str) -> Words:
    return Words(
        sv=f"{label.sv[:1].upper()}{label.sv[1:]} {sv}", en=f"{label.en[:1].upper()}{label.en[1:]} {en}"
    )


def _checked(row: Row, whole: _Whole) -> Iterator[Words]:
    for check in whole.specification.checks:
        if check.block == row.block:
            said = _RULES[check.rule](row, check, whole)
            if said is not None:
                yield said


def _date(row: Row, variable: str | None) -> date | None:
    value = row.values[variable or ""]
    return value if isinstance(value, date) else None


def _twentieth(row: Row) -> date | None:
    """The 20th birthday; born on 29 February: 1 March where the year has no such day."""
    if row.episode.person is None:
        return None
    born = row.episode.person.birth_date
    try:
        return born.replace(year=born.year + 20)
    except ValueError:
        return date(born.year + 20, 3, 1)


# Each rule gives what fails in words, or None. What is not there has failed already, as empty.


def _valid_identity_number(row: Row, check: Check, whole: _Whole) -> Words | None:
    value = row.values[check.variable or ""]
    if value is None:
        return None
    try:
        _IDENTITY_NUMBER.validate_python(value)
    except ValidationError:
        return _about(
            whole.label(check.variable),
            "är inget giltigt personnummer eller samordningsnummer.",
            "is no valid personal identity number or coordination number.",
        )
    return None


def _not_after_period(row: Row, check: Check, whole: _Whole) -> Words | None:
    day, last = _date(row, check.variable), whole.period.last
    if day is None or day <= last:
        return None
    return _about(
        whole.label(check.variable),
        f"ligger efter halvårets slut, {last}.",
        f"is after the end of the half-year, {last}.",
    )


def _within_period(row: Row, check: Check, whole: _Whole) -> Words | None:
    day, period = _date(row, check.variable), whole.period
    if day is None or period.holds(day):
        return None
    return _about(
        whole.label(check.variable),
        f"ligger utanför halvåret, {period.first}–{period.last}.",
        f"is outside the half-year, {period.first}–{period.last}.",
    )


def _not_before(row: Row, check: Check, whole: _Whole) -> Words | None:
    day, other = _date(row, check.variable), _date(row, check.other)
    if day is None or other is None or day >= other:
        return None
    than = whole.label(check.other)
    return _about(whole.label(check.variable), f"ligger före {than.sv}.", f"is before {than.en}.")


def _before_20(row: Row, check: Check, whole: _Whole) -> Words | None:
    day, twentieth = _date(row, check.variable), _twentieth(row)
    if day is None or twentieth is None or day < twentieth:
        return None
    return _about(
        whole.label(check.variable), "ligger inte före 20-årsdagen.", "is not before the 20th birthday."
    )


def _over_at_20(row: Row, _: Check, whole: _Whole) -> Words | None:
    twentieth = _twentieth(row)
    if twentieth is None or twentieth > whole.period.last or row.values["last_day"] is not None:
        return None
    return Words(
        sv="Personen har fyllt 20 vid halvårets slut, men ansvaret har inte upphört.",
        en="The person has turned 20 by the end of the half-year, but the responsibility is not over.",
    )


def _end_reported(row: Row, _: Check, whole: _Whole) -> Words | None:
    there = any(
        other.block == "responsibility_ended" for other in whole.registrations[row.episode.episode_id]
    )
    over = whole.period.holds(row.episode.to_day)
    if there == over:
        return None
    number = whole.number("responsibility_ended")
    if over:
        return Words(
            sv=f"Ansvaret upphörde under halvåret, men block {number} saknas.",
            en=f"The responsibility ended in the half-year, but block {number} is missing.",
        )
    return Words(
        sv=f"Block {number} finns, men ansvaret upphörde inte under halvåret.",
        en=f"Block {number} is there, but the responsibility did not end in the half-year.",
    )


def _no_overlap(row: Row, _: Check, whole: _Whole) -> Words | None:
    if row.serial not in whole.overlapping:
        return None
    return Words(
        sv="Registreringen överlappar en annan registrering av samma person.",
        en="The registration overlaps another one of the same person.",
    )


_RULES: Final[Mapping[Rule, Callable[[Row, Check, _Whole], Words | None]]] = {
    "valid_identity_number": _valid_identity_number,
    "not_after_period": _not_after_period,
    "within_period": _within_period,
    "not_before": _not_before,
    "before_20": _before_20,
    "over_at_20": _over_at_20,
    "end_reported": _end_reported,
    "no_overlap": _no_overlap,
}


def _overlapping(rows: Sequence[Row]) -> frozenset[int]:
    """Serials of both of each two registrations of a person that share a day."""
    own: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        if row.block == "registration":
            own[row.episode.person_id].append(row)
    found: set[int] = set()
    for registrations in own.values():
        for position, one in enumerate(registrations):
            for other in registrations[position + 1 :]:
                # in order of the day they begin
                if one.episode.to_day is None or other.episode.from_day <= one.episode.to_day:
                    found |= {one.serial, other.serial}
    return frozenset(found)
