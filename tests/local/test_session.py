"""What the test session itself promises: it says what it runs on, leaves nothing behind, and skips nothing in CI."""

import os
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGTERM

import pytest

from localstack.places import CHECKOUT
from tests.local.processes import running_with


def pytest_command(test_file: Path) -> list[str]:
    """Another pytest, with our conftest as a plug-in, over one file elsewhere."""
    return [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        str(CHECKOUT / "pyproject.toml"),
        "--rootdir",
        str(test_file.parent),
        "-p",
        "no:cacheprovider",
        str(test_file),
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


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (SKIPPING, "2 failed"),
        ("import pytest\npytest.skip('no broker', allow_module_level=True)\n", "1 error"),
    ],
)
def test_in_ci_a_skip_is_a_failure_that_says_so(content: str, outcome: str, tmp_path: Path) -> None:
    file = tmp_path / "test_skipping.py"
    file.write_text(content)

    in_ci = subprocess.run(
        pytest_command(file),
        env=environment(CI="true"),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    elsewhere = subprocess.run(
        pytest_command(file), env=environment(), cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert in_ci.returncode != 0
    assert outcome in in_ci.stdout.splitlines()[-1]
    assert "no test may be skipped in CI" in in_ci.stdout
    assert "skipped" in elsewhere.stdout.splitlines()[-1]


WAITING = """
import pathlib, time

def test_waits(postgres):
    pathlib.Path(__file__).with_name("address").write_text(postgres)
    time.sleep(60)
"""


def test_an_interrupted_session_leaves_no_process_and_no_data(tmp_path: Path) -> None:
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
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not address.exists():
        assert session.poll() is None, session.communicate()[0]
        time.sleep(0.05)
    [folder] = temp.glob("kaa-tests-*")
    log = folder / "postgres" / "postgres.log"
    assert log.exists()

    session.send_signal(SIGTERM)
    printed, _ = session.communicate(timeout=30)

    assert "KeyboardInterrupt" in printed
    assert "Apache Kafka 4.3.1: on this machine, without Docker" in printed
    assert "PostgreSQL 18: on this machine, without Docker" in printed
    assert list(temp.glob("kaa-tests-*")) == []
    assert running_with(str(temp)) == []
