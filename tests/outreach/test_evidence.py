"""Why she is on the list, with the schools' evidence: kept as told, shown to people and programs, gone with her."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from fastapi import FastAPI

from contracts.own import Ground
from servicekit.database import Connection
from servicekit.directory import DirectoryFile
from tests.outreach.programs import Program
from tests.outreach.programs import application as api
from tests.outreach.tellings import Person, tell, tombstone
from tests.outreach.visits import Colleague, application, staffed

LEFT: Final = Ground(fact="left", on="2026-03-02", school_unit="12345678", organiser="2120000142")
ENDED: Final = Ground(
    fact="compulsory_school_ended", on="2024-06-12", school_unit="87654321", organiser="5560360793"
)
BEDA: Final = Ground(fact="study_certificate", on="2026-03-02")
HOME: Final = Ground(fact="registered", on="2008-03-15", municipality="0180")
ORGANISERS: Final = """
organisers:
  - number: "2120000142"
    name: Stockholms stad
    municipality: "0180"
    units:
      - {code: "12345678", name: Norra gymnasiet}
"""


@pytest_asyncio.fixture(scope="module")
async def pool(postgres: str, database: str) -> AsyncIterator[asyncpg.Pool]:
    async with staffed(postgres, database) as opened:
        yield opened


@pytest.fixture
def app(pool: asyncpg.Pool, tmp_path: Path) -> FastAPI:
    """With a directory that knows one organiser and one unit."""
    file = tmp_path / "organisers.yaml"
    file.write_text(ORGANISERS, encoding="utf-8")
    made = application(pool)
    made.state.organisers = DirectoryFile(file)
    return made


async def covered(outreach: Connection, *grounds: Ground, protection: str = "none") -> Person:
    vera = Person()
    await tell(outreach, vera.known(protection=protection), vera.covered(grounds=grounds))
    return vera


async def page_of(app: FastAPI, person: Person) -> str:
    """The text of her page as a colleague reads it, without marks."""
    otilia = await Colleague.at_work(app)
    answer = await otilia.get(f"/persons/{person.person_id}")
    assert answer.status_code == 200
    return " ".join(re.sub("<[^>]*>", " ", answer.text).split())


async def kept(outreach: Connection, episode_id: UUID) -> str | None:
    found: str | None = await outreach.fetchval(
        "SELECT grounds FROM episode WHERE episode_id = $1", episode_id
    )
    return found


async def test_the_page_says_what_was_stated_of_which_day_where_and_by_whom(
    app: FastAPI, outreach: Connection
) -> None:
    page = await page_of(app, await covered(outreach, LEFT, BEDA, HOME))
    why = page.partition("Why on the list")[2]
    assert "Left the school: 2 Mar 2026 Norra gymnasiet, told by Stockholms stad" in why
    assert "Study certificate awarded: 2 Mar 2026 told by the national credentials database (Beda)" in why
    assert "Registered as resident: 15 Mar 2008 told by the population register of Stockholm" in why
    assert why.index("Left the school") < why.index("Study certificate") < why.index("Registered as resident")


async def test_units_and_organisers_without_a_name_are_shown_by_their_codes(
    app: FastAPI, outreach: Connection
) -> None:
    vera = await covered(outreach, ENDED)
    assert "87654321, told by 5560360793" in await page_of(app, vera)
    app.state.organisers = None
    assert "87654321, told by 5560360793" in await page_of(app, vera)


async def test_what_has_happened_begins_with_the_schools_facts_each_once(
    app: FastAPI, outreach: Connection
) -> None:
    vera = await covered(outreach, LEFT, HOME)
    again = Person(person_id=vera.person_id)
    await tell(outreach, vera.no_longer(2, grounds=(LEFT, HOME)), again.covered(grounds=(LEFT, HOME)))
    happened = (await page_of(app, vera)).partition("What has happened")[2].partition("Why on the list")[0]
    assert happened.count("2 Mar 2026 Left the school Norra gymnasiet, told by Stockholms stad") == 1
    assert happened.rindex("Came onto the list") < happened.index("Left the school")
    assert happened.index("Left the school") < happened.index("Registered as resident")


async def test_a_correction_replaces_the_evidence_and_an_older_telling_does_not(
    app: FastAPI, outreach: Connection
) -> None:
    vera = await covered(outreach, LEFT)
    await tell(outreach, vera.corrected(3, grounds=(ENDED,)))
    await tell(outreach, vera.corrected(2, grounds=(LEFT,)))
    page = await page_of(app, vera)
    assert "Compulsory school ended" in page
    assert "Left the school" not in page


async def test_an_episode_told_without_evidence_is_shown_with_its_reason_alone(
    app: FastAPI, outreach: Connection
) -> None:
    vera = Person()
    await tell(outreach, vera.known(), vera.covered())
    page = await page_of(app, vera)
    assert "Left upper secondary school." in page
    assert "Evidence" not in page


async def test_programs_are_shown_the_evidence_with_its_codes(
    pool: asyncpg.Pool, outreach: Connection
) -> None:
    vera = await covered(outreach, LEFT, BEDA)
    (listed,) = (await Program(api(pool)).see(f"/persons/{vera.person_id}"))["listed"]
    assert listed["grounds"] == [
        {
            "fact": "left", "on": "2026-03-02", "school_unit": "12345678", "organiser": "2120000142",
            "municipality": None,
        },
        {
            "fact": "study_certificate", "on": "2026-03-02", "school_unit": None, "organiser": None,
            "municipality": None,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("protection", ["confidential", "assumed_identity"])
async def test_of_a_protected_person_no_evidence_is_shown_though_it_was_told_before(
    app: FastAPI, pool: asyncpg.Pool, outreach: Connection, protection: str
) -> None:
    vera = await covered(outreach, LEFT, protection=protection)
    page = await page_of(app, vera)
    assert "Norra gymnasiet" not in page
    assert "2 Mar 2026" not in page
    (listed,) = (await Program(api(pool)).see(f"/persons/{vera.person_id}"))["listed"]
    assert listed["grounds"] == []


async def test_the_evidence_is_gone_when_the_episode_is_withdrawn_and_with_a_purged_person(
    outreach: Connection,
) -> None:
    vera, dora = await covered(outreach, LEFT), await covered(outreach, LEFT)
    assert "12345678" in (await kept(outreach, vera.episode_id) or "")
    await tell(outreach, vera.never(2), tombstone(dora.person_id))
    assert await kept(outreach, vera.episode_id) is None
    assert await kept(outreach, dora.episode_id) is None


async def test_another_municipality_sees_no_evidence(staff: asyncpg.Pool, outreach: Connection) -> None:
    vera = await covered(outreach, LEFT)
    for municipality, seen in (("0180", 1), ("1480", 0)):
        async with staff.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('kaa.municipality', $1, true)", municipality)
            rows = await connection.fetch(
                "SELECT grounds FROM episode WHERE episode_id = $1", vera.episode_id
            )
            assert len(rows) == seen
