"""What runs on the machine, as `ps` shows it to everyone."""

from collections.abc import Iterator

import psutil


def arguments() -> Iterator[str]:
    """The whole command line of every process that still runs."""
    for process in psutil.process_iter():
        try:
            yield " ".join(process.cmdline())
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def running_with(text: str) -> list[str]:
    """The command lines that contain the text."""
    return [line for line in arguments() if text in line]
