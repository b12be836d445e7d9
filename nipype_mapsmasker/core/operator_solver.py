# SPDX-License-Identifier: Apache-2.0
"""
One operator after one pass over a run: signals and statistics from running sums.

The quality of a fit comes from the same sums as the signals: with M = A' F and s the least
squares, ||M s||^2 = (F s)' A y, and what is left of ||y||^2 is the residual. Both are quadratic,
so about their means over time they are the sums over volumes less T times those of the mean image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.fitting import MapsOperator
from nipype_mapsmasker.core.least_squares import Solution
from nipype_mapsmasker.core.missing import Holes, MissingSolver, coverage_of
from nipype_mapsmasker.core.presence import Presence
from nipype_mapsmasker.core.resampling import KNOWN_SHARE, BlockResampler

__all__ = ["Extraction", "OperatorSolver"]

NO_FLUCTUATION = 1e-11
"""Share of a run's energy below which what it varies by over time is rounding."""


@dataclass(frozen=True, eq=False)
class Extraction:
    """
    Hold what one pass over a run gives for one operator.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        The region signals; a lost map is a column of zeros.
    coverage_data : (K,) ndarray of float
        Share of each map's absolute weight on voxels that had data in this run.
    r_squared : (T,) ndarray of float
        1 - ||y - M s||^2 / ||y||^2 per volume; NaN where smoothing or resampling is folded in.
    fluctuation_r_squared : float
        The same of the whole run about its mean over time, sums of squares over all volumes that
        have data; NaN also where voxels are left out in some volumes only.
    empty : (T,) ndarray of bool
        Volumes without any data under the maps.
    missing : (T, K) ndarray of int
        Voxels of each map that have data in the run, but not in this volume.
    """

    signals: NDArray[np.float64]
    coverage_data: NDArray[np.float64]
    r_squared: NDArray[np.float64]
    fluctuation_r_squared: float
    empty: NDArray[np.bool_]
    missing: NDArray[np.int64]


