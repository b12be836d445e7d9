# SPDX-License-Identifier: Apache-2.0
"""From a request's input to a list of runs."""

from __future__ import annotations

import glob
from dataclasses import replace
from pathlib import Path

from nipype_mapsmasker.cohort.folder import FolderRuns, refuse_selection, runs_of_folder
from nipype_mapsmasker.cohort.request import InputRequest, RunSpec
from nipype_mapsmasker.errors import ImageFileError, ParameterError
from nipype_mapsmasker.io.files import as_text
from nipype_mapsmasker.io.images.names import image_stem
from nipype_mapsmasker.io.results.layout import check_run_ids
from nipype_mapsmasker.io.tables.runs import read_runs_table

__all__ = ["TABLE_SUFFIXES", "collect_runs"]

TABLE_SUFFIXES = (".tsv", ".csv")
"""Endings that make the input a table of runs."""


def collect_runs(request: InputRequest) -> FolderRuns:
    """
    Find the runs that a request means.

    Parameters
    ----------
    request : InputRequest
        The request.

    Returns
    -------
    FolderRuns
        In the table's or the list's order; of a pattern or a folder, in alphabetical order.

    Raises
    ------
    TableError, ImageFileError, ParameterError
        The input is nothing of that kind, or two runs have one name.
    """
    given = request.input
    if request.folder is not None:
        _refuse_tables_of_one(request, "a BIDS folder has its own")
        found_runs = runs_of_folder(request, request.folder)
        check_run_ids(run.run_id for run in found_runs.runs)
        return found_runs
    refuse_selection(request)
    if isinstance(given, str) and given.lower().endswith(TABLE_SUFFIXES):
        _refuse_tables_of_one(request, "name them in the table of runs")
        runs = _from_table(Path(given), request)
    else:
        entries = list(given) if isinstance(given, tuple) else [given]
        found: list[RunSpec | str] = []
        for entry in entries:
            found += [entry] if isinstance(entry, RunSpec) else _images(str(entry))
        if len(found) > 1 or isinstance(found[0], RunSpec):
            _refuse_tables_of_one(
                request, "give each `RunSpec` its own, or list the runs in a table"
            )
        runs = [
            _completed(entry, request)
            if isinstance(entry, RunSpec)
            else _from_image(entry, request)
            for entry in found
        ]
    check_run_ids(run.run_id for run in runs)
    return FolderRuns(runs)


def _refuse_tables_of_one(request: InputRequest, advice: str) -> None:
    """Refuse tables that only a single image can have."""
    if request.confounds or request.sample_mask:
        msg = f"confounds and sample_mask of the request are for a single image; {advice}."
        raise ParameterError(msg)


def _completed(spec: RunSpec, request: InputRequest) -> RunSpec:
    """Give a run what the request says of all."""
    t_r = request.t_r if spec.t_r is None else spec.t_r
    return replace(spec, mask=spec.mask or request.mask, t_r=t_r)  # type: ignore[arg-type]


def _from_table(table: Path, request: InputRequest) -> list[RunSpec]:
    """Read a table of runs."""
    return [
        RunSpec(
            run_id=row.run_id,
            in_file=row.in_file,
            confounds=row.confounds,
            sample_mask=row.sample_mask,
            mask=row.mask or request.mask,  # type: ignore[arg-type]
            t_r=request.t_r if row.t_r is None else row.t_r,
            fault=row.fault,
        )
        for row in read_runs_table(table)
    ]


def _from_image(image: str, request: InputRequest) -> RunSpec:
    """Make a run of an image, named by its file."""
    return RunSpec(
        run_id=as_text(image_stem(image)).removesuffix("_bold").removesuffix("_desc-preproc"),
        in_file=image,
        confounds=request.confounds or (),  # type: ignore[arg-type]
        sample_mask=request.sample_mask,  # type: ignore[arg-type]
        mask=request.mask,  # type: ignore[arg-type]
        t_r=request.t_r,
    )


def _images(given: str) -> list[str]:
    """Find the image, or the images that a pattern means."""
    if Path(given).is_file():
        return [given]
    if Path(given).is_dir():
        msg = f"{given} is a folder among images; give a BIDS folder alone."
        raise ParameterError(msg)
    # The standard glob, as the shell would: pathlib takes no absolute patterns.
    found = sorted(glob.glob(given, recursive=True))  # noqa: PTH207
    if not found:
        msg = (
            f"{given} does not exist and matches no file; give a BIDS folder, a table of runs, "
            "an image or a quoted pattern."
        )
        raise ImageFileError(msg)
    return found
