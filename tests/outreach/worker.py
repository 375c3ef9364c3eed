"""Real worker processes for a test: each takes tasks until none is left, and says what it holds in a file.

`python -m tests.outreach.worker DATABASE MUNICIPALITY WITNESS COUNT LEASE` forks COUNT of them, prints their process
ids in one line and ends when the last has ended. What a worker says it writes whole and at once, so that what was
said before a SIGKILL is there: ``took TASK WORKER END`` and ``beat TASK WORKER END`` (of the lease, in seconds since
1970); ``done TASK WORKER -``; ``late TASK WORKER -`` when it was told that it does not hold the task any more.
"""

import asyncio
import os
import random
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

from servicekit.calendar import today
from servicekit.database import connect
from services.outreach import contacts, queue
from services.outreach.contacts import Said
from tests.outreach.tellings import LADDERS

_OPEN = "SELECT count(*) FROM task WHERE municipality = $1 AND state = 'open'"


async def work(database: str, municipality: str, lease: timedelta, say: Callable[..., None]) -> None:
    """Takes tasks and is done with them until no open one is left."""
    connection = await connect(database)
    who, at_random = f"worker-{os.getpid()}", random.Random(os.getpid())
    while True:
        async with connection.transaction():
            claimed = await queue.next_task(connection, municipality, who, lease)
        if claimed is None:
            if not await connection.fetchval(_OPEN, municipality):
                break
            await asyncio.sleep(0.05)
            continue
        number = claimed.task_id
        say("took", number, who, claimed.leased_until)
        try:
            for _ in range(at_random.randint(1, 4)):
                await asyncio.sleep(lease.total_seconds() * at_random.uniform(0.1, 0.3))
                async with connection.transaction():
                    until = await queue.heartbeat(connection, number, who, lease)
                say("beat", number, who, until)
            async with connection.transaction():
                await contacts.record(connection, LADDERS, number, who, Said(today(), "phone", "reached"))
            say("done", number, who, None)
        except queue.NotHeldError:
            say("late", number, who, None)
    await connection.close()


def main() -> None:
    """Forks the workers and waits for them."""
    database, municipality, witness, count, lease = sys.argv[1:]
    file = os.open(witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(what: str, number: int, who: str, until: datetime | None) -> None:
        os.write(file, f"{what} {number} {who} {until.timestamp() if until else '-'}\n".encode())

    children = []
    for _ in range(int(count)):
        child = os.fork()
        if child == 0:
            asyncio.run(work(database, municipality, timedelta(seconds=float(lease)), say))
            os._exit(0)
        children.append(child)
    print(*children, flush=True)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
