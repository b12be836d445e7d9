# SPDX-License-Identifier: Apache-2.0
"""The pages of a result folder once more, through the engine that runs cohorts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from nipype_mapsmasker.cohort.crashes import Crash, tidy_crashes
from nipype_mapsmasker.cohort.engine import crash_dir, logged, run_until_done
from nipype_mapsmasker.cohort.lock import locked
from nipype_mapsmasker.cohort.progress import Progress, ProgressEvent
from nipype_mapsmasker.cohort.request import CohortRequest
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS
from nipype_mapsmasker.reports.folder import check_wishes, result_runs, write_cohort_page

__all__ = ["PagesRequest", "PagesResult", "make_pages"]

FEW_RUNS = 16
"""The pages of so many runs are made sooner than the engine's processes are started."""


@dataclass(frozen=True, kw_only=True)
class PagesRequest:
    """
    Hold which pages are wanted, and the engine, with the words of `CohortRequest`.

    Parameters
    ----------
    out_dir : str
        The result folder.
    displayed_maps, cmap
        As in `nipype_mapsmasker.reports.page_run.run_page`; None for what was asked for when the
        results were made.
    plugin, n_procs, mem_gb, plugin_args, work_dir, on_error
        As in `CohortRequest`.
    """

    out_dir: str
    displayed_maps: Any = None
    cmap: str | None = None
    plugin: str = "MultiProc"
    n_procs: int | None = None
    mem_gb: float | None = None
    plugin_args: Mapping[str, Any] | None = None
    work_dir: str | None = None
    on_error: str = "record"

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.n_procs is not None and self.n_procs < 1:
            msg = f"n_procs must be a whole number of at least 1; got {self.n_procs}."
            raise ParameterError(msg)
        check_wishes(self.displayed_maps, self.cmap)

    @property
    def work_folder(self) -> Path:
        """Where the engine works; it is empty before and gone afterwards."""
        base = private_folder(self.out_dir) if self.work_dir is None else Path(self.work_dir)
        return base.absolute() / "pages"


@dataclass(frozen=True)
class PagesResult:
    """
    Tell what was made.

    Parameters
    ----------
    pages : tuple of Path
        The pages of the runs, then that of the cohort.
    warnings : tuple of str
        Pages that could not be drawn, and why.
    """

    pages: tuple[Path, ...]
    warnings: tuple[str, ...]


def make_pages(
    request: PagesRequest, progress: Callable[[ProgressEvent], None] | None = None
) -> PagesResult:
    """
    Make all pages of a result folder again, without the images.

    Parameters
    ----------
    request : PagesRequest
        What is wanted.
    progress : callable, optional
        Is given a `ProgressEvent` whenever the pages of a run are made.

    Returns
    -------
    PagesResult
        Pages and warnings; a run whose page cannot be drawn costs no other.

    Raises
    ------
    ParameterError
        The folder holds no results, or another process works on it.
    EngineError
        More than single runs failed.
    """
    out_dir = Path(request.out_dir)
    result_runs(out_dir)  # before a lock is laid into a folder that is not one of results
    with locked(private_folder(out_dir)):
        done = [
            row["run_id"] or "" for row in result_runs(out_dir) if row["status"] in WITH_RESULTS
        ]
        made = _through_engine(request, done, progress) if done else []
        page = write_cohort_page(out_dir)
    pages = [Path(path) for told in made for path in told["pages"]]
    warnings = [text for told in made for text in told["warnings"]]
    return PagesResult((*pages, page), tuple(warnings))


def _through_engine(
    request: PagesRequest, run_ids: list[str], tell: Callable[[ProgressEvent], None] | None
) -> list[dict[str, list[str]]]:
    """Make the pages of runs; give what each tells of them."""
    if len(run_ids) <= FEW_RUNS and request.plugin == "MultiProc":
        request = replace(request, plugin="Linear")
    out_dir, folder = Path(request.out_dir), request.work_folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    crashed: dict[str, Crash] = {}

    def say(event: ProgressEvent) -> None:
        if tell is not None:  # each run has one step: those through it are done
            n_failed = len(crashed)
            tell(replace(event, done=event.reached - n_failed, failed=n_failed))

    progress = Progress(len(run_ids), 1, lambda number: True, say)
    try:
        with logged(out_dir, "nipype.log"):
            run_until_done(
                lambda lost: _build(request, run_ids, folder, lost),
                cast(CohortRequest, request),  # the engine's fields are all that is looked at
                run_ids,
                progress,
                crashed,
            )
        files = [_told_file(folder, number) for number in range(len(run_ids))]
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]
    finally:
        tidy_crashes(crash_dir(out_dir), keep=False)
        shutil.rmtree(folder, ignore_errors=True)


def _build(
    request: PagesRequest, run_ids: list[str], folder: Path, crashed: Mapping[str, Crash]
) -> Any:
    """Build the workflow: one step per run, those that crashed before with their reason."""
    from nipype.pipeline.engine import MapNode, Workflow

    from nipype_mapsmasker.interfaces.reports import RedrawRun

    step = RedrawRun(
        out_dir=str(Path(request.out_dir).absolute()),
        displayed_maps=request.displayed_maps,
        cmap=request.cmap or "",
        on_error=request.on_error,
    )
    node = MapNode(step, iterfield=["run_id", "told_file", "fault"], name="report_run")
    node.inputs.run_id = run_ids
    node.inputs.told_file = [str(_told_file(folder, n)) for n in range(len(run_ids))]
    node.inputs.fault = [crashed[one].reason if one in crashed else "" for one in run_ids]
    workflow = Workflow("mapsmasker_pages_wf", base_dir=str(folder))
    crashes = {"crashdump_dir": str(crash_dir(Path(request.out_dir))), "crashfile_format": "txt"}
    workflow.config.setdefault("execution", {}).update(crashes)
    workflow.add_nodes([node])
    return workflow


def _told_file(folder: Path, number: int) -> Path:
    """Name the file in which a step tells of its pages."""
    return folder / f"told_{number}.json"
