# SPDX-License-Identifier: Apache-2.0
"""Rows of a matrix without their zeros, whatever form it is held in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.tiles import Support, TiledRows

__all__ = ["Supports"]


@dataclass(frozen=True, eq=False)
class Supports:
    """
    Give the rows of a matrix one by one, without their zeros, as often as they are asked for.

    Parameters
    ----------
    matrix : (K', V) ndarray of float, sparse array or TiledRows
        The rows.
    voxels : (V,) ndarray of int
        Flat indices of the columns.
    """

    matrix: NDArray[np.floating] | sparse.sparray | TiledRows
    voxels: NDArray[np.int64]

    def __iter__(self) -> Iterator[Support]:
        matrix, voxels = self.matrix, self.voxels
        if isinstance(matrix, TiledRows):
            yield from self._of_tiles(matrix)
        elif sparse.issparse(matrix):
            rows = sparse.csr_array(matrix)
            for left, right in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
                yield voxels[rows.indices[left:right]], rows.data[left:right]
        else:
            for weights in np.asarray(matrix):
                filled = np.flatnonzero(weights != 0)
                yield voxels[filled], weights[filled]

    def _of_tiles(self, matrix: TiledRows) -> Iterator[Support]:
        """Put each row's parts of all tiles together."""
        every = np.arange(matrix.n_rows)
        by_row: list[list[Support]] = [[] for _ in every]
        for tile in matrix.tiles():
            for row, weights in zip(every[tile.rows], tile.block, strict=True):
                by_row[row].append((self.voxels[tile.columns], weights))
        for parts in by_row:
            parts.append((np.empty(0, np.int64), np.empty(0, matrix.values.dtype)))
            index = np.concatenate([part[0] for part in parts])
            weights = np.concatenate([part[1] for part in parts])
            filled = np.flatnonzero(weights != 0)
            yield index[filled], weights[filled]
