"""Who looks, in which municipality, as what; and the one place that tells the database so (INV-09)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import asyncpg

from servicekit.database import Connection

#: What a person of a municipality may be: works the queue, follows up the work, answers for the register.
Role = Literal["outreach", "leader", "registrar"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

# Local to the transaction: the next one on this connection sees nothing until it sets its own.
_SET: Final = """
SELECT set_config('kaa.municipality', $1, true), set_config('kaa.who', $2, true),
       set_config('kaa.registrar', $3, true)
"""
# As the arguments of a function they are set before it begins, and the statement is a transaction of its own.
_CALL: Final = """
SELECT {function}(
  set_config('kaa.municipality', $1, true), set_config('kaa.who', $2, true),
  set_config('kaa.registrar', $3, true){more}
)
"""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody at work: verified, in one municipality at a time, with the roles held there."""

    #: For history and access log: ``<issuer name>:<subject>`` of pages and API, ``cli:<os user>`` of a command.
    who: str
    #: 4-digit municipality code.
    municipality: str
    roles: frozenset[Role]


@asynccontextmanager
async def seen_by(pool: asyncpg.Pool, viewer: Viewer) -> AsyncIterator[Connection]:
    """A transaction in which the database shows the rows of the viewer's municipality and no other.

    For the role of staff, that is: so the policies of the tables say. Ends with the block: committed, or rolled
    back when the block raises. Raises what asyncpg raises.
    """
    async with pool.acquire() as connection, seen_on(connection, viewer):
        yield connection


async def called_by(pool: asyncpg.Pool, viewer: Viewer, function: str, *given: object) -> Any:
    """What a function of the database gives that does all of a transaction: in one round trip instead of four.

    It is given the viewer's municipality (4 digits), who looks, ``true`` or ``false`` for a registrar, then what is
    ``given``; it must be of a language whose functions are never inlined (plpgsql). Raises what asyncpg raises.
    """
    more = "".join(f", ${place}" for place in range(4, 4 + len(given)))
    return await pool.fetchval(_CALL.format(function=function, more=more), *_told(viewer), *given)


@asynccontextmanager
async def seen_on(connection: Connection, viewer: Viewer) -> AsyncIterator[None]:
    """The same on a connection that is there already, as a command has it."""
    async with connection.transaction():
        await connection.execute(_SET, *_told(viewer))
        yield


def _told(viewer: Viewer) -> tuple[str, str, str]:
    return viewer.municipality, viewer.who, "true" if "registrar" in viewer.roles else "false"
