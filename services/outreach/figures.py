"""Figures for who leads the work: how many are covered, contacted, in a measure, and who waits. They name nobody."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final, TypeVar

from contracts.own import EntryReason
from servicekit.database import Connection
from services.outreach.cases import REACHED

T = TypeVar("T", bound=Hashable)

#: Upper bounds, in days, of the times by which waiting is told apart; the last has none.
WAITS: Final = (7, 30, 90)

# Protected registration is counted to no municipality (INV-11). Of two cases, while two persons turn out to be one,
# the earlier counts.
_GROUPS: Final = """
WITH covered AS (
  SELECT DISTINCT ON (e.person_id) e.person_id, e.from_day, e.entry_reason, p.birth_date
  FROM episode AS e JOIN person AS p USING (person_id)
  WHERE e.municipality = $1 AND e.from_day <= $2 AND e.to_day IS NULL AND NOT p.purged AND p.merged_into IS NULL
    AND p.protection IS DISTINCT FROM 'protected_registration'
  ORDER BY e.person_id, e.from_day
), reached AS (
  SELECT person_id, min(on_day) AS on_day
  FROM covered JOIN contact AS c USING (person_id) JOIN contact_revision USING (contact_id, revision)
  WHERE c.municipality = $1 AND on_day >= from_day AND outcome = ANY($3::text[])
  GROUP BY person_id
), measured AS (
  SELECT DISTINCT person_id
  FROM measure AS m JOIN measure_revision AS r USING (measure_id, revision)
  WHERE m.municipality = $1 AND r.from_day <= $2 AND (r.to_day IS NULL OR r.to_day >= $2)
)
SELECT extract(year FROM age($2::date, birth_date))::int AS age, entry_reason,
       reached.on_day IS NOT NULL AS contacted, measured.person_id IS NOT NULL AS in_measure,
       CASE WHEN reached.on_day IS NULL THEN width_bucket($2::date - from_day, $4::int[]) END AS waits, count(*),
       coalesce(array_agg(reached.on_day - from_day) FILTER (WHERE reached.on_day IS NOT NULL), '{}') AS days
FROM covered LEFT JOIN reached USING (person_id) LEFT JOIN measured USING (person_id)
GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True)
class Group:
    """So many covered persons who are alike. ``waits``: index of the time in ``WAITS``, None when contacted."""

    age: int | None
    entry_reason: EntryReason
    contacted: bool
    in_measure: bool
    waits: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A municipality on a day. Contacted is who was met with or heard since she came onto the list."""

    groups: Sequence[Group]
    #: Half of those contacted waited longer; None when nobody was.
    days_to_first_contact: float | None

    @property
    def covered(self) -> int:
        """All on the list."""
        return sum(group.count for group in self.groups)

    @property
    def waiting(self) -> Sequence[Group]:
        """Whom nobody has met with or heard yet."""
        return [group for group in self.groups if not group.contacted]

    @property
    def contacted(self) -> int:
        """Whom somebody has met with or heard."""
        return sum(group.count for group in self.groups if group.contacted)

    @property
    def in_measure(self) -> int:
        """Who has a measure under way."""
        return sum(group.count for group in self.groups if group.in_measure)


def counted(groups: Iterable[Group], by: Callable[[Group], T]) -> Counter[T]:
    """How many persons, by something of their groups."""
    found: Counter[T] = Counter()
    for group in groups:
        found[by(group)] += group.count
    return found


async def figures(connection: Connection, municipality: str, day: date) -> Figures:
    """The figures of a municipality on a day, of what is known now."""
    bounds = [bound + 1 for bound in WAITS]
    rows = await connection.fetch(_GROUPS, municipality, day, sorted(REACHED), bounds)
    days = [day for row in rows for day in row["days"]]
    return Figures([Group(*tuple(row)[:-1]) for row in rows], median(days) if days else None)
