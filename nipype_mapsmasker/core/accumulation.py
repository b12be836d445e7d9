# SPDX-License-Identifier: Apache-2.0
"""
Running sums of one pass over a run: the mean image, and b = A y for every volume.

Volumes come a few at a time. Their voxels in use are gathered in the stored type, once for all
operators, and multiplied by A once enough volumes are there for A to be read from memory seldom;
conversion to float64 and the product go cube by cube, which stays in the processor's cache.
Batches and cubes depend on sizes alone, so the sums are the same bit by bit however the run was
cut into blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.gathering import Gathering
from nipype_mapsmasker.core.presence import PresenceCounter
from nipype_mapsmasker.core.tiles import TiledRows

__all__ = ["MaskedMean", "RunProducts", "RunningSum"]

BATCH_BYTES = 24 << 20
"""Bytes of gathered voxels that wait for one multiplication."""

BATCH_VOLUMES = (4, 50)
"""Fewest and most volumes of a batch."""

FEW_VOXELS = 1 << 14
"""Whole numbers of so few voxels are added block by block, which costs fewer calls."""

MOST_OTHERS = 0.125
"""Share of a volume's voxels up to which those that are not gathered are picked one by one."""

MOST_RUNS = 16
"""Neighbouring voxels are copied run by run up to this number of runs in a cube."""


class RunningSum:
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

    def finish(self) -> NDArray[np.float64]:
        """Give the sum (V,); it is empty before the first volume, and the last thing asked."""
        self._flush()
        return self._total

    def mean(self) -> NDArray[np.float64]:
        """Give the mean (V,), likewise."""
        return self.finish() / max(self.n_volumes, 1)

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


class MaskedMean:
    """
    Find the mean of a run of whose voxels some are gathered anyway.

    Parameters
    ----------
    voxels : (V,) ndarray of int
        The gathered voxels, each once.

    Notes
    -----
    Where a volume is zero nearly everywhere else, as those of masked images are, it is enough to
    add what was gathered and the few others of the first volume. As many values that are not zero
    among those as in the volume tell that, in a fraction of the time that adding takes; once it
    is not so, it is not looked for again.
    """

    def __init__(self, voxels: NDArray[np.int64]) -> None:
        self._voxels = voxels
        self._others = voxels[:0]
        self._parts = RunningSum(), RunningSum()  # of the voxels, and of the others
        self._whole = RunningSum()
        self._masked = True
        self._n_voxels = 0

    def add(self, volume: NDArray[Any], gathered: NDArray[Any]) -> None:
        """
        Take a volume in.

        Parameters
        ----------
        volume : (V_all,) ndarray
            Of any numeric type, always the same one.
        gathered : (V,) ndarray
            Its values at the voxels.
        """
        if not self._n_voxels:
            self._n_voxels = volume.size
            outside = volume != 0
            outside[self._voxels] = False
            self._others = np.flatnonzero(outside)
            self._masked = self._others.size <= MOST_OTHERS * volume.size
        if self._masked:
            others = volume[self._others]
            self._masked = _n_set(volume) == _n_set(gathered) + _n_set(others)
        if self._masked:
            self._parts[0].add(gathered[None])
            self._parts[1].add(others[None])
        else:
            self._whole.add(volume[None])

    def mean(self) -> NDArray[np.float64]:
        """
        Give the mean; nothing can be taken in afterwards.

        Returns
        -------
        (V_all,) ndarray of float
            Of all volumes taken in; empty before the first.
        """
        n_masked = self._parts[0].n_volumes
        total = self._whole.finish() if self._whole.n_volumes else np.zeros(self._n_voxels)
        if n_masked:
            for voxels, part in zip((self._voxels, self._others), self._parts, strict=True):
                total[voxels] += part.finish()
        total /= max(n_masked + self._whole.n_volumes, 1)
        return total


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
        Is shown the gathered voxels.
    mean : MaskedMean, optional
        Is shown every volume, with the gathered voxels.
    """

    def __init__(
        self,
        bases: Sequence[TiledRows],
        gathering: Gathering,
        presence: PresenceCounter | None = None,
        mean: MaskedMean | None = None,
    ) -> None:
        self._gathering = gathering
        self._factors = [_Factor(basis, gathering, number) for number, basis in enumerate(bases)]
        self._presence, self._mean = presence, mean
        self._batch: NDArray[Any] | None = None  # (n, V)
        self._n_gathered = 0

    def add(self, block: NDArray[Any]) -> None:
        """
        Take volumes in.

        Parameters
        ----------
        block : (n, V_all) ndarray
            Whole volumes of any numeric type, always the same one.
        """
        if self._batch is None:
            n_bytes = max(1, self._gathering.voxels.size * block.dtype.itemsize)
            n_batch = min(max(BATCH_BYTES // n_bytes, BATCH_VOLUMES[0]), BATCH_VOLUMES[1])
            self._batch = self._gathering.allocate(n_batch, block.dtype)
        for volume in block:
            row = self._batch[self._n_gathered]
            self._gathering(volume, row)
            if self._presence is not None:
                self._presence.look_at(row, volume)
            if self._mean is not None:
                self._mean.add(volume, row)
            self._n_gathered += 1
            if self._n_gathered == len(self._batch):
                self._multiply()

    def finish(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """
        Give the sums.

        Returns
        -------
        list of tuple
            For every operator A y of all volumes, (T, K'), and ||y||^2 over its voxels, (T,);
            what is not finite counted as 0.
        """
        self._multiply()
        self._batch = None  # what follows needs memory too
        return [factor.finish() for factor in self._factors]

    def _multiply(self) -> None:
        """Work on the batch that was gathered."""
        if self._batch is not None and self._n_gathered:
            rows = self._batch[: self._n_gathered]
            if self._presence is not None:
                self._presence.settle(rows)
            for factor in self._factors:
                factor.multiply(rows)
        self._n_gathered = 0


class _Factor:
    """One A, and what it has given so far."""

    def __init__(self, basis: TiledRows, gathering: Gathering, number: int) -> None:
        self._basis = basis
        self._positions = gathering.positions[number]
        self._runs = gathering.runs(number, basis.starts)
        self._widest = int(np.diff(basis.starts).max(initial=0))
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

    def multiply(self, rows: NDArray[Any]) -> None:
        """Multiply a batch of gathered volumes, one cube at a time."""
        products = np.empty((self._row_starts[-1], len(rows)))
        square = np.zeros(len(rows))
        buffer = np.empty((len(rows), self._widest))
        for number, tile in enumerate(self._basis.tiles()):
            values = buffer[:, : tile.block.shape[1]]
            if len(self._runs[number]) <= MOST_RUNS:
                for columns, places in self._runs[number]:
                    values[:, columns] = rows[:, places]
            else:
                # Not take(), which would copy the whole batch where its rows are padded.
                values[...] = rows[:, self._positions[tile.columns]]
            power = np.vecdot(values, values)
            if rows.dtype.kind == "f" and not np.isfinite(power).all():
                np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
                power = np.vecdot(values, values)
            square += power
            place = products[self._row_starts[number] : self._row_starts[number + 1]]
            np.matmul(tile.block.astype(np.float64, copy=False), values.T, out=place)
        self._products.append((self._adding @ products).T)
        self._squares.append(square)


def _n_set(values: NDArray[Any]) -> int:
    """Count values (V,) that have any bit set, as all have that are not zero; bits are faster."""
    n_bytes = values.dtype.itemsize
    return int(np.count_nonzero(values.view(f"u{n_bytes}") if n_bytes <= 8 else values))


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
