# SPDX-License-Identifier: Apache-2.0
"""
Extract and clean the signals of a cohort by Slurm jobs, one per run and step.

    python workflows/cohort_slurm.py RUNS_TABLE MAPS OUT [--sbatch-args "--partition=short"]

Start it where sbatch works, on a file system that the cluster's nodes share, and let it run to the
end, for instance in tmux. For many short runs an array takes fewer jobs:
``mapsmasker run ... --write-slurm-array FILE``.
"""

import argparse
import sys
from pathlib import Path

from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.plugins import SLURMPlugin
from nipype_mapsmasker.workflows import init_cohort_wf

STRATEGY = {
    "detrend": True,
    "low_pass": 0.1,
    "high_pass": 0.01,
    "standardize": "zscore_sample",
}
"""How signals are cleaned."""

EXTRACT_MEM_GB, FIT_MEM_GB = 1.0, 2.0
"""Memory of jobs, GB; ``mapsmasker run ... --dry-run`` estimates both for your data."""


def main() -> int:
    """Build the workflow, run it on the cluster, and count the runs that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("table", type=Path)
    parser.add_argument("maps", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--sbatch-args", default="--time=01:00:00", help="for every job")
    parser.add_argument("--poll", type=float, default=15.0, help="seconds between looks")
    given = parser.parse_args()
    rows = read_rows(given.table)

    def column(name: str) -> list[str | None]:
        """Give a column's paths, relative to the table, with gaps."""
        folder = given.table.absolute().parent
        return [str(folder / row[name]) if row.get(name) else None for row in rows]

    out_dir = given.out_dir.absolute()
    workflow = init_cohort_wf(
        out_dir=str(out_dir),
        strategies={"": STRATEGY},
        on_error="record",
        extract_mem_gb=EXTRACT_MEM_GB,
        fit_mem_gb=FIT_MEM_GB,
    )
    workflow.base_dir = str(out_dir / "work")
    workflow.config["execution"]["crashdump_dir"] = str(out_dir / "logs")
    inputs = workflow.inputs.inputnode
    inputs.run_ids = [row["run_id"] for row in rows]
    inputs.in_files = column("in_file")
    inputs.confounds_files = column("confounds")
    inputs.sample_mask_files = column("sample_mask")
    inputs.mask_img = column("mask")
    inputs.t_rs = [float(row["t_r"]) if row.get("t_r") else None for row in rows]
    inputs.maps_img = str(given.maps.absolute())
    plugin_args = {
        "sbatch_args": given.sbatch_args,  # cores and memory of each step are added
        "poll_sleep_duration": given.poll,
        "max_jobs": 200,
    }
    workflow.run(plugin=SLURMPlugin(plugin_args=plugin_args))

    failed = [row for row in read_rows(out_dir / "runs.tsv") if row["status"] == "failed"]
    for row in failed:
        print(f"{row['run_id']}: {row['reason']}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
