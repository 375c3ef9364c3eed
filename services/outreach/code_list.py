"""The dated code list of occupations (kodlista för sysselsättning): which of them could be named on a day."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.identifiers import Day
from contracts.own import Occupation
from contracts.yaml_file import Place, read


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Listed(_Part):
    """A code, the first day on which it can be named, and the last of one that was given up."""

    code: Occupation
    from_day: Annotated[Day, Field(alias="from")]
    until: Day | None = None


class CodeList(_Part):
    """The occupations, each once."""

    occupations: Annotated[tuple[Listed, ...], Field(min_length=1)]

    def on(self, day: date) -> Sequence[Occupation]:
        """The codes that could be named on a day."""
        return [
            one.code
            for one in self.occupations
            if one.from_day <= day and (one.until is None or day <= one.until)
        ]


def load(path: Path) -> CodeList:
    """The list in a YAML file. Raises ``YamlFileError``, and OSError when the file cannot be read."""
    return read(path, CodeList, "a list of occupations", _problems)


@cache
def occupations() -> CodeList:
    """The list that comes with this release."""
    return load(Path(str(files("services.outreach").joinpath("occupations.yaml"))))


def _problems(found: CodeList) -> Iterator[tuple[Place, str]]:
    seen = set()
    for position, one in enumerate(found.occupations):
        if one.code in seen:
            yield (
                ("occupations", position, "code"),
                f"{one.code} stands above already; expected each code once",
            )
        seen.add(one.code)
        if one.until is not None and one.until < one.from_day:
            yield ("occupations", position, "until"), "before `from`; expected that day or a later one"
