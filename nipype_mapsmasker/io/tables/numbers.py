# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers to text and back, exactly and in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables.text import MISSING, NOT_AVAILABLE, is_number

__all__ = ["format_rows", "parse_rows", "read_number"]

BLOCK_CELLS = 1 << 16
"""Cells that are taken at a time, so that a long run needs no more memory."""

_GAP, _NULL = NOT_AVAILABLE.encode(), b"null"
_PLAIN = b"0123456789+-.eE\t\n" + _NULL
"""All that rows of plain numbers and gaps consist of."""

_TABS, _COMMAS = bytes.maketrans(b",", b"\t"), bytes.maketrans(b"\t", b",")


def format_rows(values: NDArray[np.floating[Any]], float_format: str = "exact") -> Iterator[str]:
    r"""
    Write rows of numbers as text.

    Parameters
    ----------
    values : (n_rows, n_columns) ndarray of float
        In single or double precision.
    float_format : str
        'exact' writes the shortest number that is read back as the same one; otherwise a format
        such as '.12g'.

    Yields
    ------
    str
        One row: its cells with tabs between them, ``n/a`` for NaN.

    Notes
    -----
    An array is written as JSON, which is numbers between brackets and commas, by a library that
    takes a tenth of the time of ``repr``. JSON knows no infinity: rows around one are written
    cell by cell.

    Examples
    --------
    >>> list(format_rows(np.array([[0.1, 2.0], [np.nan, -1e-30]])))
    ['0.1\t2.0', 'n/a\t-1e-30']
    """
    height = max(1, BLOCK_CELLS // max(1, values.shape[1]))
    for start in range(0, len(values), height):
        block = values[start : start + height]
        if float_format != "exact" or np.isinf(block).any():
            for row in block:
                yield "\t".join(_cells(row, float_format))
            continue
        native = np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("="))
        text = orjson.dumps(native, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2]
        text = text.replace(b"],[", b"\n").translate(_TABS).replace(_NULL, _GAP)
        yield from text.decode("ascii").split("\n")


def parse_rows(rows: Sequence[str], n_columns: int) -> NDArray[np.float64] | None:
    r"""
    Read rows of numbers and gaps that hold nothing else.

    Parameters
    ----------
    rows : sequence of str
        Lines without their ends, at least one.
    n_columns : int
        How many cells each must have.

    Returns
    -------
    (n_rows, n_columns) ndarray of float or None
        NaN for ``n/a``. None where a row is another one, be it right in a less usual writing or
        wrong: reading cell by cell then says so, with `read_number`.

    Examples
    --------
    >>> parse_rows(["0.1\t2.0", "n/a\t-1e-30"], 2).tolist()
    [[0.1, 2.0], [nan, -1e-30]]
    >>> parse_rows(["0.1\t2.0", "0.3"], 2) is None
    True
    """
    values = np.empty((len(rows), n_columns))
    height = max(1, BLOCK_CELLS // max(1, n_columns))
    for start in range(0, len(rows), height):
        block = rows[start : start + height]
        text = "\n".join(block).encode("utf-8", "surrogateescape").replace(_GAP, _NULL)
        if text.translate(None, _PLAIN):
            return None
        text = b"[[" + text.translate(_COMMAS).replace(b"\n", b"],[") + b"]]"
        if b"-0," in text or b"-0]" in text:
            return None  # an integer of JSON has no negative zero
        try:
            numbers = np.array(orjson.loads(text), dtype=np.float64)
        except ValueError:  # no JSON, or rows of several lengths
            return None
        if numbers.shape != (len(block), n_columns):
            return None
        values[start : start + height] = numbers
    return values


def read_number(cell: str, path: Path, line: int) -> float:
    """
    Read one cell, whichever way its number or gap is written.

    Parameters
    ----------
    cell : str
        The cell.
    path : Path
        The file, for the message.
    line : int
        The line, for the message.

    Returns
    -------
    float
        NaN where there is no value.

    Raises
    ------
    TableError
        It is neither a number nor a gap.
    """
    if cell.strip().lower() in MISSING:
        return float("nan")
    if is_number(cell):
        return float(cell)
    msg = f"{path} has {cell!r} in line {line}, where a number or n/a is expected."
    raise TableError(msg)


def _cells(row: NDArray[Any], float_format: str) -> list[str]:
    """Write the numbers of one row."""
    if float_format != "exact":
        cells = [format(value, float_format) for value in row.tolist()]
    elif row.dtype == np.float64:
        cells = list(map(repr, row.tolist()))
    else:
        cells = [str(value) for value in row]  # in the digits of single precision
    return [NOT_AVAILABLE if cell == "nan" else cell for cell in cells]
