"""A change asked for by a program: by whom, by which ladders, and made once however often it is sent."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Header
from pydantic import TypeAdapter
from starlette.requests import Request

from servicekit.database import Connection
from servicekit.viewers import Role, Viewer, seen_by
from services.outreach import idempotency
from services.outreach.api.refusals import NOT_HELD, UNKNOWN, told
from services.outreach.ladder_file import Ladders
from webkit.access import require_token
from webkit.problems import Kind
from webkit.site import Site, site_of

A = TypeVar("A")

#: What an idempotency key may be: a UUID is a good one.
KEY_PATTERN: Final = "^[A-Za-z0-9_-]{16,64}$"
#: The answer that has nothing to say but that it is done.
NOTHING: Final[TypeAdapter[None]] = TypeAdapter(None)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a viewer asks for."""

    viewer: Viewer
    site: Site
    ladders: Ladders
    request: idempotency.Request

    @property
    def municipality(self) -> str:
        """The viewer's, 4-digit code."""
        return self.viewer.municipality

    @property
    def who(self) -> str:
        """The viewer, as the history has it."""
        return self.viewer.who


def change(*roles: Role) -> Callable[..., Awaitable[Change]]:
    """A dependency: a change asked for by a token with at least one of these roles."""

    async def asked(
        request: Request,
        viewer: Annotated[Viewer, Depends(require_token(*roles))],
        key: Annotated[
            str,
            Header(
                alias="Idempotency-Key",
                description=(
                    "Chosen by you, new for every new wish (a UUID is good), and the same when you send the same "
                    "request again because no answer came: for 24 hours you get the answer that was given, and "
                    "nothing is done twice. A refusal is not kept."
                ),
                pattern=KEY_PATTERN,
                examples=["0d9a8a52-6a3c-4f55-9d0e-1c4b8f2f7a11"],
            ),
        ],
    ) -> Change:
        body = await request.body()
        once = idempotency.request(viewer, key, request.method, request.url.path, body)
        return Change(viewer, site_of(request), request.app.state.ladders, once)

    return asked


@asynccontextmanager
async def looking(
    site: Site, viewer: Viewer, refused: Kind = UNKNOWN, not_held: Kind = NOT_HELD
) -> AsyncIterator[Connection]:
    """The viewer's transaction; what outreach refuses in it is a Problem outside."""
    with told(refused, not_held):
        async with seen_by(site.pool, viewer) as connection:
            yield connection


async def made(
    connection: Connection, change: Change, form: TypeAdapter[A], work: Callable[[], Awaitable[A]]
) -> A:
    """Does the work unless the same request did it before; then the answer is the one given then. It names no person:
    it is kept.

    Call it in a transaction. Raises what the work raises, and idempotency.OtherRequestError.
    """
    given = await idempotency.begin(connection, change.request)
    if given is not None:
        return form.validate_json(given)
    value = await work()
    await idempotency.keep(connection, change.request, form.dump_json(value).decode())
    return value
