# SPDX-License-Identifier: Apache-2.0
"""
Resampling as operators: SciPy's interpolation between two grids, as matrices where it is one.

Every matrix of an axis is found by sending the columns of an identity through SciPy's own
one-dimensional routine, so the numbers are SciPy's.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.grids import Grid, axis_order, is_axis_aligned, voxel_transform
from nipype_mapsmasker.core.spatial import (
    DirectResampling,
    PermutedOperator,
    ResamplingOperator,
    SeparableOperator,
    SparseOperator,
)
from nipype_mapsmasker.errors import GridError, ParameterError

__all__ = [
    "INTERPOLATION_ORDERS",
    "Interpolation",
    "check_overlap",
    "resampling_operator",
]

Interpolation: TypeAlias = Literal["continuous", "linear", "nearest"]

INTERPOLATION_ORDERS: dict[str, int] = {"continuous": 3, "linear": 1, "nearest": 0}
"""Spline order behind each of nilearn's names."""

EDGE_TOLERANCE_VOXELS = 1e-6
"""Nearer to an edge or a tie than this, rounding decides: such grids are read as they stand."""


def check_overlap(source: Grid, target: Grid, *, source_name: str, target_name: str) -> None:
    """
    Refuse two grids that share no space at all.

    Parameters
    ----------
    source, target : Grid
        Where values are, and where they are wanted.
    source_name, target_name : str
        What to call them in the error.

    Raises
    ------
    GridError
        No voxel of the target lies inside the source's field of view (by bounding boxes).
    """
    transform = voxel_transform(source, target)
    corners = target.corners() @ transform[:3, :3].T + transform[:3, 3]
    highest = np.array(source.shape) - 0.5
    if (corners.max(axis=0) < -0.5).any() or (corners.min(axis=0) > highest).any():
        msg = (
            f"{source_name} and {target_name} do not overlap anywhere in space "
            f"(affines {source.affine.tolist()} and {target.affine.tolist()}); "
            "check that both are in the same space, for instance MNI."
        )
        raise GridError(msg)


def resampling_operator(
    source: Grid, target: Grid, interpolation: Interpolation
) -> ResamplingOperator:
    """
    Build the operator that reads a volume of one grid at the voxels of another.

    Parameters
    ----------
    source, target : Grid
        Where values are, and where they are wanted.
    interpolation : {'continuous', 'linear', 'nearest'}
        Cubic spline, trilinear, or nearest voxel; 0 outside the source's field of view.

    Returns
    -------
    SeparableOperator, PermutedOperator, SparseOperator or DirectResampling
        The first on axis-aligned grids, the second where their axes come in another order, else
        by the interpolation.

    Raises
    ------
    ParameterError
        Unknown interpolation.
    """
    if interpolation not in INTERPOLATION_ORDERS:
        msg = (
            f"interpolation must be one of {sorted(INTERPOLATION_ORDERS)}; got {interpolation!r}."
        )
        raise ParameterError(msg)
    order = INTERPOLATION_ORDERS[interpolation]
    transform = voxel_transform(source, target)
    if is_axis_aligned(transform):
        x, y, z = (
            _axis_resampling(
                source.shape[i], target.shape[i], transform[i, i : i + 1], transform[i, 3], order
            )
            for i in range(3)
        )
        return SeparableOperator(x, y, z)
    permuted = _permuted_resampling(source.shape, target.shape, transform, order)
    if permuted is not None:
        return permuted
    if order == 3:
        return DirectResampling(transform, target.shape, order)
    matrix = _sparse_resampling(source.shape, target.shape, transform, order)
    return SparseOperator(matrix, source.shape, target.shape)


def _axis_resampling(
    n_in: int, n_out: int, scale: NDArray[np.float64], shift: float, order: int
) -> NDArray[np.float64]:
    """Give the (n_out, n_in) matrix of `affine_transform` along one axis."""
    from scipy import ndimage  # here: workers that extract can do without

    columns = [
        ndimage.affine_transform(column, scale, offset=shift, output_shape=(n_out,), order=order)
        for column in np.eye(n_in)
    ]
    return np.stack(columns, axis=1)


