"""What the registry may hold: the closed list of förordning (2006:39) § 4, and nothing of absence."""

import itertools
from typing import Any

import pytest

from contracts.catalogue import read_by
from servicekit.lag import ends
from servicekit.topics import administration
from tests.system.installation import (
    FREE,
    TOWN,
    Installation,
    Raw,
    left,
    numbers,
    resident,
    said,
    started,
    wire,
)
from tests.system.witness import DAY, is_one_clean_pass

POPULATION = "municipality.0180.population.v1"
STREET, EMAIL, PHONE = "Rimfrostgränd 17", "rim.frost@example.org", "070-1740605"
CONTACT = {
    "address": {"street": STREET, "postal_code": "17299", "city": "Rimforsa"},
    "email": EMAIL,
    "phones": [PHONE],
}

#: Everything that may be known of an event: what the rules read, names, and where it came from. Contact data, the
#: reason for leaving, absence and health have no column. A new column wants a reason in § 4, and a line here.
EVENT_LOG = {
    "source", "id", "taken_back", "digest", "topic", "partition", "offset", "received_at", "type", "time", "names",
    "identity_number", "on_day", "school_unit", "school_form", "study_path", "outcome", "municipality", "birth_date",
    "registered_in_sweden_on", "previous_identity_number", "protection", "given_name", "family_name",
}  # fmt: skip
#: Of the occupation, present and past: when, where, and why an episode of coverage began and ended.
EPISODE = {
    "episode_id", "person_id", "municipality", "from_day", "to_day", "entry_reason", "exit_reason", "revision",
    "told", "published",
}  # fmt: skip
PERSON = {
    "person_id", "created", "anchor", "identity_number", "merged_into", "revision", "digest", "published", "wake_on",
}  # fmt: skip
CONTACT_DATA = {
    "source", "id", "identity_number", "time", "street", "postal_code", "city", "email", "phones",
}  # fmt: skip
#: Of a record its place and id, and nothing that it says.
DEAD_LETTER_ACTION = {
    "action_id", "at", "who", "why", "action", "outcome", "dead_letter_id", "topic", "partition", "offset", "kind",
    "event_id", "received_at",
}  # fmt: skip

_TABLES = """
SELECT relname::text, array_agg(attname::text) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relkind NOT IN ('i', 'S') AND attnum > 0 AND NOT attisdropped AND relnamespace = 'public'::regnamespace
GROUP BY relname
"""


async def tables_with(here: Installation, *words: str) -> set[str]:
    """The tables of the registry in which one of these words stands, as text or in bytes."""
    found = set()
    for table, _ in await here.fetch(_TABLES):
        for (row,) in await here.fetch(f"SELECT row_to_json({table}.*)::text FROM {table}", role="owner"):
            # bytes are written in hexadecimal
            if any(word in row or word.encode().hex() in row for word in words):
                found.add(table)
    return found


async def test_the_register_has_a_closed_list_of_tables_and_columns(registry: Installation) -> None:
    """INV-07: nothing else has a place to be written to."""
    tables = {table: set(columns) for table, columns in await registry.fetch(_TABLES)}
    assert tables.keys() == {
        "access_log", "accounted", "alembic_version", "business_day", "contact", "dead_letter", "dead_letter_action",
        "episode", "event_log", "outbox", "paused_topic", "person", "person_number", "receipt", "relay_turn",
        "waking",
    }  # fmt: skip
    assert tables["event_log"] == EVENT_LOG
    assert tables["episode"] == EPISODE
    assert tables["person"] == PERSON
    assert tables["contact"] == CONTACT_DATA
    assert tables["person_number"] == {"identity_number", "person_id"}
    assert tables["waking"] == {"day", "person_id"}
    assert tables["dead_letter_action"] == DEAD_LETTER_ACTION
    assert tables["receipt"] == {"topic", "day", "applied", "repeated", "refused"}
    assert tables["accounted"] == {"topic", "partition", "offset"}


async def test_absence_never_reaches_the_registry(registry: Installation) -> None:
    """INV-07: of a pupil who is also absent it reads no record of absence and holds no row."""
    people = numbers(5)
    events = [
        *(resident(f"r{number}", number) for number in people),
        *(started(f"s{number}", number, "2023-08-21") for number in people),
        *(left(f"l{number}", number, "2024-11-15") for number in people),
    ]
    absence = []
    for ordinal, number in enumerate(people):
        pupil = {"pupil": {"identity_number": number}, "school_unit": "10000002"}
        reported = pupil | {"month": "2024-10", "unexcused_minutes": 734211 + ordinal, "occasions": 7}
        absence += [
            said(f"absence-{number}", "school.absence.reported", reported),
            said(f"resumed-{number}", "school.absence.resumed", pupil | {"resumed_on": "2024-10-21"}),
            said(f"taken-{number}", "school.absence.retracted", {"retracts": f"absence-{number}"}),
        ]
    await registry.publish([*absence, *events])
    async with registry.consuming() as consumer:
        await registry.settled("registry")
        read = {partition.topic for partition in consumer._kafka.assignment()}
    books = await is_one_clean_pass(registry, events)
    assert books.total("applied") == len(events)
    there = {partition.topic for partition in await ends(registry.brokers)}
    of_absence = {topic for topic in there if topic.endswith(".absence.v1")}
    assert len(of_absence) == 3
    assert (
        read
        == {topic for topic in there if topic.startswith(("school.", "municipality.", "national."))}
        - of_absence
    )
    async with administration(registry.brokers) as client:
        offsets = await client.list_consumer_group_offsets(registry.settings.group("registry"))
    assert offsets
    assert not {partition.topic for partition in offsets} & of_absence
    assert "school.absence" not in {family.name for family in read_by("registry")}
    assert await tables_with(registry, "absence", "734211", "unexcused") == set()


