"""The edges: checking a vendor's file and publishing over 40 organisers, against the bare parse and client."""

import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from pydantic_core import from_json

from benchmarks.stage import ROUNDS, Figure, Stage, told, year
from contracts.envelope import CONTENT_TYPE, decode
from contracts.validation import check
from servicekit.publishing import Record, publish, record


def _checking(lines: Sequence[bytes]) -> float:
    begun = time.perf_counter()
    refused = sum(line.refusal is not None for line in check(lines))
    assert not refused
    return len(lines) / (time.perf_counter() - begun)


def _parsing(lines: Sequence[bytes]) -> float:
    begun = time.perf_counter()
    for line in lines:
        from_json(line)
    return len(lines) / (time.perf_counter() - begun)


async def _publishing(stage: Stage, records: Sequence[Record]) -> float:
    begun = time.perf_counter()
    await publish(stage.brokers, records)
    return len(records) / (time.perf_counter() - begun)


async def _one_topic(stage: Stage, records: Sequence[Record]) -> float:
    """The same bytes to one topic of six partitions: what the client does at its best."""
    begun = time.perf_counter()
    async with AIOKafkaProducer(
        bootstrap_servers=stage.brokers, enable_idempotence=True, acks="all", linger_ms=100, compression_type="lz4",
        max_batch_size=131_072,
    ) as producer:  # fmt: skip
        sent = [
            await producer.send("national.credentials.v1", one.value, key=one.key, headers=[CONTENT_TYPE])
            for one in records
        ]
        for one in sent:
            await one
    return len(records) / (time.perf_counter() - begun)


async def run(stage: Stage) -> list[Figure]:
    """Prints the measurements and gives the figures."""
    lines = year(stage.directory, 4_000)
    records = [record(decode(line), line) for line in lines]
    topics = len({one.topic for one in records})
    print(
        f"Edges, {len(lines):,} events of {len(stage.directory.organisers)} organisers over {topics} topics"
    )
    checked = told("kaa contracts validate, the check", [_checking(lines) for _ in range(ROUNDS)], "lines/s")
    parsed = told(
        "reference: the JSON parsed, nothing more", [_parsing(lines) for _ in range(ROUNDS)], "lines/s"
    )
    published = told("kaa publish, the sending", [await _publishing(stage, records) for _ in range(ROUNDS)])
    bare = told(
        "reference: the same records to one topic", [await _one_topic(stage, records) for _ in range(ROUNDS)]
    )
    checking, publishing = "kaa contracts validate, the check", "kaa publish, the sending"
    return [
        Figure(checking, checked, "the JSON parsed, nothing more", parsed, "lines/s"),
        Figure(checking, checked, "asked for", 10_000, "lines/s", at_least=1),
        Figure(publishing, published, "the same records to one topic", bare, "events/s"),
        Figure(publishing, published, "asked for", 10_000, "events/s", at_least=1),
    ]
