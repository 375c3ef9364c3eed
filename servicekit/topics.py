"""The topics of an installation on its cluster: what is missing or other than the catalogue says, and making it so.

Nothing is ever deleted, and partitions are never added: a record key would then lead to another partition, and the
order per person be lost. Both are reported.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from contracts.catalogue import Topic, topics_of
from contracts.organisers import Directory
from servicekit.settings import ConfigurationError

#: Seconds a broker may be away at the start before that is an error.
PATIENCE: Final = 15.0
#: Seconds new topics may take until every partition has a leader; 3,000 organisers' topics took 20.
LEADERS: Final = 120.0
#: Topics in one request; a request with all topics of the country would outlast its own time limit.
_BATCH: Final = 200
#: Where a setting's value comes from: set on the topic itself, in Kafka's DescribeConfigs.
_SET_ON_TOPIC: Final = 1

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Alteration:
    """Settings of a topic that are other than the catalogue says: name → (now, wanted)."""

    topic: str
    settings: Mapping[str, tuple[str, str]]
    #: All that will stand on the topic: what an operator set beside the catalogue stays.
    result: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Partitions:
    """A topic whose number of partitions is other than the catalogue says. Not changed."""

    topic: str
    now: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do on a cluster, and what stays different."""

    create: tuple[Topic, ...]
    alter: tuple[Alteration, ...]
    partitions: tuple[Partitions, ...]
    #: Copies that new topics get: 3, or as many as there are brokers.
    replication: int


@asynccontextmanager
async def administration(brokers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client for topics, connected.

    Raises ConfigurationError when the address is none, or no broker answers within ``PATIENCE`` seconds.
    """
    client = await _connected(brokers)
    try:
        yield client
    finally:
        await client.close()


async def _connected(brokers: str) -> AIOKafkaAdminClient:
    until = time.monotonic() + PATIENCE
    delay = 0.2
    while True:
        client = AIOKafkaAdminClient(bootstrap_servers=brokers, request_timeout_ms=30_000)
        try:
            await client.start()
        except ValueError:
            await client.close()
            raise ConfigurationError(
                f"{brokers}: expected addresses of Kafka brokers, host:port,host:port"
            ) from None
        except (KafkaError, OSError) as error:
            await client.close()
            if time.monotonic() + delay > until:
                raise ConfigurationError(
                    f"no Kafka broker answers at {brokers} ({type(error).__name__}); is it up, is KAA_KAFKA right?"
                ) from None
            await asyncio.sleep(delay)
            delay = min(delay * 2, 3)
        else:
            return client


async def present(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Of the topics named, those that exist: name → its partitions with leader and replicas."""
    found: dict[str, list[dict[str, Any]]] = {}
    for batch in _batches(names):
        for topic in await client.describe_topics(list(batch)):
            if topic["error_code"] == 0:
                found[topic["topic"]] = topic["partitions"]
    return found


async def plan(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> Plan:
    """Compares what must exist (``catalogue.topics_of``) with what does."""
    count = len((await client.describe_cluster())["brokers"])
    found = await present(client, [topic.name for topic in topics])
    standing = [topic for topic in topics if topic.name in found]
    return Plan(
        create=tuple(topic for topic in topics if topic.name not in found),
        alter=tuple(await _alterations(client, standing)),
        partitions=tuple(
            Partitions(topic.name, len(found[topic.name]), topic.partitions)
            for topic in standing
            if len(found[topic.name]) != topic.partitions
        ),
        replication=min(3, count),
    )


async def _alterations(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[Alteration]:
    alterations = []
    for batch in _batches(topics):
        wanted = {topic.name: topic.config for topic in batch}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted]
        for response in await client.describe_configs(asked):
            for code, message, _, name, entries in response.resources:
                _check(code, f"reading the configuration of {name}: {message}")
                now = {entry[0]: entry[1] for entry in entries}
                own = {entry[0]: entry[1] for entry in entries if entry[3] == _SET_ON_TOPIC}
                differing = {
                    setting: (now.get(setting) or "", value)
                    for setting, value in wanted[name].items()
                    if now.get(setting) != value
                }
                if differing:
                    alterations.append(Alteration(name, differing, {**own, **wanted[name]}))
    return alterations


async def carry_out(
    client: AIOKafkaAdminClient, todo: Plan, done: Callable[[int], None] = lambda _: None
) -> None:
    """Creates and alters, and returns when every partition of the new topics has a leader.

    ``done`` is called with the number of topics finished. Raises ConfigurationError with what the cluster refused.
    """
    for batch in _batches(todo.create):
        # with three copies an acknowledged record is on two of them, and one broker may be away
        safe = {"min.insync.replicas": "2"} if todo.replication == 3 else {}
        new = [
            NewTopic(topic.name, topic.partitions, todo.replication, topic_configs={**topic.config, **safe})
            for topic in batch
        ]
        for name, code, message in (await client.create_topics(new)).topic_errors:
            # somebody else may be applying the same catalogue
            if code != TopicAlreadyExistsError.errno:
                _check(code, f"creating {name}: {message}")
        done(len(batch))
    for altered in _batches(todo.alter):
        asked = [ConfigResource(ConfigResourceType.TOPIC, one.topic, dict(one.result)) for one in altered]
        for response in await client.alter_configs(asked):
            for code, message, _, name in response.resources:
                _check(code, f"altering {name}: {message}")
        done(len(altered))
    await _leaders(client, [topic.name for topic in todo.create])


async def _leaders(client: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """Before that, producers log NotLeaderForPartition and try again (seen in the first seconds)."""
    waiting = list(names)
    until = time.monotonic() + LEADERS
    while waiting:
        found = await present(client, waiting)
        waiting = [
            name
            for name in waiting
            if not found.get(name) or any(one["error_code"] or one["leader"] < 0 for one in found[name])
        ]
        if waiting and time.monotonic() > until:
            raise ConfigurationError(
                f"{len(waiting)} new topics have no leader after {LEADERS:.0f} s, {waiting[0]} is one"
            )
        await asyncio.sleep(0.1 if waiting else 0)


async def apply_topics(brokers: str, directory: Directory) -> Plan:
    """Makes sure that the topics of an installation exist as the catalogue says; returns what was done."""
    async with administration(brokers) as client:
        todo = await plan(client, topics_of(directory))
        await carry_out(client, todo)
        return todo


def _check(code: int, doing: str) -> None:
    if code:
        raise ConfigurationError(f"the Kafka cluster refuses: {doing} ({for_code(code).__name__})")


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
