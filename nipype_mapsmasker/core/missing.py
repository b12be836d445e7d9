# SPDX-License-Identifier: Apache-2.0
"""
Extraction where voxels have no data: how much of each map is left, and the fit without the rest.

A voxel without data adds nothing to A y but its constant, so that leaving it out changes only the
Gram matrix of A, by one product over the voxels left out. Where what is left of the maps is too
much alike for that, their rows are factorised anew, and the volumes read once more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.fitting import MapsOperator
from nipype_mapsmasker.core.least_squares import (
    MAX_GRAM_CONDITION,
    RowMatrix,
    Solution,
    solve_maps,
    spread,
)
from nipype_mapsmasker.core.maps import to_dense
from nipype_mapsmasker.core.presence import Presence

__all__ = ["Holes", "MissingSolver", "coverage_of", "map_rows"]

WEIGHT_FLOOR = 1e-9
"""Share of a map's largest weight below which a voxel of a factorised map is outside it."""

FEW_LEFT = 1e-3
"""Share of a map that is left, below which its Gram matrix is summed, not subtracted."""

PIECE_VOXELS = 1 << 12
"""Voxels of the maps that are looked at at a time."""


def map_rows(
    operator: MapsOperator, columns: NDArray[np.intp] | NDArray[np.bool_] | slice
) -> NDArray[np.float64]:
    """
    Give the maps themselves at some voxels, M' = F' A.

    Parameters
    ----------
    operator : MapsOperator
        The fitted maps.
    columns : (n,) ndarray or slice
        Which of the operator's voxels.

    Returns
    -------
    (K, n) ndarray of float
        With smoothing folded in, the weight that raw voxels really carry.
    """
    part = to_dense(operator.basis[:, columns]).astype(np.float64, copy=False)
    return part if _is_identity(operator.factor) else operator.factor.T @ part


