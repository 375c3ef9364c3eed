"""A file of YAML: what it says becomes a model; what is wrong in it is said with line and place, and bounded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo

from contracts.identifiers import NO_CONTROL
from contracts.yaml_file import Place, YamlFileError, compose, read

from .yaml_files import BOMB


def _seaworthy(value: str, info: ValidationInfo) -> str:
    if info.context and value in info.context["wrecks"]:
        raise ValueError("expected a ship that floats")
    return value


class Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Cargo(Part):
    kind: Literal["salt", "herring"]
    barrels: Annotated[int, Field(ge=1, le=99)]
    dry: bool = True


class Ship(Part):
    name: Annotated[
        str, StringConstraints(min_length=1, max_length=9, pattern=NO_CONTROL), AfterValidator(_seaworthy)
    ]
    sign: Annotated[str, StringConstraints(pattern="^[A-Z]{4}$")] | None = None
    from_: str | None = Field(default=None, alias="from")
    holds: Annotated[tuple[Cargo, ...], Field(min_length=1)] = (Cargo(kind="salt", barrels=1),)


class Fleet(Part):
    flag: Ship | None = None
    ships: Mapping[Literal["first", "second"], Ship]


def one_name_each(fleet: Fleet) -> Iterator[tuple[Place, str]]:
    names = [ship.name for ship in fleet.ships.values()]
    for key, ship in fleet.ships.items():
        if names.count(ship.name) > 1:
            yield ("ships", key, "name"), "this name stands twice"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fleet.yaml"


def problems(file: Path, text: str | bytes) -> list[tuple[int, str]]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(YamlFileError) as error:
        read(file, Fleet, "a fleet", one_name_each)
    assert error.value.path == file
    assert str(error.value).split("\n") == [
        f"{file}:{one.line}: {one.detail}" for one in error.value.problems
    ]
    return [(problem.line, problem.detail) for problem in error.value.problems]


def test_a_right_file_is_the_model_that_it_says(file: Path) -> None:
    file.write_text(
        """
flag: {name: Vasa}
ships:
  first: {name: "1628", sign: SAIL, from: Åbo, holds: [{kind: salt, barrels: 12, dry: no}]}
"""
    )
    fleet = read(file, Fleet, "a fleet", one_name_each)
    salt = Cargo(kind="salt", barrels=12, dry=False)
    first = Ship.model_validate({"name": "1628", "sign": "SAIL", "from": "Åbo", "holds": (salt,)})
    assert fleet == Fleet(flag=Ship(name="Vasa"), ships={"first": first})


def test_everything_wrong_in_values_is_said_with_line_and_place(file: Path) -> None:
    text = """flag: Vasa
fleet: 1
ships:
  first:
    name: 1628
    sign: sail
    from: [Åbo]
    holds:
      - kind: tar
        barrels: 0
        dry: perhaps
      - {kind: salt, barrels: 100}
      - {kind: salt, barrels: many}
      - {barrel: 1}
  third: {name: Kronan af Sverige}
  second:
    name: "a\\tb"
    holds: []
