"""A record with a header key that is no UTF-8: the broker takes it, and aiokafka by itself never gets past it."""

import struct

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from servicekit.header_keys import ReadableRecords
from tests.system.installation import FREE, Installation, left, numbers, resident, wire

_TOPIC = f"school.{FREE}.leave.v1"
_CRC, _AFTER_CRC = 17, 21


async def _send_with_unreadable_header_key(brokers: str, *values: bytes) -> None:
    """Sends one batch whose second record has the header key FF FE."""
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        batch = producer.create_batch()
        for index, value in enumerate(values):
            name = "QQ" if index == 1 else "content-type"
            batch.append(
                key=None, value=value, timestamp=None, headers=[(name, b"application/cloudevents+json")]
            )
        build = batch._build

        def damaged() -> bytearray:
            raw = bytearray(build())
            at = raw.index(b"QQ")
            raw[at : at + 2] = b"\xff\xfe"
            raw[_CRC:_AFTER_CRC] = struct.pack(">I", calc_crc32c(bytes(raw[_AFTER_CRC:])))
            return raw

        batch._build = damaged
        batch.close()
        await (await producer.send_batch(batch, _TOPIC, partition=0))


async def test_a_header_key_that_is_not_utf8_stops_nobody(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-05: the record itself is applied too, since nobody reads that header; without the cure nothing comes."""
    one, two, three = numbers(3)
    events = [left(f"e{i}", number, "2025-01-10", "13000001") for i, number in enumerate((one, two, three))]
    for event in events:
        event["source"] = f"urn:se:orgnr:{FREE}"
    await installation.publish([resident(f"r{i}", number) for i, number in enumerate((one, two, three))])
    await _send_with_unreadable_header_key(installation.brokers, *map(wire, events))
    async with installation.consuming():
        await installation.settled("registry")
    books = await installation.books()
    assert books.balance
    assert books.total("applied") == 6
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    async with AIOKafkaConsumer(bootstrap_servers=installation.brokers) as bare:
        bare.assign([TopicPartition(_TOPIC, 0)])
        await bare.seek_to_beginning()
        with pytest.raises(UnicodeDecodeError):
            await bare.getmany(timeout_ms=3000)
    assert fetcher.MemoryRecords is not ReadableRecords
