# SPDX-License-Identifier: Apache-2.0
"""Tables of rows with named cells, such as the table of runs."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.tables.text import NOT_AVAILABLE, check_separator, read_table

__all__ = ["read_rows", "rows_bytes", "write_rows"]

_BREAKS = re.compile(r"[\t\n\r]")


def read_rows(
    path: str | os.PathLike[str], *, errors: str = "strict"
) -> list[dict[str, str | None]]:
    """
    Read a table as one dictionary per row.

    Parameters
    ----------
    path : path_like
        A .tsv or .csv table with a header.
    errors : str
        ``'surrogateescape'`` keeps bytes that are no text, as names of files may have them.

    Returns
    -------
    list of dict
        Column names to cells; None where a cell is ``n/a`` or empty.

    Raises
    ------
    TableError
        The file cannot be read, has a row of another length, or names a column twice or not.
    """
    table = read_table(path, errors=errors)
    check_separator(table.path, table.header, table.rows[0] if table.rows else None)
    twice = [name for name, count in Counter(table.header).items() if count > 1 or not name]
    if twice:
        msg = (
            f"{table.path} has a header with the column {twice[0]!r} "
            f"{'twice' if twice[0] else '(no name)'}; give each column its own name."
        )
        raise TableError(msg)
    # Only these two: a run may well be called "none" or "NA".
    return [
        {
            name: None if cell in ("", NOT_AVAILABLE) else cell
            for name, cell in zip(table.header, row, strict=True)
        }
        for row in table.rows
    ]


def write_rows(
    path: str | os.PathLike[str], rows: Iterable[Mapping[str, Any]], columns: Sequence[str]
) -> Path:
    """
    Write a tab-separated table.

    Parameters
    ----------
    path : path_like
        A .tsv; a file that is there is replaced.
    rows : iterable of mapping
        Column names to values; None, NaN and what is not there become ``n/a``.
    columns : sequence of str
        The columns, in order; others are not written.

    Returns
    -------
    Path
        The file, complete.

    Notes
    -----
    A tab or line break inside a value would tear the table: each run of white space that holds
    one becomes one space.
    """
    final = Path(path)
    with atomic_path(final) as temporary:
        temporary.write_bytes(rows_bytes(rows, columns))
    return final


def rows_bytes(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """
    Give the content of a table.

    Parameters
    ----------
    rows : iterable of mapping
        As in `write_rows`.
    columns : sequence of str
        As in `write_rows`.

    Returns
    -------
    bytes
        In UTF-8, with its header and a line break at the end.
    """
    lines = [columns, *([row.get(name) for name in columns] for row in rows)]
    text = "".join("\t".join(map(_cell, line)) + "\n" for line in lines)
    return text.encode("utf-8", "surrogateescape")


def _cell(value: Any) -> str:
    """Write one value."""
    if isinstance(value, str):
        text = value if _BREAKS.search(value) is None else " ".join(value.split())
        return text or NOT_AVAILABLE
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOT_AVAILABLE
    if isinstance(value, bool):
        return "true" if value else "false"
    # float() first: numpy's own numbers write their type's name too.
    return repr(float(value)) if isinstance(value, float) else _cell(str(value))
