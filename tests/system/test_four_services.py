"""A simulated year through all four services as processes: register, tasks, notices and report agree."""

import json
import random
from datetime import date
from pathlib import Path

import asyncpg

from contracts.envelope import Event, decode
from contracts.organisers import load
from contracts.own import PersonUpdated
from servicekit.calendar import today
from servicekit.settings import SERVICES
from services.outreach.ages import at_age
from services.outreach.notices import LEFT
from services.outreach.store import all_tasks
from services.registry.evaluation import evaluate
from services.reporting.period import period
from services.reporting.specification_file import find
from services.reporting.submission import build
from simulator import simulate
from tests.notifications.expected import disagreements, expected_notices, standing_notices
from tests.system.installation import Installation, installed

AS_OF = date(2025, 6, 30)
DIRECTORY = Path("deploy/organisers.yaml")


async def test_a_year_becomes_episodes_tasks_notices_and_report_rows(
    kafka: str, postgres: str, tmp_path: Path
) -> None:
    """INV-01, INV-02: each service is what the events make of it, and each one's books balance."""
    directory = load(DIRECTORY)
    events, _ = simulate("0180", 300, "2024/25", 9, directory)
    lines = [json.dumps(event).encode() for event in events]
    random.Random(4).shuffle(lines)
    persons = evaluate(lines, AS_OF, True)["persons"]
    async with installed(kafka, postgres, tmp_path, DIRECTORY) as here:
        await here.set_day(AS_OF)
        processes = [here.start(service) for service in SERVICES]
        for process in processes:
            process.ready()
        await here.publish(lines)
        await here.settled(relayed=True, seconds=120)
        assert await here.episodes() == {
            p["identity_number"]: p["episodes"] for p in persons if p["episodes"]
        }
        assert all([(await here.books(service)).balance for service in SERVICES])
        states = [event.data for event in await published(here) if isinstance(event.data, PersonUpdated)]
        await the_open_tasks_are_the_open_episodes(here, persons)
        await early_support_is_what_absence_that_stands_calls_for(here, states)
        async with here.pool("notifications") as opened, opened.acquire() as connection:
            found = await standing_notices(connection)
        assert found
        assert disagreements(found, expected_notices(map(decode, lines), states, directory)) == []
        await the_report_has_everyone_covered_in_the_half_year(here, persons)


async def published(here: Installation) -> list[Event]:
    """Every state of a person that the registry ever published."""
    return [decode(record.value, record.headers) for record in await here.read("registry.person.v1")]


async def the_open_tasks_are_the_open_episodes(here: Installation, persons: list[dict[str, object]]) -> None:
    """Each episode that goes on begins with being informed or cleared up; beside it there is handing over alone."""
    connection = await asyncpg.connect(here.settings.database("outreach"))
    try:
        tasks = [task for task in await all_tasks(connection) if task.state == "open"]
    finally:
        await connection.close()
    going_on = [
        (episode["municipality"], episode["from"])
        for person in persons
        for episode in person["episodes"]  # type: ignore[attr-defined]
        if episode["to"] is None
    ]
    assert going_on
    first = [task for task in tasks if task.kind in ("inform", "clear_up")]
    assert sorted((task.municipality, task.since.isoformat()) for task in first) == sorted(going_on)
    assert {task.kind for task in tasks} <= {"inform", "clear_up", "hand_over", "early_support"}


async def early_support_is_what_absence_that_stands_calls_for(
    here: Installation, states: list[PersonUpdated]
) -> None:
    """One task for each pupil under 20 and municipality that was told of absence, unless it is closed or withdrawn.

    All is heard of on one day here: who has a case since she left school has nothing beside it.
    """
    noticed = await here.fetch(
        "SELECT DISTINCT notice.person_id, municipality FROM notice JOIN school_fact USING (source, id)"
        " WHERE kind = 'absence' AND status = 'registered'",
        service="notifications",
    )
    tasks = await here.fetch(
        "SELECT person_id, municipality FROM task WHERE kind = 'early_support' AND state = 'open'",
        service="outreach",
    )
    born = {state.person_id: state.birth_date for state in states}
    under_20 = {tuple(row) for row in noticed if today() < at_age(born[row["person_id"]], 20)}
    assert noticed
    left = await here.fetch(
        "SELECT person_id, municipality FROM episode"
        f" WHERE from_day IS NOT NULL AND to_day IS NULL AND entry_reason IN {LEFT}",
        service="outreach",
    )
    assert sorted(map(tuple, tasks)) == sorted(under_20 - {tuple(row) for row in left})


async def the_report_has_everyone_covered_in_the_half_year(
    here: Installation, persons: list[dict[str, object]]
) -> None:
    """One first block for each episode that overlaps the half-year in the municipality."""
    half_year = period("2025H1")
    _, specification = find(half_year)
    connection = await asyncpg.connect(here.settings.database("reporting"))
    try:
        submission = await build(connection, specification, half_year, "0180")
    finally:
        await connection.close()
    covered = [
        episode
        for person in persons
        for episode in person["episodes"]  # type: ignore[attr-defined]
        if episode["municipality"] == "0180"
        and episode["from"] <= "2025-06-30"
        and (episode["to"] or "9999") >= "2025-01-01"
    ]
    registrations = [row for row in submission.made.rows if row.block == "registration"]
    # persons with protected registration are in no file: at most one episode each in so small a year
    assert len(registrations) + submission.made.protected == len(covered)
