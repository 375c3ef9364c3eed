"""`make setup`: everything the project needs, into the checkout. Run by any Python of 3.11 or later, before anything
is installed; a second run finds its work done and downloads nothing.

Into `.venv`: the packages of requirements.lock, each by its hash, and the project itself. Into `.kaa/kafka/lib`: the
jars of Apache Kafka.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

from localstack import jars
from localstack.errors import StackError
from localstack.places import CHECKOUT

_VENV = CHECKOUT / ".venv"
_PYTHON = _VENV / "bin" / "python"
_STAMP = _VENV / "installed-from"
_LOCK = CHECKOUT / "requirements.lock"


def main() -> int:
    """Exit status 0 when everything is in place, 2 when something is missing on the machine or cannot be fetched."""
    try:
        (CHECKOUT / ".kaa").mkdir(exist_ok=True)
        with (CHECKOUT / ".kaa" / "setup.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _install()
    except (StackError, PermissionError) as error:
        print(f"make setup: {error}", file=sys.stderr)
        return 2
    return 0


def _install() -> None:
    if not jars.present():
        print("Resolving the jars of Apache Kafka (46 jars, 43 MB) …", flush=True)
        jars.resolve()
    if not _venv_works():
        _make_venv()
    if not _STAMP.exists() or _STAMP.read_text() != _digest():
        print("Installing the packages of requirements.lock …", flush=True)
        _pip("--require-hashes", "--requirement", str(_LOCK))
        # Its build backend is in the lock too: nothing is fetched without a hash.
        _pip("--no-deps", "--no-build-isolation", "--editable", str(CHECKOUT))
        _STAMP.write_text(_digest())


def _digest() -> str:
    """Changes when what is to be installed does."""
    content = hashlib.sha256()
    for source in (_LOCK, CHECKOUT / "pyproject.toml"):
        content.update(hashlib.sha256(source.read_bytes()).digest())
    return content.hexdigest()


def _venv_works() -> bool:
    """False also for one that came along when the checkout was copied: its programs start the other's Python."""
    activate = _VENV / "bin" / "activate"
    return os.access(_PYTHON, os.X_OK) and activate.exists() and str(_VENV) in activate.read_text()


def _make_venv() -> None:
    print(f"Making .venv with Python {sys.version_info.major}.{sys.version_info.minor} …", flush=True)
    shutil.rmtree(_VENV, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(_VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(_VENV, ignore_errors=True)
        raise StackError(
            f"{sys.executable} cannot make a virtual environment: install its venv module "
            "(Debian, Ubuntu: apt-get install python3-venv)"
        )


def _pip(*arguments: str) -> None:
    command = [str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise StackError("pip could not install what the project needs: see its lines above")


if __name__ == "__main__":
    sys.exit(main())
