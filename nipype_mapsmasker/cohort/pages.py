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
from nipype_mapsmasker.core.parameters import EngineParameters
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS
from nipype_mapsmasker.reports.folder import check_wishes, result_runs, write_cohort_page
from nipype_mapsmasker.workflows.batching import BATCH_NODE

__all__ = ["PagesRequest", "PagesResult", "make_pages"]

WORKFLOW_NAME = "mapsmasker_pages_wf"

FEW_RUNS = 16
"""The pages of so many runs are made sooner than the engine's processes are started."""


@dataclass(frozen=True, kw_only=True)
class PagesRequest(EngineParameters):
    """
    Hold which pages are wanted, and the engine, with the words of `CohortRequest`.

    Parameters
    ----------
    out_dir : str
        The result folder.
    displayed_maps, cmap
        As in `nipype_mapsmasker.reports.page_run.run_page`; None for what was asked for when the
        results were made.
    plugin, n_procs, batch_size, mem_gb, plugin_args, work_dir, clean_work_dir, on_error
        As in `CohortRequest`.
    """

    out_dir: str
    displayed_maps: Any = None
    cmap: str | None = None
    on_error: str = "record"

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        EngineParameters.__post_init__(self)
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
    files = {run_id: folder / f"told_{number}.json" for number, run_id in enumerate(run_ids)}
    crashed: dict[str, Crash] = {}
    progress = Progress(len(run_ids), lambda run_id: files[run_id].exists(), tell, "pages")
    try:
        with logged(out_dir, "nipype.log"):
            run_until_done(
                lambda left, size: _build(request, {name: files[name] for name in left}, size),
                cast(CohortRequest, request),  # the engine's fields are all that is looked at
                run_ids,
                folder / WORKFLOW_NAME / BATCH_NODE,
                progress,
                crashed,
            )
        return [
            _lost(run_id, crashed[run_id])
            if run_id in crashed
            else json.loads(file.read_text(encoding="utf-8"))
            for run_id, file in files.items()
        ]
    finally:
        tidy_crashes(crash_dir(out_dir), keep=False)
        shutil.rmtree(folder, ignore_errors=True)


def _lost(run_id: str, crash: Crash) -> dict[str, list[str]]:
    """Tell of a run that its process did not survive."""
    return {
        "pages": [],
        "warnings": [f"{run_id}: the page could not be drawn ({crash.reason})."],
    }


def _build(request: PagesRequest, files: Mapping[str, Path], size: int) -> Any:
    """Build the workflow: one step per batch of runs."""
    from nipype.pipeline.engine import MapNode, Workflow

    from nipype_mapsmasker.interfaces.reports import RedrawRuns

    step = RedrawRuns(
        out_dir=str(Path(request.out_dir).absolute()),
        displayed_maps=request.displayed_maps,
        cmap=request.cmap or "",
        on_error=request.on_error,
    )
    node = MapNode(step, iterfield=["run_ids", "told_files"], name=BATCH_NODE)
    run_ids, told = list(files), [str(file) for file in files.values()]
    starts = range(0, len(run_ids), size)
    node.inputs.run_ids = [run_ids[start : start + size] for start in starts]
    node.inputs.told_files = [told[start : start + size] for start in starts]
    workflow = Workflow(WORKFLOW_NAME, base_dir=str(request.work_folder))
    crashes = {"crashdump_dir": str(crash_dir(Path(request.out_dir))), "crashfile_format": "txt"}
    workflow.config.setdefault("execution", {}).update(crashes)
    workflow.add_nodes([node])
    return workflow
