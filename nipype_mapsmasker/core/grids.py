# SPDX-License-Identifier: Apache-2.0
"""Grids: a 3D shape and an affine, and the algebra between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from nipype_mapsmasker.errors import GridError

__all__ = [
    "AXIS_TOLERANCE_VOXELS",
    "GRID_TOLERANCE_VOXELS",
    "Grid",
    "apply_affine",
    "axis_order",
    "is_axis_aligned",
    "same_grid",
    "voxel_sizes",
    "voxel_transform",
]

GRID_TOLERANCE_VOXELS = 1e-3
"""Largest displacement, in voxels, of any corner between two grids that count as the same."""


AXIS_TOLERANCE_VOXELS = 1e-8
"""
Largest displacement, in voxels, that may be left out for two grids to count as axis-aligned: what
rounding of double-precision affines makes, and too little to move a signal by 1e-6 of its SD.
"""


@dataclass(frozen=True, eq=False)
class Grid:
    """
    Hold the sampling grid of a volume.

    Parameters
    ----------
    shape : tuple of int
        Numbers of voxels (X, Y, Z).
    affine : (4, 4) array_like of float
        Maps voxel indices to millimetres.

    Raises
    ------
    GridError
        The affine is not finite or cannot be inverted.

    Examples
    --------
    >>> Grid((2, 3, 4), np.eye(4)).n_voxels
    24
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Store plain integers and a read-only float64 affine."""
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            msg = f"The affine must be a finite 4 x 4 matrix; got {affine.tolist()}."
            raise GridError(msg)
        if np.linalg.matrix_rank(affine[:3, :3]) < 3:
            msg = f"The affine cannot be inverted, so voxels have no position: {affine.tolist()}."
            raise GridError(msg)
        affine.flags.writeable = False
        x, y, z = (int(size) for size in self.shape)
        object.__setattr__(self, "shape", (x, y, z))
        object.__setattr__(self, "affine", affine)

    @property
    def n_voxels(self) -> int:
        """Number of voxels V = X * Y * Z."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def corners(self) -> NDArray[np.float64]:
        """Return the (8, 3) voxel indices of the corner voxels."""
        ends = [(0.0, size - 1.0) for size in self.shape]
        return np.array(list(product(*ends)))


def voxel_transform(source: Grid, target: Grid) -> NDArray[np.float64]:
    """
    Give the matrix that sends voxel indices of ``target`` to voxel indices of ``source``.

    Parameters
    ----------
    source, target : Grid
        Where values are read, and where they are wanted.

    Returns
    -------
    (4, 4) ndarray of float
        ``inv(source.affine) @ target.affine``; exactly the identity for equal affines.
    """
    if np.array_equal(source.affine, target.affine):
        return np.eye(4)
    # SciPy's inverse, as nilearn: the last bit decides on which side of an edge a voxel falls.
    transform: NDArray[np.float64] = linalg.inv(source.affine) @ target.affine
    return transform


def same_grid(first: Grid, second: Grid) -> bool:
    """
    Tell whether two grids are one, to within `GRID_TOLERANCE_VOXELS`.

    Parameters
    ----------
    first, second : Grid
        The grids to compare.

    Returns
    -------
    bool
        Equal shapes, and no corner of the volume displaced by more than the tolerance.

    Notes
    -----
    A rigid, scaled or sheared difference between two affines displaces no voxel by more than
    it displaces a corner, so eight points decide. nilearn compares the affines' entries, which
    lets a large grid of small voxels drift.
    """
    if first.shape != second.shape:
        return False
    corners = first.corners()
    moved = apply_affine(voxel_transform(first, second), corners)
    return bool(np.abs(moved - corners).max() <= GRID_TOLERANCE_VOXELS)


def apply_affine(affine: ArrayLike, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Send points through an affine.

    Parameters
    ----------
    affine : (4, 4) array_like of float
        The transform.
    points : (N, 3) ndarray of float
        The points.

    Returns
    -------
    (N, 3) ndarray of float
        The transformed points.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    moved: NDArray[np.float64] = points @ matrix[:3, :3].T + matrix[:3, 3]
    return moved


def voxel_sizes(grid: Grid) -> NDArray[np.float64]:
    """
    Give the lengths of a voxel's edges.

    Parameters
    ----------
    grid : Grid
        The grid.

    Returns
    -------
    (3,) ndarray of float
        Millimetres along each voxel axis.
    """
    sizes: NDArray[np.float64] = np.sqrt((grid.affine[:3, :3] ** 2).sum(axis=0))
    return sizes


def is_axis_aligned(transform: NDArray[np.float64]) -> bool:
    """
    Tell whether a voxel transform only scales, flips and shifts each axis by itself.

    Parameters
    ----------
    transform : (4, 4) ndarray of float
        From `voxel_transform`.

    Returns
    -------
    bool
        The 3 x 3 part is exactly diagonal.
    """
    matrix = transform[:3, :3]
    return bool(np.array_equal(np.diag(np.diag(matrix)), matrix))


def axis_order(
    transform: NDArray[np.float64], target_shape: tuple[int, int, int]
) -> tuple[int, int, int] | None:
    """
    Find the axis of the target that runs along each axis of the source.

    Parameters
    ----------
    transform : (4, 4) ndarray of float
        From `voxel_transform`.
    target_shape : tuple of int
        Shape (X, Y, Z) of the target.

    Returns
    -------
    tuple of int or None
        For source axes x, y, z the target's axis; None where some source axis depends on two of
        them by more than `AXIS_TOLERANCE_VOXELS` over the target's extent.

    Examples
    --------
    >>> axis_order(np.eye(4)[[1, 0, 2, 3]], (5, 6, 7))
    (1, 0, 2)
    """
    spans = np.abs(transform[:3, :3]) * (np.array(target_shape) - 1)
    steps = np.abs(transform[:3, :3])
    order = steps.argmax(axis=1)
    if sorted(order.tolist()) != [0, 1, 2]:
        return None
    left_out = spans.sum(axis=1) - spans[np.arange(3), order]
    if left_out.max() > AXIS_TOLERANCE_VOXELS:
        return None
    return int(order[0]), int(order[1]), int(order[2])
