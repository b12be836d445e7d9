# SPDX-License-Identifier: Apache-2.0
"""Sample masks: which volumes of a run are kept."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables.columns import ColumnTable
from nipype_mapsmasker.io.tables.signals import load_npy
from nipype_mapsmasker.io.tables.text import check_separator, is_number

__all__ = ["KEEP_COLUMNS", "read_sample_mask"]

KEEP_COLUMNS = ("keep", "sample_mask")
"""Names of a column whose 0 and 1 mean "censored" and "kept"."""

_TRUTH = {"true": True, "false": False}


def read_sample_mask(path: str | os.PathLike[str], n_volumes: int) -> NDArray[np.bool_]:
    """
    Read which volumes are kept.

    Parameters
    ----------
    path : path_like
        A .tsv or .csv table with a header, or a .npy array: one boolean per volume; or 0 and 1
        (or 1.0 and 0.0) per volume in a column named ``keep`` or ``sample_mask``; or the sorted
        numbers, counted from 0, of the volumes to keep.
    n_volumes : int
        Number of volumes T.

    Returns
    -------
    (T,) ndarray of bool
        True where a volume is kept.

    Raises
    ------
    TableError
        The file holds something else, or keeps no volume.

    Notes
    -----
    Zeros and ones in a column of any other name, or in an array of integers, are volume
    numbers: a mask is never guessed.
    """
    path = Path(path)
    mask = _from_npy(path, n_volumes) if path.suffix == ".npy" else _from_table(path, n_volumes)
    if not mask.any():
        msg = f"{path} keeps none of the {n_volumes} volumes; at least one must be kept."
        raise TableError(msg)
    return mask


def _from_npy(path: Path, n_volumes: int) -> NDArray[np.bool_]:
    """Read a mask from an array."""
    array = load_npy(path)
    if array.ndim != 1 or array.dtype.kind not in "biu":
        msg = (
            f"{path} holds an array of shape {array.shape} and type {array.dtype}, where one row "
            "of booleans or of whole volume numbers is expected; save it as such."
        )
        raise TableError(msg)
    if array.dtype.kind == "b":
        return _checked_length(array.astype(bool), path, n_volumes)
    return _from_indices([int(value) for value in array], path, n_volumes)


def _from_table(path: Path, n_volumes: int) -> NDArray[np.bool_]:
    """Read a mask from a column of a table."""
    table = ColumnTable(path)
    check_separator(path, table.header, table.row(0) if len(table.header) == 1 else None)
    if all(is_number(cell) or cell.lower() in _TRUTH for cell in table.header):
        msg = (
            f"{path} has no header: its first row is {table.header[0]!r}, where the name of a "
            "column is expected; add a line with 'keep' or 'index'."
        )
        raise TableError(msg)
    names = [name.lower() for name in table.header]
    known = [name for name in KEEP_COLUMNS if name in names]
    if len(names) > 1 and not known:
        msg = (
            f"{path} has the columns {', '.join(table.header)}, of which none is named 'keep' or "
            "'sample_mask'; rename the one that is meant."
        )
        raise TableError(msg)
    at = names.index(known[0]) if known else 0
    cells = [cell.strip() for cell in table.cells(at)]
    truths = [_TRUTH.get(cell.lower()) for cell in cells]
    kept = [truth for truth in truths if truth is not None]
    if cells and len(kept) == len(cells):
        return _checked_length(np.array(kept), path, n_volumes)
    for row, cell in enumerate(cells):
        if not (is_number(cell) and float(cell).is_integer() and float(cell) >= 0):
            msg = (
                f"{path} has {cell!r} in column {table.header[at]!r}, line {table.line(row)}, "
                "where 0 or 1, true or false, or a volume number is expected; correct it."
            )
            raise TableError(msg)
    numbers = [int(float(cell)) for cell in cells]  # pandas writes 1.0 beside a gap
    if known and set(numbers) <= {0, 1}:
        return _checked_length(np.array(numbers, dtype=bool), path, n_volumes)
    if known and known[0] == "keep":
        msg = (
            f"{path} has numbers other than 0 and 1 in its column 'keep'; name the column 'index' "
            "if they are the numbers of the volumes to keep."
        )
        raise TableError(msg)
    return _from_indices(numbers, path, n_volumes)


def _checked_length(mask: NDArray[np.bool_], path: Path, n_volumes: int) -> NDArray[np.bool_]:
    """Refuse a mask of another length than the run's."""
    if len(mask) != n_volumes:
        msg = (
            f"{path} says of {len(mask)} volumes whether to keep them, where the image has "
            f"{n_volumes}; give the sample mask of this very run."
        )
        raise TableError(msg)
    return mask


def _from_indices(numbers: list[int], path: Path, n_volumes: int) -> NDArray[np.bool_]:
    """Make a mask of sorted, different volume numbers."""
    for before, after in pairwise(numbers):
        if after <= before:
            msg = (
                f"{path} lists volume {after} after {before}, where sorted, different volume "
                f"numbers are expected; a mask of 0 and 1 needs a column named 'keep' with "
                f"{n_volumes} rows."
            )
            raise TableError(msg)
    if numbers and not 0 <= numbers[0] <= numbers[-1] < n_volumes:
        worst = numbers[-1] if numbers[-1] >= n_volumes else numbers[0]
        msg = (
            f"{path} lists volume {worst}, where the image has {n_volumes} volumes, counted from "
            "0; give the sample mask of this very run."
        )
        raise TableError(msg)
    mask = np.zeros(n_volumes, dtype=bool)
    mask[numbers] = True
    return mask
