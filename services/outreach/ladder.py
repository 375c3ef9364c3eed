"""What is to be done in a case, and on which day that may change: a municipality's ladder (trappa), climbed. Pure.

Nothing moves a case to its next step: where it stands follows, each time anew, from what has been done and what is
known. The ladder itself is read by ``ladder_file``.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from contracts.own import EntryReason, Occupation
from services.outreach.ages import at_age, close_to_20_on, hand_over_on, urgent_from
from services.outreach.kinds import KINDS, Channel, Kind, Outcome
from services.outreach.steps import (
    AGAIN,
    EARLY_SUPPORT,
    FOLLOW_UP,
    HAND_OVER,
    PROTECTED,
    UNKNOWN_OCCUPATIONS,
    Ladder,
)

#: The contact way that must be known for a channel; the others need none. A visit needs the address a letter needs.
_NEEDS: Final[dict[Channel, Channel]] = {
    "phone": "phone",
    "sms": "sms",
    "email": "email",
    "letter": "letter",
    "home_visit": "letter",
}
#: The kinds of step that a contact made without a task answers; the others ask for more than that.
_BY_CONTACT: Final[frozenset[Kind]] = frozenset({"inform", "contact", "recheck_occupation"})
#: Answers that are none: a follow-up, a hand-over or early support is tried again.
NO_ANSWER: Final[frozenset[Outcome]] = frozenset({"not_reached", "message_left"})
#: Of answers to one step on one day, the order in which they are taken: who was reached is not tried again.
_WEIGHT: Final[dict[Outcome | None, int]] = {
    None: 0,
    "not_reached": 1,
    "message_left": 2,
    "informed": 3,
    "declined": 4,
    "reached": 5,
}


@dataclass(frozen=True, slots=True)
class Done:
    """A task of this case that was done, or a contact made without one (``step`` None)."""

    kind: Kind
    on: date
    outcome: Outcome | None
    channel: Channel | None
    #: The ladder's step that the task was opened for.
    step: str | None


@dataclass(frozen=True, slots=True)
class MeasureOf:
    """A measure of this case. It goes on from its first day to its last, both included."""

    started_on: date
    #: The last day; None while no end is known.
    ended_on: date | None
    #: Planned follow-ups that are not done yet.
    follow_up_on: tuple[date, ...]

    @property
    def over_on(self) -> date | None:
        """The first day on which it no longer goes on."""
        return None if self.ended_on is None else self.ended_on + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """An episode of coverage with its person, as one municipality sees it, and what was done (ärende)."""

    #: First covered day.
    since: date
    #: The day the case was first known here: what is due is counted from it.
    opened_on: date
    entry_reason: EntryReason
    birth_date: date | None
    #: Any protection: one manual step instead of the ladder, and never a channel.
    protected: bool
    #: Contact ways known: of phone, sms, email, letter.
    ways: frozenset[Channel]
    done: tuple[Done, ...]
    #: The day on which ``occupation`` was learnt; both None when the latest word is that nothing is known.
    occupation_known_on: date | None
    occupation: Occupation | None
    measures: tuple[MeasureOf, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task that is called for, from today or an earlier day on."""

    kind: Kind
    due_on: date
    #: A step of the ladder, or ``protected``, ``follow_up``, ``hand_over``, ``early_support``.
    step: str
    #: The channel proposed; None: nothing is said, or no way is known.
    channel: Channel | None
    #: What tasks are ranked by: the day it is due, or that on which the person is close to 20, if that is earlier.
    urgent_from: date


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a case stands: the step that opens on a day, and how often it was tried."""

    step: str
    opens_on: date
    tries: int = 0


def called_for(case: Case, ladder: Ladder, today: date) -> tuple[tuple[Wanted, ...], date | None]:
    """The tasks that a case calls for today, at most one of a kind, the soonest due first; and the next day on which
    the answer may change though nothing happens, None when there is none.

    Until that day the answer is the same. The order of ``done`` and ``measures`` does not count.
    """
    coming = list(_turns(case, ladder))
    wanted = []
    if not _rests(case, ladder, today):
        place = _manual(case, ladder, today) if case.protected else _place(case, ladder, today)
        coming.append(place.opens_on)
        if place.opens_on <= today:
            wanted.append(_task(case, ladder, place))
    follow_up = _follow_up(case, ladder, today)
    if follow_up is not None:
        opens_on = max(
            follow_up - timedelta(days=ladder.measures.opens_days_before),
            *_tried_again(case, ladder, "follow_up", ladder.measures.again_after_days),
            date.min,
        )
        coming.append(opens_on)
        if opens_on <= today:
            due_on = max(follow_up, opens_on)
            channel = _channel(case, ladder.measures.channels)
            urgent = urgent_from(due_on, case.birth_date, ladder)
            wanted.append(Wanted("follow_up", due_on, FOLLOW_UP, channel, urgent))
    if case.birth_date is not None and not _not_in_vain(case, "hand_over"):
        opens_on = max(
            case.opened_on,
            hand_over_on(case.birth_date, ladder),
            *_tried_again(case, ladder, "hand_over", ladder.hand_over.again_after_days),
        )
        coming.append(opens_on)
        if opens_on <= today:
            last = max(opens_on, at_age(case.birth_date, 20) - timedelta(days=1))
            due_on = min(opens_on + timedelta(days=ladder.hand_over.due_in_days), last)
            channel = _channel(case, ladder.hand_over.channels)
            urgent = urgent_from(due_on, case.birth_date, ladder)
            wanted.append(Wanted("hand_over", due_on, HAND_OVER, channel, urgent))
    wanted.sort(key=lambda one: (one.due_on, KINDS.index(one.kind)))
    return tuple(wanted), min((day for day in coming if day > today), default=None)


def still_planned(days: Iterable[date], followed_up: Collection[tuple[date, date]]) -> tuple[date, ...]:
    """Of planned days of follow-up those still to come about; ``followed_up``: (done on, due on) of each that was
    answered.

    A follow-up does away with the day it was due, also when it is done ahead of it, and with every day until it was
    done. Days between the two were planned for something else, and stay.
    """
    until = max((done_on for done_on, _ in followed_up), default=date.min)
    due = {due_on for _, due_on in followed_up}
    return tuple(day for day in days if day > until and day not in due)


def early_support(
    noticed_on: date, last_in_vain: date | None, birth_date: date | None, ladder: Ladder
) -> Wanted:
    """The task that a school's notice of absence calls for; it is part of no case and of no register.

    ``last_in_vain``: the day of the last attempt that nobody answered, if any.
    """
    due_on = noticed_on + timedelta(days=ladder.early_support.due_in_days)
    if last_in_vain is not None:
        due_on = max(due_on, last_in_vain + timedelta(days=ladder.early_support.again_after_days))
    return Wanted("early_support", due_on, EARLY_SUPPORT, None, urgent_from(due_on, birth_date, ladder))


def _after(case: Case, ladder: Ladder, day: date, wait: int) -> date:
    """The day that a wait ends: earlier for who is close to 20 by then, but not before she is."""
    full = day + timedelta(days=wait)
    if case.birth_date is None:
        return full
    shorter = day + timedelta(days=-(-wait // ladder.close_to_20.waits_divided_by))
    return min(full, max(shorter, close_to_20_on(case.birth_date, ladder)))


def _not_in_vain(case: Case, kind: Kind) -> Sequence[date]:
    """The days on which a task of this kind was done, and not in vain."""
    return [done.on for done in case.done if done.kind == kind and done.outcome not in NO_ANSWER]


def _tried_again(case: Case, ladder: Ladder, kind: Kind, wait: int) -> Iterator[date]:
    """For each time that nobody answered since somebody last did: the day from which it is tried again."""
    last = max(_not_in_vain(case, kind), default=date.min)
    for done in case.done:
        if done.kind == kind and done.outcome in NO_ANSWER and done.on > last:
            yield _after(case, ladder, done.on, wait)


def _channel(case: Case, channels: Sequence[Channel]) -> Channel | None:
    if case.protected:
        return None
    return next((one for one in channels if one not in _NEEDS or _NEEDS[one] in case.ways), None)


def _task(case: Case, ladder: Ladder, place: _Place) -> Wanted:
    rule = ladder.protected if case.protected else ladder.steps[place.step]
    due_on = place.opens_on + timedelta(days=rule.due_in_days)
    channel = None if case.protected else _channel(case, ladder.steps[place.step].channels)
    return Wanted(rule.kind, due_on, place.step, channel, urgent_from(due_on, case.birth_date, ladder))


def _no_longer_current(case: Case, ladder: Ladder) -> date | None:
    """The first day on which the occupation last known is not current; None when none is known."""
    if case.occupation_known_on is None or case.occupation is None or case.occupation in UNKNOWN_OCCUPATIONS:
        return None
    return case.occupation_known_on + timedelta(days=ladder.occupation.current_for_days)


def _goes_on(measure: MeasureOf, today: date) -> bool:
    return measure.started_on <= today and (measure.ended_on is None or today <= measure.ended_on)


def _rests(case: Case, ladder: Ladder, today: date) -> bool:
    """Whether a measure or a current occupation stands in for the ladder's steps."""
    until = _no_longer_current(case, ladder)
    occupied = until is not None and today < until and case.occupation in ladder.occupation.rests_for
    return occupied or any(_goes_on(measure, today) for measure in case.measures)


