"""The vendor's page, followed to its end on a real hub: the file sent, then the event of the example."""

import asyncio
import sys
from datetime import date
from pathlib import Path

from tests.docs.pages import ROOT, fenced, text
from tests.system.installation import TOWN, installed

PAGE = text("docs/for-school-systems.md")
ORGANISERS = [
    {"number": TOWN, "name": "Stad", "municipality": "0180", "units": [
        {"code": "10000001", "name": "Grundskolan"}, {"code": "10000017", "name": "Gymnasiet"}]},
]  # fmt: skip


async def test_the_example_of_the_vendors_page_takes_effect(
    kafka: str, postgres: str, tmp_path: Path
) -> None:
    lines = (ROOT / "docs" / "first-events.ndjson").read_bytes().splitlines()
    (example,) = fenced(PAGE, "python")
    program = tmp_path / "first_event.py"
    program.write_text(example, encoding="utf-8")
    (printed,) = [block.splitlines()[1] for block in fenced(PAGE, "") if "first_event.py" in block]
    async with installed(kafka, postgres, tmp_path, ORGANISERS, services=("registry",)) as here:
        await here.set_day(date(2025, 2, 1))
        await here.publish(lines)
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), kafka, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert output.decode().splitlines() == [printed]
        async with here.consuming():
            await here.settled("registry")
        assert await here.dead_letters() == []
        assert await here.episodes() == {
            "200803159813": [
                {
                    "municipality": "0180",
                    "from": "2025-01-09",
                    "to": "2025-01-19",
                    "entry_reason": "left_upper_secondary",
                    "exit_reason": "started_introductory_programme",
                }
            ]
        }
