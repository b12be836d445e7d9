# SPDX-License-Identifier: Apache-2.0
"""
Least squares for maps: the Gram matrix where it keeps enough digits, else a factorised M.

Squaring M squares its condition number, and hides combinations of maps that add up to less than
sqrt(eps). So the Gram matrix serves maps that are well apart; those that are not go through QR
and a singular value decomposition, which alone decide what is a combination of others: rank,
variance inflation and solution are read from the same numbers, so that they agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from nipype_mapsmasker.core.maps import to_dense

__all__ = [
    "MAX_GRAM_CONDITION",
    "SMALL_REGIONS",
    "RowMatrix",
    "Solution",
    "gram_limit",
    "gram_matrix",
    "solve_gram",
    "solve_maps",
    "spread",
]

MAX_GRAM_CONDITION = 1e4
"""Condition number of the cosines between maps beyond which the Gram matrix is never used."""

DENSE_GRAM_CONDITION = 2e2
"""
The same for dense maps: signals of data of a level of 10,000 deviations are right to 2e-9 of them.
Beyond, factors fill every cube with all rows, where maps of networks leave most of them empty.
"""

SMALL_REGIONS = 0.1
"""Share of entries that are not zero up to which maps are small regions, too many to factorise."""

SVD_ROUNDING = 10.0
"""How many units of rounding of float64, per map, a singular value may be and still be zero."""

PART = 1e-4
"""A map whose part in a combination that adds up to nothing is larger is a twin of the others."""

WEAK_PART = 1e-6
"""Share of a map in the weak directions from which on it is factorised, not only squared."""

RowMatrix: TypeAlias = NDArray[np.float64] | sparse.csr_array
"""Rows of maps (K, V), dense or sparse."""


@dataclass(frozen=True, eq=False)
class Solution:
    """
    Hold what turns volumes into signals: s = C A y, where M = A' F.

    Parameters
    ----------
    basis : (K', V) ndarray of float or sparse csr_array
        A.
    mixing : (K, K') ndarray of float
        C = F^+ (A A')^-1: the minimum-norm solution, as `scipy.linalg.lstsq` gives.
    factor : (K', K) ndarray of float
        F; the identity where A holds the maps themselves.
    rank : int
        Rank of M; an empty map counts for nothing.
    variance_inflation : (K,) ndarray of float
        diag(R^-1) with R the cosines between maps, 1 for a map orthogonal to all others; inf for
        a map that is a combination of others, NaN for an empty one.
    merged : (n_groups, K) ndarray of bool
        Which maps are combinations of each other, group by group.

    References
    ----------
    .. [1] Belsley, Kuh, Welsch (1980), Regression Diagnostics, chapter 3.
    """

    basis: RowMatrix
    mixing: NDArray[np.float64]
    factor: NDArray[np.float64]
    rank: int
    variance_inflation: NDArray[np.float64]
    merged: NDArray[np.bool_]


def solve_maps(
    matrix: NDArray[np.float64] | sparse.sparray,
    rounding: NDArray[np.float64] | float = 0.0,
    gram: NDArray[np.float64] | None = None,
) -> Solution:
    """
    Solve min ||M s - y||^2 for every y at once.

    Parameters
    ----------
    matrix : (V, K) ndarray of float or sparse array
        M.
    rounding : (K,) ndarray of float or float
        Norm of what the maps' stored type has rounded off, relative to each map's own: a
        combination of maps of no more than that is nothing. 0 for numbers that are exact.
    gram : (K, K) ndarray of float, optional
        M'M, where it is known already.

    Returns
    -------
    Solution
        A sparse basis stays sparse.

    Notes
    -----
    Maps of which some combination is weak (see `MAX_GRAM_CONDITION`) are replaced by orthonormal
    combinations of themselves; of sparse maps only those that have a part in it, if that is
    enough. All is judged with every map scaled to norm 1, so that units decide nothing.
    Memory: M, and a dense copy of the maps that are factorised.

    Examples
    --------
    A map and its copy share the signal.

    >>> solution = solve_maps(np.array([[1.0, 1.0], [1.0, 1.0]]))
    >>> solution.rank, (solution.mixing @ solution.basis @ [3.0, 3.0]).round(9).tolist()
    (1, [1.5, 1.5])
    """
    n_maps = matrix.shape[1]
    rounding = np.broadcast_to(np.asarray(rounding, dtype=np.float64), n_maps)
    gram = gram_matrix(matrix) if gram is None else gram
    norms = np.sqrt(np.diag(gram))
    present = np.flatnonzero(norms > 0)
    if not present.size:
        nothing = np.zeros((n_maps, n_maps))
        inflation = np.full(n_maps, np.nan)
        empty = np.zeros((0, n_maps), dtype=bool)
        return Solution(_rows(matrix), nothing, np.eye(n_maps), 0, inflation, empty)
    # An array that is dense is so for its many entries, or small.
    n_entries = matrix.size if isinstance(matrix, np.ndarray) else matrix.nnz
    limit = gram_limit(n_entries, matrix.shape)
    solved = solve_gram(gram, limit)
    if solved is not None:
        empty = np.zeros((0, n_maps), dtype=bool)
        return Solution(_rows(matrix), solved[0], np.eye(n_maps), present.size, solved[1], empty)
    values, vectors = spread(gram, present)
    weak = values < values[-1] / limit
    if sparse.issparse(matrix):
        parts = (vectors[:, weak] ** 2).sum(axis=1)
        chosen = present[parts > WEAK_PART]
        if chosen.size < present.size:
            solution = _partly_factorised(matrix, chosen, norms, rounding, limit)
            if solution is not None:
                return solution
    solution = _partly_factorised(matrix, present, norms, rounding, limit)
    assert solution is not None  # orthonormal rows are never weak
    return solution


def gram_limit(n_entries: int, shape: tuple[int, ...]) -> float:
    """
    Say up to which condition the Gram matrix serves.

    Parameters
    ----------
    n_entries : int
        Entries of M that are not zero.
    shape : tuple of int
        Shape of M.

    Returns
    -------
    float
        `MAX_GRAM_CONDITION` for atlases of small regions, else `DENSE_GRAM_CONDITION`.
    """
    many = n_entries > SMALL_REGIONS * shape[0] * shape[1]
    return DENSE_GRAM_CONDITION if many else MAX_GRAM_CONDITION


def solve_gram(
    gram: NDArray[np.float64], limit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """
    Solve from the Gram matrix, where that keeps enough digits.

    Parameters
    ----------
    gram : (K, K) ndarray of float
        M'M; zero for an empty map.
    limit : float
        Condition number of the cosines between maps beyond which it does not.

    Returns
    -------
    mixing : (K, K) ndarray of float
        (M'M)^-1; zero for an empty map.
    inflation : (K,) ndarray of float
        As in `Solution`. None instead of both beyond ``limit``.
    """
    norms = np.sqrt(np.diag(gram))
    present = np.flatnonzero(norms > 0)
    mixing, inflation = np.zeros_like(gram), np.full(len(gram), np.nan)
    if not present.size:
        return mixing, inflation
    values, vectors = spread(gram, present)
    if values[0] < values[-1] / limit:
        return None
    inverse = (vectors / values) @ vectors.T
    mixing[np.ix_(present, present)] = inverse / np.outer(norms[present], norms[present])
    inflation[present] = np.diag(inverse)
    return mixing, inflation


def gram_matrix(matrix: NDArray[np.float64] | sparse.sparray) -> NDArray[np.float64]:
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


def spread(
    gram: NDArray[np.float64], present: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Give eigenvalues and eigenvectors of the cosines between maps.

    Parameters
    ----------
    gram : (K, K) ndarray of float
        M'M.
    present : (n,) ndarray of int
        Maps that are not empty.

    Returns
    -------
    values : (n,) ndarray of float
        Rising.
    vectors : (n, n) ndarray of float
        One per column.
    """
    norms = np.sqrt(np.diag(gram)[present])
    values, vectors = linalg.eigh(gram[np.ix_(present, present)] / np.outer(norms, norms))
    return values, vectors


def _rows(matrix: NDArray[np.float64] | sparse.sparray) -> RowMatrix:
    """Give M' as it is stored in an operator."""
    return sparse.csr_array(matrix.T) if sparse.issparse(matrix) else np.asarray(matrix.T)


def _partly_factorised(
    matrix: NDArray[np.float64] | sparse.sparray,
    chosen: NDArray[np.intp],
    norms: NDArray[np.float64],
    rounding: NDArray[np.float64],
    limit: float,
) -> Solution | None:
    """Replace the chosen maps by orthonormal combinations; None if that is not enough."""
    n_maps = matrix.shape[1]
    others = np.flatnonzero(norms > 0)
    others = others[~np.isin(others, chosen)]
    columns = matrix[:, chosen]
    if sparse.issparse(columns):
        used = np.flatnonzero(np.asarray(abs(columns).sum(axis=1)).reshape(-1) > 0)
        dense = to_dense(sparse.csr_array(columns)[used])
    else:
        used, dense = np.arange(matrix.shape[0]), columns
    unitary, forward, back, null = _factorise(dense, norms[chosen], rounding[chosen])
    rank, n_others = unitary.shape[1], others.size
    basis: RowMatrix
    if sparse.issparse(matrix):
        rows = sparse.coo_array(unitary.T)
        wide = (rows.data, (rows.coords[0], used[rows.coords[1]]))
        basis = sparse.csr_array(
            sparse.vstack(
                [sparse.csr_array(matrix[:, others].T),
                 sparse.csr_array(wide, shape=(rank, matrix.shape[0]))]
            )
        )  # fmt: skip
    else:
        basis = np.ascontiguousarray(unitary.T)  # dense maps are always taken all together
    factor = np.zeros((n_others + rank, n_maps))
    factor[np.arange(n_others), others] = 1.0
    factor[n_others:, chosen] = forward
    mixing = factor.T.copy()
    mixing[chosen, n_others:] = back
    scale = np.concatenate([norms[others], np.ones(rank)])
    gram = np.diag(scale**2)
    if n_others:
        gram = gram_matrix(basis.T)
        values, vectors = spread(gram, np.arange(scale.size))
        if values[0] < values[-1] / limit:
            return None
        mixing = mixing @ ((vectors / values) @ vectors.T / np.outer(scale, scale))
    inflation = np.einsum("ij,jk,ik->i", mixing, gram, mixing) * norms**2
    inflation[norms == 0] = np.nan
    merged = _groups(null, chosen, n_maps)
    inflation[merged.any(axis=0)] = np.inf
    return Solution(basis, mixing, factor, n_others + rank, inflation, merged)


def _factorise(
    dense: NDArray[np.float64], norms: NDArray[np.float64], rounding: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """
    Give U (V, r), F (r, K), F^+ (K, r) and null vectors (n, K), with M = U F to M's rounding.

    What the stored type has rounded off is no direction of its own: its singular values do not
    exceed the norm of the rounding of all maps together.
    """
    q, triangle = linalg.qr(dense / norms, mode="economic", check_finite=False)
    u, s, vt = linalg.svd(triangle, full_matrices=False, check_finite=False)
    floor = SVD_ROUNDING * s.size * np.finfo(np.float64).eps * s[0]
    floor = max(floor, 2.0 * float(np.sqrt((rounding**2).sum())))
    kept = s > floor
    n_kept = int(kept.sum())
    unitary = q @ u[:, :n_kept]
    forward = s[:n_kept, None] * vt[:n_kept] * norms
    back = (vt[:n_kept].T / s[:n_kept]) / norms[:, None]
    null = linalg.null_space(vt[:n_kept]).T if n_kept < dense.shape[1] else np.zeros((0, 0))
    if null.size:
        # Combinations of the maps in their own units; rounding must not grow with a map's unit.
        tolerance = max(1e-12, floor)
        combinations = np.where(np.abs(null) > tolerance, null, 0.0).T / norms[:, None]
        away = linalg.qr(combinations, mode="economic")[0]
        back = back - away @ (away.T @ back)
    return unitary, forward, back, null


def _groups(null: NDArray[np.float64], chosen: NDArray[np.intp], n_maps: int) -> NDArray[np.bool_]:
    """Name the maps that are combinations of each other, one group per row."""
    if not null.size:
        return np.zeros((0, n_maps), dtype=bool)
    together = np.abs(null.T @ null) > PART**2
    involved = np.sqrt((null**2).sum(axis=0)) > PART
    together &= involved[:, None] & involved
    from scipy.sparse import csgraph  # here: workers that extract can do without

    n_groups, label = csgraph.connected_components(sparse.csr_array(together), directed=False)
    groups = np.zeros((n_groups, n_maps), dtype=bool)
    groups[label[involved], chosen[involved]] = True
    kept: NDArray[np.bool_] = groups[groups.any(axis=1)]
    return kept
