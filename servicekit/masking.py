"""The shape of a record without what it says: for whom it concerns how a sender builds its events, not about whom."""

import json
from collections.abc import Iterator, Sequence
from inspect import isclass
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import from_json

from contracts.envelope import ATTRIBUTES
from contracts.events import TYPES

_ATTRIBUTES: Final = frozenset({*ATTRIBUTES, "datacontenttype", "data"})
#: Elements of a list, and keys of an object, that are shown; of more their number.
_ELEMENTS, _KEYS = 5, 50


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in _models(field.annotation):
            yield from _names(inner)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


#: Every key that the contracts know. Any other may hold anything, a name too.
KNOWN: Final = _ATTRIBUTES.union(*(_names(model) for model in TYPES.values()))
_HEADERS: Final = frozenset({"content-type", *(f"ce_{name}" for name in _ATTRIBUTES - {"data"})})


def masked_json(value: bytes) -> str | None:
    """The JSON structure: keys that the contracts know, each value as type(length). None: it is no JSON."""
    try:
        whole = from_json(value, allow_inf_nan=False)
    except ValueError:
        return None
    return json.dumps(_masked(whole), ensure_ascii=False, indent=2)


def masked_headers(names: Sequence[str]) -> list[str]:
    """The names of headers that the contract knows, and how long each other name is."""
    return [name if name.lower() in _HEADERS else f"unknown name ({len(name)})" for name in names]


def _masked(value: Any) -> Any:
    match value:
        case dict():
            shown = {
                key if key in KNOWN else f"unknown key {ordinal} ({len(key)})": _masked(inner)
                for ordinal, (key, inner) in enumerate(list(value.items())[:_KEYS], 1)
            }
            return shown | ({"and": f"{len(value) - _KEYS} more keys"} if len(value) > _KEYS else {})
        case list():
            more = [f"and {len(value) - _ELEMENTS} more"] if len(value) > _ELEMENTS else []
            return [*map(_masked, value[:_ELEMENTS]), *more]
        case str():
            return f"text({len(value)})"
        case bool():
            return "boolean"
        case int() | float():
            return f"number({len(str(value))})"
        case _:
            return None
