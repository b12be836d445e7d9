# SPDX-License-Identifier: Apache-2.0
"""
Running sums of one pass over a run: the mean image, and b = A y for every volume.

Volumes come a few at a time. Their voxels in use are gathered in the stored type, once for all
operators, and multiplied by A once enough volumes are there for A to be read from memory seldom;
conversion to float64 and the product go cube by cube, which stays in the processor's cache. The
cubes of one batch are worked on while the next one is gathered, a few per volume, so that whoever
reads the image never waits for long. Batches and cubes depend on sizes alone, so the sums are the
same bit by bit however the run was cut into blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.gathering import Gathering
from nipype_mapsmasker.core.presence import PresenceCounter
from nipype_mapsmasker.core.tiles import TiledRows

__all__ = ["RunProducts", "RunningMean"]

BATCH_BYTES = 12 << 20
"""Bytes of gathered voxels that wait for one multiplication; there are two such batches."""

BATCH_VOLUMES = (4, 24)
"""Fewest and most volumes of a batch."""

FEW_VOXELS = 1 << 14
"""Whole numbers of so few voxels are added block by block, which costs fewer calls."""

MOST_RUNS = 16
"""Neighbouring voxels are copied run by run up to this number of runs in a cube."""


class RunningMean:
    """
    Sum volumes; what is not finite counts as 0.

    Notes
    -----
    Integers of two bytes are summed as such for as long as no sum can overflow, which is exact
    and several times as fast.
    """

    def __init__(self) -> None:
        self.n_volumes = 0
        self._total = np.zeros(0)
        self._short = np.zeros(0, np.uint16)
        self._range = (0, 0)  # that the short sums may have come to

    def add(self, block: NDArray[Any]) -> None:
        """
        Take volumes in.

        Parameters
        ----------
        block : (n, V) ndarray
            Volumes of any numeric type, always the same one.
        """
        if not self.n_volumes:
            self._total = np.zeros(block.shape[1])
            if block.dtype in (np.int16, np.uint16):
                self._short = np.zeros(block.shape[1], np.uint16)
        self.n_volumes += len(block)
        if block.dtype.kind in "iu" and block.itemsize <= 4 and block.shape[1] <= FEW_VOXELS:
            self._total += np.add.reduce(block, axis=0, dtype=np.float64)
            return
        for volume in block:
            if self._short.size:
                self._add_short(volume)
            else:
                np.add(self._total, _finite(volume), out=self._total)

    def _add_short(self, volume: NDArray[Any]) -> None:
        """Add whole numbers of two bytes as such, if their sums stay within two bytes."""
        volume = np.ascontiguousarray(volume)
        low, high = _bounds(volume)
        if _short_type(self._range[0] + low, self._range[1] + high) is None:
            self._flush()
        if _short_type(2 * low, 2 * high) is None:
            np.add(self._total, volume, out=self._total)
        else:
            # The bits of a sum are the same with a sign and without.
            np.add(self._short, volume.view(np.uint16), out=self._short)
            self._range = self._range[0] + low, self._range[1] + high

    def _flush(self) -> None:
        """Add the short sums to the long ones."""
        kind = _short_type(*self._range)
        if self._range != (0, 0) and kind is not None:
            np.add(self._total, self._short.view(kind), out=self._total)
            self._short[:] = 0
            self._range = 0, 0

    def finish(self) -> NDArray[np.float64]:
        """
        Give the mean; nothing can be taken in afterwards.

        Returns
        -------
        (V,) ndarray of float
            Of all volumes taken in; empty before the first.
        """
        self._flush()
        self._total /= max(self.n_volumes, 1)
        return self._total


class RunProducts:
    """
    Multiply the volumes of a run by the A of each of some operators.

    Parameters
    ----------
    bases : sequence of TiledRows
        The matrices A.
    gathering : Gathering
        Picks the voxels of their columns.
    presence : PresenceCounter, optional
        Is shown the gathered voxels, batch by batch.
    """

    def __init__(
        self,
        bases: Sequence[TiledRows],
        gathering: Gathering,
        presence: PresenceCounter | None = None,
    ) -> None:
        self._gathering = gathering
        self._factors = [_Factor(basis, gathering, number) for number, basis in enumerate(bases)]
        self._presence = presence
        self._batches: NDArray[Any] | None = None  # (2, n, V): one is gathered, one worked on
        self._empty = np.zeros(0, np.bool_)
        self._filling = 0
        self._n_gathered = 0
        self._work: Iterator[None] = iter(())

    def add(self, block: NDArray[Any]) -> None:
        """
        Take volumes in.

        Parameters
        ----------
        block : (n, V_all) ndarray
            Whole volumes of any numeric type, always the same one.
        """
        if self._batches is None:
            n_bytes = max(1, self._gathering.voxels.size * block.dtype.itemsize)
            n_batch = min(max(BATCH_BYTES // n_bytes, BATCH_VOLUMES[0]), BATCH_VOLUMES[1])
            self._batches = self._gathering.allocate(2, n_batch, block.dtype)
            self._empty = np.zeros(n_batch, np.bool_)
        n_batch = self._batches.shape[1]
        share = -(-sum(len(factor.tiles) for factor in self._factors) // n_batch)
        for volume in block:
            self._gathering(volume, self._batches[self._filling, self._n_gathered])
            if self._presence is not None:
                self._empty[self._n_gathered] = self._presence.is_empty(volume)
            self._n_gathered += 1
            for _ in range(share):
                next(self._work, None)
            if self._n_gathered == n_batch:
                self._turn()

    def finish(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """
        Give the sums.

        Returns
        -------
        list of tuple
            For every operator A y of all volumes, (T, K'), and ||y||^2 over its voxels, (T,);
            what is not finite counted as 0.
        """
        self._turn()
        self._finish_work()
        return [factor.finish() for factor in self._factors]

    def _turn(self) -> None:
        """Begin to work on the batch that was gathered."""
        self._finish_work()
        if self._batches is not None and self._n_gathered:
            rows = self._batches[self._filling, : self._n_gathered]
            if self._presence is not None:
                self._presence.add(rows, self._empty[: self._n_gathered].copy())
            self._work = self._multiply(rows)
        self._filling = 1 - self._filling
        self._n_gathered = 0

    def _finish_work(self) -> None:
        """Do what is left of the batch before."""
        for _ in self._work:
            pass

    def _multiply(self, rows: NDArray[Any]) -> Iterator[None]:
        """Multiply a batch, cube by cube."""
        for factor in self._factors:
            yield from factor.multiply(rows)


class _Factor:
    """One A, and what it has given so far."""

    def __init__(self, basis: TiledRows, gathering: Gathering, number: int) -> None:
        self.tiles = list(basis.tiles())
        self._positions = gathering.positions[number]
        self._runs = gathering.runs(number, basis.starts)
        self._widest = max((tile.block.shape[1] for tile in self.tiles), default=0)
        # Each tile's products have rows of their own, which are added up once per batch.
        self._row_starts = basis.row_starts.tolist()
        n_products = basis.rows.size
        self._adding = sparse.csc_array(
            (np.ones(n_products), basis.rows, np.arange(n_products + 1)),
            shape=(basis.n_rows, n_products),
        )
        self._products: list[NDArray[np.float64]] = [np.zeros((0, basis.n_rows))]
        self._squares: list[NDArray[np.float64]] = [np.zeros(0)]

    def finish(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give products and squares of all volumes."""
        return np.concatenate(self._products), np.concatenate(self._squares)

    def multiply(self, rows: NDArray[Any]) -> Iterator[None]:
        """Multiply a batch of gathered volumes, one cube at a time."""
        products = np.empty((self._row_starts[-1], len(rows)))
        square = np.zeros(len(rows))
        buffer = np.empty((len(rows), self._widest))
        for number, tile in enumerate(self.tiles):
            values = buffer[:, : tile.block.shape[1]]
            if len(self._runs[number]) <= MOST_RUNS:
                for columns, places in self._runs[number]:
                    values[:, columns] = rows[:, places]
            else:
                values[...] = rows.take(self._positions[tile.columns], axis=1)
            power = np.vecdot(values, values)
            if rows.dtype.kind == "f" and not np.isfinite(power).all():
                np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
                power = np.vecdot(values, values)
            square += power
            place = products[self._row_starts[number] : self._row_starts[number + 1]]
            np.matmul(tile.block.astype(np.float64, copy=False), values.T, out=place)
            yield
        self._products.append((self._adding @ products).T)
        self._squares.append(square)


def _bounds(volume: NDArray[Any]) -> tuple[int, int]:
    """Give limits of numbers (V,) of two bytes: 0 and somewhat too much where none is negative."""
    # All bits together are no smaller than the largest number.
    n_in_fours = volume.size // 4 * 4
    in_fours = volume[:n_in_fours].view(np.uint64)
    if in_fours.flags.aligned:
        four = np.bitwise_or.reduce(in_fours)[None].view(volume.dtype)
        bits = int(np.bitwise_or.reduce(np.append(four, volume[n_in_fours:])))
    else:
        bits = int(np.bitwise_or.reduce(volume))
    return (0, bits) if bits >= 0 else (int(volume.min()), int(volume.max()))


def _short_type(low: int, high: int) -> type[np.integer[Any]] | None:
    """Give the type of two bytes that holds all numbers between two, if any does."""
    if low >= 0:
        return np.uint16 if high <= np.iinfo(np.uint16).max else None
    kind = np.iinfo(np.int16)
    return np.int16 if kind.min <= low and high <= kind.max else None


def _finite(volume: NDArray[Any]) -> NDArray[Any]:
    """Give a volume (V,) with 0 for what is not finite."""
    if volume.dtype.kind != "f":
        return volume
    with np.errstate(over="ignore", invalid="ignore"):
        # The squares add up to a number only if all are; they may overflow where all are too.
        if np.isfinite(np.dot(volume, volume)):
            return volume
    finite: NDArray[Any] = np.nan_to_num(volume, nan=0.0, posinf=0.0, neginf=0.0)
    return finite
