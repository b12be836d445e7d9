# SPDX-License-Identifier: Apache-2.0
"""The command ``run``: plan, build, run, summarise."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cli.inputs import collect_runs
from nipype_mapsmasker.cli.lock import locked
from nipype_mapsmasker.cli.options import masker_parameters
from nipype_mapsmasker.cli.plan import Plan, PlannedRun, kept_extraction, make_plan
from nipype_mapsmasker.cli.screen import show_plan, show_summary
from nipype_mapsmasker.io.layout import run_files
from nipype_mapsmasker.io.manifests import read_manifest
from nipype_mapsmasker.io.storing import failed_row, store_failure, write_cohort_tables
from nipype_mapsmasker.workflows.provenance import provenance_of

__all__ = ["run", "run_plan"]

STEPS_PER_RUN = 2
"""Steps that every run has besides one per atlas and strategy: extraction and storing."""


def run(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.

    Returns
    -------
    int
        The exit code.
    """
    params = masker_parameters(arguments)
    plan = make_plan(arguments, params, collect_runs(arguments))
    if not arguments.quiet or arguments.dry_run:
        show_plan(plan, arguments, to=sys.stdout if arguments.dry_run else sys.stderr)
    if arguments.dry_run:
        return 1 if plan.having("fault") else 0
    with locked(plan.out_dir):
        return run_plan(arguments, plan)


def run_plan(arguments: argparse.Namespace, plan: Plan) -> int:
    """
    Do what is planned, write the cohort's tables, and say how it went.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.
    plan : Plan
        The plan.

    Returns
    -------
    int
        The exit code.
    """
    faults = {one.run.run_id: one.reason for one in plan.having("fault")}
    for one in plan.having("fault"):
        store_failure(plan.out_dir, one.run.run_id, {"step": one.step, "reason": one.reason})
    open_runs = plan.having("todo", "clean")
    command = " ".join(["mapsmasker", *arguments.command_line])
    work_dir = Path(arguments.work_dir or plan.out_dir / "work").absolute()
    try:
        if open_runs:
            faults |= _execute(arguments, plan, open_runs, work_dir, command)
    finally:
        rows = [_row(plan, one, faults) for one in plan.runs]
        write_cohort_tables(plan.out_dir, rows, provenance_of(plan.params, command))
    if plan.params.reports:
        _write_cohort_page(plan.out_dir)
    n_failed = sum(row["status"] == "failed" for row in rows)
    if arguments.clean_work_dir and not n_failed:
        shutil.rmtree(work_dir, ignore_errors=True)
    if not arguments.quiet:
        show_summary(plan, rows, to=sys.stderr)
    if n_failed == len(rows):
        return 2
    return 1 if n_failed else 0


def _execute(
    arguments: argparse.Namespace,
    plan: Plan,
    open_runs: list[PlannedRun],
    work_dir: Path,
    command: str,
) -> dict[str, str]:
    """Build the workflow of the open runs and run it."""
    from nipype_mapsmasker.cli.engine import configure, run_until_done, write_crash_faults
    from nipype_mapsmasker.cli.progress import Progress
    from nipype_mapsmasker.workflows import init_cohort_wf

    configure(plan.out_dir, verbose=arguments.verbose, quiet=arguments.quiet)
    run_ids = [one.run.run_id for one in open_runs]

    def build(crashed: dict[str, str]) -> Any:
        workflow = init_cohort_wf(
            out_dir=str(plan.out_dir.absolute()),
            command=command,
            cohort_page=False,  # drawn at the end, with the runs that were up to date or failed
            **vars(plan.params),
        )
        workflow.base_dir = str(work_dir)
        inputs = workflow.inputs.inputnode
        inputs.run_ids = run_ids
        inputs.in_files = [str(Path(one.run.in_file).absolute()) for one in open_runs]
        inputs.confounds_files = [
            [str(Path(path).absolute()) for path in one.run.confounds] or None for one in open_runs
        ]
        inputs.sample_mask_files = [_absolute(one.run.sample_mask) for one in open_runs]
        inputs.mask_img = [_absolute(one.run.mask) for one in open_runs]
        inputs.t_rs = [None if one.t_r is None else one.run.t_r for one in open_runs]
        inputs.keys = [one.key for one in open_runs]
        inputs.extraction_keys = [one.extraction_key for one in open_runs]
        inputs.kept = [kept_extraction(one, plan) for one in open_runs]
        inputs.maps_img = [str(atlas.maps.path.absolute()) for atlas in plan.atlases]
        inputs.labels_files = [_absolute(atlas.labels_file) for atlas in plan.atlases]
        files = write_crash_faults(work_dir / "faults", crashed)
        inputs.upstream_faults = [files.get(run_id) for run_id in run_ids] if files else None
        return workflow

    n_steps = STEPS_PER_RUN + len(plan.atlases) * len(plan.params.strategies) * (
        1 + plan.params.inverse_transform + plan.params.reports
    )
    progress = Progress(
        len(open_runs),
        n_steps + plan.params.high_variance_confounds,
        lambda number: run_files(plan.out_dir, run_ids[number]).manifest.exists(),
        quiet=arguments.quiet,
    )
    try:
        return run_until_done(build, arguments, run_ids, progress, plan.out_dir / "logs")
    finally:
        progress.close()


def _write_cohort_page(out_dir: Path) -> None:
    """Draw the page of all runs; matplotlib is loaded here and not before."""
    from nipype_mapsmasker.interfaces.page_folder import write_cohort_page

    write_cohort_page(out_dir)


def _row(plan: Plan, one: PlannedRun, faults: dict[str, str]) -> dict[str, Any]:
    """Give a run's row of ``runs.tsv``, from what is in the result folder."""
    run_id = one.run.run_id
    names = run_files(plan.out_dir, run_id)
    manifest = read_manifest(names.manifest)
    if run_id not in faults and manifest is not None and manifest.key == one.key:
        return manifest.row
    return failed_row(run_id, faults.get(run_id) or _logged_reason(names.log))


def _logged_reason(log: Path) -> str:
    """Read a failed run's reason from its log."""
    try:
        return log.read_text(encoding="utf-8").splitlines()[1].partition(": ")[2]
    except (OSError, IndexError):
        return "The run was not reached; run the command again."


def _absolute(path: str | None) -> str | None:
    """Make a path absolute, or leave a gap."""
    return None if path is None else str(Path(path).absolute())
