# SPDX-License-Identifier: Apache-2.0
"""
Measure how cost grows with volumes, voxels, maps, cores and runs, each point a process.

    python benchmarks/scaling.py [DATA] [--repeats 3] [--only T,V,K,cores,runs] [--small]

Runs are tiny ones (1,848 voxels, 30 volumes) through the whole workflow under MultiProc: what is
measured is Nipype and our use of it. Writes docs/benchmarks/scaling.json and
docs/figures/benchmark_scaling.png; with --small only prints.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from dataclasses import replace
from pathlib import Path

from cases import Case
from data import COARSE, FINE, FULL, SMALL, TINY, case_files, data_folder, named_space
from measure import markdown, run_job

__all__ = ["main", "scaling_table"]

DOCS = Path(__file__).resolve().parents[1] / "docs"

BASE = Case("scaling", "scaling")
"""200 volumes of int16, 39 maps, a brain mask."""


def points(small: bool) -> dict[str, list[tuple[float, Case, str, tuple[int, ...]]]]:
    """Give for each axis its points: value, case, space, cores."""
    both = tuple(sorted(os.sched_getaffinity(0)))
    lengths = (10, 20) if small else (50, 100, 200, 400)
    maps = (5, 10) if small else (10, 39, 128, 512, 1024)
    runs = (4, 8) if small else (63, 125, 250, 500, 1000)
    space = SMALL.name if small else FULL.name
    spaces = (TINY, SMALL) if small else (COARSE, FULL, FINE)
    base = replace(BASE, n_volumes=20) if small else BASE
    tiny = replace(BASE, kind="cohort", n_volumes=30, n_maps=(5,))
    return {
        "T": [(n, replace(base, n_volumes=n), space, both) for n in lengths],
        "V": [
            (s.shape[0] * s.shape[1] * s.shape[2], replace(base, n_volumes=20), s.name, both)
            for s in spaces
        ],
        "K": [(n, replace(base, n_maps=(n,)), space, both) for n in maps],
        "cores": [(n, base, space, both[:n]) for n in range(1, len(both) + 1)],
        "runs": [(n, replace(tiny, n_runs=n), TINY.name, both) for n in runs],
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", nargs="?", help="where the data are kept")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="T,V,K,cores,runs")
    parser.add_argument("--small", action="store_true", help="tiny data, once, print only")
    options = parser.parse_args()
    folder = data_folder(options.folder)
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    text = ""
    for axis, series in points(options.small).items():
        if axis not in options.only.split(","):
            continue
        found[axis] = []
        for value, case, name, cores in series:
            files = case_files(case, folder, named_space(name))
            results = [
                run_job("ours", case, files, cores=cores)
                for _ in range(1 if options.small else options.repeats)
            ]
            middle = [
                statistics.median(r[k] for r in results) for k in ("seconds", "cpu", "peak_mb")
            ]
            found[axis].append((value, *middle))
            print(axis, value, *(f"{number:.2f}" for number in middle), flush=True)
        text += scaling_table(axis, found[axis]) + "\n"
    print(text)
    if not options.small:
        out = DOCS / "benchmarks" / "scaling.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        earlier = json.loads(out.read_text()) if out.exists() else {}
        found = earlier | found
        found = {axis: found[axis] for axis in points(small=False) if axis in found}
        out.write_text(json.dumps(found, indent=1) + "\n")
        _picture(found, DOCS / "figures" / "benchmark_scaling.png")


def scaling_table(axis: str, rows: list[tuple[float, float, float, float]]) -> str:
    """Give one axis as a table; for runs also the cost of each."""
    header = [axis, "seconds", "CPU seconds", "peak, MB"]
    header += ["ms a run"] if axis == "runs" else []
    lines = []
    for value, seconds, cpu, peak in rows:
        line = [f"{value:,.0f}", f"{seconds:.2f}", f"{cpu:.2f}", f"{peak:.0f}"]
        lines.append(line + ([f"{1e3 * seconds / value:.0f}"] if axis == "runs" else []))
    return markdown(header, lines)


def _picture(found: dict[str, list[tuple[float, float, float, float]]], path: Path) -> None:
    """Draw seconds against each axis."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    names = {
        "T": "volumes",
        "V": "million voxels",
        "K": "maps",
        "cores": "cores",
        "runs": "tiny runs",
    }
    figure, axes = plt.subplots(1, len(found), figsize=(2.6 * len(found), 2.4), squeeze=False)
    for axis, (name, rows) in zip(axes[0], found.items(), strict=True):
        values = [row[0] / (1e6 if name == "V" else 1) for row in rows]
        seconds = [row[1] for row in rows]
        axis.plot(values, seconds, "o-", color="#1b6ca8")
        axis.set_xlabel(names[name])
        axis.set_ylim(0, 1.1 * max(seconds))
        axis.set_xlim(0, 1.1 * max(values))
        if name == "cores":
            axis.set_xticks(values)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylabel("seconds")
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
