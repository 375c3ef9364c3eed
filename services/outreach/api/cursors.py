"""Where a page of a list ends, as a text that a program hands back unread."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date
from typing import Annotated, Final, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from services.outreach import listing, routing
from services.outreach.api.refusals import CURSOR
from webkit.problems import Problem

K = TypeVar("K")

PATTERN: Final = "^[A-Za-z0-9_-]{1,200}$"
#: Of the queue, and of the cases of protected registration.
TASKS: Final[TypeAdapter[listing.Key]] = TypeAdapter(
    tuple[date, bool, date, Annotated[int, Field(ge=0, lt=2**63)]]
)
CASES: Final[TypeAdapter[routing.Key]] = TypeAdapter(routing.Key)


def written(form: TypeAdapter[K], key: K) -> str:
    """The key as a cursor. It holds days and a number or an id, nothing more of a person."""
    return urlsafe_b64encode(form.dump_json(key)).rstrip(b"=").decode()


def read(form: TypeAdapter[K], cursor: str | None) -> K | None:
    """The key of a cursor; None, without one, is the first page. Raises Problem CURSOR."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return form.validate_json(urlsafe_b64decode(padded), strict=True)
    except (binascii.Error, ValidationError):
        raise Problem(CURSOR) from None
