"""The services of an installation as processes in the background, on the broker and database of the environment."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from signal import Signals

from localstack.errors import StackError
from localstack.places import local_stack
from localstack.processes import launch
from localstack.running import Running, locked, recorded, see_it_up

_ENDINGS = ".address"


def services_folder() -> Path:
    """Where their logs and addresses are."""
    return local_stack() / "services"


def start_service(name: str, service: str) -> Running:
    """Starts ``kaa run SERVICE`` in the background under a name, or finds it running; it has joined on return.

    Its settings are those of this process's environment. ``StackError`` when it ends or does not come up.
    """
    folder = services_folder() / name
    with locked(folder):
        found = running_service(name)
        if found is not None:
            return found
        for left in folder.glob(f"*{_ENDINGS}"):
            left.unlink()
        os.environ["KAA_HEALTH_FOLDER"] = str(folder)
        log = folder / "service.log"
        process = launch([sys.executable, "-m", "kaa", "run", service], log)
        running = Running(str(folder), folder, folder, process, Signals.SIGTERM)
        see_it_up(running, _started, f"the service {name}", log)
        return running


def running_service(name: str) -> Running | None:
    """The process of that name, if it runs."""
    folder = services_folder() / name
    process = recorded(folder)
    return None if process is None else Running(str(folder), folder, folder, process, Signals.SIGTERM)


def names() -> list[str]:
    """All that were ever started here and not forgotten."""
    folder = services_folder()
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def stop_services() -> list[str]:
    """Stops all of them, each after the batch in hand; gives the names of those that ran."""
    stopped = []
    for name in names():
        running = running_service(name)
        if running is not None:
            running.stop()
            stopped.append(name)
    return stopped


def health(folder: Path, kind: str) -> tuple[bool, str]:
    """The answer of a service to ``startup``, ``live`` or ``ready``: (good, reason)."""
    files = list(folder.glob(f"*{_ENDINGS}"))
    if not files:
        return False, "does not answer"
    try:
        address = files[0].read_text().strip()
        with urllib.request.urlopen(f"{address}/health/{kind}", timeout=3) as answer:
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        body = json.load(error)
    except (OSError, ValueError):
        return False, "does not answer"
    return body["status"] == "ok", str(body["reason"])


def wait_ready(name: str, seconds: float = 60) -> None:
    """Returns when the service is ready. ``StackError`` when it is not in time."""
    until = time.monotonic() + seconds
    while True:
        good, reason = health(services_folder() / name, "ready")
        if good:
            return
        if time.monotonic() > until:
            raise StackError(f"the service {name} is not ready after {seconds:.0f} s: {reason}")
        time.sleep(0.2)


def _started(folder: str) -> bool:
    return health(Path(folder), "startup")[0]
