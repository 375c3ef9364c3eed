"""The deliberate breakages: each a small change of production code that breaks one promise, and who notices.

Most of them are what somebody may well write by mistake, or take away because nothing seems to need it. A promise
that is kept in several places has a breakage for each place.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Breakage:
    """``old`` stands exactly once in ``file``; with ``new`` in its place each of ``tests`` must fail."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


CONSUMER, BATCHES, RELAY = "servicekit/consumer.py", "servicekit/batches.py", "servicekit/relay.py"
FAULTS, NAMING, TIME = (
    "tests/system/test_faults.py",
    "tests/system/test_naming.py",
    "tests/system/test_time.py",
)
LIMITS, TRAPS = "tests/system/test_limits.py", "tests/system/test_traps.py"
QUEUE = "tests/outreach/test_queue.py"

BREAKAGES: Final[tuple[Breakage, ...]] = (
    # -- the way of an event -----------------------------------------------------------------------------------------
    Breakage(
        "Offsets are committed before the transaction",
        "INV-03",
        CONSUMER,
        "        late = self._count(taken, await self._store(",
        "        await self._commit(ends)\n        late = self._count(taken, await self._store(",
        (f"{TRAPS}::test_offsets_are_not_committed_by_themselves",),
    ),
    Breakage(
        "Records of transactions that were taken back are read",
        "INV-04",
        CONSUMER,
        'isolation_level="read_committed"',
        'isolation_level="read_uncommitted"',
        (f"{TRAPS}::test_what_a_producer_took_back_is_not_read",),
    ),
    Breakage(
        "The inbox takes every event for a new one",
        "INV-02",
        "servicekit/inbox.py",
        '        fresh = {(row["source"], row["id"]) for row in rows}\n',
        "        fresh = set(unique)\n",
        (
            "tests/outreach/test_consumer.py::test_the_same_event_again_has_no_effect",
            "tests/notifications/test_service.py::test_whatever_is_delivered_again_has_no_effect",
            "tests/reporting/test_received.py::test_a_repetition_is_kept_once",
        ),
    ),
    Breakage(
        "The registry's log takes every event for a new one",
        "INV-02",
        "services/registry/log.py",
        "DO UPDATE SET {_SET} WHERE event_log.digest IS NULL",
        "DO UPDATE SET {_SET}",
        (f"{FAULTS}::test_killed_between_the_commit_in_the_database_and_that_of_the_offsets",),
    ),
    Breakage(
        "A bad record drops the records of its topic that were polled with it",
        "INV-05",
        CONSUMER,
        "            taken.extend(judged)\n",
        "            taken.extend(() if any(isinstance(one, DeadLetter) for one in judged) else judged)\n",
        (
            "tests/system/test_poison.py::test_every_poison_becomes_a_dead_letter_and_the_good_ones_around_it_apply",
        ),
    ),
    Breakage(
        "A bad record is passed over and not kept",
        "INV-01",
        BATCHES,
        "                await put_aside(connection, letters)\n",
        "                pass\n",
        (
            "tests/system/test_poison.py::test_every_poison_becomes_a_dead_letter_and_the_good_ones_around_it_apply",
        ),
    ),
    Breakage(
        "What the store cannot take is not looked for by halves",
        "INV-05",
        BATCHES,
        "        if len(good) > 1:\n",
        "        if len(good) > 100_000:\n",
        (
            "tests/system/test_not_storable.py"
            "::test_one_event_that_the_store_cannot_take_is_put_aside_and_the_others_are_applied",
        ),
    ),
    Breakage(
        "A deadlock or a serialization failure is taken for the fault of a record",
        "INV-02",
        BATCHES,
        "                if not is_transient(error):\n",
        "                if True:\n",
        (f"{FAULTS}::test_a_transaction_rolled_back_for_a_serialization_failure_is_tried_again",),
    ),
    Breakage(
        "SIGTERM breaks off the batch in hand",
        "INV-02",
        CONSUMER,
        "graceful_timeout=30",
        "graceful_timeout=0.01",
        (f"{FAULTS}::test_a_process_told_to_stop_finishes_the_batch_in_hand_and_nothing_else",),
    ),
    Breakage(
        "Receipts count what Kafka delivers again",
        "INV-01",
        "servicekit/receipts.py",
        "    known = await _how_far(connection, list(last))\n",
        "    known = dict.fromkeys(last, -1)\n",
        ("tests/system/test_receipts.py::test_each_record_is_counted_once_whatever_is_delivered_again",),
    ),
    # -- locks -------------------------------------------------------------------------------------------------------
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
        "services/registry/register.py",
        '    await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", DAY_LOCK)\n',
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
    # -- what is told ------------------------------------------------------------------------------------------------
    Breakage(
        "Rows of the outbox are deleted before the broker has acknowledged them",
        "INV-04",
        RELAY,
        """                    await publish(producer, page)
                    await self._pool.execute(_DELETE, [row["seq"] for row in page])
""",
        """                    await self._pool.execute(_DELETE, [row["seq"] for row in page])
                    await publish(producer, page)
""",
        ("tests/system/test_relay.py::test_a_crash_between_publishing_and_deleting_repeats_the_same_events",),
    ),
    Breakage(
        "The outbox is published in another order than it was written",
        "INV-04",
        RELAY,
        "FROM outbox ORDER BY seq LIMIT",
        "FROM outbox ORDER BY md5(value) LIMIT",
        ("tests/system/test_relay.py::test_what_is_committed_is_published_in_order_and_nothing_else_is",),
    ),
    Breakage(
        "Each relay has a transactional id of its own, so that none is fenced",
        "INV-04",
        RELAY,
        "transactional_id=self._transactional_id,",
        'transactional_id=f"{self._transactional_id}.{self._me}",',
        (
            "tests/system/test_relay.py::test_a_relay_that_sleeps_while_it_loses_its_turn_cannot_overwrite_newer_state",
        ),
    ),
    Breakage(
        "A relay takes the turn while another has it",
        "INV-04",
        RELAY,
        "WHERE holder = $1 AND until > clock_timestamp() OR until < clock_timestamp()\n",
        "",
        (
            "tests/system/test_relay.py::test_of_two_relays_one_publishes_and_the_other_takes_over_when_it_stops",
        ),
    ),
    Breakage(
        "An older state overwrites a newer one",
        "INV-02",
        "services/outreach/store.py",
        "WHERE known.revision < excluded.revision\nRETURNING episode_id",
        "RETURNING episode_id",
        ("tests/outreach/test_consumer.py::test_any_order_of_an_episodes_events_ends_in_the_same_task",),
    ),
    # -- who may say what --------------------------------------------------------------------------------------------
    Breakage(
        "An organiser may speak about another's school units",
        "INV-06",
        "servicekit/admission.py",
        "if unit is not None and not directory.accepts(owner, unit):",
        "if unit is not None and directory.organiser(owner) is None:",
        (
            "tests/system/test_boundaries.py::test_an_organiser_speaks_on_its_own_topic_about_its_own_units_alone",
        ),
    ),
    Breakage(
        "An organiser may speak for another on its topic",
        "INV-06",
        "servicekit/admission.py",
        "    if speaker != owner:\n",
        "    if speaker is None:\n",
        (
            "tests/system/test_boundaries.py::test_an_organiser_speaks_on_its_own_topic_about_its_own_units_alone",
        ),
    ),
    Breakage(
        "The registry reads absence",
        "INV-07",
        "contracts/topics/school.absence.yaml",
        "readers: [notifications]",
        "readers: [notifications, registry]",
        ("tests/system/test_registry_boundary.py::test_absence_never_reaches_the_registry",),
    ),
    # -- when bad records become the rule ----------------------------------------------------------------------------
    Breakage(
        "No number of bad records pauses a topic",
        "INV-05",
        "servicekit/limits.py",
        "            if seen.run >= self.limits.run:\n",
        "            if seen.run < 0:\n",
        (f"{LIMITS}::test_a_run_of_bad_records_pauses_that_topic_alone_until_it_is_resumed",),
    ),
    Breakage(
        "A pause is forgotten when the topic goes to another process",
        "INV-05",
        CONSUMER,
        "            async with asyncio.timeout(10), self._busy:  # no heartbeat goes out meanwhile\n"
        "                await self._follow()\n",
        "            pass\n",
        (f"{LIMITS}::test_a_paused_topic_stays_so_in_other_hands_and_after_a_restart",),
    ),
    # -- persons -----------------------------------------------------------------------------------------------------
    Breakage(
        "Log lines repeat the text of an error",
        "INV-08",
        "servicekit/logs.py",
        '    said = {"error": type(error).__name__, ',
        '    said = {"error": f"{type(error).__name__}: {error}", ',
        ("tests/system/test_privacy.py::test_what_nobody_foresaw_is_logged_without_its_words",),
    ),
    Breakage(
        "The access log can be emptied by the service that writes it",
        "INV-09",
        "servicekit/sql/access_log_1.sql",
        "GRANT INSERT ON access_log TO {app};",
        "GRANT INSERT, DELETE ON access_log TO {app};",
        ("tests/system/test_access_log.py::test_the_application_role_can_only_add_to_it",),
    ),
    Breakage(
        "A purged person comes back with the next event",
        "INV-10",
        "servicekit/persons.py",
        "WHERE known.revision < excluded.revision AND NOT known.purged\n",
        "WHERE known.revision < excluded.revision\n",
        ("tests/outreach/test_consumer.py::test_a_purge_leaves_nothing_of_the_person_whatever_comes_later",),
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
    # -- tasks, notices, reports -------------------------------------------------------------------------------------
    Breakage(
        "Workers wait for the task that another is just taking",
        "INV-12",
        "services/outreach/queue.py",
        "FOR NO KEY UPDATE SKIP LOCKED",
        "FOR NO KEY UPDATE",
        (
            "tests/outreach/test_taking.py::test_the_next_one_gets_another_task_while_the_first_is_not_through",
        ),
    ),
    Breakage(
        "A task that is just being taken is not locked",
        "INV-12",
        "services/outreach/queue.py",
        "    FOR NO KEY UPDATE SKIP LOCKED\n",
        "",
        (f"{QUEUE}::test_20_workers_at_once_get_20_tasks",),
    ),
    Breakage(
        "A task is handed out though its lease lasts",
        "INV-12",
        "services/outreach/queue.py",
        "      AND (leased_until IS NULL OR leased_until <= now())\n",
        "",
        (f"{QUEUE}::test_a_lost_workers_task_comes_back_when_the_lease_has_run_out",),
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
)
