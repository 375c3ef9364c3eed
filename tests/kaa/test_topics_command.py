"""`kaa topics`: what the catalogue asks for, on a real cluster."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from contracts.catalogue import Topic, topics_of
from contracts.organisers import Directory
from kaa.topics import app
from servicekit.settings import ConfigurationError
from servicekit.topics import Alteration, Partitions, administration, apply_topics, carry_out, plan, present

from .installation import new_directory, written

kaa = CliRunner()


@pytest.fixture
def directory() -> Directory:
    return new_directory()


@pytest.fixture
def organisers(directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = written(directory, tmp_path / "organisers.yaml")
    monkeypatch.setenv("KAA_ORGANISERS", str(path))
    return path


@pytest.fixture(autouse=True)
def _client_logs_as_before() -> Iterator[None]:
    before = logging.getLogger("aiokafka").level
    yield
    logging.getLogger("aiokafka").setLevel(before)


def own(directory: Directory) -> list[Topic]:
    """The topics that no other test has."""
    return [topic for topic in topics_of(directory) if topic.name.startswith("school.")]


async def settings_of(kafka: str, topic: str) -> dict[str, str]:
    async with administration(kafka) as client:
        (response,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {entry[0]: entry[1] for entry in response.resources[0][4]}


@pytest.mark.usefixtures("organisers")
def test_the_list_needs_no_broker_and_shows_topics_and_access(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAA_KAFKA", raising=False)
    answer = kaa.invoke(app, ["list"])
    assert answer.exit_code == 0
    lines = [line.split() for line in answer.stdout.splitlines()]
    number = directory.organisers[0].number
    assert [f"school.{number}.absence.v1", "1", "partition", "30", "days"] in [line[:5] for line in lines]
    assert ["registry.person.v1", "6", "partitions", "the", "latest", "state"] in lines
    assert [f"organiser-{number}", "write", f"school.{number}.*"] in lines
    assert ["notifications", "read", "school.<organiser>.absence.v1", "(2", "topics)"] in lines
    assert not [line for line in lines if line[:2] == ["registry", "read"] and "absence" in line[2]]


async def test_what_is_missing_is_created_with_its_configuration_and_leaders(
    kafka: str, directory: Directory
) -> None:
    todo = await apply_topics(kafka, directory)
    assert {topic.name for topic in own(directory)} <= {topic.name for topic in todo.create}
    async with administration(kafka) as client:
        found = await present(client, [topic.name for topic in own(directory)])
        again = await plan(client, own(directory))
    assert len(found) == 6
    assert all(partition["leader"] >= 0 for partitions in found.values() for partition in partitions)
    assert (again.create, again.alter, again.partitions) == ((), (), ())
    now = await settings_of(kafka, own(directory)[0].name)
    assert now["retention.ms"] == str(30 * 24 * 60 * 60 * 1000)
    assert now["message.timestamp.type"] == "LogAppendTime"


async def test_two_that_apply_the_same_at_once_do_not_disturb_each_other(
    kafka: str, directory: Directory
) -> None:
    async with administration(kafka) as client:
        todo = await plan(client, own(directory))
        await carry_out(client, todo)
        await carry_out(client, todo)
        assert (await plan(client, own(directory))).create == ()


async def seen(client: AIOKafkaAdminClient, topic: Topic) -> None:
    """Returns when the broker tells of a topic that it has just made: a moment later than it acknowledged it."""
    while topic.name not in await present(client, [topic.name]):
        await asyncio.sleep(0.05)


async def test_a_differing_setting_is_set_right_and_what_an_operator_added_stays(
    kafka: str, directory: Directory
) -> None:
    topic = own(directory)[0]
    async with administration(kafka) as client:
        other = {"retention.ms": "60000", "max.message.bytes": "500000"}
        await client.create_topics([NewTopic(topic.name, 1, 1, topic_configs={**topic.config, **other})])
        await seen(client, topic)
        todo = await plan(client, [topic])
        assert todo.alter == (
            Alteration(
                topic.name,
                {"retention.ms": ("60000", topic.config["retention.ms"])},
                {**topic.config, "max.message.bytes": "500000"},
            ),
        )
        await carry_out(client, todo)
        assert (await plan(client, [topic])).alter == ()
    assert (await settings_of(kafka, topic.name))["max.message.bytes"] == "500000"


async def test_another_number_of_partitions_is_reported_and_left(kafka: str, directory: Directory) -> None:
    topic = own(directory)[0]
    async with administration(kafka) as client:
        await client.create_topics([NewTopic(topic.name, 2, 1, topic_configs=dict(topic.config))])
        await seen(client, topic)
        todo = await plan(client, [topic])
        assert todo.partitions == (Partitions(topic.name, 2, 1),)
        await carry_out(client, todo)
        assert len((await present(client, [topic.name]))[topic.name]) == 2


async def test_what_the_cluster_refuses_is_said(kafka: str, directory: Directory) -> None:
    wrong = replace(own(directory)[0], config={"retention.ms": "soon"})
    async with administration(kafka) as client:
        todo = await plan(client, [wrong])
        with pytest.raises(ConfigurationError, match=rf"refuses: creating {wrong.name}: .*InvalidConfig"):
            await carry_out(client, todo)


@pytest.mark.usefixtures("organisers")
def test_apply_shows_first_what_it_would_do_then_does_it(
    kafka: str, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAA_KAFKA", kafka)
    name = own(directory)[0].name

    shown = kaa.invoke(app, ["apply", "--dry-run"])
    assert shown.exit_code == 0, shown.output
    assert f"create {name} (1 partition)" in shown.stdout.splitlines()
    assert shown.stdout.splitlines()[-1].startswith("would create ")

    unasked = kaa.invoke(app, ["apply"], input="")
    assert unasked.exit_code == 2
    assert "say --yes" in unasked.stderr

    applied = kaa.invoke(app, ["apply", "--yes"])
    assert applied.exit_code == 0, applied.output
    assert f"create {name} (1 partition)" in applied.stdout.splitlines()
    assert applied.stdout.splitlines()[-1].endswith("every partition has a leader")

    again = kaa.invoke(app, ["apply"])
    assert again.exit_code == 0, again.output
    assert again.stdout == "nothing to do: 11 topics are as the catalogue says\n"


@pytest.mark.usefixtures("organisers")
@pytest.mark.parametrize(
    ("kafka_address", "words"),
    [
        ("", "KAA_KAFKA is not set"),
        ("127.0.0.1:1", "no Kafka broker answers at 127.0.0.1:1"),
        ("127.0.0.1:port", "expected addresses of Kafka brokers, host:port"),
    ],
)
def test_a_broker_that_cannot_be_had_is_one_line_and_status_2(
    kafka_address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.topics.PATIENCE", 1)
    monkeypatch.setenv("KAA_KAFKA", kafka_address)
    answer = kaa.invoke(app, ["apply", "--yes"])
    assert answer.exit_code == 2
    assert words in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert "Traceback" not in answer.output
