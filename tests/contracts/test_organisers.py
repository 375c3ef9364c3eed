"""The directory of organisers: who speaks for which school units, and a wrong file refused line by line."""

from pathlib import Path

import pytest

from contracts.organisers import Directory, Organiser, load
from contracts.yaml_file import YamlFileError
from tests.contracts.yaml_files import BOMB

STOCKHOLM = Organiser("2120000142", "Stockholms stad", "0180", {"10000001": "Tallkottens skola"})
INDEPENDENT = Organiser("5599990016", "Kottens friskolor AB")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "organisers.yaml"


def problems(file: Path, text: str | bytes) -> list[tuple[int, str]]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(YamlFileError) as error:
        load(file)
    assert str(error.value).startswith(f"{file}:{error.value.problems[0].line}: ")
    return [(problem.line, problem.detail) for problem in error.value.problems]


def test_a_right_file_is_read_in_its_order(file: Path) -> None:
    file.write_text(
        """
organisers:
  - number: "2120000142"
    name: Stockholms stad
    municipality: "0180"
    units:
      - {code: "10000001", name: "Tallkottens skola"}
  - number: "5599990016"
    name: Kottens friskolor AB
    municipality: null
""",
        encoding="utf-8",
    )
    assert load(file) == Directory((STOCKHOLM, INDEPENDENT))


def test_the_example_installation_is_right() -> None:
    directory = load("deploy/organisers.yaml")
    assert len(directory.organisers) >= 40
    assert directory.municipality_of("2120000142") == "0180"


def test_questions_to_a_directory() -> None:
    directory = Directory((STOCKHOLM, INDEPENDENT))
    assert directory.organiser("2120000142") == STOCKHOLM
    assert directory.organiser("5599990024") is None
    assert directory.owner_of_unit("10000001") == "2120000142"
    assert directory.owner_of_unit("10000002") is None
    assert directory.municipality_of("2120000142") == "0180"
    assert directory.municipality_of("5599990016") is None
    assert directory.municipality_of("5599990024") is None
    assert directory.municipalities == ("0180",)


def test_an_organiser_speaks_only_for_its_own_units() -> None:
    directory = Directory((STOCKHOLM, INDEPENDENT))
    assert directory.accepts("2120000142", "10000001")
    assert not directory.accepts("2120000142", "10000002"), "it lists its units, and this is none of them"
    assert directory.accepts("5599990016", "10000002"), "it lists no units, and nobody else has this one"
    assert not directory.accepts("5599990016", "10000001"), "another organiser has the unit"
    assert not directory.accepts("5599990024", "10000002"), "the installation does not know the organiser"


def test_everything_wrong_is_said_with_its_line(file: Path) -> None:
    assert problems(
        file,
        """organisers:
  - number: 2120000142
    name: Stockholms stad
    municipality: 0180
    units:
      - {code: "10000001", name: "Norra"}
      - {code: "10000001", name: "Norra"}
      - {code: 1000002, nme: "Södra"}
  - number: "2120000143"
    name: Fel stad
    municipality: "9999"
    units: []
  - Kottens friskolor AB
  - number: "2120000142"
    name:
    name: Dubbelstad
  - number: "2120000142"
    name: yes
    units: "10000003"
extra: 1
""",
    ) == [
        (2, "`number`: expected text, and YAML reads this as a number; put it in quotes"),
        (4, "`municipality`: expected text, and YAML reads this as a number; put it in quotes"),
        (7, "school unit 10000001 is listed already at line 6; a unit has one organiser"),
        (8, "`code`: expected text, and YAML reads this as a number; put it in quotes"),
        (8, "`name` is missing in a school unit"),
        (8, "unknown key `nme` in a school unit; expected `code`, `name`"),
        (9, "`number`: wrong check digit in the organisation number"),
        (11, "`municipality`: expected the 4-digit code of one of the 290 municipalities"),
        (12, "`units`: the list is empty; expected a school unit in it"),
        (13, "an organiser: expected `number`, `name`, `municipality`, `units`"),
        (15, "`name`: is empty; expected text"),
        (16, "`name` stands twice in an organiser"),
        (17, "organiser 2120000142 stands already at line 14"),
        (18, "`name`: expected text, and YAML reads this as yes or no; put it in quotes"),
        (19, "`units`: expected a list, each entry a school unit"),
        (20, "unknown key `extra` in the file; expected `organisers`"),
    ]


def test_a_unit_has_one_organiser_also_across_organisers(file: Path) -> None:
    text = """organisers:
- {number: "2120000142", name: A, units: [{code: "10000001", name: U}]}
- {number: "5599990016", name: B, units: [{code: "10000001", name: U}]}
"""
    assert problems(file, text) == [
        (3, "school unit 10000001 is listed already at line 2; a unit has one organiser")
    ]


@pytest.mark.parametrize("municipality", ["0180", "0127", "180", "!!int '0180'"])
def test_a_code_without_quotes_is_refused_however_yaml_reads_it(file: Path, municipality: str) -> None:
    text = f'organisers:\n- number: "2120000142"\n  name: A\n  municipality: {municipality}\n'
    assert problems(file, text) == [
        (4, "`municipality`: expected text, and YAML reads this as a number; put it in quotes")
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file is empty; expected `organisers:`"),
        ("# nothing yet\n", 1, "the file is empty"),
        ("organisers:\n", 1, "`organisers`: expected a list"),
        ("organisers: []\n", 1, "`organisers`: the list is empty"),
        ("- a\n", 1, "the file: expected `organisers`"),
        ("organisers:\n  - name: [\n", 3, "not YAML"),
        ("organisers:\n  - number: 'x\n", 3, "not YAML"),
        ("organisers:\n\t- number: 1\n", 2, "not YAML"),
        ("organisers: 1\n---\norganisers: 2\n", 2, "not YAML"),
        ("organisers:\n  - name: \x00\n", 2, "not YAML"),
        ("[" * 5000, 1, "nested too deep"),
        (b"organisers:\n  - name: Sm\xf6rg\xe5s\n", 2, "not UTF-8"),
    ],
)
def test_what_is_no_directory_at_all_is_said_with_its_line(
    file: Path, text: str | bytes, line: int, words: str
) -> None:
    (found,) = problems(file, text)
    assert found[0] == line
    assert words in found[1]


def test_aliases_are_counted_before_they_are_followed(file: Path) -> None:
    ((_, detail),) = problems(file, BOMB)
    assert detail.startswith("more than 200,000 keys and values, aliases followed; expected `organisers:`")
    units = ", ".join(["*unit"] * 1000)
    organisers = "\n".join(["  - *one"] * 1000)
    text = f"""organisers:
  - &one
    number: "2120000142"
    name: Stockholms stad
    units: [&unit {{code: "10000001", name: U}}, {units}]
{organisers}
"""
    assert [line for line, _ in problems(file, text)] == [2], (
        "half a million listings in a file of 2,000 words"
    )


def test_an_alias_that_holds_itself_is_refused(file: Path) -> None:
    ((_, detail),) = problems(file, "organisers: &all [*all]\n")
    assert detail.startswith("nested too deep; expected `organisers:`")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(YamlFileError, match="cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml")
    with pytest.raises(YamlFileError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_names_are_text_on_one_line(file: Path) -> None:
    text = 'organisers:\n- {number: "2120000142", name: " "}\n- {number: "5599990016", name: "a\\nb"}\n'
    assert [line for line, _ in problems(file, text)] == [2, 3]
