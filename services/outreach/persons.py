"""Persons as a municipality sees them: who, why and how long she was on the list; and the search for one.

Of protected registration only who deals with a routed case sees anything here, and registrars; a search finds nobody
of them (INV-11). Of any protected person nothing is said but that she is one: neither name nor number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from contracts.identifiers import luhn
from contracts.own import EntryReason, ExitReason, Ground
from servicekit.access_log import looked, looked_at
from servicekit.database import Connection
from services.outreach.ages import at_age
from services.outreach.queue import full_name
from services.outreach.store import GROUNDS

#: As many as a search shows: who is not among them is found with more of the name.
MOST_FOUND: Final = 20

# Whose rows are the municipality's: asked of each candidate, so that no more than these are read.
_HERE: Final = """
NOT purged AND revision > 0 AND (
  EXISTS (SELECT FROM episode AS e WHERE e.person_id = person.person_id AND e.municipality = {municipality})
  OR EXISTS (
    SELECT FROM task AS t WHERE t.person_id = person.person_id AND t.municipality = {municipality}
      AND waits_for IS DISTINCT FROM 'routing'
  )
)
"""
_PERSON: Final = "person_id, identity_number, given_name, family_name, birth_date, protection"
_OF: Final = f"""
SELECT {_PERSON} FROM person
WHERE person_id = $2 AND {_HERE.format(municipality="$1")} AND (
  protection IS DISTINCT FROM 'protected_registration'
  OR EXISTS (SELECT FROM routing AS r WHERE r.person_id = $2 AND r.municipality = $1)
)
"""
_NOW: Final = "SELECT merged_into FROM person WHERE person_id = $1"
_OF_TASK: Final = """
SELECT person_id FROM task WHERE task_id = $2 AND municipality = $1 AND waits_for IS DISTINCT FROM 'routing'
"""
_OF_CONTACT: Final = "SELECT person_id FROM contact WHERE contact_id = $2 AND municipality = $1"
_OF_MEASURE: Final = "SELECT person_id FROM measure WHERE measure_id = $2 AND municipality = $1"
# What was told before a protection was known may still stand there: nobody is shown it.
_SPELLS: Final = """
SELECT from_day, to_day, entry_reason, exit_reason, CASE WHEN protection = 'none' THEN grounds END AS grounds
FROM episode JOIN person USING (person_id)
WHERE episode.municipality = $1 AND person_id = $2 AND from_day IS NOT NULL ORDER BY from_day DESC, episode_id
"""
_NOTICES: Final = """
SELECT heard_on, CASE WHEN handled THEN tried_on END, closed FROM notice
WHERE municipality = $1 AND person_id = $2 AND (standing OR closed) ORDER BY heard_on, notice_id
"""
# In two steps: asked in one, the database looks at the numbers of all persons for whether they may be seen.
_WHOSE_NUMBER: Final = "SELECT person_id FROM person_number WHERE identity_number = ANY($1::text[])"
_BY_NUMBER: Final = f"""
SELECT {_PERSON} FROM person
WHERE person_id = ANY($2::uuid[]) AND merged_into IS NULL AND {_HERE.format(municipality="$1")}
  AND protection IS DISTINCT FROM 'protected_registration'
"""
# Every word begins a given name, a family name, or a later part of one. Asked of the municipality's persons: else it
# would be asked of everybody in the country whether she may be seen.
_BY_NAME: Final = f"""
SELECT {_PERSON} FROM person
WHERE NOT EXISTS (
    SELECT FROM unnest($2::text[]) AS word
    WHERE NOT (' ' || translate(concat_ws(' ', given_name, family_name), '-', ' ')) ILIKE '% ' || word || '%'
  )
  AND protection = 'none' AND merged_into IS NULL AND NOT purged AND revision > 0
  AND person_id IN (
    SELECT person_id FROM episode WHERE municipality = $1 UNION SELECT person_id FROM notice WHERE municipality = $1
  )
ORDER BY family_name, given_name, person_id
LIMIT {MOST_FOUND + 1}
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A person; of a protected one neither number nor name nor birth date."""

    person_id: UUID
    protected: bool
    identity_number: str | None
    name: str | None
    birth_date: date | None
    #: Her registration is protected, and a registrar has said who deals with her case.
    routed: bool = False

    @property
    def turns_20_on(self) -> date | None:
        """The day on which the responsibility ends at the latest (skollagen 29:9)."""
        return None if self.birth_date is None else at_age(self.birth_date, 20)


@dataclass(frozen=True, slots=True)
class Spell:
    """A time on the municipality's list; ``to_day`` is its last day, None while it lasts."""

    from_day: date
    to_day: date | None
    entry_reason: EntryReason
    exit_reason: ExitReason | None
    #: What the entry rests on, the deciding statement first; never of a protected person.
    grounds: Sequence[Ground] = ()


