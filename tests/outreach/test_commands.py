"""`kaa outreach` as staff run it, against a real database."""

import asyncio
import getpass
import os
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from kaa.outreach import app
from servicekit.calendar import today
from servicekit.database import Connection
from tests.outreach.tellings import SINCE, Person, identity_number, tell

#: A municipality for each test, since they share the queue.
HUDDINGE, BOTKYRKA, NACKA, SOLNA, LUND, MALMO = "0126", "0127", "0182", "0184", "1281", "1280"
MORA, BORLANGE = "2062", "2081"
IN_STOCKHOLM = ("--municipality", "0180")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    out: str
    err: str


async def kaa_outreach(database: str, *words: str) -> Answer:
    """Runs a command in a thread, since it starts a loop of its own. Without a database: it is not configured.

    ``database`` is the address that staff have.
    """
    settings: dict[str, str | None] = {name: None for name in os.environ if name.startswith("KAA_")}
    if database:
        settings["KAA_OUTREACH_STAFF_DATABASE"] = database
    answer = await asyncio.to_thread(CliRunner().invoke, app, words, env=settings)
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
    return Answer(answer.exit_code, answer.stdout, answer.stderr)


async def test_next_prints_what_the_call_needs_and_done_closes_it(
    staff_address: str, outreach: Connection
) -> None:
    vera = Person(municipality=HUDDINGE)
    await tell(outreach, vera.known(), vera.covered())
    taken = await kaa_outreach(staff_address, "next", "--municipality", HUDDINGE, "--worker", "bo")
    assert taken.status == 0, taken.err
    shown = {
        words: value
        for line in taken.out.splitlines()
        for words, _, value in [re.sub(r" {2,}", "\t", line.strip()).partition("\t")]
    }
    assert shown["name"] == "Vera Ek"
    assert shown["identity number"] == identity_number(vera.born)
    assert shown["on the list"] == f"since {SINCE}: left upper secondary"
    turns_20 = f"{vera.born.year + 20}-03-15"
    assert (shown["turns 20"], shown["protection"], shown["kind"]) == (turns_20, "none", "inform")
    number = shown["task"]

    here = ("--municipality", HUDDINGE)
    refused = await kaa_outreach(
        staff_address, "done", number, *here, "--outcome", "reached", "--worker", "kim"
    )
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith(f"kaa: task {number} is held by another worker until ")
    assert refused.err.count("\n") == 1

    done = await kaa_outreach(
        staff_address, "done", number, *here, "--outcome", "reached", "--channel", "sms", "--worker", "bo"
    )
    assert (done.status, done.out) == (0, f"Task {number} is done: reached, by sms.\n")
    none = await kaa_outreach(staff_address, "next", "--municipality", HUDDINGE, "--worker", "bo")
    assert (none.status, none.out) == (1, "No task waits in Huddinge.\n")


async def test_a_task_is_kept_given_back_put_off_and_reserved(
    staff_address: str, outreach: Connection
) -> None:
    vera = Person(municipality=MALMO)
    await tell(outreach, vera.known(), vera.covered())
    number = str(await outreach.fetchval("SELECT task_id FROM task WHERE person_id = $1", vera.person_id))

    async def take() -> int:
        return (await kaa_outreach(staff_address, "next", "--municipality", MALMO, "--worker", "bo")).status

    here = ("--municipality", MALMO)
    assert await take() == 0
    kept = await kaa_outreach(staff_address, "heartbeat", number, *here, "--worker", "bo", "--lease", "120")
    assert (kept.status, kept.out.startswith(f"Task {number} is yours until ")) == (0, True)
    back = await kaa_outreach(staff_address, "release", number, *here, "--worker", "bo")
    assert (back.status, back.out) == (0, f"Task {number} is given back.\n")
    refused = await kaa_outreach(staff_address, "release", number, *here, "--worker", "bo")
    assert (refused.status, refused.err) == (
        1, f"kaa: nobody holds task {number}: take tasks with `kaa outreach next`\n"
    )  # fmt: skip
    reserved = await kaa_outreach(
        staff_address, "reassign", number, *here, "--to", "cli:anna", "--worker", "bo"
    )
    assert (reserved.status, reserved.out) == (0, f"Task {number} is kept for cli:anna.\n")
    assert await take() == 1
    assert (
        await kaa_outreach(staff_address, "reassign", number, *here)
    ).out == f"Task {number} is the team's.\n"
    assert await take() == 0
    another = await kaa_outreach(staff_address, "reassign", number, *here, "--worker", "kim")
    assert (another.status, another.err) == (
        1, f"kaa: task {number} is held by another worker: who leads the work may reassign it\n"
    )  # fmt: skip
    day = today() + timedelta(days=3)
    asleep = await kaa_outreach(staff_address, "snooze", number, *here, "--until", f"{day}", "--worker", "bo")
    assert (asleep.status, asleep.out) == (0, f"Task {number} is put off until {day}.\n")
    assert await take() == 1
    who = await outreach.fetch("SELECT DISTINCT who FROM task_history WHERE task_id = $1", int(number))
    user = getpass.getuser()
    assert {row[0] for row in who} == {"registry", f"cli:{user}", f"cli:{user}/bo"}


async def test_what_was_learnt_of_the_occupation_and_another_day_are_recorded(
    staff_address: str, outreach: Connection
) -> None:
    vera = Person(municipality=MALMO)
    await tell(outreach, vera.known(), vera.covered())
    number = str(await outreach.fetchval("SELECT task_id FROM task WHERE person_id = $1", vera.person_id))
    assert (await kaa_outreach(staff_address, "next", "--municipality", MALMO)).status == 0
    done = await kaa_outreach(
        staff_address, "done", number, "--municipality", MALMO, "--outcome", "reached", "--occupation", "work",
        "--on", f"{today()}",
    )  # fmt: skip
    assert done.status == 0, done.err
    row = await outreach.fetchrow(
        "SELECT occupation, on_day FROM contact JOIN contact_revision USING (contact_id) WHERE task_id = $1",
        int(number),
    )
    assert tuple(row) == ("work", today())


