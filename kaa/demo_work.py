"""The work of the demo's outreach, so that its pages open on a municipality at work: a season's contacts and
measures, and of today a morning. Made up from a seed, and done the way that staff do it."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, TypeVar
from uuid import UUID

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
from services.outreach.plans import End, EndReason, Plan, Support
from simulator.terms import workday

#: The sample users of the demo's login (localstack/oidc.py).
_WORKER: Final = Viewer("demo:outreach", MUNICIPALITY, frozenset({"outreach"}))
_LEASE: Final = timedelta(hours=1)
#: How far back the season's work goes, in days; before it everybody was looked up once.
_SEASON: Final = 100
#: How many tasks the morning meets; each so many-th is put off.
_TASKS: Final = 24
_PUT_OFF: Final = 6
#: How often an attempt ends how.
_OUTCOMES: Final[dict[Outcome, int]] = {
    "reached": 50, "not_reached": 24, "message_left": 12, "informed": 8, "declined": 6,
}  # fmt: skip
#: Of those who do not answer whoever tries.
_IN_VAIN: Final[dict[Outcome, int]] = {"not_reached": 7, "message_left": 3}
_SILENT: Final = 0.15
_OCCUPATIONS: Final[dict[Occupation | None, int]] = {
    "none": 50, "seeking_work": 28, "work": 12, "unknown": 10,
}  # fmt: skip
_MEASURES: Final[dict[MeasureKind, str]] = {
    "guidance": "Studie- och yrkesvägledning, tre samtal",
    "talks": "Coachande samtal varje vecka",
    "work_placement": "Praktik tre dagar i veckan, café och lager",
    "folk_high_school": "Studiemotiverande kurs på folkhögskola",
}
_ENDS: Final[dict[tuple[EndReason, Occupation], int]] = {
    ("completed", "seeking_work"): 3,
    ("started_work", "work"): 3,
    ("own_choice", "none"): 2,
}
#: How many of the tasks of early support and of handing over are done already.
_IN_TIME: Final = 0.85


@dataclass(slots=True)
class Work:
    """What was done: contacts of the season and of the morning, by outcome; measures begun and ended; tasks put off
    and in hand this morning."""

    season: Counter[Outcome] = field(default_factory=Counter)
    morning: Counter[Outcome] = field(default_factory=Counter)
    begun: int = 0
    ended: int = 0
    put_off: int = 0
    held: int = 0

    @property
    def contacts(self) -> int:
        """All of them."""
        return self.season.total() + self.morning.total()


@dataclass(slots=True)
class _Desk:
    pool: asyncpg.Pool
    ladders: Ladders
    chance: random.Random
    day: date
    work: Work = field(default_factory=Work)
    #: The last contact with each person.
    met: dict[UUID, date] = field(default_factory=dict)
    silent: set[UUID] = field(default_factory=set)
    begun: list[tuple[UUID, date]] = field(default_factory=list)

    async def season(self, show: Callable[[int], None]) -> None:
        """Climbs the ladder with everybody, on the days on which it would have been done, until today is near."""
        left = []
        while claimed := await self._next():
            youth = claimed.youth
            on = None if youth is None else self._when(claimed, youth)
            if youth is None or on is None:
                left.append(claimed.task_id)
                continue
            if youth.person_id not in self.met and self.chance.random() < _SILENT:
                self.silent.add(youth.person_id)
            self.met[youth.person_id] = on
            outcome = await self._call(claimed, youth, on)
            self.work.season[outcome] += 1
            if claimed.kind == "offer_measure" and outcome == "reached":
                await self._begin(youth.person_id, on)
            show(self.work.season.total())
        await self._end_some()
        await self._give_back(left)

    async def morning(self) -> None:
        """Works off the first tasks of today, puts some off, and has two in hand."""
        aside = []
        for number in range(_TASKS):
            found, protected = await self._next_to_call()
            aside += protected
            if found is None:
                break
            claimed, youth = found
            if number % _PUT_OFF == _PUT_OFF - 1:
                until = self.day + timedelta(days=self.chance.randint(1, 14))
                async with seen_by(self.pool, _WORKER) as connection:
                    await queue.snooze(connection, claimed.task_id, until, _WORKER.who)
                self.work.put_off += 1
                continue
            self.work.morning[await self._call(claimed, youth, self.day)] += 1
        for _ in range(2):
            found, protected = await self._next_to_call()
            aside += protected
            self.work.held += found is not None
        await self._give_back(aside)

    def _when(self, claimed: queue.Claimed, youth: queue.Youth) -> date | None:
        """The day on which a task was done, the first contact soon after she came onto the list; None: it waits."""
        chance, last = self.chance, self.met.get(youth.person_id)
        season = self.day - timedelta(days=_SEASON)
        if claimed.kind == "early_support":
            # what schools told of was heard today
            return self.day if chance.random() < _IN_TIME else None
        if claimed.kind == "hand_over":
            on = self.day - timedelta(days=chance.randint(3, 45)) if chance.random() < _IN_TIME else self.day
        elif last is None:
            on = (youth.since or self.day) + timedelta(days=round(chance.triangular(1, 30, 6)))
        else:
            on = max(last + timedelta(days=1), claimed.due_on - timedelta(days=chance.randint(0, 7)))
            on = on if on >= season else season + timedelta(days=chance.randint(0, 60))
        on = workday(on)
        waits = on >= self.day or (on > self.day - timedelta(days=14) and chance.random() < 0.3)
        return None if waits else on

    async def _next(self) -> queue.Claimed | None:
        async with seen_by(self.pool, _WORKER) as connection:
            return await queue.next_task(connection, MUNICIPALITY, _WORKER.who, _LEASE)

    async def _next_to_call(self) -> tuple[tuple[queue.Claimed, queue.Youth] | None, list[int]]:
        """The next task and whom it is about; and those before it of protected persons, who are called by hand.

        They stay in hand for the morning: given back at once, such a task would be the next one again.
        """
        protected: list[int] = []
        while claimed := await self._next():
            if claimed.youth is not None:
                return (claimed, claimed.youth), protected
            protected.append(claimed.task_id)
        return None, protected

    async def _call(self, claimed: queue.Claimed, youth: queue.Youth, on: date) -> Outcome:
        outcome = _pick(self.chance, _IN_VAIN if youth.person_id in self.silent else _OUTCOMES)
        learnt = _pick(self.chance, _OCCUPATIONS) if outcome in ("reached", "informed") else None
        said = contacts.Said(on, claimed.channel or "phone", outcome, learnt)
        async with seen_by(self.pool, _WORKER) as connection:
            await contacts.record(connection, self.ladders, claimed.task_id, _WORKER.who, said)
        return outcome

    async def _begin(self, person_id: UUID, agreed_on: date) -> None:
        chance = self.chance
        kind = chance.choice(list(_MEASURES))
        begins = workday(agreed_on + timedelta(days=chance.randint(1, 10)))
        plan = Plan(
            kind=kind,
            content=_MEASURES[kind],
            goal="Tillbaka till gymnasiet till hösten",
            person_does="Kommer på avtalade tider",
            municipality_does="Följer upp och håller kontakt med anordnaren",
            from_day=begins,
            follow_up_on=tuple(workday(begins + timedelta(days=days)) for days in (22, 50, 85)),
            support=(Support(kind="travel_card", amount=970, per="month"),)
            if kind == "work_placement"
            else (),
        )
        async with seen_by(self.pool, _WORKER) as connection:
            measure_id = await measures.start(
                connection, self.ladders, MUNICIPALITY, person_id, _WORKER.who, plan
            )
        self.begun.append((measure_id, begins))
        self.work.begun += 1

    async def _end_some(self) -> None:
        """Some of the measures of more than five weeks are over."""
        for measure_id, begins in self.begun:
            weeks = (self.day - begins).days // 7
            if weeks > 5 and self.chance.random() < 0.5:
                reason, occupation = _pick(self.chance, _ENDS)
                to_day = begins + timedelta(days=self.chance.randint(35, weeks * 7 - 1))
                ended = End(to_day=to_day, reason=reason, occupation_after=occupation)
                async with seen_by(self.pool, _WORKER) as connection:
                    await measures.end(
                        connection, self.ladders, MUNICIPALITY, measure_id, 1, _WORKER.who, ended
                    )
                self.work.ended += 1

    async def _give_back(self, tasks: list[int]) -> None:
        for task_id in tasks:
            async with seen_by(self.pool, _WORKER) as connection:
                await queue.release(connection, task_id, _WORKER.who)


async def work(settings: Settings, seed: int, show: Callable[[int], None]) -> Work:
    """Works through the queue; ``show`` gets the number of contacts so far. Raises what asyncpg raises."""
    async with new_pool(settings.database("outreach", "staff"), name="kaa-demo", size=1) as pool:
        desk = _Desk(pool, ladders_of(settings), random.Random(seed), today())
        await desk.season(show)
        await desk.morning()
    return desk.work


_Choice = TypeVar("_Choice")


def _pick(chance: random.Random, weights: dict[_Choice, int]) -> _Choice:
    return chance.choices(list(weights), list(weights.values()))[0]