def coverage_of(operator: MapsOperator, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Give the share of each map's absolute weight on voxels that have data.

    Parameters
    ----------
    operator : MapsOperator
        The fitted maps.
    share : (V,) ndarray of float
        How much of each of the operator's voxels has data, from 0 to 1.

    Returns
    -------
    (K,) ndarray of float
        Exactly 1 where all have, and exactly 0 where none has: both are the same sums.
    """
    if (share == 1.0).all():
        return np.where(operator.lost, 0.0, 1.0)
    total, found = np.zeros(operator.n_maps), np.zeros(operator.n_maps)
    if sparse.issparse(operator.basis) and _is_identity(operator.factor):
        weights = abs(operator.basis).astype(np.float64)
        total, found = weights @ np.ones(share.size), weights @ share
        return _ratio(found, total, operator.lost)
    for left in range(0, share.size, PIECE_VOXELS):
        part = slice(left, left + PIECE_VOXELS)
        weight = np.abs(map_rows(operator, part))
        total += weight @ np.ones(weight.shape[1])
        found += weight @ share[part]
    return _ratio(found, total, operator.lost)


@dataclass(frozen=True, eq=False)
class Holes:
    """
    Say which of an operator's voxels have no data, and when.

    Parameters
    ----------
    never : (V,) ndarray of bool
        Never in the run.
    patterns : list of (n,) ndarray of int
        Distinct sets of others that are missing in some volumes.
    values : list of (V,) ndarray of float
        What voxels without data are read as, for ``never`` alone and then for each pattern.
    pattern_of : (T,) ndarray of int
        Which pattern a volume has; -1 for none.
    empty : (T,) ndarray of bool
        Volumes without any data under the maps.
    """

    never: NDArray[np.bool_]
    patterns: list[NDArray[np.intp]]
    values: list[NDArray[np.float64]]
    pattern_of: NDArray[np.intp]
    empty: NDArray[np.bool_]

    @classmethod
    def on_grid(cls, presence: Presence, voxels: NDArray[np.int64]) -> Holes:
        """Take them from the run's own grid."""
        numbers = range(-1, len(presence.patterns))
        known = [presence.known(number)[voxels] for number in numbers]
        values = [presence.values(number)[voxels] for number in numbers]
        return cls._from_known(known, values, presence)

    @classmethod
    def resampled(cls, presence: Presence, known: list[NDArray[np.bool_]]) -> Holes:
        """Take them from resampled masks, for ``never`` alone and then for each pattern."""
        nothing = np.zeros(known[0].size)
        return cls._from_known(known, [nothing for _ in known], presence)

    @classmethod
    def _from_known(
        cls,
        known: list[NDArray[np.bool_]],
        values: list[NDArray[np.float64]],
        presence: Presence,
    ) -> Holes:
        never = ~known[0]
        patterns = [np.flatnonzero(~one & ~never) for one in known[1:]]
        empty = presence.empty | bool(never.all())
        for number, pattern in enumerate(patterns):
            if pattern.size == never.size - int(never.sum()):
                empty = empty | (presence.pattern_of == number)
        return cls(never, patterns, values, presence.pattern_of, empty)

    def without_data(self, pattern: int) -> NDArray[np.intp]:
        """Give the voxels to leave out in the volumes of a pattern, or of none (-1)."""
        if pattern < 0:
            return np.flatnonzero(self.never)
        flags = self.never.copy()
        flags[self.patterns[pattern]] = True
        return np.flatnonzero(flags)

    def count(self, operator: MapsOperator) -> NDArray[np.int64]:
        """Count (T, K) the voxels of each map that are missing in a volume, but not in all."""
        counts = np.zeros((self.pattern_of.size, operator.n_maps), dtype=np.int64)
        if not self.patterns and not self.empty.any():
            return counts
        seen = np.flatnonzero(~self.never)
        floor = WEIGHT_FLOOR * _largest(operator)
        for number, pattern in enumerate(self.patterns):
            if pattern.size:
                inside = np.abs(map_rows(operator, pattern)) > floor[:, None]
                counts[self.pattern_of == number] = inside.sum(axis=1)
        if self.empty.any():
            whole = np.zeros(operator.n_maps, dtype=np.int64)
            for left in range(0, seen.size, PIECE_VOXELS):
                rows = map_rows(operator, seen[left : left + PIECE_VOXELS])
                whole += (np.abs(rows) > floor[:, None]).sum(axis=1)
            counts[self.empty] = whole
        return counts


class MissingSolver:
    """
    Solve for the signals without some voxels.

    Parameters
    ----------
    operator : MapsOperator
        The fitted maps, neither smoothing nor resampling folded in.
    """

    def __init__(self, operator: MapsOperator) -> None:
        self._operator = operator
        self._gram = _gram_of_rows(operator.basis, np.ones(operator.voxels.size))
        # F^+, of which rows that are single maps can be dropped.
        self._back = operator.mixing @ self._gram
        factor = operator.factor
        single = (factor != 0).sum(axis=1) == 1
        self._single = single & ((factor != 0)[:, (factor != 0).sum(axis=0) == 1].any(axis=1))

    def from_products(
        self,
        products: NDArray[np.float64],
        out: NDArray[np.intp],
        values: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
        """
        Solve from A y alone.

        Parameters
        ----------
        products : (n, K') ndarray of float
            A y.
        out : (n_out,) ndarray of int
            The voxels to leave out.
        values : (n_out,) ndarray of float
            What they are read as.

        Returns
        -------
        signals : (n, K) ndarray of float
            Zero for a map of which nothing is left.
        lost : (K,) ndarray of bool
            Of which nothing is left. None instead of both where digits would be lost.
        """
        basis = self._operator.basis
        part = to_dense(basis[:, out]).astype(np.float64, copy=False)
        gram = self._gram - part @ part.T
        if (np.diag(gram) < FEW_LEFT * np.diag(self._gram)).any():
            seen = np.ones(basis.shape[1])
            seen[out] = 0.0
            gram = _gram_of_rows(basis, seen)
        present = np.flatnonzero(np.diag(gram) > 0)
        gone = np.diag(gram) == 0
        if (gone & ~self._single & (np.diag(self._gram) > 0)).any():
            return None
        lost = (self._operator.factor[gone] != 0).any(axis=0) | self._operator.lost
        signals = np.zeros((len(products), self._operator.n_maps))
        if not present.size:
            return signals, lost
        norms = np.sqrt(np.diag(gram)[present])
        spreads, vectors = spread(gram, present)
        if spreads[0] < spreads[-1] / MAX_GRAM_CONDITION:
            return None
        inverse = (vectors / spreads) @ vectors.T / np.outer(norms, norms)
        right = (products - values @ part.T)[:, present]
        signals += right @ inverse @ self._back[:, present].T
        return signals, lost

    def anew(self, out: NDArray[np.intp]) -> tuple[Solution, NDArray[np.bool_], NDArray[np.bool_]]:
        """
        Factorise what is left of the maps.

        Parameters
        ----------
        out : (n_out,) ndarray of int
            The voxels to leave out.

        Returns
        -------
        solution : Solution
            For volumes of the voxels that are left.
        seen : (V,) ndarray of bool
            Those.
        lost : (K,) ndarray of bool
            Maps of which nothing is left.
        """
        seen = np.ones(self._operator.voxels.size, dtype=bool)
        seen[out] = False
        rows = map_rows(self._operator, seen)
        return solve_maps(rows.T), seen, np.asarray(~rows.any(axis=1))


def _gram_of_rows(basis: RowMatrix, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give A W A' in float64, whatever type the file of an operator holds A in."""
    if sparse.issparse(basis):
        rows = sparse.csr_array(basis, dtype=np.float64)
        return to_dense(rows.multiply(weight).tocsr() @ rows.T)
    gram = np.zeros((basis.shape[0], basis.shape[0]))
    for left in range(0, weight.size, PIECE_VOXELS):
        part = basis[:, left : left + PIECE_VOXELS].astype(np.float64, copy=False)
        gram += (part * weight[left : left + PIECE_VOXELS]) @ part.T
    return gram


def _is_identity(factor: NDArray[np.float64]) -> bool:
    """Tell whether the basis of an operator holds the maps themselves."""
    return np.array_equal(factor, np.eye(factor.shape[0], factor.shape[1]))


def _ratio(
    found: NDArray[np.float64], total: NDArray[np.float64], lost: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Divide, without a map that has no weight."""
    share = np.divide(found, total, out=np.zeros_like(total), where=total > 0)
    return np.where(lost, 0.0, share)


def _largest(operator: MapsOperator) -> NDArray[np.float64]:
    """Give each map's largest absolute weight; what is below counts as rounding."""
    if _is_identity(operator.factor):
        return np.zeros(operator.n_maps)
    largest = np.zeros(operator.n_maps)
    for left in range(0, operator.voxels.size, PIECE_VOXELS):
        rows = np.abs(map_rows(operator, slice(left, left + PIECE_VOXELS)))
        largest = np.maximum(largest, rows.max(axis=1, initial=0.0))
    return largest
