"""Twenty worker processes at one queue, some killed and some paused for longer than their leases last."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from servicekit.database import Connection
from tests.outreach.tellings import Person, tell

WORKERS, TASKS, LEASE = 20, 160, 0.6
KILLED, PAUSED = 6, 8
FALUN = "2080"


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a worker: what, of which task, who, and until when the lease lasts by it."""

    what: str
    task_id: int
    who: str
    until: float | None


def said_by_workers(witness: Path) -> list[Said]:
    lines = (line.split() for line in witness.read_text().splitlines())
    return [Said(what, int(t), who, None if at == "-" else float(at)) for what, t, who, at in lines]


def held_by_two(said: list[Said], lease: float) -> list[tuple[int, str, str]]:
    """(task, first, second) wherever a task was taken while another worker's lease of it lasted.

    A lease begins where it was taken: that many seconds before its first end.
    """
    # a line may be written some time after its commit: what is compared are the leases, not the lines
    twice: list[tuple[int, str, str]] = []
    by_task: defaultdict[int, list[Said]] = defaultdict(list)
    for one in said:
        by_task[one.task_id].append(one)
    for task_id, lines in by_task.items():
        begun: dict[str, float] = {}
        leases: defaultdict[tuple[float, str], float] = defaultdict(float)
        for line in lines:
            if line.until is not None:
                if line.what == "took":
                    begun[line.who] = line.until - lease
                leases[begun[line.who], line.who] = max(leases[begun[line.who], line.who], line.until)
        in_order = sorted((begins, end, who) for (begins, who), end in leases.items())
        twice += [
            (task_id, first, second)
            for (_, end, first), (begins, _, second) in pairwise(in_order)
            if end > begins + 0.001
        ]
    return twice


async def trouble(workers: list[int]) -> None:
    """Kills some workers and pauses others for longer than a lease lasts."""
    at_random = random.Random(12)
    chosen = at_random.sample(workers, KILLED + PAUSED)
    paused: list[int] = []
    for number, worker in enumerate(chosen):
        await asyncio.sleep(0.25)
        kill = number % 2 == 0 and number // 2 < KILLED
        os.kill(worker, signal.SIGKILL if kill else signal.SIGSTOP)
        if not kill:
            paused.append(worker)
    await asyncio.sleep(2 * LEASE)
    for worker in paused:
        os.kill(worker, signal.SIGCONT)


async def test_of_killed_and_paused_workers_no_task_is_held_twice_and_none_is_lost(
    database: str, outreach: Connection, tmp_path: Path
) -> None:
    """INV-12: 20 processes, 6 of them killed and 8 paused beyond their leases while they hold tasks."""
    persons = [Person(municipality=FALUN) for _ in range(TASKS)]
    await tell(outreach, *(p.known() for p in persons), *(p.covered() for p in persons))
    witness = tmp_path / "witness"
    nest = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.outreach.worker", database, FALUN, str(witness), str(WORKERS), str(LEASE),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert nest.stdout is not None
    workers = [int(word) for word in (await nest.stdout.readline()).split()]
    assert len(workers) == WORKERS
    try:
        await trouble(workers)
        assert await asyncio.wait_for(nest.wait(), 90) == 0
    finally:
        if nest.returncode is None:
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            await nest.wait()

    said = said_by_workers(witness)
    assert held_by_two(said, LEASE) == []
    numbers = {
        row[0] for row in await outreach.fetch("SELECT task_id FROM task WHERE municipality = $1", FALUN)
    }
    assert len(numbers) == TASKS
    done = Counter(one.task_id for one in said if one.what == "done")
    assert set(done.values()) == {1}
    assert done.keys() <= numbers
    rows = await outreach.fetch(
        """SELECT task_id, state, (SELECT count(*) FROM contact WHERE contact.task_id = task.task_id),
                  (SELECT count(*) FROM task_history AS h WHERE h.task_id = task.task_id AND happening = 'done')
           FROM task WHERE municipality = $1""",
        FALUN,
    )
    assert {tuple(row)[1:] for row in rows} == {("done", 1, 1)}
    # the trouble was some: tasks came back from workers who were lost, and who woke up was told so
    lost = await outreach.fetchval(
        "SELECT count(*) FROM task_history WHERE municipality = $1 AND reason = 'lease_expired'", FALUN
    )
    assert lost >= KILLED
    assert sum(one.what == "late" for one in said) >= 1