def _permuted_resampling(
    source: tuple[int, int, int],
    target: tuple[int, int, int],
    transform: NDArray[np.float64],
    order: int,
) -> SeparableOperator | PermutedOperator | None:
    """Give one matrix per axis where each runs along one of the source's, or None."""
    along = axis_order(transform, target)
    if along is None:
        return None
    steps = transform[np.arange(3), along]
    exact = np.count_nonzero(transform[:3, :3]) == 3
    middle = transform[:3, :3] @ ((np.array(target) - 1) / 2) + transform[:3, 3]
    parts = []
    for axis, (to, step) in enumerate(zip(along, steps, strict=True)):
        n_in, n_out = source[axis], target[to]
        shift = transform[axis, 3] if exact else middle[axis] - step * (n_out - 1) / 2
        if not exact and _rounding_decides(shift + step * np.arange(n_out), n_in, order):
            return None
        # A 1 x 1 matrix, not a vector: SciPy then adds up in the order that it has in 3D.
        parts.append(_axis_resampling(n_in, n_out, np.array([[step]]), shift, order))
    x, y, z = parts
    if along == (0, 1, 2):
        return SeparableOperator(x, y, z)
    axes = (along.index(0), along.index(1), along.index(2))
    return PermutedOperator(SeparableOperator(x, y, z), axes)


def _rounding_decides(points: NDArray[np.float64], n_in: int, order: int) -> bool:
    """Tell whether some point is so near to an edge or a tie that the last bits matter."""
    distances = np.abs(np.concatenate([points, points - (n_in - 1)]))
    if order == 0:
        distances = np.concatenate([distances, np.abs(points - np.floor(points) - 0.5)])
    return bool(distances.min() < EDGE_TOLERANCE_VOXELS)


def _sparse_resampling(
    source: tuple[int, int, int],
    target: tuple[int, int, int],
    transform: NDArray[np.float64],
    order: int,
) -> sparse.csr_array:
    """Give the sparse (V_out, V_in) matrix of nearest or linear interpolation, disk order."""
    z, y, x = np.ogrid[: target[2], : target[1], : target[0]]
    # Summed in SciPy's order, so that ties and edges fall on the same side.
    points = [(row[3] + x * row[0] + y * row[1] + z * row[2]).reshape(-1) for row in transform[:3]]
    inside = np.ones(points[0].size, dtype=bool)
    for point, size in zip(points, source, strict=True):
        inside &= (point >= 0) & (point <= size - 1)
    rows = np.flatnonzero(inside)
    points = [point[inside] for point in points]
    if order == 0:
        index = [np.floor(point + 0.5).astype(np.int64) for point in points]
        corners = [(index, np.ones(rows.size))]
    else:
        corners = _trilinear_corners(points, source)
    data, row_index, column_index = [], [], []
    for index, weight in corners:
        used = weight != 0
        flat = index[0] + source[0] * (index[1] + source[1] * index[2])
        data.append(weight[used])
        row_index.append(rows[used])
        column_index.append(flat[used])
    shape = (int(np.prod(target)), int(np.prod(source)))
    entries = (np.concatenate(row_index), np.concatenate(column_index))
    return sparse.csr_array((np.concatenate(data), entries), shape=shape)


def _trilinear_corners(
    points: list[NDArray[np.float64]], source: tuple[int, int, int]
) -> list[tuple[list[NDArray[np.int64]], NDArray[np.float64]]]:
    """List the eight neighbours of each point with their weights."""
    low = [np.floor(point).astype(np.int64) for point in points]
    fraction = [point - below for point, below in zip(points, low, strict=True)]
    corners = []
    for corner in np.ndindex(2, 2, 2):
        index = [
            np.minimum(below + step, size - 1)
            for below, step, size in zip(low, corner, source, strict=True)
        ]
        weight = np.ones(points[0].size)
        for part, step in zip(fraction, corner, strict=True):
            weight *= part if step else 1.0 - part
        corners.append((index, weight))
    return corners
