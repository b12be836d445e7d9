# SPDX-License-Identifier: Apache-2.0
"""
Run a cohort from Python, cell by cell, without the command line.

    python workflows/cohort_in_a_notebook.py OUT [--n-subjects N]

The cells make a synthetic cohort with known signals, look at the plan, run all subjects but the
last while a line tells how far it is, add that one, run again, and load the signals as one frame.
What is finished is not done again.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from nipype_mapsmasker import CohortRequest, load_timeseries, plan_cohort, run_cohort
from nipype_mapsmasker.cohort import CohortResult, ProgressEvent, RunSpec
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.testing import PASS_BAND, Cohort, make_cohort


def list_runs(cohort: Cohort) -> list[RunSpec]:
    """Make a list of runs; a path to a table of runs would do as well."""

    def beside(name: str | None) -> str | None:
        return None if name is None else str(cohort.folder / name)

    return [
        RunSpec(
            run_id=str(row["run_id"]),
            in_file=str(beside(row["in_file"])),
            confounds=(str(beside(row["confounds"])),) if row["confounds"] else (),
            sample_mask=beside(row["sample_mask"]),
            mask=beside(row["mask"]),
        )
        for row in read_rows(cohort.runs_file)
    ]


def tell(event: ProgressEvent) -> None:
    """Show how far it is, as a bar of a notebook would."""
    print(f"{event.reached} of {event.total} {event.what}; {event.failed} failed")


def show(result: CohortResult) -> None:
    """Say how every run stands."""
    up_to_date = {run.run.run_id for run in result.plan.having("done")}
    for run in result.runs:
        text = "was up to date" if run.run_id in up_to_date else run.status
        print(f"{run.run_id}: {text}, {len(run.files)} files")


def main() -> int:
    """Run the cells one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--n-subjects", type=int, default=4)
    given = parser.parse_args()

    # A cell: what is to be done. Values that make no sense are refused here.
    cohort = make_cohort(given.out_dir / "data", n_subjects=given.n_subjects, grids=2)
    runs = list_runs(cohort)
    request = CohortRequest(
        input=runs[:-1],
        out_dir=given.out_dir / "results",
        maps=[cohort.maps_file],
        atlas_names=["demo"],
        labels=[cohort.labels_file],
        detrend=True,
        standardize="zscore_sample",
        high_pass=PASS_BAND[0],
        low_pass=PASS_BAND[1],
    )

    # A cell: the plan, before anything is written.
    plan = plan_cohort(request)
    for run in plan.runs:
        print(f"{run.run.run_id}: {run.state} {run.reason}")
    print(f"at most {plan.estimate.extract_gb:.2g} GB per extraction")

    # A cell: the work.
    show(run_cohort(request, plan=plan, progress=tell))

    # A cell, on another day: one run more. The others are not done again.
    result = run_cohort(replace(request, input=runs), progress=tell)
    show(result)

    # A cell: the signals.
    frame = load_timeseries(result.out_dir, "demo")
    print(frame.groupby(level="run_id").std().round(3))
    print(f"look at {result.cohort_page}")
    return result.exit_code


# Worker processes import this script; without the guard each would start the workflow again.
if __name__ == "__main__":
    raise SystemExit(main())
