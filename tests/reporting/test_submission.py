"""The file as it is written: the same bytes for the same question, drafts that say so, and the look in the log."""

import os
import stat
from datetime import date
from pathlib import Path

import pytest

from servicekit.database import Connection, connect
from services.reporting.specification import Specification
from services.reporting.submission import (
    NotFinalError,
    PrefixError,
    Submission,
    build,
    check_list_beside,
    refuse_unverified,
    write,
)
from tests.reporting.tellings import HALF_YEAR, Person, specification, tell


def verified() -> Specification:
    """The specification as if somebody had compared all of it with SCB's own."""
    released = specification()
    lists = {
        name: one.model_copy(
            update={"codes": tuple(code.model_copy(update={"verified": True}) for code in one.codes)}
        )
        for name, one in released.code_lists.items()
    }
    file = released.file.model_copy(update={"verified": True})
    return released.model_copy(update={"code_lists": lists, "file": file})


async def _built(
    connection: Connection,
    municipality: str,
    as_known_at: int | None = None,
    by: Specification | None = None,
) -> Submission:
    return await build(connection, by or specification(), HALF_YEAR, municipality, as_known_at=as_known_at)


async def _told(connection: Connection, municipality: str) -> Person:
    """A municipality of its own with a right registration, a contact and an end."""
    vera = Person(municipality=municipality)
    await tell(connection, vera.known(), vera.no_longer(), vera.reached())
    return vera


async def test_the_same_question_gives_the_same_bytes_also_after_more_was_received(
    connection: Connection,
) -> None:
    vera = await _told(connection, "0114")
    first = await _built(connection, "0114")
    await tell(connection, vera.never(9), Person(municipality="0114").covered())
    again = await _built(connection, "0114", first.as_known_at)
    now = await _built(connection, "0114")
    assert first.content(final=False) == again.content(final=False)
    assert first.check_list("sv") == again.check_list("sv")
    assert now.as_known_at > first.as_known_at
    assert now.content(final=False) != first.content(final=False)


async def test_more_than_was_received_cannot_be_asked_for(connection: Connection) -> None:
    known = (await _built(connection, "0115")).as_known_at
    with pytest.raises(PrefixError, match=f"expected 0 to {known}"):
        await _built(connection, "0115", known + 1)


async def test_the_look_is_in_the_access_log_with_the_number_of_persons(
    connection: Connection, database: str, postgres: str
) -> None:
    """INV-09: a file is a look at all who are in it."""
    await _told(connection, "0117")
    await _told(connection, "0117")
    await _built(connection, "0117")
    admin = await connect(postgres.rpartition("/")[0] + "/" + database.rpartition("/")[2])
    looks = await admin.fetch("SELECT action, count, who FROM access_log WHERE municipality = '0117'")
    await admin.close()
    (look,) = looks
    assert (look["action"], look["count"]) == ("report build", 2)
    assert look["who"].startswith("cli:")


async def test_nothing_is_given_when_the_look_cannot_be_logged(
    connection: Connection, postgres: str, database: str
) -> None:
    """INV-09: no file without its line in the log."""
    name = database.rpartition("/")[2]
    admin = await connect(postgres.rpartition("/")[0] + "/" + name)
    await admin.execute("ALTER TABLE access_log ADD CONSTRAINT full_disk CHECK (municipality <> '0120')")
    try:
        with pytest.raises(Exception, match="full_disk"):
            await _built(connection, "0120")
    finally:
        await admin.execute("ALTER TABLE access_log DROP CONSTRAINT full_disk")
        await admin.close()


