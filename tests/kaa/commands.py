"""A command of `kaa` as somebody runs it who has only these settings in the environment."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass

import typer
from typer.testing import CliRunner


@dataclass(frozen=True, slots=True)
class Answer:
    """Exit status and what was printed."""

    status: int
    out: str
    err: str


async def run(app: typer.Typer, settings: Mapping[str, str], *words: object, stdin: str = "") -> Answer:
    """Runs it in a thread, since it starts a loop of its own; one at a time."""
    environment: dict[str, str | None] = {name: None for name in os.environ if name.startswith("KAA_")}
    answer = await asyncio.to_thread(
        CliRunner().invoke, app, [str(word) for word in words], input=stdin, env=environment | dict(settings)
    )
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return Answer(answer.exit_code, answer.stdout, answer.stderr)
