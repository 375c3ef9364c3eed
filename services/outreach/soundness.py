"""What the parts of a ladder ask of each other: every answer leads on, every way comes to an end. Pure.

What is found is told with its place in the file, what is wrong and what is expected.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias, get_args

from contracts.own import EntryReason
from contracts.yaml_file import Place
from services.outreach.steps import AGAIN, END, RESERVED, UNKNOWN_OCCUPATIONS, Follows, Ladder, Step

Problem: TypeAlias = tuple[Place, str]

_REASONS: Final[tuple[EntryReason, ...]] = get_args(EntryReason)


def problems(ladder: Ladder) -> list[Problem]:
    """Everything in a ladder that cannot work, in no particular order; its ways only where all else is right."""
    found = [*_entries(ladder), *_beside(ladder)]
    for name, step in ladder.steps.items():
        found.extend(_step(ladder, name, step))
    return found or [*_unreachable(ladder), *_endless(ladder)]


def _named(ladder: Ladder) -> Iterator[tuple[Place, str]]:
    """Every place that names a step, with the name."""
    for reason, name in ladder.entry.items():
        yield ("entry", reason), name
    for name, step in ladder.steps.items():
        for place, rule in _rules(name, step):
            if rule.then not in (AGAIN, END):
                yield (*place, "then"), rule.then
            elif rule.with_ is not None:
                yield (*place, "with"), rule.with_
    yield ("occupation", "then"), ladder.occupation.then
    yield ("measures", "when_ended", "then"), ladder.measures.when_ended.then


def _rules(name: str, step: Step) -> Iterator[tuple[Place, Follows]]:
    for answer, rule in step.after.items():
        yield ("steps", name, "after", answer), rule
    if step.after_last_try is not None:
        yield ("steps", name, "after_last_try"), step.after_last_try


def _entries(ladder: Ladder) -> Iterator[Problem]:
    missing = [reason for reason in _REASONS if reason not in ladder.entry]
    if missing and "otherwise" not in ladder.entry:
        yield (
            ("entry",),
            f"no first step for {', '.join(missing)}; expected each, or `otherwise` for the rest",
        )
    for place, name in _named(ladder):
        if name not in ladder.steps:
            yield place, f"there is no step `{name}`; expected one of: {', '.join(ladder.steps)}"


def _step(ladder: Ladder, name: str, step: Step) -> Iterator[Problem]:
    here: Place = ("steps", name)
    if name in RESERVED:
        yield here, "the name means something else here; expected another"
    if "otherwise" not in step.after:
        yield (*here, "after"), "nothing follows the other answers; expected `otherwise` with what does"
    again = any(rule.then == AGAIN for rule in step.after.values())
    if again and step.tries == 1:
        yield (*here, "after"), f"`{AGAIN}` says to try again; expected `tries` of 2 or more"
    if not again and step.tries > 1:
        yield (*here, "tries"), f"no answer leads to another try; expected one with `then: {AGAIN}`"
    if (step.tries > 1) != (step.after_last_try is not None):
        wrong = "nothing follows the last try" if step.tries > 1 else "there is but one try"
        expected = "expected it" if step.tries > 1 else "expected no such key, or `tries` of 2 or more"
        yield (*here, "after_last_try"), f"{wrong}; {expected}"
    if step.tries > 1 and not 1 <= len(step.days_between) < step.tries:
        yield (
            (*here, "days_between"),
            f"expected 1 to {step.tries - 1} numbers: the days after each try but the last",
        )
    if step.tries == 1 and step.days_between:
        yield (*here, "days_between"), "there is but one try; expected no such key, or `tries` of 2 or more"
    for place, rule in _rules(name, step):
        yield from _follows(place, rule)
    if step.kind == "recheck_occupation" and ladder.occupation.then in ladder.steps.keys() - {name}:
        yield (*here, "kind"), "expected of the step alone that `occupation.then` names"


def _follows(place: Place, rule: Follows) -> Iterator[Problem]:
    asked, barred = {
        AGAIN: ((), ("in_days", "again_after_days", "with")),
        END: (("again_after_days", "with"), ("in_days",)),
    }.get(rule.then, (("in_days",), ("again_after_days", "with")))
    stated = {"in_days": rule.in_days, "again_after_days": rule.again_after_days, "with": rule.with_}
    for key in asked:
        if stated[key] is None:
            yield place, f"`{key}` is missing; expected it beside `then: {rule.then}`"
    for key in barred:
        if stated[key] is not None:
            yield (*place, key), f"expected no such key beside `then: {rule.then}`"
    if rule.then == AGAIN and place[-1] == "after_last_try":
        yield (*place, "then"), f"there is no try after the last; expected a step or `{END}`"


def _beside(ladder: Ladder) -> Iterator[Problem]:
    """What stands beside the steps."""
    recheck = ladder.steps.get(ladder.occupation.then)
    if recheck is not None and recheck.kind != "recheck_occupation":
        yield (
            ("occupation", "then"),
            f"the step is of kind {recheck.kind}; expected one of kind recheck_occupation",
        )
    for position, occupation in enumerate(ladder.occupation.rests_for):
        if occupation in UNKNOWN_OCCUPATIONS:
            yield (
                ("occupation", "rests_for", position),
                f"{occupation}: nobody is cared for by it; take it out",
            )
    if ladder.measures.opens_days_before >= ladder.measures.at_least_every_days:
        yield (
            ("measures", "opens_days_before"),
            "a follow-up that is done would open at once again; expected less than `at_least_every_days`",
        )
    rule = ladder.hand_over
    if (rule.at_age is None) == (rule.days_before_20 is None):
        yield ("hand_over",), "expected one of `at_age` and `days_before_20`"


def _onward(ladder: Ladder, name: str) -> list[str]:
    """The steps that follow without an end between them."""
    return [rule.then for _, rule in _rules(name, ladder.steps[name]) if rule.then not in (AGAIN, END)]


def _unreachable(ladder: Ladder) -> Iterator[Problem]:
    reached = set[str]()
    waiting = [name for place, name in _named(ladder) if place[0] != "steps"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(rule.opens for _, rule in _rules(name, ladder.steps[name]) if rule.then != AGAIN)
    for name in ladder.steps:
        if name not in reached:
            yield ("steps", name), "no way leads to this step; name it somewhere or take it out"


def _endless(ladder: Ladder) -> Iterator[Problem]:
    """Each circle of steps that no end interrupts, told at its first step in the file."""
    told = set[str]()
    for name in ladder.steps:
        circle = _way(ladder, name)
        if circle is not None and told.isdisjoint(circle):
            told.update(circle)
            way = " → ".join(circle)
            yield (
                ("steps", name),
                f"goes round without an end: {way}; expected `then: {END}` somewhere on the way",
            )


def _way(ladder: Ladder, start: str) -> list[str] | None:
    """The shortest way from a step back to it, the step first and last; None when there is none."""
    ways = [[start]]
    seen = set[str]()
    for way in ways:
        for onward in _onward(ladder, way[-1]):
            if onward == start:
                return [*way, start]
            if onward not in seen:
                seen.add(onward)
                ways.append([*way, onward])
    return None
