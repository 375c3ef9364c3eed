"""The deliberate breakages of single services, as those of ``broken``."""

from typing import Final

from tests.faults.broken import Breakage

FAULTS, NAMING, TIME = (
    "tests/system/test_faults.py",
    "tests/system/test_naming.py",
    "tests/system/test_time.py",
)
LEASES = "tests/outreach/test_leases.py"
#: The end of the statement that takes a task of the team, up to its lock.
TEAM = """          AND snoozed_until IS NULL AND leased_by IS NULL
        ORDER BY rank_on, contacted, since, task_id
"""

SERVICES: Final[tuple[Breakage, ...]] = (
    Breakage(
        "The registry's log takes every event for a new one",
        "INV-02",
        "services/registry/log.py",
        "DO UPDATE SET {_SET} WHERE event_log.digest IS NULL",
        "DO UPDATE SET {_SET}",
        (f"{FAULTS}::test_killed_between_the_commit_in_the_database_and_that_of_the_offsets",),
    ),
    Breakage(
        "Persons are not locked before they are computed",
        "INV-02",
        "services/registry/persons.py",
        "ORDER BY person_id FOR NO KEY UPDATE",
        "ORDER BY person_id",
        (f"{NAMING}::test_two_transactions_at_once",),
    ),
    Breakage(
        "Whose a number is, is not looked at again after the lock",
        "INV-02",
        "services/registry/persons.py",
        "    if any(number not in numbers for number in touched):\n",
        "    if False:\n",
        (f"{NAMING}::test_two_transactions_at_once",),
    ),
    Breakage(
        "An event that is taken back is not claimed while it is not there",
        "INV-02",
        "services/registry/log.py",
        """INSERT INTO event_log AS log (source, id, taken_back)
SELECT source, id, true FROM unnest($1::text[], $2::text[]) AS new (source, id)
ORDER BY source COLLATE "C", id COLLATE "C"
ON CONFLICT (source, id) DO UPDATE SET taken_back = true WHERE NOT log.taken_back
""",
        """UPDATE event_log AS log SET taken_back = true FROM unnest($1::text[], $2::text[]) AS new (source, id)
WHERE log.source = new.source AND log.id = new.id AND NOT log.taken_back
""",
        (f"{NAMING}::test_two_transactions_at_once",),
    ),
    Breakage(
        "A batch does not hold the business day still",
        "INV-04",
        "services/registry/sql/registry_4.sql",
        "    PERFORM pg_advisory_xact_lock_shared(day_lock);\n",
        "",
        (f"{TIME}::test_the_day_does_not_move_while_a_batch_that_has_read_it_is_under_way",),
    ),
    Breakage(
        "The business day follows a clock that is behind",
        "INV-02",
        "services/registry/scheduler.py",
        "SET day = greatest(day, $1)",
        "SET day = $1",
        (f"{TIME}::test_the_business_day_moves_only_forward",),
    ),
    Breakage(
        "An older state overwrites a newer one",
        "INV-02",
        "services/outreach/store.py",
        "WHERE known.revision < excluded.revision\nRETURNING episode_id",
        "RETURNING episode_id",
        ("tests/outreach/test_consumer.py::test_any_order_of_an_episodes_events_ends_in_the_same_task",),
    ),
    Breakage(
        "Contact data stays when a protection becomes known",
        "INV-11",
        "services/registry/contacts.py",
        "        return None, list(stated)\n",
        "        return None, []\n",
        (
            "tests/system/test_registry_boundary.py"
            "::test_a_protected_person_has_no_contact_data_in_any_order_of_arrival",
        ),
    ),
    Breakage(
        "Workers wait for the task that another is just taking",
        "INV-12",
        "services/outreach/sql/outreach_2.sql",
        f"{TEAM}        LIMIT 1\n        FOR NO KEY UPDATE SKIP LOCKED;\n",
        f"{TEAM}        LIMIT 1\n        FOR NO KEY UPDATE;\n",
        (
            "tests/outreach/test_taking.py::test_the_next_one_gets_another_task_while_the_first_is_not_through",
        ),
    ),
    Breakage(
        "A task that is just being taken is not locked",
        "INV-12",
        "services/outreach/sql/outreach_2.sql",
        f"{TEAM}        LIMIT 1\n        FOR NO KEY UPDATE SKIP LOCKED;\n",
        f"{TEAM}        LIMIT 1;\n",
        (f"{LEASES}::test_20_workers_at_once_get_20_tasks",),
    ),
    Breakage(
        "A task is handed out though its lease lasts",
        "INV-12",
        "services/outreach/sql/outreach_2.sql",
        "AND leased_until <= now()\n          AND (assigned_to",
        "AND leased_until IS NOT NULL\n          AND (assigned_to",
        (f"{LEASES}::test_a_lost_workers_task_comes_back_when_the_lease_has_run_out",),
    ),
    Breakage(
        "A change of a notice registers another one",
        "INV-14",
        "services/notifications/consumer.py",
        "notice_id, revision = row.notice_id or uuid4(), row.revision",
        "notice_id, revision = uuid4(), 0",
        ("tests/notifications/test_service.py::test_a_retraction_withdraws_the_notice",),
    ),
    Breakage(
        "Two batches about one pupil do not wait for each other",
        "INV-14",
        "services/notifications/store.py",
        "ORDER BY identity_number FOR UPDATE",
        "ORDER BY identity_number",
        ("tests/notifications/test_concurrency.py::test_two_batches_about_one_pupil_meet",),
    ),
    Breakage(
        "Reporting takes events in while a person is being purged",
        "INV-10",
        "services/reporting/consumer.py",
        "    await connection.execute(_LOCK, WRITE_LOCK)\n    rows = ",
        "    rows = ",
        ("tests/reporting/test_received.py::test_a_purge_beside_the_person_s_events_leaves_nothing_of_her",),
    ),
    Breakage(
        "A report reads what came after its prefix",
        "INV-13",
        "services/reporting/store.py",
        "  FROM received\n  WHERE seq <= $1\n    AND entity_id IN",
        "  FROM received\n  WHERE seq <= $1 + 1000\n    AND entity_id IN",
        ("tests/reporting/test_fold.py::test_a_prefix_gives_the_same_file_whatever_comes_after_it",),
    ),
    Breakage(
        "The database shows a task of a routed case to the whole team",
        "INV-11",
        "services/outreach/sql/outreach_3.sql",
        "        (state = 'open' AND waits_for IS NULL AND assigned_to IS NULL)\n        OR",
        "        (state = 'open' AND waits_for IS NULL)\n        OR",
        (
            "tests/outreach/test_routing.py"
            "::test_the_database_shows_a_routed_case_to_its_worker_and_to_registrars_alone",
        ),
    ),
    Breakage(
        "A look at a person is not noted",
        "INV-09",
        "services/outreach/persons.py",
        '    await looked(connection, "outreach person", who=who, person_id=person_id, municipality=municipality)\n',
        "",
        (
            "tests/outreach/test_access_of_routes.py"
            "::test_who_is_shown_stands_in_the_access_log_and_nobody_else",
        ),
    ),
)
