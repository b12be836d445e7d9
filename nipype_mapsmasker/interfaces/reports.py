# SPDX-License-Identifier: Apache-2.0
"""Doors to the pages: one per run, one per cohort."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    TraitedSpec,
    traits,
)

from nipype_mapsmasker.core.parameters import PageParameters
from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.interfaces.base import (
    LeanInterface,
    RunInputSpec,
    RunInterface,
    RunOutputSpec,
    or_none,
)
from nipype_mapsmasker.interfaces.given import Given, text_of
from nipype_mapsmasker.interfaces.traits import (
    made_file,
    optional_file,
    optional_files,
    optional_number,
    run_file,
    with_parameters,
)
from nipype_mapsmasker.io.arrays import save_arrays
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.journal import note
from nipype_mapsmasker.io.results.sidecar import compose_sidecar
from nipype_mapsmasker.io.results.summary import read_summary
from nipype_mapsmasker.reports.folder import page_links, redraw_run, write_cohort_page
from nipype_mapsmasker.reports.judged import judged, keep_judged
from nipype_mapsmasker.reports.load import (
    PageFiles,
    load_run,
    report_data,
    write_run_page,
)

__all__ = ["RedrawRuns", "ReportCohort", "ReportRun"]

LOGGER = logging.getLogger("nipype_mapsmasker.interfaces")


@with_parameters(PageParameters, leave_out=["reports"])
class _ReportRunInputSpec(RunInputSpec):
    signals_file = run_file("raw signals of one atlas")
    timeseries_file = run_file("the same, cleaned")
    summary_file = optional_file("JSON: what cleaning did, from CleanSignals")
    coverage_file = run_file("coverage of the maps in this run")
    fit_coverage_file = optional_file("coverage and variance inflation of the fit, from FitMaps")
    cuts_file = optional_file("cuts of the maps, from FitMaps")
    fit_quality_file = optional_file("R squared of every volume")
    mean_file = optional_file("mean image of the run")
    confounds_files = optional_files("table or tables of confounds that cleaning used")
    high_variance_file = optional_file("table of high-variance confounds")
    sample_mask_file = optional_file("table of the volumes to keep")
    in_file = optional_file("the image, to be named")
    atlas = traits.Str("maps", usedefault=True, desc="name of the atlas")
    strategy = traits.Str("", usedefault=True, desc="name of the cleaning strategy, if it has one")
    maps_checksum = Given(text_of, usedefault=True, desc="SHA-256 of the maps")
    t_r = optional_number("repetition time in seconds")
    out_dir = traits.Str(
        "", usedefault=True, desc="result folder whose cohort page is linked to; '' for no link"
    )
    provenance = traits.Dict(usedefault=True, desc="versions, parameters and command")
    palette = traits.List(
        traits.Str(),
        usedefault=True,
        desc="the colours of cmap, each #rrggbb, so that no process has to look them up",
    )


class _ReportRunOutputSpec(RunOutputSpec):
    out_file = made_file("self-contained page (.html); None where drawing failed")
    data_file = made_file("what the page needs and no other result holds (.npz), to make it again")


class ReportRun(RunInterface):
    """
    Draw the page that tells whether a run can be used, and why not.

    The page needs no network and no other file. Equal inputs give equal bytes. A page is an
    extra: where drawing it fails, a warning names the run, ``out_file`` is None, and the run goes
    on to its other results. Only faults of the system, such as a full disk, are raised.
    """

    input_spec = _ReportRunInputSpec
    output_spec = _ReportRunOutputSpec

    def _process(self, cwd: Path) -> None:
        self._results = self._empty_results()
        try:
            self._draw(cwd)
        except Exception as error:
            if isinstance(error, MemoryError | OSError) and not isinstance(error, DataFault):
                raise
            LOGGER.warning(
                "%s: the page could not be drawn (%s: %s); all other results are kept.",
                self.inputs.run_id or "A run",
                type(error).__name__,
                error,
            )
            LOGGER.debug("While drawing a page:", exc_info=True)

    def _draw(self, cwd: Path) -> None:
        """Write what the page needs, and the page."""
        inputs = self.inputs
        summary = read_summary(inputs.summary_file, inputs.signals_file, inputs.timeseries_file)
        data = report_data(
            n_volumes=summary["n_volumes"],
            summary=summary,
            cuts_file=inputs.cuts_file,
            fit_coverage_file=inputs.fit_coverage_file,
            confounds_files=inputs.confounds_files,
            high_variance_file=inputs.high_variance_file,
            sample_mask_file=inputs.sample_mask_file,
        )
        files = PageFiles(
            signals_file=Path(inputs.signals_file),
            timeseries_file=Path(inputs.timeseries_file),
            coverage_file=Path(inputs.coverage_file),
            fit_quality_file=_path(inputs.fit_quality_file),
            mean_file=_path(inputs.mean_file),
        )
        try:
            run = judged(load_run(inputs.run_id, files, self._sidecar(summary), data=data))
            data["judged"] = np.array(keep_judged(run))
        finally:  # without a page, too: it can be made later
            data_file = save_arrays(cwd / "reportdata.npz", data)
            self._results["data_file"] = str(data_file)
        page = write_run_page(
            cwd / "page.html",
            run,
            displayed_maps=inputs.displayed_maps,
            cmap=inputs.cmap,
            palette=inputs.palette,
        )
        self._results["out_file"] = str(page)

    def _sidecar(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Say what will stand in the JSON beside the stored signals."""
        inputs = self.inputs
        sidecar = compose_sidecar(
            summary,
            in_file=inputs.in_file or "",
            t_r=inputs.t_r,
            atlas=inputs.atlas,
            checksum=inputs.maps_checksum or "",
            strategy=inputs.strategy,
            provenance=or_none(inputs.provenance) or {},
        )
        if not inputs.out_dir:
            return sidecar
        suffix = Path(inputs.timeseries_file).suffix[1:]
        return sidecar | page_links(
            inputs.out_dir, inputs.run_id, inputs.atlas, inputs.strategy, suffix
        )