class OperatorSolver:
    """
    Solve for the signals of one operator from the sums over a run.

    Parameters
    ----------
    operator : MapsOperator
        The fitted maps.
    resampler : BlockResampler, optional
        What has brought the volumes to the operator's grid.
    """

    def __init__(self, operator: MapsOperator, resampler: BlockResampler | None = None) -> None:
        self.operator, self._resampler = operator, resampler
        self.again: dict[int, tuple[Solution, NDArray[np.bool_], NDArray[np.bool_]]] = {}
        self._holes: Holes | None = None
        self._exclude, self._zero = False, 0.0
        self._share = self._signals = self._right = self._power = self._fitted = np.zeros(0)
        self._done = 0

    def solve(
        self,
        sums: tuple[NDArray[np.float64], NDArray[np.float64]],
        presence: Presence,
        positions: NDArray[np.intp],
        *,
        exclude: bool,
    ) -> None:
        """
        Turn sums into signals; volumes that ``again`` names must be read once more.

        Parameters
        ----------
        sums : tuple of ndarray
            A y (T, K') and ||y||^2 (T,) of every volume.
        presence : Presence
            Where the run has data.
        positions : (V,) ndarray of int
            Where the operator's voxels are among those that ``presence`` speaks of.
        exclude : bool
            Whether what has none is left out.
        """
        operator = self.operator
        self._right, self._power = sums
        self._holes, self._share = self._find_holes(presence, positions)
        self._exclude, self._zero = exclude, presence.zero
        self._signals = self._right @ operator.mixing.T
        self._fitted = np.vecdot(self._signals @ operator.factor.T, self._right)
        if exclude:
            self._leave_out()

    def _find_holes(
        self, presence: Presence, positions: NDArray[np.intp]
    ) -> tuple[Holes, NDArray[np.float64]]:
        """Tell which of the operator's voxels have no data, and how much of each has."""
        voxels, resampler = self.operator.voxels, self._resampler
        if resampler is None:
            holes = Holes.on_grid(presence.at(positions))
            return holes, (~holes.never).astype(np.float64)

        def share(pattern: int) -> NDArray[np.float64]:
            return resampler.share(presence.known(pattern))[voxels]

        numbers = range(-1, len(presence.patterns))
        holes = Holes.resampled(presence, (share(number) >= KNOWN_SHARE for number in numbers))
        return holes, share(-1)

    def _leave_out(self) -> None:
        """Solve the least squares over the voxels that have data, pattern by pattern."""
        holes, operator = self._holes, self.operator
        assert holes is not None
        solver = None
        always = operator.lost
        for pattern in range(-1, len(holes.patterns)):
            where = np.flatnonzero((holes.pattern_of == pattern) & ~holes.empty)
            out = holes.without_data(pattern)
            if not where.size or not out.size:
                continue
            solver = MissingSolver(operator) if solver is None else solver
            values = holes.values(pattern, out)
            found = solver.from_products(self._right[where], out, values)
            if found is None:
                self.again[pattern] = solver.anew(out)
                lost = self.again[pattern][2]
            else:
                self._signals[where], lost = found
                self._right[where] -= values @ operator.basis.take(out).T
                self._power[where] -= values @ values
                self._fitted[where] = np.vecdot(
                    self._signals[where] @ operator.factor.T, self._right[where]
                )
            if pattern < 0:
                always = lost
            else:
                self._signals[np.ix_(where, np.flatnonzero(lost & ~always))] = np.nan
        self._signals[holes.empty] = np.nan

    def solve_again(self, block: NDArray[np.generic]) -> None:
        """
        Solve the volumes of a second reading whose maps were factorised anew.

        Parameters
        ----------
        block : (n, V) ndarray
            The next volumes, on the operator's grid.
        """
        assert self._holes is not None
        for volume in block:
            number = self._done
            self._done += 1
            pattern = int(self._holes.pattern_of[number])
            if pattern not in self.again or self._holes.empty[number]:
                continue
            solution, seen, lost = self.again[pattern]
            values = volume[self.operator.voxels[seen]].astype(np.float64)
            products = solution.basis @ values
            signals = solution.mixing @ products
            self._power[number] = values @ values
            self._fitted[number] = (solution.factor @ signals) @ products
            gone = np.isnan(self._signals[number])
            self._signals[number] = np.where(gone & lost, np.nan, signals)

    def finish(self, mean: NDArray[np.float64]) -> Extraction:
        """
        Give what was found.

        Parameters
        ----------
        mean : (V_all,) ndarray of float
            The mean image of what was multiplied: of the resampled run, where that is.

        Returns
        -------
        Extraction
            Of the whole run.
        """
        holes, operator = self._holes, self.operator
        assert holes is not None
        quality = np.full(self._power.shape, np.nan)
        if not operator.folded:
            np.divide(self._fitted, self._power, out=quality, where=self._power > 0)
        return Extraction(
            self._signals,
            coverage_of(operator, self._share),
            quality,
            self._fluctuation(mean, holes),
            holes.empty,
            holes.count(operator),
        )

    def _fluctuation(self, mean: NDArray[np.float64], holes: Holes) -> float:
        """Give R^2 about the mean image: sums over volumes less T times those of their mean."""
        kept = ~holes.empty
        n_kept = int(kept.sum())
        varying = self._exclude and any(pattern.size for pattern in holes.patterns)
        if not n_kept or self.operator.folded or varying:
            return float("nan")
        # What volumes without data are read as was added to the mean image too.
        total = mean[self.operator.voxels] * kept.size - self._zero * (kept.size - n_kept)
        average = total / n_kept
        factor, products = self.operator.factor, self._right[kept].mean(axis=0)
        if self._exclude and -1 in self.again:
            solution, seen, _ = self.again[-1]
            average = average[seen]
            factor, products = solution.factor, solution.basis @ average
        elif self._exclude:
            average = average[~holes.never]
        signals = self._signals[kept].mean(axis=0)
        power = self._power[kept].sum()
        varied = power - n_kept * (average @ average)
        fitted = self._fitted[kept].sum() - n_kept * ((factor @ signals) @ products)
        return float(fitted / varied) if varied > NO_FLUCTUATION * power else float("nan")
