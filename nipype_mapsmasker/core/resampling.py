# SPDX-License-Identifier: Apache-2.0
"""
Resampling of runs, block by block, as nilearn resamples data: cubic, clipped, NaN-aware.

Clipping to the run's own range is not linear, so it cannot be folded into the operator; nor can
the treatment of non-finite voxels, which are filled from their neighbours before interpolation
and set to zero after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.interpolation import Interpolation, resampling_operator
from nipype_mapsmasker.core.maps import bounding_box
from nipype_mapsmasker.core.spatial import (
    DirectResampling,
    PermutedOperator,
    SeparableOperator,
    SparseOperator,
)

__all__ = ["KNOWN_SHARE", "BlockResampler", "data_range", "fill_non_finite"]

FILL_ITERATIONS = 2
"""How many shells of non-finite voxels are filled from their neighbours, as in nilearn."""

KNOWN_SHARE = 0.5
"""Share of what a target voxel reads that must have data for it to count as having any."""


@dataclass(frozen=True, eq=False)
class BlockResampler:
    """
    Send blocks of volumes from one grid to another.

    Parameters
    ----------
    source, target : Grid
        The run's grid, and that of the fit.
    interpolation : {'continuous', 'linear', 'nearest'}
        How to read between voxels.
    limits : tuple of float, optional
        Lowest and highest value that may come out (`data_range`); None clips nothing.
    fill_value : float
        Value outside the source's field of view.
    voxels : (N,) ndarray of int, optional
        Flat indices of the target voxels that will be looked at; where it saves work, voxels
        outside the smallest box that holds them are left 0.

    Notes
    -----
    The same as nilearn's ``resample_img(..., clip=True)`` followed by non-finite -> 0.
    """

    source: Grid
    target: Grid
    interpolation: Interpolation = "continuous"
    limits: tuple[float, float] | None = None
    fill_value: float = 0.0
    voxels: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Build the operators once."""
        build = resampling_operator
        object.__setattr__(self, "_values", build(self.source, self.target, self.interpolation))
        outside = None
        if self.fill_value != 0:
            covered = build(self.source, self.target, "nearest").apply(
                np.ones(self.source.shape[::-1])
            )
            outside = covered == 0
        object.__setattr__(self, "_outside", outside)
        box, moving = (slice(None),) * 3, self.operator
        if self.voxels is not None and self.voxels.size and isinstance(moving, SeparableOperator):
            box = bounding_box(self.voxels, self.target.shape)
            moving = SeparableOperator(moving.x[box[2]], moving.y[box[1]], moving.z[box[0]])
        object.__setattr__(self, "_box", box)
        object.__setattr__(self, "_moving", moving)
        object.__setattr__(self, "_nearest", [])

    @property
    def operator(self) -> SeparableOperator | SparseOperator | DirectResampling:
        """The linear part."""
        operator: SeparableOperator | SparseOperator | DirectResampling = self._values  # type: ignore[attr-defined]
        return operator

    def __call__(self, block: NDArray[np.generic]) -> NDArray[np.float64]:
        """
        Resample one block.

        Parameters
        ----------
        block : (n, V) ndarray
            Volumes in disk order, any numeric type.

        Returns
        -------
        (n, V') ndarray of float
            Finite volumes on the target grid.
        """
        box: tuple[slice, slice, slice] = self._box  # type: ignore[attr-defined]
        out = np.zeros((block.shape[0], *self.target.shape[::-1]))
        for result, stored in zip(out, block, strict=True):
            volume = stored.reshape(self.source.shape[::-1])
            bad = None if _is_finite(volume) else ~np.isfinite(volume)
            if bad is not None:
                volume = fill_non_finite(volume.astype(np.float64), bad)
            moved = result[box]
            moved[...] = self._moving.apply(volume)  # type: ignore[attr-defined]
            if self._outside is not None:  # type: ignore[attr-defined]
                moved[self._outside[box]] = self.fill_value  # type: ignore[attr-defined]
            if self.limits is not None:
                np.clip(moved, *self.limits, out=moved)
            if bad is not None:
                moved[self._was_bad(bad)[box]] = 0.0
        return out.reshape(len(out), -1)

    def share(self, known: NDArray[np.bool_]) -> NDArray[np.float64]:
        """
        Tell how much of what a target voxel reads has data.

        Parameters
        ----------
        known : (V,) ndarray of bool
            Source voxels that have data.

        Returns
        -------
        (V',) ndarray of float
            From 0 to 1, by linear interpolation, which does not ring; 0 outside the source.
        """
        volume = known.reshape(self.source.shape[::-1]).astype(np.float64)
        return self._sharing.apply(volume).reshape(-1).clip(0.0, 1.0)

    def reach(self, voxels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """
        Flag the source voxels that the `share` of some target voxels depends on.

        Parameters
        ----------
        voxels : (n,) ndarray of int
            Flat indices in the target.

        Returns
        -------
        (V,) ndarray of bool
            Those.
        """
        wanted = np.zeros(self.target.n_voxels)
        wanted[voxels] = 1.0
        volume = wanted.reshape(self.target.shape[::-1])
        reached: NDArray[np.bool_] = self._sharing.T.apply(volume).reshape(-1) > 0
        return reached

    @cached_property
    def _sharing(self) -> SeparableOperator | SparseOperator | PermutedOperator:
        """What `share` is found by."""
        kind: Interpolation = "nearest" if self.interpolation == "nearest" else "linear"
        operator = resampling_operator(self.source, self.target, kind)
        assert not isinstance(operator, DirectResampling)
        return operator

    def normalised(
        self, block: NDArray[np.generic], known: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """
        Resample volumes with holes: R (m x) / R m, with m the mask of what is known.

        Parameters
        ----------
        block : (n, V) ndarray
            Volumes in disk order, any numeric type; what is not known is not read.
        known : (V,) ndarray of bool
            Source voxels that have data in these volumes.

        Returns
        -------
        (n, V') ndarray of float
            Finite volumes on the target grid; 0 where less than half is known.
        """
        box: tuple[slice, slice, slice] = self._box  # type: ignore[attr-defined]
        shape = self.source.shape[::-1]
        usable = self.share(known).reshape(self.target.shape[::-1])[box] >= KNOWN_SHARE
        weight = self._moving.apply(known.reshape(shape).astype(np.float64))  # type: ignore[attr-defined]
        weight[~usable] = 1.0
        out = np.zeros((block.shape[0], *self.target.shape[::-1]))
        for result, stored in zip(out, block, strict=True):
            volume = np.where(known, stored, 0).astype(np.float64).reshape(shape)
            moved = self._moving.apply(volume) / weight  # type: ignore[attr-defined]
            if self.limits is not None:
                np.clip(moved, *self.limits, out=moved)
            result[box] = np.where(usable, moved, 0.0)
        return out.reshape(len(out), -1)

    def _was_bad(self, bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which target voxels read a non-finite voxel as their nearest."""
        nearest: list[SeparableOperator] = self._nearest  # type: ignore[attr-defined]
        if not nearest:
            nearest.append(resampling_operator(self.source, self.target, "nearest"))  # type: ignore[arg-type]
        return nearest[0].apply(bad.astype(np.float64)) > 0.5


def data_range(blocks: Iterable[NDArray[np.generic]]) -> tuple[float, float]:
    """
    Find the range that cubic resampling is clipped to: the run's own, widened to hold 0.

    Parameters
    ----------
    blocks : iterable of (n, V) ndarray
        The run; NaN is passed over.

    Returns
    -------
    tuple of float
        Lowest and highest value.
    """
    low = high = 0.0
    for block in blocks:
        for volume in block if block.size else ():
            lowest, highest = volume.min(), volume.max()
            if np.isnan(lowest):  # three times as slow as the line above, and seldom needed
                lowest, highest = np.fmin.reduce(volume), np.fmax.reduce(volume)
            low, high = min(low, float(lowest)), max(high, float(highest))
    return low, high


def fill_non_finite(volume: NDArray[np.float64], bad: NDArray[np.bool_]) -> NDArray[np.float64]:
    """
    Fill the two outer shells of non-finite voxels with the mean of their finite neighbours.

    Parameters
    ----------
    volume : (Z, Y, X) ndarray of float
        The volume.
    bad : (Z, Y, X) ndarray of bool
        Its non-finite voxels.

    Returns
    -------
    (Z, Y, X) ndarray of float
        A finite copy; voxels deeper inside a hole are 0.

    Examples
    --------
    >>> fill_non_finite(np.array([[[1.0, np.nan, 3.0]]]), np.array([[[False, True, False]]]))
    array([[[1., 2., 3.]]])
    """
    known = np.pad(~bad, 1)
    values = np.pad(np.where(bad, 0.0, volume), 1)
    for _ in range(FILL_ITERATIONS):
        total = np.zeros_like(values)
        count = np.zeros(values.shape)
        for axis in range(3):
            for step in (1, -1):
                total += np.roll(values, step, axis)
                count += np.roll(known, step, axis)
        shell = ~known & (count > 0)
        # Padding is a border that no voxel of the volume may borrow from or fill.
        shell[[0, -1]] = shell[:, [0, -1]] = shell[:, :, [0, -1]] = False
        values[shell] = total[shell] / count[shell]
        known |= shell
    return values[1:-1, 1:-1, 1:-1].copy()


def _is_finite(volume: NDArray[np.generic]) -> bool:
    """Tell whether every voxel is finite."""
    if volume.dtype.kind != "f":
        return True
    # A sum is finite only if every voxel is: one cheap pass instead of a mask. It may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(volume.sum()) or np.isfinite(volume).all())
