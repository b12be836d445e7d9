# SPDX-License-Identifier: Apache-2.0
"""
Fitting: from maps to the linear operator that turns a volume into signals.

For one volume y (V,), the signals minimise ||M s - y||^2, so s = C b with b = A y, where
A (K', V) is applied to every volume and C (K, K') once per run:

- well-conditioned maps: A = M', C = (M' M)^-1 (the Gram matrix; A stays sparse if M is);
- otherwise M = Q F is factorised, A = Q' and C = F^+, the minimum-norm solution for maps that
  are linear combinations of others, as `scipy.linalg.lstsq` gives.

Smoothing G is linear and acts before the mask, so A G takes A's place: only K maps are ever
smoothed, never a run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.maps import DENSE_ABOVE, MapsMatrix, apply_to_support, to_dense
from nipype_mapsmasker.core.operators import (
    PermutedOperator,
    SeparableOperator,
    SparseOperator,
    smoothing_operator,
)

__all__ = [
    "MAX_GRAM_CONDITION",
    "MapsOperator",
    "fit_maps",
    "fold_resampling",
    "solve_minimum_norm",
    "variance_inflation",
]

MAX_GRAM_CONDITION = 1e8
"""Condition number of M'M up to which it is used: the solution then keeps 8 digits or more."""

NULL_TOLERANCE = 1e-12
"""Eigenvalue of the cosines, relative to the largest, below which maps count as dependent."""

RowMatrix: TypeAlias = NDArray[np.float64] | sparse.csr_array
"""Rows of maps (K, V), dense or sparse."""


