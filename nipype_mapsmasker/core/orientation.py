# SPDX-License-Identifier: Apache-2.0
"""How a grid lies in the head, and volumes turned to right, anterior, superior, in few voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Orientation", "coarse_affine", "coarse_means", "nearest_ras", "turned"]


@dataclass(frozen=True, eq=False)
class Orientation:
    """
    Tell how voxel axes lie in the head.

    Parameters
    ----------
    axes : tuple of int
        The voxel axes nearest to right, anterior and superior, in this order.
    flips : tuple of bool
        Whether each of these runs to the left, posterior or inferior instead.
    sizes : tuple of float
        Edge lengths of a voxel along them, in mm.
    tilt : float
        Largest angle between a voxel axis and the head's axis that it stands for, in degrees.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    sizes: tuple[float, float, float]
    tilt: float


def nearest_ras(affine: ArrayLike) -> Orientation:
    """
    Find the voxel axes that lie nearest to right, anterior and superior.

    Parameters
    ----------
    affine : (4, 4) array_like of float
        Maps voxel indices to mm in RAS+ space.

    Returns
    -------
    Orientation
        The assignment whose direction cosines have the largest sum.

    Examples
    --------
    >>> nearest_ras(np.diag([-2.0, 2.0, 3.0, 1.0])).flips
    (True, False, False)
    """
    matrix = np.asarray(affine, dtype=np.float64)[:3, :3]
    lengths = np.sqrt((matrix**2).sum(axis=0))
    cosines = matrix / lengths
    best = max(permutations(range(3)), key=lambda p: sum(abs(cosines[i, p[i]]) for i in range(3)))
    along = [float(cosines[i, best[i]]) for i in range(3)]
    tilt = float(np.degrees(np.arccos(min(1.0, min(abs(value) for value in along)))))
    return Orientation(
        (best[0], best[1], best[2]),
        (along[0] < 0, along[1] < 0, along[2] < 0),
        (float(lengths[best[0]]), float(lengths[best[1]]), float(lengths[best[2]])),
        tilt,
    )


def coarse_affine(shape: Sequence[int], affine: ArrayLike, step: int) -> NDArray[np.float64]:
    """
    Give the affine of the small volumes of a grid.

    Parameters
    ----------
    shape : sequence of int
        The grid's shape.
    affine : (4, 4) array_like of float
        The grid's affine.
    step : int
        Voxels along the edge of a block.

    Returns
    -------
    (4, 4) ndarray of float
        From indices in the small, RAS-turned volume to the middle of the block in mm.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    turn = np.zeros((4, 4))
    turn[3, 3] = 1.0
    orientation = nearest_ras(matrix)
    for new, (old, flip) in enumerate(zip(orientation.axes, orientation.flips, strict=True)):
        turn[old, new] = -step if flip else step
        turn[old, 3] = shape[old] - 1 - (step - 1) / 2 if flip else (step - 1) / 2
    return matrix @ turn


def coarse_means(volume: NDArray[np.generic], affine: ArrayLike, step: int) -> NDArray[np.float32]:
    """
    Reduce a volume to the means of its blocks, turned to RAS.

    Parameters
    ----------
    volume : (X, Y, Z) ndarray
        The volume; values that are not finite count as 0.
    affine : (4, 4) array_like of float
        Its affine.
    step : int
        Voxels along the edge of a block.

    Returns
    -------
    3D ndarray of float32
        The small volume.
    """
    small = np.asarray(turned(volume, affine), dtype=np.float32)
    means = _means(small, step)
    # Looked for in what is left, which is an eighth: a block with such a value has none itself.
    if not np.isfinite(means).all():
        means = _means(np.where(np.isfinite(small), small, np.float32(0.0)), step)
    return means


def _means(volume: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Average blocks along one axis after the other."""
    if step > 1:
        # The axis that is slowest in memory first: what is left of it is read in long pieces.
        for axis in sorted(range(3), key=lambda axis: -abs(volume.strides[axis])):
            volume = _block_means(volume, axis, step)
    return np.ascontiguousarray(volume)


def _block_means(volume: NDArray[np.float32], axis: int, step: int) -> NDArray[np.float32]:
    """Average neighbours along one axis; the last block may be a short one."""
    size = volume.shape[axis]
    ahead = (slice(None),) * axis
    sums = volume[*ahead, ::step].copy(order="K")
    for start in range(1, step):
        part = volume[*ahead, start::step]
        sums[*ahead, : part.shape[axis]] += part
    counts = np.full(-(-size // step), step, dtype=np.float32)
    counts[-1] = size - (len(counts) - 1) * step
    sums /= counts.reshape([-1 if other == axis else 1 for other in range(3)])
    return sums


def turned(volume: NDArray[np.generic], affine: ArrayLike) -> NDArray[np.generic]:
    """
    View a volume with its axes turned to those nearest to right, anterior, superior.

    Parameters
    ----------
    volume : (X, Y, Z) ndarray
        The volume.
    affine : (4, 4) array_like of float
        Its affine.

    Returns
    -------
    3D ndarray
        A view.
    """
    orientation = nearest_ras(affine)
    flips = tuple(slice(None, None, -1 if flip else 1) for flip in orientation.flips)
    return np.transpose(volume, orientation.axes)[flips]
