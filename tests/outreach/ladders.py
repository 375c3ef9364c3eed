"""Cases and ladders for tests: one plain case, and any that are possible."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from hypothesis import strategies as st

from contracts.own import EntryReason, Occupation
from services.outreach.kinds import CHANNELS, KINDS, OUTCOMES, Channel, Kind, Outcome
from services.outreach.ladder import Case, Done, MeasureOf, Wanted, called_for
from services.outreach.ladder_file import default, default_path
from services.outreach.soundness import problems
from services.outreach.steps import Ladder, StepKind

FIRST: Final = date(2026, 9, 1)
DEFAULT: Final = default()
WAYS: Final[frozenset[Channel]] = frozenset({"phone", "sms", "email", "letter"})

#: A case of a 17-year-old, known from its first day, in which nothing was done yet.
UNTOUCHED: Final = Case(
    since=FIRST,
    opened_on=FIRST,
    entry_reason="left_upper_secondary",
    birth_date=date(2009, 5, 4),
    protected=False,
    ways=WAYS,
    done=(),
    occupation_known_on=None,
    occupation=None,
    measures=(),
)


def on(day: int) -> date:
    """The day that comes so many days after the case was opened."""
    return FIRST + timedelta(days=day)


def after(case: Case, *done: tuple[int, Kind, str | None, Outcome | None]) -> Case:
    """The case with these tasks done: day, kind, step, outcome."""
    more = tuple(Done(kind, on(day), outcome, None, step) for day, kind, step, outcome in done)
    return replace(case, done=(*case.done, *more))


def steps(case: Case, day: int, ladder: Ladder = DEFAULT) -> list[str]:
    return [wanted.step for wanted in called_for(case, ladder, on(day))[0]]


def only(case: Case, day: int, ladder: Ladder = DEFAULT) -> Wanted:
    (wanted,), _ = called_for(case, ladder, on(day))
    return wanted


def next_day(case: Case, day: int, ladder: Ladder = DEFAULT) -> int:
    """The next day on which the answer may change, counted from the opening of the case."""
    _, found = called_for(case, ladder, on(day))
    assert found is not None
    return (found - FIRST).days


def plain(path: Path | None = None) -> dict[str, Any]:
    """The default ladder as plain values, to be changed."""
    read: dict[str, Any] = yaml.safe_load((path or default_path()).read_text(encoding="utf-8"))
    return read


def ladder_of(values: dict[str, Any]) -> Ladder:
    """The sound ladder of plain values."""
    ladder = Ladder.model_validate_json(json.dumps(values), strict=True)
    assert problems(ladder) == []
    return ladder


_KINDS: Final[tuple[StepKind, ...]] = ("inform", "contact", "talk", "offer_measure", "clear_up")


@st.composite
def _ends(draw: st.DrawFn, everyone: list[str]) -> dict[str, Any]:
    days, onward = draw(st.integers(7, 120)), draw(st.sampled_from(everyone))
    return {"then": "end", "again_after_days": days, "with": onward}


@st.composite
def _follows(draw: st.DrawFn, later: list[str], everyone: list[str]) -> dict[str, Any]:
    leads_on: bool = draw(st.booleans())
    if later and leads_on:
        return {"then": draw(st.sampled_from(later)), "in_days": draw(st.integers(0, 20))}
    return draw(_ends(everyone))


@st.composite
def any_ladder(draw: st.DrawFn) -> Ladder:
    """Any sound ladder of two to six steps; each step can be reached from the one before it."""
    names = [f"step_{number}" for number in range(draw(st.integers(2, 6)))]
    steps: dict[str, Any] = {}
    for number, name in enumerate(names):
        later, tries = names[number + 1 :], draw(st.integers(1, 4))
        rules = {
            outcome: draw(_follows(later, names)) for outcome in draw(st.sets(st.sampled_from(OUTCOMES[1:])))
        }
        onward = {"then": later[0], "in_days": draw(st.integers(0, 20))} if later else draw(_ends(names))
        step: dict[str, Any] = {
            "kind": "recheck_occupation" if number == 0 else draw(st.sampled_from(_KINDS)),
            "channels": draw(st.lists(st.sampled_from(CHANNELS), unique=True)),
            "due_in_days": draw(st.integers(0, 30)),
            "after": rules | {"otherwise": onward},
        }
        if tries > 1:
            step["after"] = rules | {"reached": {"then": "again"}, "otherwise": onward}
            step |= {
                "tries": tries,
                "days_between": draw(st.lists(st.integers(1, 14), min_size=1, max_size=tries - 1)),
            }
            step["after_last_try"] = draw(_follows(later, names))
        steps[name] = step
    values = plain() | {"steps": steps}
    values["entry"] = {"no_known_school": draw(st.sampled_from(names)), "otherwise": names[1]}
    values["close_to_20"] = {
        "when_under_days_left": draw(st.integers(0, 400)),
        "waits_divided_by": draw(st.integers(1, 4)),
    }
    values["occupation"]["then"] = names[0]
    values["occupation"]["current_for_days"] = draw(st.integers(1, 120))
    values["measures"]["at_least_every_days"] = every = draw(st.integers(1, 90))
    values["measures"]["opens_days_before"] = draw(st.integers(0, every - 1))
    values["measures"]["when_ended"] = {
        "then": draw(st.sampled_from(names)),
        "in_days": draw(st.integers(0, 20)),
    }
    return ladder_of(values)


#: A day from a month before the case was opened until a year after it.
_days = st.integers(-30, 365).map(on)


@st.composite
def _done(draw: st.DrawFn, ladder: Ladder) -> Done:
    name = draw(st.sampled_from([*ladder.steps, "of_another_ladder", "protected", ""]))
    kind: Kind = ladder.steps[name].kind if name in ladder.steps else draw(st.sampled_from(KINDS))
    # few days, so that many are equal
    day = on(draw(st.sampled_from([1, 1, 2, 5, 40, 100, 101, 250])))
    return Done(
        kind,
        day,
        draw(st.sampled_from([*OUTCOMES, None])),
        draw(st.none() | st.sampled_from(CHANNELS)),
        name or None,
    )


@st.composite
def _measure(draw: st.DrawFn) -> MeasureOf:
    began = draw(_days)
    ended = draw(st.none() | st.integers(0, 200).map(lambda days: began + timedelta(days=days)))
    return MeasureOf(began, ended, tuple(draw(st.lists(_days, max_size=2))))


@st.composite
def any_case(draw: st.DrawFn, ladder: Ladder, protected: bool | None = None) -> Case:
    """Any case that may meet a ladder, with anything done in it and known of it."""
    return Case(
        since=draw(_days),
        opened_on=FIRST,
        entry_reason=draw(st.sampled_from(get_args(EntryReason))),
        birth_date=draw(st.none() | st.dates(date(2006, 9, 2), date(2011, 1, 1))),
        protected=draw(st.booleans()) if protected is None else protected,
        ways=draw(st.frozensets(st.sampled_from(sorted(WAYS)))),
        done=tuple(draw(st.lists(_done(ladder), max_size=6))),
        occupation_known_on=draw(st.none() | _days),
        occupation=draw(st.none() | st.sampled_from(get_args(Occupation))),
        measures=tuple(draw(st.lists(_measure(), max_size=2))),
    )
