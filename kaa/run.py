"""`kaa run SERVICE` and `kaa migrate`: what supervisors and deployments call."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import typer

from kaa.errors import in_one_line
from servicekit.database import migrate as migrate_service
from servicekit.database import prepare, role_in
from servicekit.process import Parts
from servicekit.process import run as run_service
from servicekit.settings import SERVICES, Service, Settings, load
from services.notifications import app as notifications
from services.outreach import app as outreach
from services.registry import app as registry
from services.reporting import app as reporting

_PARTS: Final[dict[Service, Callable[[Settings], Parts]]] = {
    "registry": registry.parts,
    "notifications": notifications.parts,
    "outreach": outreach.parts,
    "reporting": reporting.parts,
}


def run(
    service: Annotated[
        Service, typer.Argument(help="The service to run in the foreground.", show_default=False)
    ],
) -> None:
    """Run one service until SIGTERM or Ctrl-C; it finishes the batch in hand first.

    Logs go to standard error as JSON. Exit status 0: told to stop; 1: work failed for too long, start it anew;
    2: the configuration is wrong, starting anew does not heal it.
    """
    with in_one_line():
        settings = load()
        status = run_service(_PARTS[service](settings), settings)
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
    """Database and roles where an administrator's address is given, then the service's tables. Blocking."""
    if settings.postgres:
        asyncio.run(prepare(settings.postgres, f"{settings.database_prefix}{service}"))
    migrate_service(service, settings.database(service, "owner"), role_in(settings.database(service)))
