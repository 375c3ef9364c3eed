"""Planting: made-up persons go through every path, and are looked for where nobody may be found (INV-08)."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
import pytest
from typer.testing import CliRunner

from kaa.main import app
from servicekit.lag import ends
from servicekit.settings import SERVICES, Service
from servicekit.topics import administration
from tests.system.installation import Installation, Process, left, numbers, wire
from tests.system.planting import (
    FAMILY,
    GIVEN,
    NAMED,
    PEOPLE,
    STREET,
    UNSTORABLE,
    WORD,
    bad_records,
    found_in,
    good_events,
)
from tests.system.witness import DAY

#: What a store says when it does not take something: with the values in its message, as PostgreSQL's own errors do.
_TRIGGERS: Mapping[Service, str] = {
    "registry": """
        CREATE SEQUENCE tries;
        GRANT USAGE ON tries TO PUBLIC;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
            IF NEW.id LIKE 'unstorable%' THEN RAISE 'cannot take %', NEW; END IF;
            IF NEW.id LIKE 'later%' AND nextval('tries') <= 2 THEN
                RAISE 'not now: %', NEW USING ERRCODE = '40001';
            END IF;
            RETURN NEW;
        END$$;
        CREATE TRIGGER refuse BEFORE INSERT ON event_log FOR EACH ROW EXECUTE FUNCTION refuse()""",
    "notifications": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'cannot take %', NEW; END$$;
        CREATE TRIGGER refuse BEFORE INSERT ON school_fact FOR EACH ROW WHEN (NEW.id LIKE 'unstorable%')
            EXECUTE FUNCTION refuse()""",
    "outreach": f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'cannot take %', NEW; END$$;
        CREATE TRIGGER refuse BEFORE INSERT ON person FOR EACH ROW WHEN (NEW.family_name = '{UNSTORABLE}')
            EXECUTE FUNCTION refuse()""",
}


class Commands:
    """Runs commands of `kaa` on an installation, and keeps what they say and are given as arguments."""

    def __init__(self, here: Installation) -> None:
        stated = here.settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        self._environment = {f"KAA_{name.upper()}": str(value) for name, value in stated.items()}
        self._environment["KAA_HOME"] = str(here.folder)
        #: What may show nobody: arguments, standard error, standard output where it is not about a person.
        self.said: dict[str, bytes] = {}

    async def run(self, *arguments: str, given: str = "", about_a_person: bool = False) -> tuple[int, str]:
        """(exit status, standard output)."""
        answer = await asyncio.to_thread(
            CliRunner().invoke, app, list(arguments), input=given, env=self._environment
        )
        self._keep(arguments, answer.stderr_bytes or b"", b"" if about_a_person else answer.stdout_bytes)
        return answer.exit_code, answer.stdout

    async def run_as_process(self, *arguments: str, given: str) -> tuple[int, str]:
        """The same for a command about a person, in a process of its own."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("KAA_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kaa", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=clean | self._environment,
        )  # fmt: skip
        out, error = await process.communicate(given.encode())
        self._keep(arguments, error, b"")
        assert process.returncode is not None
        return process.returncode, out.decode()

    def _keep(self, arguments: tuple[str, ...], error: bytes, out: bytes) -> None:
        name = f"command {len(self.said)}, {' '.join(arguments[:2])}"
        self.said[name] = b"\n".join(["\0".join(arguments).encode(), error, out])


async def tables_with(here: Installation, service: Service, word: str) -> set[str]:
    """The tables of a service in which the word stands; asked as the administrator, from whom no row is hidden."""
    where = urlsplit(here.settings.postgres)._replace(path=f"/{here.settings.database_prefix}{service}")
    admin = await asyncpg.connect(urlunsplit(where))
    try:
        tables = await admin.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        query = "SELECT 1 FROM {} AS t WHERE row_to_json(t)::text ~ $1 LIMIT 1"
        forms = f"{word}|{word.encode().hex()}"
        return {row[0] for row in tables if await admin.fetch(query.format(row[0]), forms)}
    finally:
        await admin.close()


