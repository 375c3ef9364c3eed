"""What every test stands on: one broker and one database a session, real ones, started when first asked for.

Where they are found: `localstack.ways`. No skips in CI: a test that cannot run there is a failed test.
"""

import os
import signal
from collections.abc import Generator, Iterator
from types import FrameType

import pytest
import structlog

from localstack.errors import StackError
from localstack.throwaway import throwaway_folder
from localstack.ways import NAMES, VARIABLES, Part, choose, describe, find
from tests import containers

PARTS: tuple[Part, ...] = ("kafka", "postgres")


def pytest_configure() -> None:
    """A SIGTERM or a closed terminal ends the run as Ctrl-C does: with the broker and the database stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def pytest_xdist_auto_num_workers() -> int:
    """How many run at once: each with a broker and a database of its own, so one alone where they are given."""
    return 1 if any(os.environ.get(name) for name in VARIABLES.values()) else min(os.cpu_count() or 1, 4)


def pytest_report_header() -> list[str]:
    """Say which broker and database the tests use."""
    lines = []
    for part in PARTS:
        try:
            lines.append(describe(part, choose(part)))
        except StackError as missing:
            lines.append(f"{NAMES[part]}: none; {missing}")
    return lines


@pytest.fixture(autouse=True)
def short_logs() -> Iterator[None]:
    """structlog's own console shows the locals of every frame of an error, and takes seconds for each.

    For every test anew: some set up logs of their own, and the next in the same process would wait for those tables.
    """
    brief = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), brief]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The broker's address, `HOST:PORT`. One for the whole session: give topics and groups names of your own."""
    yield from _part("kafka")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The server's address for a role that may create databases and roles, `postgresql://…`. One for the session."""
    yield from _part("postgres")


def _part(part: Part) -> Iterator[str]:
    with throwaway_folder() as folder:
        found = find(part, folder, in_docker=containers.start)
        yield found.address
        found.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped or expectedly failing test is a failed test."""
    report = yield
    _fail_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a file that skips itself is a failed file."""
    report = yield
    _fail_skipped(report)
    return report


def _fail_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") and report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else "expected to fail"
        report.outcome = "failed"
        report.longrepr = f"no test may be skipped in CI ({why}): make it run, or remove it"


def _interrupt(number: int, _: FrameType | None) -> None:
    # Once: a second signal must not break off the stopping that the first one began.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)
