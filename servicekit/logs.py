"""Structured logs that cannot carry personal data (INV-08).

A line has an event (a literal of the code) and fields from the list below; anything else is dropped and named. Text
that could still hold an identity number is masked. Of an error only its type, its SQLSTATE and the line of our code
are written: the message of a database error repeats values.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog

#: Every field a log line may have. None of them can name a person; ids of events are the sources' free text and
#: therefore not among them: topic, partition and offset lead to the record.
FIELDS: Final = frozenset(
    {
        "event", "level", "timestamp", "service", "logger", "topic", "topics", "partition", "offset", "group",
        "count", "applied", "duplicates", "dead_letters", "seconds", "attempt", "error", "sqlstate", "at", "kind",
        "reason", "address", "port", "pid", "day", "path", "lag", "dropped", "signal", "partitions", "version",
        "what_to_do", "limit", "issuer",
    }
)  # fmt: skip

_NUMBERS = re.compile(r"(?<!\d)(?:\d{12}|\d{10}|\d{8}[-+]\d{4}|\d{6}[-+]\d{4})(?!\d)")
_ADDRESSES = re.compile(r"[^\s@,;:()\[\]<>]+@[^\s@,;:()\[\]<>]+")
_ORGANISER = re.compile(r"school\.\d{10}\.")


def masked(text: str) -> str:
    """The text without what looks like an identity number or an e-mail address; topic names stay readable."""
    kept = _ORGANISER.findall(text)
    text = _ORGANISER.sub("school.\0.", text)
    text = _ADDRESSES.sub("[masked]", _NUMBERS.sub("[masked]", text))
    for topic in kept:
        text = text.replace("school.\0.", topic, 1)
    return text


def _where(traceback: TracebackType | None) -> str:
    place = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if (
            module.partition(".")[0] in {"servicekit", "services", "contracts", "kaa", "simulator", "webkit"}
            or not place
        ):
            place = f"{module}.{code.co_name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def error_fields(error: BaseException) -> dict[str, str]:
    """What may be said of an error: its type, SQLSTATE where it has one, and the place in our code."""
    said = {"error": type(error).__name__, "at": _where(error.__traceback__)}
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        said["sqlstate"] = state
    return said


def _only_known(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        line.update(error_fields(error))
    dropped = sorted(key for key in line if key not in FIELDS)
    for key in dropped:
        del line[key]
    if dropped:
        line["dropped"] = len(dropped)
    for key, value in line.items():
        if isinstance(value, str):
            line[key] = masked(value)
    return line


class _Foreign(logging.Handler):
    """Lines of libraries: the template without its arguments, and the error's type without its message.

    Of several lines the first: asyncio puts the text of an error that nobody waited for into the second.
    """

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1]:
            fields |= error_fields(record.exc_info[1])
        log = structlog.get_logger()
        log.log(record.levelno, (str(record.msg).splitlines() or [""])[0][:300], **fields)


def _crashed(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    """In place of Python's own last words, which would repeat the error's message."""
    structlog.get_logger().critical("process.crashed", exc_info=error)


def configure(service: str, level: str = "info") -> None:
    """Logs of this process go to standard error as JSON, one object a line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_known,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    root = logging.getLogger()
    root.handlers[:] = [_Foreign()]
    root.setLevel(logging.WARNING)
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "faststream", "aiokafka", "alembic"):
        logging.getLogger(noisy).handlers[:] = []
        logging.getLogger(noisy).propagate = True
        logging.getLogger(noisy).setLevel(logging.WARNING)
    sys.excepthook = _crashed
