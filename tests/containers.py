"""A broker and a database in throw-away containers, for a machine with a Docker engine.

Honestly: this is not exercised in our CI, where there is no Docker engine.
"""

import secrets
import time
from collections.abc import Callable

import pytest

from localstack.kafka import VERSION, kafka_answers
from localstack.ports import HOST, free_port
from localstack.postgres import ADMIN, MAJOR, postgres_answers
from localstack.ways import Part

_LIMIT = 120.0  # seconds, after the image is there


def start(part: Part) -> tuple[str, Callable[[], None]]:
    """Start one container; its address, once it answers, and what stops and removes it."""
    # Only here: importing it asks for a Docker engine's settings.
    from testcontainers.core.container import DockerContainer

    port = free_port()
    if part == "kafka":
        container = DockerContainer(f"apache/kafka:{VERSION}").with_bind_ports(port, port)
        address = f"{HOST}:{port}"
        settings = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        }
        answers = kafka_answers
    else:
        password = secrets.token_urlsafe(24)
        container = DockerContainer(f"postgres:{MAJOR}").with_bind_ports(5432, port)
        address = f"postgresql://{ADMIN}:{password}@{HOST}:{port}/postgres"
        settings = {"POSTGRES_USER": ADMIN, "POSTGRES_PASSWORD": password, "POSTGRES_DB": "postgres"}
        answers = postgres_answers
    for name, value in settings.items():
        container.with_env(name, value)
    container.start()
    deadline = time.monotonic() + _LIMIT
    while not answers(address):
        if time.monotonic() > deadline:
            container.stop()
            pytest.fail(f"{part} in a container did not answer within {_LIMIT:.0f} s")
        time.sleep(0.2)
    return address, container.stop
