"""Municipalities in the middle of their work, side by side in outreach's database: who is covered, and every kind of
row that a page reads. Drawn from a seed; numbers have the serials set aside for tests."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from contracts.identifiers import luhn
from servicekit.database import Connection
from simulator.names import name

_FIRST_BIRTH: Final = date(2007, 1, 1)
_DAYS: Final = 1_200
#: Birth serials 980 to 999 are given to nobody.
_SERIALS: Final = 20
#: Seconds that a statement may take.
_PATIENCE: Final = 300

_PERSON: Final = (
    "person_id revision identity_number given_name family_name birth_date municipality protection"
)
# Whom a municipality has, in an order of their own: n from 0.
_OF: Final = """
CREATE TEMPORARY TABLE young AS
SELECT person_id, municipality, protection,
       row_number() OVER (PARTITION BY municipality ORDER BY person_id) - 1 AS n
FROM person
"""
_EPISODES: Final = """
INSERT INTO episode (episode_id, revision, person_id, municipality, person_revision, from_day, entry_reason,
                     opened_on)
SELECT gen_random_uuid(), 1, person_id, municipality, 1, day, reason, day
FROM young, LATERAL (SELECT current_date - (n % 400)::int AS day,
  (ARRAY['left_upper_secondary', 'compulsory_school_only', 'left_introductory_programme', 'newly_arrived',
         'no_known_school'])[1 + n % 5] AS reason) AS entry
"""
# One after the other for all: the first four of a person are done, the rest open, each of a kind of its own.
_TASKS: Final = """
INSERT INTO task (episode_id, kind, person_id, municipality, since, opened_on, due_on, rank_on, state, done_on, step,
                  channel, contacted, waits_for, leased_by, leased_until, assigned_to, snoozed_until)
SELECT episode_id, (ARRAY['inform', 'contact', 'talk', 'offer_measure', 'follow_up', 'recheck_occupation', 'clear_up',
                          'hand_over'])[1 + turn % 8],
       person_id, municipality, from_day, from_day + turn::int, due, due, state,
       CASE state WHEN 'done' THEN due END, 'first', 'phone', n % 5 < 3, waits_for,
       CASE WHEN held THEN who END, CASE WHEN held THEN now() + interval '8 hours' END,
       CASE WHEN ready AND NOT held AND chance = 3 THEN who END,
       CASE WHEN ready AND NOT held AND chance BETWEEN 4 AND 13 THEN current_date + 1 + (n % 60)::int END
FROM young JOIN episode USING (person_id, municipality), generate_series(0, 7) AS turn,
     LATERAL (SELECT from_day + (turn * 30)::int AS due, CASE WHEN turn < 4 THEN 'done' ELSE 'open' END AS state,
                     (n * 8 + turn) * 7919 % 100 AS chance, $2 || (n * 8 + turn) / 100 % $3 AS who) AS drawn,
     LATERAL (SELECT state = 'open' AND protection <> 'protected_registration' AS ready,
                     CASE WHEN state = 'open' AND protection = 'protected_registration' THEN 'routing' END
                       AS waits_for) AS waiting,
     LATERAL (SELECT ready AND chance < 3 AS held) AS taken
WHERE turn * (SELECT max(n) + 1 FROM young) + n < $1
"""
_HISTORY: Final = """
INSERT INTO task_history (task_id, municipality, happening, who)
SELECT task_id, municipality, happening, 'kaa'
FROM task, unnest(ARRAY['opened', 'changed', 'claimed', 'released']) AS happening
"""
# Three of five have been tried, most of these twice and with a correction.
_CONTACTS: Final = """
WITH made AS (
  INSERT INTO contact (contact_id, person_id, municipality, revision)
  SELECT gen_random_uuid(), person_id, municipality, 1 + (n % 7 = 0)::int
  FROM young, generate_series(0, 1) WHERE n % 5 < 3 RETURNING *
)
INSERT INTO contact_revision (contact_id, revision, municipality, on_day, channel, outcome, occupation, who)
SELECT contact_id, said, made.municipality, from_day + (hashtext(contact_id::text) & 31), 'phone',
       CASE WHEN hashtext(contact_id::text) & 1 = 1 THEN 'reached' ELSE 'not_reached' END, 'unknown', $1
