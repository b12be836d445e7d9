# SPDX-License-Identifier: Apache-2.0
"""
Running sums of one pass over a run: the mean image, and b = A y for every volume.

Volumes come a few at a time. Their voxels in use are gathered in the stored type, and multiplied
by A once enough volumes are there for A to be read from memory seldom; conversion to float64 and
the product go through pieces that stay in the processor's cache. The pieces of one batch are
worked on while the next one is gathered, a few per volume, so that whoever reads the image never
waits for long. Batches and pieces depend on sizes alone, so the sums are the same bit by bit
however the run was cut into blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["BasisProducts", "RunningMean"]

BATCH_BYTES = 20 << 20
"""Bytes of gathered voxels that wait for one multiplication; there are two such batches."""

BATCH_VOLUMES = (4, 24)
"""Fewest and most volumes of a batch."""

DENSE_PIECE_VOXELS = 2048
"""Voxels of a piece of a dense product: 24 volumes of them take 0.4 MB."""

SPARSE_PIECE_VOXELS = 8192
"""Voxels of a piece of a sparse product."""

MEAN_PIECE_VOXELS = 1 << 16
"""Voxels of a piece of the mean image."""


class RunningMean:
    """
    Sum volumes; what is not finite counts as 0.

    Notes
    -----
    Small integers are summed as integers within a block, which is exact and takes half the time.
    """

    def __init__(self) -> None:
        self.n_volumes = 0
        self._total = np.zeros(0)

    def add(self, block: NDArray[Any]) -> None:
        """
        Take volumes in.

        Parameters
        ----------
        block : (n, V) ndarray
            Volumes of any numeric type.
        """
        n_volumes, n_voxels = block.shape
        if not self.n_volumes:
            self._total = np.zeros(n_voxels)
        self.n_volumes += n_volumes
        small = block.dtype.kind in "iu" and block.dtype.itemsize <= 2 and n_volumes < 1 << 15
        for left in range(0, n_voxels, MEAN_PIECE_VOXELS):
            piece = block[:, left : left + MEAN_PIECE_VOXELS]
            if small:
                part: NDArray[Any] = np.add.reduce(piece, axis=0, dtype=np.int32)
            else:
                part = _finite_sum(piece)
            self._total[left : left + MEAN_PIECE_VOXELS] += part

    def finish(self) -> NDArray[np.float64]:
        """
        Give the mean; nothing can be taken in afterwards.

        Returns
        -------
        (V,) ndarray of float
            Of all volumes taken in; empty before the first.
        """
        self._total /= max(self.n_volumes, 1)
        return self._total


class BasisProducts:
    """
    Multiply the volumes of a run by A.

    Parameters
    ----------
    basis : (K', V) ndarray of float or sparse csr_array
        A; float32 where that holds its numbers exactly, converted piece by piece.
    voxels : (V,) ndarray of int
        Flat indices of A's columns.
    n_voxels : int
        Size of the volumes that come.
    """

    def __init__(
        self,
        basis: NDArray[np.floating] | sparse.csr_array,
        voxels: NDArray[np.int64],
        n_voxels: int,
    ) -> None:
        self._basis = _SparseBasis(basis) if sparse.issparse(basis) else _DenseBasis(basis)
        self._voxels = voxels
        self._everywhere = voxels.size == n_voxels
        self._batches: NDArray[Any] | None = None  # (2, n, V): one is gathered, one worked on
        self._gathering = 0
        self._n_gathered = 0
        self._work: Iterator[None] = iter(())
        self._products: list[NDArray[np.float64]] = []
        self._squares: list[NDArray[np.float64]] = []

    def add(self, block: NDArray[Any]) -> None:
        """
        Take volumes in.

        Parameters
        ----------
        block : (n, V_all) ndarray
            Whole volumes of any numeric type, always the same one.
        """
        if self._batches is None:
            n_bytes = max(1, self._voxels.size * block.dtype.itemsize)
            n_batch = min(max(BATCH_BYTES // n_bytes, BATCH_VOLUMES[0]), BATCH_VOLUMES[1])
            self._batches = np.empty((2, n_batch, self._voxels.size), dtype=block.dtype)
        n_batch = self._batches.shape[1]
        share = -(-self._voxels.size // (self._basis.piece_voxels * n_batch))
        for volume in block:
            row = self._batches[self._gathering, self._n_gathered]
            if self._everywhere:
                row[...] = volume
            else:
                # 'clip' only spares a buffered copy: the indices are within the volume.
                np.take(volume, self._voxels, out=row, mode="clip")
            self._n_gathered += 1
            for _ in range(share):
                next(self._work, None)
            if self._n_gathered == n_batch:
                self._turn()

    def finish(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        Give the sums.

        Returns
        -------
        products : (T, K') ndarray of float
            A y for every volume; what is not finite counted as 0.
        squares : (T,) ndarray of float
            ||y||^2 over A's voxels.
        """
        self._turn()
        self._finish_work()
        products = [np.zeros((0, self._basis.n_rows)), *self._products]
        squares = np.concatenate([np.zeros(0), *self._squares])
        return np.concatenate(products), squares

    def _turn(self) -> None:
        """Begin to work on the batch that was gathered."""
        self._finish_work()
        if self._batches is not None and self._n_gathered:
            self._work = self._multiply(self._batches[self._gathering, : self._n_gathered])
        self._gathering = 1 - self._gathering
        self._n_gathered = 0

    def _finish_work(self) -> None:
        """Do what is left of the batch before."""
        for _ in self._work:
            pass

    def _multiply(self, rows: NDArray[Any]) -> Iterator[None]:
        """Multiply a batch, piece by piece."""
        product = np.zeros((len(rows), self._basis.n_rows))
        square = np.zeros(len(rows))
        step = self._basis.piece_voxels
        buffer = np.empty((len(rows), step))
        for left in range(0, self._voxels.size, step):
            part = rows[:, left : left + step]
            values = buffer[:, : part.shape[1]]
            values[...] = part
            power = np.vecdot(values, values)
            if part.dtype.kind == "f" and not np.isfinite(power).all():
                np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
                power = np.vecdot(values, values)
            square += power
            self._basis.multiply(values, left, product)
            yield
        self._products.append(product)
        self._squares.append(square)


class _DenseBasis:
    """A as an array, perhaps mapped from a file."""

    piece_voxels = DENSE_PIECE_VOXELS

    def __init__(self, basis: NDArray[np.floating]) -> None:
        self._basis = basis
        self.n_rows = basis.shape[0]

    def multiply(
        self, values: NDArray[np.float64], left: int, product: NDArray[np.float64]
    ) -> None:
        """Add the product with A's columns from ``left`` on."""
        part = self._basis[:, left : left + values.shape[1]].astype(np.float64, copy=False)
        product += values @ part.T


class _SparseBasis:
    """A by columns, cut into pieces: a voxel meets its few maps while it is in the cache."""

    piece_voxels = SPARSE_PIECE_VOXELS

    def __init__(self, basis: sparse.csr_array) -> None:
        self.n_rows = basis.shape[0]
        columns = sparse.csc_array(basis, dtype=np.float64)
        self._pieces = [
            columns[:, left : left + SPARSE_PIECE_VOXELS]
            for left in range(0, columns.shape[1], SPARSE_PIECE_VOXELS)
        ]

    def multiply(
        self, values: NDArray[np.float64], left: int, product: NDArray[np.float64]
    ) -> None:
        """Add the product with A's columns from ``left`` on."""
        # SciPy wants one row per voxel; the other orientation would be copied, voxel by voxel.
        upright = np.ascontiguousarray(values.T)
        product += np.asarray(self._pieces[left // SPARSE_PIECE_VOXELS] @ upright).T


def _finite_sum(piece: NDArray[Any]) -> NDArray[np.float64]:
    """Sum over volumes in float64, without what is not finite."""
    values = piece.astype(np.float64)
    total = np.ones(len(values)) @ values
    if not np.isfinite(total).all():
        np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        total = np.ones(len(values)) @ values
    return total
