"""Sessions of people at work, and logins under way: rows in the database, of which the browser holds a random token.

A session ends at logout, after an hour without a page, and ten hours after login at the latest. Everything secret
that a login needs (state, nonce, PKCE verifier, CSRF token) follows from the browser's token, which is not stored.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import asyncpg

from servicekit.database import Connection
from servicekit.viewers import ROLES, Role
from webkit.issuers import Grants

#: Without a page for so long, a session is over: a desk left alone.
IDLE: Final = timedelta(hours=1)
#: So long after login it is over in any case: a working day, after which the issuer is asked anew.
ABSOLUTE: Final = timedelta(hours=10)
#: An issuer has so long to answer; somebody may have to find a card and a code first.
LOGIN: Final = timedelta(minutes=10)
#: How exactly a session remembers when it was last seen. Each page would else be a write.
_EXACT: Final = timedelta(minutes=1)
#: How often an address tried to log in is kept for so long, far beyond what any limit counts over.
_ATTEMPTS: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Token:
    """What a browser holds, 256 random bits, and what follows from it alone."""

    value: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return sha256(self.value.encode()).digest()

    def derived(self, purpose: str) -> str:
        """A secret of 43 characters for one purpose; tells nothing of the token or of others."""
        mac = hmac.new(self.value.encode(), purpose.encode(), sha256).digest()
        return urlsafe_b64encode(mac).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that waited for its answer: at which issuer, and where to go then."""

    issuer: str
    return_to: str


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who logged in, and the municipality chosen to work in, if it is chosen."""

    issuer: str
    subject: str
    name: str
    grants: Grants
    chosen: str | None

    @property
    def who(self) -> str:
        """How history and access log name the person: (issuer, subject) is the user."""
        return f"{self.issuer}:{self.subject}"

    @property
    def municipalities(self) -> tuple[str, ...]:
        """Codes of the municipalities there is a role in, in order."""
        return tuple(sorted({municipality for municipality, _ in self.grants}))

    def roles(self, municipality: str) -> frozenset[Role]:
        """The roles held there; none for any other municipality."""
        return frozenset(role for place, role in self.grants if place == municipality)


async def begin_login(pool: asyncpg.Pool, issuer: str, return_to: str) -> Token:
    """Notes a login under way, and forgets what ran out."""
    token = Token()
    async with pool.acquire() as connection, connection.transaction():
        began_at = await connection.fetchval(
            "INSERT INTO web_login (token_hash, issuer, return_to) VALUES ($1, $2, $3) RETURNING began_at",
            token.digest,
            issuer,
            return_to,
        )
        await forget(connection, began_at)
    return token


async def take_login(pool: asyncpg.Pool, token: Token) -> Begun | None:
    """The login that was begun with this token, once; None when there is none, it was answered or ran out."""
    row = await pool.fetchrow(
        """
        DELETE FROM web_login WHERE token_hash = $1
        RETURNING issuer, return_to, began_at > now() - $2::interval AS fresh
        """,
        token.digest,
        LOGIN,
    )
    return Begun(row["issuer"], row["return_to"]) if row is not None and row["fresh"] else None


async def open_session(pool: asyncpg.Pool, issuer: str, subject: str, name: str, grants: Grants) -> Token:
    """A new session with a new token; where there is one municipality only it is chosen."""
    token = Token()
    places = {municipality for municipality, _ in grants}
    await pool.execute(
        """
        INSERT INTO web_session (token_hash, issuer, subject, name, grants, chosen)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        token.digest,
        issuer,
        subject,
        name,
        sorted(f"{municipality}:{role}" for municipality, role in grants),
        places.pop() if len(places) == 1 else None,
    )
    return token


async def find(pool: asyncpg.Pool, token: Token) -> Session | None:
    """The session of a token, seen now; None when there is none or it is over."""
    row = await pool.fetchrow(
        """
        SELECT issuer, subject, name, grants, chosen, seen_at < now() - $4::interval AS note
        FROM web_session
        WHERE token_hash = $1 AND seen_at > now() - $2::interval AND began_at > now() - $3::interval
        """,
        token.digest,
        IDLE,
        ABSOLUTE,
        _EXACT,
    )
    if row is None:
        return None
    if row["note"]:
        await pool.execute("UPDATE web_session SET seen_at = now() WHERE token_hash = $1", token.digest)
    return Session(row["issuer"], row["subject"], row["name"], _grants(row["grants"]), row["chosen"])


async def choose(pool: asyncpg.Pool, token: Token, municipality: str) -> None:
    """Settles in which municipality the session goes on. The caller has seen that there is a role in it."""
    await pool.execute("UPDATE web_session SET chosen = $2 WHERE token_hash = $1", token.digest, municipality)


async def end(pool: asyncpg.Pool, token: Token) -> str | None:
    """Ends a session; gives its issuer, or None when there was none."""
    issuer: str | None = await pool.fetchval(
        "DELETE FROM web_session WHERE token_hash = $1 RETURNING issuer", token.digest
    )
    return issuer


async def forget(connection: Connection, at: datetime) -> int:
    """Forgets sessions and logins that ran out, and attempts that count no more; gives how many rows.

    At each login, and a job of ``servicekit.retention``: names are not to stay because nobody logs in.
    """
    done = [
        await connection.execute("DELETE FROM web_login WHERE began_at < $1", at - LOGIN),
        await connection.execute(
            "DELETE FROM web_session WHERE seen_at < $1 OR began_at < $2", at - IDLE, at - ABSOLUTE
        ),
        await connection.execute("DELETE FROM web_attempt WHERE since < $1", at - _ATTEMPTS),
    ]
    return sum(int(status.rpartition(" ")[2]) for status in done)


def _grants(stored: Collection[str]) -> Grants:
    parted = (one.partition(":") for one in stored)
    # a role that this version does not know grants nothing
    return frozenset(
        (municipality, role) for municipality, _, said in parted for role in ROLES if role == said
    )
