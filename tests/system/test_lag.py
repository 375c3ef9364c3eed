"""Lag in records and in seconds: of a group that stopped, of a paused topic, and never of marks without a record."""

import asyncio
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from servicekit import lag as module
from servicekit.lag import Lag, lags
from tests.system.installation import TOWN, Installation, Raw
from tests.system.test_limits import BAD, LEAVE
from tests.system.witness import lives

ENROLMENT = f"school.{TOWN}.enrolment.v1"
CREDENTIALS = "national.credentials.v1"
#: Group → partition → what it has committed.
Committed = Mapping[str, Mapping[TopicPartition, int]]


async def behind(here: Installation, *topics: str) -> dict[str, Lag]:
    """Topic → the registry's lag."""
    group = here.settings.group("registry")
    found = await lags(here.brokers, {group: [TopicPartition(topic, 0) for topic in topics]})
    assert {lag.group for lag in found} == {group}
    return {lag.topic: lag for lag in found}


async def commit(here: Installation, committed: Committed) -> None:
    """Makes groups that have read so far."""
    for group, offsets in committed.items():
        async with AIOKafkaConsumer(
            bootstrap_servers=here.brokers, group_id=group, enable_auto_commit=False
        ) as reader:
            reader.assign(list(offsets))
            await reader.commit(dict(offsets))


async def in_a_transaction(here: Installation, topic: str, count: int, *, kept: bool = True) -> None:
    """So many records in one transaction, which is then committed or aborted: its mark takes an offset as well."""
    async with AIOKafkaProducer(bootstrap_servers=here.brokers, transactional_id=f"t.{uuid4()}") as producer:
        await producer.begin_transaction()
        sent = [await producer.send(topic, b"{}", partition=0) for _ in range(count)]
        await asyncio.gather(*sent)
        await (producer.commit_transaction() if kept else producer.abort_transaction())


async def test_what_nobody_takes_grows_older_until_it_is_taken(registry: Installation) -> None:
    """The oldest counts, not the newest; a topic on which nothing waits has no lag."""
    events = lives(10)
    published = time.time()
    await registry.publish(events)
    await asyncio.sleep(1.5)
    await registry.publish(lives(1, "later"))
    found = await behind(registry, LEAVE, ENROLMENT, CREDENTIALS)
    assert {topic: lag.records for topic, lag in found.items()} == {LEAVE: 11, ENROLMENT: 11, CREDENTIALS: 0}
    assert 1.5 <= found[LEAVE].seconds <= time.time() - published
    assert found[CREDENTIALS].seconds == 0
    await asyncio.sleep(1)
    assert (await behind(registry, LEAVE))[LEAVE].seconds >= found[LEAVE].seconds + 1
    async with registry.consuming():
        await registry.settled("registry")
    found = await behind(registry, LEAVE, ENROLMENT, CREDENTIALS)
    assert {(lag.records, lag.seconds) for lag in found.values()} == {(0, 0)}


async def test_the_marks_of_transactions_are_no_lag(registry: Installation) -> None:
    """Kept or aborted, one at the end or more than are read one by one: where no record is left nothing waits."""
    partition = TopicPartition(CREDENTIALS, 0)
    await in_a_transaction(registry, CREDENTIALS, 3)
    await in_a_transaction(registry, CREDENTIALS, 2, kept=False)
    group = registry.settings.group("registry")
    await commit(registry, {group: {partition: 2}})
    assert (await behind(registry, CREDENTIALS))[CREDENTIALS].records == 1
    await commit(registry, {group: {partition: 3}})
    assert await behind(registry, CREDENTIALS) == {CREDENTIALS: Lag(group, CREDENTIALS, 0, 0)}
    await in_a_transaction(registry, CREDENTIALS, module._LOOK + 1, kept=False)
    assert await behind(registry, CREDENTIALS) == {CREDENTIALS: Lag(group, CREDENTIALS, 0, 0)}
    await in_a_transaction(registry, CREDENTIALS, 1)
    (lag,) = (await behind(registry, CREDENTIALS)).values()
    assert (lag.records, lag.seconds < 30) == (
        2,
        True,
    )  # the record and the mark: so far from the end all count


