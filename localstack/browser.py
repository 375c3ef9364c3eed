"""The browser of the tests: the one that KAA_BROWSER names, else an installed Chromium or Chrome, else a fetched one.

Fetched is Debian's package when we are root, else a build of Playwright's into `.kaa/browser`.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from localstack.errors import StackError
from localstack.places import CHECKOUT

#: Belongs to the checkout, not to a running stack: KAA_HOME does not move it.
_FOLDER = CHECKOUT / ".kaa" / "browser"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGE: Final = "chromium"
_INSTALL: Final = (
    "install Chromium or Google Chrome, or name one in KAA_BROWSER "
    f"(Debian: apt-get update; apt-get install {_PACKAGE})"
)
#: A browser answers its version in a fraction of this, once its libraries are there.
_ANSWER_SECONDS: Final = 60


def find() -> Path:
    """The program; what it costs is 100 to 200 MB of downloads the first time, where no browser is installed.

    Raises StackError with what to install.
    """
    stated = os.environ.get("KAA_BROWSER")
    if stated:
        if not _runs(Path(stated)):
            raise StackError(f"KAA_BROWSER names {stated}, which does not run as a browser: {_INSTALL}")
        return Path(stated)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _installed() or _of_playwright() or _package() or _download()
    if found is None:
        raise StackError(f"no browser found, and none could be fetched: {_INSTALL}")
    return found


def _installed() -> Path | None:
    there = (shutil.which(name) for name in _NAMES)
    return next((Path(program) for program in there if program and _runs(Path(program))), None)


def _of_playwright() -> Path | None:
    """What an earlier `_download` has left."""
    there = sorted(_FOLDER.glob("chromium-*/chrome-*/chrome")) + sorted(
        _FOLDER.glob("chromium-*/chrome-*/*.app/Contents/MacOS/*")
    )
    return next((program for program in reversed(there) if _runs(program)), None)


def _package() -> Path | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print(f"Installing the package {_PACKAGE} for the tests in a browser …", file=sys.stderr, flush=True)
    install = ("apt-get", "install", "--yes", "--no-install-recommends", _PACKAGE)
    if not _done(*install):
        # an image of Debian comes without the lists of its packages
        _done("apt-get", "update")
        _done(*install)
    # on Ubuntu the package of that name is only a pointer to another store: nothing runs after it
    return _installed()


def _download() -> Path | None:
    print("Fetching Playwright's Chromium for the tests in a browser …", file=sys.stderr, flush=True)
    _done(sys.executable, "-m", "playwright", "install", "chromium")
    return _of_playwright()


def _done(*command: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "PLAYWRIGHT_BROWSERS_PATH": str(_FOLDER)}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.returncode == 0


def _runs(program: Path) -> bool:
    """Whether it starts at all: a build without its libraries does not."""
    try:
        answered = subprocess.run(
            [str(program), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answered.returncode == 0
