# SPDX-License-Identifier: Apache-2.0
"""Confounds tables, as fMRIPrep and others write them, to one array (T, C)."""

from __future__ import annotations

import difflib
import logging
import math
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.denoise.guards import check_chosen
from nipype_mapsmasker.core.parameters import ConfoundParameters
from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.tables.columns import ColumnTable, read_columns
from nipype_mapsmasker.io.tables.text import (
    MISSING,
    NOT_AVAILABLE,
    check_separator,
    is_number,
)

__all__ = ["NA_POLICIES", "read_choice", "read_confounds"]

NA_POLICIES = ("next", "zero", "error")
"""What to do with the ``n/a`` at the head of a column."""

USUAL_LEADING_GAP = 1
"""Volumes without value at the head of a derivative; longer gaps are mentioned in the log."""

WILDCARDS = "*?["
"""Marks that make a name of columns a pattern; a pattern may match nothing."""

QUALITY_MEASURES = frozenset(
    {"framewisedisplacement", "dvars", "stddvars", "nonstddvars", "vxwisestddvars", "rmsd"}
)
"""Columns of fMRIPrep that nobody regresses out, in lower case and without lines."""

_LOGGER = logging.getLogger(__name__)


def read_confounds(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    n_volumes: int,
    columns: Sequence[str] | None = None,
    na: Literal["next", "zero", "error"] = "next",
) -> tuple[NDArray[np.float64], list[str]]:
    """
    Read chosen columns of one or more tables.

    Parameters
    ----------
    paths : path_like or iterable of path_like
        Tables with a header, .tsv or .csv, of one row per volume.
    n_volumes : int
        T: how many rows each table must have.
    columns : sequence of str, optional
        Names or patterns (``'trans_*'``, ``'a_comp_cor_0[0-4]'``); by default, all. Only chosen
        columns need be numbers.
    na : {'next', 'zero', 'error'}
        ``n/a`` at the head of a column (a derivative has no first value) becomes the next
        value, or zero, or an error. Elsewhere it is an error.

    Returns
    -------
    confounds : (T, C) ndarray of float
        The columns: in the order asked for, or in that of the tables.
    names : list of str
        Their C names.

    Raises
    ------
    TableError
        A table is missing, empty, without header, of another length, or a chosen column is
        missing, doubled, or holds other than numbers.
    ParameterError
        ``na`` is not one of the three.
    """
    if na not in NA_POLICIES:
        msg = f"confounds_na={na!r} is not known; use one of {', '.join(map(repr, NA_POLICIES))}."
        raise ParameterError(msg)
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    tables = [_open(path) for path in listed]
    if columns is None:
        for table in tables:
            _refuse_all(table)
    places = _choose(tables, None if columns is None else list(columns))
    for table in tables:
        if table.n_rows != n_volumes:
            msg = (
                f"{table.path} has {table.n_rows} rows, where the image has {n_volumes} volumes; "
                "give the table of this very run, with one row per volume."
            )
            raise TableError(msg)
        table.prepare([position for owner, position in places if owner is table])
    names = [table.header[position] for table, position in places]
    found = [table.numbers(position) for table, position in places]
    confounds = np.full((n_volumes, len(places)), np.nan)
    for index, values in enumerate(found):
        if values is not None and names[index]:
            confounds[:, index] = values
    # What is not numbers throughout is looked at more closely.
    for index in np.flatnonzero(np.isnan(confounds).any(axis=0)).tolist():
        confounds[:, index] = _column(*places[index], na)
    return confounds, names


def read_choice(
    paths: Sequence[str | os.PathLike[str]],
    n_volumes: int,
    choice: ConfoundParameters,
    *,
    run_id: str,
) -> tuple[NDArray[np.float64], list[str]]:
    """
    Read the confounds of one run as a strategy chooses them.

    Parameters
    ----------
    paths : sequence of path_like
        The run's tables; none at all is allowed where nothing was chosen.
    n_volumes : int
        Number of volumes T, and so of rows.
    choice : ConfoundParameters
        Columns, and what is done with gaps.
    run_id : str
        The run, for the message.

    Returns
    -------
    confounds : (T, C) ndarray of float
        The chosen columns; none where nothing was chosen and there is no table.
    names : list of str
        Their C names.

    Raises
    ------
    TableError
        As for `read_confounds`; or there is no table although columns were chosen.
    """
    if paths:
        confounds, names = read_confounds(
            paths, n_volumes, choice.confounds_columns, choice.confounds_na
        )
        if choice.confounds_columns is None:
            check_chosen(str(paths[0]), names)
        return confounds, names
    if choice.confounds_columns is not None and choice.missing_confounds == "error":
        msg = (
            f"The run {run_id!r} has no table of confounds, and columns of it were chosen "
            f"({', '.join(choice.confounds_columns)}); give its table, or set "
            "--missing-confounds skip to clean such runs without confounds."
        )
        raise TableError(msg)
    return np.empty((n_volumes, 0)), []


