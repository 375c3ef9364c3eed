"""Reading a specification: one YAML file, every error with its line, what is wrong and what is expected."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.reporting.consistency import Place, problems
from services.reporting.period import Period
from services.reporting.specification import Specification

_Plain: TypeAlias = "str | int | bool | list[_Plain] | dict[str, _Plain] | None"

#: The deepest a specification goes is seven; an alias that holds itself goes on for ever.
_DEEPEST: Final = 12
_KINDS: Final = {"timestamp": "a date", "float": "a number", "int": "a number", "binary": "something else"}


@dataclass(frozen=True, slots=True, order=True)
class SpecificationProblem:
    """One thing wrong: the line (from 1), what is wrong there and what is expected."""

    line: int
    detail: str


class SpecificationError(ValueError):
    """The file is no specification. ``problems`` has all that were found, in order of line."""

    def __init__(self, path: Path, found: Iterable[SpecificationProblem]) -> None:
        self.path = path
        self.problems = tuple(sorted(set(found)))
        super().__init__("\n".join(f"{path}:{problem.line}: {problem.detail}" for problem in self.problems))


class NoSpecificationError(LookupError):
    """No specification says that it is valid for the half-year, or more than one does."""


def load(path: Path) -> Specification:
    """The specification in a YAML file. Raises ``SpecificationError``, and OSError when it cannot be read."""
    reading = _Reading()
    plain = reading.whole(path)
    if reading.found:
        raise SpecificationError(path, reading.found)
    try:
        specification = Specification.model_validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SpecificationError(path, map(reading.problem, details)) from None
    found = [
        SpecificationProblem(reading.line(place), _said(place, d)) for place, d in problems(specification)
    ]
    if found:
        raise SpecificationError(path, found)
    return specification


def find(period: Period) -> tuple[Path, Specification]:
    """The one specification that comes with this release and is valid for a half-year, and its file.

    Raises ``NoSpecificationError`` and ``SpecificationError``.
    """
    folder = Path(str(files("services.reporting").joinpath("specifications")))
    read = [(path, load(path)) for path in sorted(folder.glob("*.yaml"))]
    valid = [(path, one) for path, one in read if period.name in one.periods]
    if len(valid) == 1:
        return valid[0]
    if valid:
        raise NoSpecificationError(
            f"{' and '.join(path.name for path, _ in valid)} both say they are valid for {period.name}: "
            "expected one; take the half-year out of the other's `periods`"
        )
    known = sorted({name for _, one in read for name in one.periods})
    raise NoSpecificationError(
        f"there is no specification for {period.name}, only for {', '.join(known)}: "
        "write one from SCB's instructions and give it with --specification"
    )


def _said(place: Place, detail: str) -> str:
    return f"{_dotted(place)}: {detail}" if place else detail


def _dotted(place: Place) -> str:
    """``blocks[2].columns[0]``: positions as in most tools, from 0; the line says it for people."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _keys(place: Place) -> str:
    """The keys that the specification has at a place."""
    annotation: Any = Specification
    for part in place:
        if isinstance(part, int):
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        else:
            annotation = annotation.model_fields[part].annotation
    return ", ".join(annotation.model_fields)


class _Reading:
    """One walk through the composed file: what it says as plain values, and the line of each place."""

    def __init__(self) -> None:
        self.found: list[SpecificationProblem] = []
        self._lines: dict[Place, int] = {(): 1}

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest around it."""
        while place not in self._lines:
            place = place[:-1]
        return self._lines[place]

    def whole(self, path: Path) -> _Plain:
        """The file as plain values; None when something is wrong with it as YAML."""
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8")
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            self._wrong(raw.count(b"\n", 0, error.start) + 1, "not UTF-8; expected a file in that encoding")
            return None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._wrong(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
            return None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            self._wrong(line, "not YAML: a character that YAML does not allow")
            return None
        except RecursionError:
            self._wrong(1, "nested too deep; expected a specification")
            return None
        if root is None:
            self._wrong(1, "the file is empty; expected a specification")
            return None
        return self._plain(root, ())

    def _wrong(self, line: int, detail: str) -> None:
        self.found.append(SpecificationProblem(line, detail))

    def _plain(self, node: yaml.Node, place: Place) -> _Plain:
        line = node.start_mark.line + 1
        self._lines.setdefault(place, line)
        if len(place) > _DEEPEST:
            self._wrong(line, "nested too deep; expected no more than a specification has")
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*place, position)) for position, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, _Plain] = {}
            for key_node, value in node.value:
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
                if key in mapping:
                    self._wrong(key_node.start_mark.line + 1, f"`{key}` stands twice; expected once")
                    continue
                self._lines[(*place, key)] = key_node.start_mark.line + 1
                mapping[key] = self._plain(value, (*place, key))
            return mapping
        return self._scalar(node, place)

    def _scalar(self, node: yaml.Node, place: Place) -> str | int | bool | None:
        kind = node.tag.rpartition(":")[2]
        if kind == "str":
            return str(node.value)
        if kind == "bool":
            return str(node.value).lower() in ("true", "yes", "on")
        if kind == "int" and node.value.isdecimal() and not node.value.startswith("0"):
            return int(node.value)
        if kind != "null":
            self._wrong(
                node.start_mark.line + 1,
                _said(
                    place,
                    f"YAML reads this as {_KINDS.get(kind, 'something else')}; expected text: put it in quotes",
                ),
            )
        return None

    def problem(self, error: ErrorDetails) -> SpecificationProblem:
        """What pydantic found, in words, with the line it stands on."""
        place = tuple(part for part in error["loc"] if part != "[key]")
        context = error.get("ctx", {})
        match error["type"]:
            case "missing":
                place, detail = place[:-1], f"`{place[-1]}` is missing; expected it here"
            case "extra_forbidden":
                detail = f"no such key; expected one of: {_keys(place[:-1])}"
            case "literal_error":
                detail = f"expected {context['expected']}"
            case "string_type":
                detail = "expected text; put a number in quotes"
            case "bool_type":
                detail = "expected true or false"
            case "int_type":
                detail = "expected a whole number"
            case "tuple_type":
                detail = "expected a list"
            case "model_type":
                detail = f"expected these keys with values: {_keys(place)}"
            case "dict_type":
                detail = "expected names with what is said of each"
            case "too_short":
                detail = "the list is empty; expected something in it"
            case "string_pattern_mismatch":
                detail = f"expected text of the form {context['pattern']}"
            case _:
                message = error["msg"].removeprefix("Value error, ")
                detail = message if message.startswith("expected") else f"expected otherwise: {message}"
        return SpecificationProblem(self.line(place), _said(place, detail))
