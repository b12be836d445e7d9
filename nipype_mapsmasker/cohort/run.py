# SPDX-License-Identifier: Apache-2.0
"""The one door to a cohort: what the command line does, and notebooks do without it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.collecting import seldom_collected
from nipype_mapsmasker.cohort.folder import check_spaces, with_atlases, with_cohort_mask
from nipype_mapsmasker.cohort.inputs import collect_runs
from nipype_mapsmasker.cohort.known import write_known
from nipype_mapsmasker.cohort.lock import free_folder, locked
from nipype_mapsmasker.cohort.places import check_places
from nipype_mapsmasker.cohort.plan import Plan, make_plan, renew_states
from nipype_mapsmasker.cohort.progress import ProgressEvent
from nipype_mapsmasker.cohort.request import CohortRequest
from nipype_mapsmasker.cohort.slices import ArrayScript, slice_of, write_array_script
from nipype_mapsmasker.cohort.tables import rows_of
from nipype_mapsmasker.cohort.workdir import clean_work_dir
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.atomic import TEMPORARY_PREFIX
from nipype_mapsmasker.io.results.cohort import write_cohort
from nipype_mapsmasker.io.results.inputs import AtlasInputs, write_inputs
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.results.manifests import DONE, WITH_RESULTS, read_manifest
from nipype_mapsmasker.io.results.provenance import provenance_of
from nipype_mapsmasker.io.results.storing import store_failure

__all__ = ["CohortResult", "RunResult", "plan_cohort", "run_cohort"]

ALL_DONE, SOME_FAILED, NONE_DONE = 0, 1, 2
"""Exit codes: every run of the call is done, by every strategy; some are; none is."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """
    Say how one run stands after a call.

    Parameters
    ----------
    run_id : str
        The run.
    status : str
        'done', 'incomplete' (some strategies failed, the others are done), 'failed' or 'not
        reached'; of a dry run 'todo', 'clean' (only to be cleaned again), 'done' or 'fault'.
    reason : str
        Why it, or some of its strategies, failed or is at fault.
    warnings : str
        What was warned of.
    out_dir : Path or None
        The result folder, where it has results.
    names : tuple of str
        Its results below that.
    """

    run_id: str
    status: str
    reason: str = ""
    warnings: str = ""
    out_dir: Path | None = None
    names: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Its results."""
        return () if self.out_dir is None else tuple(self.out_dir / name for name in self.names)


@dataclass(frozen=True, kw_only=True)
class CohortResult:
    """
    Say how a call went; other runs of the result folder are in its ``runs.tsv``.

    Parameters
    ----------
    runs : tuple of RunResult
        The runs of the call, in the user's order.
    plan : Plan
        What was to be done.
    exit_code : int
        0 every run is done; 1 some runs, or some strategies of some runs, failed, and the others
        are done; 2 nothing is done. Of a dry run, 1 where a run, or a strategy of it, is at fault.
    out_dir : Path
        The result folder.
    runs_file, cohort_page : Path or None
        Table and page of all runs of the result folder; None where there is none.
    array : ArrayScript or None
        The script for a cluster, where that was asked for.
    """

    runs: tuple[RunResult, ...]
    plan: Plan = field(repr=False)
    exit_code: int
    out_dir: Path
    runs_file: Path | None = None
    cohort_page: Path | None = None
    array: ArrayScript | None = None

    def having(self, *statuses: str) -> list[RunResult]:
        """List the runs of some statuses."""
        return [run for run in self.runs if run.status in statuses]


