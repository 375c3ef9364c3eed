"""A registry's database with dead letters of every kind in it, for the tests of `kaa dead-letters`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.envelope import CONTENT_TYPE, Headers
from contracts.organisers import Directory
from kaa.dead_letters import app
from servicekit.database import Connection, connect
from servicekit.dead_letters import put_aside
from servicekit.records import DeadLetter, Record
from servicekit.sorting import sort_out
from tests.databases import Database
from tests.kaa.commands import Answer, run
from tests.kaa.installation import leave

GIVEN, FAMILY, NUMBER = "Kryddnejlika", "Vippentunga", "200701019804"
BY = ("--who", "Siv", "--why", "the vendor asks what it sent")


@dataclass(slots=True)
class Registry:
    """A registry's database with dead letters in it, and the directory that commands read."""

    database: Database
    connection: Connection
    directory: Directory
    organisers: Path

    async def kaa(self, *words: object, stdin: str = "") -> Answer:
        settings = {"KAA_REGISTRY_DATABASE": self.database.url, "KAA_ORGANISERS": str(self.organisers)}
        return await run(app, settings, *words, stdin=stdin)

    async def put_aside(self, *letters: DeadLetter) -> list[int]:
        """Their numbers."""
        await put_aside(self.connection, letters)
        rows = await self.connection.fetch(
            "SELECT dead_letter_id FROM dead_letter ORDER BY dead_letter_id DESC LIMIT $1", len(letters)
        )
        return sorted(row[0] for row in rows)

    async def as_owner(self, statement: str) -> None:
        owner = await connect(self.database.owner_url)
        await owner.execute(statement)
        await owner.close()

    def topic(self, organiser: int = 0) -> str:
        return f"school.{self.directory.organisers[organiser].number}.leave.v1"

    async def audit(self) -> list[tuple[Any, ...]]:
        """(who, why, action, number), in order of writing."""
        rows = await self.connection.fetch(
            "SELECT who, why, action, dead_letter_id FROM dead_letter_action ORDER BY action_id"
        )
        return [tuple(row) for row in rows]


def judged(
    topic: str,
    offset: int,
    value: bytes | None,
    headers: Headers = (CONTENT_TYPE,),
) -> DeadLetter:
    """The dead letter that a record becomes while no organiser is in the directory."""
    letter = sort_out(Record(topic, 0, offset, 0, b"key", value, headers), Directory(()))
    assert isinstance(letter, DeadLetter)
    return letter


def missing(registry: Registry, count: int, organiser: int = 0) -> list[DeadLetter]:
    """Letters of an organiser that was not in the directory."""
    its = registry.directory.organisers[organiser]
    return [judged(registry.topic(organiser), n, json.dumps(leave(its, n)).encode()) for n in range(count)]


def planted(registry: Registry) -> list[DeadLetter]:
    """Records that name somebody wherever a record can."""
    topic, organiser = registry.topic(), registry.directory.organisers[0]
    pupil = {"identity_number": NUMBER, "given_name": GIVEN, "family_name": FAMILY, GIVEN: {FAMILY: NUMBER}}
    event = leave(organiser, 1, pupil=pupil) | {"id": f"{NUMBER}-1", GIVEN: FAMILY}
    binary = {f"ce_{name}": str(value).encode() for name, value in event.items() if name != "data"}
    headers = ((GIVEN, FAMILY.encode()), (f"ce_{NUMBER}", None), *binary.items())
    return [
        judged(topic, 1, json.dumps(event).encode(), ((GIVEN, NUMBER.encode()), CONTENT_TYPE)),
        judged(topic, 2, json.dumps(event["data"]).encode(), headers),
        judged(topic, 3, f"{GIVEN} {FAMILY} {NUMBER}".encode()),
        judged(topic, 4, json.dumps([GIVEN, {NUMBER: FAMILY}]).encode()),
        judged(topic, 5, json.dumps(event | {"data": {FAMILY: GIVEN}}).encode()),
    ]
