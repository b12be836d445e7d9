# SPDX-License-Identifier: Apache-2.0
"""
Rows of weights cut into small cubes of the grid, each with the rows that have weight there.

A map covers a part of the brain, so most of a dense (K, V) array is zero. Voxels are ordered cube
by cube, and a cube holds a small dense block of the rows that are not zero in it: a third or a
quarter of the numbers for maps of networks, far fewer for regions, multiplied by BLAS either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cubes import QUAD, cube_order, cubes_of_quads, whole_quads
from nipype_mapsmasker.core.mapped import MAPPED_BYTES, let_go, mapping_of

__all__ = [
    "Support",
    "Tile",
    "TiledRows",
    "tile_rows",
]

ROUNDING = 1e-12
"""What is left of a weight that is subtracted from itself is less than this share of it."""

NOWHERE = np.iinfo(np.int64).min
"""Stands for where a row has no block."""

Support: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
"""Flat indices of a row's voxels, disk order, and the weights there."""


@dataclass(frozen=True, eq=False)
class Tile:
    """
    One cube.

    Parameters
    ----------
    columns : slice
        Its voxels, in the order of the whole.
    rows : (r,) ndarray of int or slice
        The rows that have weight in it; a slice where all have.
    block : (r, n) ndarray of float
        Their weights.
    """

    columns: slice
    rows: NDArray[np.int64] | slice
    block: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class TiledRows:
    """
    Hold a matrix (K', V) as blocks.

    Parameters
    ----------
    n_rows : int
        K'.
    starts : (n_tiles + 1,) ndarray of int
        Where the voxels of each cube begin, and at last V.
    row_starts : (n_tiles + 1,) ndarray of int
        Where the rows of each cube begin in ``rows``.
    rows : (n,) ndarray of int
        Rising in each cube.
    values : (N,) ndarray of float
        All blocks, one after the other; float32 where that holds the same numbers.

    Examples
    --------
    >>> index = np.array([0, 17])
    >>> found, voxels = tile_rows([(index[:1], np.ones(1)), (index, np.ones(2))], (20, 2, 2))
    >>> voxels.tolist(), [tile.block.tolist() for tile in found.tiles()]
    ([0, 17], [[[1.0], [1.0]], [[1.0]]])
    """

    n_rows: int
    starts: NDArray[np.int64]
    row_starts: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: NDArray[np.floating]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and voxels."""
        return self.n_rows, int(self.starts[-1])

    def tiles(self) -> Iterator[Tile]:
        """
        Yield the cubes in order; blocks are views.

        Notes
        -----
        Of weights that are mapped from a file no more than a few MB count as this process's
        memory at a time: the system keeps the file, of which all processes share one copy.
        """
        mapping, passed = mapping_of(self.values), 0
        for tile in self._tiles:
            yield tile
            passed += tile.block.nbytes
            if mapping is not None and passed >= MAPPED_BYTES:
                let_go(mapping)
                passed = 0

    @cached_property
    def _tiles(self) -> list[Tile]:
        """Cut the values into cubes once: an operator is gone through for every run."""
        found = []
        first = 0
        for number in range(self.starts.size - 1):
            columns = slice(int(self.starts[number]), int(self.starts[number + 1]))
            rows = self.rows[self.row_starts[number] : self.row_starts[number + 1]]
            shape = (rows.size, columns.stop - columns.start)
            last = first + shape[0] * shape[1]
            block = self.values[first:last].reshape(shape)
            found.append(Tile(columns, slice(None) if rows.size == self.n_rows else rows, block))
            first = last
        return found

    def take(
        self, columns: NDArray[np.integer] | NDArray[np.bool_] | slice
    ) -> NDArray[np.float64]:
        """
        Give some columns as a dense array.

        Parameters
        ----------
        columns : (n,) ndarray of int, (V,) ndarray of bool or slice
            Which; numbers must rise.

        Returns
        -------
        (K', n) ndarray of float
            The weights there.
        """
        wanted = np.arange(self.shape[1])[columns]
        out = np.zeros((self.n_rows, wanted.size))
        cuts = np.searchsorted(wanted, self.starts)
        touched = cuts[1:] > cuts[:-1]
        for number, tile in enumerate(self.tiles()):
            if touched[number]:
                part = slice(cuts[number], cuts[number + 1])
                out[tile.rows, part] = tile.block[:, wanted[part] - tile.columns.start]
        return out

    def gram(self, weight: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
        """
        Give A W A'.

        Parameters
        ----------
        weight : (V,) ndarray of float, optional
            The diagonal of W; ones by default.

        Returns
        -------
        (K', K') ndarray of float
            Summed in float64.
        """
        gram = np.zeros((self.n_rows, self.n_rows))
        for tile in self.tiles():
            block = tile.block.astype(np.float64, copy=False)
            weighted = block if weight is None else block * weight[tile.columns]
            if isinstance(tile.rows, slice):
                gram += weighted @ block.T
            else:
                gram[tile.rows[:, None], tile.rows] += weighted @ block.T
        return gram

    def absolute(self, weights: NDArray[np.floating]) -> NDArray[np.float64]:
        """
        Multiply the absolute values of the matrix by weights.

        Parameters
        ----------
        weights : (V,) or (V, n) ndarray of float
            What absolute weights are multiplied by.

        Returns
        -------
        (K',) or (K', n) ndarray of float
            One sum per row.
        """
        found = np.zeros((self.n_rows, *weights.shape[1:]))
        for tile in self.tiles():
            block = np.abs(tile.block).astype(np.float64, copy=False)
            found[tile.rows] += block @ weights[tile.columns]
        return found

    def counts(self) -> NDArray[np.int64]:
        """Count the voxels (K',) in which each row is not zero."""
        found = np.zeros(self.n_rows, dtype=np.int64)
        for tile in self.tiles():
            found[tile.rows] += np.add.reduce(tile.block != 0, axis=1, dtype=np.int32)
        return found

    def keep(
        self, columns: NDArray[np.bool_], voxels: NDArray[np.int64]
    ) -> tuple[TiledRows, NDArray[np.int64]]:
        """
        Leave voxels out.

        Parameters
        ----------
        columns : (V,) ndarray of bool
            The voxels that stay.
        voxels : (V,) ndarray of int
            Flat indices of all.

        Returns
        -------
        rows : TiledRows
            A copy, without cubes and rows of which nothing is left.
        voxels : (V_kept,) ndarray of int
            Flat indices of its columns, in the order of `tile_rows`.
        """
        whole = np.zeros(columns.size, dtype=bool)
        whole[columns] = whole_quads(voxels[columns])
        values = np.empty(self.values.size, self.values.dtype)
        rows, places, sizes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], []
        every = np.arange(self.n_rows)
        done = 0
        for tile in self.tiles():
            kept, block = columns[tile.columns], tile.block
            here, filled = voxels[tile.columns], every[tile.rows]
            if not kept.all():
                in_fours = whole[tile.columns]
                order = np.concatenate(
                    [np.flatnonzero(in_fours), np.flatnonzero(kept & ~in_fours)]
                )
                block, here = np.take(block, order, axis=1), here[order]
                has_weight = block.any(axis=1)
                if not has_weight.all():
                    block, filled = block[has_weight], filled[has_weight]
            if here.size:
                values[done : done + block.size].reshape(block.shape)[...] = block
                done += block.size
                sizes.append(block.shape[::-1])
                rows.append(filled)
                places.append(here)
        found = np.array(sizes, dtype=np.int64).reshape(-1, 2)
        starts, row_starts = (np.append(0, np.cumsum(found[:, axis])) for axis in (0, 1))
        kept_rows = TiledRows(self.n_rows, starts, row_starts, np.concatenate(rows), values[:done])
        return kept_rows, np.concatenate(places)

    def minus(
        self,
        voxels: NDArray[np.int64],
        supports: Iterable[Support],
        n_voxels: int,
        *,
        in_place: bool = False,
    ) -> TiledRows:
        """
        Subtract rows, which have weight in no cube where these have none.

        Parameters
        ----------
        voxels : (V,) ndarray of int
            Flat indices of the columns.
        supports : iterable of Support
            What is subtracted, row by row.
        n_voxels : int
            Size of the grid.
        in_place : bool
            Whether these rows, in float64, may be overwritten.

        Returns
        -------
        TiledRows
            In float64; what is left of a weight that was subtracted whole is 0.
        """
        values = self.values.astype(np.float64, copy=not in_place)
        changed = TiledRows(self.n_rows, self.starts, self.row_starts, self.rows, values)
        addresses = _Addresses(changed, voxels, n_voxels)
        for row, (index, weights) in enumerate(supports):
            places, known = addresses(row, index)
            gone = weights[known]
            left = values[places] - gone
            left[np.abs(left) <= ROUNDING * np.abs(gone)] = 0.0
            values[places] = left
        return changed

    def toarray(self) -> NDArray[np.float64]:
        """Give the whole matrix (K', V), dense."""
        return self.take(slice(None))

    def __matmul__(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Multiply values (V,) or (V, n)."""
        product = np.zeros((self.n_rows, *values.shape[1:]))
        for tile in self.tiles():
            block = tile.block.astype(np.float64, copy=False)
            product[tile.rows] += block @ values[tile.columns]
        return product


def tile_rows(
    supports: Iterable[Support], shape: tuple[int, int, int]
) -> tuple[TiledRows, NDArray[np.int64]]:
    """
    Cut rows into tiles.

    Parameters
    ----------
    supports : iterable of Support
        For each row the voxels where it is not zero, and its weights. It is gone through twice,
        so that rows need not be held beside their tiles.
    shape : tuple of int
        Shape (X, Y, Z) of the grid.

    Returns
    -------
    rows : TiledRows
        The weights.
    voxels : (V,) ndarray of int
        Flat indices of the columns: all voxels that any row has weight in, cube by cube.
    """
    n_voxels = shape[0] * shape[1] * shape[2]
    used = np.zeros(n_voxels, dtype=bool)
    touched: list[NDArray[np.bool_]] = []
    cubes = cubes_of_quads(shape)
    narrow = True
    for index, weights in supports:
        used[index] = True
        touched.append(np.bincount(cubes[index // QUAD], minlength=int(cubes[-1]) + 1) > 0)
        narrow = narrow and _is_narrow(weights)
    voxels = np.flatnonzero(used)
    order, starts = cube_order(voxels, shape)
    voxels = voxels[order]
    del order, used  # the weights need memory
    n_rows = len(touched)
    filled = np.zeros((starts.size - 1, n_rows), dtype=bool)
    for row, flags in enumerate(touched):
        filled[:, row] = flags[cubes[voxels[starts[:-1]] // QUAD]]
    counts = filled.sum(axis=1)
    dtype = np.float32 if narrow else np.float64
    values: NDArray[np.floating] = np.zeros(int(counts @ np.diff(starts)), dtype=dtype)
    row_starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rows = TiledRows(n_rows, starts, row_starts, np.nonzero(filled)[1], values)
    addresses = _Addresses(rows, voxels, n_voxels)
    for row, (index, weights) in enumerate(supports):
        places, known = addresses(row, index)
        values[places] = weights[known]
    return rows, voxels


class _Addresses:
    """
    Tell where the weight of a row in a voxel is among the values of all blocks.

    Parameters
    ----------
    rows : TiledRows
        Whose values.
    voxels : (V,) ndarray of int
        Flat indices of the columns.
    n_voxels : int
        Size of the grid.
    """

    def __init__(self, rows: TiledRows, voxels: NDArray[np.int64], n_voxels: int) -> None:
        sizes, counts = np.diff(rows.starts), np.diff(rows.row_starts)
        self._column = np.full(n_voxels, -1, dtype=np.int32)
        self._column[voxels] = np.arange(voxels.size, dtype=np.int32)
        self._tile_of = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)
        # Where a row's part of a tile begins, so that a column of the whole falls into its place.
        tile = np.repeat(np.arange(sizes.size), counts)
        block_starts = np.concatenate([[0], np.cumsum(counts * sizes)])[tile]
        rank = np.arange(rows.rows.size) - rows.row_starts[tile]
        self._offsets = np.full((rows.n_rows, sizes.size), NOWHERE)
        self._offsets[rows.rows, tile] = block_starts + rank * sizes[tile] - rows.starts[tile]

    def __call__(
        self, row: int, index: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Give the places of those of a row's voxels (n,) that have one, and which have (n,)."""
        column = self._column[index]
        if not self._tile_of.size:
            return np.zeros(0, np.int64), np.zeros(index.size, np.bool_)
        offset = self._offsets[row][self._tile_of[column]]
        known = (column >= 0) & (offset != NOWHERE)
        return offset[known] + column[known], known


def _is_narrow(weights: NDArray[np.floating]) -> bool:
    """Tell whether float32 holds some weights, as it does maps read from it."""
    if weights.dtype == np.float32:
        return True
    with np.errstate(over="ignore"):
        return bool(np.array_equal(weights.astype(np.float32), weights))
