# SPDX-License-Identifier: Apache-2.0
"""
Write docs/explanation/benchmarks.md, and the README's table, from what the others measured.

    python benchmarks/write_docs.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cohort import cohort_table, rows_beside_nilearn
from cohorts import cohort_table as cohorts_table
from cores import cores_table
from estimator import tables
from measure import markdown
from scaling import scaling_table
from speed import picture, table
from strategies import N_REGIONS, N_RUNS, N_VOLUMES, strategies_table

__all__ = ["main", "page", "short_table", "with_table"]

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

ENOUGH_PAIRS = 5
"""Fewer than this are no measurement."""

MARKS = ("<!-- benchmarks: written by benchmarks/write_docs.py -->", "<!-- end of benchmarks -->")
"""What the README's table stands between."""

HEAD = """\
# Speed and memory

Written by `benchmarks/write_docs.py`; the numbers come from `benchmarks/speed.py`, `memory.py`,
`cohort.py`, `cohorts.py`, `cores.py`, `scaling.py`, `estimator.py` and `strategies.py`, which make
their own data:

    python benchmarks/speed.py FOLDER_FOR_DATA
    python benchmarks/cohort.py FOLDER_FOR_DATA
    python benchmarks/cohorts.py FOLDER_FOR_DATA
    python benchmarks/cores.py
    python benchmarks/memory.py FOLDER_FOR_DATA
    python benchmarks/scaling.py FOLDER_FOR_DATA
    python benchmarks/estimator.py FOLDER_FOR_DATA
    python benchmarks/strategies.py
    python benchmarks/write_docs.py

"""

HOW = """\
## How it was measured

- Data: 99 x 117 x 95 voxels of 2 mm, 200 volumes unless said otherwise, 39 overlapping maps, a
  brain mask. Noise and contrast are such that the files compress as real ones do (int16 to about
  half), by zlib at level 1, as nibabel writes them.
- Every call is a process of its own, ours and nilearn's in turn, on the same two cores with the
  same number of BLAS threads. Figures are medians; ratios are medians of the ratios of pairs.
- A run's time is the extraction after fitting: nilearn's `transform` of a fitted masker, and our
  interfaces `ExtractSignals`, `CleanSignals` and, where asked for, `HighVarianceConfounds`, with
  all the files that they write. Reading maps and mask belongs to our inverse transform, but not
  to nilearn's. The cohort lines are whole processes, from the start of Python to its end, without
  reports in both.
- Memory is the peak resident memory of the process, libraries included; for a cohort the sum of
  the proportional shares of all its processes.
- *Of inflating*: our time over that of inflating the file by igzip to nowhere, with two cores.
- *Largest difference*: between the two tools' signals, in standard deviations of each signal.
  nilearn computes in float32 where image and maps allow; `benchmarks/parity.py` shows who is
  right.
- In brackets: what the project wants.

"""

WHERE = """\
## Where the time goes

- One run, plain: a thread inflates; in the meantime the volumes before are gathered, four voxels
  at once, converted and multiplied. With two cores that time is hidden; with one it is added. In
  a node of one core, of which every core has one, there is no such thread.
- Smoothing costs nothing but somewhat larger maps: the maps are smoothed once, at the fit.
- High-variance confounds need one more reading of the file: inflating it twice is the
  bound.
- Target 'maps' with clipping needs the run's range, one more pass, and three matrix products
  for every volume, of which only the part that the maps look at is made.
- Maps are read volume by volume, and only voxels with weight are ever looked at.
- More BLAS threads do not help an extraction: beside the reading thread they compete with it. No
  more threads are started than there are cores: OpenBLAS waits in busy loops, and two threads on
  one core were a hundred times as slow as one.

"""


CLASSES = """\
## The masker classes

Connectomes of two groups of 12 made subjects on three atlases: how well each tells the groups
apart (cross-validated accuracy), with our class and with nilearn's, and how far the connectomes
are apart. Then `fit_transform` of eight subjects of 50 x 59 x 48 voxels and 200 volumes, int16,
with 39 maps: each call in a process of its own, in turn; medians, and ratios of pairs. Images in
memory are part of the peak. With two processes, seconds include their start.

"""


COHORT = """\
## Whole cohorts

From the start of the command to its end. *Least* imports Nipype, NumPy and SciPy and inflates the
files in two processes, and does nothing with them: no workflow of Nipype can be faster, so its
ratio to nilearn bounds ours.

"""

COHORTS = """\
## Ten thousand runs

Runs of 1,848 voxels, 30 volumes and 5 maps by the command, with two processes: what is measured is
everything but the work. *To the first run* are the seconds from the start of the command until the
results of one run are in place; *again* is the same call once more, with nothing to do.

![Cost against the number of runs](../figures/benchmark_cohorts.png)

"""


CORES = """\
## Many cores

Reckoned, not measured: what a run of 100 volumes of 2 mm costs a process and what it costs the
driver were measured on two cores; a cohort of 1,000 such runs is then played through. Disks and
memory, which many cores share, are left out, and set the limit before the driver does.

"""


STRATEGIES = f"""\
## One strategy more

What each strategy adds to a run of {N_VOLUMES} volumes, {N_REGIONS} regions and a table of 170
confounds: CPU milliseconds with all files that are written, medians over {N_RUNS} runs that take
all six strategies in turn. The image is read once, however many strategies follow.

"""