def answers(process: Process) -> dict[str, bytes]:
    """What a service answers over HTTP."""
    address = next(process.folder.glob("*.address")).read_text().strip()
    found = {}
    for path in ("health/startup", "health/live", "health/ready", "metrics"):
        try:
            with urllib.request.urlopen(f"{address}/{path}") as answer:
                found[path] = answer.read() + str(answer.headers).encode()
        except urllib.error.HTTPError as error:
            found[path] = error.read()
    return found


@asynccontextmanager
async def watching_processes(seen: dict[str, bytes]) -> AsyncIterator[None]:
    """Notes the arguments of every process of this machine, again and again."""

    def look() -> None:
        for process in psutil.process_iter(["cmdline"]):
            arguments = "\0".join(process.info["cmdline"] or ())
            seen[f"arguments of {process.pid}: {len(arguments)}"] = arguments.encode()

    async def go_on() -> None:
        while True:
            await asyncio.to_thread(look)
            await asyncio.sleep(0.3)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def on_the_broker(here: Installation) -> dict[str, bytes]:
    """Names of topics and groups, record keys of all topics, and what our own topics say but the entity topic."""
    places: dict[str, bytes] = {}
    async with administration(here.brokers) as client:
        groups = [name for name, _ in await client.list_consumer_groups()]
        places["groups"] = "\n".join(groups).encode()
    topics = {partition.topic for partition in await ends(here.brokers)}
    places["topics"] = "\n".join(topics).encode()
    strangers = {raw.value for raw in bad_records()}
    for topic in topics:
        records = [record for record in await here.read(topic) if record.value not in strangers]
        places[f"keys of {topic}"] = b"\n".join(record.key or b"" for record in records)
        if not topic.startswith(("school.", "municipality.", "national.", "registry.person.")):
            headers = [value for record in records for _, value in record.headers]
            places[f"records of {topic}"] = b"\n".join([*headers, *(record.value for record in records)])
    return places


async def error_texts(here: Installation) -> dict[str, bytes]:
    """The words about dead letters and pauses."""
    places = {}
    for service in SERVICES:
        rows = await here.fetch(
            "SELECT kind, field, detail FROM dead_letter UNION ALL SELECT topic, reason, '' FROM paused_topic",
            service=service,
        )
        places[f"dead letters of {service}"] = "\n".join(str(tuple(row)) for row in rows).encode()
    return places


def kinds(letters: Iterable[tuple[str, str | None, str]]) -> set[str]:
    return {kind for kind, _, _ in letters}


async def test_nobody_is_found_where_nobody_may_be(installation: Installation, tmp_path: Path) -> None:
    """INV-08: logs, metrics, health, record keys, names, error texts, process arguments and what commands say."""
    here = installation
    await here.set_day(DAY)
    for service, trigger in _TRIGGERS.items():
        await here.as_owner(trigger, service)
    arguments: dict[str, bytes] = {}
    kaa = Commands(here)
    async with watching_processes(arguments):
        processes = {service: here.start(service, KAA_LOG_LEVEL="debug") for service in SERVICES}
        for process in processes.values():
            await asyncio.to_thread(process.ready)
        await here.publish(good_events())
        await here.send(bad_records())
        await here.settled(relayed=True)
        await here.settled(relayed=True)
        places = await commands(kaa, tmp_path)
        await here.settled(relayed=True)
        for service, process in processes.items():
            places |= {f"{service} /{path}": text for path, text in answers(process).items()}
        for service, process in processes.items():
            assert await asyncio.to_thread(process.terminate) == 0
            places[f"log of {service}"] = process.log.read_bytes()
    places |= arguments | await on_the_broker(here) | await error_texts(here)
    assert found_in(places) == []
    assert len(arguments) > 8
    await all_of_it_went_through(here, places)


