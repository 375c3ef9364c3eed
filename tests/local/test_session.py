"""What the test session itself promises: it says what it runs on, leaves nothing behind, and skips nothing in CI."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from localstack.places import CHECKOUT
from tests.local.processes import running_with


def pytest_command(tests: Path) -> list[str]:
    """Another pytest, with our conftest as a plug-in, over a file or folder elsewhere."""
    return [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        str(CHECKOUT / "pyproject.toml"),
        "--rootdir",
        str(tests if tests.is_dir() else tests.parent),
        "-p",
        "no:cacheprovider",
        str(tests),
    ]


def environment(**more: str) -> dict[str, str]:
    """Ours, with the local way as the only one and without CI unless named."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("CI", "KAA_KAFKA", "KAA_POSTGRES")
    }
    return inherited | {"DOCKER_HOST": "tcp://127.0.0.1:1", "PYTHONPATH": str(CHECKOUT)} | more


SKIPPING = """
import pytest

def test_skips_itself():
    pytest.skip("no broker")

@pytest.mark.xfail
def test_is_expected_to_fail():
    raise AssertionError
"""

SKIPPING_AS_A_WHOLE = """
import pytest

pytest.skip("no broker", allow_module_level=True)
"""


def test_in_ci_a_skip_is_a_failure_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    (tmp_path / "test_whole.py").write_text(SKIPPING_AS_A_WHOLE)

    def closing_line(**more: str) -> str:
        command = [*pytest_command(tmp_path), "--continue-on-collection-errors"]
        ran = subprocess.run(
            command, env=environment(**more), cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert ("no test may be skipped in CI" in ran.stdout) == ("CI" in more)
        return ran.stdout.splitlines()[-1]

    assert "2 failed, 1 error" in closing_line(CI="true")
    assert "2 skipped, 1 xfailed" in closing_line()


WAITING = """
import pathlib, time

def test_waits(postgres):
    pathlib.Path(__file__).with_name("address").write_text(postgres)
    time.sleep(60)
"""


@pytest.mark.parametrize("signal", [SIGTERM, SIGKILL])
def test_an_interrupted_session_leaves_no_process_and_no_data(signal: Signals, tmp_path: Path) -> None:
    file = tmp_path / "test_waiting.py"
    file.write_text(WAITING)
    address = tmp_path / "address"
    temp = tmp_path / "temp"
    temp.mkdir()
    session = subprocess.Popen(
        pytest_command(file),
        env=environment(TMPDIR=str(temp)),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not address.exists():
        assert session.poll() is None, session.communicate()[0]
        time.sleep(0.05)
    [folder] = temp.iterdir()
    data = json.loads((folder / "postgres" / "state.json").read_text())["data"]
    assert running_with(data) != []

    session.send_signal(signal)
    printed, _ = session.communicate(timeout=60)

    assert "Apache Kafka 4.3.1: on this machine, without Docker" in printed
    assert "PostgreSQL 18: on this machine, without Docker" in printed
    if signal is SIGKILL:  # then the watcher is not waited for
        limit = time.monotonic() + 30
        while running_with(str(temp)) and time.monotonic() < limit:
            time.sleep(0.05)
    assert list(temp.iterdir()) == []
    assert not Path(data).exists()
    assert running_with(data) == []
    assert running_with(str(temp)) == []
