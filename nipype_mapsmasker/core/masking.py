# SPDX-License-Identifier: Apache-2.0
"""
One fit, many masks: an operator for a run's own mask from that of its grid.

A mask B only says which voxels of the maps M count. Its Gram matrix M'BM is summed over them, and
gives the signals where it is well conditioned; else they are solved anew. With smoothing G, which
acts before the mask, rows are M'BG = M'G - (M - BM)'G: only what the mask leaves out is smoothed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.extents import extents
from nipype_mapsmasker.core.fitting import MapsOperator, SolvedMaps, is_identity
from nipype_mapsmasker.core.least_squares import (
    gram_limit,
    solve_gram,
    solve_maps,
)
from nipype_mapsmasker.core.maps import DENSE_ABOVE, apply_to_support
from nipype_mapsmasker.core.smoothing import smoothing_operator, widths
from nipype_mapsmasker.core.supports import Supports
from nipype_mapsmasker.core.tiles import Support, TiledRows
from nipype_mapsmasker.errors import MapsError

__all__ = ["mask_operator"]


def mask_operator(
    operator: MapsOperator, inside: NDArray[np.bool_], *, in_place: bool = False
) -> MapsOperator:
    """
    Restrict an operator to a mask.

    Parameters
    ----------
    operator : MapsOperator
        Fitted on the mask's grid, without a mask or with one that holds all of this one.
    inside : (V_all,) ndarray of bool
        The mask, in disk order.
    in_place : bool
        Whether the operator's smoothed maps may be overwritten, as it is not used again.

    Returns
    -------
    MapsOperator
        The same numbers, to rounding, as a fit with the mask; the operator itself where the mask
        leaves nothing of the maps out.

    Raises
    ------
    MapsError
        No map has any weight left, or they were demeaned over the mask of their fit.

    Notes
    -----
    Memory: the weights of what stays, for maps that are smoothed a copy of the smoothed ones
    unless ``in_place``.
    """
    maps, voxels = operator.maps
    kept = inside[voxels]
    if operator.demeaned:
        msg = (
            "These maps were fitted without their mean over another mask; fit them with this one."
        )
        raise MapsError(msg)
    if kept.all():
        return operator
    plain, places = maps.keep(kept, voxels)
    if not plain.values.any():
        msg = (
            "No map has any weight left inside the mask; check that maps, mask and images are in "
            "the same space."
        )
        raise MapsError(msg)
    n_voxels, centres, left = extents(plain, places, operator.grid)
    whole = operator.weight
    share = np.divide(left, whole, out=np.zeros_like(left), where=whole > 0)
    coverage = operator.coverage * share
    n_entries = int(n_voxels.sum())
    solved = None
    if is_identity(operator.factor):
        solved = solve_gram(plain.gram(), gram_limit(n_entries, plain.shape))
    if solved is None:
        is_sparse = n_entries <= DENSE_ABOVE * plain.shape[0] * plain.shape[1]
        return _anew(operator, plain, places, coverage, is_sparse=is_sparse)
    found = replace(
        operator,
        voxels=places,
        basis=plain,
        mixing=solved[0],
        coverage=coverage,
        variance_inflation=solved[1],
        n_voxels=n_voxels,
        centres=centres,
        rank=int((n_voxels > 0).sum()),
    )
    if operator.smoothing_fwhm is None:
        return found
    out = np.flatnonzero(~kept)
    lost = _smoothed(operator, maps.take(out), voxels[out])
    basis = operator.basis.minus(operator.voxels, lost, operator.grid.n_voxels, in_place=in_place)
    return replace(found, voxels=operator.voxels, basis=basis, plain=plain, plain_voxels=places)


def _smoothed(
    operator: MapsOperator, weights: NDArray[np.float64], voxels: NDArray[np.int64]
) -> Iterator[Support]:
    """Smooth what is left out of each map."""
    assert operator.smoothing_fwhm is not None
    grid = operator.grid
    smoothing = smoothing_operator(grid, widths(operator.smoothing_fwhm))
    assert smoothing is not None
    for row in weights:
        filled = np.flatnonzero(row != 0)
        yield apply_to_support(smoothing.T, voxels[filled], row[filled], grid, grid)


def _anew(
    operator: MapsOperator,
    plain: TiledRows,
    voxels: NDArray[np.int64],
    coverage: NDArray[np.float64],
    *,
    is_sparse: bool,
) -> MapsOperator:
    """Solve for what is left of the maps as for a fit of its own."""
    order = np.argsort(voxels)
    matrix: NDArray[np.float64] | sparse.csc_array
    if is_sparse:
        position = np.zeros(operator.grid.n_voxels, dtype=np.int32)
        position[voxels[order]] = np.arange(voxels.size, dtype=np.int32)
        found = list(Supports(plain, voxels))
        indptr = np.concatenate([[0], np.cumsum([index.size for index, _ in found])])
        indices = np.concatenate([position[index] for index, _ in found])
        data = np.concatenate([weights for _, weights in found]).astype(np.float64)
        matrix = sparse.csc_array((data, indices, indptr), shape=plain.shape[::-1])
    else:
        matrix = plain.toarray()[:, order].T
    rounding = np.zeros(operator.n_maps) if operator.rounding is None else operator.rounding
    solution = solve_maps(matrix, rounding, plain.gram())
    return SolvedMaps(
        plain, voxels, operator.grid, solution, solution.basis, voxels[order], coverage, rounding
    ).operator(operator.names, operator.smoothing_fwhm)
