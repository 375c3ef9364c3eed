"""Absence, from a school's report to the task of whoever offers support, through the services as processes."""

import json
from typing import Any

from servicekit.calendar import today
from servicekit.settings import SERVICES
from tests.system.installation import Installation, numbers, resident, said
from tests.system.witness import DAY

#: Stands nowhere but in the reports and in the notifications' database.
MINUTES = 734


def reported(event_id: str, number: str, minutes: int, day: int) -> dict[str, Any]:
    """The total of May so far, as the town's own school noted it on that day of the month."""
    pupil = {"pupil": {"identity_number": number}, "school_unit": "10000002", "month": "2025-05"}
    total = pupil | {"unexcused_minutes": minutes, "occasions": 3}
    return said(event_id, "school.absence.reported", total, time=f"2025-05-{day:02}T22:00:00+02:00")


def back(event_id: str, number: str) -> dict[str, Any]:
    """Back to full-time attendance on the first day of June."""
    pupil = {"pupil": {"identity_number": number}, "school_unit": "10000002", "resumed_on": "2025-06-01"}
    return said(event_id, "school.absence.resumed", pupil, time="2025-06-01T22:00:00+02:00")


async def tasks_of(here: Installation) -> list[tuple[str, str, str | None]]:
    """(identity number, state, reason) of every task of early support."""
    rows = await here.fetch(
        "SELECT identity_number, state, reason FROM task JOIN person USING (person_id)"
        " WHERE kind = 'early_support' ORDER BY identity_number, task_id",
        service="outreach",
    )
    return [tuple(row) for row in rows]


async def test_a_report_becomes_a_task_and_the_pupils_return_closes_it(installation: Installation) -> None:
    """INV-07: of the month and its minutes nothing is told, and the registry hears of none of it."""
    here = installation
    stays, returns, little = sorted(numbers(3, today().year - 18))
    await here.set_day(DAY)
    for process in [here.start(service) for service in SERVICES]:
        process.ready()
    await here.publish([*(resident(f"r-{number}", number) for number in (stays, returns, little))])
    await here.publish([reported(f"a-{number}", number, 200, 12) for number in (stays, returns, little)])
    await here.settled(relayed=True)
    assert await tasks_of(here) == []
    await here.publish([reported(f"b-{number}", number, MINUTES, 19) for number in (stays, returns)])
    await here.settled(relayed=True)
    assert await tasks_of(here) == [(stays, "open", None), (returns, "open", None)]

    await here.publish([back("c-1", returns)])
    await here.settled(relayed=True)
    assert await tasks_of(here) == [(stays, "open", None), (returns, "closed", "notice_closed")]
    # the nightly repetition of the total opens nothing, more minutes do
    await here.publish([reported("d-1", returns, MINUTES, 31) | {"time": "2025-06-02T22:00:00+02:00"}])
    await here.settled(relayed=True)
    assert (await tasks_of(here))[1:] == [(returns, "closed", "notice_closed")]
    await here.publish([reported("d-2", returns, MINUTES + 1, 31) | {"time": "2025-06-03T22:00:00+02:00"}])
    await here.settled(relayed=True)
    assert (await tasks_of(here))[1:] == [(returns, "closed", "notice_closed"), (returns, "open", None)]

    told = [json.loads(record.value)["data"] for record in await here.read("notifications.notice.v1")]
    assert sorted((data["status"], data["revision"]) for data in told) == [
        ("closed", 2),
        ("registered", 1),
        ("registered", 1),
        ("registered", 3),
    ]
    assert {frozenset(data) for data in told} == {
        frozenset({"person_id", "notice_id", "revision", "municipality", "kind", "school_unit", "status"})
    }
    assert (await here.fetch("SELECT count(*) FROM event_log WHERE type LIKE '%absence%'"))[0][0] == 0
    assert all([(await here.books(service)).balance for service in SERVICES])
