# SPDX-License-Identifier: Apache-2.0
"""
Linear maps between volumes, in the forms that resampling and smoothing take.

One small matrix per axis, A = A_z x A_y x A_x (Kronecker product in disk order), perhaps with the
axes in another order; one sparse matrix; or SciPy's routine where neither will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = [
    "DirectResampling",
    "PermutedOperator",
    "ResamplingOperator",
    "SeparableOperator",
    "SparseOperator",
    "SpatialOperator",
]

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
        from scipy import ndimage  # here: workers that extract can do without

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
