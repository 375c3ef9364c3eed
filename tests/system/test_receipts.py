"""Receipts for organisers: what each sent, and what became of it, counted once."""

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import timedelta
from functools import wraps
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kaa.main import app
from servicekit.calendar import today
from servicekit.consumer import Consumer
from tests.system.installation import FREE, TOWN, Installation, Raw, left, numbers, wire
from tests.system.test_not_storable import refuse
from tests.system.witness import is_one_clean_pass, lives

LEAVE, ENROLMENT = f"school.{TOWN}.leave.v1", f"school.{TOWN}.enrolment.v1"


async def counted(here: Installation) -> dict[str, tuple[int, int, int]]:
    """Topic → applied, repeated, refused."""
    rows = await here.fetch("SELECT topic, day, applied, repeated, refused FROM receipt")
    assert {row["day"] for row in rows} == {today()}
    return {row["topic"]: (row["applied"], row["repeated"], row["refused"]) for row in rows}


async def receipts(here: Installation, *arguments: str) -> Result:
    """`kaa organisers receipts …` against this installation."""
    stated = here.settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    environment = {f"KAA_{name.upper()}": str(value) for name, value in stated.items()}
    return await asyncio.to_thread(
        CliRunner().invoke, app, ["organisers", "receipts", *arguments], env=dict(os.environ) | environment
    )


def independent(number: str) -> dict[str, Any]:
    return left(f"f{number}", number, "2024-11-15", "13000001") | {"source": f"urn:se:orgnr:{FREE}"}


async def test_each_record_is_counted_once_whatever_is_delivered_again(registry: Installation) -> None:
    """INV-01: applied, repeated by the organiser, refused; a redelivery by Kafka is none of its repetitions."""
    events = lives(30)
    foreign = left("foreign", numbers(1)[0], "2024-11-15", "13000001")
    await registry.publish(events)
    await registry.publish([event for event in events if event["type"].endswith("leave.left.v1")][:7])
    await registry.send([Raw(LEAVE, wire(foreign)), Raw(LEAVE, b"{}")])
    await registry.publish([independent(number) for number in numbers(3, 2006)])
    async with registry.consuming(batch=20):
        await registry.settled("registry")
    expected = {
        "municipality.0180.population.v1": (30, 0, 0),
        ENROLMENT: (30, 0, 0),
        LEAVE: (30, 7, 2),
        f"school.{FREE}.leave.v1": (3, 0, 0),
    }
    assert await counted(registry) == expected
    again = registry.again()
    async with again.consuming(batch=33):
        await again.settled("registry")
    assert await counted(registry) == expected


async def test_what_comes_twice_into_one_batch_because_its_partition_left_and_came_back_is_counted_once(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-01: between a poll and the look at what came meanwhile, Kafka may begin a partition anew."""
    handle, look = Consumer._handle, Consumer._arrived_meanwhile
    in_hand: list[Any] = []
    again = 0

    @wraps(handle)
    async def remembered(self: Consumer, raw: Sequence[Any]) -> None:
        in_hand[:] = raw
        await handle(self, raw)

    async def begun_anew(self: Consumer, most: int) -> list[Any]:
        nonlocal again
        again += 1
        return [*in_hand, *await look(self, most)]

    monkeypatch.setattr(Consumer, "_handle", remembered)
    monkeypatch.setattr(Consumer, "_arrived_meanwhile", begun_anew)
    monkeypatch.setattr("servicekit.consumer.AT_ONCE", float("inf"))
    await registry.publish(lives(30))
    async with registry.consuming():
        await registry.settled("registry")
    assert again > 0
    everything = ("municipality.0180.population.v1", ENROLMENT, LEAVE)
    assert await counted(registry) == dict.fromkeys(everything, (30, 0, 0))


async def test_what_the_store_cannot_take_is_counted_as_refused_and_its_neighbours_as_applied(
    registry: Installation,
) -> None:
    """INV-01, INV-05: the batch is taken in parts then, and each part counts its own."""
    events = lives(20)
    culprit = next(event for event in events if event["type"].endswith("leave.left.v1"))
    await refuse(registry, f"NEW.id = '{culprit['id']}'", "RAISE EXCEPTION 'no'")
    await registry.publish(events[:30])
    await registry.send([Raw(LEAVE, b"no event")])
    await registry.publish(events[30:])
    async with registry.consuming():
        await registry.settled("registry")
    assert await counted(registry) == {
        "municipality.0180.population.v1": (20, 0, 0),
        ENROLMENT: (20, 0, 0),
        LEAVE: (19, 0, 2),
    }
    await is_one_clean_pass(registry, [event for event in events if event is not culprit])


async def test_an_organiser_is_told_what_it_sent_and_why_some_of_it_was_refused(
    installation: Installation,
) -> None:
    """INV-08: by day, topic and service, with the ids of what was refused and no word of whom it was about."""
    person, *others = numbers(4)
    foreign = left("unit-of-another", person, "2024-11-15", "13000001")
    await installation.publish([*(left(f"l{n}", n, "2024-11-15") for n in others), independent(person)])
    await installation.send([Raw(LEAVE, wire(foreign)), Raw(LEAVE, b"{}")])
    async with installation.consuming("registry"), installation.consuming("notifications"):
        await installation.settled("registry", "notifications")
    answer = await receipts(installation, TOWN, "--json")
    assert answer.exit_code == 1, answer.output
    told = json.loads(answer.stdout)
    assert {
        (r["service"], r["topic"], r["received"], r["applied"], r["refused"]) for r in told["receipts"]
    } == {
        ("registry", LEAVE, 5, 3, 2),
        ("notifications", LEAVE, 5, 3, 2),
    }
    assert {(r["service"], r["event_id"], r["kind"]) for r in told["refusals"]} == {
        (service, event_id, kind)
        for service in ("registry", "notifications")
        for event_id, kind in (("unit-of-another", "foreign_unit"), (None, "malformed"))
    }
    shown = await receipts(installation, TOWN)
    assert shown.exit_code == 1
    assert "unit-of-another" in shown.stdout
    assert "foreign_unit: " in shown.stdout
    assert "what_to_do" not in shown.stdout
    assert not [number for number in (person, *others) if number in answer.stdout + shown.stdout]
    free = await receipts(installation, FREE)
    assert (free.exit_code, "Refused" in free.stdout.splitlines()) == (0, False)


async def test_receipts_say_what_is_wrong_with_the_question(installation: Installation) -> None:
    """An organiser that does not exist, days the wrong way round, a time in which nothing came."""
    wrong = await receipts(installation, "2120000143")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "check digit" in wrong.stderr
    backwards = await receipts(installation, TOWN, "--from", "2026-02-01", "--to", "2026-01-01")
    assert backwards.exit_code == 2
    assert "is after" in backwards.stderr
    no_day = await receipts(installation, TOWN, "--from", "yesterday")
    assert no_day.exit_code == 2
    assert "2026-01-31" in no_day.stderr
    before = str(today() - timedelta(days=2))
    nothing = await receipts(installation, "0180", "--from", before, "--to", before)
    assert nothing.exit_code == 0
    assert "Nothing came" in nothing.stdout