@dataclass(frozen=True, eq=False)
class MapsOperator:
    """
    Hold the fitted map from one volume on a grid to K signals.

    Parameters
    ----------
    grid : Grid
        The grid that a volume must be on.
    voxels : (V,) ndarray of int
        Flat indices, disk order, of the voxels that are read.
    basis : (K', V) ndarray of float or sparse csr_array
        A, applied to the voxels of every volume, smoothing folded in.
    mixing : (K, K') ndarray of float
        C, applied to A y.
    factor : (K', K) ndarray of float
        F with M = A' F when nothing is smoothed; the identity for the Gram solution.
    names : tuple of str
        The K maps' names.
    coverage : (K,) ndarray of float
        Share of each map's absolute weight inside the mask and the field of view.
    variance_inflation : (K,) ndarray of float
        How much each signal's variance grows because its map resembles others.
    n_voxels : (K,) ndarray of int
        Voxels in which each map has weight.
    centres : (K, 3) ndarray of float
        Centre of mass of each map's absolute weight, mm; NaN for a lost map.
    smoothing_fwhm : tuple of float or None
        What was folded in, mm.
    rank : int
        Rank of M.
    folded : bool
        Whether A holds more than M: smoothing, resampling or both.

    Notes
    -----
    nilearn's ``maps_img_`` and ``mask_img_`` are M before this; its lstsq per run is C A.
    """

    grid: Grid
    voxels: NDArray[np.int64]
    basis: RowMatrix
    mixing: NDArray[np.float64]
    factor: NDArray[np.float64]
    names: tuple[str, ...]
    coverage: NDArray[np.float64]
    variance_inflation: NDArray[np.float64]
    n_voxels: NDArray[np.int64]
    centres: NDArray[np.float64]
    smoothing_fwhm: tuple[float, ...] | None
    rank: int
    folded: bool = False

    @property
    def n_maps(self) -> int:
        """Number of maps K."""
        return len(self.names)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Flags (K,) of the maps without any weight on the grid."""
        return np.asarray(self.n_voxels == 0)


def fit_maps(
    maps: MapsMatrix,
    names: list[str],
    smoothing_fwhm: float | tuple[float, float, float] | None = None,
) -> MapsOperator:
    """
    Fit maps once, for every run on their grid.

    Parameters
    ----------
    maps : MapsMatrix
        The masked maps M.
    names : list of str
        Their K names.
    smoothing_fwhm : float or three floats, optional
        Full width at half maximum in mm of the smoothing to fold in.

    Returns
    -------
    MapsOperator
        With s = mixing @ (basis @ y).

    Notes
    -----
    The Gram matrix squares the condition number; it is used up to `MAX_GRAM_CONDITION`.
    Memory: M, and a second copy of it only for ill-conditioned maps.
    """
    matrix = maps.matrix
    gram = _gram(matrix)
    inverse = _invert_gram(gram)
    if inverse is not None:
        basis: RowMatrix = (
            sparse.csr_array(matrix.T) if sparse.issparse(matrix) else np.asarray(matrix.T)
        )
        mixing, factor, rank = inverse, np.eye(maps.n_maps), maps.n_maps
    else:
        dense = to_dense(matrix)
        q, factor = linalg.qr(dense, mode="economic", check_finite=False)
        basis = np.ascontiguousarray(q.T)
        mixing, rank = _pseudo_inverse(factor)
    voxels = maps.voxels
    smoothing, widths = None, None
    if smoothing_fwhm is not None:
        smoothing = smoothing_operator(maps.grid, smoothing_fwhm)
    if smoothing is not None and smoothing_fwhm is not None:
        widths = tuple(float(width) for width in np.atleast_1d(smoothing_fwhm))
        basis, voxels = _fold(basis, voxels, maps.grid, smoothing, maps.grid)
    n_voxels, centres = _extents(maps)
    return MapsOperator(
        grid=maps.grid,
        voxels=voxels,
        basis=basis,
        mixing=mixing,
        factor=factor,
        names=tuple(names),
        coverage=maps.coverage,
        variance_inflation=variance_inflation(gram),
        n_voxels=n_voxels,
        centres=centres,
        smoothing_fwhm=widths,
        rank=rank,
        folded=smoothing is not None,
    )


def fold_resampling(
    operator: MapsOperator,
    resampling: SeparableOperator | PermutedOperator | SparseOperator,
    source: Grid,
) -> MapsOperator:
    """
    Fold linear resampling into a fitted operator: A R takes A's place.

    Parameters
    ----------
    operator : MapsOperator
        Fitted on the grid that ``resampling`` leads to.
    resampling : SeparableOperator, PermutedOperator or SparseOperator
        From ``source`` to the operator's grid.
    source : Grid
        The grid of the run.

    Returns
    -------
    MapsOperator
        For volumes on ``source``.
    """
    basis, voxels = _fold(operator.basis, operator.voxels, operator.grid, resampling, source)
    return replace(operator, grid=source, basis=basis, voxels=voxels, folded=True)


def variance_inflation(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Give each map's variance inflation factor.

    Parameters
    ----------
    gram : (K, K) ndarray of float
        M'M.

    Returns
    -------
    (K,) ndarray of float
        diag(R^-1) with R the cosines between maps, 1 for a map orthogonal to all others; inf for
        a map that is a combination of others, NaN for an empty one.

    References
    ----------
    .. [1] Belsley, Kuh, Welsch (1980), Regression Diagnostics, chapter 3.

    Examples
    --------
    >>> variance_inflation(np.array([[4.0, 0.0], [0.0, 9.0]])).tolist()
    [1.0, 1.0]
    """
    norms = np.sqrt(np.diag(gram))
    present = np.flatnonzero(norms > 0)
    result = np.full(norms.size, np.nan)
    if not present.size:
        return result
    cosines = gram[np.ix_(present, present)] / np.outer(norms[present], norms[present])
    values, vectors = linalg.eigh(cosines)
    floor = values[-1] * NULL_TOLERANCE
    null = values <= floor
    inverse = np.where(null, 0.0, 1.0 / np.where(null, 1.0, values))
    factors = (vectors**2) @ inverse
    # A map with a part in the null space is a combination of others.
    in_null = (vectors[:, null] ** 2).sum(axis=1) > np.sqrt(np.finfo(np.float64).eps)
    result[present] = np.where(in_null, np.inf, factors)
    return result


