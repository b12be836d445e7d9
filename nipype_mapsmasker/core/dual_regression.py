# SPDX-License-Identifier: Apache-2.0
r"""
Dual regression: a subject's own map of each component.

Stage 1 regresses each volume on the group's maps, which gives signals S; that is extraction
(with ``demean=True`` after the spatial mean of both was taken away).
Stage 2 regresses each voxel's time course on those signals,

.. math:: Y = S B + C G + E, \quad
          \hat B = \left(\tilde S^\top \tilde S\right)^{-1} \tilde S^\top Y,

with S̃ the part of S that confounds C and the mean do not explain. B has one map per component.

References
----------
.. [1] Beckmann CF et al. Group comparison of resting-state fMRI data using multi-subject ICA and
   dual regression. NeuroImage 47:S148, 2009.
.. [2] Nickerson LD et al. Using dual regression to investigate network shape and amplitude in
   functional connectivity analyses. Frontiers in Neuroscience 11:115, 2017.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from nipype_mapsmasker.core.regression import (
    RANK_TOLERANCE,
    confound_basis,
    project_out,
    scale_confounds,
)
from nipype_mapsmasker.core.signal_inputs import as_confounds, as_keep, as_signals
from nipype_mapsmasker.errors import SignalError

__all__ = ["SubjectMaps", "subject_maps", "t_to_z"]

PIECE_VOXELS = 1 << 14
"""Voxels of a block that are worked on at once."""

LARGEST_T = 1e100
"""A larger t, as of a voxel without any error, counts as this: its square is still a number."""

TINY_PROBABILITY = 1e-200
"""Below this, tails are computed by their logarithm."""


@dataclass(frozen=True, eq=False)
class SubjectMaps:
    """
    Hold a subject's maps.

    Parameters
    ----------
    effect : (K, V) ndarray of float
        B: change of a voxel per unit (or standard deviation) of each signal; 0 where a voxel does
        not vary, NaN for a lost component.
    error : (V,) ndarray of float
        Standard deviation of each voxel's errors.
    spread : (K,) ndarray of float
        Standard error of an effect where that deviation is 1.
    degrees_of_freedom : int
        Of the errors.
    lost : (K,) ndarray of bool
        Components without a signal.
    """

    effect: NDArray[np.float64]
    error: NDArray[np.float64]
    spread: NDArray[np.float64]
    degrees_of_freedom: int
    lost: NDArray[np.bool_]

    def z(self, component: int) -> NDArray[np.float64]:
        """Give one map over its standard error, as normal deviates (V,)."""
        effect, error = self.effect[component], self.error * self.spread[component]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(effect == 0, 0.0, effect / error)
        if np.isnan(t).all():
            return t
        return t_to_z(t, self.degrees_of_freedom)


def subject_maps(
    blocks: Iterable[NDArray[Any]],
    signals: ArrayLike,
    *,
    confounds: ArrayLike | None = None,
    sample_mask: ArrayLike | None = None,
    standardize: bool = True,
) -> SubjectMaps:
    """
    Regress every voxel on a run's signals, in one pass over its volumes (stage 2).

    Parameters
    ----------
    blocks : iterable of (n, V) ndarray
        The run's volumes in order, any n at a time, of any real type.
    signals : (T, K) array_like of float
        Signals of stage 1; a column of NaN, or a constant one, is a lost component.
    confounds : (T, C) array_like of float, optional
        What else is fitted, and not given back.
    sample_mask : (T,) array_like of bool or (n_kept,) array_like of int, optional
        Volumes that are used.
    standardize : bool, default=True
        Bring signals to a standard deviation of 1 first, so that maps have the unit of the image
        and show amplitude as well as shape.

    Returns
    -------
    SubjectMaps
        The maps.

    Raises
    ------
    SignalError
        Volumes and signals differ in number, or no degree of freedom is left.

    Notes
    -----
    Memory: 8 (K + C + 4) bytes per voxel, whatever T. Values that are not finite count as the
    voxel's first one.
    """
    design = _Design(signals, confounds, sample_mask, standardize)
    sums = _Sums(design)
    for block in blocks:
        sums.add(block)
    return sums.solve()


def t_to_z(t: NDArray[np.float64], degrees_of_freedom: int) -> NDArray[np.float64]:
    """
    Give the normal deviate with the same tail as a value of Student's t.

    Parameters
    ----------
    t : ndarray of float
        Values.
    degrees_of_freedom : int
        Of the distribution.

    Returns
    -------
    ndarray of float
        Deviates, finite however large the values.

    Examples
    --------
    >>> t_to_z(np.array([0.0, 2.0, -2.0]), 10).round(4).tolist()
    [0.0, 1.7904, -1.7904]
    """
    size = np.minimum(np.abs(t), LARGEST_T)
    half = degrees_of_freedom / 2
    share = degrees_of_freedom / (degrees_of_freedom + size**2)
    from scipy import special  # here: workers that extract can do without

    tail = 0.5 * special.betainc(half, 0.5, share)
    far = tail < TINY_PROBABILITY
    logarithm = np.log(np.where(far, 1.0, tail))
    if far.any():
        # I_x(a, 1/2) = x^a (1 - x)^(1/2) / (a B(a, 1/2)) F(a + 1/2, 1; a + 1; x), x near 0.
        x = share[far]
        series = special.hyp2f1(half + 0.5, 1.0, half + 1.0, x)
        log_x = -np.log1p(size[far] ** 2 / degrees_of_freedom)
        logarithm[far] = (
            half * log_x
            + 0.5 * np.log1p(-x)
            - np.log(half)
            - special.betaln(half, 0.5)
            + np.log(series)
            - np.log(2.0)
        )
    return np.asarray(np.where(t == 0, 0.0, -np.sign(t) * special.ndtri_exp(logarithm)))


class _Design:
    """What voxels are regressed on, and what that costs."""

    def __init__(
        self,
        signals: ArrayLike,
        confounds: ArrayLike | None,
        sample_mask: ArrayLike | None,
        standardize: bool,
    ) -> None:
        raw = as_signals(signals)
        self.keep = as_keep(sample_mask, len(raw))
        kept = raw[self.keep]
        nuisance = as_confounds(confounds, len(raw), self.keep)[self.keep]
        mean = np.full((len(kept), 1), 1 / np.sqrt(len(kept)))
        basis = confound_basis(scale_confounds(nuisance)[0])
        self.nuisance = np.hstack([mean, basis])
        finite = np.isfinite(kept).all(axis=0)
        centred = np.where(finite, kept - np.where(finite, kept.mean(axis=0), 0.0), 0.0)
        size = np.sqrt((centred**2).sum(axis=0) / max(len(kept) - 1, 1))
        own = project_out(centred, self.nuisance)
        floor = RANK_TOLERANCE * np.where(finite, np.abs(kept).max(axis=0, initial=0.0), 0.0)
        left = np.sqrt((own**2).mean(axis=0))
        self.lost = ~finite | (left <= floor)
        if standardize:
            own = own / np.where(self.lost, 1.0, size)
        self.basis, self.back = _factorised(own[:, ~self.lost])
        rank = self.basis.shape[1]
        self.degrees_of_freedom = len(kept) - self.nuisance.shape[1] - rank
        if self.degrees_of_freedom < 1 or not rank:
            msg = (
                f"Dual regression has no degree of freedom: {len(kept)} volumes are kept, "
                f"{rank} components and {self.nuisance.shape[1]} regressors with the mean are "
                "fitted; use fewer components or regressors, or leave the run out."
            )
            raise SignalError(msg)


class _Sums:
    """What one pass over the volumes adds up."""

    def __init__(self, design: _Design) -> None:
        self._design = design
        self._rows = np.hstack([design.basis, design.nuisance])
        self._number = -np.ones(design.keep.size, dtype=np.intp)
        self._number[design.keep] = np.arange(len(self._rows))
        self._n_seen = 0
        self._first = np.zeros(0)
        self._products = np.zeros((0, 0))
        self._squares = np.zeros(0)

    def add(self, block: NDArray[Any]) -> None:
        """Take volumes in."""
        if self._n_seen + len(block) > self._number.size:
            self._refuse("more")
        numbers = self._number[self._n_seen : self._n_seen + len(block)]
        self._n_seen += len(block)
        used = numbers >= 0
        if not used.any():
            return
        if not self._first.size:
            self._first = np.nan_to_num(
                block[int(np.argmax(used))].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0
            )
            self._products = np.zeros((self._rows.shape[1], self._first.size))
            self._squares = np.zeros(self._first.size)
        rows = self._rows[numbers[used]]
        for left in range(0, self._first.size, PIECE_VOXELS):
            piece = slice(left, left + PIECE_VOXELS)
            # Differences from the first volume keep the sums small: a mean of 10,000 would cancel
            # the digits of deviations of 10.
            values = block[used, piece].astype(np.float64) - self._first[piece]
            if not np.isfinite(values).all():
                np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            self._products[:, piece] += rows.T @ values
            self._squares[piece] += np.einsum("tv,tv->v", values, values)

    def solve(self) -> SubjectMaps:
        """Give the maps of what was taken in."""
        if self._n_seen != self._number.size:
            self._refuse(str(self._n_seen))
        design = self._design
        rank = design.basis.shape[1]
        own, nuisance = self._products[:rank], self._products[rank:]
        total = np.maximum(self._squares - (nuisance**2).sum(axis=0), 0.0)
        # Below this, what is left of a voxel is rounding.
        still = total <= self._number.size * np.finfo(np.float64).eps * self._squares
        effect = np.full((design.lost.size, total.size), np.nan)
        effect[~design.lost] = design.back @ own
        effect[:, still] = np.where(design.lost[:, None], np.nan, 0.0)
        errors = np.maximum(total - (own**2).sum(axis=0), 0.0)
        spread = np.full(design.lost.size, np.nan)
        spread[~design.lost] = np.sqrt((design.back**2).sum(axis=1))
        return SubjectMaps(
            effect,
            np.sqrt(errors / design.degrees_of_freedom),
            spread,
            design.degrees_of_freedom,
            design.lost,
        )

    def _refuse(self, found: str) -> None:
        """Say that volumes and signals do not belong together."""
        msg = (
            f"The image gave {found} volumes where the signals have {self._number.size}; give the "
            "signals of this very run, before any volume is censored."
        )
        raise SignalError(msg)


def _factorised(
    signals: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give an orthonormal U that spans S, and S^+ U: B is the second times U' Y."""
    scale = np.sqrt((signals**2).sum(axis=0))
    if not scale.size:
        return signals, signals.T
    u, values, vt = linalg.svd(signals / scale, full_matrices=False)
    # Signals that are combinations of others share what they explain (the minimum norm).
    rank = int((values > RANK_TOLERANCE * values[0]).sum())
    return u[:, :rank], (vt[:rank].T / values[:rank]) / scale[:, None]
