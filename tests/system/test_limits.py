"""Limits on bad records: a topic on which they are the rule is paused, and no other (INV-05)."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY
from typer.testing import CliRunner, Result

from kaa.topics import app
from servicekit.consumer import Consumer
from servicekit.settings import Service
from tests.system.installation import FREE, TOWN, Installation, Raw, left, numbers, resident, wire
from tests.system.witness import committed, is_one_clean_pass

LEAVE = f"school.{TOWN}.leave.v1"
#: Five bad ones in a row, or more than half of the last ten.
LIMITS: dict[str, Any] = {"limit_run": 5, "limit_ratio": 0.5, "limit_window": 10}
BAD = Raw(LEAVE, b"{}")


def town(number: str) -> dict[str, Any]:
    return left(f"t{number}", number, "2024-11-15")


def free(number: str) -> dict[str, Any]:
    return left(f"f{number}", number, "2024-11-15", "13000001") | {"source": f"urn:se:orgnr:{FREE}"}


def good(number: str) -> Raw:
    """A record of the town's that is right."""
    return Raw(LEAVE, wire(town(number)))


async def until(holds: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 15) -> None:
    """Returns when it holds."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


async def paused(here: Installation, service: Service = "registry") -> list[tuple[str, str]]:
    """(topic, reason) as the service has stored it."""
    rows = await here.fetch("SELECT topic, reason FROM paused_topic ORDER BY topic", service=service)
    return [tuple(row) for row in rows]


async def taken(here: Installation) -> int:
    """How many records of the town's topic are done with: what is committed of it."""
    return (await committed(here)).get(TopicPartition(LEAVE, 0), 0)


async def in_the_log(here: Installation, *events: dict[str, Any]) -> bool:
    """Whether these events took effect."""
    wanted = [event["id"] for event in events]
    rows = await here.fetch("SELECT count(*) FROM event_log WHERE id = ANY($1)", wanted)
    return bool(rows[0][0] == len(wanted))


@pytest.fixture
def kaa_topics(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Coroutine[Any, Any, Result]]:
    """Runs `kaa topics …` on the installation."""
    monkeypatch.setenv("KAA_REGISTRY_DATABASE", registry.settings.database("registry"))

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))

    return run


async def test_a_run_of_bad_records_pauses_that_topic_alone_until_it_is_resumed(
    registry: Installation, kaa_topics: Callable[..., Coroutine[Any, Any, Result]]
) -> None:
    """INV-05, INV-01: what waits meanwhile is neither lost nor diverted, and is taken within seconds afterwards."""
    people = numbers(12)
    everyone = [resident(f"r{number}", number) for number in people]
    await registry.publish([*everyone, free(people[10])])
    await registry.send([good(people[0]), *[BAD] * 8, *map(good, people[1:10])])
    async with registry.consuming(**LIMITS):
        await until(lambda: paused(registry))
        assert await paused(registry) == [(LEAVE, "5 bad records in a row")]
        # the others go on, with what was there and with what comes
        await registry.publish([free(people[11])])
        await until(lambda: in_the_log(registry, free(people[10]), free(people[11])))
        assert REGISTRY.get_sample_value("kaa_topics_paused", {"service": "registry"}) == 1
        assert await taken(registry) == 6
        assert [kind for kind, _, _ in await registry.dead_letters()] == ["malformed"] * 5
        books = await registry.books()
        assert (books.unaccounted, books.doubly) == ([(LEAVE, 0, offset) for offset in range(6, 18)], [])

        answer = await kaa_topics("resume", "registry", LEAVE)
        assert (answer.exit_code, answer.stderr) == (0, "")
        assert "5 bad records in a row" in answer.stdout
        await until(lambda: in_the_log(registry, *map(town, people[:10])), 10)
        await registry.settled("registry")
        assert REGISTRY.get_sample_value("kaa_topics_paused", {"service": "registry"}) == 0
        assert await paused(registry) == []
    books = await is_one_clean_pass(registry, [*everyone, *map(town, people[:10]), *map(free, people[10:])])
    assert books.total("dead_letter") == 8


