"""Changes that programs ask for are made once: a key that the program chose leads to the answer it was given.

Of the key only a hash is kept, and no answer here names a person: who may be shown is decided anew at every answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from servicekit.database import Connection
from servicekit.retention import in_pages
from servicekit.viewers import Viewer

#: How long an answer is kept: longer than a program that lost its connection tries again.
KEPT: Final = timedelta(hours=24)

# Waits for a request with the same key that is under way. What is past its time counts as never been.
_BEGIN: Final = """
INSERT INTO idempotency_key AS known (key_hash, municipality, who, request_digest) VALUES ($1, $2, $3, $4)
ON CONFLICT (key_hash) DO UPDATE SET request_digest = excluded.request_digest, answer = NULL, at = now()
WHERE known.at <= now() - $5::interval
RETURNING true
"""
_GIVEN: Final = """
SELECT request_digest, answer FROM idempotency_key WHERE key_hash = $1 AND municipality = $2 AND who = $3
"""
_KEEP: Final = "UPDATE idempotency_key SET answer = $2 WHERE key_hash = $1"
_FORGET: Final = """
DELETE FROM idempotency_key WHERE key_hash IN (SELECT key_hash FROM idempotency_key WHERE at < $1 LIMIT $2)
"""


class OtherRequestError(Exception):
    """The key came with another request before."""


@dataclass(frozen=True, slots=True)
class Request:
    """A change that a program asks for. Two with one ``key_hash`` are of one program in one municipality."""

    viewer: Viewer
    key_hash: bytes
    #: Of method, address and body: what makes two requests the same.
    digest: bytes


def request(viewer: Viewer, key: str, method: str, path: str, body: bytes) -> Request:
    """The request of a viewer; ``body`` byte for byte."""
    return Request(
        viewer, _hash(viewer.who, viewer.municipality, key), _hash(method, path, sha256(body).hexdigest())
    )


async def begin(connection: Connection, asked: Request) -> str | None:
    """The answer (JSON) that the same request was given before; None when it is the first, which is now under way.

    Call it and ``keep`` in the transaction of the change. Raises OtherRequestError.
    """
    viewer = asked.viewer
    if await connection.fetchval(_BEGIN, asked.key_hash, viewer.municipality, viewer.who, asked.digest, KEPT):
        return None
    row = await connection.fetchrow(_GIVEN, asked.key_hash, viewer.municipality, viewer.who)
    if row is None:  # forgotten at this moment
        return await begin(connection, asked)
    if row["request_digest"] != asked.digest:
        raise OtherRequestError
    answer: str = row["answer"]
    return answer


async def keep(connection: Connection, asked: Request, answer: str) -> None:
    """Keeps the answer (JSON), which names no person, for the same request sent again."""
    await connection.execute(_KEEP, asked.key_hash, answer)


async def forget(connection: Connection, at: datetime) -> int:
    """Forgets answers that are past their time; gives how many. A job of ``servicekit.retention``."""
    return await in_pages(connection, _FORGET, at - KEPT)


def _hash(*parts: str) -> bytes:
    # each by its own hash: no part can run into the next, whatever it holds
    return sha256(b"".join(sha256(part.encode()).digest() for part in parts)).digest()
