# SPDX-License-Identifier: Apache-2.0
"""
Extraction where voxels have no data: how much of each map is left, and the fit without the rest.

A voxel without data adds nothing to A y but its constant, so that leaving it out changes only the
Gram matrix of A, by one product over the voxels left out. Where what is left of the maps is too
much alike for that, their rows are factorised anew, and the volumes read once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.fitting import MapsOperator, is_identity
from nipype_mapsmasker.core.least_squares import (
    MAX_GRAM_CONDITION,
    Solution,
    solve_maps,
    spread,
)
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
    part = operator.basis.take(columns)
    return part if is_identity(operator.factor) else operator.factor.T @ part


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
    both = np.column_stack([share, np.ones(share.size)])
    sums = np.zeros((operator.n_maps, 2))
    if is_identity(operator.factor):
        sums = operator.basis.absolute(both)
    else:
        for part in _pieces(share.size):
            sums += np.abs(map_rows(operator, part)) @ both[part]
    return _ratio(sums[:, 0], sums[:, 1], operator.lost)


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
    pattern_of : (T,) ndarray of int
        Which pattern a volume has; -1 for none.
    empty : (T,) ndarray of bool
        Volumes without any data under the maps.
    presence : Presence or None
        Where values of voxels without data come from; None where they were resampled.
    """

    never: NDArray[np.bool_]
    patterns: list[NDArray[np.intp]]
    pattern_of: NDArray[np.intp]
    empty: NDArray[np.bool_]
    presence: Presence | None = None

    @classmethod
    def on_grid(cls, presence: Presence) -> Holes:
        """Take them from the run's own grid, at the operator's voxels."""
        patterns = presence.patterns
        return cls._finish(presence.never, patterns, presence, presence)

    @classmethod
    def resampled(cls, presence: Presence, known: Iterable[NDArray[np.bool_]]) -> Holes:
        """Take them from resampled masks, for ``never`` alone and then for each pattern."""
        masks = iter(known)
        never = ~next(masks)
        patterns = [np.flatnonzero(~one & ~never) for one in masks]
        return cls._finish(never, patterns, presence, None)

    @classmethod
    def _finish(
        cls,
        never: NDArray[np.bool_],
        patterns: list[NDArray[np.intp]],
        presence: Presence,
        values: Presence | None,
    ) -> Holes:
        empty = presence.empty | bool(never.all())
        for number, pattern in enumerate(patterns):
            if pattern.size == never.size - int(never.sum()):
                empty = empty | (presence.pattern_of == number)
        return cls(never, patterns, presence.pattern_of, empty, values)

    def values(self, pattern: int, out: NDArray[np.intp]) -> NDArray[np.float64]:
        """Give what voxels (n_out,) without data are read as in the volumes of a pattern."""
        if self.presence is None:  # resampling has made them 0
            return np.zeros(out.size)
        return self.presence.values(pattern)[out]

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
            for part in _pieces(seen.size):
                rows = map_rows(operator, seen[part])
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
        self._gram = operator.basis.gram()
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
        part = basis.take(out)
        gram = self._gram - part @ part.T
        if (np.diag(gram) < FEW_LEFT * np.diag(self._gram)).any():
            seen = np.ones(basis.shape[1])
            seen[out] = 0.0
            gram = basis.gram(seen)
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


def _pieces(n_voxels: int) -> Iterator[slice]:
    """Cut voxels into pieces, so that what is dense stays small."""
    for left in range(0, n_voxels, PIECE_VOXELS):
        yield slice(left, min(left + PIECE_VOXELS, n_voxels))


def _ratio(
    found: NDArray[np.float64], total: NDArray[np.float64], lost: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Divide, without a map that has no weight."""
    share = np.divide(found, total, out=np.zeros_like(total), where=total > 0)
    return np.where(lost, 0.0, share)


def _largest(operator: MapsOperator) -> NDArray[np.float64]:
    """Give each map's largest absolute weight; what is below counts as rounding."""
    if is_identity(operator.factor):
        return np.zeros(operator.n_maps)
    largest = np.zeros(operator.n_maps)
    for part in _pieces(operator.voxels.size):
        rows = np.abs(map_rows(operator, part))
        largest = np.maximum(largest, rows.max(axis=1, initial=0.0))
    return largest
