# SPDX-License-Identifier: Apache-2.0
"""Detrend and standardise signals, column by column, without touching what is passed in."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["ZERO_FLOOR", "detrend", "magnitude", "percent_signal_change", "unit_of", "zscore"]

ZERO_FLOOR = 1e-12
"""A signal at or below this share of its original magnitude is round-off and counts as zero."""


def detrend(
    signals: NDArray[np.float64],
    kind: Literal["constant", "linear"] = "linear",
    *,
    times: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    r"""
    Remove each signal's mean, and its least-squares line over time.

    .. math:: \tilde{s} = s - \bar{s} - u\,(u^\top s), \quad u \propto t - \bar{t},\ \|u\| = 1

    Parameters
    ----------
    signals : (T, K) ndarray of float
        One signal per column.
    kind : {'constant', 'linear'}, default='linear'
        Remove the mean alone, or the mean and the line.
    times : (T,) ndarray of int or None, default=None
        The volume numbers t of the rows; None takes 0 to T - 1, that is no volume is left out.

    Returns
    -------
    (T, K) ndarray of float
        The residual; a single volume (T = 1) has no trend and is returned as it is.

    Notes
    -----
    nilearn: ``signal._detrend``, which takes the rows for the volume numbers even where volumes
    between them were censored: what drifts in time is then not a line, and stays.

    Examples
    --------
    Detrending is a projection: a line vanishes, and doing it twice changes nothing.

    >>> line = np.array([[1.0], [3.0], [5.0]])
    >>> float(abs(detrend(line)).max()) < 1e-15
    True
    >>> wave = np.array([[0.0], [1.0], [0.0], [-1.0], [0.0]])
    >>> once = detrend(wave)
    >>> bool(np.allclose(detrend(once), once))
    True
    """
    n_volumes = signals.shape[0]
    if n_volumes == 1:
        return signals.copy()
    residual = np.asarray(signals - signals.mean(axis=0))
    if kind == "linear":
        slope = np.arange(n_volumes) if times is None else times
        slope = slope - slope.mean()
        slope /= np.sqrt(slope @ slope)
        residual -= np.outer(slope, slope @ residual)
    return residual


def zscore(
    signals: NDArray[np.float64], *, ddof: int = 1, scale: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    r"""
    Give each signal zero mean and unit standard deviation.

    .. math:: z = (s - \bar{s}) \Big/ \sqrt{\textstyle\sum_t (s_t - \bar{s})^2 / (T - d)}

    Parameters
    ----------
    signals : (T, K) ndarray of float
        One signal per column.
    ddof : int, default=1
        The d of the equation: 0 is 'zscore', 1 is 'zscore_sample'.
    scale : (K,) ndarray of float or None, default=None
        Magnitude of each signal before it was cleaned; None takes the signals' own.

    Returns
    -------
    standardized : (T, K) ndarray of float
        The result; signals that count as zero (see Notes) are exactly 0.
    flat : (K,) ndarray of bool
        Which signals count as zero.

    Notes
    -----
    A standard deviation of at most `ZERO_FLOOR` times ``scale`` is round-off, and dividing by it
    would turn that round-off into a signal of unit variance. The floor follows the signal's own
    units; nilearn compares with an absolute 2.2e-16, so that what is left of a constant of 10,000
    is blown up to noise and a signal stored in very small units is not standardised at all.

    Examples
    --------
    The result does not know the units.

    >>> signals = np.array([[1.0, 1e-20], [2.0, 2e-20], [4.0, 4e-20]])
    >>> result, flat = zscore(signals)
    >>> bool(np.allclose(result[:, 0], result[:, 1])), flat.tolist()
    (True, [False, False])
    """
    original = magnitude(signals) if scale is None else scale
    # Squares of 1e200 overflow, those of 1e-200 vanish; by powers of two no digit changes.
    unit = unit_of(original)
    signals, original = signals / unit, original / unit
    centred = signals - signals.mean(axis=0)
    deviation = centred.std(axis=0, ddof=ddof)
    flat = deviation <= ZERO_FLOOR * original
    centred[:, flat] = 0.0
    return centred / np.where(flat, 1.0, deviation), flat


def percent_signal_change(
    signals: NDArray[np.float64],
    baseline: NDArray[np.float64],
    scale: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    r"""
    Express each signal in percent of its baseline.

    .. math:: p = 100\,(s - \bar{s}) / |b|

    Parameters
    ----------
    signals : (T, K) ndarray of float
        One signal per column.
    baseline : (K,) ndarray of float
        The b of the equation: each region's own mean over the kept volumes, before cleaning.
    scale : (K,) ndarray of float or None, default=None
        Magnitude of each signal before it was cleaned; None takes the baseline's and the
        signals' own, whichever is larger.

    Returns
    -------
    percent : (T, K) ndarray of float
        The result; columns without a baseline are exactly 0.
    undefined : (K,) ndarray of bool
        Which baselines count as zero (at most `ZERO_FLOOR` times ``scale``).

    Notes
    -----
    nilearn divides by the mean *after* cleaning, and falls back on the original mean when the
    mean over all regions has dropped to a tenth: one lost region (NaN) or one region with another
    history changes the units of all others.

    Examples
    --------
    Doubling the signal and its baseline changes nothing.

    >>> signals = np.array([[99.0, 198.0], [101.0, 202.0]])
    >>> percent_signal_change(signals, signals.mean(axis=0))[0]
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    if scale is None:
        scale = np.maximum(magnitude(signals), np.abs(baseline))
    undefined = np.abs(baseline) <= ZERO_FLOOR * scale
    percent = np.asarray(signals - signals.mean(axis=0))
    percent /= np.where(undefined, 1.0, np.abs(baseline))
    percent *= 100.0
    percent[:, undefined] = 0.0
    return percent, undefined


def magnitude(signals: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Give the largest absolute value of each signal.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        One signal per column.

    Returns
    -------
    (K,) ndarray of float
        Magnitudes, in the signals' units; 0 without any volume.
    """
    return np.asarray(np.abs(signals).max(axis=0, initial=0.0))


def unit_of(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Give the power of two at or below each size, to bring numbers of any unit near 1 exactly.

    Parameters
    ----------
    size : (K,) ndarray of float
        Magnitudes, none of them negative.

    Returns
    -------
    (K,) ndarray of float
        Powers of two; 1 for a size of zero.

    Examples
    --------
    >>> unit_of(np.array([0.0, 1.0, 5.0])).tolist()
    [1.0, 1.0, 4.0]
    """
    exponent = np.where(size > 0, np.frexp(size)[1] - 1, 0)
    return np.asarray(np.ldexp(1.0, np.maximum(exponent, -1000)))
