"""The specification of a half-year's file: what stands where, in which form, under which code. Data, never code.

Statistics Sweden (SCB) issues instructions, file description and code lists anew every half-year; a file in
``specifications/`` says what they are. What may be said there is here; how the file is read, in
``specification_file``; what the parts ask of each other, in ``consistency``.
"""

from collections.abc import Mapping
from functools import cached_property
from itertools import chain
from string import Formatter
from typing import Annotated, Final, Literal, TypeAlias, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from contracts.identifiers import NO_CONTROL
from contracts.own import ContactMade, EntryReason, ExitReason, MeasureEnded, MeasureKind, Occupation
from services.reporting.period import period

Language = Literal["sv", "en"]
#: What a row tells of. There is one ``registration`` for each episode, at most one ``responsibility_ended``, and any
#: number of the others.
BlockName = Literal["registration", "contact", "measure_started", "measure_ended", "responsibility_ended"]
#: See ``checks``.
Rule = Literal[
    "valid_identity_number",
    "not_after_period",
    "within_period",
    "not_before",
    "before_20",
    "over_at_20",
    "end_reported",
    "no_overlap",
]


def _literals(annotation: object) -> frozenset[str]:
    if get_origin(annotation) is Literal:
        return frozenset(get_args(annotation))
    return frozenset(chain.from_iterable(_literals(part) for part in get_args(annotation)))


#: What a variable holds: a date, another plain value, or one of these values of ours, for which the file has codes.
Form: TypeAlias = Literal["date", "plain"] | frozenset[str]

_OF_EVERY_ROW: Final[Mapping[str, Form]] = {
    "block": "plain",
    "serial": "plain",
    "municipality": "plain",
    "identity_number": "plain",
    "registered_on": "date",
    "last_day": "date",
}
#: Block → the variables that its columns may show and its checks may look at.
VARIABLES: Final[Mapping[BlockName, Mapping[str, Form]]] = {
    "registration": {**_OF_EVERY_ROW, "entry_reason": _literals(EntryReason)},
    "contact": {**_OF_EVERY_ROW, "contacted_on": "date", "occupation": _literals(Occupation)},
    "measure_started": {**_OF_EVERY_ROW, "started_on": "date", "kind": _literals(MeasureKind)},
    "measure_ended": {
        **_OF_EVERY_ROW,
        "started_on": "date",
        "kind": _literals(MeasureKind),
        "ended_on": "date",
        "end_reason": _literals(MeasureEnded.model_fields["end_reason"].annotation),
        "occupation_after": _literals(Occupation),
    },
    "responsibility_ended": {**_OF_EVERY_ROW, "exit_reason": _literals(ExitReason)},
}
#: Variable → its form, over all blocks.
FORMS: Final[Mapping[str, Form]] = {
    name: form for block in VARIABLES.values() for name, form in block.items()
}
#: How a contact, or the attempt at one, may have gone.
OUTCOMES: Final = _literals(ContactMade.model_fields["outcome"].annotation)


def _file_name(value: str) -> str:
    if "/" in value or "\\" in value:
        raise ValueError("expected a file name, without a folder")
    try:
        fields = sorted(field for _, field, _, _ in Formatter().parse(value) if field is not None)
    except ValueError:
        fields = []
    if fields != ["municipality", "period"]:
        raise ValueError("expected {municipality} and {period} in it, once each, and no other braces")
    return value


_Line = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=NO_CONTROL)]
_Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
_Period = Annotated[str, AfterValidator(lambda value: period(value).name)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Words(_Part):
    """The same in Swedish and in English, for those who read it."""

    sv: _Line
    en: _Line


class FileForm(_Part):
    """How the file is written. ``verified``: that it, and what blocks and columns there are, is SCB's own form."""

    verified: bool
    name: Annotated[str, StringConstraints(max_length=100, pattern=NO_CONTROL), AfterValidator(_file_name)]
    encoding: Literal["utf-8", "iso-8859-1"]
    separator: Literal[";", ",", "|", "\t"]
    line_end: Literal["CRLF", "LF"]
    date: Literal["YYYYMMDD", "YYYY-MM-DD"]


class Variable(_Part):
    """A variable as people call it, and where its codes are."""

    label: Words
    code_list: _Key | None = None


class Block(_Part):
    """The rows of one kind: their number and their columns, each a variable, in order."""

    block: BlockName
    number: Annotated[int, Field(ge=1, le=99)]
    title: Words
    columns: Annotated[tuple[_Key, ...], Field(min_length=1)]


class Code(_Part):
    """A code, and which of our values stand under it. ``verified``: that SCB's own list says so."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,10}$")]
    verified: bool
    label: Words
    values: tuple[_Key, ...]


class CodeList(_Part):
    """The codes of a variable. A value without a counterpart among them is left empty and fails its check."""

    codes: Annotated[tuple[Code, ...], Field(min_length=1)]
    no_counterpart: dict[_Key, Words] = {}

    @cached_property
    def code_of(self) -> Mapping[str, str]:
        """Our value → its code in the file."""
        return {value: code.code for code in self.codes for value in code.values}


class Check(_Part):
    """What must hold for each row of a block; ``other``: the variable that it is compared with."""

    rule: Rule
    block: BlockName
    variable: _Key | None = None
    other: _Key | None = None


class Specification(_Part):
    """A half-year's specification, whole."""

    title: Words
    periods: Annotated[tuple[_Period, ...], Field(min_length=1)]
    file: FileForm
    #: The outcomes that make an attempt a contact; other attempts are not reported.
    contact_outcomes: Annotated[tuple[_Key, ...], Field(min_length=1)]
    variables: dict[_Key, Variable]
    code_lists: dict[_Key, CodeList]
    blocks: Annotated[tuple[Block, ...], Field(min_length=1)]
    checks: tuple[Check, ...]

    @property
    def unverified(self) -> list[str]:
        """All that nobody has compared with SCB's own documents: ``file`` and ``<code list> <code>``."""
        codes = [
            f"{name} {code.code}"
            for name, code_list in self.code_lists.items()
            for code in code_list.codes
            if not code.verified
        ]
        return codes if self.file.verified else ["file", *codes]

    def codes_of(self, variable: str) -> CodeList | None:
        """The codes of a variable; None for one that has none."""
        name = self.variables[variable].code_list
        return None if name is None else self.code_lists[name]