async def test_why_a_pupil_left_and_why_something_was_taken_back_are_stored_nowhere(
    registry: Installation,
) -> None:
    """INV-07: a reason can say more than § 4 lets the register hold."""
    one, two = numbers(2)
    reasons = "excluded", "avstängd efter händelse 17"
    events = [
        *(resident(f"r{number}", number) for number in (one, two)),
        left("l1", one, "2024-11-15", reason="excluded"),
        left("l2", two, "2024-11-15", reason="own_choice"),
        said("t2", "school.leave.retracted", {"retracts": "l2", "reason": reasons[1]}),
    ]
    await registry.publish(events)
    async with registry.consuming():
        await registry.settled("registry")
    await is_one_clean_pass(registry, events)
    assert await tables_with(registry, *reasons, "own_choice") == set()


async def test_contact_data_is_in_its_table_and_in_what_is_published_of_the_person(
    registry: Installation,
) -> None:
    """INV-07: the event log never has it; what is said later stands; what is taken back goes."""
    kept, gone = numbers(2)
    events = [
        resident("r1", kept, contact=CONTACT),
        resident("r2", gone, contact={"email": "borta@example.org"}),
        said("t2", "municipality.resident.retracted", {"retracts": "r2"}),
        left("l1", kept, "2024-11-15"),
    ]
    await registry.publish(events)
    async with registry.consuming():
        await registry.settled("registry")
    await is_one_clean_pass(registry, events)
    for words in ((STREET, "Rimforsa"), (EMAIL,), (PHONE,)):
        assert await tables_with(registry, *words) == {"contact", "person", "outbox"}
    # its only trace is what was on its way to the readers before
    assert await tables_with(registry, "borta@example.org") <= {"outbox"}


def updated(event_id: str, number: str, time: str, **data: Any) -> dict[str, Any]:
    stated = {"person": {"identity_number": number}, "updated_on": time[:10]}
    return said(event_id, "municipality.resident.updated", stated | data, time=time)


@pytest.mark.parametrize("batch", [1, 1000])
async def test_a_protected_person_has_no_contact_data_in_any_order_of_arrival(
    registry: Installation, batch: int
) -> None:
    """INV-07, INV-11: protection deletes what was stated before it for good; what follows its lifting is kept."""
    early, morning, noon, evening = (f"2025-05-01T{hour:02}:00:00+02:00" for hour in (6, 8, 12, 18))
    street = {"address": {"street": STREET, "postal_code": "17299", "city": "Rimforsa"}}
    after = {"email": "ny@example.org"}
    orders = list(itertools.permutations(range(4)))
    people = numbers(2 * len(orders))
    events: list[dict[str, Any]] = []
    for number, order in zip(people[: len(orders)], orders, strict=True):
        # contact, protection, contact while protected
        story = [
            resident(f"r{number}", number) | {"time": early},
            updated(f"c{number}", number, morning, contact=street),
            updated(f"p{number}", number, noon, protection="confidential"),
            updated(f"d{number}", number, evening, contact=CONTACT),
        ]
        events += [story[step] for step in order]
    for number, order in zip(people[len(orders) :], orders, strict=True):
        # contact, protection, lifting, contact
        story = [
            resident(f"r{number}", number, contact=street) | {"time": early},
            updated(f"p{number}", number, morning, protection="assumed_identity"),
            updated(f"l{number}", number, noon, protection="none"),
            updated(f"n{number}", number, evening, contact=after),
        ]
        events += [story[step] for step in order]
    events += [left(f"x{number}", number, "2024-11-15") for number in people]
    await registry.send([(POPULATION, wire(event)) for event in events if ".resident." in event["type"]])
    await registry.publish([event for event in events if ".leave." in event["type"]])
    async with registry.consuming(batch=batch):
        await registry.settled("registry")
    await is_one_clean_pass(registry, events, DAY)
    # what was on its way to the readers while nobody knew better
    await registry.as_owner("TRUNCATE outbox")
    assert await tables_with(registry, STREET, EMAIL, PHONE, "Rimforsa") == set()
    rows = await registry.fetch("SELECT identity_number, email, street FROM contact ORDER BY 1")
    # one by one, a statement that meets the protection before its lifting is known is gone: less, never more
    kept = [
        number
        for number, order in zip(people[len(orders) :], orders, strict=True)
        if batch > 1 or not (order.index(1) < order.index(2) > order.index(3))
    ]
    assert [tuple(row) for row in rows] == [(number, "ny@example.org", None) for number in sorted(kept)]


async def test_absence_on_a_wrong_topic_takes_no_effect(registry: Installation) -> None:
    """INV-07: it is a dead letter like any record that does not belong, and no row of the register."""
    (number,) = numbers(1)
    reported = {"pupil": {"identity_number": number}, "school_unit": "10000002", "month": "2024-10"}
    event = said("a1", "school.absence.reported", reported | {"unexcused_minutes": 734211, "occasions": 7})
    others = [resident("r1", number), left("l1", number, "2024-11-15")]
    await registry.publish(others)
    await registry.send([Raw(f"school.{organiser}.leave.v1", wire(event)) for organiser in (TOWN, FREE)])
    async with registry.consuming():
        await registry.settled("registry")
    assert [letter[:2] for letter in await registry.dead_letters()] == [("wrong_topic", "type")] * 2
    await is_one_clean_pass(registry, others)
    assert await tables_with(registry, "school.absence") <= {"dead_letter"}
