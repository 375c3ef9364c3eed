"""All that people at work call, with any ids of two municipalities: nothing foreign is seen or changed."""

import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from servicekit.calendar import today
from servicekit.database import Connection, connect, new_pool
from servicekit.settings import role_url
from servicekit.viewers import ROLES, Viewer, seen_by
from services.outreach import (
    cases,
    contacts,
    figures,
    listing,
    measures,
    notices,
    persons,
    queue,
    routing,
    ways,
)
from services.outreach.plans import End, Plan
from services.outreach.queue import Held, NotHeldError, RefusedError
from tests.databases import throwaway_database
from tests.outreach.neighbours import Side, settle
from tests.outreach.steps import HOUR, said
from tests.outreach.tellings import LADDERS, identity_number

CALLS_A_SEED: Final = 300
DAY: Final = timedelta(days=1)
MODULES: Final[tuple[ModuleType, ...]] = (
    cases, contacts, figures, listing, measures, notices, persons, queue, routing, ways
)  # fmt: skip
#: What the consumer and the timers alone call, as the application role.
CONSUMERS: Final = {"notices.keep", "routing.settle", "ways.keep", "ways.place"}
PLAN: Final = Plan(kind="guidance", content="Samtal", from_day=today())


@dataclass(frozen=True, slots=True)
class Any_:
    """Arguments by chance, of either municipality."""

    chance: random.Random
    sides: tuple[Side, Side]
    who: str

    @property
    def side(self) -> Side:
        return self.chance.choice(self.sides)

    @property
    def municipality(self) -> str:
        return self.side.municipality

    @property
    def person(self) -> UUID:
        side = self.side
        return self.chance.choice([*side.persons, side.moved]).person_id

    @property
    def task(self) -> int:
        return self.chance.choice(self.side.tasks)

    @property
    def contact(self) -> UUID:
        return self.chance.choice(self.side.contacts)

    @property
    def measure(self) -> UUID:
        return self.chance.choice(self.side.measures)

    @property
    def sought(self) -> str:
        side = self.side
        number = identity_number(self.chance.choice(side.persons).born)
        return self.chance.choice([f"Familj{side.municipality}", "Fam", "Vera", number])

    @property
    def held(self) -> Held:
        return Held(
            self.task, self.person, self.municipality, self.chance.choice(["contact", "early_support"])
        )


Call = Callable[[Connection, Any_], Awaitable[object]]
CALLS: Final[dict[str, Call]] = {
    "cases.bring_up": lambda c, x: cases.bring_up(c, LADDERS, {x.person}, x.who, today()),
    "cases.enter": lambda c, x: cases.enter(c, x.municipality, x.person),
    "cases.hold": lambda c, x: cases.hold(c, x.task, x.who),
    "cases.now_is": lambda c, x: cases.now_is(c, x.person),
    "contacts.correct": lambda c, x: contacts.correct(
        c, LADDERS, x.municipality, x.contact, 1, x.who, said("informed")
    ),
    "contacts.done_without": lambda c, x: contacts.done_without(c, LADDERS, x.task, x.who),
    "contacts.log": lambda c, x: contacts.log(c, LADDERS, x.municipality, x.person, x.who, said()),
    "contacts.of_person": lambda c, x: contacts.of_person(c, x.municipality, x.person, every_revision=True),
    "contacts.record": lambda c, x: contacts.record(c, LADDERS, x.task, x.who, said()),
    "figures.figures": lambda c, x: figures.figures(c, x.municipality, today()),
    "listing.histories": lambda c, x: listing.histories(c, x.municipality, [x.task]),
    "listing.history": lambda c, x: listing.history(c, x.municipality, x.task),
    "listing.of_person": lambda c, x: listing.of_person(c, x.municipality, x.person),
    "listing.overview": lambda c, x: listing.overview(c, x.municipality, today()),
    "listing.to_take": lambda c, x: listing.to_take(c, x.municipality, today()),
    "listing.routing_count": lambda c, _: listing.routing_count(c),
    "listing.tasks": lambda c, x: listing.tasks(
        c, x.municipality, x.who, x.chance.choice(["mine", "team", "asleep"])
    ),
    "measures.change": lambda c, x: measures.change(
        c, LADDERS, x.municipality, x.measure, 1, x.who, PLAN, None
    ),
    "measures.end": lambda c, x: measures.end(
        c, LADDERS, x.municipality, x.measure, 1, x.who, End(to_day=today(), reason="other")
    ),
    "measures.follow_ups": lambda c, x: measures.follow_ups(
        c, x.municipality, today() - 60 * DAY, today() + 60 * DAY, x.who
    ),
    "measures.note_of": lambda c, x: measures.note_of(c, x.municipality, x.measure, 1),
    "measures.of_person": lambda c, x: measures.of_person(c, x.municipality, x.person, every_revision=True),
    "measures.start": lambda c, x: measures.start(c, LADDERS, x.municipality, x.person, x.who, PLAN),
    "measures.start_for_task": lambda c, x: measures.start_for_task(c, LADDERS, x.task, x.who, PLAN),
    "notices.corrected": lambda c, x: notices.corrected(
        c, x.contact, answered=x.chance.choice([True, False])
    ),
    "notices.tried": lambda c, x: notices.tried(
        c, x.municipality, x.person, x.contact, today(), answered=x.chance.choice([True, False])
    ),
    "persons.now_is": lambda c, x: persons.now_is(c, x.person),
    "persons.noticed": lambda c, x: persons.noticed(c, x.municipality, x.person),
    "persons.of": lambda c, x: persons.of(c, x.municipality, x.person, x.who),
    "persons.of_contact": lambda c, x: persons.of_contact(c, x.municipality, x.contact),
    "persons.of_measure": lambda c, x: persons.of_measure(c, x.municipality, x.measure),
    "persons.of_task": lambda c, x: persons.of_task(c, x.municipality, x.task),
    "persons.search": lambda c, x: persons.search(c, x.municipality, x.sought, x.who),
    "persons.spells": lambda c, x: persons.spells(c, x.municipality, x.person),
    "queue.finish": lambda c, x: queue.finish(c, x.held, x.who),
    "queue.heartbeat": lambda c, x: queue.heartbeat(c, x.task, x.who, HOUR),
    "queue.hold": lambda c, x: queue.hold(c, x.task, x.who),
    "queue.next_task": lambda c, x: queue.next_task(c, x.municipality, x.who, HOUR),
    "queue.reassign": lambda c, x: queue.reassign(
        c, x.task, x.chance.choice([x.who, None]), x.who, leads=x.chance.choice([True, False])
    ),
    "queue.release": lambda c, x: queue.release(c, x.task, x.who),
    "queue.snooze": lambda c, x: queue.snooze(c, x.task, today() + DAY, x.who),
    "queue.support_later": lambda c, x: queue.support_later(
        c, x.municipality, x.person, today() + DAY, x.who
    ),
    "queue.take": lambda c, x: queue.take(c, x.municipality, x.task, x.who, HOUR),
    "routing.history": lambda c, x: routing.history(c, x.municipality, x.person),
    "routing.route": lambda c, x: routing.route(
        c, LADDERS, x.municipality, x.person, x.chance.choice(["idp:a", "idp:b"]), x.who, "Hon känner henne."
    ),
    "routing.shielded_case": lambda c, x: routing.shielded_case(c, x.municipality, x.person, x.who),
    "routing.shielded_cases": lambda c, x: routing.shielded_cases(c, x.municipality, x.who),
    "routing.take_back": lambda c, x: routing.take_back(
        c, LADDERS, x.municipality, x.person, x.who, "Hon är sjuk."
    ),
    "ways.of": lambda c, x: ways.of(c, x.municipality, x.person, x.who),
}
#: How a call may end that asks for what is not there for who asks, or for nonsense.
NO: Final = (
    NotHeldError,
    RefusedError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.IntegrityConstraintViolationError,
)


