"""Days that follow from the birth date: when the responsibility ends, and what comes shortly before. Pure."""

from datetime import date, timedelta

from services.outreach.steps import Ladder


def at_age(birth_date: date, years: int, months: int = 0) -> date:
    """The day on which somebody has this age; at 20 the responsibility ends (skollagen 29:9).

    A day that its month does not have is the first of the next, as the birthday of who was born on 29 February is.
    """
    month = birth_date.month - 1 + months
    first = date(birth_date.year + years + month // 12, month % 12 + 1, 1)
    try:
        return first.replace(day=birth_date.day)
    except ValueError:
        return (first + timedelta(days=31)).replace(day=1)


def close_to_20_on(birth_date: date, ladder: Ladder) -> date:
    """The day from which a task is as urgent as one that is due, and waits are shorter."""
    return at_age(birth_date, 20) - timedelta(days=ladder.close_to_20.when_under_days_left)


def urgent_from(due_on: date, birth_date: date | None, ladder: Ladder) -> date:
    """The day a task is ranked by: the day it is due, or that on which the person is close to 20 if it is earlier."""
    return due_on if birth_date is None else min(due_on, close_to_20_on(birth_date, ladder))


def hand_over_on(birth_date: date, ladder: Ladder) -> date:
    """The day from which the case is to be handed over."""
    rule = ladder.hand_over
    if rule.days_before_20 is not None:
        return at_age(birth_date, 20) - timedelta(days=rule.days_before_20)
    return at_age(birth_date, *rule.age)
