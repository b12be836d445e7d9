# SPDX-License-Identifier: Apache-2.0
"""
Compare strategies of denoising on a folder of fMRIPrep: signals, connectomes, and the group.

    python workflows/strategies_to_group.py FOLDER MAPS OUT [--space NAME] [--denoise NAME ...]

Every strategy is applied to one reading of each image. What fails one strategy in one run is told,
and the others are kept. The last lines rank the strategies by the motion that they leave.
"""

import argparse
import sys
from pathlib import Path

from nipype_mapsmasker import CohortRequest, load_connectivity, run_cohort
from nipype_mapsmasker.cohort.group import group_cohort

STRATEGIES = ("none", "simple", "scrubbing.5", "36P")
"""Strategies that are compared unless others are named."""


def main() -> int:
    """Run the cohort, put it together, and say what each strategy leaves of motion."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("bids_folder", type=Path)
    parser.add_argument("maps", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--space")
    parser.add_argument("--denoise", nargs="+", default=STRATEGIES)
    parser.add_argument("--n-procs", type=int)
    given = parser.parse_args()
    request = CohortRequest(
        input=str(given.bids_folder),
        out_dir=given.out_dir,
        maps=[given.maps],
        space=given.space,
        denoise=list(given.denoise),
        connectivity=["pearson"],
        on_error="record",
        n_procs=given.n_procs,
    )
    result = run_cohort(request)
    for run in result.having("failed", "incomplete"):
        print(f"{run.run_id}: {run.status}: {run.reason}", file=sys.stderr)
    groups = group_cohort(given.out_dir).groups
    for group in groups:
        matrices = load_connectivity(given.out_dir, group.atlas, strategy=group.strategy)
        left = group.row.get("qcfc_median_absolute")
        told = "n/a" if left is None or left != left else f"{left:.2f}"
        n_runs = matrices.index.get_level_values("run_id").nunique()
        print(
            f"{group.strategy}: {n_runs} connectomes, QC-FC {told}, "
            f"{group.row['degrees_of_freedom_lost']:.0%} of the volumes spent"
        )
    return result.exit_code


# Worker processes import this script; without the guard each would start the workflow again.
if __name__ == "__main__":
    sys.exit(main())
