# SPDX-License-Identifier: Apache-2.0
"""Matrices of relations between regions, as tables that name them on both sides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.tables.numbers import format_rows, parse_rows, read_number
from nipype_mapsmasker.io.tables.text import read_table, read_text

__all__ = ["NODE", "read_relmat", "write_relmat"]

NODE = "Node"
"""Header of the column of names, as XCP-D has it."""


def write_relmat(path: str | os.PathLike[str], matrix: ArrayLike, names: Sequence[str]) -> Path:
    """
    Write a matrix, one row and one column per region.

    Parameters
    ----------
    path : path_like
        The .tsv.
    matrix : (K, K) array_like of float
        The matrix; NaN is written as ``n/a``.
    names : sequence of str
        K different names.

    Returns
    -------
    Path
        ``path``; ``pandas.read_csv(path, sep=TAB, index_col="Node")`` is square.

    Raises
    ------
    ParameterError
        The matrix has another shape.
    """
    final, values = Path(path), np.asarray(matrix, dtype=np.float64)
    if values.shape != (len(names), len(names)):
        msg = f"{final}: a matrix of shape {values.shape} arrived for {len(names)} names."
        raise ParameterError(msg)
    with atomic_path(final) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("\t".join([NODE, *names]) + "\n")
        for name, line in zip(names, format_rows(values), strict=True):
            file.write(f"{name}\t{line}\n")
    return final


def read_relmat(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], list[str]]:
    """
    Read a matrix that `write_relmat` wrote.

    Parameters
    ----------
    path : path_like
        The .tsv.

    Returns
    -------
    matrix : (K, K) ndarray of float
        NaN where the table says ``n/a``.
    names : list of str
        The K names.

    Raises
    ------
    TableError
        The table is not square, or its rows and columns are not named alike.
    """
    path = Path(path)
    header, *rows = read_text(path).rstrip("\n").split("\n")
    parts = [row.partition("\t") for row in rows]
    if header.split("\t") == [NODE, *(name for name, _, _ in parts)]:
        plain = parse_rows([numbers for _, _, numbers in parts], len(parts))
        if plain is not None:
            return plain, [name for name, _, _ in parts]
    table = read_table(path)
    names = table.header[1:]
    if table.header[0] != NODE or [row[0] for row in table.rows] != names:
        msg = (
            f"{path} is not a matrix of regions: its first column must be {NODE!r} and name the "
            "rows as the header names the columns."
        )
        raise TableError(msg)
    matrix = np.empty((len(names), len(names)))
    for index, (line, row) in enumerate(zip(table.lines, table.rows, strict=True)):
        matrix[index] = [read_number(cell, path, line) for cell in row[1:]]
    return matrix, names