def _turns(case: Case, ladder: Ladder) -> Iterator[date]:
    """The days on which measures and the occupation begin or cease to count."""
    until = _no_longer_current(case, ladder)
    if until is not None:
        yield until
    for measure in case.measures:
        yield measure.started_on
        if measure.over_on is not None:
            yield measure.over_on


def _follow_up(case: Case, ladder: Ladder, today: date) -> date | None:
    """The day of the next follow-up: the first that is planned, or that falls due by itself where none is."""
    followed_up = _not_in_vain(case, "follow_up")
    days = [day for measure in case.measures for day in measure.follow_up_on]
    days += [
        max(measure.started_on, *followed_up, measure.started_on)
        + timedelta(days=ladder.measures.at_least_every_days)
        for measure in case.measures
        if not measure.follow_up_on and _goes_on(measure, today)
    ]
    return min(days, default=None)


def _manual(case: Case, ladder: Ladder, today: date) -> _Place:
    """Where a protected case stands: its one step, at once, and again some time after it was last done."""
    manual = [done.on for done in case.done if done.step == PROTECTED]
    if manual:
        opens_on = _after(case, ladder, max(manual), ladder.protected.again_after_days)
    else:
        opens_on = max([case.opened_on, *(done.on for done in case.done)])
    ended = [day for day in _ends(case, ladder, today) if day > opens_on]
    return _Place(PROTECTED, max(ended, default=opens_on))