async def commands(kaa: Commands, folder: Path) -> dict[str, bytes]:
    """Every command that meets persons, with input good and bad; what they said of nobody in particular."""
    anna, bo = PEOPLE[:2]
    status, out = await kaa.run_as_process("registry", "explain", given=f"{anna}\n")
    assert status == 0
    assert anna in out
    assert (await kaa.run("registry", "explain", given=f"{PEOPLE[0][:-1]}X {GIVEN}\n"))[0] == 2
    assert (await kaa.run("registry", "explain", given=f"{numbers(1, 2009)[0]}\n"))[0] == 1
    status, out = await kaa.run("registry", "episodes", about_a_person=True)
    assert status == 0
    assert bo in out
    status, out = await kaa.run("outreach", "next", "--municipality", "0180", about_a_person=True)
    assert status == 0
    assert GIVEN in out or "protected" in out
    task = out.split("task", 1)[1].split()[0]
    assert (await kaa.run("outreach", "done", task, "--municipality", "0180", "--outcome", "reached"))[0] == 0
    assert (await kaa.run("outreach", "tasks", "--municipality", "0180"))[0] == 0
    report = folder / "report.csv"
    asked = ("--period", "2025H2", "--municipality", "0180", "--out", str(report))
    assert (await kaa.run("report", "build", *asked))[0] == 0
    assert PEOPLE[1] in text_of(folder, "report*.csv")
    good, refused = folder / "good.ndjson", folder / "refused.ndjson"
    good.write_bytes(wire(left("p-1", bo, "2024-11-15", pupil={"identity_number": bo} | NAMED)) + b"\n")
    lines = [raw.value for raw in bad_records() if raw.value and len(raw.value) < 10_000]
    refused.write_bytes(good.read_bytes() + b"\n".join(line.replace(b"\n", b" ") for line in lines))
    assert (await kaa.run("contracts", "validate", str(refused)))[0] == 1
    assert (await kaa.run("publish", str(refused)))[0] == 1
    assert (await kaa.run("publish", str(good)))[0] == 0
    given = refused.read_text(errors="replace")
    assert (await kaa.run("registry", "evaluate", given=given, about_a_person=True))[0] == 0
    for words in (
        ("status",),
        ("books",),
        ("notifications", "notices"),
        ("notifications", "notices", "--list"),
    ):
        status, out = await kaa.run(*words)
        assert out, words
    assert (await kaa.run("registry", "republish"))[0] == 0
    return kaa.said


def text_of(folder: Path, pattern: str) -> str:
    (file,) = folder.glob(pattern)
    return file.read_text()


async def all_of_it_went_through(here: Installation, places: Mapping[str, bytes]) -> None:
    """Nothing was found though all was there: the persons in the databases, each kind of trouble in the logs."""
    for service, table, word in (
        ("registry", "contact", STREET), ("registry", "event_log", GIVEN), ("registry", "dead_letter", WORD),
        ("notifications", "person", FAMILY), ("notifications", "dead_letter", GIVEN), ("outreach", "person", GIVEN),
        ("outreach", "dead_letter", UNSTORABLE), ("reporting", "dead_letter", GIVEN),
    ):  # fmt: skip
        assert table in await tables_with(here, service, word), (service, table)  # type: ignore[arg-type]
    assert kinds(await here.dead_letters()) >= {
        "malformed", "unknown_type", "contract", "wrong_topic", "foreign_source", "foreign_unit",
        "identity_conflict", "store",
    }  # fmt: skip
    assert "store" in kinds(await here.dead_letters("notifications"))
    assert "store" in kinds(await here.dead_letters("outreach"))
    assert b"batch.retried" in places["log of registry"]
    for service in SERVICES:
        assert (await here.books(service)).balance
        if service != "reporting":
            assert b"record.not_storable" in places[f"log of {service}"]
    assert found_in({"a control": f"… {STREET} …".encode(), "another": PEOPLE[3].encode()})


@pytest.mark.parametrize("trouble", ["raise", "forget"])
def test_what_nobody_foresaw_is_logged_without_its_words(trouble: str) -> None:
    """INV-08: the words of an error that ends the process, or of a task that nobody waits for, hold values."""
    script = f"""
import asyncio
from servicekit.logs import configure
configure("registry", "debug")
async def fail():
    raise ValueError("{GIVEN} {PEOPLE[0]}")
async def forget():
    task = asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    del task
asyncio.run({"fail()" if trouble == "raise" else "forget()"})
"""
    ended = subprocess.run([sys.executable, "-"], input=script, text=True, capture_output=True, check=False)
    assert ended.returncode == (1 if trouble == "raise" else 0)
    (line,) = ended.stderr.splitlines()
    assert json.loads(line)["error"] == "ValueError"
    assert found_in({"stderr": ended.stderr.encode(), "stdout": ended.stdout.encode()}) == []
