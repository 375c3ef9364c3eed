"""How the commands show that they work: a bar on standard error, and silence from the libraries below."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal; call what it gives with each bit of work done.

    ``total`` None: how much there is to do is not known.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.advance(task, done)


def wide_console() -> Console:
    """Standard output; where it is no terminal, wide enough that no table is cut off."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def without_client_logs() -> None:
    """The Kafka client logs each attempt to connect; a command says it once, in its own words."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