@pytest.mark.parametrize("look", [0, 500])
async def test_groups_at_different_places_of_a_topic_each_have_their_own_oldest(
    registry: Installation, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr(module, "_LOOK", look)
    partition = TopicPartition(CREDENTIALS, 0)
    for _ in range(3):
        await in_a_transaction(registry, CREDENTIALS, 1)
        await asyncio.sleep(1)
    groups = [f"{registry.settings.group_prefix}{name}" for name in ("none", "first", "second", "all")]
    await commit(
        registry, {group: {partition: place} for group, place in zip(groups[1:], (1, 3, 5), strict=True)}
    )
    found = await lags(registry.brokers, {group: [partition] for group in groups})
    by_group = {lag.group.rpartition(".")[2]: lag for lag in found}
    ages = [by_group[name].seconds for name in ("none", "first", "second")]
    assert ages[0] >= ages[1] + 1 >= ages[2] + 2 >= 3
    assert (by_group["all"].records, by_group["all"].seconds) == (0, 0)
    if look:
        assert [by_group[name].records for name in ("none", "first", "second")] == [3, 2, 1]


async def test_many_topics_with_large_batches_are_looked_at_in_one_go(registry: Installation) -> None:
    """Nothing but the first record of each is of interest; the broker sends no more than it must."""
    topics = _topics(registry)
    await registry.send([Raw(topic, bytes(60_000)) for topic in topics for _ in range(20)])
    started = time.monotonic()
    found = await behind(registry, *topics)
    assert {lag.records for lag in found.values()} == {20}
    assert all(0 < lag.seconds < 60 for lag in found.values())
    assert time.monotonic() - started < 10


def _topics(here: Installation) -> Sequence[str]:
    numbers = [organiser.number for organiser in here.directory.organisers]
    return [f"school.{number}.{kind}.v1" for number in numbers for kind in ("enrolment", "leave", "absence")]


async def test_a_process_says_the_lag_of_a_paused_topic_and_which_it_is(registry: Installation) -> None:
    """Nothing else of the service waits; when it is resumed and taken both are gone."""
    process = registry.start("registry", KAA_LIMIT_RUN="3")
    await asyncio.to_thread(process.ready)
    await registry.publish(lives(5))
    await registry.send([BAD] * 5)
    reason = "3 bad records in a row"
    paused = f'kaa_topic_paused{{reason="{reason}",service="registry",topic="{LEAVE}"}}'
    leaves, enrolments = (
        f'kaa_lag_seconds{{family="school.{one}",service="registry"}}' for one in ("leave", "enrolment")
    )
    records = 'kaa_lag_records{service="registry"}'
    said = await _until(process.folder, lambda said: said.get(paused) == 1 and said.get(leaves, 0) > 1)
    assert (said[records], said[enrolments]) == (2, 0)
    await registry.as_owner("DELETE FROM paused_topic")
    said = await _until(process.folder, lambda said: said[records] == 0 and paused not in said)
    assert said[leaves] == 0
    assert said['kaa_ready{service="registry"}'] == 1


async def _until(folder: Path, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """The metrics of a process, as soon as it holds of them."""
    until = time.monotonic() + 45
    while not holds(said := await asyncio.to_thread(metrics, folder)):
        assert time.monotonic() < until, {name: value for name, value in said.items() if "kaa_" in name}
        await asyncio.sleep(0.2)
    return said


def metrics(folder: Path) -> dict[str, float]:
    """Name and labels → value, as the process says now."""
    address = next(folder.glob("*.address")).read_text().strip()
    with urllib.request.urlopen(f"{address}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }
