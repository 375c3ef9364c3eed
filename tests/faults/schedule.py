"""Random schedules of faults from a seed: what happens to whom, when, and for how long. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from tests.faults.victim import POINTS

Happening = Literal[
    "kill", "pause", "asleep", "relay asleep", "arm", "join", "leave", "broker stops", "broker killed", "broker lost",
    "database restarts", "database killed", "connections cut", "disk full", "database slow", "database silent",
]  # fmt: skip

#: The processes of a run. Two of the registry: what one leaves undone the other must take up.
PLACES: Final = ("registry-0", "registry-1", "notifications-0", "outreach-0", "reporting-0")
#: Those that ever have something to publish.
TELLERS: Final = ("registry-0", "registry-1", "notifications-0")


@dataclass(frozen=True, slots=True)
class Step:
    """``at``: seconds from the first event said. ``seconds``: how long it lasts, where it does not pass at once."""

    at: float
    what: Happening
    whom: str = ""
    seconds: float = 0.0
    #: What the process is told that takes the place.
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """``first``: place → what its first process is told; ``always``: and what each one there is."""

    steps: tuple[Step, ...] = ()
    first: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    always: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: The history: whether in any order, how many times each record is sent, good records to a set of poison.
    shuffled: bool = False
    copies: int = 1
    poison_every: int = 1500

    @property
    def longest(self) -> float:
        """Seconds of the longest single fault: while it lasts nobody can expect anything."""
        return max((step.seconds for step in self.steps), default=0.0)


#: What one kind of fault is: the schedule for a history of so many seconds.
Making = Callable[[Random, float], Schedule]
#: What a run needs beside a broker and a database: three brokers instead of one, a database on a disk that fills.
Need = Literal["three brokers", "small disk"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table."""

    name: str
    making: Making
    need: Need | None = None
    #: What shows that the fault happened: a process was killed, a relay was fenced, a batch was tried again.
    proof: Literal["killed", "fenced", "retried"] | None = None
    #: About so many events, told over so many seconds.
    events: int = 3000
    seconds: float = 10.0


def _times(rng: Random, count: int, span: float) -> list[float]:
    return sorted(rng.uniform(0.1, 0.9) * span for _ in range(count))


def _kills(rng: Random, span: float) -> Schedule:
    return Schedule(tuple(Step(at, "kill", rng.choice(PLACES)) for at in _times(rng, 4, span)))


def _killed_at(point: str) -> Making:
    def making(rng: Random, _span: float) -> Schedule:
        places = PLACES if point in ("after_poll", "before_commit", "before_offsets") else TELLERS
        # not the first batch or page alone: the third may carry on what the second began
        return Schedule(first={place: (f"--kill={point}:{rng.randint(1, 4)}",) for place in places})

    return making


def _relay_asleep(rng: Random, span: float) -> Schedule:
    point = rng.choice(("before_publish", "inside_publish"))
    asleep = (f"--sleep={point}:{rng.randint(1, 3)}",)
    return Schedule((Step(0.1 * span, "relay asleep", "registry-0"),), {"registry-0": asleep})


def _paused(rng: Random, span: float) -> Schedule:
    places = ("registry-1", rng.choice(PLACES[2:]))
    return Schedule(tuple(
        Step(at, "pause", place, 9.0) for at, place in zip(_times(rng, 2, span / 2), places, strict=True)
    ))  # fmt: skip


def _asleep_inside(rng: Random, span: float) -> Schedule:
    place = rng.choice(("registry-1", *PLACES[2:]))
    asleep = (f"--sleep=before_commit:{rng.randint(2, 5)}",)
    return Schedule((Step(0.1 * span, "asleep", place, 9.0),), {place: asleep})


def _storm(rng: Random, span: float) -> Schedule:
    steps = []
    for turn in range(4):
        # the one that joined last may leave, those that were there before may: one stays
        at = span * (turn + rng.uniform(0.2, 0.8)) / 5
        steps.append(Step(at, "join", f"registry-{turn + 2}"))
        steps.append(Step(at, "leave", f"registry-{rng.randint(turn, turn + 2)}"))
    return Schedule(tuple(steps))


def _outage(what: Happening, count: int = 1, least: float = 1.0, most: float = 4.0) -> Making:
    def making(rng: Random, span: float) -> Schedule:
        begins = _times(rng, count, span)
        return Schedule(tuple(Step(at, what, seconds=rng.uniform(least, most)) for at in begins))

    return making


def _lost(rng: Random, span: float) -> Schedule:
    return Schedule(tuple(
        Step(at, "broker lost", str(rng.randrange(3)), rng.uniform(2, 6)) for at in _times(rng, 2, span)
    ))  # fmt: skip


def _clocks(rng: Random, _span: float) -> Schedule:
    return Schedule(always={place: (f"--clock={rng.choice((-49, -30, -2, 2, 30, 49))}",) for place in PLACES})


