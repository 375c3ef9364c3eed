"""`kaa dead-letters` as an operator runs it: what it shows, what it hides, what it does."""

import json
import re
from collections.abc import Sequence

import pytest

from kaa.dead_letters import app
from servicekit.dead_letters import WHAT_TO_DO
from tests.databases import throwaway_database
from tests.kaa.commands import run
from tests.kaa.dead_letters import BY, FAMILY, GIVEN, NUMBER, Registry, judged, missing, planted


def names_nobody(text: str) -> bool:
    return not any(plant in text for plant in (GIVEN, FAMILY, NUMBER, NUMBER[2:]))


async def test_the_list_counts_by_class_and_organiser_and_says_what_to_do(registry: Registry) -> None:
    first, second = registry.directory.organisers
    await registry.put_aside(
        *missing(registry, 12),
        *missing(registry, 2, organiser=1),
        judged(registry.topic(1), 50, b"no event"),
        judged("registry.person.v1", 7, b"no event"),
    )
    await registry.as_owner(
        "UPDATE dead_letter SET received_at = now() - interval '3 days 1 hour' WHERE \"offset\" = 4"
    )
    listed = await registry.kaa("list", "registry")
    assert listed.status == 0, listed.err
    lines = listed.out.splitlines()
    assert lines[:2] == [
        "registry: 16 dead letters",
        f"  unknown_organiser, {first.number}: 12 dead letters, the oldest 3 days old",
    ]
    assert lines[2] == f"    what to do: {WHAT_TO_DO['unknown_organiser']}"
    assert re.fullmatch(
        rf" +\d+  unknown_organiser  source  \d+ s  {re.escape(registry.topic())}/0/0  lv-0", lines[3]
    )
    assert [line.rpartition("  ")[2] for line in lines[3:8]] == [f"lv-{n}" for n in range(5)]
    assert lines[8].strip() == "and 7 more"
    groups = [line.strip().split(":")[0] for line in lines if re.match(r"  \S", line)]
    assert groups == [
        f"unknown_organiser, {first.number}",
        f"unknown_organiser, {second.number}",
        f"malformed, {second.number}",
        "malformed, registry.person.v1",
    ]
    assert lines[-1].endswith("registry.person.v1/0/7  no event id")


async def test_the_list_can_be_narrowed_to_a_topic_an_organiser_a_class(registry: Registry) -> None:
    second = registry.directory.organisers[1].number
    await registry.put_aside(
        *missing(registry, 8), *missing(registry, 2, organiser=1), judged(registry.topic(1), 9, b"no event")
    )
    for words, count in (
        (("--topic", registry.topic(1)), 3),
        (("--organiser", second), 3),
        (("--organiser", second, "--class", "malformed"), 1),
        (("--organiser", "0180"), 0),
        # one group alone is shown whole
        (("--class", "unknown_organiser", "--topic", registry.topic()), 8),
    ):
        listed = await registry.kaa("list", "registry", *words)
        assert listed.out.startswith(f"registry: {count} dead letter{'' if count == 1 else 's'}\n")
        assert len(re.findall(r"/0/\d+  ", listed.out)) == count
        assert "more" not in listed.out


async def test_all_services_are_listed_when_none_is_named(registry: Registry, postgres: str) -> None:
    await registry.put_aside(*missing(registry, 1))
    async with (
        throwaway_database(postgres, "notifications") as notifications,
        throwaway_database(postgres, "outreach") as outreach,
        throwaway_database(postgres, "reporting") as reporting,
    ):
        settings = {
            "KAA_REGISTRY_DATABASE": registry.database.url, "KAA_OUTREACH_DATABASE": outreach.url,
            "KAA_NOTIFICATIONS_DATABASE": notifications.url, "KAA_REPORTING_DATABASE": reporting.url,
        }  # fmt: skip
        listed = await run(app, settings, "list")
    assert [line for line in listed.out.splitlines() if not line.startswith(" ")] == [
        "registry: 1 dead letter", "notifications: 0 dead letters", "outreach: 0 dead letters",
        "reporting: 0 dead letters",
    ]  # fmt: skip


async def test_no_command_shows_anything_that_a_record_holds(registry: Registry) -> None:
    """INV-08: a name or number in value, key, header, header's name, unknown key or id is in no output."""
    numbers = await registry.put_aside(*planted(registry))
    answers = [await registry.kaa("show", "registry", number) for number in numbers]
    answers += [
        await registry.kaa("replay", "registry", "--all", *BY),
        await registry.kaa("list", "registry"),
        await registry.kaa("discard", "registry", numbers[-1], *BY, "--yes"),
        await registry.kaa("list", "registry", "--discarded"),
        await registry.kaa("actions", "registry"),
    ]
    for answer in answers:
        assert len(answer.out) > 20
        assert names_nobody(answer.out + answer.err), answer
    assert "[masked]" in answers[0].out


async def test_a_letter_is_shown_with_its_place_its_fault_and_the_shape_of_its_content(
    registry: Registry,
) -> None:
    (letter, *_) = planted(registry)
    (number,) = await registry.put_aside(letter)
    shown = await registry.kaa("show", "registry", number)
    assert shown.status == 0, shown.err
    head, _, shape = shown.out.partition("{")
    lines = {
        words: value.strip()
        for line in head.splitlines()
        for words, value in [(line[:12].strip(), line[12:])]
    }
    assert lines["place"] == f"{registry.topic()}, partition 0, offset 1"
    assert (lines["class"], lines["field"]) == ("unknown_organiser", "source")
    assert lines["what to do"] == WHAT_TO_DO["unknown_organiser"]
    assert lines["detail"] == "is not in the directory of organisers"
    assert lines["event id"] == "[masked]-1"
    assert lines["key"] == "3 bytes"
    assert lines["headers"] == f"unknown name ({len(GIVEN)}), content-type"
    assert lines["content"].startswith(f"{len(letter.record.value or b'')} bytes; ")
    seen = json.loads("{" + shape)
    assert seen["source"] == "text(23)"
    assert seen["data"]["pupil"] == {
        "identity_number": "text(12)", "given_name": f"text({len(GIVEN)})", "family_name": f"text({len(FAMILY)})",
        f"unknown key 4 ({len(GIVEN)})": {f"unknown key 1 ({len(FAMILY)})": "text(12)"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"no event", "content     8 bytes\nno JSON, so nothing"),
        (None, "content     none\nno JSON, so nothing"),
    ],
    ids=["no JSON", "null"],
)
async def test_of_what_is_no_json_only_the_size_is_shown(
    registry: Registry, value: bytes | None, said: str
) -> None:
    (number,) = await registry.put_aside(judged(registry.topic(), 1, value))
    assert said in (await registry.kaa("show", "registry", number)).out


async def test_a_huge_record_is_shown_in_a_few_lines(registry: Registry) -> None:
    value = json.dumps({"data": list(range(50_000)), **{f"k{n}": n for n in range(5_000)}}).encode()
    (number,) = await registry.put_aside(judged(registry.topic(), 1, value))
    shown = (await registry.kaa("show", "registry", number)).out
    assert len(shown.splitlines()) < 90
    assert '"and 49995 more"' in shown
    assert '"and": "4951 more keys"' in shown


async def test_a_letter_replayed_by_its_number_twice_takes_effect_once(registry: Registry) -> None:
    one, two, _ = await registry.put_aside(*missing(registry, 3))
    done = await registry.kaa("replay", "registry", two, one, *BY)
    assert (done.status, done.out.split(",")[0]) == (0, "registry: 2 applied")
    again = await registry.kaa("replay", "registry", one, *BY)
    assert (again.status, again.out) == (0, "nothing to replay\n")
    assert await registry.connection.fetchval("SELECT count(*) FROM event_log") == 2
    assert await registry.connection.fetchval("SELECT count(*) FROM dead_letter") == 1


async def test_discarding_asks_first_and_is_all_or_none(registry: Registry) -> None:
    one, two = await registry.put_aside(*missing(registry, 2))
    alone = await registry.kaa("discard", "registry", one, *BY)
    assert alone.status == 2
    assert alone.err == (
        "kaa: 1 dead letter (1 unknown_organiser) would be discarded and there is nobody to ask; say --yes\n"
    )
    assert (await registry.kaa("discard", "registry", one, *BY, "--yes")).status == 0
    for words, said in (
        ((one,), f"dead letter {one} was discarded already"),
        ((two, one), f"dead letter {one} was discarded already"),
        ((two, 999), "there is no dead letter 999; see `kaa dead-letters list`"),
    ):
        refused = await registry.kaa("discard", "registry", *words, *BY, "--yes")
        assert (refused.status, refused.err) == (2, f"kaa: {said}\n")
    assert [line[3] for line in await registry.audit()] == [one]
    listed = (await registry.kaa("list", "registry")).out
    assert listed.startswith("registry: 1 dead letter\n")
    both = (await registry.kaa("list", "registry", "--discarded")).out
    assert both.startswith("registry: 2 dead letters\n")
    assert re.findall(r"^ +(\d+) .*  discarded$", both, re.MULTILINE) == [str(one)]
    shown = await registry.kaa("show", "registry", one)
    assert "the content is gone" in shown.out
    hidden = await registry.kaa("show", "registry", one, "--unmasked", *BY)
    assert (hidden.status, hidden.err) == (2, f"kaa: dead letter {one} was discarded: its content is gone\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "registry", "--class", "bad"), "--class: expected one of malformed, unknown_type, "),
        (("list", "registry", "--organiser", "123"), "--organiser: expected an organisation number"),
        (("show", "registry", "7"), "there is no dead letter 7; see `kaa dead-letters list`"),
        (
            ("show", "registry", "7", "--unmasked", *BY),
            "there is no dead letter 7; see `kaa dead-letters list`",
        ),
        (("replay", "registry", "7", *BY), "there is no dead letter 7; see `kaa dead-letters list`"),
        (("replay", "registry", *BY), "say what to replay: numbers, or --class and --topic, or --all"),
        (
            ("replay", "registry", "7", "--all", *BY),
            "say what to replay: numbers, or --class and --topic, or --all",
        ),
        (("replay", "registry", "--all", "--who", "", "--why", "x"), "--who: expected a name of 1 to 100"),
        (
            ("replay", "registry", "--all", "--who", "Siv", "--why", " "),
            "--why: expected a reason of 1 to 500",
        ),
        (
            ("replay", "registry", "--all", "--who", "Siv", "--why", f"for {NUMBER}"),
            "--why: the audit keeps it: ",
        ),
        (("list", "outreach"), "KAA_OUTREACH_DATABASE is not set"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(
    registry: Registry, words: Sequence[str], said: str
) -> None:
    answer = await registry.kaa(*words)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"kaa: {said}")
    assert answer.err.count("\n") == 1
    assert NUMBER not in answer.err


@pytest.mark.parametrize("words", [("list", "courier"), ("replay", "registry", "--all", "--why", "x")])
async def test_an_unknown_service_and_a_missing_name_are_refused(
    registry: Registry, words: Sequence[str]
) -> None:
    answer = await registry.kaa(*words)
    assert (answer.status, answer.out) == (2, "")
    assert "courier" in answer.err or "--who" in answer.err


async def test_a_database_that_is_away_is_said_in_one_line() -> None:
    settings = {"KAA_REGISTRY_DATABASE": "postgresql://x:y@127.0.0.1:1/registry"}
    answer = await run(app, settings, "list", "registry")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        "kaa: the database at 127.0.0.1:1/registry cannot be reached (ConnectionRefusedError)\n"
    )


async def test_a_broken_directory_is_said_before_anything_is_replayed(registry: Registry) -> None:
    await registry.put_aside(*missing(registry, 1))
    registry.organisers.write_text("organisers: 7", encoding="utf-8")
    answer = await registry.kaa("replay", "registry", "--all", *BY)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    assert await registry.audit() == []
