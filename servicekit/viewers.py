"""Who looks, in which municipality, as what; and the one place that tells the database so (INV-09)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

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


@asynccontextmanager
async def seen_on(connection: Connection, viewer: Viewer) -> AsyncIterator[None]:
    """The same on a connection that is there already, as a command has it."""
    registrar = "true" if "registrar" in viewer.roles else "false"
    async with connection.transaction():
        await connection.execute(_SET, viewer.municipality, viewer.who, registrar)
        yield
