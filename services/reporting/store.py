"""From what was received to the facts of a report, in SQL: of each entity the state with the highest revision.

Every query reads a prefix, ``seq <= $1``, and breaks ties by id, never by order of receipt: the same events give the
same facts in any order, and later ones do not change what an earlier prefix gives.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from servicekit.database import Connection
from services.reporting.facts import PROTECTED_REGISTRATION, Contact, Episode, Facts, Measure, Person
from services.reporting.period import Period

#: asyncpg ships no types.
Row: TypeAlias = Any

_RECEIVED = "SELECT coalesce(max(seq), 0) FROM received"

# Whom a merged person belongs to, over chains. UNION and not UNION ALL: while a link is being turned round two
# persons may for a moment be merged into each other, and neither has an end then.
_BELONGS: Final = """
WITH RECURSIVE link AS (
  SELECT DISTINCT ON (entity_id) entity_id AS person_id, (data ->> 'merged_into')::uuid AS merged_into
  FROM received
  WHERE seq <= $1 AND about = 'person'
    AND entity_id IN (SELECT entity_id FROM received WHERE about = 'person' AND data ? 'merged_into')
  ORDER BY entity_id, revision DESC, id DESC
), chain (person_id, merged_into) AS (
  SELECT person_id, merged_into FROM link WHERE merged_into IS NOT NULL
  UNION
  SELECT chain.person_id, link.merged_into FROM chain JOIN link ON link.person_id = chain.merged_into
  WHERE link.merged_into IS NOT NULL
), belongs AS (
  SELECT person_id, merged_into AS to_person FROM chain
  WHERE NOT EXISTS (SELECT FROM link WHERE link.person_id = chain.merged_into AND link.merged_into IS NOT NULL)
)"""

# The states of all entities of a kind that ever stood in the municipality ($2): where one was withdrawn, its last
# state names no municipality, and the state before must not come through.
_LATEST: Final = """
, latest AS (
  SELECT DISTINCT ON (entity_id) entity_id, type, person_id, municipality, data
  FROM received
  WHERE seq <= $1
    AND entity_id IN (SELECT entity_id FROM received WHERE municipality = $2 AND about = '{about}')
  ORDER BY entity_id, revision DESC, id DESC
), stated AS (
  SELECT latest.*, coalesce(belongs.to_person, latest.person_id) AS whose
  FROM latest LEFT JOIN belongs USING (person_id)
  WHERE municipality = $2
)"""

_EPISODES = f"""
{_BELONGS}{_LATEST.format(about="episode")}
SELECT entity_id, person_id, whose, (data ->> 'person_revision')::bigint,
       (data ->> 'from')::date, (data ->> 'to')::date, data ->> 'entry_reason', data ->> 'exit_reason'
FROM stated
WHERE (data ->> 'from')::date <= $4 AND coalesce((data ->> 'to')::date >= $3, true)
  AND NOT EXISTS (SELECT FROM purged_person WHERE purged_person.person_id = whose)
"""
_PERSONS = """
SELECT DISTINCT ON (entity_id) entity_id, revision,
       data ->> 'identity_number', (data ->> 'birth_date')::date, data ->> 'protection'
FROM received
WHERE seq <= $1 AND about = 'person' AND entity_id = ANY($2::uuid[])
ORDER BY entity_id, revision DESC, id DESC
"""
_CONTACTS = f"""
{_BELONGS}{_LATEST.format(about="contact")}
SELECT entity_id, whose, (data ->> 'on')::date, data ->> 'outcome', data ->> 'occupation'
FROM stated
WHERE (data ->> 'on')::date BETWEEN $3 AND $4
  AND NOT EXISTS (SELECT FROM purged_person WHERE purged_person.person_id = whose)
"""
# A measure that was corrected after its end is told by `changed` again: what shows the end is then its reason.
_MEASURES = f"""
{_BELONGS}{_LATEST.format(about="measure")}
SELECT entity_id, whose, data ->> 'kind', (data ->> 'from')::date, (data ->> 'to')::date,
       type LIKE '%.measure.ended.%' OR data ? 'end_reason', data ->> 'end_reason', data ->> 'occupation_after'
FROM stated
WHERE ((data ->> 'from')::date BETWEEN $3 AND $4 OR (data ->> 'to')::date BETWEEN $3 AND $4
       OR (data ->> 'from')::date < $3 AND data ->> 'to' IS NULL)
  AND NOT EXISTS (SELECT FROM purged_person WHERE purged_person.person_id = whose)
"""


async def received_so_far(connection: Connection) -> int:
    """The ``seq`` of the last event received; 0 before the first."""
    return cast(int, await connection.fetchval(_RECEIVED))


async def facts(connection: Connection, municipality: str, period: Period, as_known_at: int) -> Facts:
    """What the events up to and with ``as_known_at`` tell about a municipality's half-year, in no order.

    Episodes with at least one day in it, contacts in it, measures that began or ended in it or have no end. To be
    called in one snapshot (repeatable read), or the parts may not belong together.
    """
    asked = (as_known_at, municipality, period.first, period.last)
    episodes = await connection.fetch(_EPISODES, *asked)
    persons = await _persons(connection, as_known_at, {row[place] for row in episodes for place in (1, 2)})
    contacts = await connection.fetch(_CONTACTS, *asked)
    measures = await connection.fetch(_MEASURES, *asked)
    return Facts(
        municipality,
        [_episode(persons, row) for row in episodes],
        [Contact(*row) for row in contacts],
        [Measure(*row) for row in measures],
    )


async def _persons(
    connection: Connection, as_known_at: int, wanted: Collection[UUID]
) -> dict[UUID, tuple[int, Person]]:
    rows = await connection.fetch(_PERSONS, as_known_at, list(wanted))
    return {row[0]: (row[1], Person(*row[2:])) for row in rows}


def _episode(persons: Mapping[UUID, tuple[int, Person]], row: Row) -> Episode:
    episode_id, own_person, whose, least_revision, *told = row
    known, own = persons.get(own_person, (0, None))
    _, person = persons.get(whose, (0, None))
    if known < least_revision:
        # an older state may lack that she is protected: better nobody than somebody we do not know
        person = None
    elif person is not None and own is not None and own.protection == PROTECTED_REGISTRATION:
        # a merged person is told with the state of the one she was merged into, which may not be here itself yet
        person = replace(person, protection=PROTECTED_REGISTRATION)
    return Episode(episode_id, whose, person, *told)
