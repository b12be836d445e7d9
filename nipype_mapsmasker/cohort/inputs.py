# SPDX-License-Identifier: Apache-2.0
"""From the command line's INPUT to a list of runs."""

from __future__ import annotations

import argparse
import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nipype_mapsmasker.errors import ImageFileError, ParameterError, TableError
from nipype_mapsmasker.io.results.layout import check_run_ids
from nipype_mapsmasker.io.sidecars import image_stem
from nipype_mapsmasker.io.tables.rows import read_rows

__all__ = ["Run", "collect_runs"]

TABLE_SUFFIXES = (".tsv", ".csv")
"""Endings that make INPUT a table of runs."""

TABLE_COLUMNS = ("run_id", "in_file", "confounds", "sample_mask", "mask", "t_r")
"""Columns of a table of runs; others are passed over."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """
    Hold what the user says of one run.

    Parameters
    ----------
    run_id : str
        Its name.
    in_file : str
        Its image.
    confounds : tuple of str
        Its confounds tables.
    sample_mask, mask : str or None
        Volumes to keep; brain mask.
    t_r : float or None
        Repetition time, s.
    """

    run_id: str
    in_file: str
    confounds: tuple[str, ...] = ()
    sample_mask: str | None = None
    mask: str | None = None
    t_r: float | None = None


def collect_runs(arguments: argparse.Namespace) -> list[Run]:
    """
    Turn INPUT into runs.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.

    Returns
    -------
    list of Run
        In the table's, or in alphabetical, order.

    Raises
    ------
    TableError, ImageFileError, ParameterError
        INPUT is nothing of that kind, or two runs have one name.
    """
    given = arguments.input
    if given.lower().endswith(TABLE_SUFFIXES):
        if arguments.confounds or arguments.sample_mask:
            msg = "--confounds and --sample-mask are for a single image; name them in the table."
            raise ParameterError(msg)
        runs = _from_table(Path(given), arguments)
    else:
        runs = _from_images(_images(given), arguments)
    check_run_ids(run.run_id for run in runs)
    return runs


def _from_table(table: Path, arguments: argparse.Namespace) -> list[Run]:
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
            Run(
                run_id=run_id,
                in_file=_beside(table, in_file),
                confounds=_several(table, row.get("confounds")),
                sample_mask=_optional(table, row.get("sample_mask")),
                mask=_optional(table, row.get("mask")) or arguments.mask,
                t_r=_seconds(table, number, row.get("t_r"), arguments.t_r),
            )
        )
    return runs


def _from_images(images: Sequence[str], arguments: argparse.Namespace) -> list[Run]:
    """Make runs of images, named by their files."""
    if len(images) > 1 and (arguments.confounds or arguments.sample_mask):
        msg = (
            f"--confounds and --sample-mask are for a single image, and there are {len(images)}; "
            "list the runs in a table."
        )
        raise ParameterError(msg)
    return [
        Run(
            run_id=image_stem(image).removesuffix("_bold").removesuffix("_desc-preproc"),
            in_file=image,
            confounds=tuple(arguments.confounds or ()),
            sample_mask=arguments.sample_mask,
            mask=arguments.mask,
            t_r=arguments.t_r,
        )
        for image in images
    ]


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
