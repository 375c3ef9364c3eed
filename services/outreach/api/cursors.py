"""Where a page of the queue ends, as a text that a program hands back unread."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from pydantic import TypeAdapter, ValidationError

from services.outreach.listing import Key

PATTERN: Final = "^[A-Za-z0-9_-]{1,200}$"
_KEY: Final = TypeAdapter(Key)


class NoCursorError(ValueError):
    """The text is no cursor of ours."""


def written(key: Key) -> str:
    """The key as a cursor. It holds days and a number, nothing of a person."""
    return urlsafe_b64encode(_KEY.dump_json(key)).rstrip(b"=").decode()


def read(cursor: str) -> Key:
    """The key of a cursor. Raises NoCursorError."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = _KEY.validate_json(urlsafe_b64decode(padded), strict=True)
    except (binascii.Error, ValidationError):
        raise NoCursorError from None
    if not 0 <= key[3] < 2**63:
        raise NoCursorError
    return key
