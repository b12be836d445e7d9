# SPDX-License-Identifier: Apache-2.0
"""
Spatial operators: resampling and smoothing as linear maps with transposes.

On axis-aligned grids both factor into one small matrix per axis, A = A_z x A_y x A_x
(Kronecker product in disk order); every matrix is found by sending the columns of an identity
through SciPy's own one-dimensional routine, so the numbers are SciPy's. Between rotated grids
nearest and linear interpolation are sparse matrices, and cubic stays a routine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from nipype_mapsmasker.core.grids import (
    Grid,
    axis_order,
    is_axis_aligned,
    voxel_sizes,
    voxel_transform,
)
from nipype_mapsmasker.errors import GridError, ParameterError

__all__ = [
    "INTERPOLATION_ORDERS",
    "DirectResampling",
    "Interpolation",
    "PermutedOperator",
    "ResamplingOperator",
    "SeparableOperator",
    "SparseOperator",
    "SpatialOperator",
    "check_overlap",
    "resampling_operator",
    "sigma_voxels",
    "smoothing_operator",
]

Interpolation: TypeAlias = Literal["continuous", "linear", "nearest"]

INTERPOLATION_ORDERS: dict[str, int] = {"continuous": 3, "linear": 1, "nearest": 0}
"""Spline order behind each of nilearn's names."""

FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))
"""Full width at half maximum of a Gaussian, in standard deviations."""

NARROWEST_SIGMA_VOXELS = 0.01
"""Gaussians narrower than this, in voxels, smooth nothing."""

EDGE_TOLERANCE_VOXELS = 1e-6
"""Nearer to an edge or a tie than this, rounding decides: such grids are read as they stand."""

PLANES_VALUES = 1 << 16
"""Values of the planes that are worked on at a time: half a megabyte of float64."""

Slices: TypeAlias = tuple[slice, slice, slice]


class SpatialOperator(Protocol):
    """A linear map between volumes in disk order, arrays of shape (Z, Y, X)."""

    target_shape: tuple[int, int, int]

    def apply(self, volume: NDArray[Any]) -> NDArray[np.float64]:
        """Send a (Z, Y, X) volume to the target grid."""
        ...