def _ends(case: Case, ladder: Ladder, today: date) -> dict[date, _Place]:
    """Where the case stood anew when a measure was over or an occupation no longer current, until today.

    What follows a measure is waited for from its last day on, and opens when it is over.
    """
    places = {}
    until = _no_longer_current(case, ladder)
    if until is not None and case.opened_on < until <= today:
        places[until] = _Place(ladder.occupation.then, until)
    rule = ladder.measures.when_ended
    for measure in case.measures:
        ended_on, over_on = measure.ended_on, measure.over_on
        if ended_on is not None and over_on is not None and case.opened_on < over_on <= today:
            places[over_on] = _Place(rule.then, max(over_on, _after(case, ladder, ended_on, rule.in_days)))
    return places


def _place(case: Case, ladder: Ladder, today: date) -> _Place:
    """Where the case stands: its first step, moved on by each answer and each end of what stood in for the ladder."""
    place = _Place(ladder.first_step(case.entry_reason), case.opened_on)
    ends = _ends(case, ladder, today)
    by_day = {on: list(of_day) for on, of_day in groupby(sorted(case.done, key=_on), _on)}
    for day in sorted(ends.keys() | by_day.keys()):
        place = ends.get(day, place)
        place = _answered(case, ladder, place, by_day.get(day, ()))
    return place


_on = attrgetter("on")


def _answered(case: Case, ladder: Ladder, place: _Place, of_day: Iterable[Done]) -> _Place:
    """The place after one day's answers, whatever order they came in.

    First counts what answers the step the case stands at. Another step of this ladder that was done all the same (the
    reason of entry was corrected, the file changed) moves the case there, unless the day already led past it.
    """
    order = list(ladder.steps)

    def canonical(done: Done) -> tuple[int, int]:
        at = order.index(done.step) if done.step is not None and done.step in order else len(order)
        return at, _WEIGHT[done.outcome]

    waiting = sorted(of_day, key=canonical)
    moved = False
    while waiting:
        answer = next((done for done in waiting if _answers(done, ladder, place.step)), waiting[0])
        waiting.remove(answer)
        if not _answers(answer, ladder, place.step):
            if answer.step is None or answer.step not in ladder.steps:
                continue
            if moved and order.index(answer.step) <= order.index(place.step):
                continue
            place = _Place(answer.step, answer.on)
        place = _followed(case, ladder, place, answer)
        moved = True
    return place


def _answers(done: Done, ladder: Ladder, step: str) -> bool:
    """Whether it answers this step. What was done for no step of this ladder does by its kind."""
    kind = ladder.steps[step].kind
    if done.step in ladder.steps:
        return done.step == step
    if done.step is None and done.kind == "contact":
        return kind in _BY_CONTACT
    return done.kind == kind


def _followed(case: Case, ladder: Ladder, place: _Place, answer: Done) -> _Place:
    step = ladder.steps[place.step]
    rule = step.after.get(answer.outcome or "otherwise", step.after["otherwise"])
    if rule.then == AGAIN:
        tries = place.tries + 1
        if tries < step.tries:
            wait = step.days_between[min(tries, len(step.days_between)) - 1]
            return _Place(place.step, _after(case, ladder, answer.on, wait), tries)
        if step.after_last_try is not None:
            rule = step.after_last_try
    return _Place(rule.opens, _after(case, ladder, answer.on, rule.wait))
