# SPDX-License-Identifier: Apache-2.0
"""Tables of which few columns are looked at, by one strategy after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.io.files import file_state
from nipype_mapsmasker.io.tables.numbers import parse_rows
from nipype_mapsmasker.io.tables.splitting import Spans, plain_spans, split_rows
from nipype_mapsmasker.io.tables.text import read_text

__all__ = ["ColumnTable", "read_columns"]

KEPT_BYTES = 4 << 20
"""A larger file is read each time, so that what is kept stays small."""

N_KEPT = 2
"""Tables that are kept: those of one run, which every strategy reads."""

_KEPT: dict[tuple[object, ...], ColumnTable] = {}


class ColumnTable:
    """
    Hold the text of a table, and make cells and numbers of the columns that are asked for.

    Parameters
    ----------
    path : Path
        Comma-separated if its name ends in .csv, otherwise tab-separated; .gz may follow.

    Attributes
    ----------
    path : Path
        The file.
    header : list of str
        Names of the columns, without space around them.
    n_rows : int
        Number of the others, without blank lines.

    Raises
    ------
    TableError
        The file cannot be read, is not text, or has a row of another length than the header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = read_text(path)
        self._numbers: dict[int, NDArray[np.float64] | None] = {}
        self._spans: Spans | None = None
        self._lines: list[int] = []
        self._rows: list[list[str]] = []
        rows = split_rows(path, self._text)
        _, header = next(rows)
        self.header = [cell.strip() for cell in header]
        if not path.name.lower().removesuffix(".gz").endswith(".csv"):
            self._spans = plain_spans(self._text, len(header))
        if self._spans is None:
            for line, row in rows:
                self._lines.append(line)
                self._rows.append(row)
            self._text = ""
        self.n_rows = len(self._rows) if self._spans is None else len(self._spans[0])

    def cells(self, at: int) -> list[str]:
        """Give the cells of one column, as they stand in the file."""
        if self._spans is None:
            return [row[at] for row in self._rows]
        starts, ends = (side[:, at].tolist() for side in self._spans)
        return [self._text[start:end] for start, end in zip(starts, ends, strict=True)]

    def numbers(self, at: int) -> NDArray[np.float64] | None:
        """Give one column (n_rows,) of numbers and gaps; None where cells need a closer look."""
        if at not in self._numbers:
            self.prepare([at])
        return self._numbers[at]

    def prepare(self, positions: Sequence[int]) -> None:
        """Read the numbers of some columns at once, which takes a third of the time."""
        new = [at for at in dict.fromkeys(positions) if at not in self._numbers]
        found: NDArray[np.float64] | None
        if not new or not self.n_rows:
            found = np.empty((len(new), 0))
        elif self._spans is not None and len(new) == len(self.header):
            rows = parse_rows(self._text.removesuffix("\n").split("\n")[1:], len(new))
            found = None if rows is None else np.ascontiguousarray(rows.T)
        else:
            found = parse_rows(["\t".join(self.cells(at)) for at in new], self.n_rows)
        if found is not None:
            found.flags.writeable = False  # the next strategy asks for them, too
            self._numbers |= dict(zip(new, found, strict=True))
        elif len(new) == 1:
            self._numbers[new[0]] = None
        else:
            for at in new:
                self.prepare([at])

    def line(self, row: int) -> int:
        """Tell in which line of the file a row stands; the first line is 1."""
        return row + 2 if self._spans is not None else self._lines[row]

    def row(self, index: int) -> Sequence[str] | None:
        """Give the cells of one row; None where there is none."""
        if index >= self.n_rows:
            return None
        return [self.cells(at)[index] for at in range(len(self.header))]


def read_columns(path: str | os.PathLike[str]) -> ColumnTable:
    """
    Read a table, or take it as it was read before.

    Parameters
    ----------
    path : path_like
        As for `ColumnTable`.

    Returns
    -------
    ColumnTable
        The table. It is shared: its numbers cannot be changed.

    Raises
    ------
    TableError
        As for `ColumnTable`.
    """
    path = Path(path)
    state = file_state(path, KEPT_BYTES)
    if state is None:
        return ColumnTable(path)
    table = _KEPT.get(state)
    if table is None:
        table = _KEPT[state] = ColumnTable(path)
        while len(_KEPT) > N_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
    return table
