# SPDX-License-Identifier: Apache-2.0
"""Numbers that tell good signals from bad ones, from the arrays of one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.startup import find_spikes, find_startup
from nipype_mapsmasker.reports.measure_table import LOST_COVERAGE, MEASURES, Measure
from nipype_mapsmasker.reports.results import RunResults
from nipype_mapsmasker.reports.spectral import Power, find_pace, mean_power, signal_share

__all__ = [
    "LOST_COVERAGE",
    "MEASURES",
    "Measure",
    "confound_correlations",
    "correlation_matrix",
    "detrended",
    "flat_columns",
    "odd_volumes",
    "run_measures",
    "run_power",
    "upper_triangle",
]

Array = NDArray[Any]


def flat_columns(signals: Array) -> Array:
    """
    Find signals that do not vary.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals.

    Returns
    -------
    (K,) ndarray of bool
        Constant to within rounding, or not finite.
    """
    finite = np.isfinite(signals).all(axis=0)
    known = np.where(finite, signals, 0.0)
    spread = np.ptp(known, axis=0) if len(known) else np.zeros(signals.shape[1])
    floor = 1e-10 * np.abs(known).max(axis=0, initial=0.0)
    return ~finite | (spread <= floor)


def detrended(signals: Array) -> Array:
    """
    Remove mean and straight line.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals.

    Returns
    -------
    (T, K) ndarray of float
        What is left; columns with values that are not finite become zero.
    """
    finite = np.isfinite(signals).all(axis=0)
    centred = np.where(finite, signals, 0.0).astype(np.float64)
    if len(centred) < 2:
        return np.zeros_like(centred)
    centred -= centred.mean(axis=0)
    line = np.arange(len(centred)) - (len(centred) - 1) / 2
    return centred - np.outer(line, line @ centred / (line @ line))


def correlation_matrix(signals: Array) -> Array:
    """
    Correlate signals with one another.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals.

    Returns
    -------
    (K, K) ndarray of float
        Pearson's r; NaN in rows and columns of flat signals.
    """
    return _cross_correlation(signals, signals)


def confound_correlations(signals: Array, confounds: Array) -> Array:
    """
    Correlate confounds with signals.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals.
    confounds : (T, C) ndarray of float
        Confounds.

    Returns
    -------
    (C, K) ndarray of float
        Pearson's r; NaN where either is flat.
    """
    return _cross_correlation(confounds, signals)


def upper_triangle(matrix: Array) -> Array:
    """
    Take each pair of a symmetric matrix once.

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        A matrix.

    Returns
    -------
    1D ndarray of float
        The K (K - 1) / 2 values above the diagonal, NaN included.
    """
    return matrix[np.triu_indices(len(matrix), 1)]


def run_measures(
    run: RunResults, odd: tuple[Sequence[int], Sequence[int]] | None = None
) -> dict[str, float]:
    """
    Boil a run down to the numbers of the cohort's table.

    Parameters
    ----------
    run : RunResults
        The run.
    odd : tuple of sequence of int, optional
        From `odd_volumes`, where they are known already.

    Returns
    -------
    dict of str to float
        By the names of `MEASURES`; those that cannot be known are left out.
    """
    keep = run.kept
    raw = run.raw[keep]
    final = raw if run.cleaned is None else run.cleaned
    startup, spikes = odd_volumes(run) if odd is None else odd
    deviation = np.where(flat_columns(raw), np.nan, _sd(raw))
    values: dict[str, float] = {
        "n_volumes": float(len(keep)),
        "kept_share": float(keep.mean()) if len(keep) else 0.0,
        "startup_volumes": float(len(startup)),
        "spikes": float(len(spikes)),
        "noise": _median(deviation),
        "mean_correlation": _mean(upper_triangle(correlation_matrix(final))),
        **_spectral(run, startup, spikes),
    }
    if len(raw):
        level = np.abs(np.where(np.isfinite(deviation), raw, 0.0).mean(axis=0))
        # A line and nothing else leaves rounding errors, which are no noise.
        noisy = deviation > 1e-12 * level
        values["tsnr"] = _median(level[noisy] / deviation[noisy])
    for name in ("degrees_of_freedom", "confound_rank"):
        if run.summary.get(name) is not None:
            values[name] = float(run.summary[name])
    if run.coverage is not None and len(run.coverage):
        coverage = np.nan_to_num(run.coverage)
        values["min_coverage"] = float(coverage.min())
        values["mean_coverage"] = float(coverage.mean())
    if run.r_squared is not None:
        values["r_squared"] = _median(run.r_squared)
    if run.fluctuation_r_squared is not None:
        values["fluctuation_r_squared"] = run.fluctuation_r_squared
    if run.cleaned is not None:
        values["removed"] = _removed(raw, run.cleaned)
        if run.confounds is not None and run.confounds.shape[1]:
            left = confound_correlations(run.cleaned, run.confounds[keep])
            values["confounds_after"] = _mean(np.abs(left))
    if run.motion is not None:
        values["motion"] = _mean(run.motion)
    return {name: values[name] for name in MEASURES if np.isfinite(values.get(name, np.nan))}


def odd_volumes(run: RunResults) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """
    Find kept volumes that the signals themselves give away.

    Parameters
    ----------
    run : RunResults
        The run.

    Returns
    -------
    startup, spikes : tuple of int
        Volume numbers, from 0.

    Notes
    -----
    Volumes with a regressor of their own are as good as censored. Spikes that other confounds
    explain are looked through; start-up volumes are not, for they pull the regression with them.
    """
    good = run.kept.copy()
    confounds = None if run.cleaned is None else run.confounds
    if confounds is not None:
        good[_volumes_with_regressor(confounds, run.kept)] = False
    start = find_startup(run.raw, run.t_r, good)
    startup = tuple(volume for volume in range(start) if good[volume])
    good[:start] = False
    signals = run.raw if confounds is None else _without(run.raw, confounds, good)
    return startup, tuple(find_spikes(signals, good, start).tolist())


def _volumes_with_regressor(confounds: Array, keep: Array) -> Array:
    """Find volumes that are the only ones in which some confound is not zero."""
    marked = (np.nan_to_num(confounds) != 0) & keep[:, np.newaxis]
    alone = marked[:, marked.sum(axis=0) == 1]
    return np.flatnonzero(alone.any(axis=1))


def _without(signals: Array, confounds: Array, keep: Array) -> Array:
    """Take from kept volumes what confounds explain, unless they are half as many as these."""
    if not 0 < 2 * confounds.shape[1] < keep.sum():
        return signals
    values = np.hstack([np.ones((int(keep.sum()), 1)), np.nan_to_num(confounds[keep])])
    size = np.sqrt((values**2).sum(axis=0))
    left, strength, _ = np.linalg.svd(values / np.where(size > 0, size, 1.0), full_matrices=False)
    basis = left[:, strength > 1e-8 * strength[0]]
    flat = flat_columns(signals[keep])
    known = np.where(flat, 0.0, signals[keep])
    cleared = np.array(signals, dtype=np.float64)
    # A flat signal stays what it is: rounding must not make it vary.
    cleared[keep] = np.where(flat, signals[keep], known - basis @ (basis.T @ known))
    return cleared


def run_power(run: RunResults, odd: Sequence[int]) -> Power | None:
    """
    Give the spectrum of a run's raw signals, bad volumes left out.

    Parameters
    ----------
    run : RunResults
        The run.
    odd : sequence of int
        Kept volumes that are not to be used: those of `odd_volumes`, each of which would look
        like white noise.

    Returns
    -------
    Power or None
        None where there is none, or no repetition time.
    """
    if not run.t_r:
        return None
    keep = run.kept.copy()
    keep[list(odd)] = False
    return mean_power(run.raw, keep, run.t_r, run.confounds)


def _spectral(run: RunResults, startup: Sequence[int], spikes: Sequence[int]) -> dict[str, float]:
    """Tell signal from noise, and how fast the signal is, where the repetition time is known."""
    power = run_power(run, [*startup, *spikes])
    if power is None:
        return {}
    values = {}
    if (share := signal_share(power)) is not None:
        values["signal_share"], values["signal_error"] = share
    if (pace := find_pace(power)) is not None:
        values["pace"] = pace.corner
    return values


def _removed(raw: Array, cleaned: Array) -> float:
    """Give the median share of variance in which cleaned and raw signals differ."""
    after = _unit_norm(cleaned)
    # Raw signals that pass for cleaned ones may come with their trend, or without.
    shared = [(_unit_norm(before) * after).sum(axis=0) ** 2 for before in (raw, detrended(raw))]
    return max(0.0, 1.0 - _median(np.maximum(*shared))) if len(raw) > 2 else float("nan")


def _cross_correlation(rows: Array, columns: Array) -> Array:
    """Correlate the columns of two tables; NaN where one is flat."""
    left, right = (_unit_norm(table) for table in (rows, columns))
    return np.clip(left.T @ right, -1.0, 1.0)


def _unit_norm(signals: Array) -> Array:
    """Centre columns and give them length 1; flat ones become NaN."""
    flat = flat_columns(signals)
    centred = np.where(flat, 0.0, signals).astype(np.float64)
    if len(centred):
        centred -= centred.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    return np.where(flat, np.nan, centred / np.where(length > 0, length, 1.0))


def _sd(signals: Array) -> Array:
    """Give the standard deviation of detrended columns."""
    return np.sqrt((detrended(signals) ** 2).mean(axis=0)) if len(signals) else signals.sum(axis=0)


def _mean(values: Array) -> float:
    """Mean of the finite values, NaN if there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def _median(values: Array) -> float:
    """Median of the finite values, NaN if there are none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")
