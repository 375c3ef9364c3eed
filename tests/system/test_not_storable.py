"""Valid events that the store does not take: a fault of this system, which must not cost the good ones (INV-05)."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from servicekit.database import Connection
from servicekit.records import Outcome, Received
from services.registry.register import apply
from tests.system.installation import TOWN, Installation
from tests.system.witness import committed, events_in_the_log, is_one_clean_pass, lives

ENROLMENT = f"school.{TOWN}.enrolment.v1"


async def refuse(here: Installation, condition: str, how: str) -> None:
    """From now on the event log takes no row for which the condition holds (SQL on NEW)."""
    await here.as_owner(f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {how}; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON event_log FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse();
    """)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("RAISE EXCEPTION 'refused: %', NEW.identity_number", "RaiseError, SQLSTATE P0001"),
        ("NEW.id = repeat('x', 1 / (NEW.partition - NEW.partition))", "DivisionByZeroError, SQLSTATE 22012"),
        ("NEW.taken_back = NULL", "NotNullViolationError, SQLSTATE 23502"),
    ],
    ids=["raised", "computed", "constraint"],
)
async def test_one_event_that_the_store_cannot_take_is_put_aside_and_the_others_are_applied(
    registry: Installation, how: str, said: str
) -> None:
    """INV-05, INV-08: in the middle of a batch with good ones and other bad ones; the error's text stays behind."""
    events = lives(40)
    culprit = events[64]
    await refuse(registry, f"NEW.id = '{culprit['id']}'", how)
    await registry.publish(events[:70])
    await registry.send([(ENROLMENT, b"no event"), (ENROLMENT, None)])
    await registry.publish(events[70:])
    async with registry.consuming():
        await registry.settled("registry")
    assert [kind for kind, _, _ in await registry.dead_letters()] == ["store", "malformed", "malformed"]
    assert (await registry.dead_letters())[0] == ("store", None, said)
    (kept,) = await registry.fetch("SELECT value FROM dead_letter WHERE kind = 'store'")
    assert json.loads(kept["value"]) == culprit
    account = await is_one_clean_pass(registry, [event for event in events if event is not culprit])
    assert account.total("applied") == len(events) - 1
    assert account.total("dead_letter") == 3


async def test_an_event_at_which_the_rules_themselves_fail_is_put_aside_alone(registry: Installation) -> None:
    """INV-05: not only the database may refuse; an error in our code costs the one record that meets it."""
    events = lives(20)
    culprit = events[31]["id"]

    async def faulty(connection: Connection, received: Sequence[Received]) -> Sequence[Outcome]:
        outcomes = await apply(connection, received)
        if any(item.event is not None and item.event.id == culprit for item in received):
            raise ZeroDivisionError(culprit)
        return outcomes

    await registry.publish(events)
    async with registry.consuming(apply=faulty):
        await registry.settled("registry")
    assert await registry.dead_letters() == [("store", None, "ZeroDivisionError")]
    await is_one_clean_pass(registry, [event for event in events if event["id"] != culprit])


@pytest.mark.parametrize("batch", [7, 80], ids=["batches_below_the_limit", "batches_above_the_limit"])
async def test_a_store_that_refuses_all_of_a_topic_pauses_it_until_it_is_mended(
    registry: Installation, batch: int
) -> None:
    """INV-05, INV-01: after the batch that broke the limit the rest waits, other topics go on, nothing is lost."""
    limit = 30
    events = lives(200)
    others = [event for event in events if ".enrolment." not in event["type"]]
    await refuse(registry, f"NEW.topic = '{ENROLMENT}'", "RAISE EXCEPTION 'refused'")
    await registry.publish(events[:300])
    async with registry.consuming(limit_run=limit, batch=batch):
        async with asyncio.timeout(40):
            while not await registry.fetch("SELECT 1 FROM paused_topic WHERE topic = $1", ENROLMENT):
                await asyncio.sleep(0.05)
        await registry.publish(events[300:])
        async with asyncio.timeout(40):
            while await events_in_the_log(registry) < len(others):
                await asyncio.sleep(0.05)
        assert await registry.fetch("SELECT topic FROM paused_topic") == [(ENROLMENT,)]
        diverted = await registry.fetch("SELECT value FROM dead_letter")
        assert limit <= len(diverted) < limit + batch
        taken = {partition.topic: end for partition, end in (await committed(registry)).items()}
        assert taken[ENROLMENT] == len(diverted)
        await registry.as_owner("DROP TRIGGER refuse ON event_log; DELETE FROM paused_topic")
        await registry.settled("registry")
    put_aside = {json.loads(row["value"])["id"] for row in diverted}
    assert len(await registry.dead_letters()) == len(put_aside)
    await is_one_clean_pass(registry, [event for event in events if event["id"] not in put_aside])
