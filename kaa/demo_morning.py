"""A morning's work in the demo's outreach, so that its pages open on a municipality at work: some tasks done, some
put off, measures under way, follow-ups due. Made up from a seed, and done the way that staff do it."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

import asyncpg

from contracts.own import MeasureKind, Occupation
from kaa.demo_year import MUNICIPALITY
from servicekit.calendar import today
from servicekit.database import new_pool
from servicekit.settings import Settings
from servicekit.viewers import Viewer, seen_by
from services.outreach import contacts, measures, queue
from services.outreach.app import ladders_of
from services.outreach.kinds import Outcome
from services.outreach.ladder_file import Ladders
from services.outreach.plans import Plan, Support

#: The sample users of the demo's login (localstack/oidc.py).
_WORKER: Final = Viewer("demo:outreach", MUNICIPALITY, frozenset({"outreach"}))
_LEASE: Final = timedelta(hours=1)
#: How many tasks the morning meets, and how often a call ends how.
_TASKS: Final = 120
_OUTCOMES: Final[dict[Outcome, int]] = {
    "informed": 25, "reached": 35, "not_reached": 25, "message_left": 10, "declined": 5,
}  # fmt: skip
_OCCUPATIONS: Final[dict[Occupation, int]] = {"none": 40, "seeking_work": 30, "work": 20, "unknown": 10}
_MEASURES: Final[dict[MeasureKind, str]] = {
    "guidance": "Studie- och yrkesvägledning, tre samtal",
    "talks": "Coachande samtal varje vecka",
    "work_placement": "Praktik tre dagar i veckan, café och lager",
    "folk_high_school": "Studiemotiverande kurs på folkhögskola",
}


@dataclass(frozen=True, slots=True)
class Morning:
    """What was done: contacts by outcome, measures begun, tasks put off, tasks in hand."""

    contacts: Counter[Outcome]
    measures: int
    put_off: int
    held: int


async def work(settings: Settings, seed: int) -> Morning:
    """Works through part of the queue. Raises what asyncpg raises."""
    chance = random.Random(seed)
    ladders = ladders_of(settings)
    done: Counter[Outcome] = Counter()
    begun: list[queue.Youth] = []
    put_off = 0
    async with new_pool(settings.database("outreach", "staff"), name="kaa-demo", size=1) as pool:
        aside: list[int] = []
        for number in range(_TASKS):
            if (met := await _next(pool, aside)) is None:
                break
            claimed, youth = met
            if number % 20 == 7:
                async with seen_by(pool, _WORKER) as connection:
                    until = today() + timedelta(days=chance.randint(1, 14))
                    await queue.snooze(connection, claimed.task_id, until, _WORKER.who)
                put_off += 1
                continue
            outcome = _pick(chance, _OUTCOMES)
            await _call(pool, ladders, chance, claimed, outcome)
            done[outcome] += 1
            if outcome == "reached" and chance.random() < 0.6:
                begun.append(youth)
        held = [met for _ in range(2) if (met := await _next(pool, aside)) is not None]
        # afterwards, so that the follow-ups they call for are still to be done when the pages open
        for youth in begun:
            await _begin(pool, ladders, chance, youth)
        for task_id in aside:
            async with seen_by(pool, _WORKER) as connection:
                await queue.release(connection, task_id, _WORKER.who)
    return Morning(done, len(begun), put_off, len(held))


async def _next(pool: asyncpg.Pool, aside: list[int]) -> tuple[queue.Claimed, queue.Youth] | None:
    """The next task and whom it is about. Those of protected persons are done by hand, not in a demo: put aside.

    They stay in hand for the morning: given back at once, such a task would be the next one again.
    """
    while True:
        async with seen_by(pool, _WORKER) as connection:
            claimed = await queue.next_task(connection, MUNICIPALITY, _WORKER.who, _LEASE)
        if claimed is None:
            return None
        if claimed.youth is not None:
            return claimed, claimed.youth
        aside.append(claimed.task_id)


async def _call(
    pool: asyncpg.Pool, ladders: Ladders, chance: random.Random, claimed: queue.Claimed, outcome: Outcome
) -> None:
    occupation: Occupation = _pick(chance, _OCCUPATIONS)
    learnt = occupation if outcome in ("reached", "informed") else None
    said = contacts.Said(today(), claimed.channel or "phone", outcome, learnt)
    async with seen_by(pool, _WORKER) as connection:
        await contacts.record(connection, ladders, claimed.task_id, _WORKER.who, said)


async def _begin(pool: asyncpg.Pool, ladders: Ladders, chance: random.Random, youth: queue.Youth) -> None:
    kind = chance.choice(list(_MEASURES))
    begins = today() - timedelta(days=chance.randint(0, 40))
    first = max(begins, today() + timedelta(days=chance.randint(-2, 20)))
    plan = Plan(
        kind=kind,
        content=_MEASURES[kind],
        goal="Tillbaka till gymnasiet till hösten",
        person_does="Kommer på avtalade tider",
        municipality_does="Följer upp och håller kontakt med anordnaren",
        from_day=begins,
        follow_up_on=(first, first + timedelta(days=28)),
        support=(Support(kind="travel_card", amount=970, per="month"),) if kind == "work_placement" else (),
    )
    async with seen_by(pool, _WORKER) as connection:
        await measures.start(connection, ladders, MUNICIPALITY, youth.person_id, _WORKER.who, plan)


_Choice = TypeVar("_Choice")


def _pick(chance: random.Random, weights: dict[_Choice, int]) -> _Choice:
    return chance.choices(list(weights), list(weights.values()))[0]
