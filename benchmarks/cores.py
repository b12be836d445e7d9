# SPDX-License-Identifier: Apache-2.0
"""
Reckon how long a cohort takes on 2 to 64 cores, from what was measured on two.

    python benchmarks/cores.py

Takes from docs/benchmarks/cohort.json what a run of 2 mm costs, and from cohorts.json what the
driver spends on a run, which is not shared; then plays the cohort through: whoever is free asks
the driver for the next batch. Writes docs/benchmarks/cores.json. Disks and memory, which many
cores share, are left out.
"""

from __future__ import annotations

import heapq
import json
from pathlib import Path
from typing import Any

from measure import markdown

from nipype_mapsmasker.cohort import CohortRequest
from nipype_mapsmasker.cohort.engine import batch_size_of

__all__ = ["cores_table", "main", "play"]

DOCS = Path(__file__).resolve().parents[1] / "docs"

CORES = (2, 4, 8, 16, 32, 64)

N_RUNS = 1000
"""Runs of the cohort."""


def play(n_runs: int, n_cores: int, run: float, driver: float, start: float) -> float:
    """
    Give the seconds that a cohort takes.

    ``run`` and ``driver`` are what a run costs a worker and the driver; first comes ``start``.
    """
    request = CohortRequest(input="runs.tsv", out_dir="out", maps=["m.nii"], n_procs=n_cores)
    size = batch_size_of(request, n_runs)
    batches = [min(size, n_runs - first) for first in range(0, n_runs, size)]
    free = [start] * n_cores
    driver_free = start
    for batch in batches:
        asked = heapq.heappop(free)
        driver_free = max(driver_free, asked) + driver * batch
        heapq.heappush(free, driver_free + run * batch)
    return max(free)


def main() -> None:
    """Reckon and keep."""
    cohort = json.loads((DOCS / "benchmarks" / "cohort.json").read_text())["found"]
    rows = json.loads((DOCS / "benchmarks" / "cohorts.json").read_text())
    plain = sorted((row["runs"], row["driver_ms"]) for row in rows if not row["pages"])
    few, many = plain[0], plain[-1]  # what the start costs is in both
    driver = (many[0] * many[1] - few[0] * few[1]) / (many[0] - few[0]) / 1e3
    found = {}
    for name in ("int16", "masked"):
        costs = {job: numbers["cpu"] for job, numbers in cohort[name]["medians"].items()}
        run = (costs["ours"] - costs["one run"]) / 15 - driver
        start = costs["one run"] - run
        times = {n: play(N_RUNS, n, run, driver, start) for n in CORES}
        found[name] = {"run": run, "driver": driver, "start": start, "seconds": times}
    (DOCS / "benchmarks" / "cores.json").write_text(json.dumps(found, indent=1) + "\n")
    print(cores_table(json.loads(json.dumps(found))))


def cores_table(found: dict[str, Any]) -> str:
    """Give the times as a table, with the share of the cores that is used."""
    rows = []
    for name, one in found.items():
        for cores, seconds in one["seconds"].items():
            used = N_RUNS * one["run"] / int(cores) / seconds
            cells = f"{1e3 * one['run']:.0f}", f"{1e3 * one['driver']:.1f}", f"{seconds:.0f}"
            rows.append([name, cores, *cells, f"{100 * used:.0f} %"])
    header = ("images", "cores", "a run, ms", "driver, ms a run", "1,000 runs, s", "cores in use")
    return markdown(header, rows)


if __name__ == "__main__":
    main()
