"""Limits on bad records: a topic on which they are the rule is paused, and only that one."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from kaa.main import app
from servicekit.settings import Service
from tests.system.installation import FREE, TOWN, Installation, Raw, left, numbers, resident, wire
from tests.system.witness import committed, is_one_clean_pass

LEAVE, FREE_LEAVE = f"school.{TOWN}.leave.v1", f"school.{FREE}.leave.v1"
#: Five bad ones in a row, or more than half of the last ten.
LIMITS: dict[str, Any] = {"limit_run": 5, "limit_ratio": 0.5, "limit_window": 10}
BAD = Raw(LEAVE, b"{}")


def town(number: str) -> dict[str, Any]:
    return left(f"t{number}", number, "2024-11-15")


def free(number: str) -> dict[str, Any]:
    return left(f"f{number}", number, "2024-11-15", "13000001") | {"source": f"urn:se:orgnr:{FREE}"}


def on_town(number: str) -> Raw:
    return Raw(LEAVE, wire(town(number)))


async def until(holds: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 15) -> None:
    """Returns when it holds."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (what is waited for is in the broker and the database)
            await asyncio.sleep(0.05)


async def paused(here: Installation, service: Service = "registry") -> list[tuple[str, str]]:
    rows = await here.fetch("SELECT topic, reason FROM paused_topic ORDER BY topic", service=service)
    return [tuple(row) for row in rows]


async def taken(here: Installation, topic: str = LEAVE) -> int:
    """How many records of the topic have a fate: the offset at which the consumer stands."""
    return (await committed(here)).get(TopicPartition(topic, 0), 0)


async def log_holds(here: Installation, *events: dict[str, Any]) -> bool:
    """Whether these events took effect."""
    wanted = [event["id"] for event in events]
    rows = await here.fetch("SELECT count(*) FROM event_log WHERE id = ANY($1)", wanted)
    return bool(rows[0][0] == len(wanted))


def told(metric: str) -> float | None:
    return REGISTRY.get_sample_value(metric, {"service": "registry"})


async def resume(
    here: Installation, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str, list[str]]:
    """`kaa topics …`: exit status, standard output, lines on standard error."""
    monkeypatch.setenv("KAA_POSTGRES", here.settings.postgres)
    monkeypatch.setenv("KAA_DATABASE_PREFIX", here.settings.database_prefix)
    answer = await asyncio.to_thread(CliRunner().invoke, app, ["topics", *arguments])
    return answer.exit_code, answer.stdout, answer.stderr.splitlines()


async def test_a_run_of_bad_records_pauses_that_topic_until_someone_resumes_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-05: others' go on; it stays so after a restart and in other hands; what waits is neither lost nor diverted."""
    await installation.set_day(__import__("tests.system.witness", fromlist=["DAY"]).DAY)
