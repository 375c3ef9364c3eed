"""`kaa local`: the broker and the database on this machine without Docker, on their own."""

import os
import shutil
import sys
import time
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from kaa.errors import in_one_line
from kaa.installation import bring_up
from localstack.errors import StackError
from localstack.kafka import forget_kafka, kafka_answers, running_kafka, start_kafka
from localstack.places import local_stack
from localstack.postgres import forget_postgres, postgres_answers, running_postgres, start_postgres
from localstack.services import health, names, running_service, services_folder, stop_services
from localstack.ways import NAMES, VARIABLES, Part
from servicekit.settings import load

app = typer.Typer(
    help="Apache Kafka and PostgreSQL on this machine, without Docker: for development, tests and the demo.",
    no_args_is_help=True,
)

_START = {"kafka": start_kafka, "postgres": start_postgres}
_RUNNING = {"kafka": running_kafka, "postgres": running_postgres}
_ANSWERS = {"kafka": kafka_answers, "postgres": postgres_answers}
_FORGET = {"kafka": forget_kafka, "postgres": forget_postgres}
_PARTS: tuple[Part, ...] = ("kafka", "postgres")


@app.command()
def up(
    services: Annotated[
        bool,
        typer.Option("--services", help="Also make topics and databases, and start the four services."),
    ] = False,
) -> None:
    """Start both, wait until they answer, and print the addresses to export.

    Progress goes to standard error, so this works: eval "$(kaa local up)". Data and addresses are kept from one
    start to the next. Exit status 2 when one cannot be had, with what to install.
    """
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    addresses = {}
    for part in _PARTS:
        folder = local_stack() / part
        try:
            ran = _RUNNING[part](folder) is not None
            begun = time.monotonic()
            with notes.status(f"{NAMES[part]} is starting …"):
                running = _START[part](folder)
        except StackError as error:
            _fail(error)
        seconds = f"already running, pid {running.pid}"
        if not ran:
            seconds = f"answers after {time.monotonic() - begun:.1f} s, pid {running.pid}"
        outside = "" if folder in running.data.parents else f"; its system user cannot reach {folder}"
        notes.print(f"{NAMES[part]}: {seconds}, data in {running.data}{outside}")
        addresses[VARIABLES[part]] = running.address
    if services:
        os.environ.update(addresses)
        try:
            with in_one_line(), notes.status("") as shown:
                bring_up(load(), lambda step: shown.update(f"{step} …"))
        except StackError as error:
            _fail(error)
        notes.print(f"services: {', '.join(names())}; their logs are in {services_folder()}")
    for variable, address in addresses.items():
        print(f"export {variable}={address}")


@app.command()
def down(
    forget: Annotated[
        bool, typer.Option("--forget", help="Also remove all data, ports and passwords.")
    ] = False,
) -> None:
    """Stop both; the data stay for the next start. Nothing to stop is fine."""
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        with notes.status("the services finish their batches …"):
            stopped = stop_services()
        if forget:
            shutil.rmtree(services_folder(), ignore_errors=True)
    except StackError as error:
        _fail(error)
    if stopped:
        notes.print(f"services: {', '.join(stopped)} stopped")
    for part in reversed(_PARTS):
        folder = local_stack() / part
        try:
            with notes.status(f"{NAMES[part]} is stopping …"):
                running = _RUNNING[part](folder)
                if running is not None:
                    running.stop()
                if forget:
                    _FORGET[part](folder)
        except StackError as error:
            _fail(error)
        notes.print(
            f"{NAMES[part]}: {'stopped' if running else 'was not running'}{', forgotten' if forget else ''}"
        )


@app.command()
def status() -> None:
    """Say whether both run and answer. Exit status 0 when they do, 1 when not."""
    all_answer = True
    for part in _PARTS:
        try:
            running = _RUNNING[part](local_stack() / part)
            answers = running is not None and _ANSWERS[part](running.address)
        except StackError as error:
            _fail(error)
        all_answer &= answers
        if running is None:
            print(f"{NAMES[part]}: not running")
        else:
            where = running.address.rpartition("@")[2].removesuffix("/postgres")
            print(
                f"{NAMES[part]}: {'running' if answers else 'started, does not answer'}, {where}, pid {running.pid}"
            )
    for name in names():
        if running_service(name) is None:
            print(f"service {name}: not running")
        else:
            good, reason = health(services_folder() / name, "ready")
            all_answer &= good
            print(f"service {name}: {'ready' if good else f'not ready, {reason}'}")
    raise typer.Exit(0 if all_answer else 1)


def _fail(error: StackError) -> NoReturn:
    print(f"kaa local: {error}", file=sys.stderr)
    raise typer.Exit(2)