FROM made JOIN episode USING (person_id), generate_series(1, made.revision) AS said
"""
_MEASURES: Final = """
WITH planned AS (
  INSERT INTO measure (measure_id, person_id, municipality, revision)
  SELECT gen_random_uuid(), person_id, municipality, 1 + (n % 3 = 0)::int FROM young WHERE n % 5 = 0 RETURNING *
)
INSERT INTO measure_revision (measure_id, revision, municipality, kind, content, plan, goal, from_day, follow_up_on,
                              support, who)
SELECT measure_id, said, planned.municipality, 'work_placement', 'Three days a week in a workshop.',
       'Begins in spring.', 'To find out what she wants.', current_date - 60 - (hashtext(measure_id::text) & 63),
       ARRAY[current_date - 5 + (hashtext(measure_id::text) & 127)], '[]', $1
FROM planned, generate_series(1, planned.revision) AS said
"""
_WAYS: Final = """
INSERT INTO contact_way (person_id, municipality, phones, email)
SELECT person_id, municipality, ARRAY['+46701740605'], 'kim.berg@example.org' FROM young WHERE protection = 'none'
"""
_NOTICES: Final = """
INSERT INTO notice (notice_id, revision, person_id, municipality, school_unit, standing, heard_on)
SELECT gen_random_uuid(), 1, person_id, municipality, '12345678', true, current_date - (n % 90)::int
FROM young WHERE n % 20 = 0
"""


def _persons(places: Sequence[str], each: int) -> Iterator[tuple[Any, ...]]:
    at_random = Random(1)
    for ordinal in range(each * len(places)):
        day, serial = divmod(ordinal, _SERIALS)
        born = _FIRST_BIRTH + timedelta(days=day % _DAYS)
        place = ordinal % len(places)
        lot = ordinal // len(places) % 1_000
        protection = "protected_registration" if lot == 0 else "confidential" if lot in {1, 2} else "none"
        given, family = name(serial % 2 == 0, at_random)
        # at random, as the registry's are
        person_id = UUID(int=at_random.getrandbits(128), version=4)
        yield person_id, 1, _number(born, 980 + serial), given, family, born, places[place], protection


def _number(born: date, serial: int) -> str:
    head = f"{born:%Y%m%d}{serial}"
    return next(head + digit for digit in "0123456789" if luhn(head[2:] + digit))


async def fill(
    admin: Connection, places: Sequence[str], *, persons: int, tasks: int, who: str, workers: int
) -> None:
    """Fills an empty database: in each of the places so many persons, all covered, and tasks, eight a person at most.

    Tasks are held by, or reserved for, ``who`` followed by a number below ``workers``. ``admin``: an administrator.
    """
    async with admin.transaction():
        # whose rows these are is known: without the look-up of each reference
        await admin.execute("SET LOCAL session_replication_role = replica")
        rows = _persons(places, persons)
        await admin.copy_records_to_table("person", records=rows, columns=_PERSON.split(), timeout=_PATIENCE)
        numbers = "INSERT INTO person_number SELECT identity_number, person_id FROM person"
        for statement in (numbers, _OF, _EPISODES):
            await admin.execute(statement, timeout=_PATIENCE)
        await admin.execute(_TASKS, tasks, who, workers, timeout=_PATIENCE)
        for statement, given in (
            (_HISTORY, ()),
            (_CONTACTS, (f"{who}0",)),
            (_MEASURES, (f"{who}0",)),
            (_WAYS, ()),
            (_NOTICES, ()),
        ):
            await admin.execute(statement, *given, timeout=_PATIENCE)
        await admin.execute("DROP TABLE young")
    await admin.execute("VACUUM ANALYZE", timeout=_PATIENCE)
