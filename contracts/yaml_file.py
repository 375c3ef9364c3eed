"""A file of YAML that people write: read whole and within limits, everything wrong in it said with its line.

``read`` gives a file as a model; ``compose`` gives YAML's own nodes, for a file that is read in a way of its own.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contracts.identifiers import NO_CONTROL

#: A place in a file: keys and positions from the top.
Place: TypeAlias = tuple[str | int, ...]
_Plain: TypeAlias = "str | int | bool | list[_Plain] | dict[str, _Plain] | None"
_Model = TypeVar("_Model", bound=BaseModel)

#: The deepest file of ours, a specification, has seven levels; an alias that holds itself has no end of them.
_DEEPEST: Final = 12
#: Keys and values, aliases followed: aliases of aliases make a few lines into any number. A directory with every
#: school unit of the country would have some 50,000.
_MOST: Final = 200_000
#: Half of a character that takes two in UTF-16: YAML's escapes can write one, and no UTF-8 can hold it.
_HALF: Final = re.compile("[\ud800-\udfff]")
_WHOLE_NUMBER: Final = re.compile("-?(0|[1-9][0-9]{0,17})", re.ASCII)
_YES_OR_NO: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS: Final = {"int": "a number", "float": "a number", "bool": "yes or no", "timestamp": "a date"}


@dataclass(frozen=True, slots=True, order=True)
class YamlProblem:
    """One thing wrong: the line (from 1), what is wrong there and what is expected."""

    line: int
    detail: str


class YamlFileError(ValueError):
    """The file is not what it should be. ``problems`` has all that were found, in order of line."""

    def __init__(self, path: Path, found: Iterable[YamlProblem]) -> None:
        self.path = path
        self.problems = tuple(sorted(set(found)))
        super().__init__("\n".join(f"{path}:{problem.line}: {problem.detail}" for problem in self.problems))


def read(
    path: Path,
    model: type[_Model],
    what: str,
    fits: Callable[[_Model], Iterable[tuple[Place, str]]],
    *,
    as_text: bool = False,
    context: Mapping[str, object] | None = None,
) -> _Model:
    """The model that a file holds.

    ``what`` the file is expected to hold, in words. ``fits`` finds what in a model does not go together: places, and
    what is wrong there. ``as_text``: every value is text as it stands, also one that YAML takes for a number.
    ``context`` is for the model's validators. Raises ``YamlFileError``, and OSError when the file cannot be read.
    """
    reading = _Reading(as_text)
    plain = reading.plain(compose(path, what), ())
    if reading.found:
        raise YamlFileError(path, reading.found)
    try:
        held = model.model_validate_json(json.dumps(plain), context=context)
    except ValidationError as error:
        said = [
            _said(model, one)
            for one in error.errors(include_url=False, include_input=False)
            # a list in which nothing is right is empty to pydantic
            if one["type"] != "too_short" or (*one["loc"], 0) not in reading.lines
        ]
    else:
        said = list(fits(held))
        if not said:
            return held
    raise YamlFileError(path, [reading.problem(place, detail) for place, detail in said])


def compose(path: Path, what: str) -> yaml.Node:
    """A file as YAML's nodes, no deeper and no larger than a file of ours may be, however aliases are followed.

    ``what`` the file is expected to hold, in words. Raises ``YamlFileError``, and OSError when it cannot be read.
    """

    def wrong(detail: str, line: int = 1) -> YamlFileError:
        return YamlFileError(path, [YamlProblem(line, detail)])

    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise wrong("not UTF-8; save the file in that encoding", line) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _count(root, 0, {})
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise wrong(f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise wrong("not YAML: a character that YAML does not allow", line) from None
    except (ValueError, OverflowError):
        # from chr(), which YAML's own reader leaves to its caller
        raise wrong("not YAML: an escape such as \\U00110000, which is no character") from None
    except RecursionError:
        raise wrong(f"nested too deep; expected {what}") from None
    except _LimitError as error:
        raise wrong(f"{error.detail}; expected {what}", line_of(error.node)) from None
    if root is None:
        raise wrong(f"the file is empty; expected {what}")
    return root


def line_of(node: yaml.Node) -> int:
    """The line on which a node begins, from 1."""
    return node.start_mark.line + 1


def kind_of(node: yaml.Node) -> str:
    """What YAML takes a value for that is no text, in words."""
    return _KINDS.get(node.tag.rpartition(":")[2], "something else")


class _LimitError(Exception):
    def __init__(self, node: yaml.Node, detail: str) -> None:
        self.node = node
        self.detail = detail
        super().__init__(detail)


def _count(node: yaml.Node, depth: int, counted: dict[tuple[int, int], int]) -> int:
    """How many nodes a walk from here would meet. ``counted``: those of (node, depth) already counted, so that
    this is quick where the walk would not be. Raises ``_LimitError`` where a walk would go too deep or too far."""
    at = id(node), depth
    if at in counted:
        return counted[at]
    if depth > _DEEPEST:
        raise _LimitError(node, "nested too deep")
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        parts = node.value
    elif isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    elif _HALF.search(node.value):
        raise _LimitError(node, "not YAML: an escape that is half a character")
    counted[at] = 1 + sum(_count(part, depth + 1, counted) for part in parts)
    if counted[at] > _MOST:
        raise _LimitError(node, f"more than {_MOST:,} keys and values, aliases followed")
    return counted[at]


class _Reading:
    """One walk through the composed file: what it says as plain values, and the line of each place."""

    def __init__(self, as_text: bool) -> None:
        self.found: list[YamlProblem] = []
        self._as_text = as_text
        self.lines: dict[Place, int] = {(): 1}

    def problem(self, place: Place, detail: str) -> YamlProblem:
        """What is wrong at a place, with its line, or that of the nearest place around it."""
        near = place
        while near not in self.lines:
            near = near[:-1]
        return YamlProblem(self.lines[near], f"{_dotted(place)}: {detail}" if place else detail)

    def plain(self, node: yaml.Node, place: Place) -> _Plain:
        """What a node says."""
        # of a value with a key it is the key's, noted before
        self.lines.setdefault(place, line_of(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, (*place, position)) for position, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._scalar(node, place)
        mapping: dict[str, _Plain] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or not re.fullmatch(NO_CONTROL, key_node.value):
                self._wrong(key_node, "a key that is no word; expected one")
            elif key_node.value in mapping:
                self._wrong(key_node, f"`{key_node.value}` stands twice; expected once")
            else:
                self.lines[(*place, key_node.value)] = line_of(key_node)
                mapping[key_node.value] = self.plain(value, (*place, key_node.value))
        return mapping

    def _wrong(self, node: yaml.Node, detail: str) -> None:
        self.found.append(YamlProblem(line_of(node), detail))

    def _scalar(self, node: yaml.Node, place: Place) -> str | int | bool | None:
        kind = node.tag.rpartition(":")[2]
        if kind == "null":
            self.found.append(self.problem(place, "nothing stands here; expected a value, or no such key"))
            return None
        if self._as_text or kind == "str":
            return str(node.value)
        if kind == "int" and _WHOLE_NUMBER.fullmatch(node.value):
            return int(node.value)
        if kind == "bool" and node.value.lower() in _YES_OR_NO:
            return _YES_OR_NO[node.value.lower()]
        detail = f"YAML reads this as {kind_of(node)}; expected text, in quotes, or a whole number"
        self.found.append(self.problem(place, detail))
        return None


def _dotted(place: Place) -> str:
    """``blocks[2].columns[0]``: positions as in most tools, from 0; the line says it for people."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _keys(model: type[BaseModel], place: Place) -> str:
    """The keys that a model has at a place."""
    annotation: Any = model
    for part in place:
        if get_origin(annotation) in (dict, Mapping):
            annotation = get_args(annotation)[1]
        elif isinstance(part, int):
            annotation = get_args(annotation)[0]
        else:
            fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
            annotation = fields[part].annotation
        # a part that may be left out: what it is when it is there
        annotation = get_args(annotation)[0] if type(None) in get_args(annotation) else annotation
    return ", ".join(field.alias or name for name, field in annotation.model_fields.items())


