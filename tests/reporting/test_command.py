"""`kaa report`: what a registrar sees, and the exit statuses."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kaa.report import app
from servicekit.database import connect
from tests.reporting.tellings import Person, tell

RELEASED = Path(__file__).parents[2] / "services/reporting/specifications/2025H2.yaml"


@pytest.fixture
def there(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The command's surroundings: reporting's database, and an empty folder to be in."""
    monkeypatch.setenv("KAA_REPORTING_DATABASE", database)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kaa(*arguments: str) -> Result:
    """Runs `kaa report …`."""
    return CliRunner().invoke(app, arguments)


def build(municipality: str, *more: str) -> Result:
    """Runs `kaa report build` for the second half of 2025."""
    return kaa("build", "--period", "2025H2", "--municipality", municipality, *more)


@pytest.fixture
def vera(there: Path, database: str) -> Person:
    """A person with a right registration and a contact of which nobody noted the occupation."""
    assert there.is_dir()
    vera = Person(municipality="1480")

    async def say() -> None:
        connection = await connect(database)
        await tell(connection, vera.known(), vera.no_longer(), vera.reached(occupation=None))
        await connection.close()

    asyncio.run(say())
    return vera


def test_a_draft_is_written_with_failing_rows_and_the_summary_says_what_it_is(
    vera: Person, there: Path
) -> None:
    result = build("1480")
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    for words in (
        "Halvårsrapport 2025H2, 1480 Göteborg",
        "1 Registrering",
        "Sysselsättning vid kontakten saknas. Komplettera och bygg om.",
        "Rader med fel (de står ändå i filen): 1",
        "UTKAST: koder som inte är verifierade mot SCB:s underlag: 33",
        "Fil: out/KAA_1480_2025H2_UTKAST.txt",
        "out/KAA_1480_2025H2_UTKAST_kontroll.txt",
    ):
        assert words in text
    assert vera.number in (there / "out/KAA_1480_2025H2_UTKAST.txt").read_text()
    assert vera.number not in result.output
    assert vera.number not in (there / "out/KAA_1480_2025H2_UTKAST_kontroll.txt").read_text()


def test_the_summary_is_in_english_where_asked_for(vera: Person, there: Path) -> None:
    result = build("1480", "--lang", "en", "--out", "mine.txt")
    text = " ".join(result.stdout.split())
    assert "Occupation at contact is missing. Add it and build again." in text
    assert "DRAFT (UTKAST)" in text
    assert "row 2, block 2: Occupation" in (there / "mine_UTKAST_kontroll.txt").read_text()
    assert vera.number not in result.output


def test_the_number_in_the_summary_gives_the_same_file_again(
    vera: Person, there: Path, database: str
) -> None:
    known = build("1480", "--out", "one.txt").stdout.partition("samma fil igen): ")[2].split()[0]

    async def say() -> None:
        connection = await connect(database)
        await tell(connection, vera.never(9))
        await connection.close()

    asyncio.run(say())
    build("1480", "--out", "again.txt", "--as-known-at", known)
    build("1480", "--out", "now.txt")
    one, again, now = ((there / f"{name}_UTKAST.txt").read_bytes() for name in ("one", "again", "now"))
    assert one == again
    assert one != now


def test_a_final_file_is_refused_with_the_codes_that_are_unverified(there: Path) -> None:
    result = build("1480", "--final")
    assert result.exit_code == 1
    assert "the file cannot be final" in result.stderr
    assert "  deregistration X5: verified: false" in result.stderr.splitlines()
    assert list(there.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--period", "2025H3", "--municipality", "0180"],
            "kaa: --period: expected a half-year as YYYYH1 or YYYYH2",
        ),
        (
            ["--period", "2019H1", "--municipality", "0180"],
            "kaa: --period: there is no specification for 2019H1",
        ),
        (["--period", "2025H2", "--municipality", "0199"], "kaa: --municipality: expected "),
        (["--period", "2025H2", "--municipality", "180"], "kaa: --municipality: expected "),
        (
            ["--period", "2025H2", "--municipality", "0180", "--as-known-at", "99999999"],
            "kaa: --as-known-at: 99999999 is not among what was received: expected 0 to ",
        ),
        (
            ["--period", "2025H2", "--municipality", "0180", "--specification", "none.yaml"],
            "kaa: none.yaml cannot be read: No such file or directory",
        ),
        (
            ["--period", "2018H1", "--municipality", "0180", "--specification", str(RELEASED)],
            "2025H2.yaml is valid for 2024H2, 2025H1, 2025H2, not for 2018H1: see --period",
        ),
        (
            ["--period", "2025H2", "--municipality", "0180", "--out", "no/such/folder/a.txt"],
            "kaa: the file cannot be written (No such file or directory): see --out",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_status_2(
    there: Path, arguments: list[str], words: str
) -> None:
    assert there.is_dir()
    result = kaa("build", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_wrong_specification_stops_the_report_in_one_line(there: Path) -> None:
    wrong = there / "mine.yaml"
    wrong.write_text(RELEASED.read_text().replace("encoding: utf-8", "encoding: utf-16"))
    result = build("1480", "--specification", "mine.yaml")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "mine.yaml:" in line
    assert "see `kaa report check-specification mine.yaml`" in line


def test_a_database_that_is_away_is_one_line(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert there.is_dir()
    monkeypatch.setenv("KAA_REPORTING_DATABASE", "postgresql://nobody:secret@127.0.0.1:1/none")
    result = build("1480")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("kaa: the database at 127.0.0.1:1/none cannot be reached")
    assert "secret" not in line


def test_a_right_specification_is_told_with_what_is_unverified() -> None:
    result = kaa("check-specification", str(RELEASED))
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.endswith(": valid for 2024H2, 2025H1, 2025H2; 5 blocks, 31 columns, 32 codes, 15 checks")
    assert second.startswith("unverified: 33, so every file is a draft: file, at_registration X1, ")


def test_a_wrong_specification_is_told_line_by_line(tmp_path: Path) -> None:
    wrong = tmp_path / "mine.yaml"
    text = (
        RELEASED.read_text()
        .replace("encoding: utf-8", "encoding: utf-16")
        .replace("number: 2", 'number: "2"')
    )
    wrong.write_text(text)
    result = kaa("check-specification", str(wrong))
    assert result.exit_code == 1
    lines = text.splitlines()
    for told in result.stdout.splitlines():
        number = int(told.removeprefix(f"{wrong}:").partition(":")[0])
        assert "encoding" in lines[number - 1] or "number" in lines[number - 1]
    assert len(result.stdout.splitlines()) == 2


def test_a_specification_that_is_not_there_cannot_be_checked(tmp_path: Path) -> None:
    result = kaa("check-specification", str(tmp_path / "none.yaml"))
    assert result.exit_code == 2
    assert "cannot be read: No such file or directory" in result.stderr
