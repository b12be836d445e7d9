# SPDX-License-Identifier: Apache-2.0
r"""
Spectra of signals with gaps, without the leakage that gaps cause.

A periodogram of censored signals, Lomb and Scargle's included, is convolved with the spectrum of
the gaps: a few per cent of the power inside a pass band appear outside it. Here the gaps are
filled by the conditional mean of a stationary Gaussian process,

.. math:: \hat x_m = C_{mk} C_{kk}^{-1} x_k,

whose covariance C is that of the signals' own mean spectrum, found by a few rounds of expectation
and maximisation [1]_; the completed signals are tapered (Hann) and transformed. The variance that
filling cannot know, the diagonal of :math:`C_{mm} - C_{mk} C_{kk}^{-1} C_{km}`, is added as white.

References
----------
.. [1] Dempster AP, Laird NM, Rubin DB (1977). Maximum likelihood from incomplete data via the EM
   algorithm. Journal of the Royal Statistical Society B 39:1-38.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nipype_mapsmasker.reports.measures import detrended, flat_columns

__all__ = ["signal_spectra"]

N_FREQUENCIES = 120
"""Longest list of frequencies; neighbours are averaged to come down to it."""

N_ROUNDS = 6
"""Rounds of filling."""

LONGEST_FILLED = 1500
"""Longer runs are filled by straight lines: the covariance would cost more than the page."""

N_EXAMPLES = 48
"""Signals whose mean spectrum the covariance is made of."""

RIDGE = 1e-7
"""Share of the variance that is added to the covariance's diagonal, so that it can be inverted."""

Array = NDArray[Any]


def signal_spectra(signals: Array, keep: Array, t_r: float) -> tuple[Array, Array]:
    """
    Estimate the spectrum of each signal.

    Parameters
    ----------
    signals : (T_kept, K) ndarray of float
        Signals of the kept volumes; mean and straight line are removed first.
    keep : (T,) ndarray of bool
        Where these volumes stood.
    t_r : float
        Repetition time in seconds.

    Returns
    -------
    frequencies : (F,) ndarray of float
        In Hz, from 1 / duration to the Nyquist frequency, at most `N_FREQUENCIES`.
    power : (F, K) ndarray of float
        Share of the signal's variance at each frequency, columns summing to 1; NaN if flat.
    """
    n_volumes, n_maps = len(keep), signals.shape[1]
    n_natural = n_volumes // 2
    if n_natural < 1 or len(signals) < 4:
        return np.zeros(0), np.zeros((0, n_maps))
    flat = flat_columns(signals)
    residual = detrended(np.where(flat, 0.0, signals))
    scale = np.sqrt((residual**2).mean(axis=0))
    residual /= np.where(scale > 0, scale, 1.0)
    full, unknown = _filled(residual[:, ~flat], keep)
    power = np.zeros((n_natural, n_maps))
    power[:, ~flat] = _tapered_power(full, n_volumes)[:, 1 : n_natural + 1].T + unknown
    edges = np.unique(np.linspace(0, n_natural, min(N_FREQUENCIES, n_natural) + 1).astype(int))
    binned = np.add.reduceat(power, edges[:-1], axis=0)
    natural = np.arange(1, n_natural + 1) / (n_volumes * t_r)
    centres = np.add.reduceat(natural, edges[:-1]) / np.diff(edges)
    total = binned.sum(axis=0)
    flat = flat | ~(total > 0)
    return centres, np.where(flat, np.nan, binned / np.where(flat, 1.0, total))


def _filled(signals: Array, keep: Array) -> tuple[Array, float]:
    """Fill gaps; give the variance, summed over the gaps, that filling cannot know."""
    full = np.zeros((len(keep), signals.shape[1]))
    full[keep] = signals
    gaps = np.flatnonzero(~keep)
    if not gaps.size or not signals.shape[1]:
        return full, 0.0
    times = np.flatnonzero(keep)
    place = np.clip(np.searchsorted(times, gaps), 1, len(times) - 1)
    left, right = times[place - 1], times[place]
    weight = (np.clip((gaps - left) / (right - left), 0.0, 1.0))[:, np.newaxis]
    full[gaps] = (1 - weight) * full[left] + weight * full[right]
    if len(keep) > LONGEST_FILLED:
        return full, 0.0
    # A mean spectrum of some signals serves all.
    some = np.ascontiguousarray(full[:, :: -(-full.shape[1] // N_EXAMPLES)])
    given = some[keep]
    unknown, weights = 0.0, np.zeros((len(times), len(gaps)))
    for _ in range(N_ROUNDS):
        covariance = _covariance(some, unknown)
        known = covariance[np.ix_(times, times)]
        across = covariance[np.ix_(times, gaps)]
        known[np.diag_indices(len(times))] += RIDGE * covariance[0, 0]
        weights = linalg.solve(known, across, assume_a="pos", check_finite=False)
        some[gaps] = weights.T @ given
        left_over = covariance[gaps, gaps] - (across * weights).sum(axis=0)
        unknown = float(np.maximum(left_over, 0.0).sum())
    full[gaps] = weights.T @ signals
    return full, unknown


def _covariance(full: Array, unknown: float) -> Array:
    """Give the covariance of a process with the signals' mean spectrum."""
    n_volumes = len(full)
    # Twice the length, so that the end of a signal is not the neighbour of its start.
    power = _tapered_power(full, 2 * n_volumes).mean(axis=0) + unknown
    lags = np.fft.irfft(power, 2 * n_volumes)[:n_volumes] / n_volumes
    return linalg.toeplitz(lags)


def _tapered_power(full: Array, length: int) -> Array:
    """Transform tapered signals, one a row."""
    taper = np.hanning(len(full) + 2)[1:-1]
    taper /= np.sqrt((taper**2).mean())
    return np.abs(np.fft.rfft(np.ascontiguousarray(full.T) * taper, length, axis=1)) ** 2
