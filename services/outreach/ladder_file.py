"""Reading ladders: one YAML file each, every error with its line, what is wrong and what is expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from contracts.identifiers import municipality_code
from contracts.yaml_file import YamlFileError, YamlProblem, read
from services.outreach.soundness import problems
from services.outreach.steps import Ladder


@dataclass(frozen=True, slots=True)
class Ladders:
    """The ladders of an installation."""

    #: Municipality code → its own ladder.
    own: Mapping[str, Ladder]

    def of(self, municipality: str) -> Ladder:
        """A municipality's own ladder, or the default."""
        return self.own.get(municipality) or default()


def load(path: Path) -> Ladder:
    """The ladder in a YAML file. Raises ``YamlFileError``, and OSError when the file cannot be read."""
    return read(path, Ladder, "a ladder", problems)


def load_folder(folder: Path) -> Ladders:
    """The ladders in a folder, ``<municipality code>.yaml`` each; who has no file there has the default.

    Raises ``YamlFileError`` for the first file that is no ladder or not named by a code, and OSError when the folder
    cannot be read.
    """
    own = {}
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml")):
        try:
            code = municipality_code(path.stem)
        except ValueError as error:
            detail = f"the file's name: {error}; expected one such as 0180.yaml"
            raise YamlFileError(path, [YamlProblem(1, detail)]) from None
        own[code] = load(path)
    return Ladders(own)


def default_path() -> Path:
    """Where the ladder that comes with this release stands."""
    return Path(str(files("services.outreach").joinpath("ladder.yaml")))


@cache
def default() -> Ladder:
    """The ladder that comes with this release."""
    return load(default_path())
