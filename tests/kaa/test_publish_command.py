"""`kaa publish`: a file of events on its way to a real broker."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from typer.testing import CliRunner

from contracts.envelope import decode
from contracts.organisers import Directory
from kaa.publish import publish
from servicekit.publishing import topic_of
from servicekit.topics import apply_topics
from tests.contracts.examples import VALID

from .installation import enrolment, file_of, leave, new_directory, organisation_number, written

kaa = CliRunner()
app = typer.Typer()
app.command()(publish)


@pytest.fixture
def directory(kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directory:
    """Two organisers of this test alone, with their topics."""
    made = new_directory()
    monkeypatch.setenv("KAA_KAFKA", kafka)
    monkeypatch.setenv("KAA_ORGANISERS", str(written(made, tmp_path / "organisers.yaml")))
    asyncio.run(apply_topics(kafka, made))
    return made


@pytest.fixture(autouse=True)
def _client_logs_as_before() -> Iterator[None]:
    before = logging.getLogger("aiokafka").level
    yield
    logging.getLogger("aiokafka").setLevel(before)


async def _read(kafka: str, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    partition = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        records: list[ConsumerRecord[bytes, bytes]] = []
        while len(records) < end:
            for some in (await consumer.getmany(timeout_ms=500)).values():
                records.extend(some)
    return records


def read(kafka: str, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    return asyncio.run(_read(kafka, topic))


def test_each_event_reaches_the_topic_of_its_organiser_and_family(
    kafka: str, directory: Directory, tmp_path: Path
) -> None:
    one, other = directory.organisers
    events = [leave(one, 1), leave(other, 2), enrolment(one, 3), leave(one, 4)]
    answer = kaa.invoke(app, [str(file_of(events, tmp_path / "events.ndjson"))])
    assert answer.exit_code == 0, answer.output
    summary = [line.split() for line in answer.stdout.splitlines()]
    assert summary[0] == ["1", "school.<organiser>.enrolment.v1"]
    assert summary[1] == ["3", "school.<organiser>.leave.v1", "on", "2", "topics"]
    assert summary[2][:5] == ["4", "events", "sent", "and", "acknowledged"]

    records = read(kafka, f"school.{one.number}.leave.v1")
    assert [record.key for record in records] == [b"lv-1", b"lv-4"]
    assert [decode(record.value, record.headers).id for record in records] == ["lv-1", "lv-4"]
    assert records[0].headers == (("content-type", b"application/cloudevents+json"),)
    assert json.loads(records[0].value or b"") == leave(one, 1)
    assert [record.key for record in read(kafka, f"school.{other.number}.leave.v1")] == [b"lv-2"]
    assert [record.key for record in read(kafka, f"school.{one.number}.enrolment.v1")] == [b"enr-3"]


def test_a_shuffled_file_has_every_event_in_an_order_that_follows_from_the_seed(
    kafka: str, tmp_path: Path, directory: Directory
) -> None:
    one, other = directory.organisers
    orders = []
    for organiser in (one, other):
        file = file_of(
            [leave(organiser, number) for number in range(200)], tmp_path / f"{organiser.number}.ndjson"
        )
        assert kaa.invoke(app, [str(file), "--shuffle", "7"]).exit_code == 0
        orders.append([record.key for record in read(kafka, f"school.{organiser.number}.leave.v1")])
    inorder = [f"lv-{number}".encode() for number in range(200)]
    assert orders[0] == orders[1] != inorder
    assert sorted(orders[0]) == sorted(inorder)


def test_nothing_is_sent_from_a_file_with_a_refused_line(
    kafka: str, directory: Directory, tmp_path: Path
) -> None:
    one, other = directory.organisers
    refused: list[dict[str, Any]] = [
        leave(one, 2, last_day="soon"),
        leave(one, 3, school_unit=next(iter(other.units))),
        {**leave(one, 4), "source": f"urn:se:orgnr:{organisation_number()}"},
        VALID["se.kaa.municipality.resident.moved.v1"],
        VALID["se.kaa.registry.coverage.started.v1"],
        leave(one, 1, last_day="2025-01-09"),
    ]
    file = file_of([leave(one, 1), *refused], tmp_path / "events.ndjson")
    answer = kaa.invoke(app, [str(file)])
    assert answer.exit_code == 1
    assert answer.stdout == ""
    lines = answer.stderr.splitlines()
    assert [line.split(": ")[:2] for line in lines[:-1]] == [
        ["line 2", "data.last_day"],
        ["line 3", "data.school_unit"],
        ["line 4", "source"],
        ["line 5", "source"],
        ["line 6", "type"],
        ["line 7", "id"],
    ]
    assert lines[-1] == "6 lines refused; nothing sent"
    assert read(kafka, f"school.{one.number}.leave.v1") == []


@pytest.mark.usefixtures("kafka")
def test_missing_topics_are_said_in_one_line(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unprepared = new_directory()
    monkeypatch.setenv("KAA_KAFKA", kafka)
    organisers = written(unprepared, tmp_path / "organisers.yaml")
    events = [leave(organiser, number) for number, organiser in enumerate(unprepared.organisers)]
    file = file_of(events, tmp_path / "events.ndjson")
    answer = kaa.invoke(app, [str(file), "--organisers", str(organisers)])
    assert answer.exit_code == 2
    assert answer.stderr.endswith(" and 1 more does not exist; run `kaa topics apply`\n")
    assert len(answer.stderr.splitlines()) == 1


def test_a_broker_that_is_away_is_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.topics.PATIENCE", 1)
    monkeypatch.setenv("KAA_KAFKA", "127.0.0.1:1")
    directory = new_directory()
    organisers = written(directory, tmp_path / "organisers.yaml")
    file = file_of([leave(directory.organisers[0], 1)], tmp_path / "events.ndjson")
    answer = kaa.invoke(app, [str(file), "--organisers", str(organisers)])
    assert answer.exit_code == 2
    assert "no Kafka broker answers at 127.0.0.1:1" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("type_name", "topic"),
    [
        ("se.kaa.school.enrolment.started.v1", "school.2120000142.enrolment.v1"),
        ("se.kaa.school.absence.reported.v1", "school.2120000142.absence.v1"),
        ("se.kaa.municipality.resident.moved.v1", "municipality.0180.population.v1"),
        ("se.kaa.national.credential.awarded.v1", "national.credentials.v1"),
    ],
)
def test_the_topic_follows_from_type_and_source(type_name: str, topic: str) -> None:
    assert topic_of(decode(json.dumps(VALID[type_name]).encode())) == topic


def test_a_named_system_of_an_organiser_speaks_on_the_organisers_topic() -> None:
    said = {**VALID["se.kaa.school.leave.left.v1"], "source": "urn:se:orgnr:2120000142:north-2"}
    assert topic_of(decode(json.dumps(said).encode())) == "school.2120000142.leave.v1"
