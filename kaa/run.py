"""`kaa run SERVICE` and `kaa migrate`: what supervisors and deployments call."""

import asyncio
from importlib import import_module
from typing import Annotated

import typer

from kaa.errors import in_one_line
from servicekit.database import DATABASE_ERRORS, explain, prepare, role_in
from servicekit.database import migrate as migrate_service
from servicekit.parts import Parts
from servicekit.settings import SERVICES, STAFFED, ConfigurationError, Service, Settings, load


def parts_of(service: Service, settings: Settings) -> Parts:
    """What a service is made of; loads that service alone."""
    parts: Parts = import_module(f"services.{service}.app").parts(settings)
    return parts


def run(
    service: Annotated[
        Service, typer.Argument(help="The service to run in the foreground.", show_default=False)
    ],
) -> None:
    """Run one service until SIGTERM or Ctrl-C; it finishes the batch in hand first.

    Logs go to standard error as JSON. Exit status 0: told to stop; 1: work failed for too long, start it anew;
    2: the configuration is wrong, starting anew does not heal it.
    """
    # FastStream and the web server take a second to load, which no other command needs
    from servicekit.process import run as run_service

    with in_one_line():
        settings = load()
        status = run_service(parts_of(service, settings), settings)
    raise typer.Exit(status)


def migrate(
    service: Annotated[
        Service | None, typer.Argument(help="The service. Default: all of them.", show_default=False)
    ] = None,
) -> None:
    """Bring the databases to the newest version; make them first where KAA_POSTGRES names an administrator."""
    with in_one_line():
        settings = load()
        for one in SERVICES if service is None else (service,):
            migrate_one(settings, one)
            typer.echo(f"{one}: the database is at the newest version")


def migrate_one(settings: Settings, service: Service) -> None:
    """Database and roles where an administrator's address is given, then the service's tables. Blocking.

    Raises ConfigurationError when a database cannot be reached or refuses.
    """
    if settings.postgres:
        try:
            asyncio.run(prepare(settings.postgres, f"{settings.database_prefix}{service}"))
        except DATABASE_ERRORS as error:
            raise ConfigurationError(explain(error, settings.postgres)) from None
    staff_role = role_in(settings.database(service, "staff")) if service in STAFFED else None
    migrate_service(
        service, settings.database(service, "owner"), role_in(settings.database(service)), staff_role
    )
