"""Dead letters replayed: what was put aside takes effect as if it had been right when it came."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from kaa.dead_letters import app
from servicekit.calendar import now, today
from servicekit.database import Connection
from servicekit.dead_letter_actions import Operator, expire
from servicekit.dead_letters import Choice
from servicekit.receipts import refusals
from servicekit.records import Outcome, Received
from servicekit.replay import replay, to_replay
from servicekit.settings import Service
from services.registry.register import apply
from tests.kaa.commands import Answer, run
from tests.system.installation import (
    FREE,
    ORGANISERS,
    TOWN,
    Installation,
    Raw,
    installed,
    left,
    numbers,
    resident,
    said,
    started,
    wire,
)
from tests.system.poison import every_poison
from tests.system.test_not_storable import refuse
from tests.system.witness import DAY, is_one_clean_pass, lives

OPERATOR = Operator("Siv", "the directory was mended")
BY = ("--who", "Siv", "--why", "the directory was mended")


async def dead_letters(here: Installation, *words: object) -> Answer:
    """`kaa dead-letters …` on this installation."""
    stated = here.settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return await run(app, {f"KAA_{name.upper()}": str(value) for name, value in stated.items()}, *words)


def write_directory(here: Installation, organisers: object) -> None:
    """What services and commands take from now on."""
    here.settings.organisers.write_text(json.dumps({"organisers": organisers}), encoding="utf-8")


async def take(here: Installation, *services: Service) -> None:
    """Lets services work off what is there."""
    for service in services or ("registry",):
        async with here.consuming(service):
            await here.settled(service)


async def audit(here: Installation, service: Service = "registry") -> list[tuple[Any, ...]]:
    """(who, action, outcome, event id) in order of writing."""
    rows = await here.fetch(
        "SELECT who, action, outcome, event_id FROM dead_letter_action ORDER BY action_id", service=service
    )
    return [tuple(row) for row in rows]


def of_free(event: dict[str, Any]) -> dict[str, Any]:
    """Said by the independent school about its unit."""
    data = event["data"] | ({"school_unit": "13000001"} if "school_unit" in event["data"] else {})
    return event | {"source": f"urn:se:orgnr:{FREE}", "data": data}


def school_lives(count: int) -> list[dict[str, Any]]:
    """``witness.lives`` of pupils of the independent school."""
    return [event if "municipality" in event["type"] else of_free(event) for event in lives(count)]


async def without_free(here: Installation, events: Sequence[dict[str, Any]]) -> None:
    """Publishes while the independent school is not in the directory."""
    write_directory(here, [one for one in ORGANISERS if one["number"] != FREE])
    await here.publish(events)


async def test_events_of_an_organiser_that_was_missing_take_effect_when_it_is_added_and_they_are_replayed(
    kafka: str, postgres: str, tmp_path: Path
) -> None:
    """INV-01, INV-02: in each service that put them aside; the register is one clean pass, the books balance."""
    events = school_lives(30)
    services: tuple[Service, ...] = ("registry", "notifications")
    async with installed(kafka, postgres, tmp_path, services=services) as here:
        await here.set_day(DAY)
        await without_free(here, events)
        await take(here, *services)
        for service in services:
            assert Counter(kind for kind, _, _ in await here.dead_letters(service)) == {
                "unknown_organiser": 60
            }
        early = await dead_letters(here, "replay", "registry", "--all", *BY)
        assert early.status == 1
        assert early.out.splitlines()[0] == (
            "registry: 0 applied, 0 had taken effect meanwhile, 60 refused again"
        )
        write_directory(here, ORGANISERS)
        for service in services:
            done = await dead_letters(here, "replay", service, "--class", "unknown_organiser", *BY)
            assert (done.status, done.out) == (
                0, f"{service}: 60 applied, 0 had taken effect meanwhile, 0 refused again\n",
            )  # fmt: skip
            assert await here.dead_letters(service) == []
            assert (await here.books(service)).balance
        account = await is_one_clean_pass(here, events)
        assert (account.total("applied"), account.total("dead_letter")) == (90, 0)
        notices = await here.fetch("SELECT count(*) FROM notice", service="notifications")
        assert notices[0][0] == 60
        again = await dead_letters(here, "replay", "registry", "--all", *BY)
        assert (again.status, again.out) == (0, "nothing to replay\n")
        outcomes = Counter(line[:3] for line in await audit(here))
        assert outcomes == {("Siv", "replayed", "unknown_organiser"): 60, ("Siv", "replayed", "applied"): 60}
        async with here.pool() as opened, opened.acquire() as connection:
            told = await refusals(connection, [f"school.{FREE}.leave.v1"], today() - timedelta(1), today())
        assert {(one.kind, one.since_then) for one in told} == {("unknown_organiser", "applied")}
        assert len(told) == 30
        # and when everything is delivered again, nothing happens
        await take(here.again())
        assert (await is_one_clean_pass(here, events)).total("applied") == 90


async def test_a_letter_whose_event_was_sent_again_meanwhile_is_a_duplicate(registry: Installation) -> None:
    """INV-01: it is gone, and its record has one fate."""
    events = school_lives(3)
    await without_free(registry, events)
    await take(registry)
    write_directory(registry, ORGANISERS)
    await registry.publish(events)
    await take(registry)
    done = await dead_letters(registry, "replay", "registry", "--topic", f"school.{FREE}.leave.v1", *BY)
    assert done.out == "registry: 0 applied, 3 had taken effect meanwhile, 0 refused again\n"
    assert (await dead_letters(registry, "replay", "registry", "--all", *BY)).status == 0
    account = await is_one_clean_pass(registry, events)
    assert (account.total("applied"), account.total("duplicate"), account.total("dead_letter")) == (9, 9, 0)
    assert {line[2] for line in await audit(registry)} == {"duplicate"}


async def test_a_letter_whose_record_was_delivered_again_after_the_directory_was_mended_is_gone(
    registry: Installation,
) -> None:
    """INV-01: as after a crash between the transaction and the commit of offsets."""
    events = school_lives(3)
    await without_free(registry, events)
    await take(registry)
    write_directory(registry, ORGANISERS)
    await take(registry.again())
    assert await registry.dead_letters() == []
    assert (await is_one_clean_pass(registry, events)).total("applied") == 9


async def test_an_event_taken_back_before_it_is_replayed_counts_as_never_said(registry: Installation) -> None:
    """INV-02: the retraction came first, and claimed it."""
    events = school_lives(4)
    await without_free(registry, events)
    await take(registry)
    write_directory(registry, ORGANISERS)
    gone = next(event["id"] for event in events if ".leave." in event["type"])
    retraction = of_free(said("x", "school.leave.retracted", {"retracts": gone}))
    await registry.publish([retraction])
    await take(registry)
    done = await dead_letters(registry, "replay", "registry", "--all", *BY)
    assert done.status == 0, done.out
    assert len(await registry.episodes()) == 3
    await is_one_clean_pass(registry, [*events, retraction])


async def test_an_id_used_twice_for_different_content_is_refused_again(registry: Installation) -> None:
    """INV-01: the first stands; the letter stays under its class, and each attempt is in the audit."""
    (number,) = numbers(1)
    events = [resident("r", number), started("s", number, "2023-08-21"), left("l", number, "2024-11-15")]
    await registry.publish([*events, left("l", number, "2025-01-31")])
    await take(registry)
    before = await registry.dead_letters()
    for _ in range(2):
        done = await dead_letters(registry, "replay", "registry", "--all", *BY)
        assert done.status == 1
        assert done.out.startswith(
            "registry: 0 applied, 0 had taken effect meanwhile, 1 refused again\n  ident"
        )
    assert await registry.dead_letters() == before
    assert await audit(registry) == [("Siv", "replayed", "identity_conflict", "l")] * 2
    await is_one_clean_pass(registry, events)


async def test_letters_that_conflict_with_each_other_are_judged_in_the_order_of_their_topic(
    registry: Installation,
) -> None:
    (number,) = numbers(1)
    right = of_free(left("l", number, "2024-11-15"))
    events = [resident("r", number), of_free(started("s", number, "2023-08-21")), right]
    await without_free(registry, [*events, of_free(left("l", number, "2025-01-31")), right])
    await take(registry)
    write_directory(registry, ORGANISERS)
    done = await dead_letters(registry, "replay", "registry", "--all", *BY)
    assert done.status == 1
    assert done.out.startswith("registry: 2 applied, 1 had taken effect meanwhile, 1 refused again\n")
    assert [letter[:2] for letter in await registry.dead_letters()] == [("identity_conflict", "id")]
    await is_one_clean_pass(registry, events)


async def test_what_a_store_could_not_take_is_replayed_when_it_is_mended_and_holds_up_no_other_until_then(
    registry: Installation,
) -> None:
    """INV-05: one that still fails stays, with the reason of this time; the others of its batch take effect."""
    events = lives(20)
    await refuse(registry, "NEW.topic LIKE '%leave%'", "RAISE EXCEPTION 'refused: %', NEW.identity_number")
    await registry.publish(events)
    await take(registry)
    assert Counter(letter[0] for letter in await registry.dead_letters()) == {"store": 20}
    culprit = events[29]["id"]
    await registry.as_owner("DROP TRIGGER refuse ON event_log; DROP FUNCTION refuse")
    await refuse(registry, f"NEW.id = '{culprit}'", "NEW.taken_back = NULL")
    partly = await dead_letters(registry, "replay", "registry", "--class", "store", *BY)
    assert (partly.status, partly.out.splitlines()[0]) == (
        1, "registry: 19 applied, 0 had taken effect meanwhile, 1 refused again",
    )  # fmt: skip
    assert await registry.dead_letters() == [("store", None, "NotNullViolationError, SQLSTATE 23502")]
    await is_one_clean_pass(registry, [event for event in events if event["id"] != culprit])
    await registry.as_owner("DROP TRIGGER refuse ON event_log")
    assert (await dead_letters(registry, "replay", "registry", "--all", *BY)).status == 0
    await is_one_clean_pass(registry, events)


async def test_a_replay_at_which_the_rules_themselves_fail_costs_the_one_letter_that_meets_them(
    registry: Installation,
) -> None:
    """INV-05: as in the consumer; not only the database may refuse."""
    events = school_lives(5)
    await without_free(registry, events)
    await take(registry)
    culprit = events[7]["id"]

    async def faulty(connection: Connection, received: Sequence[Received]) -> Sequence[Outcome]:
        outcomes = await apply(connection, received)
        if any(item.event is not None and item.event.id == culprit for item in received):
            raise ZeroDivisionError(culprit)
        return outcomes

    async with registry.pool() as opened, opened.acquire() as connection:
        batches = await to_replay(connection, Choice())
        outcomes = await replay(connection, faulty, registry.directory, batches, OPERATOR)
    assert outcomes == {"applied": 9, "store": 1}
    assert await registry.dead_letters() == [("store", None, "ZeroDivisionError")]
    await is_one_clean_pass(registry, [event for event in events if event["id"] != culprit])


async def test_every_poison_is_refused_again_for_the_same_reason(registry: Installation) -> None:
    """What is kept of a record is all that was in it: headers, also those without a value or not UTF-8, too."""
    (number,) = numbers(1)
    poison = every_poison(number, "Blåklocka")
    await registry.send([one.raw for one in poison])
    await take(registry)
    before = await registry.dead_letters()
    assert [letter[:2] for letter in before] == [(one.kind, one.field) for one in poison]
    done = await dead_letters(registry, "replay", "registry", "--all", *BY)
    assert done.status == 1
    assert await registry.dead_letters() == before
    assert "Blåklocka" not in done.out
    assert number not in done.out


async def test_two_replays_at_once_beside_a_service_at_work_do_nothing_twice(registry: Installation) -> None:
    """INV-01, INV-02: each letter is replayed by one of them, in batches, while events of the same persons come."""
    events = school_lives(400)
    await without_free(registry, events)
    # two organisers' events about the same persons
    more = [
        event
        for number in numbers(400)
        for event in (started(f"t{number}", number, "2023-09-01"), left(f"u{number}", number, "2025-01-31"))
    ]
    async with registry.consuming(limit_run=10_000, limit_ratio=1):
        await registry.settled("registry")
        write_directory(registry, ORGANISERS)
        both_have_looked = asyncio.Barrier(2)

        async def one() -> Counter[str]:
            connection = await asyncpg.connect(registry.settings.database("registry"))
            try:
                batches = await to_replay(connection, Choice())
                assert [len(batch) for batch in batches] == [500, 300]
                await both_have_looked.wait()
                return await replay(connection, apply, registry.directory, batches, OPERATOR)
            finally:
                await connection.close()

        first, second, _ = await asyncio.gather(one(), one(), registry.publish(more))
        await registry.settled("registry")
    rest = await dead_letters(registry, "replay", "registry", "--all", *BY)
    assert (rest.status, rest.out) == (0, "nothing to replay\n")
    assert first + second == {"applied": 800}
    assert len(await audit(registry)) == 800
    account = await is_one_clean_pass(registry, [*events, *more])
    assert account.total("applied") == 2000


async def test_a_letter_in_another_hand_is_left_to_it(registry: Installation) -> None:
    events = school_lives(2)
    await without_free(registry, events)
    await take(registry)
    write_directory(registry, ORGANISERS)
    async with registry.pool() as opened, opened.acquire() as connection, connection.transaction():
        await connection.execute("SELECT 1 FROM dead_letter ORDER BY dead_letter_id LIMIT 1 FOR UPDATE")
        done = await dead_letters(registry, "replay", "registry", "--all", *BY)
    assert done.status == 1
    assert done.out == (
        "registry: 3 applied, 0 had taken effect meanwhile, 0 refused again\n"
        "  1 is in another's hands: somebody replays it at this moment\n"
    )
    assert (await dead_letters(registry, "replay", "registry", "--all", *BY)).status == 0
    await is_one_clean_pass(registry, events)


async def test_a_discarded_letter_holds_nothing_takes_no_effect_and_is_still_accounted_for(
    registry: Installation,
) -> None:
    """INV-01: also when everything is delivered again."""
    events = lives(3)
    await registry.publish(events)
    await registry.send([Raw(f"school.{TOWN}.leave.v1", b"Kryddnejlika", (("x", b"Vippentunga"),))])
    await take(registry)
    ((number,),) = await registry.fetch("SELECT dead_letter_id FROM dead_letter")
    done = await dead_letters(registry, "discard", "registry", number, "--yes", *BY)
    assert (done.status, done.out) == (0, "registry: discarded 1 dead letter\n")
    held = await registry.fetch("SELECT key, value, header_names, header_values FROM dead_letter")
    assert [tuple(row) for row in held] == [(None, None, [], [])]
    refused = await dead_letters(registry, "replay", "registry", number, *BY)
    assert (refused.status, refused.err) == (
        2, f"kaa: dead letter {number} was discarded: its content is gone\n",
    )  # fmt: skip
    assert (await dead_letters(registry, "replay", "registry", "--all", *BY)).out == "nothing to replay\n"
    account = await is_one_clean_pass(registry, events)
    assert account.total("dead_letter") == 1
    await take(registry.again())
    assert (await is_one_clean_pass(registry, events)).total("dead_letter") == 1
    assert await audit(registry) == [("Siv", "discarded", None, None)]


async def test_a_letter_that_has_expired_stays_in_the_books_while_a_compacted_topic_holds_its_record(
    kafka: str, postgres: str, tmp_path: Path
) -> None:
    """INV-01: the audit keeps its place."""
    async with installed(kafka, postgres, tmp_path, services=("outreach",)) as here:
        await here.send([Raw("registry.person.v1", wire({"name": "Kryddnejlika"}))])
        await take(here, "outreach")
        # in outreach security is forced: the owner sees none
        own = urlsplit(here.settings.database("outreach")).path
        admin = await asyncpg.connect(urlunsplit(urlsplit(postgres)._replace(path=own)))
        await admin.execute("UPDATE dead_letter SET received_at = received_at - interval '91 days'")
        await admin.close()
        async with here.pool("outreach") as opened, opened.acquire() as connection:
            assert await expire(connection, now()) == 1
        account = await here.books("outreach")
        assert account.balance, account
        assert account.total("dead_letter") == 1
        # a new reader's group meets it again; it is a dead letter again, and one in the books
        await take(here.again(), "outreach")
        account = await here.books("outreach")
        assert account.balance, account
        assert account.total("dead_letter") == 1
