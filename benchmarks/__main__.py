"""`python -m benchmarks [NAME …]`: runs them all, or those named; leaves out/bench.json and the chart bench.svg."""

import argparse
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from benchmarks import claims, edges, growth, latency, memory, pages, registry, relay, scaling
from benchmarks.chart import chart, in_words
from benchmarks.stage import Figure, stage

_BENCHMARKS = {
    "registry": registry.run,
    "relay": relay.run,
    "edges": edges.run,
    "memory": memory.run,
    "growth": growth.run,
    "latency": latency.run,
    "claims": claims.run,
    "pages": pages.run,
    "scaling": scaling.run,
}


def main() -> None:
    """Runs the benchmarks; writes their figures and the chart of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *_BENCHMARKS], help="default: all")
    names = parser.parse_args().names or list(_BENCHMARKS)
    begun, cores, load = datetime.now(UTC), os.cpu_count(), os.getloadavg()[0]
    figures: dict[str, list[Figure]] = {}
    for name in names:
        with stage() as here:
            figures[name] = uvloop.run(_BENCHMARKS[name](here))
        for figure in figures[name]:
            print(f"  {in_words(figure)}", flush=True)
    written = {
        "date": begun.isoformat(timespec="seconds"),
        "cores": cores,
        "load_at_start": load,
        "figures": {
            name: [asdict(one) | {"ratio": one.ratio, "goal": one.goal} for one in found]
            for name, found in figures.items()
        },
    }
    out = Path("out")
    out.mkdir(exist_ok=True)
    (out / "bench.json").write_text(
        json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    measured = f"{begun:%Y-%m-%d}, {cores} cores, load average {load:.1f} at the start"
    drawn = chart([figure for found in figures.values() for figure in found], measured)
    (out / "bench.svg").write_text(drawn, encoding="utf-8")
    print("the figures are in out/bench.json, the chart in out/bench.svg")


main()
