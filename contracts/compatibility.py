"""What a change of the contract would break for those who read or write by the released one.

``schemas/released/`` holds the schemas as they were last released. Within a version of a type nothing may break
either side: unknown fields are ignored, so a new optional field is harmless; unknown enum values are refused, so a
new one breaks every reader that is not yet rolled out. What must break is a new version of the type (``….v2``).
A type that is new breaks nobody, but readers are rolled out before its first writer.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic.json_schema import JsonSchemaValue

RELEASED: Final = Path(__file__).parent / "schemas" / "released"

Side = Literal["readers", "writers", "readers and writers"]

#: Keywords that bear no rule.
_WORDS: Final = frozenset({"$schema", "$id", "$defs", "title", "description"})
#: Keyword → whether a greater value allows more.
_LIMITS: Final = {"maxLength": True, "maximum": True, "minLength": False, "minimum": False}


@dataclass(frozen=True, slots=True)
class Break:
    """A change that breaks those who still go by the released schema."""

    schema: str
    #: Where, e.g. ``pupil.identity_number``; empty for the whole.
    field: str
    detail: str
    breaks: Side

    def __str__(self) -> str:
        return f"{self.schema}: {self.field or 'the whole'}: {self.detail}; breaks earlier {self.breaks}"


def read(folder: Path) -> dict[str, JsonSchemaValue]:
    """The schemas of a folder, by name (the file's, without ``.json``)."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def breaking_changes(
    released: Mapping[str, JsonSchemaValue], current: Mapping[str, JsonSchemaValue]
) -> list[Break]:
    """Everything in ``current`` that would break an earlier reader or writer; empty when nothing does."""
    breaks: list[Break] = []
    for name, before in released.items():
        after = current.get(name)
        if after is None:
            breaks.append(Break(name, "", "the schema is removed", "readers and writers"))
            continue
        changes = _compare(_Place(before, before), _Place(after, after), "")
        breaks.extend(Break(name, field, detail, side) for field, detail, side in changes)
    return breaks


@dataclass(frozen=True, slots=True)
class _Place:
    """A schema inside a document, which its references lead through."""

    document: JsonSchemaValue
    schema: JsonSchemaValue

    def at(self, schema: JsonSchemaValue) -> "_Place":
        reference = schema.get("$ref", "")
        if reference.startswith("#/$defs/"):
            return self.at(self.document["$defs"][reference.removeprefix("#/$defs/")])
        return _Place(self.document, schema)

    def without_null(self) -> tuple["_Place", bool]:
        """What stands beside null, and whether null is allowed."""
        choices = self.schema.get("anyOf", [])
        others = [choice for choice in choices if choice != {"type": "null"}]
        if len(others) == 1 and len(choices) == 2:
            return self.at(others[0]), True
        return self, False


_Change = tuple[str, str, Side]


def _compare(before: _Place, after: _Place, field: str) -> Iterator[_Change]:
    before, null_before = before.without_null()
    after, null_after = after.without_null()
    if null_before != null_after:
        yield (
            (field, "null is allowed", "readers")
            if null_after
            else (field, "null is no longer allowed", "writers")
        )
    old, new = before.schema, after.schema
    if old.get("type") != new.get("type"):
        yield field, "the type of value changed", "readers and writers"
        return
    yield from _compare_enum(old, new, field)
    for keyword, greater_allows_more in _LIMITS.items():
        yield from _compare_limit(keyword, old.get(keyword), new.get(keyword), greater_allows_more, field)
    yield from _compare_properties(before, after, field)
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from _compare(before.at(old["items"]), after.at(new["items"]), f"{field}[]")
    elif "items" in old or "items" in new:
        yield from _compare_rest("items", old, new, field)
    handled = {*_WORDS, *_LIMITS, "type", "enum", "properties", "required", "items"}
    for keyword in sorted((old.keys() | new.keys()) - handled):
        yield from _compare_rest(keyword, old, new, field)


def _compare_rest(keyword: str, old: JsonSchemaValue, new: JsonSchemaValue, field: str) -> Iterator[_Change]:
    if _rule(old.get(keyword)) != _rule(new.get(keyword)):
        yield (
            field,
            f"`{keyword}` changed, and which values it lets pass cannot be compared",
            "readers and writers",
        )


def _rule(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rule(part) for key, part in value.items() if key not in _WORDS}
    return [_rule(part) for part in value] if isinstance(value, list) else value


def _compare_enum(old: JsonSchemaValue, new: JsonSchemaValue, field: str) -> Iterator[_Change]:
    if "enum" not in old and "enum" not in new:
        return
    if "enum" not in old:
        yield field, "only listed values are allowed now", "writers"
    elif "enum" not in new:
        yield field, "values beyond the list are allowed now", "readers"
    else:
        removed = [value for value in old["enum"] if value not in new["enum"]]
        added = [value for value in new["enum"] if value not in old["enum"]]
        if removed:
            yield field, f"no longer allowed: {', '.join(map(str, removed))}", "writers"
        if added:
            yield field, f"allowed now: {', '.join(map(str, added))}", "readers"


def _compare_limit(
    keyword: str, old: float | None, new: float | None, greater_allows_more: bool, field: str
) -> Iterator[_Change]:
    if old == new:
        return
    allows_more = new is None if old is None or new is None else (new > old) == greater_allows_more
    said = f"`{keyword}` went from {'none' if old is None else old} to {'none' if new is None else new}"
    yield (field, said, "readers") if allows_more else (field, said, "writers")


def _compare_properties(before: _Place, after: _Place, field: str) -> Iterator[_Change]:
    old, new = before.schema.get("properties", {}), after.schema.get("properties", {})
    needed_before = set(before.schema.get("required", ()))
    needed_after = set(after.schema.get("required", ()))
    for name, schema in old.items():
        path = f"{field}.{name}" if field else name
        if name not in new:
            yield path, "the field is removed", "readers"
            continue
        if name in needed_after - needed_before:
            yield path, "the field is required now", "writers"
        if name in needed_before - needed_after:
            yield path, "the field may be left out now", "readers"
        yield from _compare(before.at(schema), after.at(new[name]), path)
    for name in sorted(needed_after - old.keys()):
        yield (f"{field}.{name}" if field else name), "a new field that is required", "writers"
