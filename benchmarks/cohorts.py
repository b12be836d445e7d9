# SPDX-License-Identifier: Apache-2.0
"""
Measure what a run costs in cohorts of hundreds to ten thousand tiny runs, by the command.

    python benchmarks/cohorts.py [DATA] [--runs 500 2000 10000] [--pages 2000] [--repeats 5]

Each cohort (1,848 voxels, 30 volumes, 5 maps) is worked on by two processes, then the same call is
given again. Of each: CPU a run with all processes, the time until the first run's results are
there, files a run in the working folder, peak memory of the driver, and the time of the second
call. Writes docs/benchmarks/cohorts.json and
docs/figures/benchmark_cohorts.png; with --small only prints.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from data import TINY, data_folder, make_maps, make_mask, make_run
from measure import markdown

__all__ = ["cohort_table", "main", "measure_cohort"]

DOCS = Path(__file__).resolve().parents[1] / "docs"

N_PROCS = 2
"""Processes that work on a cohort."""

FEWEST_SHOWN = 100
"""Runs of the smallest cohort in the figure."""

SAMPLE_SECS = 0.05
"""How often the memory of the driver is looked at."""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", nargs="?", help="where the data are kept")
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 500, 1000, 2000, 5000, 10000])
    parser.add_argument("--pages", type=int, nargs="*", default=[2000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="few runs, once, print only")
    options = parser.parse_args()
    folder = data_folder(options.folder)
    runs, pages, repeats = options.runs, options.pages, options.repeats
    if options.small:
        runs, pages, repeats = [20], [4], 1
    measure_cohort(folder, 4, with_pages=False)  # so that all is compiled
    rows = []
    for n_runs, with_pages in [*((n, False) for n in runs), *((n, True) for n in pages)]:
        results = [measure_cohort(folder, n_runs, with_pages) for _ in range(repeats)]
        middle = {
            name: statistics.median(result[name] for result in results) for name in results[0]
        }
        rows.append({"runs": n_runs, "pages": with_pages, "calls": repeats, **middle})
        print(rows[-1], flush=True)
    print(cohort_table(rows))
    if not options.small:
        out = DOCS / "benchmarks" / "cohorts.json"
        out.write_text(json.dumps(rows, indent=1) + "\n")
        _picture(rows, DOCS / "figures" / "benchmark_cohorts.png")


def measure_cohort(folder: Path, n_runs: int, with_pages: bool) -> dict[str, float]:
    """Work on a cohort twice; give what it cost."""
    table = _table(folder, n_runs)
    with tempfile.TemporaryDirectory(prefix="mapsmasker_") as scratch:
        out = Path(scratch, "out")
        words = [
            "run", str(table), str(out), "--maps", str(make_maps(folder, TINY, 5)),
            "--mask", str(make_mask(folder, TINY)), "--t-r", "2", "--n-procs", str(N_PROCS),
            "--quiet", "--reports" if with_pages else "--no-reports",
        ]  # fmt: skip
        start = time.time()
        first = _call(words, scratch, folder)
        manifests = (out / ".mapsmasker" / "runs").glob("*/manifest.json")
        first_run = min(manifest.stat().st_mtime for manifest in manifests) - start
        work = out / ".mapsmasker" / "work"
        n_files = sum(len(files) for _, _, files in os.walk(work))
        second = _call(words, scratch, folder)
        shutil.rmtree(out)
    return {
        "cpu_ms": 1e3 * first["cpu"] / n_runs,
        "seconds": first["seconds"],
        "first_run_seconds": first_run,
        "driver_mb": first["driver_mb"],
        "driver_ms": 1e3 * first["driver_cpu"] / n_runs,
        "files": n_files / n_runs,
        "again_seconds": second["seconds"],
    }


def cohort_table(rows: list[dict[str, Any]]) -> str:
    """Give the measurements as a table."""
    header = [
        "runs", "CPU, ms a run", "of the driver", "seconds", "to the first run", "driver, MB",
        "files a run", "again, seconds", "calls",
    ]  # fmt: skip
    lines = [
        [
            f"{row['runs']:,}" + (" with pages" if row["pages"] else ""),
            f"{row['cpu_ms']:.1f}",
            f"{row['driver_ms']:.1f}",
            f"{row['seconds']:.1f}",
            f"{row['first_run_seconds']:.1f}",
            f"{row['driver_mb']:.0f}",
            f"{row['files']:.1f}",
            f"{row['again_seconds']:.1f}",
            f"{row['calls']}",
        ]
        for row in rows
    ]
    return markdown(header, lines)


def _table(folder: Path, n_runs: int) -> Path:
    """Write a table of runs, which are names of the same four files: no disk is measured."""
    images = [make_run(folder, TINY, 30, "int16", seed) for seed in range(4)]
    links = folder / "tiny_links"
    links.mkdir(exist_ok=True)
    lines = ["run_id\tin_file"]
    for number in range(n_runs):
        link = links / f"sub-{number:05d}_bold.nii.gz"
        if not link.exists():
            os.link(images[number % len(images)], link)
        lines.append(f"sub-{number:05d}_task-rest\t{link}")
    table = folder / f"tiny_{n_runs}.tsv"
    table.write_text("\n".join(lines) + "\n")
    return table


def _call(words: list[str], cwd: str, folder: Path) -> dict[str, float]:
    """
    Call the command; CPU is that of all of its processes, memory that of the driver.

    Python keeps what it compiled, as it does for a user, below ``folder``.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    root = str(Path(__file__).resolve().parents[1])
    compiled = str(folder.absolute() / "pycache")
    environ = os.environ | {
        "PYTHONPATH": root,
        "OMP_NUM_THREADS": "1",
        "PYTHONPYCACHEPREFIX": compiled,
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "nipype_mapsmasker", *words]
    process = subprocess.Popen(command, cwd=cwd, env=environ)
    peak = alone = 0.0
    while process.poll() is None:
        peak = max(peak, _peak_mb(process.pid))
        alone = max(alone, _own_cpu(process.pid))
        time.sleep(SAMPLE_SECS)
    seconds = time.perf_counter() - start
    if process.returncode:
        msg = f"The command failed with exit code {process.returncode}."
        raise SystemExit(msg)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "driver_mb": peak, "driver_cpu": alone}


def _own_cpu(pid: int) -> float:
    """Give the CPU seconds of a process so far, without its children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    """Give the peak memory of a process so far, MB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM:")), 0.0)


def _picture(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw cost a run, and memory of the driver, against the number of runs."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    # With few runs the start is most of the cost, which would leave no room for the others.
    plain = [row for row in rows if not row["pages"] and row["runs"] >= FEWEST_SHOWN]
    numbers = [row["runs"] for row in plain]
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.4))
    for axis, (name, label) in zip(
        axes,
        (
            ("cpu_ms", "CPU, ms a run"),
            ("driver_mb", "driver, MB"),
            ("again_seconds", "second call, seconds"),
        ),
        strict=True,
    ):
        values = [row[name] for row in plain]
        axis.plot(numbers, values, "o-", color="#1b6ca8")
        axis.set_xscale("log")
        axis.set_xlabel("tiny runs")
        axis.set_ylabel(label)
        axis.set_ylim(0, 1.1 * max(values))
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
