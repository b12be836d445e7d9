# SPDX-License-Identifier: Apache-2.0
"""
Write docs/benchmarks.md from what speed.py, memory.py and scaling.py have measured.

    python benchmarks/write_docs.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from measure import markdown
from scaling import scaling_table
from speed import table

__all__ = ["main", "page"]

DOCS = Path(__file__).resolve().parents[1] / "docs"

ENOUGH_PAIRS = 3
"""Fewer than this are no measurement."""

HEAD = """\
# Speed and memory

Written by `benchmarks/write_docs.py`; the numbers come from `benchmarks/speed.py`, `memory.py` and
`scaling.py`, which make their own data:

    python benchmarks/speed.py FOLDER_FOR_DATA
    python benchmarks/memory.py FOLDER_FOR_DATA
    python benchmarks/scaling.py FOLDER_FOR_DATA
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

- One run, plain: a thread inflates; in the meantime the block before is gathered, converted and
  multiplied, which takes about 60 % of the time of inflating. With two cores that time is hidden;
  with one it is added.
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


def page(speed: dict[str, Any], memory: dict[str, float], scaling: dict[str, Any]) -> str:
    """Make the page."""
    text = HEAD
    if speed:
        versions = ", ".join(f"{name} {value}" for name, value in speed["machine"].items())
        text += f"Measured on {speed['date']}: {versions}.\n\n"
        if min(row["pairs"] for row in speed["rows"]) < ENOUGH_PAIRS:
            text += "**Provisional: some lines rest on few pairs, run while other work ran.**\n\n"
        text += "![Seconds and memory, beside nilearn](figures/benchmark_speed.png)\n\n"
        text += table(speed["rows"]) + "\n" + _remarks(speed["rows"]) + "\n"
    if memory:
        text += "## Memory does not grow with the run\n\n"
        rows = [[f"{int(n):,}", f"{peak:.0f}"] for n, peak in memory.items()]
        text += markdown(("volumes", "peak, MB"), rows) + "\n"
    if scaling:
        text += "## How cost grows\n\n![Cost against size](figures/benchmark_scaling.png)\n\n"
        text += "\n".join(scaling_table(axis, rows) for axis, rows in scaling.items()) + "\n"
    return text + HOW + WHERE.rstrip() + "\n"


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
    for row in rows:
        again = row["medians"]["ours"].get("rerun_seconds")
        if again is not None:
            lines.append(f"- {row['title']}: unchanged rerun {again:.1f} s.")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    found = {}
    for name in ("speed", "memory", "scaling"):
        path = DOCS / "benchmarks" / f"{name}.json"
        found[name] = json.loads(path.read_text()) if path.exists() else {}
    (DOCS / "benchmarks.md").write_text(page(**found))


if __name__ == "__main__":
    main()
