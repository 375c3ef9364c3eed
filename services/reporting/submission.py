"""One municipality's half-year as a file: built from a prefix of what was received, and written as a draft or final.

A draft (*utkast*) says so in its name and its first line. A final file has no unverified code and no failing row.
"""

import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.identifiers import MUNICIPALITIES
from servicekit.access_log import looked
from servicekit.database import Connection
from services.reporting import store
from services.reporting.checks import Finding, findings
from services.reporting.period import Period
from services.reporting.report import Rows, rows, text
from services.reporting.specification import Language, Specification, Words

DRAFT: Final = "UTKAST"
_DRAFT_LINE: Final = (
    "UTKAST (DRAFT): codes in this file are placeholders or unverified; not for submission to SCB"
)


class PrefixError(ValueError):
    """Asked for more than was received: what comes later would change the answer."""


class NotFinalError(ValueError):
    """The file cannot be final. ``reasons``: what stands against it, one a line."""

    def __init__(self, summary: str, reasons: list[str]) -> None:
        super().__init__(summary)
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Submission:
    """A report, not yet written: rows, what fails in them, and what it was made of."""

    specification: Specification
    period: Period
    municipality: str
    #: The ``seq`` of the last event it rests on: the same number gives the same file.
    as_known_at: int
    made: Rows
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The name of the final file."""
        return self.specification.file.name.format(municipality=self.municipality, period=self.period.name)

    @property
    def failing_rows(self) -> int:
        """Rows in which something fails."""
        return len({finding.serial for finding in self.findings})

    def failures(self) -> list[tuple[int, Words, int]]:
        """What fails, each once: (block number, words, rows), in order of block and then the most first."""
        counted = Counter((finding.block.number, finding.said) for finding in self.findings)
        ordered = sorted(counted.items(), key=lambda item: (item[0][0], -item[1], item[0][1].sv))
        return [(number, said, count) for (number, said), count in ordered]

    def content(self, *, final: bool) -> bytes:
        """The file. Equal for equal period, specification and prefix, byte for byte (INV-13)."""
        first = () if final else (_DRAFT_LINE,)
        return text(self.made.rows, self.specification, *first).encode(self.specification.file.encoding)

    def check_list(self, language: Language) -> str:
        """What fails, a line each with the row's number in the file, for those who put it right."""
        swedish = language == "sv"
        where = f"{self.municipality} {MUNICIPALITIES[self.municipality]}, {self.period.name}"
        if swedish:
            head = f"{where}: {self.failing_rows} av {len(self.made.rows)} rader har fel. De står ändå i utkastet."
        else:
            head = (
                f"{where}: {self.failing_rows} of {len(self.made.rows)} rows fail. They are in the draft too."
            )
        lines = [getattr(self.specification.title, language), head, ""]
        for finding in self.findings:
            row = f"{'rad' if swedish else 'row'} {finding.serial}, block {finding.block.number}"
            lines.append(f"{row}: {getattr(finding.said, language)}")
        return "\n".join(lines) + "\n"


async def build(
    connection: Connection,
    specification: Specification,
    period: Period,
    municipality: str,
    *,
    as_known_at: int | None = None,
) -> Submission:
    """The report of a municipality and a half-year, on what was received up to ``as_known_at`` (now: all of it).

    The look at its persons is in the access log before it is given. Raises ``PrefixError``, and what asyncpg raises.
    """
    async with connection.transaction(isolation="repeatable_read"):
        received = await store.received_so_far(connection)
        if as_known_at is not None and not 0 <= as_known_at <= received:
            raise PrefixError(f"{as_known_at} is not among what was received: expected 0 to {received}")
        prefix = received if as_known_at is None else as_known_at
        made = rows(await store.facts(connection, municipality, period, prefix), period, specification)
        await looked(connection, "report build", municipality=municipality, count=made.persons)
    found = findings(made.rows, period, specification)
    return Submission(specification, period, municipality, prefix, made, tuple(found))


def refuse_unverified(specification: Specification) -> None:
    """Raises ``NotFinalError`` while anything in the specification is unverified."""
    if specification.unverified:
        raise NotFinalError(
            "the file cannot be final: the specification has what nobody has compared with SCB's own documents",
            [f"{name}: verified: false" for name in specification.unverified],
        )


def write(
    submission: Submission, out: Path | None = None, *, final: bool = False, language: Language = "sv"
) -> Path:
    """Writes the file and, beside it, what fails (``check_list_beside``); gives its path. Both for their owner alone.

    A draft's name says so, whatever ``out`` says; without ``out`` it is the specification's, in ``out/``.
    Raises ``NotFinalError`` and OSError; then there is no file.
    """
    if final:
        refuse_unverified(submission.specification)
        if submission.findings:
            raise NotFinalError(
                f"the file cannot be final: {submission.failing_rows} of {len(submission.made.rows)} rows fail",
                [
                    f"block {number}: {said.en} ({count} rows)"
                    for number, said, count in submission.failures()
                ],
            )
    if out is None:
        Path("out").mkdir(exist_ok=True)
    path = out or Path("out") / submission.name
    if not final and DRAFT not in path.name:
        path = path.with_name(f"{path.stem}_{DRAFT}{path.suffix}")
    _write(check_list_beside(path), submission.check_list(language).encode())
    _write(path, submission.content(final=final))
    return path


def check_list_beside(path: Path) -> Path:
    """Where the list of what fails in a file is."""
    return path.with_name(f"{path.stem}_kontroll.txt")


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; what stood there before is replaced. Mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
