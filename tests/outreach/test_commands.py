"""`kaa outreach` as staff run it, against a real database."""

import asyncio
import os
import re
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from kaa.outreach import app
from servicekit.database import Connection
from tests.outreach.tellings import Person, identity_number, tell

#: A municipality for each test, since they share the queue.
HUDDINGE, BOTKYRKA, NACKA, SOLNA, LUND = "0126", "0127", "0182", "0184", "1281"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    out: str
    err: str


async def kaa_outreach(database: str, *words: str) -> Answer:
    """Runs a command in a thread, since it starts a loop of its own. Without a database: it is not configured."""
    settings: dict[str, str | None] = {name: None for name in os.environ if name.startswith("KAA_")}
    if database:
        settings["KAA_OUTREACH_DATABASE"] = database
    answer = await asyncio.to_thread(CliRunner().invoke, app, words, env=settings)
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
    return Answer(answer.exit_code, answer.stdout, answer.stderr)


async def test_next_prints_what_the_call_needs_and_done_closes_it(
    database: str, outreach: Connection
) -> None:
    vera = Person(municipality=HUDDINGE)
    await tell(outreach, vera.known(), vera.covered())
    taken = await kaa_outreach(database, "next", "--municipality", HUDDINGE, "--worker", "bo")
    assert taken.status == 0, taken.err
    shown = {
        words: value
        for line in taken.out.splitlines()
        for words, _, value in [re.sub(r" {2,}", "\t", line.strip()).partition("\t")]
    }
    assert shown["name"] == "Vera Ek"
    assert shown["identity number"] == identity_number(vera.born)
    assert shown["on the list"] == "since 2026-08-17: left upper secondary"
    assert (shown["turns 20"], shown["protection"], shown["kind"]) == ("2028-03-15", "none", "inform")
    number = shown["task"]

    refused = await kaa_outreach(database, "done", number, "--outcome", "reached", "--worker", "kim")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith(f"kaa: task {number} is held by another worker until ")
    assert refused.err.count("\n") == 1

    done = await kaa_outreach(
        database, "done", number, "--outcome", "reached", "--channel", "sms", "--worker", "bo"
    )
    assert (done.status, done.out) == (0, f"Task {number} is done: reached, by sms.\n")
    none = await kaa_outreach(database, "next", "--municipality", HUDDINGE, "--worker", "bo")
    assert (none.status, none.out) == (1, "No task waits in Huddinge.\n")


async def test_next_shows_nothing_of_a_protected_person(database: str, outreach: Connection) -> None:
    vera = Person(municipality=BOTKYRKA)
    await tell(outreach, vera.known(protection="confidential"), vera.covered())
    taken = await kaa_outreach(database, "next", "--municipality", BOTKYRKA)
    assert taken.status == 0, taken.err
    assert "protected: manual step; ask the registrar" in taken.out
    for personal in ("Vera", "Ek", identity_number(vera.born), "2028", "upper secondary"):
        assert personal not in taken.out


async def test_protected_registration_only_counts_as_a_case_that_waits(
    database: str, outreach: Connection
) -> None:
    vera = Person(municipality=NACKA)
    await tell(outreach, vera.known(protection="protected_registration"), vera.covered())
    taken = await kaa_outreach(database, "next", "--municipality", NACKA)
    assert taken.status == 1
    assert taken.out == (
        "No task waits in Nacka.\n1 case waits for routing by the registrar, in the whole installation.\n"
    )
    # it can be guessed from no municipality's numbers
    assert taken.out.splitlines()[1] in (await kaa_outreach(database, "tasks", "--municipality", LUND)).out
    await tell(outreach, vera.never(2))


async def test_tasks_counts_and_names_nobody(database: str, outreach: Connection) -> None:
    vera, kim = Person(municipality=SOLNA), Person(municipality=SOLNA)
    await tell(outreach, vera.known(), vera.covered(), kim.known(), kim.covered())
    counted = await kaa_outreach(database, "tasks", "--municipality", SOLNA)
    assert counted.status == 0, counted.err
    assert re.search(r"ready to be taken\W+2\b", counted.out)
    assert "Vera" not in counted.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("next", "--municipality", "180"), "--municipality: expected the 4-digit code of one of the 290"),
        (("tasks", "--municipality", "9999"), "--municipality: expected the 4-digit code of one of the 290"),
        (("next", "--municipality", "0180", "--worker", " "), "--worker: expected a name"),
        (("done", "1", "--outcome", "reached"), "KAA_OUTREACH_DATABASE is not set"),
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
