"""What is done with dead letters stands in an audit that is only added to; without a line in it nothing is done."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from servicekit.calendar import now
from servicekit.dead_letter_actions import expire
from tests.kaa.dead_letters import BY, FAMILY, GIVEN, Registry, judged, missing, planted


async def test_the_record_itself_is_shown_to_a_named_operator_with_a_reason_and_the_look_is_written_down(
    registry: Registry,
) -> None:
    value = f'{{"name": "{GIVEN}\x1b[2J"}}\n'.encode() + b"\xff"
    headers = (("x-name", FAMILY.encode()), ("none", None))
    (number,) = await registry.put_aside(judged(registry.topic(), 1, value, headers))
    for words in ((), ("--who", "Siv"), ("--why", "because"), ("--who", " ", "--why", "because")):
        refused = await registry.kaa("show", "registry", number, "--unmasked", *words)
        assert (refused.status, refused.out) == (2, "")
        assert refused.err.count("\n") == 1
    assert await registry.audit() == []
    shown = await registry.kaa("show", "registry", number, "--unmasked", *BY)
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith(f"key: key\nheader x-name: {FAMILY}\nheader none: null\n\n")
    assert f'{{"name": "{GIVEN}\x1b[2J"}}\n' in shown.out
    assert await registry.audit() == [("Siv", "the vendor asks what it sent", "shown", number)]


async def test_where_the_look_cannot_be_written_down_nothing_is_shown(registry: Registry) -> None:
    (number,) = await registry.put_aside(planted(registry)[0])
    role = registry.database.url.partition("://")[2].partition(":")[0]
    await registry.as_owner(f"REVOKE INSERT ON dead_letter_action FROM {role}")
    shown = await registry.kaa("show", "registry", number, "--unmasked", *BY)
    assert (shown.status, shown.out) == (2, "")
    assert "lacks rights" in shown.err


async def test_without_a_line_in_the_audit_nothing_is_replayed_or_discarded(registry: Registry) -> None:
    numbers = await registry.put_aside(*missing(registry, 2))
    await registry.as_owner(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; "
        "CREATE TRIGGER refuse BEFORE INSERT ON dead_letter_action EXECUTE FUNCTION refuse()"
    )
    for words in (("replay", "registry", "--all", *BY), ("discard", "registry", *numbers, "--yes", *BY)):
        answer = await registry.kaa(*words)
        assert answer.status == 2
        assert answer.err.count("\n") == 1
    assert await registry.connection.fetchval("SELECT count(*) FROM event_log") == 0
    assert await registry.connection.fetchval("SELECT count(*) FROM dead_letter WHERE value IS NOT NULL") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE dead_letter_action SET who = 'somebody else'",
        "DELETE FROM dead_letter_action",
        "TRUNCATE dead_letter_action",
    ],
)
async def test_the_audit_can_only_be_added_to(registry: Registry, statement: str) -> None:
    (number,) = await registry.put_aside(*missing(registry, 1))
    await registry.kaa("discard", "registry", number, "--yes", *BY)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await registry.connection.execute(statement)
    assert await registry.audit() == [("Siv", "the vendor asks what it sent", "discarded", number)]


async def test_the_audit_is_shown_with_the_latest_first_and_of_one_letter_alone(registry: Registry) -> None:
    one, two = await registry.put_aside(*missing(registry, 1), judged(registry.topic(), 7, b"no event"))
    assert (await registry.kaa("actions", "registry")).out == "nothing was done\n"
    await registry.kaa("replay", "registry", one, "--who", "Siv", "--why", "the directory is mended")
    await registry.kaa("show", "registry", two, "--unmasked", *BY)
    await registry.kaa("discard", "registry", two, "--who", "Bo", "--why", "a test record", "--yes")
    lines = (await registry.kaa("actions", "registry")).out.splitlines()
    place = registry.topic()
    assert [line[18:] for line in lines] == [
        f"Bo  discarded {two}  malformed  {place}/0/7  no event id: a test record",
        f"Siv  shown {two}  malformed  {place}/0/7  no event id: the vendor asks what it sent",
        f"Siv  replayed (applied) {one}  unknown_organiser  {place}/0/0  lv-0: the directory is mended",
    ]
    alone = await registry.kaa("actions", "registry", "--number", one)
    assert alone.out.splitlines() == lines[2:]


async def test_dead_letters_are_deleted_90_days_after_they_came_with_a_line_in_the_audit_each(
    registry: Registry,
) -> None:
    at = datetime(2026, 3, 1, 3, tzinfo=UTC)
    numbers = await registry.put_aside(*missing(registry, 1_503))
    *_, discarded, last, young = numbers
    await registry.kaa("discard", "registry", discarded, "--yes", *BY)
    old = at - timedelta(days=90, seconds=1)
    await registry.as_owner(f"UPDATE dead_letter SET received_at = '{old}'")
    await registry.as_owner(
        f"UPDATE dead_letter SET received_at = '{old + timedelta(seconds=2)}' WHERE dead_letter_id = {young}"
    )
    assert await expire(registry.connection, at) == 1_502
    assert await registry.connection.fetch("SELECT dead_letter_id FROM dead_letter") == [(young,)]
    audit = await registry.audit()
    assert audit[0][2] == "discarded"
    assert set(audit[1:]) == {("retention", "90 days", "expired", number) for number in numbers[:-1]}
    assert len(audit) == 1_503
    assert await expire(registry.connection, at) == 0
    assert await expire(registry.connection, now()) == 1
    gone = await registry.kaa("replay", "registry", last, *BY)
    assert (gone.status, gone.err) == (2, f"kaa: dead letter {last} was deleted after 90 days\n")
