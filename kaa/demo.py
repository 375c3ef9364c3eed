"""`kaa demo`: a municipality's year through the whole installation, on a stack of its own."""

import asyncio
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from contracts.organisers import load as load_directory
from kaa.demo_summary import next_steps, outcome, print_outcome, print_work
from kaa.demo_work import work
from kaa.demo_year import (
    MUNICIPALITY,
    Year,
    is_empty,
    publish_bad_release,
    publish_year,
    settled,
    simulated,
)
from kaa.errors import fail, in_one_line
from kaa.installation import bring_up
from kaa.terminal import wide_console, without_client_logs
from localstack.errors import StackError
from localstack.kafka import forget_kafka, running_kafka
from localstack.oidc import USERS, issuers_file, start_oidc
from localstack.places import demo_home, local_stack
from localstack.ports import HOST, free_port
from localstack.postgres import forget_postgres, running_postgres
from localstack.running import Running
from localstack.services import services_folder, stop_services
from localstack.ways import VARIABLES, Part, choose, describe, find
from servicekit.calendar import today
from servicekit.database import connect
from servicekit.settings import Settings, load
from services.reporting.period import Period, period
from services.reporting.specification_file import NoSpecificationError
from services.reporting.specification_file import find as find_specification
from services.reporting.specification_file import load as load_specification
from services.reporting.submission import build, write

_PARTS: tuple[Part, ...] = ("kafka", "postgres")
_OUT = Path("out/demo")


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End by itself: exit status 0 only if everything came out right.")
    ] = False,
    persons: Annotated[
        int, typer.Option(min=100, max=20_000, help="Young people in the municipality.")
    ] = 5000,
    seed: Annotated[int, typer.Option(help="Another seed, another year.")] = 1,
) -> None:
    """Send a municipality's school year, simulated up to today, through the installation and show what became of it.

    Starts Kafka, PostgreSQL and the four services, publishes the year as schools, population feed and credentials
    import would, does a season's work in outreach, waits until everything has taken effect and checks it. Leaves all
    running until Ctrl-C, and stops it then. Exit status 1 when the books do not balance.
    """
    console = wide_console()
    without_client_logs()
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGHUP, _interrupted)
    right = False
    with ExitStack() as cleanup:
        try:
            settings = _start(console, cleanup)
            with in_one_line():
                right = asyncio.run(_show(console, settings, persons, seed, once=once))
            if not once:
                console.print("The stack runs. Ctrl-C stops it.")
                signal.pause()
        except KeyboardInterrupt:
            console.print("Stopping …")
            # once: a second signal must not break off the stopping that the first one began
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except StackError as error:
            fail(str(error))
    raise typer.Exit(0 if right else 1)


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _start(console: Console, cleanup: ExitStack) -> Settings:
    """Broker, database and services of the demo, each stopped again by ``cleanup``."""
    os.environ["KAA_HOME"] = str(demo_home())
    if running_kafka(local_stack() / "kafka") or running_postgres(local_stack() / "postgres"):
        raise StackError(
            f"a demo of this checkout is running already, in {local_stack()}: stop that one first"
        )
    forget_kafka(local_stack() / "kafka")
    forget_postgres(local_stack() / "postgres")
    shutil.rmtree(services_folder(), ignore_errors=True)
    for part in _PARTS:
        console.print(describe(part, choose(part)))
    begun = time.monotonic()
    with console.status("starting …") as status:
        for part in _PARTS:
            status.update(f"starting {part} …")
            found = find(part, local_stack())
            cleanup.callback(found.stop)
            os.environ[VARIABLES[part]] = found.address
        # the simulated year moves the business day through its own days, up to today
        os.environ["KAA_CALENDAR"] = "false"
        status.update("starting the login …")
        cleanup.callback(_start_login().stop)
        with in_one_line():
            settings = load()
            if not asyncio.run(is_empty(settings)):
                raise StackError(
                    "the topics hold records already; the demo needs an empty broker: unset KAA_KAFKA"
                )
            cleanup.callback(stop_services)
            bring_up(settings, lambda step: status.update(f"{step} …"))
    console.print(f"Everything answers after {time.monotonic() - begun:.0f} s; logs in {services_folder()}")
    return settings


