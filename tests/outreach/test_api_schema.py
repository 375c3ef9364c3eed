"""The API does what its description says, whatever is sent: Schemathesis asks, of a real database.

Identifiers that are there are mixed in, since those it makes up lead nowhere.
"""

import random
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.python.asgi import shutdown_lifespans
from starlette.types import Receive, Scope, Send

from servicekit.calendar import today
from servicekit.database import connect, new_pool
from servicekit.settings import role_url
from services.outreach import contacts, measures, queue
from services.outreach.api.once import KEY_PATTERN
from services.outreach.plans import Plan
from tests.outreach.programs import application, token
from tests.outreach.steps import said
from tests.outreach.tellings import HOME, LADDERS, Person, tell

WHO = "stockholm:anna"
SCOPES = "kaa.outreach kaa.leader kaa.registrar"
#: Of a task, or of anything else.
_IDENTIFIER = "[1-9][0-9]{0,15}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHANCE = random.Random(20260823)


class Served:
    """The application, on a pool of the event loop that Schemathesis has; without a database it is described only."""

    def __init__(self) -> None:
        self.address: str | None = None
        self._app = application(cast(asyncpg.Pool, None))
        self._pool: asyncpg.Pool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            if self._pool is not None:
                await self._pool.close()
                self._pool = None
            await send({"type": "lifespan.shutdown.complete"})
            return
        if self._pool is None and self.address is not None:
            self._pool = await new_pool(self.address, name="test", size=2)
            self._app = application(self._pool)
        await self._app(scope, receive, send)


served = Served()
described = schemathesis.openapi.from_asgi("/api/openapi.json", served)


@pytest_asyncio.fixture(scope="module")
async def morning(database: str) -> dict[str, list[Any]]:
    """The identifiers of a morning's work: tasks that wait and that are held, contacts and measures."""
    there: dict[str, list[Any]] = {"task_id": [], "person_id": [], "contact_id": [], "measure_id": []}
    connection = await connect(database)
    for number in range(60):
        person = Person()
        await tell(connection, person.known(), person.covered())
        task_id = await connection.fetchval("SELECT max(task_id) FROM task")
        there["person_id"].append(str(person.person_id))
        async with connection.transaction():
            if number % 3 == 0:
                made = await contacts.log(connection, LADDERS, HOME, person.person_id, WHO, said())
                plan = Plan(kind="talks", content="Samtal.", from_day=today())
                measure_id = await measures.start(connection, LADDERS, HOME, person.person_id, WHO, plan)
                there["contact_id"].append(str(made.contact_id))
                there["measure_id"].append(str(measure_id))
            else:
                there["task_id"].append(task_id)
            if number % 3 == 1:
                await queue.take(connection, HOME, task_id, WHO, timedelta(hours=1))
    await connection.close()
    return there


@pytest.fixture(scope="module", autouse=True)
def _at_work(postgres: str, database: str) -> Iterator[None]:
    served.address = role_url(postgres, database.rpartition("/")[2], "staff")
    yield
    shutdown_lifespans()


@described.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: Any, morning: dict[str, list[Any]]) -> None:
    _made_likely(case, morning)
    case.call_and_validate(headers={"Authorization": f"Bearer {token(scope=SCOPES)}"})


def _made_likely(case: Any, there: dict[str, list[Any]]) -> None:
    """A key becomes a new one, a municipality the token's; of what is asked for by identifier much is there.

    What is wrong on purpose is left as it is.
    """
    headers, path = case.headers or {}, case.path_parameters or {}
    if re.fullmatch(KEY_PATTERN, str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid4())
    if re.fullmatch("[0-9]{4}", str(headers.get("Kaa-Municipality", ""))) and _CHANCE.random() < 0.9:
        headers["Kaa-Municipality"] = HOME
    for name, known in there.items():
        if re.fullmatch(_IDENTIFIER, str(path.get(name, ""))) and _CHANCE.random() < 0.7:
            path[name] = _CHANCE.choice(known)
