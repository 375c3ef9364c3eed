"""A connection that the broker reset is a broken one, and nothing else.

On uvloop a write to a transport that is closed raises RuntimeError, where asyncio's own loop drops the bytes.
aiokafka 0.14 does not expect it: for a turn or two of the loop, between the reset and the moment the client hears
of it, the error ends whichever task sends (aiokafka's issue 1038). If that is the task that keeps the cluster's
metadata, nobody in the client finds the group's coordinator again: offsets are not committed, the membership runs
out, and stopping never returns. Importing this module makes the client ask the transport first. It reaches into the
client's insides, so the version is pinned, and tests/system/test_connections.py shows both the fault and the cure.
"""

from collections.abc import Awaitable
from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError


class Connection(conn.AIOKafkaConnection):  # type: ignore[misc]
    """What the client's connection is to it."""

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        """The answer to a request. Raises KafkaConnectionError, which the client retries, where the other is gone."""
        if self._writer is not None and self._writer.is_closing():
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self.host}:{self.port} was closed")
        answer: Awaitable[Any] = super().send(request, expect_response)
        return answer


conn.AIOKafkaConnection = Connection
