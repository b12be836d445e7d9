# SPDX-License-Identifier: Apache-2.0
"""From the plan to the workflow of the runs that are open, and through the engine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.collecting import seldom_collected
from nipype_mapsmasker.cohort.crashes import Crash, tidy_crashes
from nipype_mapsmasker.cohort.engine import batch_size_of, crash_dir, run_until_done
from nipype_mapsmasker.cohort.kept import kept_extraction, kept_strategies
from nipype_mapsmasker.cohort.plan import Plan, PlannedRun
from nipype_mapsmasker.cohort.progress import Progress, ProgressEvent
from nipype_mapsmasker.cohort.request import CohortRequest
from nipype_mapsmasker.cohort.workdir import WORKFLOW_NAME, forget_lost_results
from nipype_mapsmasker.core.parameters import MaskerParameters, values_of
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.storing import store_failure
from nipype_mapsmasker.workflows.batching import BATCH_NODE

__all__ = ["execute"]


def execute(
    request: CohortRequest,
    plan: Plan,
    work_dir: Path,
    command: str,
    tell: Callable[[ProgressEvent], None] | None = None,
) -> dict[str, str]:
    """
    Work on the runs that are open.

    Parameters
    ----------
    request : CohortRequest
        The request.
    plan : Plan
        Its plan.
    work_dir : Path
        The working folder, held by this call.
    command : str
        The command, for the record.
    tell : callable, optional
        Told of the progress.

    Returns
    -------
    dict of str to str
        Reasons of the runs that crashed; faults of data are in the result folder's logs.

    Raises
    ------
    EngineError
        More than single runs crashed.
    """
    runs = {planned.run.run_id: planned for planned in plan.having("todo", "clean")}
    for run_id in runs:  # what they tell is of an earlier call
        run_files(plan.out_dir, run_id).log.unlink(missing_ok=True)
    batches = work_dir / WORKFLOW_NAME / BATCH_NODE
    shutil.rmtree(batches, ignore_errors=True)
    forget_lost_results(work_dir)
    crashed: dict[str, Crash] = {}
    progress = Progress(
        len(runs), lambda run_id: run_files(plan.out_dir, run_id).manifest.exists(), tell
    )
    is_over = False
    try:
        run_until_done(
            lambda ids, size: _build(plan, [runs[name] for name in ids], size, work_dir, command),
            request,
            list(runs),
            batches,
            progress,
            crashed,
            size=batch_size_of(request, len(runs)),
        )
        is_over = True
    finally:
        for run_id, crash in crashed.items():
            fault = {"step": crash.step, "reason": crash.reason, "traceback": crash.traceback}
            store_failure(plan.out_dir, run_id, fault)
        tidy_crashes(crash_dir(plan.out_dir), keep=not is_over)
        if crashed or not is_over:
            # Nipype's record of a failure is of no use, and holds the environment.
            forget_lost_results(work_dir)
    return {run_id: crash.reason for run_id, crash in crashed.items()}


@seldom_collected()
def _build(
    plan: Plan,
    runs: list[PlannedRun],
    batch_size: int,
    work_dir: Path,
    command: str,
) -> Any:
    """Build the workflow of some runs."""
    from nipype_mapsmasker.workflows import init_cohort_wf

    workflow = init_cohort_wf(
        name=WORKFLOW_NAME,
        out_dir=str(plan.out_dir.absolute()),
        command=command,
        # The tables are made at the end, with the runs that were up to date or failed before.
        cohort_tables=False,
        batch_size=batch_size,
        extract_mem_gb=plan.estimate.extract_gb,
        fit_mem_gb=plan.estimate.fit_gb,
        **values_of(plan.params, MaskerParameters),
    )
    workflow.base_dir = str(work_dir)
    crashes = {"crashdump_dir": str(crash_dir(plan.out_dir)), "crashfile_format": "txt"}
    workflow.config.setdefault("execution", {}).update(crashes)
    inputs = workflow.inputs.inputnode
    inputs.run_ids = [planned.run.run_id for planned in runs]
    inputs.in_files = [_absolute(planned.run.in_file) for planned in runs]
    inputs.confounds_files = [
        [_absolute(path) for path in planned.run.confounds] or None for planned in runs
    ]
    inputs.sample_mask_files = [_absolute(planned.run.sample_mask) for planned in runs]
    inputs.mask_img = [_absolute(planned.run.mask) for planned in runs]
    inputs.t_rs = [planned.run.t_r for planned in runs]
    inputs.keys = [planned.key for planned in runs]
    inputs.extraction_keys = [planned.extraction_key for planned in runs]
    inputs.kept = [kept_extraction(planned, plan) for planned in runs]
    inputs.kept_strategies = [list(kept_strategies(planned, plan)) or None for planned in runs]
    inputs.maps_img = [_absolute(str(atlas.maps.path)) for atlas in plan.atlases]
    inputs.labels_files = [_absolute(atlas.labels_file) for atlas in plan.atlases]
    return workflow


def _absolute(path: str | None) -> str | None:
    """Make a path absolute, or leave a gap; what many runs share is held once."""
    return None if path is None else sys.intern(str(Path(path).absolute()))
