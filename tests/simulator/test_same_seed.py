"""The same arguments give the same bytes, on any machine and in any process."""

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

from contracts.organisers import Directory
from tests.simulator.conftest import DIRECTORY, simulated

_PRINTS_HASH = f"""
import hashlib, json
from contracts.organisers import load
from simulator import simulate
events, ledger = simulate("0180", 400, "2024/25", 7, load({str(DIRECTORY)!r}))
print(hashlib.sha256(json.dumps([list(events), ledger]).encode()).hexdigest())
"""


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def test_another_process_with_another_hash_seed_and_time_zone_writes_the_same_bytes(
    directory: Directory,
) -> None:
    year = simulated(directory, 400, 7)
    here = _hash([year.events, year.ledger])
    for hash_seed, zone in (("1", "Asia/Tokyo"), ("2", "America/Lima")):
        there = subprocess.run(
            [sys.executable, "-c", _PRINTS_HASH],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone},
            cwd=DIRECTORY.parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_another_seed_gives_another_year(directory: Directory) -> None:
    one, other = simulated(directory, 50, 1), simulated(directory, 50, 2)
    assert _hash(one.events) != _hash(other.events)
    assert one.ledger["persons"] != other.ledger["persons"]
