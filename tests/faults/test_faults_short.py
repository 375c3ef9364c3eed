"""Every kind of fault once, in a few trials; `make faults` has each by itself, many times (docs/faults.md)."""

from random import Random

import pytest

from tests.faults.run import said
from tests.faults.schedule import Kind, Schedule, Step
from tests.faults.trial import Outcome, stack, trial


def _processes(rng: Random, span: float) -> Schedule:
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


def _servers(rng: Random, span: float) -> Schedule:
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


def _one_broker(rng: Random, span: float) -> Schedule:
    return Schedule((Step(0.2 * span, "broker lost", str(rng.randrange(3)), 3.0),))


async def _held(kind: Kind, events: int, seconds: float) -> Outcome:
    seed = Random().randrange(1_000_000)
    with stack(kind.need) as servers:
        outcome = await trial(kind, servers, seed, events, seconds)
    assert not outcome.verdict.violations, f"seed {seed}: {said(outcome)}"
    return outcome


@pytest.mark.timeout(150)
async def test_processes_that_are_killed_put_to_sleep_joined_and_left() -> None:
    """INV-01, INV-02, INV-03, INV-04: everything is as after one clean pass, and the sleeping relay was fenced."""
    outcome = await _held(Kind("processes", _processes), 1500, 8.0)
    assert outcome.killed >= 2
    assert outcome.fenced >= 1


@pytest.mark.timeout(150)
async def test_a_broker_and_a_database_that_go_away_fall_silent_fill_up_and_come_back() -> None:
    """INV-01, INV-02, INV-03, INV-04: everything is as after one clean pass; no record is put aside for a full disk."""
    await _held(Kind("servers", _servers, need="small disk", proof="retried"), 1500, 12.0)


@pytest.mark.timeout(150)
async def test_one_of_three_brokers_is_lost_and_comes_back() -> None:
    """INV-01, INV-02, INV-04: what was acknowledged is on the two others; nobody waits for the third."""
    await _held(Kind("one of three brokers", _one_broker, need="three brokers"), 700, 5.0)
