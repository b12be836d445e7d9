# SPDX-License-Identifier: Apache-2.0
"""Delimited text to rows of cells, or to places of cells, and faults to one sentence each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import TableError

__all__ = ["SEPARATORS", "Spans", "empty_table", "plain_spans", "split_rows", "wrong_separator"]

SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
"""What separates columns, and its name."""

Spans: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Where the cells of a table start and end in its text, by row and column."""


def split_rows(path: Path, text: str, *, ragged: bool = False) -> Iterator[tuple[int, list[str]]]:
    """
    Split the text of a table into rows; no more than it is in memory.

    Parameters
    ----------
    path : Path
        The file, whose name tells the separator.
    text : str
        Its text.
    ragged : bool
        Whether rows of another length than the header are let through.

    Yields
    ------
    line : int
        The line of the file in which the row stands.
    row : list of str
        Its cells as they stand; first those of the header, of which there is one.

    Raises
    ------
    TableError
        There is nothing, or a row is of another length than the header.
    """
    is_csv = path.name.lower().removesuffix(".gz").endswith(".csv")
    header: list[str] = []
    for line, row in _split_commas(path, text) if is_csv else _split_tabs(text):
        if not row or (len(row) == 1 and not row[0].strip()):
            continue
        header = header or row
        if len(row) != len(header) and not ragged:
            raise _torn(path, header, row, line)
        yield line, row
    if not header:  # a byte order mark, or blanks of Unicode, and nothing else
        raise empty_table(path)


def plain_spans(text: str, n_columns: int) -> Spans | None:
    r"""
    Find the cells of a table in which every line is a row of as many cells, the first the header.

    Parameters
    ----------
    text : str
        Of a table with tabs.
    n_columns : int
        Number of columns of the header.

    Returns
    -------
    tuple of (n_rows, n_columns) ndarray of int or None
        Where each cell below the header starts and ends; None where lines differ, or may differ:
        rows tell what is wrong there.

    Notes
    -----
    Tables of fMRIPrep have some 200 columns, of which few are chosen: to make texts of all cells
    takes five times as long, which thousands of runs feel.

    Examples
    --------
    >>> starts, ends = plain_spans("a\tb\n1\t2\n3\t4\n", 2)
    >>> starts.tolist(), ends.tolist()
    ([[4, 6], [8, 10]], [[5, 7], [9, 11]])
    """
    if n_columns < 2 or not text.isascii():
        return None
    text = text if text.endswith("\n") else f"{text}\n"
    characters = np.frombuffer(text.encode("ascii"), np.uint8)
    marks = np.flatnonzero(characters <= ord("\r"))  # tabs, ends of lines, and what is neither
    if marks.size % n_columns:
        return None
    ends = marks.reshape(-1, n_columns)
    expected = np.full(n_columns, ord("\t"))
    expected[-1] = ord("\n")
    if not (characters[ends] == expected).all():
        return None
    starts = np.append(0, marks[:-1] + 1).reshape(ends.shape)
    return starts[1:], ends[1:]


def _split_tabs(text: str) -> Iterator[tuple[int, list[str]]]:
    """Split lines at tabs; BIDS knows no quotes."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield number, text[start:end].split("\t")
        start, number = end + 1, number + 1


def _split_commas(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Split lines at commas that are not in quotes."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        msg = f"{path} is not a table: {error} in line {reader.line_num}; check its format."
        raise TableError(msg) from error


def empty_table(path: Path) -> TableError:
    """
    Say that there is nothing in a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    TableError
        To be raised.
    """
    return TableError(
        f"{path} is empty, where a table with a header row is expected; make it anew."
    )


def wrong_separator(path: Path, found: str) -> str:
    """
    Say what separates the columns, and what should.

    Parameters
    ----------
    path : Path
        The file.
    found : str
        What was found, as `SEPARATORS` names it.

    Returns
    -------
    str
        A sentence.
    """
    expected = "commas" if ".csv" in path.name.lower() else "tabs"
    return (
        f"{path} has columns that are separated by {found}, where {expected} are expected; write "
        "it as tab-separated text with a name that ends in .tsv (or .csv for commas)."
    )


def _torn(path: Path, header: Sequence[str], row: Sequence[str], line: int) -> TableError:
    """Say that a row is not as long as the header, and why that may be."""
    if len(header) == 1 and (mark := next((m for m in SEPARATORS if m in header[0]), None)):
        return TableError(wrong_separator(path, SEPARATORS[mark]))
    if header[0].startswith("/Num"):
        return TableError(
            f"{path} is a design matrix of FSL (it starts with {header[0]!r}), where a table is "
            "expected; write its numbers as tab-separated text with a first line of names."
        )
    return TableError(
        f"{path} has {len(row)} cells in line {line}, where the header has {len(header)}; check "
        "the separator (tabs in .tsv, commas in .csv)."
    )
