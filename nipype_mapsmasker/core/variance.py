# SPDX-License-Identifier: Apache-2.0
"""Running sums that give every voxel's mean square over time, after linear detrending."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MeanSquares"]

CHUNK_VALUES = 65536
"""Values that are worked on at a time: half a megabyte of float64, which stays in the cache."""


class MeanSquares:
    """
    Accumulate every voxel's mean square, for whoever reads the run anyway.

    The equation is that of `nipype_mapsmasker.core.confounds.mean_squares`.

    Parameters
    ----------
    n_volumes : int
        Number of volumes T.
    detrend : bool
        As in `mean_squares`.
    voxels : (n_voxels,) ndarray of int or None
        As in `mean_squares`.
    """

    def __init__(
        self,
        n_volumes: int,
        *,
        detrend: bool = True,
        voxels: NDArray[np.intp] | None = None,
    ) -> None:
        self._detrend = detrend
        self._voxels = voxels
        self._times = np.arange(n_volumes) - (n_volumes - 1) / 2
        self._weights = np.stack([np.ones(n_volumes), self._times])
        self._done = 0
        self._first: NDArray[np.float64] | None = None
        self._sums = self._squares = np.zeros(0)

    def add(self, block: NDArray[Any]) -> None:
        """
        Take volumes in.

        Parameters
        ----------
        block : (n, V) ndarray
            The run's next volumes.
        """
        if not self._done:
            n_voxels = block.shape[1] if self._voxels is None else self._voxels.size
            self._sums, self._squares = np.zeros((2, n_voxels)), np.zeros(n_voxels)
            if self._detrend:
                first = _pick(block[:1], self._voxels, slice(None))[0]
                self._first = first.astype(np.float64)
        weights = self._weights[:, self._done : self._done + len(block)]
        _accumulate(block, self._voxels, self._first, weights, self._sums, self._squares)
        self._done += len(block)

    def finish(self) -> NDArray[np.float64]:
        """
        Give the mean squares; nothing can be taken in afterwards.

        Returns
        -------
        (n_voxels,) ndarray of float
            As from `mean_squares`.
        """
        squares, n_volumes = self._squares, self._times.size
        if self._detrend:
            with np.errstate(invalid="ignore", over="ignore"):
                squares -= self._sums[0] ** 2 / n_volumes
                squares -= self._sums[1] ** 2 / max(float(self._times @ self._times), 1.0)
                np.maximum(squares, 0.0, out=squares)
        squares[~np.isfinite(squares)] = np.nan
        squares /= n_volumes
        return squares


def _accumulate(
    block: NDArray[Any],
    voxels: NDArray[np.intp] | None,
    first: NDArray[np.float64] | None,
    weights: NDArray[np.float64],
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Add a block to the running sums, as many voxels at a time as stay in the cache."""
    step = max(1024, CHUNK_VALUES // len(block))
    buffer = np.empty((len(block), step))
    # NaN and infinities are data here: they make the sums NaN, which marks the voxel.
    with np.errstate(invalid="ignore", over="ignore"):
        for left in range(0, squares.size, step):
            part = slice(left, left + step)
            chunk = _pick(block, voxels, part)
            values = buffer[:, : chunk.shape[1]]
            values[...] = chunk
            if first is not None:
                values -= first[part]
                sums[:, part] += weights @ values
            squares[part] += np.einsum("ij,ij->j", values, values)


def _pick(block: NDArray[Any], voxels: NDArray[np.intp] | None, part: slice) -> NDArray[Any]:
    """Give a part of the voxels in use of every volume of a block."""
    return block[:, part] if voxels is None else block[:, voxels[part]]
