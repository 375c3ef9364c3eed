"""The local Apache Kafka keeps what it acknowledged."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from localstack.errors import StackError
from localstack.kafka import forget_kafka, kafka_answers, start_kafka
from localstack.ports import HOST
from tests.local.processes import running_with


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "kafka"
    forget_kafka(tmp_path / "kafka")


async def test_a_broker_killed_and_started_again_has_every_acknowledged_record_at_the_same_address(
    folder: Path,
) -> None:
    broker = await asyncio.to_thread(start_kafka, folder)
    await _create_topic(broker.address, "school.leave")
    async with AIOKafkaProducer(
        bootstrap_servers=broker.address, acks="all", enable_idempotence=True
    ) as producer:
        acknowledged = await asyncio.gather(
            *[await producer.send("school.leave", b"event %d" % number) for number in range(2000)]
        )

    await asyncio.to_thread(broker.kill)
    assert not await asyncio.to_thread(kafka_answers, broker.address)
    again = await asyncio.to_thread(start_kafka, folder)

    assert again.address == broker.address
    assert again.pid != broker.pid
    found = await _records(again.address, "school.leave")
    assert len(acknowledged) == 2000
    assert found == [b"event %d" % number for number in range(2000)]

    # Its port is its own: who took it meanwhile is told of, not worked around.
    await asyncio.to_thread(again.stop)
    port = int(again.address.rpartition(":")[2])
    with (
        socket.create_server((HOST, port)),
        pytest.raises(StackError, match=rf"port {port} .* taken by another"),
    ):
        await asyncio.to_thread(start_kafka, folder)

    await asyncio.to_thread(forget_kafka, folder)
    assert running_with(str(folder)) == []
    assert not await asyncio.to_thread(folder.exists)


async def test_nothing_answers_where_something_else_listens(caplog: pytest.LogCaptureFixture) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert not await asyncio.to_thread(kafka_answers, f"{HOST}:{port}")
    assert "Unable connect" not in caplog.text, "a broker that is not up yet is no error to log"


async def _create_topic(address: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _records(address: str, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    # Not seek_to_beginning: its answer can lose to the reset to *latest* that assign() has under way.
    async with AIOKafkaConsumer(
        bootstrap_servers=address, enable_auto_commit=False, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        values: list[bytes] = []
        while len(values) < end:
            values += [
                record.value
                for record in (await consumer.getmany(partition, timeout_ms=1000)).get(partition, [])
            ]
    return values
