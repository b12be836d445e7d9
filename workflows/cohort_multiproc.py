# SPDX-License-Identifier: Apache-2.0
"""
Extract and clean the signals of a cohort on all cores of this machine.

    python workflows/cohort_multiproc.py RUNS_TABLE MAPS OUT [--n-procs N]

The table has the columns run_id and in_file, and perhaps confounds, sample_mask, mask and t_r.
Two strategies share one extraction; a run whose data are at fault is reported, and the others are
finished.
"""

import argparse
import sys
from pathlib import Path

from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.plugins import MultiProcPlugin
from nipype_mapsmasker.workflows import init_cohort_wf

STRATEGIES = {
    "bandpass": {
        "detrend": True,
        "low_pass": 0.1,
        "high_pass": 0.01,
        "standardize": "zscore_sample",
    },
    "cosine": {
        "detrend": True,
        "filter": "cosine",
        "high_pass": 0.008,
        "standardize": "zscore_sample",
    },
}
"""Two ways of cleaning, by the names that their results bear."""


def main() -> int:
    """Build the workflow, run it in worker processes, and count the runs that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("table", type=Path)
    parser.add_argument("maps", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--n-procs", type=int)
    given = parser.parse_args()
    rows = read_rows(given.table)

    def column(name: str) -> list[str | None]:
        """Give a column's paths, relative to the table, with gaps."""
        folder = given.table.absolute().parent
        return [str(folder / row[name]) if row.get(name) else None for row in rows]

    workflow = init_cohort_wf(
        out_dir=str(given.out_dir.absolute()), strategies=STRATEGIES, on_error="record"
    )
    workflow.base_dir = str(given.out_dir.absolute() / "work")
    inputs = workflow.inputs.inputnode
    inputs.run_ids = [row["run_id"] for row in rows]
    inputs.in_files = column("in_file")
    inputs.confounds_files = column("confounds")
    inputs.sample_mask_files = column("sample_mask")
    inputs.mask_img = column("mask")
    inputs.t_rs = [float(row["t_r"]) if row.get("t_r") else None for row in rows]
    inputs.maps_img = str(given.maps.absolute())
    workflow.run(plugin=MultiProcPlugin(plugin_args={"n_procs": given.n_procs}))

    failed = [row for row in read_rows(given.out_dir / "runs.tsv") if row["status"] == "failed"]
    for row in failed:
        print(f"{row['run_id']}: {row['reason']}", file=sys.stderr)
    return len(failed)


# Worker processes import this script; without the guard each would start the workflow again.
if __name__ == "__main__":
    sys.exit(main())