KINDS: Final[tuple[Kind, ...]] = (
    Kind("a service process killed (`kill -9`) at any moment", _kills, proof="killed"),
    *(Kind(f"killed when {words}", _killed_at(point), proof="killed") for point, words in POINTS.items()),
    Kind("a relay asleep while it loses its turn (SIGSTOP)", _relay_asleep, proof="fenced"),
    Kind("a process paused until its partitions are another's", _paused),
    Kind("asleep inside its transaction until its partitions are another's", _asleep_inside),
    Kind("processes that join and leave (rebalance storm)", _storm),
    Kind("the broker stopped and started", _outage("broker stops")),
    Kind("the broker killed (`kill -9`)", _outage("broker killed")),
    Kind("one of three brokers lost, and back", _lost, need="three brokers"),
    Kind("the database restarted", _outage("database restarts", 2, 0.0, 3.0)),
    Kind("the database killed (`kill -9`)", _outage("database killed", 2, 0.0, 3.0)),
    Kind("all connections to the database cut", _outage("connections cut", 6, 0.0, 0.0)),
    Kind("the database's disk full", _outage("disk full", 1, 3.0, 6.0), need="small disk", proof="retried"),
    Kind("a slow database", _outage("database slow", 1, 5.0, 8.0)),
    Kind("a database that does not answer", _outage("database silent", 2, 2.0, 5.0)),
    Kind("clocks up to 49 hours apart", _clocks),
    Kind("producers that repeat, reorder and delay", lambda _rng, _span: Schedule(shuffled=True, copies=2)),
    Kind("poison of every class all over", lambda _rng, _span: Schedule(poison_every=500)),
)


def _of_processes(rng: Random, span: float) -> Schedule:
    """Processes killed at points of their work and at some moments, one asleep as it loses its turn, one paused."""
    points = ["after_poll", "before_commit", "before_offsets"]
    rng.shuffle(points)
    first = {
        place: (f"--kill={point}:{rng.randint(1, 3)}",)
        for place, point in zip(("registry-1", "outreach-0", "reporting-0"), points, strict=True)
    }
    first["registry-0"] = (f"--sleep={rng.choice(('before_publish', 'inside_publish'))}:2",)
    first["notifications-0"] = (f"--kill={rng.choice(('before_delete', 'inside_publish'))}:1",)
    steps = (
        Step(0.1 * span, "relay asleep", "registry-0"),
        Step(0.2 * span, "kill", "registry-1"),
        Step(0.3 * span, "join", "registry-2"),
        Step(0.4 * span, "pause", "registry-0", 8.0),
        Step(0.5 * span, "leave", "registry-2"),
        Step(0.9 * span, "kill", rng.choice(("outreach-0", "notifications-0"))),
    )
    return Schedule(steps, first, {"registry-1": ("--clock=30",), "outreach-0": ("--clock=-30",)})


def _of_servers(rng: Random, span: float) -> Schedule:
    """Broker and database stopped, killed, cut off, slow, silent, full, in some order; senders that repeat all."""
    steps = [
        Step(0, "broker stops", seconds=rng.uniform(0, 1)),
        Step(0, "broker killed", seconds=rng.uniform(0, 1)),
        Step(0, "database restarts", seconds=rng.uniform(0, 1)),
        Step(0, "database killed", seconds=rng.uniform(0, 1)),
        Step(0, "connections cut"),
        Step(0, "database slow", seconds=2.0),
        Step(0, "database silent", seconds=2.0),
        Step(0, "disk full", seconds=2.0),
    ]
    rng.shuffle(steps)
    timed = [Step(span * turn / len(steps), s.what, seconds=s.seconds) for turn, s in enumerate(steps, 1)]
    return Schedule(tuple(timed), shuffled=True, copies=2, poison_every=300)


def _one_lost(rng: Random, span: float) -> Schedule:
    return Schedule((Step(0.2 * span, "broker lost", str(rng.randrange(3)), 3.0),))


#: Everything at once, for the short version in `make test`.
PROCESSES: Final = Kind("short: processes", _of_processes, events=1500, seconds=8.0)
SERVERS: Final = Kind(
    "short: servers", _of_servers, need="small disk", proof="retried", events=1500, seconds=12.0
)
BROKERS: Final = Kind("short: brokers", _one_lost, need="three brokers", events=700, seconds=5.0)


def named(word: str) -> Sequence[Kind]:
    """The kinds in whose name a word stands."""
    every = (*KINDS, PROCESSES, SERVERS, BROKERS)
    return [kind for kind in every if word.casefold() in kind.name.casefold()]


#: Of the long run: two processes whose clocks are wrong, all the time.
LONG: Final = Schedule(
    always={"registry-1": ("--clock=30",), "outreach-0": ("--clock=-30",)}, poison_every=5000
)


def mixed(rng: Random, every: float) -> Iterator[Step]:
    """Faults of all kinds but those that need a stack of their own, one each ``every`` seconds or so, endless."""
    at = every
    while True:
        step = _any(rng, at)
        yield step
        at += every * rng.uniform(0.5, 1.5) + step.seconds


def _any(rng: Random, at: float) -> Step:
    chance = rng.random()
    place = rng.choice(PLACES)
    if chance < 0.35:
        return Step(at, "kill", place)
    if chance < 0.6:
        point = rng.choice(list(POINTS))
        return Step(at, "arm", rng.choice(TELLERS), words=(f"--kill={point}:{rng.randint(1, 8)}",))
    if chance < 0.7:
        return Step(at, "pause", place, rng.uniform(2, 40))
    what: Happening = rng.choice(
        ("broker stops", "broker killed", "database restarts", "database killed", "connections cut",
         "database slow", "database silent")
    )  # fmt: skip
    return Step(at, what, seconds=0.0 if what == "connections cut" else rng.uniform(1, 10))
