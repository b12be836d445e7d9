# SPDX-License-Identifier: Apache-2.0
"""
Least squares for maps: the Gram matrix where it keeps enough digits, else a factorised M.

Squaring M squares its condition number, and hides combinations of maps that add up to less than
sqrt(eps). So the Gram matrix serves maps that are well apart, and exact combinations that M itself
confirms; what lies between goes through QR and a singular value decomposition.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from nipype_mapsmasker.core.maps import to_dense

__all__ = [
    "MAX_GRAM_CONDITION",
    "RowMatrix",
    "gram_matrix",
    "invert_gram",
    "pseudo_inverse",
    "solve_minimum_norm",
    "variance_inflation",
]

MAX_GRAM_CONDITION = 1e8
"""Condition number of M'M up to which it is used: the solution then keeps 8 digits or more."""

NULL_TOLERANCE = 1e-12
"""Relative size below which an eigenvalue of the cosines, or a part in a null vector, is 0."""

NULL_ROUNDING = 10.0
"""How many times the unit of rounding, per map, a combination of maps may be and still be zero."""

RowMatrix: TypeAlias = NDArray[np.float64] | sparse.csr_array
"""Rows of maps (K, V), dense or sparse."""


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
    inverted = invert_gram(maps_rows.T, gram_matrix(maps_rows.T))
    if inverted is not None:
        return inverted[0] @ products
    dense = to_dense(maps_rows)
    factor = linalg.qr(dense.T, mode="r", check_finite=False)[0][: dense.shape[0]]
    back, _ = pseudo_inverse(factor)
    return back @ (back.T @ products)


def gram_matrix(matrix: RowMatrix) -> NDArray[np.float64]:
    """
    Give M'M.

    Parameters
    ----------
    matrix : (V, K) ndarray of float or sparse array
        M.

    Returns
    -------
    (K, K) ndarray of float
        Dense.
    """
    return to_dense(matrix.T @ matrix)


def invert_gram(
    matrix: RowMatrix, gram: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int] | None:
    """
    Give (M'M)^+ and M's rank, where the Gram matrix can tell them.

    Parameters
    ----------
    matrix : (V, K) ndarray of float or sparse array
        M.
    gram : (K, K) ndarray of float
        M'M.

    Returns
    -------
    tuple of (K, K) ndarray of float and int, or None
        None where digits would be lost.
    """
    norms = np.sqrt(np.diag(gram))
    # An empty map is exactly orthogonal to all others: its signal is 0, the rest unchanged.
    present = np.flatnonzero(norms > 0)
    if not present.size:
        return None
    norms = norms[present]
    # Scaled to a diagonal of 1, so that the units of the maps decide nothing.
    values, vectors = linalg.eigh(gram[np.ix_(present, present)] / np.outer(norms, norms))
    null = values < values[-1] / MAX_GRAM_CONDITION
    kept = vectors[:, ~null]
    inverse = (kept / values[~null]) @ kept.T / np.outer(norms, norms)
    if null.any():
        combinations = _combinations(vectors[:, null], norms)
        everywhere = np.zeros((gram.shape[0], combinations.shape[1]))
        everywhere[present] = combinations
        # Squaring hides what is smaller than sqrt(eps), so dependence is seen on M itself.
        if np.abs(matrix @ everywhere).max(initial=0.0) > _rounding(matrix, everywhere):
            return None
        basis = linalg.qr(combinations, mode="economic")[0]
        projector = np.eye(present.size) - basis @ basis.T
        inverse = projector @ inverse @ projector
    whole = np.zeros_like(gram)
    whole[np.ix_(present, present)] = inverse
    return whole, int(kept.shape[1])


def _combinations(null: NDArray[np.float64], norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the combinations of maps that add up to nothing, from those of maps of norm 1."""
    # What is only rounding must not grow with the units of a map that has no part in them.
    return np.where(np.abs(null) > NULL_TOLERANCE, null, 0.0) / norms[:, None]


def _rounding(matrix: RowMatrix, combinations: NDArray[np.float64]) -> float:
    """Bound what rounding alone leaves of M n where M n = 0."""
    largest = to_dense(abs(matrix).max(axis=0)).reshape(-1)
    scale = (np.abs(combinations) * largest[:, None]).max()
    return float(NULL_ROUNDING * matrix.shape[1] * np.finfo(np.float64).eps * scale)


def pseudo_inverse(factor: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """
    Give F^+ and F's rank, leaving out directions that rounding alone can have made.

    Parameters
    ----------
    factor : (K', K) ndarray of float
        F.

    Returns
    -------
    inverse : (K, K') ndarray of float
        The pseudo-inverse.
    rank : int
        Of F.
    """
    norms = np.sqrt((factor**2).sum(axis=0))
    norms[norms == 0] = 1.0
    # As in `invert_gram`: the units of the maps decide nothing about the rank.
    u, s, vt = linalg.svd(factor / norms, check_finite=False)
    kept = s > 10 * s.size * np.finfo(np.float64).eps * s[0]
    n_kept = int(kept.sum())
    inverse: NDArray[np.float64] = (vt[:n_kept].T / s[kept]) @ u[:, :n_kept].T / norms[:, None]
    if n_kept < factor.shape[1]:
        basis = linalg.qr(_combinations(vt[n_kept:].T, norms), mode="economic")[0]
        inverse -= basis @ (basis.T @ inverse)
    return inverse, n_kept