@seldom_collected()
def plan_cohort(request: CohortRequest) -> Plan:
    """
    Look at everything but the images' voxels, and write nothing.

    Parameters
    ----------
    request : CohortRequest
        The request.

    Returns
    -------
    Plan
        What `run_cohort` would do with every run, and every fault that headers and tables show.

    Raises
    ------
    DataFault
        Input, maps or the shared mask cannot be used; or, with ``on_error='raise'``, the first
        fault of any run.
    ParameterError
        Values that do not go together.
    """
    found = collect_runs(request)
    request = with_atlases(request, found.runs)
    runs = check_spaces(request, found.runs)
    check_places(request, runs)
    request.check_confounds()
    runs = with_cohort_mask(request, runs)
    if request.slice is not None:
        runs = slice_of(runs, request.slice, by_subject=request.folder is not None)
    elif not runs:
        msg = "There is no run to work on; give at least one."
        raise ParameterError(msg)
    if request.reports and request.cmap != CohortRequest.cmap:
        from nipype_mapsmasker.reports.palettes import check_cmap  # may load matplotlib

        check_cmap(request.cmap)
    plan = make_plan(request, runs)
    return replace(plan, left_out=found.left_out, is_folder=request.folder is not None)


def run_cohort(
    request: CohortRequest,
    *,
    plan: Plan | None = None,
    progress: Callable[[ProgressEvent], None] | None = None,
) -> CohortResult:
    """
    Bring a cohort's results up to date: what is finished and unchanged is not done again.

    Parameters
    ----------
    request : CohortRequest
        What is wanted.
    plan : Plan, optional
        From `plan_cohort` of the same request; made here by default.
    progress : callable, optional
        Is given a `ProgressEvent` whenever a step of a run ends.

    Returns
    -------
    CohortResult
        How every run stands.

    Raises
    ------
    ParameterError
        Values that do not go together, a plan of another request, or another process works on
        the result folder.
    DataFault
        As `plan_cohort`.
    EngineError
        Something else than single runs failed, as on a full disk, or any run where
        ``on_error='raise'``; what is finished is kept, and the tables tell of it.

    Notes
    -----
    Log lines of all steps go to ``OUT/logs``. After an interruption call it again: it goes on.
    """
    plan = plan_cohort(request) if plan is None else plan
    # Atlases that were asked for by name may have got their scales.
    masker = replace(request.masker(), atlases=plan.params.atlases)
    masker = masker if request.atlas else request.masker()
    if (plan.out_dir, plan.params) != (Path(request.out_dir), masker):
        msg = f"The plan for {plan.out_dir} is of another request; plan this one, or leave it out."
        raise ParameterError(msg)
    if request.array is not None and request.slice is None:
        return _planned(plan, ALL_DONE, write_array_script(request, plan))
    if request.dry_run:
        return _planned(plan, SOME_FAILED if any(one.reason for one in plan.runs) else ALL_DONE)
    if not plan.runs:
        return _planned(plan, ALL_DONE)
    ids = [one.run.run_id for one in plan.runs]
    with locked(
        private_folder(plan.out_dir), ids, when_alone=lambda: _remove_leftovers(plan.out_dir)
    ):
        with seldom_collected():
            # Another process may have held the folder, and changed it, while this one planned.
            renewed = renew_states(plan)
            if request.slice is None:  # hundreds of slices would wait for each other
                with suppress(OSError):  # which only spares a later call some time
                    write_known(plan.out_dir, renewed.known())
        return _run_plan(request, renewed, progress)


def _run_plan(
    request: CohortRequest, plan: Plan, progress: Callable[[ProgressEvent], None] | None
) -> CohortResult:
    """Do what is planned, and write the cohort's tables, however that ends."""
    faults = {planned.run.run_id: planned.reason for planned in plan.having("fault")}
    for planned in plan.having("fault"):
        fault = {"step": planned.step, "reason": planned.reason}
        store_failure(plan.out_dir, planned.run.run_id, fault, keep_manifest=True)
    is_open = bool(plan.having("todo", "clean")) and not request.only_tables
    is_whole = request.slice is None  # slices leave the tables to the call that follows them
    table = plan.out_dir / "runs.tsv"
    before = _content(table)
    command = shlex.join(["mapsmasker", *request.command]) if request.command else ""
    work_dir = request.work_folder
    with _logged(request, plan.out_dir) if is_open else nullcontext():
        try:
            if is_open:
                from nipype_mapsmasker.cohort.execute import execute

                # Another call, or another result folder, may be at work in it.
                with free_folder(work_dir) as work_dir:
                    faults |= execute(request, plan, work_dir, command, progress)
        finally:
            with seldom_collected():
                rows = rows_of(plan, faults)
                if is_whole:
                    _write_tables(plan, rows, command, worked=is_open)
        page = plan.out_dir / "report.html"
        is_news = is_open or before != _content(table) or not page.exists()
        if plan.params.reports and is_whole and is_news:
            from nipype_mapsmasker.reports.folder import write_cohort_page  # loads matplotlib

            write_cohort_page(plan.out_dir)
        done = [row["run_id"] for row in rows if row["status"] == "done"]
        cited = plan.out_dir / "logs" / "CITATION.md"
        if is_whole and done and (is_open or not cited.exists()):
            from nipype_mapsmasker.reports.citation import write_citation

            write_citation(plan.out_dir, done[0])
    result = _finished(plan, rows)
    if request.clean_work_dir and result.exit_code == ALL_DONE:
        clean_work_dir(work_dir)
    return result