async def test_a_draft_says_so_in_its_name_and_its_first_line(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vera = await _told(connection, "0123")
    path = write(await _built(connection, "0123"))
    assert path == Path("out/KAA_0123_2025H2_UTKAST.txt")
    first, *lines = path.read_text().splitlines()
    assert first.startswith("UTKAST (DRAFT): ")
    assert lines == [
        f"1;1;0123;{vera.number};20250901;X2",
        f"2;2;0123;{vera.number};20250910;X5",
        f"5;3;0123;{vera.number};20251130;X1",
    ]


@pytest.mark.parametrize(
    ("asked", "written"),
    [("mine.txt", "mine_UTKAST.txt"), ("mine", "mine_UTKAST"), ("UTKAST-1.csv", "UTKAST-1.csv")],
)
async def test_a_draft_s_name_says_so_whatever_name_is_asked_for(
    connection: Connection, tmp_path: Path, asked: str, written: str
) -> None:
    assert write(await _built(connection, "0125"), tmp_path / asked) == tmp_path / written


async def test_only_their_owner_can_read_the_files_also_over_one_that_all_could(
    connection: Connection, tmp_path: Path
) -> None:
    await _told(connection, "0126")
    old = tmp_path / "a_UTKAST.txt"
    old.write_text("old")
    old.chmod(0o666)
    mask = os.umask(0)
    try:
        path = write(await _built(connection, "0126"), tmp_path / "a.txt")
    finally:
        os.umask(mask)
    assert path == old
    assert [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in os.listdir(tmp_path)] == [0o600, 0o600]
    assert old.read_text().startswith("UTKAST")


async def test_what_fails_is_listed_beside_the_file_and_its_rows_are_in_it(
    connection: Connection, tmp_path: Path
) -> None:
    vera = Person(municipality="0127")
    await tell(connection, vera.known(), vera.covered(entry_reason="left_introductory_programme"))
    await tell(connection, vera.reached(date(2025, 8, 1), occupation=None))
    submission = await _built(connection, "0127")
    path = write(submission, tmp_path / "a.txt")
    listed = check_list_beside(path).read_text()
    assert listed.splitlines() == [
        "Kommunernas aktivitetsansvar, halvårsrapport",
        "0127 Botkyrka, 2025H2: 2 av 2 rader har fel. De står ändå i utkastet.",
        "",
        "rad 1, block 1: Senaste skolrelaterade sysselsättning vid registreringen har ingen kod: avbrutet "
        "introduktionsprogram finns inte bland de publicerade värdena. Fråga SCB vilken kod som gäller.",
        "rad 2, block 2: Sysselsättning vid kontakten saknas. Komplettera och bygg om.",
        "rad 2, block 2: Kontaktdatum ligger före registreringsdatum.",
    ]
    assert vera.number not in listed
    assert path.read_text().splitlines()[1:] == [
        f"1;1;0127;{vera.number};20250901;",
        f"2;2;0127;{vera.number};20250801;",
    ]
    assert submission.failing_rows == 2
    assert "row 2, block 2: Date of contact is before date of registration." in submission.check_list("en")


async def test_failures_are_summed_up_by_block_the_most_frequent_first(connection: Connection) -> None:
    for _ in range(2):
        vera = Person(municipality="0128")
        await tell(connection, vera.known(), vera.covered(), vera.reached(occupation=None))
    vera = Person(municipality="0128")
    await tell(connection, vera.known(), vera.covered(), vera.reached(date(2025, 8, 1)))
    failures = (await _built(connection, "0128")).failures()
    assert [(number, said.en, rows) for number, said, rows in failures] == [
        (2, "Occupation at contact is missing. Add it and build again.", 2),
        (2, "Date of contact is before date of registration.", 1),
    ]


async def test_a_file_with_unverified_codes_is_never_final(connection: Connection, tmp_path: Path) -> None:
    await _told(connection, "0136")
    with pytest.raises(NotFinalError) as refusal:
        write(await _built(connection, "0136"), tmp_path / "a.txt", final=True)
    assert "deregistration X4: verified: false" in refusal.value.reasons
    assert len(refusal.value.reasons) == len(specification().unverified)
    assert os.listdir(tmp_path) == []


def test_one_unverified_code_is_enough_to_refuse() -> None:
    refuse_unverified(verified())
    lists = dict(verified().code_lists)
    first, *others = lists["measure"].codes
    codes = (first.model_copy(update={"verified": False}), *others)
    lists["measure"] = lists["measure"].model_copy(update={"codes": codes})
    with pytest.raises(NotFinalError) as refusal:
        refuse_unverified(verified().model_copy(update={"code_lists": lists}))
    assert refusal.value.reasons == ["measure X1: verified: false"]


async def test_a_file_with_a_failing_row_is_never_final(connection: Connection, tmp_path: Path) -> None:
    vera = await _told(connection, "0138")
    await tell(connection, vera.reached(revision=2, occupation=None))
    with pytest.raises(NotFinalError, match="1 of 3 rows fail") as refusal:
        write(await _built(connection, "0138", by=verified()), tmp_path / "a.txt", final=True)
    assert refusal.value.reasons == [
        "block 2: Occupation at contact is missing. Add it and build again. (1 rows)"
    ]
    assert os.listdir(tmp_path) == []


async def test_a_verified_file_in_which_all_is_right_can_be_final(
    connection: Connection, tmp_path: Path
) -> None:
    vera = await _told(connection, "0139")
    path = write(await _built(connection, "0139", by=verified()), tmp_path / "a.txt", final=True)
    assert path.name == "a.txt"
    assert path.read_text().splitlines()[0] == f"1;1;0139;{vera.number};20250901;X2"


async def test_a_municipality_without_anyone_covered_has_an_empty_file(connection: Connection) -> None:
    submission = await _built(connection, "2584")
    assert submission.made.rows == ()
    assert submission.content(final=True) == b""