def _said(model: type[BaseModel], error: ErrorDetails) -> tuple[Place, str]:
    """What pydantic found, in words, and its place."""
    of_key = error["loc"][-1:] == ("[key]",)
    place = tuple(part for part in error["loc"] if part != "[key]")
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return place[:-1], f"`{place[-1]}` is missing; expected it here"
        case "extra_forbidden":
            detail = f"no such key; expected one of: {_keys(model, place[:-1])}"
        case "literal_error" if of_key:
            detail = f"no such key; expected {context['expected']}"
        case "literal_error":
            detail = f"expected {context['expected']}"
        case "string_type":
            detail = "expected text; put a number, yes or no in quotes"
        case "bool_type":
            detail = "expected true or false"
        case "int_type":
            detail = "expected a whole number"
        case "greater_than_equal":
            detail = f"expected {context['ge']} or more"
        case "less_than_equal":
            detail = f"expected {context['le']} or less"
        case "tuple_type":
            detail = "expected a list"
        case "model_type" | "model_attributes_type":
            detail = f"expected these keys with values: {_keys(model, place)}"
        case "mapping_type" | "dict_type":
            detail = "expected names with what is said of each"
        case "too_short":
            detail = "the list is empty; expected something in it"
        case "string_too_short":
            detail = "expected some text"
        case "string_too_long":
            detail = f"expected at most {context['max_length']} characters"
        case "string_pattern_mismatch" if context["pattern"] == NO_CONTROL:
            detail = "expected text on one line, without control characters"
        case "string_pattern_mismatch":
            detail = f"expected text of the form {context['pattern']}"
        case "value_error":
            # our own validators say what is expected
            detail = str(context["error"])
        case _:
            detail = f"expected otherwise: {error['msg']}"
    return place, detail
