"""What the parts of a specification ask of each other: every value has its place, nothing is named that is not there.

Pure. What is found is told with its place in the file, what is wrong and what is expected.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from contracts.yaml_file import Place
from services.reporting.specification import (
    FORMS,
    OUTCOMES,
    VARIABLES,
    BlockName,
    Check,
    CodeList,
    Rule,
    Specification,
)

Problem: TypeAlias = tuple[Place, str]

#: Rules about a registration as a whole, and rules about one variable of it; all others are about a date.
_OF_REGISTRATION: Final[frozenset[Rule]] = frozenset({"over_at_20", "end_reported", "no_overlap"})
_OF_ANY_VARIABLE: Final[frozenset[Rule]] = frozenset({"valid_identity_number"})
_WITH_OTHER: Final[frozenset[Rule]] = frozenset({"not_before"})


def problems(specification: Specification) -> Iterator[Problem]:
    """Everything that does not fit together."""
    yield from _twice(("periods",), specification.periods, "half-year")
    yield from _unknown(
        ("contact_outcomes",), specification.contact_outcomes, OUTCOMES, "outcome of a contact"
    )
    yield from _twice(("contact_outcomes",), specification.contact_outcomes, "outcome")
    yield from _variables(specification)
    yield from _blocks(specification)
    for name, code_list in specification.code_lists.items():
        yield from _code_list(specification, name, code_list)
    for position, check in enumerate(specification.checks):
        yield from _check(specification, ("checks", position), check)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _unknown(place: Place, names: Iterable[str], known: Iterable[str], what: str) -> Iterator[Problem]:
    expected = set(known)
    for position, name in enumerate(names):
        if name not in expected:
            yield (*place, position), f"no such {what}; expected one of: {_listed(expected)}"


def _twice(place: Place, names: Iterable[str | int], what: str, *key: str) -> Iterator[Problem]:
    seen: set[str | int] = set()
    for position, name in enumerate(names):
        if name in seen:
            yield (*place, position, *key), f"this {what} stands twice; expected once"
        seen.add(name)


def _variables(specification: Specification) -> Iterator[Problem]:
    for name, variable in specification.variables.items():
        place = ("variables", name)
        form = FORMS.get(name)
        if form is None:
            yield place, f"no such variable; expected one of: {_listed(FORMS)}"
        elif variable.code_list is None and isinstance(form, frozenset):
            yield place, "`code_list` is missing; expected the name of the list with this variable's codes"
        elif variable.code_list is not None and not isinstance(form, frozenset):
            yield (*place, "code_list"), "this variable has no codes; expected no `code_list`"
        elif variable.code_list is not None and variable.code_list not in specification.code_lists:
            lists = _listed(specification.code_lists)
            yield (*place, "code_list"), f"no such code list; expected one of: {lists}"


def _blocks(specification: Specification) -> Iterator[Problem]:
    yield from _twice(("blocks",), [block.block for block in specification.blocks], "block", "block")
    yield from _twice(("blocks",), [block.number for block in specification.blocks], "number", "number")
    if all(block.block != "registration" for block in specification.blocks):
        yield ("blocks",), "`registration` is missing; expected it among the blocks: it is mandatory"
    for position, block in enumerate(specification.blocks):
        place = ("blocks", position, "columns")
        yield from _unknown(place, block.columns, VARIABLES[block.block], f"variable of block {block.block}")
        yield from _twice(place, block.columns, "column")
        for column, name in enumerate(block.columns):
            if name in FORMS and name not in specification.variables:
                yield (*place, column), "nothing is said of it; expected it under `variables`, with its label"


def _code_list(specification: Specification, name: str, code_list: CodeList) -> Iterator[Problem]:
    place: Place = ("code_lists", name)
    of = [key for key, variable in specification.variables.items() if variable.code_list == name]
    ours: set[str] = set().union(*(form for key in of if isinstance(form := FORMS.get(key), frozenset)))
    if not of:
        yield place, "no variable names this list; expected one that does"
        return
    yield from _twice((*place, "codes"), [code.code for code in code_list.codes], "code", "code")
    counted = Counter(code_list.no_counterpart.keys())
    for position, code in enumerate(code_list.codes):
        yield from _unknown((*place, "codes", position, "values"), code.values, ours, "value of ours")
        counted.update(code.values)
    for value in code_list.no_counterpart:
        if value not in ours:
            yield (
                (*place, "no_counterpart", value),
                f"no such value of ours; expected one of: {_listed(ours)}",
            )
    for value in sorted(ours):
        if counted[value] != 1:
            how = "has no place" if counted[value] == 0 else "has more than one place"
            yield (
                place,
                f"`{value}` {how}; expected it once, under one code's `values` or under `no_counterpart`",
            )


def _check(specification: Specification, place: Place, check: Check) -> Iterator[Problem]:
    if all(block.block != check.block for block in specification.blocks):
        yield (*place, "block"), "there is no such block; expected one of those under `blocks`"
    if check.rule in _OF_REGISTRATION:
        if check.block != "registration":
            yield (*place, "block"), f"the rule {check.rule} is about the whole; expected block registration"
        if check.variable is not None or check.other is not None:
            yield place, f"the rule {check.rule} is about the whole; expected neither `variable` nor `other`"
        blocks = {block.block for block in specification.blocks}
        if check.rule == "end_reported" and "responsibility_ended" not in blocks:
            yield (*place, "rule"), "asks for block responsibility_ended; expected it under `blocks`"
        return
    any_form = check.rule in _OF_ANY_VARIABLE
    yield from _asked(specification, place, check.block, "variable", check.variable, any_form)
    if check.rule in _WITH_OTHER:
        yield from _asked(specification, place, check.block, "other", check.other, any_form)
    elif check.other is not None:
        yield (*place, "other"), f"the rule {check.rule} compares with nothing; expected no `other`"


def _asked(
    specification: Specification, place: Place, block: BlockName, key: str, name: str | None, any_form: bool
) -> Iterator[Problem]:
    fitting = [n for n, form in VARIABLES[block].items() if any_form or form == "date"]
    if name is None:
        yield place, f"`{key}` is missing; expected one of: {_listed(fitting)}"
    elif name not in fitting:
        yield (*place, key), f"not a variable that this rule can look at; expected one of: {_listed(fitting)}"
    elif name not in specification.variables:
        yield (*place, key), "nothing is said of it; expected it under `variables`, with its label"
