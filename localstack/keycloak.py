"""Keycloak on this machine without Docker, for `make test-oidc`: a real issuer with an imported realm.

Its zip comes by Maven, once, into the checkout. It runs in development mode, on loopback, with its data in memory.

Run as `python -m localstack.keycloak` it fetches what is missing.
"""

import hashlib
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from signal import Signals
from typing import Final

from localstack import jars
from localstack.errors import StackError
from localstack.oidc import oidc_answers
from localstack.places import KEYCLOAK, KEYCLOAK_POM, KEYCLOAK_REALM
from localstack.ports import HOST, free_port
from localstack.processes import launch
from localstack.running import Running, locked, see_it_up

#: The realm of deploy/local/keycloak/realm.json.
REALM: Final = "kaa"

_LOCK: Final = KEYCLOAK.with_name("keycloak.lock")
#: Instead of Keycloak's own options, which choose another collector. No second, optimising compiler, as for Kafka.
_JAVA_OPTIONS: Final = (
    "-Xms64m -Xmx512m -XX:MetaspaceSize=96m -XX:MaxMetaspaceSize=256m -XX:+ExitOnOutOfMemoryError "
    "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8"
)


def present() -> bool:
    """Whether the Keycloak of exactly this pom.xml is in the checkout."""
    stamp = KEYCLOAK / "of-pom"
    return stamp.exists() and stamp.read_text() == _pom_digest()


def make_present() -> None:
    """Have Maven fetch what is not in the checkout yet. `StackError` when it cannot be had."""
    with locked(_LOCK):
        if not present():
            print("Resolving Keycloak (170 MB) …", flush=True)
            _resolve()


def _resolve() -> None:
    jars.java()
    fresh = KEYCLOAK.with_name("keycloak.new")
    jars.copy_dependencies(KEYCLOAK_POM, fresh, "keycloak-quarkus-dist-*.zip")
    (packed,) = fresh.glob("*.zip")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(fresh)
    packed.unlink()
    (unpacked,) = fresh.iterdir()
    unpacked.rename(fresh / "server")
    for script in (fresh / "server" / "bin").glob("*.sh"):
        script.chmod(0o755)
    shutil.rmtree(KEYCLOAK, ignore_errors=True)
    fresh.rename(KEYCLOAK)
    (KEYCLOAK / "of-pom").write_text(_pom_digest())


def start_keycloak(folder: Path, values: Mapping[str, str]) -> Running:
    """Start a Keycloak with the realm, whose placeholders `${NAME}` get these values; it answers on return.

    The realm's issuer is the address of what is returned. `StackError` when it cannot be had or does not come up.
    """
    make_present()
    # one at a time until it has read the realm, which lies in the checkout
    with locked(_LOCK):
        server, port = KEYCLOAK / "server", free_port()
        realm = server / "data" / "import" / KEYCLOAK_REALM.name
        realm.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(KEYCLOAK_REALM, realm)
        log = folder / "keycloak.log"
        process = launch(
            [
                str(server / "bin" / "kc.sh"),
                "start-dev",
                f"--http-host={HOST}",
                f"--http-port={port}",
                f"--hostname=http://{HOST}:{port}",
                "--db=dev-mem",
                "--cache=local",
                "--import-realm",
            ],
            log,
            environment={"JAVA": jars.java(), "JAVA_OPTS": _JAVA_OPTIONS, **values},
        )
        running = Running(f"http://{HOST}:{port}/realms/{REALM}", folder, folder, process, Signals.SIGTERM)
        see_it_up(running, oidc_answers, "Keycloak", log)
        return running


def _pom_digest() -> str:
    return hashlib.sha256(KEYCLOAK_POM.read_bytes()).hexdigest()


def main() -> int:
    """Exit status 2 when it cannot be had."""
    try:
        make_present()
    except StackError as error:
        print(f"make test-oidc: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