def _open(path: str | os.PathLike[str]) -> ColumnTable:
    """Read a table, and see that its first row names columns."""
    table = read_columns(path)
    check_separator(table.path, table.header, table.row(0) if len(table.header) == 1 else None)
    if all(is_number(cell) or cell.lower() in MISSING for cell in table.header):
        msg = (
            f"{table.path} has no header: its first row holds numbers only "
            f"({', '.join(table.header[:3])} ...), where names of columns are expected; add "
            "them."
        )
        raise TableError(msg)
    return table


def _refuse_all(table: ColumnTable) -> None:
    """Refuse to take every column of a table of fMRIPrep."""
    plain = [name.lower().replace("_", "").replace("-", "") for name in table.header]
    measures = sum(name in QUALITY_MEASURES for name in plain)
    if measures > 1 or (measures and any("compcor" in name for name in plain)):
        msg = (
            f"{table.path} is a table of fMRIPrep with {len(plain)} columns, which are "
            "alternatives to choose from and measures of quality, no model to use whole; choose "
            "columns with --confounds-columns (confounds_columns in Python), such as 'trans_?' "
            "'rot_?' csf white_matter, or a strategy with --denoise; '*' takes all."
        )
        raise TableError(msg)


def _choose(tables: list[ColumnTable], columns: list[str] | None) -> list[tuple[ColumnTable, int]]:
    """Find the table and position of each chosen column, each once."""
    files = ", ".join(str(table.path) for table in tables)
    known = [(name, table, at) for table in tables for at, name in enumerate(table.header)]
    by_name: dict[str, list[tuple[str, ColumnTable, int]]] = {}
    for item in known:
        by_name.setdefault(item[0], []).append(item)
    chosen: dict[str, tuple[ColumnTable, int]] = {}
    patterns = [name for name, _, _ in known] if columns is None else columns
    for pattern in dict.fromkeys(patterns):
        # An exact name first: names may hold the brackets that patterns use.
        hits = by_name.get(pattern, [])
        if columns is not None:
            hits = hits or [item for item in known if fnmatchcase(item[0], pattern)]
        if not hits and any(mark in pattern for mark in WILDCARDS):
            continue  # fMRIPrep writes motion_outlier* only where there are outliers
        if not hits:
            raise _unknown(pattern, files, [name for name, _, _ in known])
        for name, table, at in hits:
            if chosen.setdefault(name, (table, at)) != (table, at):
                first = chosen[name][0].path
                msg = (
                    f"{table.path} has a column {name!r} that {first} has too (or has twice); "
                    "rename or drop one of the two."
                )
                raise TableError(msg)
    if not chosen:
        msg = f"{files or 'The list of tables'}: no column of confounds is chosen; name some."
        raise TableError(msg)
    return list(chosen.values())


def _unknown(pattern: str, files: str, names: list[str]) -> TableError:
    """Say that a column is not there, and which ones come near."""
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.5)
    hint = f"the nearest are {', '.join(near)}" if near else f"there are {', '.join(names[:5])}"
    more = " ..." if not near and len(names) > 5 else ""
    return TableError(
        f"{files} has no column {pattern!r}: {hint}{more}; choose names or patterns among them."
    )


def _column(table: ColumnTable, position: int, na: str) -> NDArray[np.float64]:
    """Give one column as numbers and fill the gap at its head."""
    name = table.header[position]
    if not name:
        msg = (
            f"{table.path} has a column without a name (column {position + 1}), as an index that "
            "was written along; drop it or choose columns by name."
        )
        raise TableError(msg)
    values = table.numbers(position)
    if values is None:
        # Cell by cell only where it must be: that takes ten times as long.
        cells = enumerate(table.cells(position))
        values = np.array([_value(table, row, name, cell) for row, cell in cells])
    missing = np.isnan(values)
    if not missing.any():
        return values
    if missing.all():
        msg = f"{table.path} has a column {name!r} without any value; leave it out."
        raise TableError(msg)
    first = int(np.argmin(missing))
    if missing[first:].any():
        row = first + int(np.argmax(missing[first:]))
        msg = (
            f"{table.path} has {NOT_AVAILABLE} in column {name!r}, row {row + 1} (line "
            f"{table.line(row)}), where a number is expected: only the head of a column may "
            "lack values; leave the column out or fill it."
        )
        raise TableError(msg)
    if na == "error":
        msg = (
            f"{table.path} has {NOT_AVAILABLE} in column {name!r}, row 1 (line "
            f"{table.line(0)}), and confounds_na='error' allows none; use 'next' or 'zero'."
        )
        raise TableError(msg)
    if first > USUAL_LEADING_GAP:
        _LOGGER.warning(
            "%s: the first %d of %d values of %r are n/a and were filled (confounds_na=%r).",
            table.path, first, len(values), name, na,
        )  # fmt: skip
    filled = values.copy()  # the table may be asked again
    filled[:first] = values[first] if na == "next" else 0.0
    return filled


def _value(table: ColumnTable, row: int, name: str, cell: str) -> float:
    """Read one cell; NaN where there is none."""
    cell = cell.strip()
    if cell.lower() in MISSING:
        return math.nan
    if not is_number(cell) or not math.isfinite(float(cell)):
        msg = (
            f"{table.path} has {cell!r} in column {name!r}, row {row + 1} (line "
            f"{table.line(row)}), where a finite number is expected; correct it or leave the "
            "column out."
        )
        raise TableError(msg)
    return float(cell)