def _start_login() -> Running:
    """The login of the demo, and where the pages of outreach will be."""
    folder = local_stack() / "oidc"
    login = start_oidc(folder)
    port = free_port()
    os.environ |= {
        "KAA_ISSUERS": str(issuers_file(folder)),
        "KAA_WEB_PORT": str(port),
        "KAA_WEB_ADDRESS": f"http://{HOST}:{port}",
        "KAA_WEB_PLAIN_HTTP": "true",
    }
    return login


async def _show(console: Console, settings: Settings, persons: int, seed: int, *, once: bool) -> bool:
    """Publishes the year, does the work in outreach and prints what became of both; whether all came out right."""
    directory = load_directory(settings.organisers)
    day = today()
    with console.status("simulating a year …"):
        year = simulated(persons, seed, directory, _OUT, day)
    console.print(
        f"A simulated year in {MUNICIPALITY}: {len(year.ledger['persons'])} persons, {len(year.lines)} events, "
        f"{year.ledger['school_year']} until {day}"
    )
    begun = time.monotonic()
    bar = Progress(
        TextColumn("{task.description:32}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        await _publish(bar, settings, year)
        bad = await publish_bad_release(settings, directory, day)
        await settled(settings, _waiting(bar, "taking effect"))
        seconds = time.monotonic() - begun
        contacts = bar.add_task("a season's work in outreach", total=None)
        done = await work(settings, seed, lambda count: bar.update(contacts, completed=count))
        bar.update(contacts, total=done.contacts, completed=done.contacts)
        await settled(settings, _waiting(bar, "taking effect, too"))
    console.print(f"{len(year.lines) + bad} records took effect in all services within {seconds:.0f} s")
    half_year = period(f"{day.year}H{1 if day.month < 7 else 2}")
    specification = _specification(half_year)
    rows, report = await _report(settings, half_year, specification)
    with console.status("checking every record and every person …"):
        found = await outcome(settings, year)
    print_outcome(console, found, year, rows, report, _OUT)
    print_work(console, done, settings.web_address, USERS)
    if not once:
        console.print(next_steps(day, half_year.name, specification))
    return found.right


async def _publish(bar: Progress, settings: Settings, year: Year) -> None:
    task = bar.add_task("publishing", total=len(year.lines))

    def advance(day: date, records: int) -> None:
        bar.update(task, advance=records, description=f"publishing, the day is {day}")

    await publish_year(settings, year, advance)


def _waiting(bar: Progress, what: str) -> Callable[[int, int], None]:
    task = bar.add_task(what, total=None)
    most = 0

    def show(behind: int, waiting: int) -> None:
        nonlocal most
        most = max(most, behind + waiting, 1)
        bar.update(task, total=most, completed=most - behind - waiting)

    return show


async def _report(settings: Settings, half_year: Period, specification: Path) -> tuple[int, Path]:
    connection = await connect(settings.database("reporting"))
    try:
        submission = await build(connection, load_specification(specification), half_year, MUNICIPALITY)
    finally:
        await connection.close()
    path = write(submission, _OUT / f"report-{half_year.name}-{MUNICIPALITY}.txt", final=False)
    return len(submission.made.rows), path


def _specification(half_year: Period) -> Path:
    """The specification of a half-year; where none is out yet the latest one, copied for it as its head tells."""
    try:
        return find_specification(half_year)[0]
    except NoSpecificationError:
        folder = Path(str(files("services.reporting").joinpath("specifications")))
        latest = max(folder.glob("*.yaml")).read_text(encoding="utf-8")
        copy = _OUT / f"specification-{half_year.name}.yaml"
        copy.write_text(
            re.sub(r"(?m)^periods: .*$", f'periods: ["{half_year.name}"]', latest), encoding="utf-8"
        )
        return copy
