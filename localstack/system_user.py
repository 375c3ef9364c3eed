"""The user that PostgreSQL runs as when we are root: it refuses to run as root itself."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from localstack.errors import StackError
from localstack.places import CHECKOUT

NAME = "kaa_postgres"


class Identity(TypedDict, total=False):
    """Arguments of `subprocess` that name the user to run as; none of them: as ourselves."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class SystemUser:
    """An account without a password or a home of its own."""

    uid: int
    gid: int

    def reaches(self, folder: Path) -> bool:
        """Whether every folder on the way down lets this user through."""
        entered = subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **run_as(self),
        )
        return entered.returncode == 0

    def runs(self, program: Path) -> bool:
        """Whether this user can run the program with its libraries."""
        try:
            answered = subprocess.run(
                [str(program), "--version"],
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                **run_as(self),
            )
        except (PermissionError, FileNotFoundError):
            return False
        return answered.returncode == 0


def run_as(user: SystemUser | None) -> Identity:
    """What `subprocess` needs to run something as this user, with no group of ours left; None: as ourselves."""
    return {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}


def when_root() -> SystemUser | None:
    """None when we are not root; else the account `kaa_postgres`, made the first time."""
    if os.geteuid() != 0:
        return None
    try:
        account = pwd.getpwnam(NAME)
    except KeyError:
        useradd = shutil.which("useradd", path=os.defpath + ":/usr/sbin:/sbin")
        if useradd is None:
            raise StackError(
                f"PostgreSQL does not run as root, and there is no useradd to make the system user {NAME}: "
                "make that user, or run as another user than root"
            ) from None
        made = subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode not in (0, 9):  # 9: another start made it in the meantime
            raise StackError(f"cannot make the system user {NAME}: {made.stderr.strip()}") from None
        account = pwd.getpwnam(NAME)
    return SystemUser(uid=account.pw_uid, gid=account.pw_gid)


def open_place() -> Path:
    """A folder of this checkout outside it, for what `kaa_postgres` must reach when the checkout is closed to others:
    under /var/tmp where there is one, which unlike /tmp is kept over a restart of the machine."""
    place = open_place_path()
    place.mkdir(mode=0o755, exist_ok=True)
    # Anyone may make a folder there: one that is a link or another user's is a trap.
    if place.is_symlink() or place.stat().st_uid != os.geteuid():
        raise StackError(f"{place} belongs to another user: remove it, then try again")
    place.chmod(0o755)
    return place


def open_place_path() -> Path:
    """Where `open_place` is or would be."""
    base = Path("/var/tmp") if os.access("/var/tmp", os.W_OK) else Path(tempfile.gettempdir())
    return base / f"kaa-{hashlib.sha256(bytes(CHECKOUT)).hexdigest()[:12]}"
