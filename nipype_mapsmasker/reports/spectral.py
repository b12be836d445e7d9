# SPDX-License-Identifier: Apache-2.0
"""
What the spectrum of a run's raw signals tells: how much is more than noise, and its pace.

Everything is compared with white noise that went the same way: drifts and confounds are removed,
volumes are left out, and what these steps would leave of white noise at each frequency is known
in closed form. Neither repetition time nor length nor censoring then moves what noise looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BAND", "Pace", "Power", "evidence", "find_pace", "mean_power", "signal_share"]

BAND = (0.01, 0.1)
"""Hz; where blood flow follows neural activity."""

FLOOR_FROM = 0.12
"""Hz; above, the haemodynamic response lets less than a tenth of its peak power through."""

DRIFT_SECONDS = 150.0
"""One more order of polynomial for each of these counts as drift, as in AFNI, and two at least."""

MAX_SIGNALS = 128
"""Of more signals, as many are looked at."""

MIN_VOLUMES = 20
"""Fewer have no spectrum worth the name."""

PACES = np.geomspace(0.01, 1.0, 61)
"""Hz; corners that are tried."""

PACE_FROM = 0.02
"""Hz; what is slower is drift as much as blood flow, and does not help to find the corner."""

STEEPNESS = 4
"""Power of the frequency with which the model falls beyond its corner."""

FALLS = (1.0, 2.0)
"""Powers of the frequency with which spectra without a corner fall: no repetition time shows."""

DOUBT = 2.0
"""Corners whose log likelihood is within this of the best one's are possible (95 %)."""

MIN_FREQUENCIES = 8
"""With fewer a spectrum has no shape."""

