# SPDX-License-Identifier: Apache-2.0
"""
Fitting: from maps to the linear operator that turns a volume into signals.

For one volume y (V,), the signals minimise ||M s - y||^2, so s = C b with b = A y, where
A (K', V) is applied to every volume and C (K, K') once per run:

- well-conditioned maps: A = M', C = (M' M)^-1 (the Gram matrix; A stays sparse if M is);
- otherwise M = A' F is factorised, A has orthonormal combinations of the maps that resemble each
  other, and C = F^+ (A A')^-1, the minimum-norm solution for maps that are linear combinations
  of others, as `scipy.linalg.lstsq` gives.

Smoothing G is linear and acts before the mask, so A G takes A's place: only K maps are ever
smoothed, never a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.demeaning import demean_maps
from nipype_mapsmasker.core.extents import extents
from nipype_mapsmasker.core.gathering import Gathering
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.least_squares import RowMatrix, Solution, solve_maps
from nipype_mapsmasker.core.maps import MapsMatrix, apply_to_support
from nipype_mapsmasker.core.smoothing import smoothing_operator, widths
from nipype_mapsmasker.core.spatial import (
    PermutedOperator,
    SeparableOperator,
    SparseOperator,
)
from nipype_mapsmasker.core.supports import Supports
from nipype_mapsmasker.core.tiles import Support, TiledRows, tile_rows

__all__ = [
    "MapsOperator",
    "SolvedMaps",
    "fit_maps",
    "fold_resampling",
    "is_identity",
    "solve_on_grid",
]


@dataclass(frozen=True, eq=False)
class MapsOperator:
    """
    Hold the fitted map from one volume on a grid to K signals.

    Parameters
    ----------
    grid : Grid
        The grid that a volume must be on.
    voxels : (V,) ndarray of int
        Flat indices of the voxels that are read, cube by cube.
    basis : (K', V) TiledRows
        A, applied to the voxels of every volume, smoothing folded in; in float32 only where that
        holds the same numbers, and multiplied in float64.
    mixing : (K, K') ndarray of float
        C, applied to A y.
    factor : (K', K) ndarray of float
        F with M = A' F when nothing is smoothed; the identity where A holds the maps.
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
    merged : (n_groups, K) ndarray of bool
        Which maps are combinations of each other, to the rounding of their file: they share what
        they have in common (minimum norm), group by group.
    folded : bool
        Whether A holds more than M: smoothing, resampling, or that means over the mask are gone.
    rounding : (K,) ndarray of float or None
        What the stored type has rounded off of each map, relative to the map's norm.
    plain : (K, V') TiledRows or None
        The maps themselves, where A is something else.
    plain_voxels : (V',) ndarray of int or None
        Flat indices of their voxels.
    demeaned : bool
        Whether maps and volumes lose their mean over the mask of the fit.

    Notes
    -----
    nilearn's ``maps_img_`` and ``mask_img_`` are M before this; its lstsq per run is C A.
    """

    grid: Grid
    voxels: NDArray[np.int64]
    basis: TiledRows
    mixing: NDArray[np.float64]
    factor: NDArray[np.float64]
    names: tuple[str, ...]
    coverage: NDArray[np.float64]
    variance_inflation: NDArray[np.float64]
    n_voxels: NDArray[np.int64]
    centres: NDArray[np.float64]
    smoothing_fwhm: tuple[float, ...] | None
    rank: int
    merged: NDArray[np.bool_]
    folded: bool = False
    rounding: NDArray[np.float64] | None = None
    plain: TiledRows | None = None
    plain_voxels: NDArray[np.int64] | None = None
    demeaned: bool = False

    @property
    def maps(self) -> tuple[TiledRows, NDArray[np.int64]]:
        """The maps (K, V) themselves, on the grid and in the mask of the fit, and their voxels."""
        if self.plain is None or self.plain_voxels is None:
            return self.basis, self.voxels
        return self.plain, self.plain_voxels

    @cached_property
    def weight(self) -> NDArray[np.float64]:
        """Sum (K,) of each map's absolute weights."""
        maps, voxels = self.maps
        return maps.absolute(np.ones(voxels.size))

    @cached_property
    def gathering(self) -> Gathering:
        """What picks the operator's voxels out of volumes."""
        return Gathering([self.voxels], self.grid.shape)

    @property
    def n_maps(self) -> int:
        """Number of maps K."""
        return len(self.names)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Flags (K,) of the maps without any weight on the grid."""
        return np.asarray(self.n_voxels == 0)


@dataclass(frozen=True, eq=False)
class SolvedMaps:
    """
    Hold maps and their solution, of which an operator is made.

    Parameters
    ----------
    plain, voxels : (K, V) TiledRows, (V,) ndarray of int
        The masked maps, and flat indices of their voxels, cube by cube.
    grid : Grid
        The grid of the fit.
    solution : Solution
        Of these maps.
    basis, columns : (K', V') ndarray, sparse array or TiledRows, (V',) ndarray of int
        The solution's A, and flat indices of its columns.
    coverage, rounding, demeaned : (K,) ndarray of float, (K,) ndarray of float, bool
        As in `MapsOperator`.
    """

    plain: TiledRows
    voxels: NDArray[np.int64]
    grid: Grid
    solution: Solution
    basis: RowMatrix | TiledRows
    columns: NDArray[np.int64]
    coverage: NDArray[np.float64]
    rounding: NDArray[np.float64]
    demeaned: bool = False

    def operator(
        self,
        names: Sequence[str],
        smoothing_fwhm: float | tuple[float, ...] | None = None,
    ) -> MapsOperator:
        """
        Make the operator.

        Parameters
        ----------
        names : sequence of str
            The K names of the maps.
        smoothing_fwhm : float or three floats, optional
            Full width at half maximum in mm of the smoothing to fold in.

        Returns
        -------
        MapsOperator
            With s = mixing @ (basis @ y).
        """
        solution, grid = self.solution, self.grid
        n_voxels, centres, _ = extents(self.plain, self.voxels, grid)
        width, smoothing = None, None
        if smoothing_fwhm is not None:
            width = tuple(float(one) for one in np.atleast_1d(smoothing_fwhm))
            smoothing = smoothing_operator(grid, widths(width))
        basis, places, kept = self.plain, self.voxels, None
        if smoothing is not None:
            basis, places = _fold(Supports(self.basis, self.columns), grid, smoothing, grid)
            kept = self.plain
        elif self.demeaned or not is_identity(solution.factor):
            basis, places = tile_rows(Supports(self.basis, self.columns), grid.shape)
            kept = self.plain
        return MapsOperator(
            grid=grid,
            voxels=places,
            basis=basis,
            mixing=solution.mixing,
            factor=solution.factor,
            names=tuple(names),
            coverage=self.coverage,
            variance_inflation=solution.variance_inflation,
            n_voxels=n_voxels,
            centres=centres,
            smoothing_fwhm=None if smoothing is None else width,
            rank=solution.rank,
            merged=solution.merged,
            folded=smoothing is not None or self.demeaned,
            rounding=self.rounding,
            plain=kept,
            plain_voxels=None if kept is None else self.voxels,
            demeaned=self.demeaned,
        )


def fit_maps(
    maps: MapsMatrix,
    names: Sequence[str],
    smoothing_fwhm: float | tuple[float, float, float] | None = None,
    *,
    demean_over: NDArray[np.int64] | None = None,
) -> MapsOperator:
    """
    Fit maps once, for every run on their grid.

    Parameters
    ----------
    maps : MapsMatrix
        The masked maps M.
    names : sequence of str
        Their K names.
    smoothing_fwhm : float or three floats, optional
        Full width at half maximum in mm of the smoothing to fold in.
    demean_over : (V_mask,) ndarray of int, optional
        As in `solve_on_grid`.

    Returns
    -------
    MapsOperator
        With s = mixing @ (basis @ y).
    """
    return solve_on_grid(maps, names, demean_over=demean_over).operator(names, smoothing_fwhm)


def solve_on_grid(
    maps: MapsMatrix,
    names: Sequence[str],
    *,
    demean_over: NDArray[np.int64] | None = None,
) -> SolvedMaps:
    """
    Solve for the signals of maps, and cut the maps into tiles; M itself is not needed any more.

    Parameters
    ----------
    maps : MapsMatrix
        The masked maps M.
    names : sequence of str
        Their K names, for what is said of them.
    demean_over : (V_mask,) ndarray of int, optional
        Flat indices of the voxels over which maps and volumes lose their mean first.

    Returns
    -------
    SolvedMaps
        What the operator is made of.

    Notes
    -----
    The Gram matrix squares the condition number; it is used up to ``MAX_GRAM_CONDITION``. An
    empty map counts for nothing in the rank.
    Memory: M, its tiles, and a second copy of M only for ill-conditioned maps.

    Centred maps are orthogonal to a constant, so that centring the volumes as well changes
    nothing more: the signals of ``demean_over`` are those of ``fsl_glm --demean``.
    """
    fitted = maps if demean_over is None else demean_maps(maps, list(names), demean_over)
    rounding = np.zeros(maps.n_maps) if fitted.rounding is None else fitted.rounding
    plain, voxels = tile_rows(Supports(_rows_of(maps.matrix), maps.voxels), maps.grid.shape)
    gram = plain.gram() if demean_over is None else None  # cube by cube, in a tenth of the time
    solution = solve_maps(fitted.matrix, rounding, gram)
    basis: RowMatrix | TiledRows = solution.basis
    columns = fitted.voxels
    if demean_over is None and is_identity(solution.factor):
        basis, columns = plain, voxels  # the same numbers, so that M can go
    solution = replace(solution, basis=np.zeros((0, 0)))
    return SolvedMaps(
        plain, voxels, maps.grid, solution, basis, columns, maps.coverage, rounding,
        demeaned=demean_over is not None,
    )  # fmt: skip


def is_identity(factor: NDArray[np.float64]) -> bool:
    """
    Tell whether the basis of an operator holds the maps themselves.

    Parameters
    ----------
    factor : (K', K) ndarray of float
        F of the operator.

    Returns
    -------
    bool
        Whether F is the identity.
    """
    return np.array_equal(factor, np.eye(factor.shape[0], factor.shape[1]))


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
    supports = Supports(operator.basis, operator.voxels)
    basis, voxels = _fold(supports, operator.grid, resampling, source)
    return replace(
        operator,
        grid=source,
        basis=basis,
        voxels=voxels,
        folded=True,
        plain=None,
        plain_voxels=None,
    )


def _fold(
    supports: Iterable[Support],
    grid: Grid,
    operator: SeparableOperator | PermutedOperator | SparseOperator,
    source: Grid,
) -> tuple[TiledRows, NDArray[np.int64]]:
    """Multiply A by a spatial operator from the right: apply its transpose to A's rows."""
    return tile_rows(_Folded(supports, grid, operator, source), source.shape)


@dataclass(frozen=True, eq=False)
class _Folded:
    """Rows that a spatial operator is applied to whenever they are asked for."""

    supports: Iterable[Support]
    grid: Grid
    operator: SeparableOperator | PermutedOperator | SparseOperator
    source: Grid

    def __iter__(self) -> Iterator[Support]:
        transposed = self.operator.T
        for index, weights in self.supports:
            yield apply_to_support(transposed, index, weights, self.grid, self.source)


def _rows_of(matrix: NDArray[np.float64] | sparse.sparray) -> RowMatrix:
    """Give M' as rows."""
    return sparse.csr_array(matrix.T) if sparse.issparse(matrix) else np.asarray(matrix.T)
