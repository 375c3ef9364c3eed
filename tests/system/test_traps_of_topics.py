"""The traps of FastStream and aiokafka about topics and the broker: missing, new, many, away (see test_traps.py)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from aiokafka.admin import AIOKafkaAdminClient

from contracts.catalogue import subscription
from servicekit.consumer import Consumer
from servicekit.topics import administration, apply_topics, present
from tests.system.installation import ORGANISERS, Installation, left, numbers, resident, said
from tests.system.witness import is_one_clean_pass


def life(number: str) -> list[dict[str, Any]]:
    return [resident(f"r{number}", number), left(f"l{number}", number, "2024-11-15")]


async def until(holds: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 10) -> None:
    """Returns when it holds."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_what_was_published_before_the_first_start_is_read(registry: Installation) -> None:
    """INV-01: aiokafka's ``auto_offset_reset`` is *latest* by default."""
    events = life(numbers(1)[0])
    await registry.publish(events)
    async with registry.consuming():
        await registry.settled("registry")
        assert (await is_one_clean_pass(registry, events)).total("applied") == 2


async def test_a_topic_that_is_missing_is_said_once_not_created_and_read_when_it_comes(
    registry: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-01: FastStream creates missing topics, with one partition and without our configuration."""
    monkeypatch.setattr("servicekit.consumer.METADATA_SECONDS", 2)
    topic = "national.credentials.v1"
    client = AIOKafkaAdminClient(bootstrap_servers=registry.brokers)
    await client.start()
    await client.delete_topics([topic])
    while topic in await client.list_topics():
        await asyncio.sleep(0.05)
    await client.close()
    person = numbers(1)[0]
    events = life(person)
    awarded = {"identity_number": person, "kind": "study_certificate", "awarded_on": "2024-06-10"}
    events.append(said("c1", "national.credential.awarded", awarded))
    await registry.publish(events[:2])
    with structlog.testing.capture_logs() as lines:
        async with registry.consuming():
            await registry.settled("registry")
            await asyncio.sleep(2.5)
            async with administration(registry.brokers) as admin:
                assert not await present(admin, [topic])
            await apply_topics(registry.brokers, registry.directory)
            await registry.publish(events[2:])
            await until(lambda: registry.fetch("SELECT 1 FROM event_log WHERE id = 'c1'"), 15)
            await registry.settled("registry")
    missing = [line for line in lines if line["event"] == "topics.missing"]
    assert [line["topics"] for line in missing] == [[topic]]
    assert "kaa topics apply" in missing[0]["what_to_do"]
    await is_one_clean_pass(registry, events)


async def test_a_new_organiser_is_heard_within_15_seconds_without_a_restart(registry: Installation) -> None:
    """INV-01: a pattern subscription sees a new topic after ``metadata.max.age.ms``, five minutes by default."""
    new, unit = "5599990016", "17000001"
    known = life(numbers(2)[0])
    number = numbers(2)[1]
    begins = left("n1", number, "2024-11-15", unit) | {"source": f"urn:se:orgnr:{new}"}
    async with registry.consuming() as consumer:
        await registry.publish(known)
        await registry.settled("registry")
        organisers = [
            *ORGANISERS,
            {"number": new, "name": "Ny AB", "units": [{"code": unit, "name": "Nya skolan"}]},
        ]
        registry.settings.organisers.write_text(json.dumps({"organisers": organisers}), encoding="utf-8")
        await apply_topics(registry.brokers, consumer._directory.current())
        await registry.publish([resident("n0", number), begins])
        await until(lambda: registry.fetch("SELECT 1 FROM event_log WHERE id = 'n1'"), 15)
        await registry.settled("registry")
    await is_one_clean_pass(registry, [*known, resident("n0", number), begins])


async def test_the_pattern_reaches_the_broker_as_the_catalogue_says_it(registry: Installation) -> None:
    """INV-07: FastStream takes braces in a pattern for its own: ``[0-9]{10}`` would not match what it says."""
    async with registry.consuming() as consumer:
        assert consumer._subscriber.topic_names == [subscription("registry")]
        await until(lambda: holds_partitions(consumer))
        topics = {partition.topic for partition in consumer._kafka.assignment()}
    schools = {
        f"school.{one['number']}.{family}.v1" for one in ORGANISERS for family in ("enrolment", "leave")
    }
    feeds = {"municipality.0180.population.v1", "municipality.0182.population.v1", "national.credentials.v1"}
    assert topics == schools | feeds


async def holds_partitions(consumer: Consumer) -> bool:
    return bool(consumer._kafka.assignment())


@asynccontextmanager
async def forwarding(port: int, address: str) -> AsyncIterator[None]:
    """A way to the broker that was not there before."""
    host, _, its_port = address.partition(":")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(its_port))
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    async with await asyncio.start_server(accept, "127.0.0.1", port):
        yield


async def test_a_broker_that_is_away_at_the_start_is_waited_for(
    registry: Installation, unused_tcp_port: int
) -> None:
    """INV-02: FastStream raises at once, and leaves a consumer behind that has begun."""
    events = life(numbers(1)[0])
    await registry.publish(events)
    done = asyncio.Event()

    async def come_later() -> None:
        await asyncio.sleep(1.5)
        async with forwarding(unused_tcp_port, registry.brokers):
            await done.wait()

    broker = asyncio.create_task(come_later())
    with structlog.testing.capture_logs() as lines:
        async with registry.consuming(kafka=f"127.0.0.1:{unused_tcp_port}"):
            await registry.settled("registry")
        done.set()
        await broker
    away = [line for line in lines if line["event"] == "kafka.away"]
    assert len(away) >= 2
    assert away[0]["address"] == f"127.0.0.1:{unused_tcp_port}"
    assert away[0]["seconds"] < away[1]["seconds"]
    await is_one_clean_pass(registry, events)
