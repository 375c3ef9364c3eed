"""`python -m benchmarks [NAME …]`: runs them all, or those named; leaves the figures in out/bench.json."""

import argparse
import json
import os
from pathlib import Path

import uvloop

from benchmarks import edges, memory, registry, relay
from benchmarks.stage import stage

_BENCHMARKS = {"registry": registry.run, "relay": relay.run, "edges": edges.run, "memory": memory.run}


def main() -> None:
    """Runs the benchmarks and writes their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *_BENCHMARKS], help="default: all")
    names = parser.parse_args().names or list(_BENCHMARKS)
    figures: dict[str, object] = {"cores": os.cpu_count(), "load_at_start": os.getloadavg()[0]}
    for name in names:
        with stage() as here:
            figures[name] = uvloop.run(_BENCHMARKS[name](here))
    out = Path("out/bench.json")
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"the figures are in {out}")


main()
