# SPDX-License-Identifier: Apache-2.0
"""From a request's input to a list of runs."""

from __future__ import annotations

import glob
from dataclasses import replace
from pathlib import Path

from nipype_mapsmasker.cohort.request import CohortRequest, RunSpec
from nipype_mapsmasker.errors import ImageFileError, ParameterError, TableError
from nipype_mapsmasker.io.results.layout import check_run_ids
from nipype_mapsmasker.io.sidecars import image_stem
from nipype_mapsmasker.io.tables.rows import read_rows

__all__ = ["TABLE_COLUMNS", "TABLE_SUFFIXES", "collect_runs"]

TABLE_SUFFIXES = (".tsv", ".csv")
"""Endings that make the input a table of runs."""

TABLE_COLUMNS = ("run_id", "in_file", "confounds", "sample_mask", "mask", "t_r")
"""Columns of a table of runs; others are passed over."""


def collect_runs(request: CohortRequest) -> list[RunSpec]:
    """
    Find the runs that a request means.

    Parameters
    ----------
    request : CohortRequest
        The request.

    Returns
    -------
    list of RunSpec
        In the table's or the list's order; of a pattern, in alphabetical order.

    Raises
    ------
    TableError, ImageFileError, ParameterError
        The input is nothing of that kind, or two runs have one name.
    """
    given = request.input
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
    return runs


def _refuse_tables_of_one(request: CohortRequest, advice: str) -> None:
    """Refuse tables that only a single image can have."""
    if request.confounds or request.sample_mask:
        msg = f"confounds and sample_mask of the request are for a single image; {advice}."
        raise ParameterError(msg)


def _completed(spec: RunSpec, request: CohortRequest) -> RunSpec:
    """Give a run what the request says of all."""
    t_r = request.t_r if spec.t_r is None else spec.t_r
    return replace(spec, mask=spec.mask or request.mask, t_r=t_r)  # type: ignore[arg-type]


def _from_table(table: Path, request: CohortRequest) -> list[RunSpec]:
    """Read a table of runs."""
    rows = read_rows(table)
    if not rows:
        msg = f"{table} lists no run; give one row per run below the header."
        raise TableError(msg)
    missing = [name for name in ("run_id", "in_file") if name not in rows[0]]
    if missing:
        msg = (
            f"{table} has no column {missing[0]!r}, only {list(rows[0])}; a table of runs has the "
            f"columns {', '.join(TABLE_COLUMNS)}, of which run_id and in_file must be there."
        )
        raise TableError(msg)
    runs = []
    for number, row in enumerate(rows, start=1):
        run_id, in_file = row["run_id"], row["in_file"]
        if run_id is None or in_file is None:
            msg = f"{table}, row {number}: run_id and in_file must be there; got {row}."
            raise TableError(msg)
        runs.append(
            RunSpec(
                run_id=run_id,
                in_file=_beside(table, in_file),
                confounds=_several(table, row.get("confounds")),
                sample_mask=_optional(table, row.get("sample_mask")),
                mask=_optional(table, row.get("mask")) or request.mask,  # type: ignore[arg-type]
                t_r=_seconds(table, number, row.get("t_r"), request.t_r),
            )
        )
    return runs


def _from_image(image: str, request: CohortRequest) -> RunSpec:
    """Make a run of an image, named by its file."""
    return RunSpec(
        run_id=image_stem(image).removesuffix("_bold").removesuffix("_desc-preproc"),
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
        msg = (
            f"{given} is a folder, expected a table of runs, an image or a quoted pattern such as "
            f"'{given.rstrip('/')}/sub-*/func/*_bold.nii.gz'."
        )
        raise ParameterError(msg)
    # The standard glob, as the shell would: pathlib takes no absolute patterns.
    found = sorted(glob.glob(given, recursive=True))  # noqa: PTH207
    if not found:
        msg = (
            f"{given} does not exist and matches no file; give a table of runs, an image or a "
            "quoted pattern."
        )
        raise ImageFileError(msg)
    return found


def _beside(table: Path, name: str) -> str:
    """Take a path as relative to its table."""
    path = Path(name).expanduser()
    return str(path if path.is_absolute() else table.parent / path)


def _optional(table: Path, name: str | None) -> str | None:
    """Take a path as relative to its table, or a gap as a gap."""
    return None if name is None else _beside(table, name)


def _several(table: Path, cell: str | None) -> tuple[str, ...]:
    """Take one path, or several parted by semicolons."""
    if cell is None:
        return ()
    if Path(_beside(table, cell)).exists():
        return (_beside(table, cell),)
    return tuple(_beside(table, part.strip()) for part in cell.split(";") if part.strip())


def _seconds(table: Path, number: int, cell: str | None, default: float | None) -> float | None:
    """Read a repetition time."""
    if cell is None:
        return default
    try:
        seconds = float(cell)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        msg = (
            f"{table}, row {number}: t_r is {cell!r}, expected a positive number of seconds, "
            "or n/a."
        )
        raise TableError(msg)
    return seconds
