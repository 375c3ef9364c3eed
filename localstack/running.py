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

#: Seconds to answer: a new PostgreSQL takes 0.1, a new Kafka 3, a Kafka killed with 1,100 topics 13.
_START_PATIENCE = 120.0


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
    with _as_its_owner(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def recall(folder: Path) -> dict[str, Any]:
    """What the last start wrote to state.json; empty for a new folder."""
    return _read(folder / "state.json")


def remember(folder: Path, state: dict[str, Any]) -> None:
    """Write state.json, whole or not at all, readable by its owner only: PostgreSQL's holds the password."""
    _write(folder / "state.json", state)


def recorded(folder: Path) -> Process | None:
    """The process that a start noted in the folder, if it is alive and the very same."""
    if not (noted := _read(_process_file(folder))):
        return None
    process = Process(pid=noted["pid"], started=noted["started"])
    return process if process.alive() else None


def see_it_up(running: Running, answers: Callable[[str], bool], name: str, log: Path) -> None:
    """Note the new process in its folder and wait until it answers at its address.

    `StackError` when it ends first or does not answer in two minutes. Then, and when we are interrupted, it is
    stopped again.
    """
    answered = False
    try:
        _write(
            _process_file(running.folder), {"pid": running.process.pid, "started": running.process.started}
        )
        deadline = time.monotonic() + _START_PATIENCE
        while not answers(running.address):
            if not running.alive():
                raise StackError(f"{name} ended while it started: see {log}")
            if time.monotonic() > deadline:
                raise StackError(f"{name} did not answer within {_START_PATIENCE:.0f} s: see {log}")
            time.sleep(0.05)
        answered = True
    finally:
        if not answered:
            running.stop()


def _process_file(folder: Path) -> Path:
    return folder / "process.json"


def _read(path: Path) -> dict[str, Any]:
    with _as_its_owner(path.parent):
        try:
            content: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        return content


def _write(path: Path, content: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    new.rename(path)


@contextmanager
def _as_its_owner(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise StackError(f"{folder} is closed to this user: use it as the user who made it") from None
