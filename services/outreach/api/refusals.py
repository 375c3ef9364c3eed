"""What the API refuses, each with a code that stays, and how the description says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http import HTTPStatus
from typing import Any, Final

from services.outreach.idempotency import OtherRequestError
from services.outreach.queue import (
    ContactNeededError,
    HeldError,
    NotHeldError,
    OvertakenError,
    RefusedError,
    RoutedError,
    UnknownError,
    UnlistedError,
    WrongDayError,
)
from webkit.problems import ANSWER, INVALID, MEDIA_TYPE, ROLE_MISSING, Kind, Problem

UNKNOWN: Final = Kind(
    "not_in_municipality", HTTPStatus.NOT_FOUND, "The municipality has nothing with this identifier",
    "It is unknown, belongs to another municipality, or was forgotten. Take identifiers from earlier answers.",
)  # fmt: skip
CURSOR: Final = Kind(
    "cursor_unknown", HTTPStatus.NOT_FOUND, "The cursor leads nowhere",
    "Send `next_cursor` of the page before unchanged, or leave the cursor out to begin with the first page.",
)  # fmt: skip
NOT_HELD: Final = Kind(
    "task_not_held", HTTPStatus.CONFLICT, "The caller does not hold the task",
    "It was never taken, its lease ran out, or it is over. Take it first; keep it with heartbeats.",
)  # fmt: skip
NOT_FREE: Final = Kind(
    "task_not_free", HTTPStatus.CONFLICT, "The task cannot be taken",
    "Another holds it, it waits for the person's record, or it is over. Ask for the next task instead; what another "
    "holds a leader may reassign.",
)  # fmt: skip
OVER: Final = Kind(
    "task_over", HTTPStatus.CONFLICT, "The task is over",
    "It is done or closed, and nothing is left to do.",
)  # fmt: skip
OVERTAKEN: Final = Kind(
    "changed_meanwhile", HTTPStatus.CONFLICT, "Somebody else changed it meanwhile",
    "Nothing was changed. Read the person again and repeat the change with the revision that stands now.",
)  # fmt: skip
WRONG_DAY: Final = Kind(
    "day_not_allowed", HTTPStatus.CONFLICT, "The day is not one that this can have",
    "A contact has been made today or before; a task is put off until a day after today, at most 90 days on; "
    "a measure ends, and is followed up, on or after its first day.",
)  # fmt: skip
NOT_LISTED: Final = Kind(
    "occupation_not_listed", HTTPStatus.CONFLICT, "The code list of that day does not have the occupation",
    "Name one that was in the list on the day of the contact, or on the last day of the measure; or leave it out.",
)  # fmt: skip
CONTACT_NEEDED: Final = Kind(
    "contact_needed", HTTPStatus.CONFLICT, "The task is done by a contact",
    "Without one only `clear_up` and `hand_over` are done. Record the contact, or the attempt at one.",
)  # fmt: skip
ROUTED: Final = Kind(
    "task_routed", HTTPStatus.CONFLICT, "The task is kept for whom a registrar named",
    "The person's registration is protected: a registrar alone gives the case to somebody else.",
)  # fmt: skip
NO_WORKER: Final = Kind(
    "no_such_worker", HTTPStatus.CONFLICT, "Nobody of the municipality can have this login",
    "Name `<issuer's name>:<subject>`, of an issuer that serves the municipality.",
)  # fmt: skip
KEY_REUSED: Final = Kind(
    "idempotency_key_reused", HTTPStatus.UNPROCESSABLE_ENTITY, "The key came with another request before",
    "Nothing was changed. Choose a new Idempotency-Key for every new wish.",
)  # fmt: skip

KINDS: Final = (
    UNKNOWN, CURSOR, NOT_HELD, NOT_FREE, OVER, OVERTAKEN, WRONG_DAY, NOT_LISTED, CONTACT_NEEDED, ROUTED, NO_WORKER,
    KEY_REUSED,
)  # fmt: skip


@contextmanager
def told(refused: Kind = UNKNOWN, not_held: Kind = NOT_HELD) -> Iterator[None]:
    """What outreach refuses inside becomes a Problem; ``refused``: what a refusal without a kind of its own is."""
    try:
        yield
    except NotHeldError:
        raise Problem(not_held) from None
    except UnknownError:
        raise Problem(UNKNOWN) from None
    except HeldError:
        raise Problem(NOT_FREE) from None
    except OvertakenError:
        raise Problem(OVERTAKEN) from None
    except WrongDayError:
        raise Problem(WRONG_DAY) from None
    except UnlistedError:
        raise Problem(NOT_LISTED) from None
    except ContactNeededError:
        raise Problem(CONTACT_NEEDED) from None
    except RoutedError:
        raise Problem(ROUTED) from None
    except RefusedError:
        raise Problem(refused) from None
    except OtherRequestError:
        raise Problem(KEY_REUSED) from None


def described(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """How a route's description says what it may refuse, by status; every route may refuse a role and a request."""
    by_status: dict[int | str, list[Kind]] = {}
    for kind in (ROLE_MISSING, INVALID, *kinds):
        by_status.setdefault(int(kind.status), []).append(kind)
    return {status: _described(some) for status, some in by_status.items()}


def _described(kinds: list[Kind]) -> dict[str, Any]:
    content = deepcopy(ANSWER["content"])
    content[MEDIA_TYPE]["examples"] = {
        kind.code: {
            "summary": kind.title,
            "value": {
                "type": f"urn:kaa:problem:{kind.code}",
                "title": kind.title,
                "status": int(kind.status),
                "detail": kind.advice,
                "code": kind.code,
            },
        }
        for kind in kinds
    }
    return {"description": "; ".join(f"`{kind.code}`" for kind in kinds), "content": content}