def page(
    speed: dict[str, Any],
    memory: dict[str, float],
    scaling: dict[str, Any],
    estimator: dict[str, Any],
    cohort: dict[str, Any],
    cohorts: list[dict[str, Any]],
    cores: dict[str, Any],
    strategies: dict[str, Any],
) -> str:
    """Make the page."""
    text = HEAD
    if speed:
        versions = ", ".join(f"{name} {value}" for name, value in speed["machine"].items())
        text += f"Measured on {_dates(speed['rows'])}: {versions}.\n\n"
        if min(row["pairs"] for row in speed["rows"]) < ENOUGH_PAIRS:
            text += "**Provisional: some lines rest on few pairs, perhaps beside other work.**\n\n"
        text += "![Seconds and memory, beside nilearn](../figures/benchmark_speed.png)\n\n"
        text += table(speed["rows"]) + "\n" + _remarks(speed["rows"]) + "\n"
    if cohort:
        text += COHORT + f"Measured on {_dates(cohort['found'].values())}.\n\n"
        text += cohort_table(cohort["found"]) + "\n"
    if cohorts:
        text += COHORTS + cohorts_table(cohorts) + "\n"
    if cores:
        text += CORES + cores_table(cores) + "\n"
    if strategies:
        text += STRATEGIES + f"Measured on {strategies['date']}.\n\n"
        text += strategies_table(strategies["spent"]) + "\n"
    if memory:
        text += "## Memory does not grow with the run\n\n"
        rows = [[f"{int(n):,}", f"{peak:.0f}"] for n, peak in memory.items()]
        text += markdown(("volumes", "peak, MB"), rows) + "\n"
    if scaling:
        text += "## How cost grows\n\n![Cost against size](../figures/benchmark_scaling.png)\n\n"
        text += "\n".join(scaling_table(axis, rows) for axis, rows in scaling.items()) + "\n"
    if estimator:
        text += CLASSES
        if min(row["pairs"] for row in estimator["rows"]) < ENOUGH_PAIRS:
            text += "**Provisional: few pairs, beside other work.**\n\n"
        text += tables(estimator) + "\n"
    return text + HOW + WHERE.rstrip() + "\n"


def _dates(measured: Iterable[dict[str, Any]]) -> str:
    """Say on which days something was measured."""
    return " and ".join(sorted({one["date"] for one in measured}))


def _remarks(rows: list[dict[str, Any]]) -> str:
    """Say what does not fit into the table."""
    by_name = {row["name"]: row for row in rows}
    lines = [
        f"- {row['title']}: {row['compressed_mb']:.0f} MB compressed; inflating alone "
        f"{row['medians']['inflate']['seconds']:.2f} s; with one core our time is "
        f"{row['of_inflating_one_core']:.2f} times that of inflating."
        for row in rows
        if row["of_inflating_one_core"] is not None
    ]
    for name, hope in (("two-atlases", 1.5), ("smoothing", 1.5)):
        if name in by_name and "plain" in by_name:
            ours = [by_name[n]["medians"]["ours"]["seconds"] for n in (name, "plain")]
            inflating = [by_name[n]["medians"]["inflate"]["seconds"] for n in (name, "plain")]
            ratio = (ours[0] / inflating[0]) / (ours[1] / inflating[1])
            lines.append(
                f"- {by_name[name]['title']}: {ratio:.2f} times our plain time (<= {hope:g})."
            )
    return "\n".join(lines) + "\n"


def short_table(rows: list[dict[str, Any]]) -> str:
    """Make the README's table: what a reader asks first."""
    header = ("", "ours", "nilearn", "times as fast", "memory, ours", "nilearn")
    lines = []
    for row in rows:
        ours, theirs = row["medians"]["ours"], row["medians"].get("nilearn")
        if theirs is None:
            continue
        seconds = (f"{ours['seconds']:.1f} s", f"{theirs['seconds']:.1f} s")
        memory = (f"{ours['peak_mb']:,.0f} MB", f"{theirs['peak_mb']:,.0f} MB")
        lines.append([row["title"], *seconds, f"{row['faster']:.1f}", *memory])
    return markdown(header, lines)


def with_table(readme: str, table_text: str) -> str:
    """Put the table between the README's marks."""
    before, rest = readme.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    return f"{before}{MARKS[0]}\n{table_text}{MARKS[1]}{after}"


def main() -> None:
    """Write the page and the table."""
    found = {}
    names = "speed", "memory", "scaling", "estimator", "cohort", "cohorts", "cores", "strategies"
    for name in names:
        path = DOCS / "benchmarks" / f"{name}.json"
        found[name] = json.loads(path.read_text()) if path.exists() else {}
    if found["speed"] and found["cohort"]:
        found["speed"]["rows"] += rows_beside_nilearn(found["cohort"]["found"])
    (DOCS / "explanation" / "benchmarks.md").write_text(page(**found))
    if found["speed"]:
        picture(found["speed"]["rows"], DOCS / "figures" / "benchmark_speed.png")
        readme = ROOT / "README.md"
        text = with_table(readme.read_text(), short_table(found["speed"]["rows"]))
        readme.write_text(text)


if __name__ == "__main__":
    main()
