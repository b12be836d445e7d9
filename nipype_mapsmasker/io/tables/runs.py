# SPDX-License-Identifier: Apache-2.0
"""The table of runs: one row per run, its columns checked by name, its faults the run's own."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.files import as_text, is_file, shown
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.text import MISSING

__all__ = ["RUN_COLUMNS", "RunRow", "read_runs_table"]

RUN_COLUMNS = ("run_id", "in_file", "confounds", "sample_mask", "mask", "t_r")
"""Columns of a table of runs; others are passed over, unless they may be one of these mistyped."""

NEAR = 0.8
"""Likeness from which on a name counts as another one mistyped; 'task' and 'mask' have 0.75."""

OTHER_WORDS = {
    "bold": "in_file",
    "confoundfile": "confounds",
    "confoundsfile": "confounds",
    "confoundsfiles": "confounds",
    "func": "in_file",
    "image": "in_file",
    "regressors": "confounds",
    "brainmask": "mask",
    "maskfile": "mask",
    "maskimg": "mask",
    "samplemaskfile": "sample_mask",
    "samplemaskfiles": "sample_mask",
    "repetitiontime": "t_r",
    "tr": "t_r",
}
"""What people call the columns, in lower case and without lines, and what they are called."""


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """
    Hold what a row says of one run.

    Parameters
    ----------
    run_id : str
        The run's name.
    in_file : str
        Its image; paths are relative to the table's folder in the file, and no longer here.
    confounds : tuple of str
        Its tables of confounds.
    sample_mask, mask : str or None
        Its volumes to keep, and its brain mask.
    t_r : float or None
        Its repetition time, s.
    fault : str
        What is wrong with the row; empty where nothing is.
    """

    run_id: str
    in_file: str
    confounds: tuple[str, ...] = ()
    sample_mask: str | None = None
    mask: str | None = None
    t_r: float | None = None
    fault: str = ""


def read_runs_table(path: str | Path) -> list[RunRow]:
    """
    Read a table of runs.

    Parameters
    ----------
    path : str or Path
        A .tsv or .csv with the columns `RUN_COLUMNS`, of which ``run_id`` and ``in_file`` must be
        there. ``n/a``, ``NA`` and empty cells are gaps; a cell of confounds may hold several
        paths, with semicolons between them.

    Returns
    -------
    list of RunRow
        One per row. What is wrong with a single row stands in its ``fault``.

    Raises
    ------
    TableError
        The file cannot be read, lists no run, lacks a column that must be there, has one that
        may be another mistyped, or a row without a name.
    """
    table = Path(path)
    rows = read_rows(table, errors="surrogateescape")
    if not rows:
        msg = f"{table} lists no run; give one row per run below the header."
        raise TableError(msg)
    _check_columns(table, list(rows[0]))
    return [_row(table, number, row) for number, row in enumerate(rows, start=1)]


def _check_columns(table: Path, names: list[str]) -> None:
    """Refuse columns that may be one of ours, mistyped, and tables without what must be there."""
    meant = {name: _meant(name) for name in names if name not in RUN_COLUMNS}
    missing = next((name for name in ("run_id", "in_file") if name not in names), None)
    if missing is not None:
        near = [name for name, column in meant.items() if column == missing]
        hint = f"; rename {near[0]!r} to {missing!r} if that is it" if near else ""
        msg = (
            f"{table} has no column {missing!r}, only {names}; a table of runs has the columns "
            f"{', '.join(RUN_COLUMNS)}, of which run_id and in_file must be there{hint}."
        )
        raise TableError(msg)
    for name, column in meant.items():
        if column is not None and column not in names:
            msg = (
                f"{table} has a column {name!r}, which is not one of those that are read "
                f"({', '.join(RUN_COLUMNS)}); rename it to {column!r} if that is meant, or give "
                "it a name that is less like it."
            )
            raise TableError(msg)


def _meant(name: str) -> str | None:
    """Give the column that a name comes near to."""
    plain = re.sub(r"[\W_]", "", name.casefold())
    known = {column.replace("_", ""): column for column in RUN_COLUMNS} | OTHER_WORDS
    if plain in known:
        return known[plain]
    near = difflib.get_close_matches(name.casefold(), RUN_COLUMNS, n=1, cutoff=NEAR)
    return near[0] if near else None


def _row(table: Path, number: int, row: dict[str, str | None]) -> RunRow:
    """Take one row apart."""
    run_id = row["run_id"]
    if run_id is None:
        msg = f"{table}, row {number}: run_id and in_file must be there; got {row}."
        raise TableError(msg)
    cells = {name: _or_gap(row.get(name)) for name in RUN_COLUMNS}
    in_file, fault = cells["in_file"], ""
    if in_file is None:
        fault = f"{table}, row {number}: {run_id} has no in_file; give its image, or drop the row."
    t_r = None
    if cells["t_r"] is not None:
        t_r = _seconds(cells["t_r"])
        if t_r is None:
            fault = fault or (
                f"{table}, row {number}: t_r is {shown(cells['t_r'])!r}, expected a positive "
                "number of seconds, or n/a."
            )
    return RunRow(
        run_id=as_text(run_id),
        in_file="" if in_file is None else _beside(table, in_file),
        confounds=_several(table, cells["confounds"]),
        sample_mask=None if cells["sample_mask"] is None else _beside(table, cells["sample_mask"]),
        mask=None if cells["mask"] is None else _beside(table, cells["mask"]),
        t_r=t_r,
        fault=fault,
    )


def _or_gap(cell: str | None) -> str | None:
    """Give a cell, or None where it says that there is nothing."""
    return None if cell is None or cell.lower() in MISSING else cell


def _beside(table: Path, name: str) -> str:
    """Take a path as relative to its table."""
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # the home of somebody who does not exist: no such file, then
        path = Path(name)
    return str(path if path.is_absolute() else table.parent / path)


def _several(table: Path, cell: str | None) -> tuple[str, ...]:
    """Take one path, or several parted by semicolons."""
    if cell is None:
        return ()
    if is_file(_beside(table, cell)):
        return (_beside(table, cell),)
    return tuple(_beside(table, part.strip()) for part in cell.split(";") if part.strip())


def _seconds(cell: str) -> float | None:
    """Read a repetition time."""
    try:
        seconds = float(cell)
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None
