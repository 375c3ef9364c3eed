"""A folder for a stack that must not outlive its user: a test session, a benchmark.

A watcher in a process of its own does the clearing up, so that it happens in whatever way the user ends. A test run
stopped by SIGKILL would else leave a broker of 300 MB behind: seen, several a day.

Run as `python -m localstack.throwaway FOLDER` it is the watcher: it waits until its standard input ends, which the
system sees to when the user's process is gone.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals

from localstack.kafka import forget_kafka
from localstack.places import CHECKOUT
from localstack.postgres import forget_postgres
from localstack.running import recorded

#: Seconds for what is neither of the two to stop by itself.
_PATIENCE = 20.0


@contextmanager
def throwaway_folder() -> Iterator[Path]:
    """A new folder under the system's temp folder. Afterwards what `ways.find` or the start functions started in its
    sub-folders (`kafka` and `postgres` by these names) is stopped and all data are gone."""
    folder = Path(tempfile.mkdtemp(prefix="kaa-throwaway-"))
    # PostgreSQL's own user must get through when we are root; the data folders below are closed to others.
    folder.chmod(0o711)
    watcher = subprocess.Popen(
        [sys.executable, "-m", "localstack.throwaway", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=CHECKOUT,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        watcher.communicate()


def _watch(folder: Path) -> None:
    sys.stdin.read()
    forget_kafka(folder / "kafka")
    forget_postgres(folder / "postgres")
    for other in folder.glob("*/process.json"):
        if (process := recorded(other.parent)) is not None:
            process.stop(Signals.SIGTERM, _PATIENCE)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
