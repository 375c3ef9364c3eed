"""Processes that outlive a command: recognised by pid and start, stopped for good."""

import os
from pathlib import Path
from signal import SIGTERM

import psutil

from localstack.processes import Process, launch
from tests.local.processes import running_with


def test_a_pid_that_now_belongs_to_another_process_is_not_taken_for_ours(tmp_path: Path) -> None:
    ours = launch(["/bin/sleep", "60"], tmp_path / "log")
    reused = Process(pid=ours.pid, started=ours.started - 60)

    reused.stop(SIGTERM, patience=5)
    reused.kill()

    assert not reused.alive()
    assert ours.alive(), "another process with our old pid was stopped"
    ours.kill()
    assert not ours.alive()


def test_a_process_is_in_a_session_of_its_own_and_nobodys_child(tmp_path: Path) -> None:
    process = launch(["/bin/sleep", "60"], tmp_path / "log")
    try:
        assert os.getsid(process.pid) != os.getsid(0)
        assert process.pid not in {child.pid for child in psutil.Process().children()}
    finally:
        process.kill()


def test_who_does_not_stop_when_asked_is_killed_with_all_it_started(tmp_path: Path) -> None:
    marker = f"60.{os.getpid()}"
    stubborn = launch(
        ["/bin/sh", "-c", f"trap '' TERM; sleep {marker} & sleep {marker}; sleep 60"], tmp_path / "log"
    )
    while len(running_with(f"sleep {marker}")) < 3:
        assert stubborn.alive()

    stubborn.stop(SIGTERM, patience=0.3)

    assert not stubborn.alive()
    assert running_with(f"sleep {marker}") == []
