# SPDX-License-Identifier: Apache-2.0
"""
Measure what the pages cost: CPU of one process, and bytes.

    python benchmarks/pages.py [--small]

Run pages of K maps and 200 volumes, all maps in them, and the page of a cohort of 5,000 rows. The
column "before" holds what pages drawn by matplotlib cost on the same machine, with ten maps in
the viewer (seconds) and with all (bytes).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measure import fixed_environment, markdown

# Threads that wait for each other would count as CPU; NumPy looks when it is loaded.
os.environ.update(fixed_environment(1))

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nipype_mapsmasker.reports.measures import MEASURES  # noqa: E402
from nipype_mapsmasker.reports.page_cohort import cohort_page  # noqa: E402
from nipype_mapsmasker.reports.page_run import run_page  # noqa: E402
from nipype_mapsmasker.reports.results import CohortResults, RunRow  # noqa: E402
from tests.reports.examples import make_run  # noqa: E402

__all__ = ["main", "make_cohort"]

OUT = ROOT / "docs" / "benchmarks" / "pages.json"

BEFORE = {8: (1.32, 318_216), 39: (3.00, 534_372), 128: (1.57, 755_053), 1024: (2.10, 3_527_243)}
"""CPU seconds and bytes of the pages that matplotlib drew, by K; a run each, 2026-11-26."""

AIM = {8: (0.05, 0.3), 39: (0.08, 0.4), 128: (0.15, 0.7), 1024: (0.5, 3.0)}
"""CPU seconds and MB that a page may cost."""

N_ROWS = 5000


def main() -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--small", action="store_true", help="tiny pages, print only")
    options = parser.parse_args()
    found = {}
    for n_maps in [8] if options.small else list(AIM):
        run = make_run(n_maps=n_maps)
        seconds, page = _cost(lambda run=run: run_page(run), 1 if options.small else 5)
        found[f"run page, K = {n_maps:,}"] = {
            "seconds": seconds,
            "bytes": len(page.encode()),
            "before": BEFORE[n_maps],
            "aim": AIM[n_maps],
        }
    cohort = make_cohort(50 if options.small else N_ROWS)
    seconds, page = _cost(lambda: cohort_page(cohort), 1 if options.small else 3)
    found[f"cohort page, {len(cohort.rows):,} rows"] = {
        "seconds": seconds,
        "bytes": len(page.encode()),
        "before": None,
        "aim": (0.5, 2.0),
    }
    print(markdown(("page", "CPU, s", "before", "aim", "MB", "before", "aim"), _rows(found)))
    if not options.small:
        OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _cost(make: Callable[[], str], repeats: int) -> tuple[float, str]:
    """Give the least CPU time of a few, and the page."""
    page = make()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        page = make()
        spent.append(time.process_time() - start)
    return round(min(spent), 4), page


def make_cohort(n_rows: int) -> CohortResults:
    """Make rows with every measure, some of them odd."""
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 0.05, (n_rows, len(MEASURES)))
    values[::97] += 1.0
    rows = [
        RunRow(
            run_id=f"sub-{number:04d}_ses-01_task-rest_run-1",
            atlas="demo",
            strategy="scrub",
            level="check" if number % 97 == 0 else "good",
            reasons=("The signals look like noise.",) if number % 97 == 0 else (),
            keywords=("noise",) if number % 97 == 0 else (),
            link=f"sub-{number:04d}/ses-01/func/sub-{number:04d}_ses-01_atlas-demo_report.html",
            measures=dict(zip(MEASURES, line, strict=True)),
        )
        for number, line in enumerate(values.tolist())
    ]
    return CohortResults(rows=rows)


def _rows(found: dict) -> list[list[str]]:
    """Write the table's rows."""
    rows = []
    for name, one in found.items():
        before = one["before"] or (None, None)
        rows.append(
            [
                name,
                f"{one['seconds']:.3f}",
                "–" if before[0] is None else f"{before[0]:.2f}",
                f"{one['aim'][0]:g}",
                f"{one['bytes'] / 1e6:.2f}",
                "–" if before[1] is None else f"{before[1] / 1e6:.2f}",
                f"{one['aim'][1]:g}",
            ]
        )
    return rows


if __name__ == "__main__":
    main()