@dataclass(frozen=True, slots=True)
class Noticed:
    """A school told of much absence; no part of the register."""

    heard_on: date
    handled_on: date | None
    #: The school says that the pupil is back to full-time attendance.
    closed: bool


async def of(connection: Connection, municipality: str, person_id: UUID, who: str) -> Seen | None:
    """Who she is, if the municipality has or had a case or a notice. The look is in the access log."""
    row = await connection.fetchrow(_OF, municipality, person_id)
    if row is None:
        return None
    await looked(connection, "outreach person", who=who, person_id=person_id, municipality=municipality)
    return _seen(row)


async def now_is(connection: Connection, person_id: UUID) -> UUID | None:
    """Who she turned out to be, if she did. The answer is no look at anybody."""
    found: UUID | None = await connection.fetchval(_NOW, person_id)
    return found


async def of_task(connection: Connection, municipality: str, task_id: int) -> UUID | None:
    """Whom a task of the municipality is about; None when there is none."""
    found: UUID | None = await connection.fetchval(_OF_TASK, municipality, task_id)
    return found


async def of_contact(connection: Connection, municipality: str, contact_id: UUID) -> UUID | None:
    """With whom the municipality had a contact; None when there is none."""
    found: UUID | None = await connection.fetchval(_OF_CONTACT, municipality, contact_id)
    return found


async def of_measure(connection: Connection, municipality: str, measure_id: UUID) -> UUID | None:
    """For whom the municipality has a measure; None when there is none."""
    found: UUID | None = await connection.fetchval(_OF_MEASURE, municipality, measure_id)
    return found


async def spells(connection: Connection, municipality: str, person_id: UUID) -> Sequence[Spell]:
    """Her times on the list, the latest first. The caller logs the look."""
    return [_spell(*row) for row in await connection.fetch(_SPELLS, municipality, person_id)]


def _spell(
    from_day: date, to_day: date | None, entered: EntryReason, left: ExitReason | None, grounds: str | None
) -> Spell:
    return Spell(from_day, to_day, entered, left, GROUNDS.validate_json(grounds or "[]"))


async def noticed(connection: Connection, municipality: str, person_id: UUID) -> Sequence[Noticed]:
    """The notices of absence that the school has not taken back, oldest first. The caller logs the look."""
    return [Noticed(*row) for row in await connection.fetch(_NOTICES, municipality, person_id)]


async def search(connection: Connection, municipality: str, sought: str, who: str) -> Sequence[Seen]:
    """Persons of the municipality by identity number or by the beginnings of their names.

    At most ``MOST_FOUND`` and one more, which says that there are others. Protected persons are found by their number
    alone. Each person shown is in the access log.
    """
    if (numbers := _numbers(sought)) is not None:
        whose = [row[0] for row in await connection.fetch(_WHOSE_NUMBER, numbers)]
        rows = await connection.fetch(_BY_NUMBER, municipality, whose)
    elif words := [_literal(word) for word in re.split(r"[\s-]+", sought.strip()) if word]:
        rows = await connection.fetch(_BY_NAME, municipality, words)
    else:
        rows = []
    seen = [row["person_id"] for row in rows[:MOST_FOUND]]
    await looked_at(connection, "outreach search", seen, who=who, municipality=municipality)
    return [_seen(row) for row in rows]


def _numbers(sought: str) -> list[str] | None:
    """The identity numbers that are meant: of one with 10 digits those of both centuries. None when none is."""
    digits = re.sub(r"[\s+-]", "", sought)
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", digits, re.ASCII) or not luhn(digits[-10:]):
        return None
    return [digits] if len(digits) == 12 else [f"19{digits}", f"20{digits}"]


def _literal(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)


def _seen(row: Connection) -> Seen:
    if row["protection"] != "none":
        routed = row["protection"] == "protected_registration"
        return Seen(row["person_id"], True, None, None, None, routed)
    name = full_name(row["given_name"], row["family_name"])
    return Seen(row["person_id"], False, row["identity_number"], name, row["birth_date"])