def public() -> set[str]:
    """``module.function`` of all that takes a connection first."""
    found = set[str]()
    for module in MODULES:
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            first = next(iter(inspect.signature(function).parameters), "")
            if function.__module__ == module.__name__ and not name.startswith("_") and first == "connection":
                found.add(f"{module.__name__.rpartition('.')[2]}.{name}")
    return found


def test_every_public_function_is_called() -> None:
    """INV-09: one that is added is called here too, or is the consumer's alone."""
    assert public() - CONSUMERS == set(CALLS)


@pytest_asyncio.fixture
async def place(postgres: str) -> AsyncIterator[tuple[Connection, asyncpg.Pool]]:
    """A database: as its administrator, who sees everything, and as staff."""
    async with throwaway_database(postgres, "outreach") as made:
        name = made.url.rpartition("/")[2]
        admin = await connect(f"{postgres.rpartition('/')[0]}/{name}")
        async with new_pool(role_url(postgres, name, "staff"), name="test", size=1) as staff:
            yield admin, staff
        await admin.close()


async def rows_of(admin: Connection, side: Side) -> dict[str, list[str]]:
    """All rows of one municipality, and of the persons that are its own."""
    found: dict[str, list[str]] = {}
    columns = await admin.fetch(
        """SELECT table_name, array_agg(column_name::text) AS columns FROM information_schema.columns
           WHERE table_schema = 'public' GROUP BY 1"""
    )
    theirs = [person.person_id for person in side.persons]
    argument: object
    for table, names in columns:
        if table == "person":
            condition, argument = "person_id = ANY($1::uuid[])", theirs
        elif "municipality" in names:
            condition, argument = "municipality = $1", side.municipality
        else:
            continue
        rows = await admin.fetch(f"SELECT t::text FROM {table} AS t WHERE {condition} ORDER BY 1", argument)
        found[table] = [row[0] for row in rows]
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_no_call_shows_or_changes_anything_of_the_other_municipality(
    place: tuple[Connection, asyncpg.Pool], seed: int
) -> None:
    """INV-09: in results, in errors, in rows; whatever municipality and whichever id is asked for."""
    admin, staff = place
    sides = await settle(admin)
    chance = random.Random(seed)
    mine, other = sides if seed % 2 else sides[::-1]
    before = await rows_of(admin, other)
    answered = dict.fromkeys(CALLS, 0)
    for number in range(CALLS_A_SEED):
        # each at least once, and then any
        name = list(CALLS)[number] if number < len(CALLS) else chance.choice(list(CALLS))
        roles = frozenset(chance.sample(ROLES, k=chance.randint(1, 3)))
        by = Viewer(chance.choice(["idp:a", "idp:b"]), mine.municipality, roles)
        given = Any_(chance, sides, by.who)
        told: Any
        try:
            async with seen_by(staff, by) as connection:
                told = await CALLS[name](connection, given)
            answered[name] += 1
        except NO as refusal:
            told = f"{refusal}"
        shown = repr(told)
        assert [mark for mark in other.marks if mark in shown] == [], name
    assert await rows_of(admin, other) == before
    assert [name for name, count in answered.items() if not count and name in ALWAYS_SOME] == []


#: Calls that need no luck with their arguments, so that the test is known to ask for what is there.
ALWAYS_SOME: Final = (
    "cases.bring_up",
    "listing.history",
    "listing.of_person",
    "persons.of",
    "contacts.of_person",
)
