"""The simulated year through two registry processes, in random order, with a rebalance in the middle."""

import asyncio
import json
import random
from datetime import date
from pathlib import Path

from contracts.envelope import decode
from contracts.organisers import load
from contracts.own import CoverageWithdrawn, PersonUpdated
from services.registry.evaluation import evaluate
from simulator import simulate
from tests.system.installation import Installation, installed

AS_OF = date(2025, 6, 30)
DIRECTORY = Path("deploy/organisers.yaml")


async def test_any_order_over_two_processes_gives_the_register_of_one_clean_pass(
    kafka: str, postgres: str, tmp_path: Path
) -> None:
    """INV-01, INV-02, INV-04: both processes apply events before and after the rebalance."""
    events, _ = simulate("0180", 600, "2024/25", 5, load(DIRECTORY))
    lines = [json.dumps(event).encode() for event in events]
    random.Random(11).shuffle(lines)
    half = len(lines) // 2
    meant = {
        p["identity_number"]: p["episodes"] for p in evaluate(lines, AS_OF, True)["persons"] if p["episodes"]
    }
    assert len(meant) > 50
    async with installed(kafka, postgres, tmp_path, DIRECTORY) as here:
        await here.set_day(AS_OF)
        first, second = here.start("registry"), here.start("registry")
        first.ready()
        second.ready()
        await here.publish(lines[:half])
        await here.settled("registry")
        before = await _applied(here, len([first, second]))
        # a third joins and leaves: partitions go from hand to hand while records keep coming
        third = here.start("registry")
        publishing = asyncio.create_task(here.publish(lines[half:]))
        await asyncio.to_thread(third.ready)
        await publishing
        await asyncio.to_thread(third.terminate)
        await here.settled("registry", relayed=True)
        after = await _applied(here, 2)
        assert all(later > earlier > 0 for earlier, later in zip(before, after, strict=True))
        assert await here.episodes() == meant
        books = await here.books()
        assert books.balance
        assert books.total("dead_letter") == 0
        assert await folded(here) == meant


async def _applied(here: Installation, processes: int) -> list[float]:
    """Events each process says it applied, from its metrics."""
    return [await asyncio.to_thread(applied, process.folder) for process in here.processes[:processes]]


def applied(folder: Path) -> float:
    """The sum of ``kaa_events_applied_total`` of a process."""
    import urllib.request

    address = next(folder.glob("*.address")).read_text().strip()
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("kaa_events_applied_total{")
    )


async def folded(here: Installation) -> dict[str, list[dict[str, str | None]]]:
    """The register as a reader of the published topics knows it; checks that revisions ascend per entity."""
    persons: dict[str, PersonUpdated] = {}
    seen: dict[tuple[str, str], bytes] = {}
    for record in await here.read("registry.person.v1"):
        event = decode(record.value, record.headers)
        assert seen.setdefault((event.source, event.id), event.digest) == event.digest
        assert isinstance(event.data, PersonUpdated)
        key = str(event.data.person_id)
        assert key not in persons or persons[key].revision <= event.data.revision
        persons[key] = event.data
    episodes: dict[str, object] = {}
    for record in await here.read("registry.coverage.v1"):
        event = decode(record.value, record.headers)
        assert seen.setdefault((event.source, event.id), event.digest) == event.digest
        key = str(event.data.episode_id)  # type: ignore[attr-defined]
        old = episodes.get(key)
        if old is None or old.revision < event.data.revision:  # type: ignore[attr-defined]
            episodes[key] = event.data
    listed: dict[str, list[dict[str, str | None]]] = {}
    for told in episodes.values():
        if not isinstance(told, CoverageWithdrawn):
            person = persons[str(told.person_id)]  # type: ignore[attr-defined]
            assert person.merged_into is None
            data = json.loads(told.model_dump_json(by_alias=True))  # type: ignore[attr-defined]
            listed.setdefault(person.identity_number, []).append(
                {name: data[name] for name in ("municipality", "from", "to", "entry_reason", "exit_reason")}
            )
    return {number: sorted(found, key=lambda e: str(e["from"])) for number, found in sorted(listed.items())}
