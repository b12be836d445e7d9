# SPDX-License-Identifier: Apache-2.0
"""Confounds and sample masks in every form that the reference takes, to arrays."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.text import MISSING, is_number, read_bytes

__all__ = ["confounds_array", "sample_mask_array"]


def confounds_array(
    confounds: Any, n_volumes: int
) -> tuple[NDArray[np.float64] | None, list[str]]:
    """
    Gather the confounds of one run.

    Parameters
    ----------
    confounds : array, data frame, path, or list of these, or None
        Tables may have a header or none.
    n_volumes : int
        T.

    Returns
    -------
    confounds : (T, C) ndarray of float or None
        All columns side by side.
    names : list of str
        Their names, made up where there are none.

    Raises
    ------
    TableError
        One of them is missing, has another length, or holds other than numbers.
    """
    if confounds is None:
        return None, []
    parts, names = [], []
    for number, item in enumerate(_listed(confounds)):
        values, columns = _one(item, n_volumes, f"confounds[{number}]")
        if len(values) != n_volumes:
            msg = (
                f"confounds[{number}] have {len(values)} rows, where the image has {n_volumes} "
                "volumes; give one row per volume, censored ones included."
            )
            raise TableError(msg)
        parts.append(values)
        names += columns
    if not parts:
        return None, []
    numbered = [f"c_{k}" if name == "c" else name for k, name in enumerate(names)]
    return np.hstack(parts), numbered


def _listed(confounds: Any) -> list[Any]:
    """Tell a list of tables from a table that is a list of numbers."""
    if not isinstance(confounds, list | tuple):
        return [confounds]
    if all(np.isscalar(item) and not isinstance(item, str) for item in confounds):
        return [np.asarray(confounds)]
    if all(
        isinstance(item, list | tuple) and item and all(map(np.isscalar, item))
        for item in confounds
    ):
        return [np.asarray(confounds)]
    return [item for item in confounds if item is not None]


def _one(item: Any, n_volumes: int, what: str) -> tuple[NDArray[np.float64], list[str]]:
    """Read one table, or take one array."""
    if isinstance(item, str | os.PathLike):
        return _from_file(Path(item).expanduser(), n_volumes)
    columns = getattr(item, "columns", None)
    fields = getattr(getattr(item, "dtype", None), "names", None)
    if fields:  # a structured array
        item, columns = np.column_stack([item[name] for name in fields]), fields
    array = np.asarray(item.to_numpy() if hasattr(item, "to_numpy") else item)
    if array.ndim == 1:
        array = array[:, None]
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            msg = f"{what} hold other than numbers ({error}); leave those columns out."
            raise TableError(msg) from error
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        msg = (
            f"{what} must be numbers of shape (volumes, confounds); got shape {array.shape} of "
            f"type {array.dtype}."
        )
        raise TableError(msg)
    values = array.astype(np.float64)
    if columns is not None:
        _fill_heads(values)
    names = ["c"] * values.shape[1] if columns is None else [str(name) for name in columns]
    return values, names


def _fill_heads(values: NDArray[np.float64]) -> None:
    """Give a derivative its first value, as in the tables of files."""
    for column in values.T:
        known = np.flatnonzero(np.isfinite(column))
        if known.size and np.isnan(column[: known[0]]).all():
            column[: known[0]] = column[known[0]]


def _from_file(path: Path, n_volumes: int) -> tuple[NDArray[np.float64], list[str]]:
    """Read a table with a header, or without one."""
    if not path.exists():
        msg = f"The confounds table {path} does not exist."
        raise FileNotFoundError(msg)
    rows = _cells(path)
    width = len(rows[0])
    # Names may be numbers, as those of a data frame without names: the length tells.
    has_header = len(rows) == n_volumes + 1 or not all(map(_is_value, rows[0]))
    values = np.empty((len(rows) - has_header, width))
    for number, row in enumerate(rows[has_header:]):
        if len(row) != width or not all(map(_is_value, row)):
            msg = (
                f"{path} has {row} in row {number + 1 + has_header}, where {width} numbers are "
                "expected; correct it or leave the column out."
            )
            raise TableError(msg)
        values[number] = [np.nan if cell.lower() in MISSING else float(cell) for cell in row]
    _fill_heads(values)
    names = [cell or "c" for cell in rows[0]] if has_header else ["c"] * width
    return values, names


def _cells(path: Path) -> list[list[str]]:
    """Split a table at its own separator: tab, comma, semicolon or blanks."""
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        msg = f"{path} is not a text file in UTF-8 ({error.reason} at byte {error.start})."
        raise TableError(msg) from error
    lines = [line for line in lines if line.strip()]
    separator = next((mark for mark in "\t,;" if mark in lines[0]), None)
    if separator is None:
        return [line.split() for line in lines]
    return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]


def _is_value(cell: str) -> bool:
    """Tell whether a cell is a number, or says that there is none."""
    return is_number(cell) or cell.lower() in MISSING


def sample_mask_array(sample_mask: Any, n_volumes: int) -> NDArray[Any] | None:
    """
    Give the sample mask of one run as booleans or indices.

    Parameters
    ----------
    sample_mask : booleans, indices, slice, range, series, path, list of one of these, or None
        Which volumes are kept.
    n_volumes : int
        T.

    Returns
    -------
    (T,) ndarray of bool, (n_kept,) ndarray of int or None
        For `nipype_mapsmasker.core.cleaning.clean`, which checks it.

    Raises
    ------
    TableError
        A list of several masks for one run.
    """
    if sample_mask is None:
        return None
    if isinstance(sample_mask, slice):
        return np.arange(n_volumes)[sample_mask]
    if isinstance(sample_mask, str | os.PathLike):
        return read_sample_mask(Path(sample_mask).expanduser(), n_volumes)
    if isinstance(sample_mask, Sequence) and len(sample_mask) and _is_nested(sample_mask):
        if len(sample_mask) > 1:
            msg = (
                f"sample_mask holds {len(sample_mask)} masks for one run; give one, or one run "
                "per mask."
            )
            raise TableError(msg)
        return sample_mask_array(sample_mask[0], n_volumes)
    values = sample_mask.to_numpy() if hasattr(sample_mask, "to_numpy") else sample_mask
    array = np.asarray(values)
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    return array


def _is_nested(sample_mask: Sequence[Any]) -> bool:
    """Tell a list of masks from a list of booleans or numbers."""
    return any(item is None or not np.isscalar(item) for item in sample_mask)
