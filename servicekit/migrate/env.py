"""Alembic's entry: one for all services; ``servicekit.database.migrate`` says which database and which versions."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def _run(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def _migrate() -> None:
    url = urlunsplit(urlsplit(context.config.attributes["url"])._replace(scheme="postgresql+asyncpg"))
    # what row-level security would hide from the owner is an error: no migration passes rows over in silence
    settings = {"server_settings": {"row_security": "off"}}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=settings)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


asyncio.run(_migrate())
