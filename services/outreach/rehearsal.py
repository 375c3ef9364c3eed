"""A ladder tried on a made-up case, day by day: what it would call for, and when nothing would. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from contracts.own import Occupation
from services.outreach.kinds import Kind, Outcome
from services.outreach.ladder import Case, Done, MeasureOf, Wanted, called_for, still_planned
from services.outreach.steps import UNKNOWN_OCCUPATIONS, Ladder

#: ``opens``: a task is called for. ``done``: it was answered. ``falls_away``: it no longer is, though nobody did it.
Happening = Literal["opens", "done", "falls_away"]

#: Tasks that stand beside the steps: done on the day they are due, whatever the answers are.
_BESIDE: Final[frozenset[Kind]] = frozenset({"follow_up", "hand_over"})


@dataclass(frozen=True, slots=True)
class Answered:
    """What comes of a task, and which occupation was learnt with it."""

    outcome: Outcome
    occupation: Occupation | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happens to a task."""

    on: date
    happening: Happening
    task: Wanted
    #: None unless it was done.
    answer: Answered | None = None


def rehearse(case: Case, ladder: Ladder, answers: Sequence[Answered], until: date) -> Iterator[Line]:
    """What happens from the day the case was first known until a day (that day included), in order.

    Each task is done on the day it is due. Steps take the ``answers`` in turn, the last one for all that follow;
    follow-ups and the hand-over are answered *reached*. Raises ValueError when there is no answer.
    """
    if not answers:
        raise ValueError("expected at least one answer")
    left = list(answers)
    day = case.opened_on
    seen: dict[tuple[Kind, str], Wanted] = {}
    while day <= until:
        wanted, next_day = called_for(case, ladder, day)
        there = {(task.kind, task.step): task for task in wanted}
        for key in [key for key in seen if key not in there]:
            yield Line(day, "falls_away", seen.pop(key))
        for key in [key for key in there if key not in seen]:
            yield Line(day, "opens", there[key])
        seen = there
        due = next((task for task in wanted if task.due_on <= day), None)
        if due is not None:
            answer = Answered("reached") if due.kind in _BESIDE else left.pop(0) if len(left) > 1 else left[0]
            del seen[due.kind, due.step]
            case = _after(case, due, day, answer)
            yield Line(day, "done", due, answer)
            continue
        coming = [task.due_on for task in wanted] + ([next_day] if next_day is not None else [])
        if not coming:
            return
        day = min(coming)


def _after(case: Case, task: Wanted, day: date, answer: Answered) -> Case:
    done = Done(task.kind, day, answer.outcome, task.channel, task.step)
    case = replace(case, done=(*case.done, done))
    if task.kind == "follow_up":
        followed_up = [(day, task.due_on)]
        case = replace(case, measures=tuple(_left_of(measure, followed_up) for measure in case.measures))
    if answer.occupation is None:
        return case
    if answer.occupation in UNKNOWN_OCCUPATIONS:
        return replace(case, occupation=None, occupation_known_on=None)
    return replace(case, occupation=answer.occupation, occupation_known_on=day)


def _left_of(measure: MeasureOf, followed_up: Collection[tuple[date, date]]) -> MeasureOf:
    return replace(measure, follow_up_on=still_planned(measure.follow_up_on, followed_up))
