"""Retention: what is forgotten, and that nothing is which could still arrive again."""

import asyncio
from datetime import timedelta
from typing import Any

from servicekit.calendar import now
from servicekit.dead_letter_actions import expire
from servicekit.retention import forget, run_once
from servicekit.settings import Service
from services.registry.publication import SOURCE
from services.registry.retention import fade_confirmations
from tests.system.installation import Installation, left, numbers, resident, said, started
from tests.system.test_relay import relaying
from tests.system.witness import DAY, is_one_clean_pass, lives

TASKS = "SELECT task_id, episode_id, person_id, state FROM task ORDER BY task_id"


async def aged(here: Installation, table: str, days: int, service: Service, condition: str = "true") -> None:
    """As if these rows had come so many days ago."""
    await here.as_owner(
        f"UPDATE {table} SET received_at = now() - interval '{days} days' WHERE {condition}", service
    )


async def known(here: Installation, service: Service) -> set[tuple[str, str]]:
    """(source, id) in the inbox."""
    return {tuple(row) for row in await here.fetch("SELECT source, id FROM inbox", service=service)}


async def remove(here: Installation, service: Service, *jobs: Any) -> int | None:
    async with here.pool(service) as opened:
        return await run_once(opened, jobs)


def confirmed(number: str, event_id: str) -> dict[str, Any]:
    data = {
        "pupil": {"identity_number": number, "given_name": "Ylva"},
        "school_unit": "10000002",
        "confirmed_on": "2024-02-01",
    }
    return said(event_id, "school.enrolment.confirmed", data)


async def test_of_our_own_events_only_those_are_forgotten_that_a_later_revision_has_overtaken(
    installation: Installation,
) -> None:
    """INV-02: 90 days after they came; published anew or delivered again, nothing changes."""
    await installation.set_day(DAY)
    events = lives(6)
    corrected = [left(f"c{n}", n, "2024-10-01") | {"replaces": f"l{n}"} for n in numbers(6)]
    for part in (events, corrected):
        await installation.publish(part)
        async with (
            installation.consuming("registry"),
            installation.pool() as pool,
            relaying(installation, pool),
        ):
            await installation.settled("registry", relayed=True)
    async with installation.consuming("outreach"):
        await installation.settled("outreach")
    before, tasks = await known(installation, "outreach"), await installation.fetch(TASKS, service="outreach")
    assert await remove(installation, "outreach", forget) == 0, "they came today"
    await aged(installation, "inbox", 91, "outreach")
    newest: dict[str, int] = {}
    for _, event_id in before:
        entity, _, revision = event_id.partition(".")
        newest[entity] = max(newest.get(entity, 0), int(revision))
    latest = {(SOURCE, f"{entity}.{revision}") for entity, revision in newest.items()}
    assert await remove(installation, "outreach", forget) == len(before - latest) > 0
    assert await known(installation, "outreach") == latest
    again = installation.again()
    async with again.consuming("outreach"):
        await again.settled("outreach")
    assert await installation.fetch(TASKS, service="outreach") == tasks


async def test_what_a_school_may_send_again_is_remembered_for_seven_years(installation: Installation) -> None:
    """INV-02: its identity stays in the inbox; a repetition is recognised however late it comes."""
    events = [started(f"s{n}", n, "2023-08-21") for n in numbers(4)]
    await installation.publish(events)
    async with installation.consuming("notifications"):
        await installation.settled("notifications")
    facts = await installation.fetch("SELECT * FROM school_fact ORDER BY id", service="notifications")
    await aged(installation, "inbox", 7 * 365, "notifications")
    assert await remove(installation, "notifications", forget) == 0
    await installation.publish(events)
    async with installation.consuming("notifications"):
        await installation.settled("notifications")
    assert (await installation.books("notifications")).total("duplicate") == 4
    assert await installation.fetch("SELECT * FROM school_fact ORDER BY id", service="notifications") == facts
    await aged(installation, "inbox", 8 * 365, "notifications")
    assert await remove(installation, "notifications", forget) == 4


async def test_a_confirmation_fades_and_is_still_recognised_when_it_is_repeated(
    registry: Installation,
) -> None:
    """INV-02, INV-07: after 400 days nobody can see whom it was about; the register is the same without it."""
    people = numbers(5)
    repeated = [confirmed(n, f"k{n}") for n in people]
    events = [*(resident(f"r{n}", n) for n in people), *lives(5, "x"), *repeated]
    await registry.publish(events)
    async with registry.consuming():
        await registry.settled("registry")
    await aged(registry, "event_log", 399, "registry")
    assert await remove(registry, "registry", fade_confirmations) == 0
    await aged(registry, "event_log", 401, "registry")
    assert await remove(registry, "registry", fade_confirmations) == 5
    left_over = await registry.fetch("SELECT * FROM event_log WHERE id LIKE 'k%'")
    held = {value for row in left_over for value in row.values()}
    assert not held & {*people, "Ylva", "10000002"}
    await registry.publish(repeated)
    async with registry.consuming():
        await registry.settled("registry")
    account = await is_one_clean_pass(registry, events)
    assert account.total("duplicate") == 5
    assert await remove(registry, "registry", fade_confirmations) == 0, "they are not touched again and again"


async def test_one_process_at_a_time_removes_and_a_day_later_there_is_nothing_left(
    registry: Installation,
) -> None:
    """Two at once would only be in each other's way."""
    await registry.send([(f"school.{registry.directory.organisers[0].number}.leave.v1", b"no event")])
    async with registry.consuming():
        await registry.settled("registry")
    await aged(registry, "dead_letter", 91, "registry")
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: Any, at: Any) -> int:
        entered.set()
        await go_on.wait()
        return await expire(connection, at)

    first = asyncio.create_task(remove(registry, "registry", slow))
    await asyncio.wait_for(entered.wait(), 10)
    assert await remove(registry, "registry", expire) is None
    go_on.set()
    assert await first == 1
    assert await remove(registry, "registry", expire) == 0
    async with registry.pool() as opened, opened.acquire() as connection:
        assert await expire(connection, now() + timedelta(days=400)) == 0
