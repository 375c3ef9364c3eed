"""The deliberate breakages: each a small change of production code that breaks one promise, and who notices.

Most of them are what somebody may well write by mistake, or take away because nothing seems to need it. A promise
that is kept in several places has a breakage for each place. Those of single services are in ``broken_services``.
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
FAULTS, LIMITS, TRAPS = (
    "tests/system/test_faults.py",
    "tests/system/test_limits.py",
    "tests/system/test_traps.py",
)

#: In what all services stand on.
MESSAGING: Final[tuple[Breakage, ...]] = (
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
        "graceful_timeout=HANDLING_SECONDS",
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
        "A relay does not ask for its turn again when its producer is ready",
        "INV-04",
        RELAY,
        "            asked = -TURN\n",
        "            asked = time.monotonic()\n",
        (
            "tests/system/test_relay_turn.py::test_a_relay_whose_start_took_longer_than_its_turn_publishes_nothing",
        ),
    ),
    Breakage(
        "A relay never renews its turn",
        "INV-04",
        RELAY,
        "                if time.monotonic() - asked >= RENEW:\n",
        "                if asked < 0:\n",
        ("tests/system/test_relay_turn.py::test_a_relay_that_has_lost_its_turn_publishes_nothing_more",),
    ),
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
        "Two replays take the same dead letters",
        "INV-01",
        "servicekit/replay.py",
        'ORDER BY topic, partition, "offset" FOR UPDATE SKIP LOCKED',
        'ORDER BY topic, partition, "offset"',
        (
            "tests/system/test_dead_letters.py::test_two_replays_at_once_beside_a_service_at_work_do_nothing_twice",
        ),
    ),
    Breakage(
        "A dead letter stays after its replay took effect",
        "INV-01",
        "servicekit/replay.py",
        "        await connection.execute(_TOOK_EFFECT, effective)\n",
        "",
        (
            "tests/system/test_dead_letters.py::test_a_letter_whose_event_was_sent_again_meanwhile_is_a_duplicate",
        ),
    ),
    Breakage(
        "A discarded dead letter keeps what it held",
        "INV-11",
        "servicekit/dead_letter_actions.py",
        "key = NULL, value = NULL, header_names",
        "header_names",
        (
            "tests/system/test_dead_letters.py::test_a_discarded_letter_holds_nothing_takes_no_effect_and_is_still_accounted_for",
        ),
    ),
)
