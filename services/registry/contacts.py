"""Contact data: which statement of it may count, and which must go (INV-11). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.municipality import Contact
from services.registry.statement import Statement, precedence


@dataclass(frozen=True, slots=True)
class ContactStatement:
    """What one event stated, with what orders it among others: (time, id, source)."""

    time: datetime
    id: str
    source: str
    contact: Contact

    @property
    def precedence(self) -> tuple[datetime, str, str]:
        """Of two statements the greater holds, as everywhere in the register."""
        return self.time, self.id, self.source


def sifted(
    said: Iterable[Statement], stated: Sequence[ContactStatement]
) -> tuple[Contact | None, list[ContactStatement]]:
    """(the contact data that holds, the statements to delete), given a person's counting statements.

    While a person is protected nothing is kept. What was stated before the latest lifting of protection never
    counts again: it may be an address somebody fled from.
    """
    levels = sorted((s for s in said if s.protection is not None), key=precedence)
    lifted = None
    protected = False
    for statement in levels:
        if statement.protection != "none":
            protected = True
        elif protected:
            protected, lifted = False, precedence(statement)
    if protected:
        return None, list(stated)
    kept = [statement for statement in stated if lifted is None or statement.precedence >= lifted]
    gone = [statement for statement in stated if lifted is not None and statement.precedence < lifted]
    latest = max(kept, key=lambda statement: statement.precedence, default=None)
    return (latest.contact if latest else None), gone
