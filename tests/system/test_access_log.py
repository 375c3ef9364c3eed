"""The access log: what the application role may do with it."""

import asyncpg
import pytest

from servicekit import access_log
from servicekit.settings import SERVICES
from tests.system.installation import Installation


async def test_the_application_role_can_only_add_to_it(installation: Installation) -> None:
    """INV-09: in every service, what was written about a look stays as it was."""
    for service in SERVICES:
        async with installation.pool(service) as opened, opened.acquire() as connection:
            await access_log.looked(connection, "test")
            for change in (
                "DELETE FROM access_log",
                "UPDATE access_log SET who = 'x'",
                "TRUNCATE access_log",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(change)
