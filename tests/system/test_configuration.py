"""Bad configuration, and brokers and databases out of reach: one clear line, and what heals is waited for.

Exit status 2 is for what starting anew does not heal, and for commands that cannot be carried out.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner

from kaa.main import app
from localstack.services import health
from servicekit.settings import ConfigurationError, Role, Service, role_url
from tests.system.installation import Installation, numbers
from tests.system.witness import committed, lives

NOWHERE = "127.0.0.1:1"
UNKNOWN_HOST = "no-such-host.invalid"
#: A password, which nobody repeats.
SECRET = "geheim"


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


WRONG_SETTINGS: list[tuple[dict[str, str], list[str]]] = [
    ({"KAA_KAFKA": "127.0.0.1:port"}, ["KAA_KAFKA: expected addresses of Kafka brokers, host:port"]),
    ({"KAA_KAFKA": "127.0.0.1"}, ["KAA_KAFKA: expected addresses of Kafka brokers, host:port"]),
    ({"KAA_POSTGRES": f"{SECRET}@127.0.0.1"}, ["KAA_POSTGRES: expected the address of a database, postgresql://"]),
    ({"KAA_REGISTRY_DATABASE": f"postgresql://kaa:{SECRET}@127.0.0.1:fem/x"}, ["KAA_REGISTRY_DATABASE: expected"]),
    ({"KAA_REGISTRY_DATABASE": f"postgresql://kaa:{SECRET}@[::1/x"}, ["KAA_REGISTRY_DATABASE: expected"]),
    ({"KAA_BATCH": "0", "KAA_LOG_LEVEL": "loud"}, ["KAA_BATCH: ", "greater than", "KAA_LOG_LEVEL: ", "'warning'"]),
    ({"KAA_RETRY_SECONDS": "300", "KAA_HEALTH_PORT": "99999"}, ["KAA_RETRY_SECONDS: ", "KAA_HEALTH_PORT: "]),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "words"), WRONG_SETTINGS, ids=lambda value: " ".join(value))
@pytest.mark.parametrize(
    "command", [["run", "registry"], ["status"], ["topics", "apply"], ["registry", "day"]]
)
def test_a_wrong_setting_is_said_with_its_name_and_what_is_expected(
    command: list[str], settings: dict[str, str], words: list[str]
) -> None:
    """All that is wrong in one line, before anything is tried, and without a password."""
    answer = CliRunner().invoke(app, command, env={"KAA_HOME": "/none"} | settings)
    assert answer.exit_code == 2
    (line,) = answer.stderr.splitlines()
    assert all(word in line for word in words), line
    assert line.startswith("kaa: KAA_")
    assert SECRET not in line


async def test_a_service_ends_with_one_line_for_what_starting_anew_does_not_heal(
    installation: Installation,
) -> None:
    """No address, wrong password, no database, no tables, no rights, a broken directory: exit status 2."""
    here = installation
    right = here.settings.database("registry")
    app_role = urlsplit(here.settings.database("outreach")).username
    await here.as_owner(f"REVOKE ALL ON paused_topic FROM {app_role}", "outreach")
    await here.as_owner("DROP TABLE paused_topic", "reporting")
    broken = here.folder / "broken.yaml"
    broken.write_text('organisers:\n  - number: "2120000143"\n    name: Stad\n', encoding="utf-8")
    cases: list[tuple[Service, dict[str, str | None], list[str]]] = [
        ("registry", {"KAA_KAFKA": None}, ["KAA_KAFKA is not set", "host:port"]),
        ("registry", {"KAA_POSTGRES": None}, ["KAA_REGISTRY_DATABASE is not set"]),
        ("registry", {"KAA_REGISTRY_DATABASE": other(right, password=SECRET)}, ["refuses the role or its password"]),
        ("registry", {"KAA_REGISTRY_DATABASE": other(right, path="/none")}, ["no database none", "`kaa migrate`"]),
        ("reporting", {}, ["lacks a table", "`kaa migrate`"]),
        ("outreach", {}, ["lacks rights", "`kaa migrate`"]),
        ("registry", {"KAA_ORGANISERS": str(broken)}, [f"{broken}:2: ", "check digit"]),
        ("registry", {"KAA_HEALTH_FOLDER": str(here.folder / "none")}, ["KAA_HEALTH_FOLDER: there is no folder"]),
    ]  # fmt: skip
    answers = await asyncio.gather(
        *(said_of(["run", service], environment(here, **changes)) for service, changes, _ in cases)
    )
    for (service, changes, words), (status, lines) in zip(cases, answers, strict=True):
        case = f"{service} {changes}: {status} {lines}"
        assert status == 2, case
        assert len(lines) == 1, case
        said = json.loads(lines[0])
        assert said["event"] == "service.misconfigured", case
        assert all(word in said["reason"] for word in words), case
        assert SECRET not in lines[0], case


async def test_tables_that_go_missing_end_a_running_service_with_what_to_do(registry: Installation) -> None:
    """What no repetition heals is not repeated for minutes: a migration is missing, or was taken back."""
    async with registry.consuming() as consumer:
        await registry.as_owner("ALTER TABLE event_log RENAME TO gone")
        await registry.publish(lives(1))
        await asyncio.wait({consumer.failed}, timeout=20)
        error = consumer.failed.exception()
    assert isinstance(error, ConfigurationError)
    assert "lacks a table" in str(error)
    assert "`kaa migrate`" in str(error)
    assert not any((await committed(registry)).values())


async def test_a_service_waits_for_what_is_away_and_says_so(installation: Installation) -> None:
    """A broker or database that does not answer, or whose name nobody knows, may be there the next time."""
    database = f"postgresql://kaa:{SECRET}@{{}}/kaa"
    cases: list[tuple[Service, dict[str, str], str, str]] = [
        ("registry", {"KAA_KAFKA": NOWHERE}, "kafka.away", NOWHERE),
        # with nothing to relay and no work of its own it is the one with least to stop
        ("reporting", {"KAA_KAFKA": f"{UNKNOWN_HOST}:9092"}, "kafka.away", UNKNOWN_HOST),
        ("outreach", {"KAA_OUTREACH_DATABASE": database.format(NOWHERE)}, "database.away", NOWHERE),
        ("notifications", {"KAA_NOTIFICATIONS_DATABASE": database.format(f"{UNKNOWN_HOST}:5432")}, "database.away",
         UNKNOWN_HOST),
    ]  # fmt: skip
    processes = [installation.start(service, **changes) for service, changes, _, _ in cases]
    async with asyncio.timeout(40):
        for process, (_, _, event, _) in zip(processes, cases, strict=True):
            while process.log.read_text().count(event) < 2:
                assert process.popen.poll() is None, process.log.read_text()
                await asyncio.sleep(0.1)
    for process, (_, _, event, address) in zip(processes, cases, strict=True):
        assert health(process.folder, "live")[0]
        assert not health(process.folder, "ready")[0]
        assert process.terminate() == 0, process.log.read_text()
        lines = [json.loads(line) for line in process.log.read_text().splitlines()]
        away = [line for line in lines if line["event"] == event]
        assert away[0]["seconds"] < away[1]["seconds"]
        assert address in away[0].get("address", away[0].get("reason", ""))
        assert SECRET not in process.log.read_text()


async def test_an_address_for_health_answers_that_is_taken_ends_the_service_with_a_line(
    registry: Installation, unused_tcp_port: int
) -> None:
    """Exit status 1: who has it may be the process before, on its way out."""
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        status, lines = await said_of(
            ["run", "registry"], environment(registry, KAA_HEALTH_PORT=str(unused_tcp_port))
        )
    assert status == 1
    (line,) = lines
    assert f"127.0.0.1:{unused_tcp_port}: Address already in use" in json.loads(line)["reason"]


#: Commands that ask a database, and whose.
DATABASE_COMMANDS: list[tuple[list[str], Service]] = [
    (["registry", "explain"], "registry"),
    (["registry", "episodes"], "registry"),
    (["registry", "republish"], "registry"),
    (["registry", "day"], "registry"),
    (["outreach", "next", "--municipality", "0180"], "outreach"),
    (["outreach", "tasks", "--municipality", "0180"], "outreach"),
    (["outreach", "done", "1", "--municipality", "0180", "--outcome", "reached"], "outreach"),
    (["outreach", "access-log", "--municipality", "0180"], "outreach"),
    (["notifications", "notices"], "notifications"),
    (["report", "build", "--period", "2025H2", "--municipality", "0180"], "reporting"),
    (["topics", "paused"], "registry"),
    (["topics", "resume", "outreach", "registry.coverage.v1"], "outreach"),
    (["migrate", "registry"], "registry"),
]


@pytest.mark.parametrize(
    ("command", "service"), DATABASE_COMMANDS, ids=[" ".join(command) for command, _ in DATABASE_COMMANDS]
)
def test_a_command_that_cannot_ask_its_database_says_so_in_one_line(
    command: list[str], service: Service, postgres: str, tmp_path: Path
) -> None:
    """Nothing listens, nobody knows the host, the password is wrong: exit status 2, no waiting, no stack trace."""
    role: Role = "owner" if command[0] == "migrate" else "app"
    right = urlsplit(role_url(postgres, f"kaa_{service}", role))
    for url, words in (
        (f"postgresql://kaa:{SECRET}@{NOWHERE}/kaa", [f"{NOWHERE}/kaa cannot be reached"]),
        (f"postgresql://kaa:{SECRET}@{UNKNOWN_HOST}/kaa", [f"{UNKNOWN_HOST}:5432/kaa cannot be reached"]),
        (urlunsplit(right._replace(path="/kaa")), ["refuses the role or its password"]),
    ):
        stated = {f"KAA_{service.upper()}{of_role}_DATABASE": url for of_role in ("", "_OWNER", "_STAFF")}
        nothing_else = {"KAA_HOME": str(tmp_path), "KAA_POSTGRES": ""}
        answer = CliRunner().invoke(app, command, input=f"{numbers(1)[0]}\n", env=nothing_else | stated)
        assert answer.exit_code == 2, answer.output
        assert answer.stdout == ""
        (line,) = answer.stderr.splitlines()
        assert line.startswith("kaa: the database at ")
        assert all(word in line for word in words), line
        assert SECRET not in line


@pytest.mark.parametrize("address", [NOWHERE, f"{UNKNOWN_HOST}:9092"])
@pytest.mark.parametrize("command", [["topics", "apply", "--yes"], ["publish", "-"]], ids=" ".join)
def test_a_command_that_reaches_no_broker_says_so_in_one_line(
    command: list[str], address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit status 2, with the address and what to look at."""
    monkeypatch.setattr("servicekit.topics.PATIENCE", 0.5)
    event = json.dumps(lives(1)[0])
    answer = CliRunner().invoke(
        app, command, input=event, env={"KAA_HOME": str(tmp_path), "KAA_KAFKA": address}
    )
    assert answer.exit_code == 2, answer.output
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"kaa: no Kafka broker answers at {address} (")
    assert "KAA_KAFKA" in line


def test_the_status_names_everything_that_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one command that shows what it can: exit status 1, a line for each trouble."""
    monkeypatch.setattr("servicekit.topics.PATIENCE", 0.5)
    addresses = {"KAA_KAFKA": NOWHERE, "KAA_POSTGRES": f"postgresql://kaa:{SECRET}@{UNKNOWN_HOST}/kaa"}
    answer = CliRunner().invoke(
        app, ["status"], env={"KAA_HOME": str(tmp_path), "COLUMNS": "200"} | addresses
    )
    assert answer.exit_code == 1, answer.output
    troubles = [line for line in answer.stdout.splitlines() if line.startswith("! ")]
    assert len(troubles) == 5
    assert sum(f"{UNKNOWN_HOST}:5432" in line and "cannot be reached" in line for line in troubles) == 4
    assert sum(NOWHERE in line for line in troubles) == 1
    assert SECRET not in answer.output
