"""What a command does in a service's database: one connection, errors in one line."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kaa.errors import fail, in_one_line
from servicekit.database import DATABASE_ERRORS, Connection, connect, explain
from servicekit.settings import Role, Service, load

T = TypeVar("T")


def in_database(service: Service, work: Callable[[Connection], Awaitable[T]], role: Role = "app") -> T:
    """Does ``work`` on a connection and gives its answer; ends the command when the database cannot be asked.

    ``role``: ``staff`` for what people at work do, so that they see one municipality's rows alone.
    """

    async def run(url: str) -> T:
        connection = await connect(url, application_name="kaa-cli")
        try:
            return await work(connection)
        finally:
            await connection.close()

    with in_one_line():
        url = load().database(service, role)
    try:
        return asyncio.run(run(url))
    except DATABASE_ERRORS as error:
        fail(explain(error, url))