async def test_next_shows_nothing_of_a_protected_person(staff_address: str, outreach: Connection) -> None:
    vera = Person(municipality=BOTKYRKA)
    await tell(outreach, vera.known(protection="confidential"), vera.covered())
    taken = await kaa_outreach(staff_address, "next", "--municipality", BOTKYRKA)
    assert taken.status == 0, taken.err
    assert "protected: manual step; ask the registrar" in taken.out
    for personal in ("Vera", "Ek", identity_number(vera.born), f"{vera.born.year + 20}", "upper secondary"):
        assert personal not in taken.out


async def test_protected_registration_only_counts_as_a_case_that_waits(
    staff_address: str, outreach: Connection
) -> None:
    vera = Person(municipality=NACKA)
    await tell(outreach, vera.known(protection="protected_registration"), vera.covered())
    taken = await kaa_outreach(staff_address, "next", "--municipality", NACKA)
    assert taken.status == 1
    assert taken.out == (
        "No task waits in Nacka.\n1 case waits for routing by the registrar, in the whole installation.\n"
    )
    # it can be guessed from no municipality's numbers
    assert (
        taken.out.splitlines()[1] in (await kaa_outreach(staff_address, "tasks", "--municipality", LUND)).out
    )
    await tell(outreach, vera.never(2))


async def test_a_task_of_another_municipality_is_not_there(staff_address: str, outreach: Connection) -> None:
    """INV-09: the database shows a command the rows of the municipality that it works in."""
    vera = Person(municipality=LUND)
    await tell(outreach, vera.known(), vera.covered())
    taken = await kaa_outreach(staff_address, "next", "--municipality", LUND, "--worker", "bo")
    number = taken.out.split()[1]
    said = ("--outcome", "reached", "--worker", "bo")
    elsewhere = await kaa_outreach(staff_address, "done", number, "--municipality", MALMO, *said)
    assert (elsewhere.status, elsewhere.err) == (1, f"kaa: there is no task {number}\n")
    assert (await kaa_outreach(staff_address, "done", number, "--municipality", LUND, *said)).status == 0


async def test_the_registrar_reads_who_looked_at_whom_and_why_and_that_is_a_look_too(
    staff_address: str, outreach: Connection
) -> None:
    """INV-09: of that municipality alone, and of one person when asked for her."""
    vera, kim = Person(municipality=MORA), Person(municipality=BORLANGE)
    await tell(outreach, vera.known(), vera.covered(), kim.known(), kim.covered())
    for municipality in (MORA, BORLANGE):
        assert (await kaa_outreach(staff_address, "next", "--municipality", municipality)).status == 0
    asked = ("access-log", "--municipality", MORA, "--person", f"{vera.person_id}")
    read = await kaa_outreach(staff_address, *asked)
    assert read.status == 0, read.err
    user = f"cli:{getpass.getuser()}"
    _, *lines = read.out.splitlines()
    assert [line.split("\t")[1:] for line in lines] == [[user, "outreach next", f"{vera.person_id}"]]
    again = (await kaa_outreach(staff_address, "access-log", "--municipality", MORA)).out
    assert again.index("outreach access-log") < again.index("outreach next")
    assert f"{vera.person_id}" in again
    assert f"{kim.person_id}" not in again
    assert f"{vera.person_id}" not in (await kaa_outreach(staff_address, *asked, "--to", "2020-01-01")).out


async def test_tasks_counts_and_names_nobody(staff_address: str, outreach: Connection) -> None:
    vera, kim = Person(municipality=SOLNA), Person(municipality=SOLNA)
    await tell(outreach, vera.known(), vera.covered(), kim.known(), kim.covered())
    counted = await kaa_outreach(staff_address, "tasks", "--municipality", SOLNA)
    assert counted.status == 0, counted.err
    assert re.search(r"ready to be taken\W+2\b", counted.out)
    assert "Vera" not in counted.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("next", "--municipality", "180"), "--municipality: expected the 4-digit code of one of the 290"),
        (("tasks", "--municipality", "9999"), "--municipality: expected the 4-digit code of one of the 290"),
        (("next", "--municipality", "0180", "--worker", " "), "--worker: expected a name"),
        (("done", "1", *IN_STOCKHOLM, "--outcome", "reached"), "KAA_OUTREACH_STAFF_DATABASE is not set"),
        (("done", "1", *IN_STOCKHOLM, "--outcome", "reached", "--on", "i går"), "--on: expected a date"),
        (("snooze", "1", *IN_STOCKHOLM, "--until", "2026-13-01"), "--until: no such day"),
        (("reassign", "1", *IN_STOCKHOLM, "--to", "\n"), "--to: expected a name"),
        (("reassign", "1", *IN_STOCKHOLM, "--to", "anna"), "--to: nobody can be so named here"),
        (("reassign", "1", *IN_STOCKHOLM, "--to", "stockholm:a"), "--to: nobody can be so named here"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(words: tuple[str, ...], said: str) -> None:
    answer = await kaa_outreach("", *words)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.count("\n") == 1


async def test_a_database_that_is_away_is_said_in_one_line() -> None:
    answer = await kaa_outreach("postgresql://x:y@127.0.0.1:1/outreach", "tasks", "--municipality", "0180")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        "kaa: the database at 127.0.0.1:1/outreach cannot be reached (ConnectionRefusedError)\n"
    )
