"""`kaa notifications notices`: the proof "without delay", without personal data."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kaa.notifications import app
from servicekit.database import connect
from tests.databases import Database
from tests.notifications.conftest import forget, takes
from tests.notifications.sayings import (
    COORDINATION,
    INDEPENDENT,
    NACKA,
    PUPIL,
    STOCKHOLM,
    absent,
    left,
    number,
    person,
    person_id,
    resumed,
    retracted,
    started,
)

ORGANISERS = Path(__file__).parents[2] / "deploy" / "organisers.yaml"
PROTECTED = number(983)


@pytest.fixture
async def year(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """One pupil told of six times, one notice withdrawn, one closed; one pupil who waits, one who is protected."""
    monkeypatch.setenv("KAA_NOTIFICATIONS_DATABASE", database.url)
    monkeypatch.setenv("KAA_ORGANISERS", str(ORGANISERS))
    wrong = left("2024-09-30", recorded_at="2024-09-30T12:00:00Z")
    connection = await connect(database.url, timezone="UTC")
    async with connection.transaction():
        await takes(
            connection,
            person(),
            person("noor", numbers=(PROTECTED,), protection="protected_registration"),
            started("2024-08-19", recorded_at="2024-08-18T22:30:00Z"),
            left("2024-11-29", recorded_at="2024-12-01T23:30:00Z"),
            started("2024-08-19", by=NACKA, recorded_at="2024-08-29T10:00:00Z", unit="11000102"),
            wrong,
            started(by=STOCKHOLM),
            started(pupil=COORDINATION),
            started(pupil=PROTECTED),
            # of months there is no day on which they happened: 20 days to the note count nowhere
            absent("2024-10", on="21"),
            absent("2024-11", on="21", by=NACKA, unit="11000102"),
            resumed("2024-11-25", by=NACKA, unit="11000102"),
        )
    async with connection.transaction():
        await takes(connection, retracted(wrong))
    await connection.close()
    yield database
    await forget(database)


def notices(*options: str) -> Result:
    return CliRunner().invoke(app, ["notices", *options])


def row_of(organiser: str, shown: str) -> list[str]:
    (line,) = [line for line in shown.splitlines() if organiser in line]
    return [cell.strip() for cell in line.strip("│ ").split("│")]


@pytest.mark.usefixtures("year")
def test_the_notices_of_each_organiser_are_counted_with_how_long_they_took() -> None:
    shown = notices()
    assert shown.exit_code == 0
    assert row_of(INDEPENDENT, shown.stdout)[1:8] == [
        "Ljusglimtens utbildning AB",
        "3",
        "0",
        "1",
        "1",
        "1",
        "1.5 / 3",
    ]
    assert row_of(NACKA, shown.stdout)[1:8] == ["Nacka kommun", "1", "1", "0", "0", "0", "10.0 / 10"]
    assert re.fullmatch(r"\d+\.\d / \d+\.\d", row_of(NACKA, shown.stdout)[8])
    assert STOCKHOLM not in shown.stdout


@pytest.mark.usefixtures("year")
def test_one_organiser_or_one_school_unit_may_be_asked_for() -> None:
    assert INDEPENDENT not in notices("--organiser", NACKA).stdout
    assert NACKA in notices("--organiser", NACKA).stdout
    assert NACKA in notices("--school-unit", "11000102").stdout
    assert NACKA not in notices("--school-unit", "11000101").stdout


@pytest.mark.usefixtures("year")
def test_the_list_has_each_notice_with_its_times_and_no_personal_data() -> None:
    shown = notices("--list").stdout
    rows = [line.strip("│ ").split("│") for line in shown.splitlines() if line.startswith("│")]
    assert sorted(row[1].strip() for row in rows) == [
        "closed", *["registered"] * 4, "routing", "waiting", "withdrawn"
    ]  # fmt: skip
    assert [row[5].strip() for row in rows if row[2].strip() == "absence"] == ["2024-10-01", "2024-11-01"]
    assert "2024-12-02 00:30" in shown
    for secret in (PUPIL, COORDINATION, PROTECTED, "Alva", "Påhittad", str(person_id("alva"))):
        assert secret not in shown


def test_a_look_at_single_notices_is_in_the_access_log_and_counting_is_none(year: Database) -> None:
    """INV-09: counting names nobody."""

    async def looks() -> list[tuple[str, int]]:
        connection = await connect(year.owner_url)
        found = [tuple(row) for row in await connection.fetch("SELECT action, count FROM access_log")]
        await connection.close()
        return found

    notices()
    assert asyncio.run(looks()) == []
    notices("--list", "--organiser", NACKA)
    assert asyncio.run(looks()) == [("notifications notices --list", 2)]


def test_wrong_options_and_a_database_that_is_away_are_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAA_NOTIFICATIONS_DATABASE", "postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    for options, said in (
        (("--organiser", "123"), "--organiser: expected an organisation number"),
        (("--school-unit", "123"), "--school-unit: expected a school unit code"),
        ((), "the database at 127.0.0.1:1/nowhere cannot be reached"),
    ):
        refused = notices(*options)
        assert refused.exit_code == 2
        assert said in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
