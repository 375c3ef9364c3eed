"""`promtool`, which checks and tests the alert rules: one that is there, else that of Debian's package `prometheus`.

The package is unpacked into `.kaa/promtool`, not installed: nothing of it runs, and no other file of it is kept.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from localstack.errors import StackError
from localstack.places import CHECKOUT

#: Belongs to the checkout, not to a running stack: KAA_HOME does not move it.
_FOLDER = CHECKOUT / ".kaa" / "promtool"
_PACKAGE = "prometheus"
_INSTALL = (
    "put promtool of Prometheus 2.40 or later on PATH, or name it in KAA_PROMTOOL "
    f"(Debian, Ubuntu: apt-get update; apt-get install {_PACKAGE})"
)


def find() -> Path:
    """The program: of KAA_PROMTOOL, else of PATH, else unpacked here, which downloads 19 MB the first time.

    Raises StackError with what to install.
    """
    stated = os.environ.get("KAA_PROMTOOL")
    if stated:
        if not os.access(stated, os.X_OK) or Path(stated).is_dir():
            raise StackError(f"KAA_PROMTOOL names {stated}, which is no program: {_INSTALL}")
        return Path(stated)
    on_path = shutil.which("promtool")
    if on_path:
        return Path(on_path)
    program = _FOLDER / "promtool"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _unpack(program)
    return program


def _unpack(program: Path) -> None:
    for needed in ("apt-get", "dpkg"):
        if shutil.which(needed) is None:
            raise StackError(f"no promtool found, and no {needed} to get it with: {_INSTALL}")
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        if not _run(folder, "apt-get", "download", _PACKAGE) and os.geteuid() == 0:
            # an image of Debian comes without the lists of its packages
            _run(folder, "apt-get", "update")
            _run(folder, "apt-get", "download", _PACKAGE)
        packages = sorted(Path(folder).glob(f"{_PACKAGE}_*.deb"))
        if not packages:
            raise StackError(f"no promtool found, and apt-get could not download {_PACKAGE}: {_INSTALL}")
        unpacked = Path(folder) / "unpacked" / "usr" / "bin" / "promtool"
        if not _run(folder, "dpkg", "-x", packages[0].name, "unpacked") or not unpacked.exists():
            raise StackError(
                f"the package {packages[0].name} holds no promtool that could be unpacked: {_INSTALL}"
            )
        unpacked.replace(program)


def _run(folder: str, *command: str) -> bool:
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0
