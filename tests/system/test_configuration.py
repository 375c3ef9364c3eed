"""Bad configuration, and brokers and databases out of reach: one clear line, and what heals is waited for.

Exit status 2 is for what starting anew does not heal, and for commands that cannot be carried out.
"""

import asyncio
import json
import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

from servicekit.settings import Service
from tests.system.installation import Installation

NOWHERE = "127.0.0.1:1"
UNKNOWN_HOST = "no-such-host.invalid"
DATABASE = f"postgresql://kaa:geheim@{NOWHERE}/kaa_registry"


def environment(here: Installation, **changes: str | None) -> dict[str, str]:
    """What a process of the installation finds, with changes (KAA_…); None takes one away."""
    stated = here.settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    # no other stack of this checkout stands in for what is taken away
    ours = {"KAA_HOME": str(here.folder)} | {
        f"KAA_{name.upper()}": str(value) for name, value in stated.items()
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KAA_")}
    return clean | {name: value for name, value in (ours | changes).items() if value is not None}


def other(url: str, **parts: str) -> str:
    """An address with other parts: ``password``, ``path``."""
    split = urlsplit(url)
    if "password" in parts:
        split = split._replace(netloc=split.netloc.replace(split.password or "", parts["password"]))
    return urlunsplit(split._replace(path=parts.get("path", split.path)))


async def said_of(arguments: list[str], environment: dict[str, str]) -> tuple[int | None, list[str]]:
    """Exit status and lines of a process that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kaa", *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, out.decode().splitlines()


def reason_in(line: str) -> str:
    """What a line says: a log line's reason, or the line of a command."""
    return str(json.loads(line)["reason"]) if line.startswith("{") else line


async def test_a_service_says_in_one_line_what_starting_anew_does_not_heal(
    installation: Installation,
) -> None:
    """Wrong environment, wrong password, no database, no tables, no rights, no directory: exit status 2."""
    here = installation
    right = here.settings.database("registry")
    await here.as_owner(
        "REVOKE ALL ON paused_topic FROM PUBLIC, " + (urlsplit(right).username or ""), "outreach"
    )
    await here.as_owner("DROP TABLE paused_topic", "reporting")
    broken = here.folder / "broken.yaml"
    broken.write_text('organisers:\n  - number: "2120000143"\n    name: Stad\n', encoding="utf-8")
    gone = here.folder / "gone.yaml"
    cases: list[tuple[Service, dict[str, str | None], list[str]]] = [
        ("registry", {"KAA_KAFKA": None}, ["KAA_KAFKA is not set", "host:port"]),
        ("registry", {"KAA_KAFKA": "127.0.0.1:port"}, ["KAA_KAFKA: expected addresses of Kafka brokers"]),
        ("registry", {"KAA_POSTGRES": None}, ["KAA_REGISTRY_DATABASE is not set"]),
        ("registry", {"KAA_REGISTRY_DATABASE": "kaa_registry"}, ["KAA_REGISTRY_DATABASE: expected", "postgresql://"]),
        ("registry", {"KAA_POSTGRES": "postgresql://kaa:geheim@127.0.0.1:fem/x"}, ["KAA_POSTGRES: expected"]),
        ("registry", {"KAA_BATCH": "0", "KAA_LOG_LEVEL": "loud"}, ["KAA_BATCH: ", "KAA_LOG_LEVEL: "]),
        ("registry", {"KAA_REGISTRY_DATABASE": other(right, password="geheim")}, ["refuses the role or its password"]),
        ("registry", {"KAA_REGISTRY_DATABASE": other(right, path="/none")}, ["no database none", "`kaa migrate`"]),
        ("reporting", {}, ["lacks a table", "`kaa migrate`"]),
        ("outreach", {}, ["lacks rights", "`kaa migrate`"]),
        ("registry", {"KAA_ORGANISERS": str(broken)}, [f"{broken}:2: ", "check digit"]),
        ("registry", {"KAA_ORGANISERS": str(gone)}, [str(gone)]),
        ("registry", {"KAA_HEALTH_FOLDER": str(here.folder / "none")}, ["KAA_HEALTH_FOLDER: there is no folder"]),
    ]  # fmt: skip
    app_role = urlsplit(here.settings.database("outreach")).username
    await here.as_owner(f"REVOKE ALL ON paused_topic FROM {app_role}", "outreach")
    answers = await asyncio.gather(
        *(said_of(["run", service], environment(here, **changes)) for service, changes, _ in cases)
    )
    for (service, changes, words), (status, lines) in zip(cases, answers, strict=True):
        case = f"{service} {changes}: {lines}"
        assert status == 2, case
        assert len(lines) == 1, case
        assert all(word in reason_in(lines[0]) for word in words), case
        assert "geheim" not in lines[0], case
