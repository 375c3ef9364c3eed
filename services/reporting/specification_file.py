"""Reading a specification: one YAML file, every error with its line, what is wrong and what is expected."""

from importlib.resources import files
from pathlib import Path

from contracts.yaml_file import read
from services.reporting.consistency import problems
from services.reporting.period import Period
from services.reporting.specification import Specification


class NoSpecificationError(LookupError):
    """No specification says that it is valid for the half-year, or more than one does."""


def load(path: Path) -> Specification:
    """The specification in a YAML file. Raises ``YamlFileError``, and OSError when it cannot be read."""
    return read(path, Specification, "a specification", problems)


def find(period: Period) -> tuple[Path, Specification]:
    """The one specification that comes with this release and is valid for a half-year, and its file.

    Raises ``NoSpecificationError`` and ``YamlFileError``.
    """
    folder = Path(str(files("services.reporting").joinpath("specifications")))
    known = [(path, load(path)) for path in sorted(folder.glob("*.yaml"))]
    valid = [(path, one) for path, one in known if period.name in one.periods]
    if len(valid) == 1:
        return valid[0]
    if valid:
        raise NoSpecificationError(
            f"{' and '.join(path.name for path, _ in valid)} both say they are valid for {period.name}: "
            "expected one; take the half-year out of the other's `periods`"
        )
    periods = sorted({name for _, one in known for name in one.periods})
    raise NoSpecificationError(
        f"there is no specification for {period.name}, only for {', '.join(periods)}: "
        "write one from SCB's instructions and give it with --specification"
    )
