"""`kaa lag`: who is behind, by how much and for how long; exit statuses; the live view ends with Ctrl-C."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.catalogue import read_by
from kaa.main import app
from servicekit.settings import SERVICES
from tests.system.installation import Installation
from tests.system.test_limits import LEAVE
from tests.system.witness import lives


def environment(here: Installation) -> dict[str, str]:
    stated = here.settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return {f"KAA_{name.upper()}": str(value) for name, value in stated.items()} | {
        "KAA_HOME": str(here.folder)
    }


async def kaa_lag(here: Installation, *arguments: str) -> Result:
    """`kaa lag …` against this installation."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["lag", *arguments], env=environment(here))


def by_family(answer: Result, here: Installation, service: str = "registry") -> dict[str, Any]:
    """Family → what the one JSON line says of a service."""
    assert answer.exit_code == 0, answer.output
    (line,) = answer.stdout.splitlines()
    group = here.settings.group(service)
    return {one["family"]: one for one in json.loads(line)["lag"] if one["group"] == group}


async def test_it_names_what_waits_for_how_long_and_what_is_paused(installation: Installation) -> None:
    here = installation
    await here.publish(lives(4))
    await here.as_owner(
        f"INSERT INTO paused_topic (topic, reason) VALUES ('{LEAVE}', '5 bad records in a row')"
    )
    await asyncio.sleep(1.2)
    said = by_family(await kaa_lag(here, "--json"), here)
    assert set(said) == {family.name for family in read_by("registry")}
    assert (said["school.leave"]["records"], said["school.leave"]["paused"]) == (4, [LEAVE])
    assert (said["school.enrolment"]["records"], said["school.enrolment"]["paused"]) == (4, [])
    assert 1.2 <= said["school.leave"]["oldest_seconds"] < 60
    assert (said["national.credentials"]["records"], said["national.credentials"]["oldest_seconds"]) == (0, 0)

    shown = await kaa_lag(here)
    assert shown.exit_code == 0
    (row,) = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in shown.stdout.splitlines()
        if here.settings.group("registry") in line and "school.leave" in line
    ]
    assert (row[2], row[4]) == ("4", LEAVE)
    assert float(row[3]) >= 1.2
    groups = {here.settings.group(service) for service in SERVICES}
    assert all(group in shown.stdout for group in groups)


async def test_a_limit_makes_it_an_answer_for_scripts(installation: Installation) -> None:
    here = installation
    assert (await kaa_lag(here, "--limit", "0")).exit_code == 0
    await here.publish(lives(1))
    await asyncio.sleep(1.1)
    assert (await kaa_lag(here, "--limit", "1")).exit_code == 1
    assert (await kaa_lag(here, "--limit", "600")).exit_code == 0
    async with here.consuming(), here.consuming("notifications"):
        await here.settled("registry", "notifications")
    assert (await kaa_lag(here, "--limit", "1", "--json")).exit_code == 0
    refused = await kaa_lag(here, "--limit", "1", "--watch")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)


async def test_a_database_that_is_away_leaves_only_its_paused_topics_unknown(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAA_OUTREACH_DATABASE", "postgresql://kaa@127.0.0.1:1/kaa_outreach")
    answer = await kaa_lag(installation, "--json")
    assert {one["paused"] for one in by_family(answer, installation, "outreach").values()} == {None}
    assert all(one["paused"] == [] for one in by_family(answer, installation).values())


def test_a_broker_that_is_away_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("servicekit.topics.PATIENCE", 0.5)
    answer = CliRunner().invoke(app, ["lag"], env={"KAA_HOME": str(tmp_path), "KAA_KAFKA": "127.0.0.1:1"})
    assert (answer.exit_code, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert line.startswith("kaa: no Kafka broker answers at 127.0.0.1:1")


async def test_the_live_view_looks_again_until_it_is_interrupted(installation: Installation) -> None:
    """Ctrl-C is how it is meant to end: exit status 0, and nothing on standard error."""
    here = installation
    watching = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kaa", "lag", "--watch", "--every", "0.5", "--json",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ) | environment(here),
        # a run of all tests in the background hands down that it is ignored
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip

    async def seen() -> Any:
        assert watching.stdout is not None
        return json.loads(await asyncio.wait_for(watching.stdout.readline(), 30))["lag"]

    try:
        first = await seen()
        await here.publish(lives(2))
        while (later := await seen()) == first:
            pass
        assert sum(one["records"] for one in later) > 0
        watching.send_signal(signal.SIGINT)
        _, complaints = await asyncio.wait_for(watching.communicate(), 20)
        assert (watching.returncode, complaints) == (0, b"")
    finally:
        if watching.returncode is None:
            watching.kill()
            await watching.wait()