class _RedrawRunsInputSpec(BaseInterfaceInputSpec):
    out_dir = traits.Str(mandatory=True, desc="result folder")
    run_ids = traits.List(traits.Str(), mandatory=True, desc="runs whose pages are made again")
    displayed_maps = traits.Any(
        None,
        usedefault=True,
        desc="maps in the viewer: how many, which, or 'all'; None for as they were asked for when "
        "the results were made",
    )
    cmap = traits.Str("", usedefault=True, desc="colours behind the maps; '' likewise")
    told_files = traits.List(
        traits.Str(), mandatory=True, desc="per run the JSON file that tells of its pages"
    )
    on_error = traits.Enum(
        "raise",
        "record",
        usedefault=True,
        desc="what a page that cannot be drawn does: stop, or be told of in told_files",
    )


class _RedrawRunsOutputSpec(TraitedSpec):
    told_files = traits.List(
        File(exists=True), desc="JSON objects with the lists 'pages' and 'warnings'"
    )


class RedrawRuns(LeanInterface):
    """
    Make the pages of runs of a result folder again, in their places, without their images.

    How far it is stands in a journal (`io.journal`), as for a batch of runs.
    """

    input_spec = _RedrawRunsInputSpec
    output_spec = _RedrawRunsOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs, folder = self.inputs, Path(runtime.cwd)
        for run_id, told_file in zip(inputs.run_ids, inputs.told_files, strict=True):
            note(folder, run_id, {"step": "report_run", "state": "started"})
            pages, warnings = redraw_run(
                inputs.out_dir, run_id, inputs.displayed_maps, inputs.cmap or None
            )
            if warnings and inputs.on_error == "raise":
                raise DataFault(" ".join(warnings))
            told = {"pages": [str(path) for path in pages], "warnings": warnings}
            write_json(Path(told_file), told)
            note(folder, run_id, {"state": "done"})
        self._results = {"told_files": list(inputs.told_files)}
        return runtime


class _ReportCohortInputSpec(BaseInterfaceInputSpec):
    out_dir = traits.Str(mandatory=True, desc="result folder")
    runs_file = File(exists=True, mandatory=True, desc="runs.tsv of this folder, from the summary")
    title = traits.Str("All runs", usedefault=True, desc="heading")


class _ReportCohortOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="self-contained page (.html) of all runs")


class ReportCohort(LeanInterface):
    """Draw the page of a cohort from its result folder: every run, failed ones included."""

    input_spec = _ReportCohortInputSpec
    output_spec = _ReportCohortOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        page = write_cohort_page(self.inputs.out_dir, title=self.inputs.title)
        self._results = {"out_file": str(page)}
        return runtime


def _path(file: str | None) -> Path | None:
    """Turn a trait's value into a path."""
    return None if file is None else Path(file)
