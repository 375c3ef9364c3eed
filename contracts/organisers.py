"""The directory of organisers (huvudmän): who may speak for which school units. One YAML file per installation.

organisers:
  - number: "2120000142"        # organisation number, in quotes
    name: Stockholms stad
    municipality: "0180"        # the municipality it is part of; left out for an independent school
    units:                      # left out: units are not checked for this organiser
      - {code: "12345678", name: Norra gymnasiet}
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

from contracts.identifiers import MAX_TEXT, NO_CONTROL, municipality_code, organisation_number
from contracts.yaml_file import YamlFileError, YamlProblem, compose, kind_of, line_of

_TEXT: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Organiser:
    """An organiser of schools: a municipality's own, or (``municipality`` None) an independent one."""

    number: str
    name: str
    municipality: str | None = None
    #: School unit code → name. Empty: the installation does not list them.
    units: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Directory:
    """The organisers of one installation, in the order of the file."""

    organisers: tuple[Organiser, ...]
    _by_number: Mapping[str, Organiser] = field(init=False, repr=False, compare=False)
    _owners: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_number = {organiser.number: organiser for organiser in self.organisers}
        owners = {unit: organiser.number for organiser in self.organisers for unit in organiser.units}
        object.__setattr__(self, "_by_number", MappingProxyType(by_number))
        object.__setattr__(self, "_owners", MappingProxyType(owners))

    def organiser(self, number: str) -> Organiser | None:
        """The organiser of an organisation number; None when this installation does not know it."""
        return self._by_number.get(number)

    def owner_of_unit(self, code: str) -> str | None:
        """The organisation number of the organiser that lists the school unit; None when nobody does."""
        return self._owners.get(code)

    def accepts(self, number: str, unit: str) -> bool:
        """Whether an event of organiser ``number`` may be about school unit ``unit`` (INV-06).

        An organiser that lists its units may speak about these alone; one that lists none, about every unit that
        is not another's. An organiser that the directory does not know may speak about nothing.
        """
        organiser = self._by_number.get(number)
        if organiser is None:
            return False
        owner = self._owners.get(unit)
        return owner == number if owner is not None else not organiser.units

    def municipality_of(self, number: str) -> str | None:
        """The municipality that the organiser is part of; None for an independent or unknown one."""
        organiser = self._by_number.get(number)
        return organiser.municipality if organiser else None

    @property
    def municipalities(self) -> tuple[str, ...]:
        """Codes of the municipalities that have an organiser here, in order."""
        return tuple(sorted({o.municipality for o in self.organisers if o.municipality is not None}))


def load(path: Path | str) -> Directory:
    """The directory in a YAML file. Raises ``YamlFileError`` with everything that is wrong in it."""
    path = Path(path)
    try:
        root = compose(path, "`organisers:` with a list of organisers")
    except OSError as error:
        raise YamlFileError(path, [YamlProblem(1, f"cannot be read: {error.strerror}")]) from None
    reading = _Reading()
    directory = reading.directory(root)
    if reading.problems:
        raise YamlFileError(path, reading.problems)
    return directory


class _Reading:
    """One walk through the composed file; collects problems instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[YamlProblem] = []
        self._numbers: dict[str, int] = {}
        self._units: dict[str, int] = {}

    def _wrong(self, node: yaml.Node, detail: str) -> None:
        self.problems.append(YamlProblem(line_of(node), detail))

    def directory(self, root: yaml.Node) -> Directory:
        top = self._mapping(root, "the file", required=("organisers",), optional=())
        organisers: list[Organiser] = []
        for node in self._list(top.get("organisers"), "`organisers`", "an organiser"):
            organiser = self._organiser(node)
            if organiser is not None:
                organisers.append(organiser)
        return Directory(tuple(organisers))

    def _organiser(self, node: yaml.Node) -> Organiser | None:
        entry = self._mapping(node, "an organiser", ("number", "name"), ("municipality", "units"))
        number = self._text(entry.get("number"), "`number`", organisation_number)
        name = self._text(entry.get("name"), "`name`", _name)
        municipality = self._text(
            _unless_null(entry.get("municipality")), "`municipality`", municipality_code
        )
        if number is not None:
            if number in self._numbers:
                line = self._numbers[number]
                self._wrong(entry["number"], f"organiser {number} stands already at line {line}")
            self._numbers.setdefault(number, line_of(node))
        listed = _unless_null(entry.get("units"))
        units: dict[str, str] = {}
        for item in self._list(listed, "`units`", "a school unit"):
            unit = self._mapping(item, "a school unit", ("code", "name"), ())
            code = self._text(unit.get("code"), "`code`", _school_unit)
            unit_name = self._text(unit.get("name"), "`name`", _name)
            if code is None:
                continue
            if code in self._units:
                line = self._units[code]
                self._wrong(
                    unit["code"],
                    f"school unit {code} is listed already at line {line}; a unit has one organiser",
                )
            self._units.setdefault(code, line_of(item))
            units[code] = unit_name or ""
        if number is None or name is None:
            return None
        return Organiser(number, name, municipality, MappingProxyType(units))

    def _mapping(
        self, node: yaml.Node, what: str, required: tuple[str, ...], optional: tuple[str, ...]
    ) -> dict[str, yaml.Node]:
        known = ", ".join(f"`{key}`" for key in (*required, *optional))
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"{what}: expected {known}")
            return {}
        entry: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            if key not in (*required, *optional):
                self._wrong(key_node, f"unknown key `{key}` in {what}; expected {known}")
            elif key in entry:
                self._wrong(key_node, f"`{key}` stands twice in {what}")
            else:
                entry[key] = value
        for key in required:
            if key not in entry:
                self._wrong(node, f"`{key}` is missing in {what}")
        return entry

    def _list(self, node: yaml.Node | None, what: str, of: str) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, f"{what}: expected a list, each entry {of}")
            return []
        if not node.value:
            self._wrong(node, f"{what}: the list is empty; expected {of} in it")
        return list(node.value)

    def _text(self, node: yaml.Node | None, what: str, check: Callable[[str], str]) -> str | None:
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, f"{what}: expected text")
            return None
        if node.tag == _NULL:
            self._wrong(node, f"{what}: is empty; expected text")
            return None
        # readers of YAML differ on 0180: text, eighty, or a hundred and eighty
        if node.tag != _TEXT or (node.style is None and re.fullmatch("[0-9]+", node.value)):
            kind = "a number" if node.tag == _TEXT else kind_of(node)
            self._wrong(node, f"{what}: expected text, and YAML reads this as {kind}; put it in quotes")
            return None
        try:
            return check(node.value)
        except ValueError as error:
            self._wrong(node, f"{what}: {error}")
            return None


def _unless_null(node: yaml.Node | None) -> yaml.Node | None:
    return None if node is not None and node.tag == _NULL else node


def _name(value: str) -> str:
    if not value.strip() or len(value) > MAX_TEXT or not re.fullmatch(NO_CONTROL, value):
        raise ValueError(f"expected a name of 1 to {MAX_TEXT} characters, on one line")
    return value


def _school_unit(value: str) -> str:
    if not re.fullmatch("[0-9]{8}", value):
        raise ValueError("expected a school unit code: 8 digits")
    return value