def solve_minimum_norm(maps_rows: RowMatrix, products: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Solve M' M s = b for the minimum-norm s, without squaring M's condition for the rank.

    Parameters
    ----------
    maps_rows : (K, V) ndarray of float or sparse csr_array
        M'.
    products : (K, T) ndarray of float
        b = M' Y.

    Returns
    -------
    (K, T) ndarray of float
        The signals.
    """
    gram = _gram(maps_rows.T)
    inverse = _invert_gram(gram)
    if inverse is not None:
        return inverse @ products
    dense = to_dense(maps_rows)
    factor = linalg.qr(dense.T, mode="r", check_finite=False)[0][: dense.shape[0]]
    back, _ = _pseudo_inverse(factor)
    return back @ (back.T @ products)


def _gram(matrix: RowMatrix) -> NDArray[np.float64]:
    """Give M'M as a dense (K, K) array."""
    return to_dense(matrix.T @ matrix)


def _invert_gram(gram: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Invert M'M after scaling its diagonal to 1, or give None where digits would be lost."""
    norms = np.sqrt(np.diag(gram))
    if not (norms > 0).all():
        present = norms > 0
        if not present.any():
            return None
        # An empty map is exactly orthogonal to all others: its signal is 0, the rest unchanged.
        part = _invert_gram(gram[np.ix_(present, present)])
        if part is None:
            return None
        whole = np.zeros_like(gram)
        whole[np.ix_(present, present)] = part
        return whole
    scaled = gram / np.outer(norms, norms)
    values, vectors = linalg.eigh(scaled)
    if values[0] * MAX_GRAM_CONDITION < values[-1]:
        return None
    inverse: NDArray[np.float64] = (vectors / values) @ vectors.T
    inverse /= np.outer(norms, norms)
    return inverse


def _pseudo_inverse(factor: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Invert F, leaving out directions that rounding alone can have made."""
    u, s, vt = linalg.svd(factor, full_matrices=False, check_finite=False)
    kept = s > 10 * s.size * np.finfo(np.float64).eps * s[0]
    return (vt[kept].T / s[kept]) @ u[:, kept].T, int(kept.sum())


def _fold(
    basis: RowMatrix,
    voxels: NDArray[np.int64],
    grid: Grid,
    operator: SeparableOperator | PermutedOperator | SparseOperator,
    source: Grid,
) -> tuple[RowMatrix, NDArray[np.int64]]:
    """Multiply A by a spatial operator from the right: apply its transpose to A's rows."""
    transposed = operator.T
    shape = grid.shape[::-1]
    indices, data = [], []
    volume = np.zeros(grid.n_voxels)
    for row in basis:
        volume[voxels] = to_dense(row).reshape(-1)
        index, values = apply_to_support(transposed, volume.reshape(shape), source)
        indices.append(index)
        data.append(values)
    return _stack_rows(indices, data, source.n_voxels)


def _stack_rows(
    indices: list[NDArray[np.int64]], data: list[NDArray[np.float64]], n_voxels: int
) -> tuple[RowMatrix, NDArray[np.int64]]:
    """Stack sparse rows over the voxels that any of them uses; dense where that is denser."""
    used = np.zeros(n_voxels, dtype=bool)
    for index in indices:
        used[index] = True
    voxels = np.flatnonzero(used)
    position = np.zeros(n_voxels, dtype=np.int32)
    position[voxels] = np.arange(voxels.size, dtype=np.int32)
    shape = (len(indices), voxels.size)
    if sum(index.size for index in indices) > DENSE_ABOVE * shape[0] * shape[1]:
        dense = np.zeros(shape)
        for row, index, values in zip(dense, indices, data, strict=True):
            row[position[index]] = values
        return dense, voxels
    indptr = np.concatenate([[0], np.cumsum([index.size for index in indices])])
    columns = position[np.concatenate(indices)]
    return sparse.csr_array((np.concatenate(data), columns, indptr), shape=shape), voxels


def _extents(maps: MapsMatrix) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count each map's voxels and find its centre of mass in mm."""
    x_size, y_size, _ = maps.grid.shape
    z, rest = np.divmod(maps.voxels, x_size * y_size)
    y, x = np.divmod(rest, x_size)
    points = np.stack([x, y, z, np.ones_like(x)], axis=1) @ maps.grid.affine.T
    weight = abs(maps.matrix)
    total = np.asarray(weight.sum(axis=0)).reshape(-1)
    with np.errstate(invalid="ignore"):
        centres = np.asarray(weight.T @ points[:, :3]) / total[:, None]
    filled = maps.matrix != 0
    counts = np.asarray(filled.sum(axis=0)).reshape(-1)
    return counts.astype(np.int64), centres
