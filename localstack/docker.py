"""A Docker engine as the second way to a broker and a database.

Honestly: neither this nor deploy/compose.yaml is exercised by our tests or CI, where there is no Docker engine.
"""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from localstack.errors import StackError
from localstack.places import CHECKOUT, COMPOSE_FILE
from localstack.ports import HOST, free_port
from localstack.postgres import ADMIN
from localstack.running import locked, recall, remember

_COMPOSE_LIMIT = 600  # seconds: the first time it fetches the images


def engine_answers() -> bool:
    """Whether `docker info` answers within five seconds."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(
            ["docker", "info"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=5,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def compose_up(service: str, folder: Path) -> str:
    """Start `kafka` or `postgres` of deploy/compose.yaml and give its address. Not exercised here (see above).

    The compose file gets KAA_KAFKA_PORT, KAA_POSTGRES_PORT and KAA_POSTGRES_PASSWORD from the environment; they are
    chosen at the first start and kept in the folder, and the project is named after it: checkouts stay apart.
    """
    with locked(folder):
        state = recall(folder)
        if not state:
            state = {
                "project": f"kaa-{secrets.token_hex(4)}",
                "kafka_port": free_port(),
                "postgres_port": free_port(),
                "password": secrets.token_urlsafe(24),
            }
            remember(folder, state)
    _compose(folder, "up", "--detach", "--wait", service)
    if service == "kafka":
        return f"{HOST}:{state['kafka_port']}"
    return f"postgresql://{ADMIN}:{state['password']}@{HOST}:{state['postgres_port']}/postgres"


def compose_stop(service: str, folder: Path) -> None:
    """Stop the container and keep its data. Not exercised here (see above)."""
    _compose(folder, "stop", service)


def _compose(folder: Path, *arguments: str) -> None:
    state = recall(folder)
    environment = os.environ | {
        "KAA_KAFKA_PORT": str(state["kafka_port"]),
        "KAA_POSTGRES_PORT": str(state["postgres_port"]),
        "KAA_POSTGRES_PASSWORD": state["password"],
    }
    command = [
        "docker",
        "compose",
        "--project-name",
        state["project"],
        "--file",
        str(COMPOSE_FILE),
        *arguments,
    ]
    try:
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMPOSE_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackError(
            f"`docker compose {' '.join(arguments)}` took over {_COMPOSE_LIMIT} s: try it by hand"
        ) from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise StackError(f"`docker compose {' '.join(arguments)}` failed: {said[-1]}")