def _write_tables(
    plan: Plan, rows: Sequence[Mapping[str, Any]], command: str, *, worked: bool
) -> None:
    """Write what tells of all runs of the result folder."""
    write_cohort(
        plan.out_dir,
        rows,
        plan.params.atlases,
        provenance_of(plan.params, command),
        sources=[one.run.in_file for one in plan.runs],
        maps_files={atlas.name: atlas.maps.path for atlas in plan.atlases},
        worked=worked,
    )
    write_inputs(
        plan.out_dir,
        {one.run.run_id: one.run.mask for one in plan.runs if one.state != "fault"},
        {
            atlas.name: AtlasInputs(str(atlas.maps.path), atlas.labels_file, atlas.names)
            for atlas in plan.atlases
        },
    )


def _logged(request: CohortRequest, out_dir: Path) -> Any:
    """Send log lines to a file of the result folder, each slice to its own."""
    from nipype_mapsmasker.cohort.engine import logged

    part = "" if request.slice is None else f"-slice-{request.slice.replace('/', '-of-')}"
    return logged(out_dir, f"nipype{part}.log")


def _planned(plan: Plan, exit_code: int, array: ArrayScript | None = None) -> CohortResult:
    """Tell of a call that works on no run."""
    runs = tuple(
        RunResult(run_id=planned.run.run_id, status=planned.state, reason=planned.reason)
        for planned in plan.runs
    )
    return CohortResult(
        runs=runs, plan=plan, exit_code=exit_code, out_dir=plan.out_dir, array=array
    )


def _finished(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> CohortResult:
    """Tell of a call from the rows of its runs."""
    runs = []
    planned = {one.run.run_id: one for one in plan.runs}
    for row in rows:
        names: tuple[str, ...] = ()
        run_id = row["run_id"]
        if row["status"] in WITH_RESULTS:
            one = planned[run_id]
            path = one.manifest_file(plan.out_dir)
            manifest = read_manifest(path, one.key, known=one.manifest)
            names = () if manifest is None else tuple(manifest.files)
        words = {name: row.get(name) or "" for name in ("reason", "warnings")}
        runs.append(
            RunResult(
                run_id=run_id, status=row["status"], out_dir=plan.out_dir, names=names, **words
            )
        )
    n_done = sum(run.status == DONE for run in runs)
    any_done = any(run.status in WITH_RESULTS for run in runs)
    paths = [plan.out_dir / name for name in ("runs.tsv", "report.html")]
    table, page = [path if path.exists() else None for path in paths]
    return CohortResult(
        runs=tuple(runs),
        plan=plan,
        exit_code=ALL_DONE if n_done == len(runs) else SOME_FAILED if any_done else NONE_DONE,
        out_dir=plan.out_dir,
        runs_file=table,
        cohort_page=page,
    )


def _content(path: Path) -> bytes:
    """Read a file, or nothing where there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _remove_leftovers(out_dir: Path) -> None:
    """Remove files that a killed process was writing, once nobody is at work in the folder."""
    work = str(private_folder(out_dir) / "work")
    for root, folders, files in os.walk(out_dir):
        folders[:] = [name for name in folders if f"{root}/{name}" != work]
        for name in files:
            if name.startswith(TEMPORARY_PREFIX):
                Path(root, name).unlink(missing_ok=True)
