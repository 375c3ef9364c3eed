"""Who a person is: current identity number, birth date, names, protection."""

from collections.abc import Iterable, Sequence
from datetime import date

from contracts.identifiers import birth_date_of
from services.registry.statement import IDENTITY_CHANGED, Statement, precedence


def current_number(statements: Iterable[Statement]) -> str:
    """The identity number of the latest ``changed_on``; without a change the only one there is.

    Raises ValueError when no statement names anybody.
    """
    number = latest = None
    for statement in statements:
        if statement.type == IDENTITY_CHANGED:
            key = statement.on, precedence(statement)
            if latest is None or latest < key:
                latest, number = key, statement.identity_number
        elif number is None:
            number = statement.identity_number
    if number is None:
        raise ValueError("no statement names a person")
    return number


def birth_date_statement(statements: Iterable[Statement]) -> Statement | None:
    """The statement that decides the birth date: the latest, by ``time``, that states one."""
    latest = None
    for statement in statements:
        if statement.birth_date is not None and (
            latest is None or precedence(latest) < precedence(statement)
        ):
            latest = statement
    return latest


def birth_date(statements: Sequence[Statement]) -> date:
    """As the population feed last stated it, else as the current identity number says (coordination: day − 60)."""
    stated = birth_date_statement(statements)
    if stated is not None and stated.birth_date is not None:
        return stated.birth_date
    return birth_date_of(current_number(statements))


def birthday(born: date, age: int) -> date:
    """The day a person reaches an age. Born on 29 February: 1 March in the years that have no such day."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def names(statements: Iterable[Statement]) -> tuple[str | None, str | None]:
    """(given name, family name), each as last stated, by ``time``, id and source."""
    given = family = None
    for statement in sorted(statements, key=precedence):
        given = statement.given_name or given
        family = statement.family_name or family
    return given, family


def protection(statements: Iterable[Statement]) -> str:
    """The level of protection (skyddade personuppgifter) as last stated, by ``time``; ``none`` if never."""
    stated = max((s for s in statements if s.protection is not None), key=precedence, default=None)
    return (stated.protection if stated is not None else None) or "none"
