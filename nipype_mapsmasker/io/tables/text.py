# SPDX-License-Identifier: Apache-2.0
"""Delimited text to rows of cells, and its faults to one sentence each."""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from nipype_mapsmasker.errors import ImageFileError, TableError
from nipype_mapsmasker.io.images.streams import file_faults

__all__ = ["MISSING", "NOT_AVAILABLE", "Table", "is_number", "read_bytes", "read_table"]

NOT_AVAILABLE = "n/a"
"""How BIDS writes a missing value."""

MISSING = frozenset({"", "n/a", "na", "nan", "<na>", "null", "none"})
"""Cells that mean "no value", in lower case."""


MAX_TABLE_BYTES = 256 << 20
"""A table larger than this, once inflated, is refused before it fills the memory."""


@dataclass(frozen=True)
class Table:
    """
    Hold the cells of a table.

    Parameters
    ----------
    path : Path
        Where it was read.
    header : list of str
        The first row.
    rows : list of list of str
        The others, each as long as the header.
    lines : list of int
        The line of the file in which each row stands; the first line is 1.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]


def is_number(cell: str) -> bool:
    """
    Tell whether a cell is a number.

    Parameters
    ----------
    cell : str
        The text.

    Returns
    -------
    bool
        Whether it is; "nan" and "inf" are.
    """
    try:
        float(cell)
    except ValueError:
        return False
    # float() takes the digit separators of program text, tables do not.
    return "_" not in cell


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """
    Read a small file.

    Parameters
    ----------
    path : path_like
        The file, inflated if its name ends in .gz.

    Returns
    -------
    bytes
        What it holds.

    Raises
    ------
    TableError
        The file is missing, not a file, not readable, empty, or not intact gzip data.
    """
    path = Path(path)
    try:
        with (
            file_faults(path),
            gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream,
        ):
            data = stream.read(MAX_TABLE_BYTES + 1)
    except ImageFileError as error:
        raise TableError(str(error).replace("an image file", "a file")) from error
    except zlib.error as error:
        msg = f"{path} is not intact gzip data ({error}); copy it again."
        raise TableError(msg) from error
    if len(data) > MAX_TABLE_BYTES:
        msg = (
            f"{path} holds more than {MAX_TABLE_BYTES >> 20} MiB of text, far more than a table "
            "of one run; give the right file."
        )
        raise TableError(msg)
    if not data.strip():
        msg = f"{path} is empty, where a table with a header row is expected; make it anew."
        raise TableError(msg)
    return data


def read_table(path: str | os.PathLike[str], *, ragged: bool = False) -> Table:
    """
    Read a table of text.

    Parameters
    ----------
    path : path_like
        Comma-separated if its name ends in .csv, otherwise tab-separated and without quoting,
        as BIDS wants it; .gz may follow.
    ragged : bool
        Whether rows of another length than the header are let through.

    Returns
    -------
    Table
        Its cells, without space around them. Blank lines are left out.

    Raises
    ------
    TableError
        The file cannot be read, is not text, or has a row of another length.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path} is not a text file in UTF-8 ({error.reason} at byte {error.start}); give a "
        msg += ".tsv or .csv table."
        raise TableError(msg) from error
    comma = path.name.removesuffix(".gz").lower().endswith(".csv")
    lines: list[int] = []
    rows: list[list[str]] = []
    reader = csv.reader(
        io.StringIO(text, newline=None if not comma else ""),
        delimiter="," if comma else "\t",
        quoting=csv.QUOTE_MINIMAL if comma else csv.QUOTE_NONE,
        skipinitialspace=comma,
    )
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        msg = f"{path} is not a table: {error} in line {reader.line_num}; check its format."
        raise TableError(msg) from error
    table = Table(path, rows[0], rows[1:], lines[1:])
    if not ragged:
        _check_lengths(table)
    return table


def _check_lengths(table: Table) -> None:
    """Refuse rows that are not as long as the header."""
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != len(table.header):
            msg = (
                f"{table.path} has {len(row)} cells in line {line}, where the header has "
                f"{len(table.header)}; check the separator (tabs in .tsv, commas in .csv)."
            )
            raise TableError(msg)
