# SPDX-License-Identifier: Apache-2.0
"""The command ``run``: plan, build, run, summarise."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from nipype_mapsmasker.cli.options import masker_parameters
from nipype_mapsmasker.cli.screen import show_plan, show_summary
from nipype_mapsmasker.cohort.engine import check_engine
from nipype_mapsmasker.cohort.inputs import TABLE_SUFFIXES, Run, collect_runs
from nipype_mapsmasker.cohort.lock import locked
from nipype_mapsmasker.cohort.plan import Plan, make_plan, renew_states
from nipype_mapsmasker.cohort.slices import slice_of, write_array_script
from nipype_mapsmasker.cohort.tables import earlier_rows, rows_of, write_page, write_tables
from nipype_mapsmasker.cohort.workdir import clean_work_dir
from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.atomic import TEMPORARY_PREFIX
from nipype_mapsmasker.io.results.layout import private_folder, run_files
from nipype_mapsmasker.io.results.storing import store_failure

__all__ = ["run", "run_plan"]


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
    check_engine(arguments)
    params = masker_parameters(arguments)
    runs = collect_runs(arguments)
    if arguments.slice is not None:
        runs = slice_of(runs, arguments.slice)
        if not runs:
            return 0
    if params.reports and params.cmap != MaskerParameters.cmap:
        from nipype_mapsmasker.reports.pictures import check_cmap  # loads matplotlib

        check_cmap(params.cmap)
    _check_places(arguments, runs)
    plan = make_plan(arguments, params, runs)
    to = sys.stdout if arguments.dry_run else sys.stderr
    if not arguments.quiet or arguments.dry_run:
        show_plan(plan, arguments, to=to)
    if arguments.write_slurm_array is not None and arguments.slice is None:
        print(write_array_script(arguments, plan))
        return 0
    if arguments.dry_run:
        return 1 if plan.having("fault") else 0
    if not plan.runs:
        return 0
    ids = None if arguments.slice is None else [one.run.run_id for one in plan.runs]
    with locked(private_folder(plan.out_dir), ids):
        # Another process may have held the folder, and changed it, while this one planned.
        return run_plan(arguments, renew_states(plan))


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
        fault = {"step": one.step, "reason": one.reason}
        store_failure(plan.out_dir, one.run.run_id, fault, keep_manifest=True)
    command = shlex.join(["mapsmasker", *arguments.command_line])
    work_dir = _work_dir(arguments, plan)
    is_open = bool(plan.having("todo", "clean")) and not arguments.only_tables
    if arguments.slice is None:
        _remove_leftovers(plan)
    before = _content(plan.out_dir / "runs.tsv")
    try:
        if is_open:
            from nipype_mapsmasker.cohort.execute import execute

            with locked(work_dir):  # another result folder may share it
                faults |= execute(arguments, plan, work_dir, command)
    finally:
        rows = rows_of(plan, faults)
        if arguments.slice is None:
            is_table = arguments.input.lower().endswith(TABLE_SUFFIXES)
            write_tables(plan, rows if is_table else rows + earlier_rows(plan), command)
    is_news = is_open or before != _content(plan.out_dir / "runs.tsv")
    page = plan.out_dir / "report.html"
    if plan.params.reports and arguments.slice is None and (is_news or not page.exists()):
        write_page(plan.out_dir)
    n_done = sum(row["status"] == "done" for row in rows)
    if arguments.clean_work_dir and n_done == len(rows):
        clean_work_dir(work_dir)
    if not arguments.quiet:
        show_summary(plan, rows, to=sys.stderr)
    if n_done == 0:
        return 2
    return 1 if n_done < len(rows) else 0


def _work_dir(arguments: argparse.Namespace, plan: Plan) -> Path:
    """Give the working folder."""
    return Path(arguments.work_dir or private_folder(plan.out_dir) / "work").absolute()


def _check_places(arguments: argparse.Namespace, runs: Sequence[Run]) -> None:
    """Refuse results or work below the data of a run: input folders are never written to."""
    work_dir = Path(arguments.work_dir).absolute() if arguments.work_dir else None
    for folder in (Path(arguments.out_dir).absolute(), work_dir):
        if folder is not None and folder.exists() and not folder.is_dir():
            msg = f"{folder} is a file, expected a folder; give another one."
            raise ParameterError(msg)
    out_dir = Path(arguments.out_dir).absolute()
    for run in runs:
        if Path(run.in_file).absolute().is_relative_to(out_dir):
            msg = (
                f"{arguments.out_dir} holds {run.in_file}, and folders of data are never written "
                "to; give a result folder of its own."
            )
            raise ParameterError(msg)
    if not runs and arguments.slice is None:
        msg = "There is no run to work on; give at least one."
        raise ParameterError(msg)


def _content(path: Path) -> bytes:
    """Read a file, or nothing where there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _remove_leftovers(plan: Plan) -> None:
    """Remove files that a killed process was writing."""
    folders = {
        folder for one in plan.runs for folder in run_files(plan.out_dir, one.run.run_id).folders
    }
    for folder in {plan.out_dir, plan.out_dir / "logs", *folders}:
        for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
            path.unlink(missing_ok=True)
