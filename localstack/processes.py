"""Processes that outlive the command that started them, recognised again by pid and time of start."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import psutil

from localstack.errors import StackError
from localstack.system_user import SystemUser, run_as

#: Two readings of one process's start differ by the rounding of the boot time; a reused pid differs by far more.
_SAME_START_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `started` is in seconds after the machine's boot, so that setting the clock does not change it."""

    pid: int
    started: float

    def alive(self) -> bool:
        """False also for a pid that now belongs to another process, and for a zombie that nobody reaped."""
        return self._found() is not None

    def stop(self, signal: Signals, patience: float) -> None:
        """Ask with `signal`; after `patience` seconds SIGKILL it and what it started. Gone on return."""
        if (found := self._found()) is None:
            return
        family = _family(found)
        _send(found, signal)
        if not (_gone([found], patience) and _gone(family, 2.0)):
            _kill(family)

    def kill(self) -> None:
        """SIGKILL it and what it started, as a power cut would. Gone on return."""
        if (found := self._found()) is not None:
            _kill(_family(found))

    def _found(self) -> psutil.Process | None:
        try:
            found = psutil.Process(self.pid)
            same = abs(_started(found) - self.started) < _SAME_START_SECONDS
        except psutil.NoSuchProcess:
            return None
        return found if same and not is_zombie(self.pid) else None


def launch(
    arguments: list[str],
    log: Path,
    user: SystemUser | None = None,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a process in a session of its own, with its output appended to `log`.

    A shell starts it and leaves, so that it is nobody's child: a Ctrl-C in the terminal does not reach it, and the
    caller has nothing to reap. `arguments` are visible to every user of the machine: no secrets; `environment`, which
    is added to ours, only to the one it runs as. `StackError` when it ended at once.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", 'exec 3>&1 1>&2; "$@" 3>&- & echo $! >&3', "sh", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd="/",
            env=os.environ | (environment or {}),
            start_new_session=True,
            **run_as(user),
        )
        printed, _ = shell.communicate()
    pid = int(printed)
    try:
        return Process(pid=pid, started=_started(psutil.Process(pid)))
    except psutil.NoSuchProcess:
        raise StackError(f"{Path(arguments[0]).name} ended as soon as it was started: see {log}") from None


def _started(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]


def _send(process: psutil.Process, signal: Signals) -> None:
    try:
        process.send_signal(signal)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise StackError(
            f"process {process.pid} belongs to another user: stop it as the user who started it"
        ) from None


def _kill(family: list[psutil.Process]) -> None:
    for process in family:
        _send(process, Signals.SIGKILL)
    if not _gone(family, 10.0):
        raise StackError(
            f"process {family[0].pid} is still there ten seconds after SIGKILL: look at it with ps"
        )


def is_zombie(pid: int) -> bool:
    """Whether the process has ended and only its entry in the process table is left: for seconds where the first
    process of the machine reaps seldom, for good in a container where it reaps nobody."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _gone(processes: list[psutil.Process], patience: float) -> bool:
    limit = time.monotonic() + patience
    while any(process.is_running() and not is_zombie(process.pid) for process in processes):
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True