@dataclass(frozen=True)
class SeparableOperator:
    """
    Hold one dense matrix per axis.

    Parameters
    ----------
    x, y, z : (n_out, n_in) ndarray of float
        What happens along each axis.

    Examples
    --------
    The transpose is an adjoint: <A v, w> = <v, A' w>.

    >>> rng = np.random.default_rng(0)
    >>> a = SeparableOperator(*(rng.normal(size=(n + 1, n)) for n in (2, 3, 4)))
    >>> v, w = rng.normal(size=(4, 3, 2)), rng.normal(size=(5, 4, 3))
    >>> bool(np.isclose((a.apply(v) * w).sum(), (v * a.T.apply(w)).sum()))
    True
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]

    @property
    def target_shape(self) -> tuple[int, int, int]:
        """Shape (X, Y, Z) of what comes out."""
        return (self.x.shape[0], self.y.shape[0], self.z.shape[0])

    @property
    def T(self) -> SeparableOperator:
        """The transposed operator, from the target's grid to the source's."""
        return SeparableOperator(self.x.T, self.y.T, self.z.T)

    def apply(self, volume: NDArray[Any]) -> NDArray[np.float64]:
        """
        Send one volume through the three matrices.

        Parameters
        ----------
        volume : (Z, Y, X) ndarray
            In disk order, of any real type.

        Returns
        -------
        (Z', Y', X') ndarray of float
            A new array, C-contiguous.
        """
        n_z, n_y, n_x = volume.shape
        along_y = np.empty((n_z, self.y.shape[0], self.x.shape[0]))
        # Some planes at a time, so that their conversion and two products stay in the cache.
        step = max(1, PLANES_VALUES // max(1, n_y * n_x))
        for first in range(0, n_z, step):
            planes = volume[first : first + step].astype(np.float64, copy=False)
            along_x = planes.reshape(-1, n_x) @ self.x.T
            np.matmul(
                self.y, along_x.reshape(len(planes), n_y, -1), out=along_y[first : first + step]
            )
        along_z = self.z @ along_y.reshape(n_z, -1)
        moved: NDArray[np.float64] = along_z.reshape(self.target_shape[::-1])
        return moved

    def apply_box(
        self, box: NDArray[np.float64], where: Slices
    ) -> tuple[NDArray[np.float64], Slices]:
        """
        Send a volume that is zero outside a box, touching only what the box reaches.

        Parameters
        ----------
        box : (z, y, x) ndarray of float
            The part of the volume that is not zero.
        where : tuple of slice
            The box's place in the (Z, Y, X) source volume.

        Returns
        -------
        box : (z', y', x') ndarray of float
            The part of the result that can be other than zero; perhaps empty.
        where : tuple of slice
            Its place in the target volume.
        """
        parts, reached = [], []
        for matrix, inside in zip((self.z, self.y, self.x), where, strict=True):
            columns = matrix[:, inside]
            rows = np.flatnonzero((columns != 0).any(axis=1))
            out = slice(int(rows[0]), int(rows[-1]) + 1) if rows.size else slice(0, 0)
            parts.append(columns[out])
            reached.append(out)
        part = SeparableOperator(parts[2], parts[1], parts[0])
        return part.apply(box), (reached[0], reached[1], reached[2])


@dataclass(frozen=True)
class PermutedOperator:
    """
    Hold one dense matrix per axis, for grids whose axes come in another order.

    Parameters
    ----------
    separable : SeparableOperator
        What happens along each axis of the source.
    axes : tuple of int
        For the target's axes x, y, z the axis of the source that runs along it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> inner = SeparableOperator(*(rng.normal(size=(n + 1, n)) for n in (2, 3, 4)))
    >>> a = PermutedOperator(inner, (2, 0, 1))
    >>> v, w = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 3, 5))
    >>> bool(np.isclose((a.apply(v) * w).sum(), (v * a.T.apply(w)).sum()))
    True
    """

    separable: SeparableOperator
    axes: tuple[int, int, int]

    @property
    def target_shape(self) -> tuple[int, int, int]:
        """Shape (X, Y, Z) of what comes out."""
        shape = self.separable.target_shape
        return shape[self.axes[0]], shape[self.axes[1]], shape[self.axes[2]]

    @property
    def T(self) -> PermutedOperator:
        """The transposed operator, from the target's grid to the source's."""
        parts = (self.separable.x, self.separable.y, self.separable.z)
        x, y, z = (parts[axis].T for axis in self.axes)
        back = (self.axes.index(0), self.axes.index(1), self.axes.index(2))
        return PermutedOperator(SeparableOperator(x, y, z), back)

    def apply(self, volume: NDArray[Any]) -> NDArray[np.float64]:
        """
        Send one volume through the three matrices, then turn its axes.

        Parameters
        ----------
        volume : (Z, Y, X) ndarray of float
            In disk order.

        Returns
        -------
        (Z', Y', X') ndarray of float
            A new array, C-contiguous.
        """
        return np.ascontiguousarray(self.separable.apply(volume).transpose(self._turn()))

    def apply_box(
        self, box: NDArray[np.float64], where: Slices
    ) -> tuple[NDArray[np.float64], Slices]:
        """
        Send a volume that is zero outside a box, as `SeparableOperator.apply_box`.

        Parameters
        ----------
        box : (z, y, x) ndarray of float
            The part of the volume that is not zero.
        where : tuple of slice
            The box's place in the (Z, Y, X) source volume.

        Returns
        -------
        box : (z', y', x') ndarray of float
            The part of the result that can be other than zero; perhaps empty.
        where : tuple of slice
            Its place in the target volume.
        """
        part, reached = self.separable.apply_box(box, where)
        turn = self._turn()
        turned = (reached[turn[0]], reached[turn[1]], reached[turn[2]])
        return np.ascontiguousarray(part.transpose(turn)), turned

    def _turn(self) -> tuple[int, int, int]:
        """Say the order of axes for arrays of shape (Z, Y, X)."""
        x, y, z = self.axes
        return 2 - z, 2 - y, 2 - x


@dataclass(frozen=True)
class SparseOperator:
    """
    Hold a sparse matrix between flat volumes in disk order.

    Parameters
    ----------
    matrix : (V_out, V_in) sparse array
        The linear map.
    source_shape, target_shape : tuple of int
        Shapes (X, Y, Z) of the two grids.
    """

    matrix: sparse.csr_array
    source_shape: tuple[int, int, int]
    target_shape: tuple[int, int, int]

    @property
    def T(self) -> SparseOperator:
        """The transposed operator."""
        matrix = sparse.csr_array(self.matrix.T)
        return SparseOperator(matrix, self.target_shape, self.source_shape)

    def apply(self, volume: NDArray[Any]) -> NDArray[np.float64]:
        """
        Send one volume through the matrix.

        Parameters
        ----------
        volume : (Z, Y, X) ndarray of float
            In disk order.

        Returns
        -------
        (Z', Y', X') ndarray of float
            A new array.
        """
        flat: NDArray[np.float64] = self.matrix @ volume.reshape(-1)
        return flat.reshape(self.target_shape[::-1])


@dataclass(frozen=True)
class DirectResampling:
    """
    Resample between rotated grids by `scipy.ndimage.affine_transform`, volume by volume.

    Parameters
    ----------
    transform : (4, 4) ndarray of float
        From `voxel_transform`.
    target_shape : tuple of int
        Shape (X, Y, Z) of what comes out.
    order : int
        Spline order.
    """

    transform: NDArray[np.float64]
    target_shape: tuple[int, int, int]
    order: int = 3

    def apply(self, volume: NDArray[Any]) -> NDArray[np.float64]:
        """
        Resample one volume.

        Parameters
        ----------
        volume : (Z, Y, X) ndarray
            In disk order, of any real type.

        Returns
        -------
        (Z', Y', X') ndarray of float
            A new array, C-contiguous.
        """
        # The reversed transform speaks of (z, y, x), so the array needs no copy in (x, y, z).
        moved: NDArray[np.float64] = ndimage.affine_transform(
            volume.astype(np.float64, copy=False),  # SciPy would round to the type it is given
            self.transform[2::-1, 2::-1],
            offset=self.transform[2::-1, 3],
            output_shape=self.target_shape[::-1],
            order=self.order,
        )
        return moved


ResamplingOperator: TypeAlias = (
    SeparableOperator | PermutedOperator | SparseOperator | DirectResampling
)
"""What `resampling_operator` makes."""


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


def sigma_voxels(grid: Grid, fwhm: float | tuple[float, float, float]) -> NDArray[np.float64]:
    """
    Turn a full width at half maximum into standard deviations along the voxel axes.

    Parameters
    ----------
    grid : Grid
        The grid to smooth on.
    fwhm : float or three floats
        Millimetres; 0 leaves an axis alone.

    Returns
    -------
    (3,) ndarray of float
        Standard deviations in voxels.

    Raises
    ------
    ParameterError
        Negative, not finite, or neither one nor three values.
    """
    values = np.atleast_1d(np.asarray(fwhm, dtype=np.float64))
    if values.shape not in {(1,), (3,)} or not np.isfinite(values).all() or (values < 0).any():
        msg = (
            "smoothing_fwhm must be one width in mm or three, none of them negative; "
            f"got {fwhm!r}. Use 0 or None for no smoothing."
        )
        raise ParameterError(msg)
    return values / (FWHM_PER_SIGMA * voxel_sizes(grid))


def smoothing_operator(
    grid: Grid, fwhm: float | tuple[float, float, float]
) -> SeparableOperator | None:
    """
    Build Gaussian smoothing on a grid, along its own voxel axes.

    Parameters
    ----------
    grid : Grid
        The grid to smooth on.
    fwhm : float or three floats
        Full width at half maximum in mm.

    Returns
    -------
    SeparableOperator or None
        Equal to `scipy.ndimage.gaussian_filter1d` along each axis; None where nothing is smoothed.
    """
    sigma = sigma_voxels(grid, fwhm)
    # SciPy's kernel of so small a width is a single 1, and the square of it may be no number.
    sigma[sigma < NARROWEST_SIGMA_VOXELS] = 0.0
    if not sigma.any():
        return None
    x, y, z = (
        ndimage.gaussian_filter1d(np.eye(size), s, axis=0) if s > 0 else np.eye(size)
        for size, s in zip(grid.shape, sigma, strict=True)
    )
    return SeparableOperator(x, y, z)


def _axis_resampling(
    n_in: int, n_out: int, scale: NDArray[np.float64], shift: float, order: int
) -> NDArray[np.float64]:
    """Give the (n_out, n_in) matrix of `affine_transform` along one axis."""
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
