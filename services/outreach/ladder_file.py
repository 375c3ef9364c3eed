"""Reading ladders: one YAML file each, every error with its line, what is wrong and what is expected."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.identifiers import municipality_code
from services.outreach.soundness import Place, problems
from services.outreach.steps import Ladder

_Plain: TypeAlias = "str | int | list[_Plain] | dict[str, _Plain] | None"

#: The deepest a ladder goes is five; an alias that holds itself goes on for ever.
_DEEPEST: Final = 10
#: The most values a file may hold: aliases of aliases may hold any number.
_LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True, order=True)
class LadderProblem:
    """One thing wrong: the line (from 1), what is wrong there and what is expected."""

    line: int
    detail: str


class LadderError(ValueError):
    """The file is no ladder. ``problems`` has what was found, in order of line."""

    def __init__(self, path: Path, found: Iterable[LadderProblem]) -> None:
        self.path = path
        self.problems = tuple(sorted(set(found)))
        super().__init__("\n".join(f"{path}:{problem.line}: {problem.detail}" for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Ladders:
    """The ladders of an installation."""

    #: Municipality code → its own ladder.
    own: Mapping[str, Ladder]

    def of(self, municipality: str) -> Ladder:
        """A municipality's own ladder, or the default."""
        return self.own.get(municipality) or default()


def load(path: Path) -> Ladder:
    """The ladder in a YAML file. Raises ``LadderError``, and OSError when the file cannot be read."""
    reading = _Reading()
    plain = reading.whole(path)
    if reading.found:
        raise LadderError(path, reading.found)
    try:
        ladder = Ladder.model_validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise LadderError(path, map(reading.problem, details)) from None
    found = [LadderProblem(reading.line(place), _said(place, detail)) for place, detail in problems(ladder)]
    if found:
        raise LadderError(path, found)
    return ladder


def load_folder(folder: Path) -> Ladders:
    """The ladders in a folder, ``<municipality code>.yaml`` each; who has no file there has the default.

    Raises ``LadderError`` for the first file that is no ladder or not named by a code, and OSError when the folder
    cannot be read.
    """
    own = {}
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml")):
        try:
            code = municipality_code(path.stem)
        except ValueError as error:
            detail = f"the file's name: {error}; expected one such as 0180.yaml"
            raise LadderError(path, [LadderProblem(1, detail)]) from None
        own[code] = load(path)
    return Ladders(own)


def default_path() -> Path:
    """Where the ladder that comes with this release stands."""
    return Path(str(files("services.outreach").joinpath("ladder.yaml")))


@cache
def default() -> Ladder:
    """The ladder that comes with this release."""
    return load(default_path())


def _said(place: Place, detail: str) -> str:
    return f"{_dotted(place)}: {detail}" if place else detail


def _dotted(place: Place) -> str:
    """``steps.contact.channels[0]``: positions as in most tools, from 0; the line says it for people."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _keys(place: Place) -> str:
    """The keys that a ladder has at a place."""
    annotation: Any = Ladder
    for part in place:
        if get_origin(annotation) is Mapping:
            annotation = get_args(annotation)[1]
        else:
            fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
            annotation = fields[str(part)].annotation
            # a part that may be left out: what it is when it is there
            annotation = get_args(annotation)[0] if type(None) in get_args(annotation) else annotation
    return ", ".join(field.alias or name for name, field in annotation.model_fields.items())


class _Reading:
    """One walk through the composed file: what it says as plain values, and the line of each place."""

    def __init__(self) -> None:
        self.found: list[LadderProblem] = []
        self._lines: dict[Place, int] = {(): 1}
        self._values = 0

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
            self._wrong(1, "nested too deep; expected a ladder")
            return None
        if root is None:
            self._wrong(1, "the file is empty; expected a ladder")
            return None
        return self._plain(root, ())

    def _wrong(self, line: int, detail: str) -> None:
        self.found.append(LadderProblem(line, detail))

    def _plain(self, node: yaml.Node, place: Place) -> _Plain:
        line = node.start_mark.line + 1
        self._lines.setdefault(place, line)
        self._values += 1
        if len(place) > _DEEPEST or self._values > _LONGEST:
            if self._values <= _LONGEST + 1:
                self._wrong(line, "too deep or too long; expected no more than a ladder has")
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

    def _scalar(self, node: yaml.Node, place: Place) -> str | int | None:
        kind = node.tag.rpartition(":")[2]
        if kind == "str":
            return str(node.value)
        if kind == "int" and node.value.isdecimal() and (node.value == "0" or node.value[0] != "0"):
            return int(node.value)
        read = f"YAML reads `{node.value}` as something else" if node.value else "nothing stands here"
        self._wrong(node.start_mark.line + 1, _said(place, f"{read}; expected a word or a whole number"))
        return None

    def problem(self, error: ErrorDetails) -> LadderProblem:
        """What pydantic found, in words, with the line it stands on."""
        at_key = error["loc"][-1:] == ("[key]",)
        place = tuple(part for part in error["loc"] if part != "[key]")
        context = error.get("ctx", {})
        match error["type"]:
            case "missing":
                place, detail = place[:-1], f"`{place[-1]}` is missing; expected it here"
            case "extra_forbidden":
                detail = f"no such key; expected one of: {_keys(place[:-1])}"
            case "literal_error" if at_key:
                detail = f"no such key; expected {context['expected']}"
            case "literal_error":
                detail = f"expected {context['expected']}"
            case "string_type":
                detail = "expected text; put a number in quotes"
            case "int_type":
                detail = "expected a whole number"
            case "greater_than_equal" | "less_than_equal":
                least, most = context.get("ge"), context.get("le")
                detail = f"expected {least} or more" if least is not None else f"expected {most} or less"
            case "tuple_type":
                detail = "expected a list, in brackets"
            case "model_type" | "model_attributes_type":
                detail = f"expected these keys with values: {_keys(place)}"
            case "mapping_type" | "dict_type":
                detail = "expected names with what is said of each"
            case "string_too_short":
                detail = "expected some text"
            case "string_too_long":
                detail = f"expected at most {context['max_length']} characters"
            case "string_pattern_mismatch" if place[-1:] == ("at_age",):
                detail = "expected an age such as 19 years 9 months"
            case "string_pattern_mismatch":
                detail = "expected a name: small letters a to z, digits and _, a letter first, at most 40"
            case _:
                detail = f"expected otherwise: {error['msg']}"
        return LadderProblem(self.line(place), _said(place, detail))
