"""The pages that people read, and what can be checked in them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "contracts" / "README.md",
    ROOT / "servicekit" / "README.md",
    *sorted((ROOT / "services").glob("*/README.md")),
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def text(name: str) -> str:
    """A page by its path in the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def fenced(page: str, language: str) -> list[str]:
    """The code blocks of one language ("" for those without)."""
    return [body for said, body in _FENCE.findall(page) if said == language]


def code(page: str) -> Iterator[str]:
    """Everything that stands as code: the lines of blocks, and the spans in the text."""
    for _, body in _FENCE.findall(page):
        yield from body.splitlines()
    yield from _SPAN.findall(_FENCE.sub("", page))


def table(page: str, first_heading: str) -> list[list[str]]:
    """The rows of the one table whose first heading is this; cells without the ticks of code."""
    found = re.findall(rf"^\| {re.escape(first_heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert len(found) == 1, f"{len(found)} tables begin with {first_heading}"
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in found[0].splitlines()]