MIN_EVIDENCE = 8.0
"""A corner must explain the spectrum better than white noise by this much log likelihood."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Power:
    """
    Hold the mean spectrum of a run's signals.

    Parameters
    ----------
    frequencies : (F,) ndarray of float
        Hz, from 1 / duration to below the Nyquist frequency.
    power : (F,) ndarray of float
        Mean over signals, each scaled to variance 1.
    white : (F,) ndarray of float
        What drifts and confounds, once removed, leave of white noise: 1 for all of it.
    n_independent : float
        As many independent signals would scatter as much.
    """

    frequencies: Array
    power: Array
    white: Array
    n_independent: float


@dataclass(frozen=True)
class Pace:
    """
    Hold the frequency up to which the signals rise above white noise.

    Parameters
    ----------
    corner, lowest, highest : float
        Hz: the most likely one, and the bounds of what is possible.
    """

    corner: float
    lowest: float
    highest: float


def mean_power(
    signals: Array, keep: Array, t_r: float, confounds: Array | None = None
) -> Power | None:
    """
    Average the spectra of signals, drifts and confounds removed.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals of all volumes, not filtered.
    keep : (T,) ndarray of bool
        Kept volumes.
    t_r : float
        Repetition time in seconds.
    confounds : (T, C) ndarray of float, optional
        What else to remove, unless it is more than a third of the kept volumes.

    Returns
    -------
    Power or None
        None for fewer than `MIN_VOLUMES` kept volumes or no signal that varies.
    """
    n_kept = int(keep.sum())
    basis = _nuisance(keep, t_r, confounds)
    if n_kept < max(MIN_VOLUMES, 2 * basis.shape[1]):
        return None
    values = signals[keep]
    places = np.flatnonzero(np.isfinite(values).all(axis=0))
    places = places[:: -(-len(places) // MAX_SIGNALS) or 1]
    values = values[:, places].astype(np.float64)
    residual = values - basis @ (basis.T @ values)
    size = np.sqrt((residual**2).mean(axis=0))
    varies = size > 1e-9 * np.abs(values).max(axis=0, initial=0.0)
    if not varies.any():
        return None
    residual = residual[:, varies] / size[varies]
    gram = residual.T @ residual / n_kept
    frequencies, (power, lost) = _energies((residual, basis), keep, t_r)
    return Power(
        frequencies=frequencies,
        power=power / (2 * residual.shape[1]),
        # A wave of length 1 has two phases; what the basis holds of them is gone from noise, too.
        white=np.clip(1 - lost / 2, 0.02, 1.0),
        n_independent=float(np.trace(gram) ** 2 / (gram**2).sum()),
    )


def signal_share(power: Power) -> tuple[float, float] | None:
    r"""
    Tell how much of the power in `BAND` is more than white noise.

    .. math:: 1 - N / B, \quad B = \frac{\sum_{f \in band} P}{\sum_{f \in band} W}, \quad
              N = \mathrm{med}_{f \ge 0.12} P / W

    Parameters
    ----------
    power : Power
        The spectrum.

    Returns
    -------
    share, error : float
        The share; 0, give or take the error, for white noise. None where the Nyquist frequency
        or the duration leave too few frequencies inside or above the band.
    """
    low = (power.frequencies >= BAND[0]) & (power.frequencies <= BAND[1])
    high = power.frequencies >= FLOOR_FROM
    if low.sum() < 3 or high.sum() < 5:
        return None
    # Median over mean of a chi-squared variable (Wilson and Hilferty), two phases per signal.
    middle = (1 - 1 / (9 * power.n_independent)) ** 3
    floor = float(np.median((power.power / power.white)[high])) / middle
    inside = float(power.power[low].sum() / power.white[low].sum())
    # The variance of a median is pi / 2 times that of a mean.
    spread = 1 / power.white[low].sum() + np.pi / 2 / power.white[high].sum()
    return 1 - floor / inside, float(np.sqrt(spread / power.n_independent))


def find_pace(power: Power) -> Pace | None:
    r"""
    Find the corner of the spectrum by maximum likelihood (Whittle's).

    .. math:: E[P(f)] = W(f) \left( N + \frac{S}{1 + (f / f_c)^4} \right), \quad N, S \ge 0

    against white noise, and against spectra without a corner, N + S / f and N + S / f².

    Parameters
    ----------
    power : Power
        The spectrum.

    Returns
    -------
    Pace or None
        None where white noise, or a spectrum without a corner, explains the spectrum as well.
    """
    fits = _fits(power, PACE_FROM)
    if fits is None:
        return None
    corners, straight, white = fits[: len(PACES)], fits[len(PACES) : -1], fits[-1]
    if corners.max() < max(white + MIN_EVIDENCE, straight.max()):
        return None
    possible = PACES[corners >= corners.max() - DOUBT]
    return Pace(float(PACES[corners.argmax()]), float(possible[0]), float(possible[-1]))


def evidence(power: Power) -> float | None:
    """
    Tell by how much the spectrum is better explained by a corner, or a fall, than by white noise.

    Parameters
    ----------
    power : Power
        The spectrum.

    Returns
    -------
    float or None
        Log likelihood gained; None where there are too few frequencies.
    """
    fits = _fits(power, BAND[0])
    return None if fits is None else float(fits[:-1].max() - fits[-1])


def _fits(power: Power, lowest: float) -> Array | None:
    """Give the log likelihood of each shape from a frequency on; None with too few of them."""
    use = power.frequencies >= lowest
    if use.sum() < MIN_FREQUENCIES:
        return None
    fits = _likelihoods(power.frequencies[use], power.power[use], power.white[use])
    return np.asarray(fits * power.n_independent)


def _nuisance(keep: Array, t_r: float, confounds: Array | None) -> Array:
    """Give an orthonormal basis of drifts and confounds, on kept volumes."""
    time = np.linspace(-1, 1, len(keep))[keep]
    order = max(2, 1 + int(len(keep) * t_r / DRIFT_SECONDS))
    basis = np.polynomial.legendre.legvander(time, min(order, len(time) // 3))
    if confounds is not None and 3 * (confounds.shape[1] + order) < len(time):
        values = np.nan_to_num(confounds[keep])
        values = values - values.mean(axis=0)
        length = np.sqrt((values**2).sum(axis=0))
        basis = np.hstack([basis, values / np.where(length > 0, length, 1.0)])
    left, strength, _ = np.linalg.svd(basis, full_matrices=False)
    return np.asarray(left[:, strength > 1e-8 * strength.max(initial=0.0)])


def _energies(
    tables: tuple[Array, ...], keep: Array, t_r: float
) -> tuple[Array, tuple[Array, ...]]:
    """Sum over a table's columns the squares of their products with unit waves of either phase."""
    n_volumes = len(keep)
    natural = np.arange(1, (n_volumes - 1) // 2 + 1) / (n_volumes * t_r)
    if keep.all():
        waves = (np.fft.rfft(table, axis=0)[1 : len(natural) + 1] for table in tables)
        return natural, tuple((np.abs(wave) ** 2).sum(axis=1) * 2 / n_volumes for wave in waves)
    angle = 2 * np.pi * natural[:, np.newaxis] * (np.flatnonzero(keep) * t_r)
    cosine, sine = np.cos(angle), np.sin(angle)
    # The phase that makes both orthogonal on the times that are left.
    phase = np.arctan2((2 * sine * cosine).sum(axis=1), (cosine**2 - sine**2).sum(axis=1)) / 2
    turn, shift = np.cos(phase)[:, np.newaxis], np.sin(phase)[:, np.newaxis]
    energies = [np.zeros(len(natural)) for _ in tables]
    for wave in (cosine * turn + sine * shift, sine * turn - cosine * shift):
        norm = np.maximum((wave**2).sum(axis=1), 1e-3 * n_volumes)
        for energy, table in zip(energies, tables, strict=True):
            energy += ((wave @ table) ** 2).sum(axis=1) / norm
    return natural, tuple(energies)


def _likelihoods(frequencies: Array, power: Array, white: Array) -> Array:
    """Give the log likelihood of each corner, of each straight fall, and of white noise."""
    rolls = 1 / (1 + (frequencies / PACES[:, np.newaxis]) ** STEEPNESS)
    falls = (frequencies[0] / frequencies) ** np.array(FALLS)[:, np.newaxis]
    shapes = white * np.vstack([rolls, falls, np.zeros_like(frequencies)])
    model = np.broadcast_to(power.mean(), shapes.shape)
    # Weighted least squares, the weights from the last model: two unknowns, so in closed form.
    for _ in range(5):
        weights = 1 / model**2
        level, height = _two(white, shapes, power, weights)
        model = np.maximum(level[:, np.newaxis] * white + height[:, np.newaxis] * shapes, 1e-9)
    return np.asarray(-(np.log(model) + power / model).sum(axis=1))


def _two(white: Array, shapes: Array, power: Array, weights: Array) -> tuple[Array, Array]:
    """Solve for both heights, neither below zero."""
    aa = weights @ white**2
    bb = (weights * shapes**2).sum(axis=1)
    ab = (weights * shapes * white).sum(axis=1)
    ap, bp = weights @ (white * power), (weights * shapes * power).sum(axis=1)
    determinant = np.maximum(aa * bb - ab**2, 1e-12 * aa * np.maximum(bb, 1e-300))
    level, height = (ap * bb - bp * ab) / determinant, (bp * aa - ap * ab) / determinant
    alone = bp / np.where(bb > 0, bb, 1.0)
    height = np.where(level < 0, alone, height)
    level = np.where(height < 0, ap / aa, np.maximum(level, 0.0))
    return np.where(bb > 0, level, ap / aa), np.where(bb > 0, np.maximum(height, 0.0), 0.0)
