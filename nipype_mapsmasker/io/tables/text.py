# SPDX-License-Identifier: Apache-2.0
"""Tables of text: their bytes, their text, and all of their cells."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.decoding import decode_text, format_of
from nipype_mapsmasker.io.files import file_faults, open_file
from nipype_mapsmasker.io.tables.splitting import (
    SEPARATORS,
    empty_table,
    split_rows,
    wrong_separator,
)

__all__ = [
    "MISSING",
    "NOT_AVAILABLE",
    "Table",
    "check_separator",
    "is_number",
    "iter_rows",
    "read_bytes",
    "read_table",
    "read_text",
]

NOT_AVAILABLE = "n/a"
"""How BIDS writes a missing value."""

MISSING = frozenset({"", "n/a", "na", "nan", "<na>", "null", "none"})
"""Cells that mean "no value", in lower case."""

MAX_TABLE_BYTES = 64 << 20
"""A table larger than this, once inflated, is refused before it fills the memory."""

CHUNK_BYTES = 1 << 20
"""Bytes that are inflated at a time."""


@dataclass(frozen=True)
class Table:
    """
    Hold the cells of a table.

    Parameters
    ----------
    path : Path
        The file they were read from.
    header : list of str
        Names of the columns.
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
        Text of a cell, with or without space around it.

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


def read_bytes(path: str | os.PathLike[str], limit: int | None = None) -> bytes:
    """
    Read a small file.

    Parameters
    ----------
    path : path_like
        The file, inflated if its name ends in .gz.
    limit : int, optional
        Bytes that it may hold, once inflated; by default `MAX_TABLE_BYTES`.

    Returns
    -------
    bytes
        The content, inflated.

    Raises
    ------
    TableError
        The file is missing, not a file, not readable, empty, too large, or not intact gzip data.

    Notes
    -----
    No more memory is taken than the file holds, and none for a file that is too large.
    """
    path = Path(path)
    limit = MAX_TABLE_BYTES if limit is None else limit
    with file_faults(path, TableError), open_file(path) as stream:
        if path.name.lower().endswith(".gz"):
            data = _inflate(cast(BinaryIO, stream), limit)
        else:
            size = os.fstat(stream.fileno()).st_size
            data = stream.readall() if size <= limit else None
    if data is None:
        msg = (
            f"{path} holds more than {limit >> 20} MiB of text, far more than a table of one run; "
            "give the right file."
        )
        raise TableError(msg)
    if not data.strip():
        raise empty_table(path)
    return data


def read_table(
    path: str | os.PathLike[str], *, ragged: bool = False, errors: str = "strict"
) -> Table:
    """
    Read a table of text.

    Parameters
    ----------
    path : path_like
        Comma-separated if its name ends in .csv, otherwise tab-separated and without quoting,
        as BIDS wants it; .gz may follow.
    ragged : bool
        Whether rows of another length than the header are let through.
    errors : str
        What happens to bytes that are no text, as for `decode_text`.

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
    rows, lines = [], []
    for line, row in iter_rows(path, ragged=ragged, errors=errors):
        rows.append([cell.strip() for cell in row])
        lines.append(line)
    return Table(path, rows[0], rows[1:], lines[1:])


def iter_rows(
    path: Path, *, ragged: bool = False, errors: str = "strict"
) -> Iterator[tuple[int, list[str]]]:
    """
    Read a table row by row, so that no more than its text is in memory.

    Parameters
    ----------
    path : Path
        As for `read_table`.
    ragged : bool
        As for `read_table`.
    errors : str
        As for `read_table`.

    Yields
    ------
    line : int
        The line of the file in which the row stands.
    row : list of str
        Its cells as they stand; first those of the header, of which there is one.

    Raises
    ------
    TableError
        As for `read_table`.
    """
    yield from split_rows(path, read_text(path, errors), ragged=ragged)


def read_text(path: Path, errors: str = "strict") -> str:
    """
    Read the text of a table.

    Parameters
    ----------
    path : Path
        As for `read_table`.
    errors : str
        As for `read_table`.

    Returns
    -------
    str
        The text.

    Raises
    ------
    TableError
        The file cannot be read, or is not text.
    """
    return _decode(path, read_bytes(path), errors)


def check_separator(path: Path, header: Sequence[str], row: Sequence[str] | None) -> None:
    """
    Refuse a table whose columns are separated by something else than its name says.

    Parameters
    ----------
    path : Path
        The file, for the message.
    header : sequence of str
        Its first row.
    row : sequence of str or None
        Its second row, if it has one.

    Raises
    ------
    TableError
        The first row is a single cell that holds several.
    """
    if len(header) != 1:
        return
    first = header[0].strip()
    if first.startswith("#"):
        first = (row or [""])[0].strip()  # AFNI's .1D files start with a comment
    numbers = first.split()
    if len(numbers) > 1 and all(map(is_number, numbers)):
        msg = (
            f"{path} has no header, and its {len(numbers)} columns are separated by blanks, as in "
            "SPM's rp_*.txt, FSL's .par or AFNI's .1D; write it as tab-separated text (.tsv) with "
            "a first line that names the columns."
        )
        raise TableError(msg)
    separator = next((mark for mark in SEPARATORS if mark in first), None)
    if separator is not None:
        raise TableError(wrong_separator(path, SEPARATORS[separator]))
    second = row[0].split() if row else []
    if 1 < len(second) == len(numbers) and all(map(is_number, second)):
        raise TableError(wrong_separator(path, "blanks"))


def _decode(path: Path, data: bytes, errors: str) -> str:
    """Decode a table's text, or say what it is instead."""
    other = format_of(data[:32])
    if other is not None:
        msg = f"{path} is {other}, where a table of text is expected; "
        msg += "get the content first." if "pointer" in other else "save it as .tsv or .csv."
        raise TableError(msg)
    try:
        return decode_text(data, errors)
    except UnicodeDecodeError as error:
        msg = (
            f"{path} is not a text file in UTF-8 ({error.reason} at byte {error.start}); give a "
            ".tsv or .csv table."
        )
        raise TableError(msg) from error


def _inflate(stream: BinaryIO, limit: int) -> bytes | None:
    """Inflate a gzip file piece by piece; None where there is more than allowed."""
    pieces, size = [], 0
    with gzip.GzipFile(fileobj=stream) as inflated:
        while piece := inflated.read(CHUNK_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                return None
    return b"".join(pieces)
