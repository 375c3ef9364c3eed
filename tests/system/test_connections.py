"""A broker that resets its connections: on uvloop, aiokafka by itself meets an error that it does not know."""

import asyncio
import socket
import struct
import subprocess
import sys
from typing import Any

import pytest
import uvloop
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from servicekit.connections import Connection

#: The client's own.
_BARE = Connection.__base__
#: SO_LINGER on, for no second: closing the socket resets the connection.
_RESET = struct.pack("ii", 1, 0)


async def _sent_after_a_reset(kind: type[Any]) -> BaseException:
    """What the first request raises after the other end reset the connection, before the client heard of it."""

    async def needs_no_answer(_self: object) -> None: ...

    with pytest.MonkeyPatch.context() as patched, socket.create_server(("127.0.0.1", 0)) as server:
        patched.setattr("aiokafka.conn.AIOKafkaConnection", kind)
        patched.setattr(kind, "_do_version_lookup", needs_no_answer)
        connection = await create_conn("127.0.0.1", server.getsockname()[1])
        peer, _ = server.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        peer.close()
        connection._versions = {MetadataRequest.API_KEY: (0, 8)}
        while not connection._writer.is_closing():
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # now it is closed
        assert connection.connected(), "the client has heard of it"
        with pytest.raises(RuntimeError) as met:
            await connection.send(MetadataRequest(None))
        connection.close()
        return met.value


def test_a_service_uses_the_cure() -> None:
    """Asked of a process that imports what a service runs, and nothing else of ours."""
    asked = "import servicekit.process; from aiokafka import conn; print(conn.AIOKafkaConnection.__module__)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == Connection.__module__


def test_a_connection_that_was_reset_is_an_error_that_the_client_retries() -> None:
    """INV-03: else the client's task that keeps the metadata ends, and offsets are never committed again."""
    met = uvloop.run(_sent_after_a_reset(Connection))
    assert isinstance(met, KafkaConnectionError)
    assert met.retriable
    bare = uvloop.run(_sent_after_a_reset(_BARE))
    assert type(bare) is RuntimeError