"""
    assert problems(file, text) == [
        (1, "flag: expected these keys with values: name, sign, from, holds"),
        (2, "fleet: no such key; expected one of: flag, ships"),
        (5, "ships.first.name: expected text; put a number, yes or no in quotes"),
        (6, "ships.first.sign: expected text of the form ^[A-Z]{4}$"),
        (7, "ships.first.from: expected text; put a number, yes or no in quotes"),
        (9, "ships.first.holds[0].kind: expected 'salt' or 'herring'"),
        (10, "ships.first.holds[0].barrels: expected 1 or more"),
        (11, "ships.first.holds[0].dry: expected true or false"),
        (12, "ships.first.holds[1].barrels: expected 99 or less"),
        (13, "ships.first.holds[2].barrels: expected a whole number"),
        (14, "ships.first.holds[3].barrel: no such key; expected one of: kind, barrels, dry"),
        (14, "ships.first.holds[3]: `barrels` is missing; expected it here"),
        (14, "ships.first.holds[3]: `kind` is missing; expected it here"),
        (15, "ships.third.name: expected at most 9 characters"),
        (15, "ships.third: no such key; expected 'first' or 'second'"),
        (17, "ships.second.name: expected text on one line, without control characters"),
        (18, "ships.second.holds: the list is empty; expected something in it"),
    ]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("- a\n", "expected these keys with values: flag, ships"),
        ("ships: []\n", "ships: expected names with what is said of each"),
        ("ships: {first: {name: ''}}\n", "ships.first.name: expected some text"),
        ("ships: {first: {name: a, holds: salt}}\n", "ships.first.holds: expected a list"),
        ("ships: {}\nflag: {nam: a}\n", "flag.nam: no such key; expected one of: name, sign, from, holds"),
    ],
)
def test_what_stands_in_the_wrong_form_is_said_with_the_right_one(file: Path, text: str, detail: str) -> None:
    assert detail in [said for _, said in problems(file, text)]


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("", "nothing stands here; expected a value, or no such key"),
        ("~", "nothing stands here; expected a value, or no such key"),
        ("2026-09-01", "YAML reads this as a date; expected text, in quotes, or a whole number"),
        ("5.5", "YAML reads this as a number; expected text, in quotes, or a whole number"),
        ("010", "YAML reads this as a number; expected"),
        ("0x1F", "YAML reads this as a number; expected"),
        ("9" * 5000, "YAML reads this as a number; expected"),
        ("!!int many", "YAML reads this as a number; expected"),
        ("!!bool many", "YAML reads this as yes or no; expected"),
        ("!ship Vasa", "YAML reads this as something else; expected"),
    ],
)
def test_a_value_that_readers_of_yaml_take_for_another_is_refused(
    file: Path, value: str, detail: str
) -> None:
    ((line, said),) = problems(file, f"ships:\n  first:\n    name: {value}\n")
    assert (line, said.startswith(f"ships.first.name: {detail}")) == (3, True), said


def test_as_text_a_number_is_what_stands_there(file: Path) -> None:
    file.write_text("ships: {first: {name: 0x1F, from: 0140}}\n")
    first = read(file, Fleet, "a fleet", one_name_each, as_text=True).ships["first"]
    assert (first.name, first.from_) == ("0x1F", "0140")
    file.write_text("ships: {first: {name: }}\n")
    with pytest.raises(YamlFileError, match="nothing stands here"):
        read(file, Fleet, "a fleet", one_name_each, as_text=True)


def test_the_line_of_a_part_is_that_of_its_key(file: Path) -> None:
    assert problems(file, "# a fleet\nships:\n  first:\n    # unnamed\n    sign: SAIL\n") == [
        (3, "ships.first: `name` is missing; expected it here")
    ]


def test_a_validator_says_in_its_own_words_what_it_expects_and_hears_the_context(file: Path) -> None:
    file.write_text("ships:\n  first:\n    name: Vasa\n")
    with pytest.raises(YamlFileError, match=r":3: ships\.first\.name: expected a ship that floats$"):
        read(file, Fleet, "a fleet", one_name_each, context={"wrecks": ["Vasa"]})


def test_what_does_not_go_together_is_said_with_its_lines(file: Path) -> None:
    assert problems(file, "ships:\n  first: {name: a}\n  second:\n    name: a\n") == [
        (2, "ships.first.name: this name stands twice"),
        (4, "ships.second.name: this name stands twice"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "detail"),
    [
        ("flag: {name: a}\nflag: {name: b}\n", 2, "`flag` stands twice; expected once"),
        ("ships:\n  [a]: b\n", 2, "a key that is no word; expected one"),
        ('ships:\n  "a\\nb": c\n', 2, "a key that is no word; expected one"),
    ],
)
def test_keys_are_words_that_stand_once(file: Path, text: str, line: int, detail: str) -> None:
    assert problems(file, text) == [(line, detail)]


@pytest.mark.parametrize(
    ("raw", "line", "detail"),
    [
        (b"", 1, "the file is empty; expected a fleet"),
        (b"# nothing yet\n", 1, "the file is empty; expected a fleet"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8; save the file in that encoding"),
        (b"a: 1\nb: \x07\n", 2, "not YAML: a character that YAML does not allow"),
        (b"a: 1\nb: [\n", 3, "not YAML: expected the node content, but found '<stream end>'"),
        (b"a: *b\n", 1, "not YAML: found undefined alias 'b'"),
        (b"a: 1\n---\nb: 2\n", 2, "not YAML: but found another document"),
        (b'a: "\\U00110000"\n', 1, "not YAML: an escape such as \\U00110000, which is no character"),
        (b'a: "\\UFFFFFFFF"\n', 1, "not YAML: an escape such as \\U00110000, which is no character"),
        (b'a: 1\nb: "\\ud800"\n', 2, "not YAML: an escape that is half a character; expected a fleet"),
        (b"[" * 5000, 1, "nested too deep; expected a fleet"),
        (b"[" * 14 + b"]" * 14, 1, "nested too deep; expected a fleet"),
        (b"a: 1\nb: &b\n  - *b\n", 2, "nested too deep; expected a fleet"),
        (b"? &a [*a]\n: 1\n", 1, "nested too deep; expected a fleet"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_ours_at_all_is_said_in_one_line(
    file: Path, raw: bytes, line: int, detail: str
) -> None:
    assert problems(file, raw) == [(line, detail)]


@pytest.mark.timeout(10)
def test_aliases_of_aliases_are_counted_and_not_followed(file: Path) -> None:
    assert problems(file, BOMB) == [
        (6, "more than 200,000 keys and values, aliases followed; expected a fleet")
    ]


def test_a_file_as_long_as_ours_may_be_is_composed(file: Path) -> None:
    # each of 200 with itself
    ships = f"&a [{', '.join(['x'] * 199)}]"
    file.write_text(f"[{ships}{', *a' * 998}]", encoding="utf-8")
    assert len(compose(file, "a list").value) == 999
    file.write_text(f"[{ships}{', *a' * 999}]", encoding="utf-8")
    with pytest.raises(YamlFileError, match="more than 200,000 keys and values"):
        compose(file, "a list")


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.yaml", Fleet, "a fleet", one_name_each)
