"""What went wrong, for people a page, for programs problem+json (RFC 9457), each with a code that stays.

``raise Problem(NO_ROLE)``. A service adds kinds of its own as constants. No value that was sent is repeated: it could
be somebody's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from webkit.language import _
from webkit.pages import render

#: Paths below this one are for programs: answered in JSON, opened by a bearer token and never by a cookie.
API: Final = "/api/"
MEDIA_TYPE: Final = "application/problem+json"

#: How an API's description says so: for every status that it does not describe otherwise.
ANSWER: Final[dict[str, Any]] = {
    "description": "A problem; `code` says which and stays the same from version to version.",
    "content": {
        MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {
                    "type": {"type": "string", "format": "uri"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["pointer", "detail"],
                            "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                        },
                    },
                },
            }
        }
    },
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to go wrong. ``title`` and ``advice`` are English texts, which pages translate."""

    code: str
    status: HTTPStatus
    title: str
    #: What to do about it, in a sentence or two.
    advice: str
    #: Whether logging in (again) is what helps.
    login: bool = False


NOT_FOUND: Final = Kind(
    "not_found", HTTPStatus.NOT_FOUND, _("There is nothing here"),
    _("Check the address, or start from the first page."),
)  # fmt: skip
WRONG_METHOD: Final = Kind(
    "wrong_method", HTTPStatus.METHOD_NOT_ALLOWED, _("This address cannot be used that way"),
    _("Start from the first page."),
)  # fmt: skip
INVALID: Final = Kind(
    "invalid_request", HTTPStatus.UNPROCESSABLE_ENTITY, _("Something in the request is missing or wrong"),
    _("Go back, correct it and try again."),
)  # fmt: skip
TOO_LARGE: Final = Kind(
    "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("The request is too large"),
    _("Go back, shorten it and try again."),
)  # fmt: skip
NOT_FROM_HERE: Final = Kind(
    "not_from_here", HTTPStatus.FORBIDDEN, _("The form did not come from this page"),
    _("Nothing was changed. Open the page again and repeat what you did."),
)  # fmt: skip
SESSION_ENDED: Final = Kind(
    "session_ended", HTTPStatus.UNAUTHORIZED, _("Your session has ended"),
    _("Nothing was changed. Log in again and repeat what you did."), login=True,
)  # fmt: skip
ROLE_MISSING: Final = Kind(
    "role_missing", HTTPStatus.FORBIDDEN, _("Your role does not include this"),
    _("Ask those who administer access in your municipality if you need it for your work."),
)  # fmt: skip
NO_ROLE: Final = Kind(
    "no_role", HTTPStatus.FORBIDDEN, _("You have no role here"),
    _("You were recognised, but nobody has given you a role. Ask those who administer access in your municipality."),
    login=True,
)  # fmt: skip
UNAVAILABLE: Final = Kind(
    "unavailable", HTTPStatus.SERVICE_UNAVAILABLE, _("The database cannot be reached"),
    _("Try again in a minute. What you sent was not saved."),
)  # fmt: skip
FAILED: Final = Kind(
    "failed", HTTPStatus.INTERNAL_SERVER_ERROR, _("Something is wrong with this program"),
    _("What you sent was not saved. Tell those who run the system when it happened and on which page."),
)  # fmt: skip


class Problem(Exception):
    """Ends a request with an answer that says what is wrong.

    ``errors`` are for programs: ``{"pointer": "/body/on", "detail": "…"}``, without the value. ``headers`` go along.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        detail: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


def is_api(request: Request) -> bool:
    """Whether the request is a program's."""
    return request.url.path.removeprefix(request.scope.get("root_path", "")).startswith(API)


def answer(request: Request, problem: Problem) -> Response:
    """The page or the JSON that says what is wrong."""
    kind = problem.kind
    if not is_api(request):
        page = render(request, "error.html", status=kind.status, kind=kind)
        page.headers.update(problem.headers)
        return page
    body: dict[str, Any] = {
        "type": f"urn:kaa:problem:{kind.code}",
        "title": kind.title,
        "status": int(kind.status),
        "detail": problem.detail or kind.advice,
        "code": kind.code,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    return JSONResponse(body, kind.status, problem.headers, MEDIA_TYPE)


def of_validation(error: RequestValidationError) -> Problem:
    """What FastAPI finds wrong in a request: where and what, without what was sent."""
    wrong = [
        {"pointer": "/" + "/".join(str(step) for step in one["loc"]), "detail": _said(one)}
        for one in error.errors()
    ]
    return Problem(INVALID, errors=wrong)


def of_http(error: HTTPException) -> Problem:
    """What the framework itself refuses: no such path, wrong method."""
    kinds = {404: NOT_FOUND, 405: WRONG_METHOD, 413: TOO_LARGE}
    fallback = INVALID if error.status_code < 500 else FAILED
    return Problem(kinds.get(error.status_code, fallback), headers=error.headers)


def _said(one: Mapping[str, Any]) -> str:
    # `msg` of a choice or a pattern names what is expected; what was sent stands in `input` and in `ctx` alone
    return str(one["msg"]).removeprefix("Value error, ")
