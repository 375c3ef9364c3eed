"""A broker or database that runs, and what its folder remembers from one start to the next."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import Any

from localstack.errors import StackError
from localstack.processes import Process

#: Seconds to shut down in an orderly way before SIGKILL. Kafka with many topics takes the longest: 3 s for a few.
_STOP_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """One broker or database of ours. Its data stay in the folder when it stops or dies; starting again brings back
    the same address."""

    #: `127.0.0.1:PORT` for Kafka, `postgresql://…` with the password for PostgreSQL.
    address: str = field(repr=False)
    folder: Path
    #: Where the data are: in `folder`, or outside it when PostgreSQL's own user could not get there.
    data: Path
    process: Process
    #: What asks for an orderly stop.
    stop_signal: Signals

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self.process.alive()

    def stop(self) -> None:
        """Orderly, with SIGKILL after a minute. No process of it is left on return."""
        self.process.stop(self.stop_signal, _STOP_PATIENCE)
        _process_file(self.folder).unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL, as a power cut would. No process of it is left on return."""
        self.process.kill()
        _process_file(self.folder).unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One start or stop at a time in a folder, also between commands; makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def recall(folder: Path) -> dict[str, Any]:
    """What the last start wrote to state.json; empty for a new folder."""
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise StackError(
            f"{folder} belongs to another user: use the stack as the user who started it"
        ) from None
    return state


def remember(folder: Path, state: dict[str, Any]) -> None:
    """Write state.json, whole or not at all, readable by its owner only: PostgreSQL's holds the password."""
    _write(folder / "state.json", state)


def record(folder: Path, process: Process) -> None:
    """Note the process that runs on this folder."""
    _write(_process_file(folder), {"pid": process.pid, "started": process.started})


def recorded(folder: Path) -> Process | None:
    """The noted process, if it is alive and the very same."""
    try:
        noted = json.loads(_process_file(folder).read_text())
    except FileNotFoundError:
        return None
    except PermissionError:
        raise StackError(
            f"{folder} belongs to another user: use the stack as the user who started it"
        ) from None
    process = Process(pid=noted["pid"], started=noted["started"])
    return process if process.alive() else None


def wait_until(answers: Callable[[], bool], process: Process, *, what: str, log: Path, limit: float) -> None:
    """Poll until the server answers. An error when its process ends first, or after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not answers():
        if not process.alive():
            raise StackError(f"{what} ended while it started: see {log}")
        if time.monotonic() > deadline:
            raise StackError(f"{what} did not answer within {limit:.0f} s: see {log}")
        time.sleep(0.05)


def _process_file(folder: Path) -> Path:
    return folder / "process.json"


def _write(path: Path, content: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    new.rename(path)
