"""Errors of commands: one line on standard error with what to do, and the exit status.

0 done; 1 the answer is no (lines refused, nothing waiting, books do not balance); 2 it cannot be done (input,
configuration, broker or database out of reach).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import asyncpg
import typer
from aiokafka.errors import KafkaError

from servicekit.settings import ConfigurationError


def fail(message: str) -> NoReturn:
    """Ends the command with one line and exit status 2."""
    typer.echo(f"kaa: {message}", err=True)
    raise typer.Exit(2)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turns what can go wrong outside of our code into one line, without values from the database."""
    try:
        yield
    except ConfigurationError as error:
        fail(str(error))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        state = getattr(error, "sqlstate", None)
        detail = f"{type(error).__name__}{f', SQLSTATE {state}' if state else ''}"
        fail(f"the database refuses ({detail}); see `kaa status`, and `kaa migrate` when tables are missing")
    except KafkaError as error:
        fail(
            f"the broker cannot be reached or refuses ({type(error).__name__}); see KAA_KAFKA and `kaa status`"
        )
    except OSError as error:
        if error.filename is not None:
            fail(f"{error.filename}: {error.strerror}")
        # a host name that nobody knows is an OSError like a refused or a lost connection
        fail(f"no connection ({type(error).__name__}); are the broker and the database up? see `kaa status`")
