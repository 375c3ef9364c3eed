"""Every kind of fault once, in three trials; `make faults` has each by itself, many times (docs/faults.md)."""

from random import Random

import pytest

from tests.faults.run import said
from tests.faults.schedule import BROKERS, PROCESSES, SERVERS, Kind
from tests.faults.trial import Outcome, stack, trial


async def _held(kind: Kind) -> Outcome:
    seed = Random().randrange(1_000_000)
    with stack(kind.need) as servers:
        outcome = await trial(kind, servers, seed)
    assert not outcome.verdict.violations, said(outcome)
    return outcome


@pytest.mark.timeout(150)
async def test_processes_that_are_killed_put_to_sleep_joined_and_left() -> None:
    """INV-01, INV-02, INV-03, INV-04: all is as after one clean pass; the relay that overslept was fenced."""
    outcome = await _held(PROCESSES)
    assert outcome.killed >= 2
    assert outcome.fenced >= 1


@pytest.mark.timeout(150)
async def test_a_broker_and_a_database_that_go_away_fall_silent_fill_up_and_come_back() -> None:
    """INV-01, INV-02, INV-03, INV-04: all is as after one clean pass; nothing is put aside for a full disk."""
    outcome = await _held(SERVERS)
    assert outcome.retried >= 1


@pytest.mark.timeout(150)
async def test_one_of_three_brokers_is_lost_and_comes_back() -> None:
    """INV-01, INV-02, INV-04: what was acknowledged is on the two others; nobody waits for the third."""
    outcome = await _held(BROKERS)
    assert outcome.verdict.records > 0
