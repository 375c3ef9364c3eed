"""How `kaa` and the tests find a broker and a database: the addresses in the environment, else a Docker engine, else
on this machine without Docker. Real components in every case."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from localstack import docker, jars
from localstack.errors import StackError
from localstack.kafka import VERSION, kafka_answers, running_kafka, start_kafka
from localstack.places import local_stack
from localstack.postgres import MAJOR, installed, postgres_answers, running_postgres, start_postgres

Part = Literal["kafka", "postgres"]
Way = Literal["environment", "docker", "local"]

#: Starts the part in a container, gives its address and what stops it again.
DockerStart = Callable[[Part], tuple[str, Callable[[], None]]]

NAMES: dict[Part, str] = {"kafka": f"Apache Kafka {VERSION}", "postgres": f"PostgreSQL {MAJOR}"}
VARIABLES: dict[Part, str] = {"kafka": "KAA_KAFKA", "postgres": "KAA_POSTGRES"}


@dataclass(frozen=True, slots=True)
class Found:
    """A broker or database that answers. `stop` ends what finding it started, and nothing that ran before."""

    part: Part
    way: Way
    #: `HOST:PORT[,…]` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`: not for logs.
    address: str = field(repr=False)
    stop: Callable[[], None] = field(repr=False)


def choose(part: Part) -> Way:
    """Which way it will be, without starting anything. `StackError` with what to install if there is none."""
    if os.environ.get(VARIABLES[part]):
        return "environment"
    if docker.engine_answers():
        return "docker"
    try:
        if part == "kafka":
            jars.java()
            if not jars.present():
                raise StackError("the jars of Apache Kafka are not in this checkout: run `make setup`")
        else:
            installed()
    except StackError as missing:
        raise StackError(
            f"no {NAMES[part]}: {VARIABLES[part]} is not set, no Docker engine answers, and {missing}"
        ) from None
    return "local"


def describe(part: Part, way: Way) -> str:
    """One line for people, without a password: `Apache Kafka 4.3.1: on this machine, without Docker`."""
    origin = {
        "environment": f"the one that {VARIABLES[part]} names",
        "docker": f"in a Docker container ({VARIABLES[part]} is not set)",
        "local": f"on this machine, without Docker ({VARIABLES[part]} is not set, no Docker engine answers)",
    }
    name = NAMES[part] if way != "environment" else NAMES[part].rpartition(" ")[0]
    return f"{name}: {origin[way]}"


def find(part: Part, folder: Path, in_docker: DockerStart | None = None) -> Found:
    """Find a broker or database that answers, starting one if need be.

    `folder` keeps the state of both, each in its own sub-folder. `in_docker` says how a container is started: with
    `docker compose` if not given. `StackError` if there is no way, or an address in the environment does not answer.
    """
    way = choose(part)
    if way == "environment":
        address = os.environ[VARIABLES[part]]
        answers = kafka_answers if part == "kafka" else postgres_answers
        if not answers(address):
            raise StackError(
                f"nothing answers at the address in {VARIABLES[part]}: start it, or unset {VARIABLES[part]}"
            )
        return Found(part, way, address, stop=_nothing)
    if way == "docker":
        address, stop = (in_docker or partial(_compose, folder=folder / "compose"))(part)
        return Found(part, way, address, stop)
    ran = running_kafka(folder / part) if part == "kafka" else running_postgres(folder / part)
    running = start_kafka(folder / part) if part == "kafka" else start_postgres(folder / part)
    return Found(part, way, running.address, stop=_nothing if ran is not None else running.stop)


def running_addresses() -> dict[str, str]:
    """Variable → address of what runs of this checkout's local stack; empty when the environment names both."""
    if all(os.environ.get(variable) for variable in VARIABLES.values()):
        return {}
    running = {
        VARIABLES["kafka"]: running_kafka(local_stack() / "kafka"),
        VARIABLES["postgres"]: running_postgres(local_stack() / "postgres"),
    }
    return {variable: found.address for variable, found in running.items() if found is not None}


def _compose(part: Part, folder: Path) -> tuple[str, Callable[[], None]]:
    return docker.compose_up(part, folder), partial(docker.compose_stop, part, folder)


def _nothing() -> None:
    """What ran before we came goes on."""