async def test_a_paused_topic_stays_so_in_other_hands_and_after_a_restart(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-05: the pause is in the database; who gets the topic knows of it before a record is taken."""
    people = numbers(6)
    await registry.publish([resident(f"r{number}", number) for number in people])
    # nobody looks at the table by and by: a new holder must look when the topic is handed over
    monkeypatch.setattr("servicekit.consumer.PAUSE_SECONDS", 3600)
    consumers: dict[Consumer, AsyncExitStack] = {}
    async with AsyncExitStack() as cleanup:
        for _ in range(2):
            own = await cleanup.enter_async_context(AsyncExitStack())
            consumers[await own.enter_async_context(registry.consuming(**LIMITS))] = own
        await until(lambda: every(consumers, lambda one: bool(one._kafka.assignment())))
        await registry.send([*[BAD] * 5, *map(good, people[:3]), *[BAD] * 5])
        await until(lambda: paused(registry))
        holder = next(one for one in consumers if one._partitions(LEAVE))
        (other,) = consumers.keys() - {holder}
        await consumers[holder].aclose()
        await until(lambda: every([other], lambda one: bool(one._partitions(LEAVE))))
        await still_waiting_while_others_work(registry, people[3])
    async with registry.consuming(**LIMITS):
        await still_waiting_while_others_work(registry, people[4])
    assert len(await paused(registry)) == 1


async def every(consumers: Any, holds: Callable[[Consumer], bool]) -> bool:
    return all(map(holds, consumers))


async def still_waiting_while_others_work(here: Installation, number: str) -> None:
    """After the consumer has taken an event that is new on another topic it stands on the town's where it stood."""
    await here.publish([free(number)])
    await until(lambda: in_the_log(here, free(number)))
    await asyncio.sleep(0.5)
    assert await taken(here) == 5
    assert len(await here.dead_letters()) == 5
    assert not await here.fetch("SELECT 1 FROM event_log WHERE topic = $1", LEAVE)


async def test_a_high_share_of_bad_records_pauses_a_topic_and_a_low_one_does_not(
    registry: Installation,
) -> None:
    """INV-05: dead letters are for the exception; just below the limits everything is taken."""
    people = numbers(60)
    everyone = [resident(f"r{number}", number) for number in people]
    await registry.publish(everyone)
    bearable: list[Raw] = []
    for begin in range(0, 30, 6):
        bearable += [*[BAD] * 4, *map(good, people[begin : begin + 6])]
    for number in people[30:40]:
        bearable += [BAD, good(number)]
    await registry.send(bearable)
    # in many polls: what was seen in those before counts
    async with registry.consuming(**LIMITS, batch=7):
        await registry.settled("registry")
        assert await paused(registry) == []
        await is_one_clean_pass(registry, [*everyone, *map(town, people[:40])])

        two_thirds: list[Raw] = []
        for number in people[40:]:
            two_thirds += [BAD, BAD, good(number)]
        await registry.send(two_thirds)
        await until(lambda: paused(registry))
        ((topic, reason),) = await paused(registry)
        assert (topic, reason) == (LEAVE, "6 bad records among the last 10")
        assert await taken(registry) < len(bearable) + 10


@pytest.mark.parametrize("batch", [1, 1000])
async def test_what_turns_out_bad_only_in_the_store_counts_as_well(
    registry: Installation, batch: int
) -> None:
    """INV-05: ids used twice for different content, and events that cannot be stored, however many a poll gives."""
    people = numbers(21)
    await registry.publish([resident(f"r{number}", number) for number in people])
    again = [town(people[0]) | {"data": town(number)["data"]} for number in people[1:10]]
    await registry.send([good(people[0]), *(Raw(LEAVE, wire(event)) for event in again)])
    async with registry.consuming(**LIMITS, batch=batch):
        await until(lambda: paused(registry))
    kinds = [kind for kind, _, _ in await registry.dead_letters()]
    assert set(kinds) == {"identity_conflict"}
    assert len(kinds) == 5 if batch == 1 else len(kinds) >= 5

    await registry.as_owner(
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
           CREATE TRIGGER refuse BEFORE INSERT ON event_log FOR EACH ROW WHEN (NEW.topic LIKE 'school.%')
           EXECUTE FUNCTION refuse()"""
    )
    await registry.publish([free(number) for number in people[10:]])
    async with registry.consuming(**LIMITS, batch=batch):
        await until(lambda: holds_two(registry))
    assert {topic for topic, _ in await paused(registry)} == {LEAVE, f"school.{FREE}.leave.v1"}
    unstorable = [kind for kind, _, _ in await registry.dead_letters() if kind == "store"]
    assert len(unstorable) == 5 if batch == 1 else len(unstorable) >= 5


async def holds_two(here: Installation) -> bool:
    return len(await paused(here)) == 2


async def test_the_commands_list_what_is_paused_and_refuse_what_is_not(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-05: an operator finds the pauses of every service in one place."""
    for service in ("registry", "outreach", "notifications", "reporting"):
        monkeypatch.setenv(f"KAA_{service.upper()}_DATABASE", installation.settings.database(service))

    async def run(*arguments: str) -> tuple[int, list[str]]:
        answer = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
        return answer.exit_code, answer.output.splitlines()

    assert await run("paused") == (0, ["no service has paused a topic"])
    stated: list[tuple[Service, str]] = [("outreach", "registry.coverage.v1"), ("registry", LEAVE)]
    for service, topic in stated:
        await installation.as_owner(
            f"INSERT INTO paused_topic (topic, reason) VALUES ('{topic}', '5 bad records in a row')", service
        )
    status, lines = await run("paused")
    assert status == 0
    assert [line.split()[:2] for line in lines[:2]] == [
        ["registry", LEAVE],
        ["outreach", "registry.coverage.v1"],
    ]
    assert all(line.endswith(": 5 bad records in a row") for line in lines[:2])
    assert lines[2:] == ["mend the cause, then: kaa topics resume SERVICE TOPIC"]

    status, lines = await run("resume", "outreach", LEAVE)
    assert (status, lines) == (1, [f"kaa: outreach has not paused {LEAVE}; see `kaa topics paused`"])
    assert (await run("resume", "registry", LEAVE))[0] == 0
    assert (await run("resume", "registry", LEAVE))[0] == 1
    monkeypatch.setenv("KAA_OUTREACH_DATABASE", "postgresql://kaa@127.0.0.1:1/kaa_outreach")
    status, lines = await run("resume", "outreach", "registry.coverage.v1")
    assert (status, len(lines)) == (2, 1)
    assert "127.0.0.1:1/kaa_outreach cannot be reached" in lines[0]
