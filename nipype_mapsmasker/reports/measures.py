# SPDX-License-Identifier: Apache-2.0
"""Numbers that tell good signals from bad ones, from the arrays of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from nipype_mapsmasker.reports.results import RunResults

__all__ = [
    "LOST_COVERAGE",
    "MEASURES",
    "Measure",
    "clustered_order",
    "confound_correlations",
    "correlation_matrix",
    "detrended",
    "flat_columns",
    "lag_one",
    "run_measures",
    "spectrum",
    "upper_triangle",
]

LOST_COVERAGE = 0.05
"""A map with less of its weight on data than this counts as lost."""

N_FREQUENCIES = 120
"""Longest list of frequencies in a spectrum; neighbours are averaged to come down to it."""

DRIFT_SECONDS = 150.0
"""One more order of polynomial for each of these counts as drift."""

MAX_OPTIMAL_LEAVES = 200
"""Up to this many maps the leaves of the clustering are put in optimal order (cubic cost)."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Measure:
    """
    Describe one number of a run.

    Parameters
    ----------
    label : str
        For headings and axes.
    digits : int
        Decimals in tables; below 0, significant digits.
    worse : str
        'low', 'high' or 'both': which side of a cohort is suspicious.
    least : float
        Smallest distance from the cohort's median that is worth naming.
    meaning : str
        One sentence.
    """

    label: str
    digits: int
    worse: str
    least: float
    meaning: str


MEASURES: dict[str, Measure] = {
    "n_volumes": Measure("Volumes", 0, "both", 1, "Volumes of the image."),
    "kept_share": Measure("Kept", 2, "low", 0.1, "Share of the volumes that were kept."),
    "degrees_of_freedom": Measure(
        "Degrees of freedom", 0, "low", 5, "Kept volumes less what cleaning took."
    ),
    "min_coverage": Measure(
        "Lowest coverage", 2, "low", 0.1, "Smallest share of a map's weight that had data."
    ),
    "mean_coverage": Measure(
        "Mean coverage", 3, "low", 0.05, "Mean share of the maps' weight that had data."
    ),
    "r_squared": Measure(
        "R² of the fit",
        3,
        "both",
        0.05,
        "Median share of a volume's energy that the maps explain.",
    ),
    "smoothness": Measure(
        "Smoothness in time",
        2,
        "low",
        0.15,
        "Median lag-1 autocorrelation of the signals before cleaning, drifts removed; "
        "near 0 for mere noise.",
    ),
    "noise": Measure(
        "SD before cleaning",
        -4,
        "both",
        0.0,
        "Median standard deviation of the signals before cleaning, trend removed.",
    ),
    "mean_correlation": Measure(
        "Mean correlation", 3, "both", 0.1, "Mean correlation between cleaned signals."
    ),
    "similarity": Measure(
        "Similarity",
        2,
        "low",
        0.1,
        "Correlation of the run's correlation matrix with the cohort's mean.",
    ),
    "confounds_after": Measure(
        "Confounds left", 3, "high", 0.05, "Mean |correlation| of cleaned signals with confounds."
    ),
    "motion": Measure("Mean motion (mm)", 3, "high", 0.1, "Mean framewise displacement in mm."),
}
"""The numbers of a run, in the order of the cohort's table."""


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


def clustered_order(matrix: Array) -> list[int]:
    """
    Order maps so that those with like signals stand together.

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        Correlations.

    Returns
    -------
    list of int
        Leaves of average linkage on 1 - r; flat signals, which have no place, come last.
    """
    known = np.flatnonzero(np.isfinite(matrix).sum(axis=0) > 1)
    lost = [index for index in range(len(matrix)) if index not in set(known.tolist())]
    if len(known) < 3:
        return [*known.tolist(), *lost]
    distance = 1.0 - np.nan_to_num(matrix[np.ix_(known, known)])
    condensed = np.clip(upper_triangle((distance + distance.T) / 2), 0.0, 2.0)
    optimal = len(known) <= MAX_OPTIMAL_LEAVES
    tree = hierarchy.linkage(condensed, method="average", optimal_ordering=optimal)
    return [*known[hierarchy.leaves_list(tree)].tolist(), *lost]


def lag_one(signals: Array, keep: Array, t_r: float | None = None) -> Array:
    """
    Give each signal's lag-1 autocorrelation over kept neighbours, drifts removed.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals of all volumes.
    keep : (T,) ndarray of bool
        Kept volumes; a pair counts when both are.
    t_r : float, optional
        Repetition time in seconds; 2 s if it is not known.

    Returns
    -------
    (K,) ndarray of float
        NaN for flat signals and for fewer than 3 pairs.

    Notes
    -----
    A scanner's drift would make noise look smooth, hence polynomials of one order more for every
    `DRIFT_SECONDS` are removed first, as AFNI does.
    """
    pairs = keep[:-1] & keep[1:]
    flat = flat_columns(signals[keep])
    order = 1 + int(len(keep) * (t_r or 2.0) / DRIFT_SECONDS)
    if pairs.sum() < max(3, order + 2):
        return np.full(signals.shape[1], np.nan)
    time = np.linspace(-1, 1, len(keep))[keep]
    basis = np.linalg.qr(np.polynomial.legendre.legvander(time, order))[0]
    known = np.where(flat, 0.0, signals[keep]).astype(np.float64)
    residual = np.zeros(signals.shape)
    residual[keep] = known - basis @ (basis.T @ known)
    products = (residual[:-1] * residual[1:])[pairs].mean(axis=0)
    power = (residual[keep] ** 2).mean(axis=0)
    return np.where(flat, np.nan, products / np.where(power > 0, power, 1.0))


def spectrum(signals: Array, keep: Array, t_r: float) -> tuple[Array, Array]:
    """
    Estimate spectra in spite of censored volumes (Lomb and Scargle's periodogram).

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
    if n_natural < 1 or len(signals) < 3:
        return np.zeros(0), np.zeros((0, n_maps))
    residual = detrended(signals)
    times = np.flatnonzero(keep) * t_r
    natural = np.arange(1, n_natural + 1) / (n_volumes * t_r)
    angle = 2 * np.pi * natural[:, np.newaxis] * times
    # The phase that makes sine and cosine orthogonal on the times that are left.
    phase = np.arctan2(np.sin(2 * angle).sum(axis=1), np.cos(2 * angle).sum(axis=1)) / 2
    angle -= phase[:, np.newaxis]
    power = np.zeros((n_natural, n_maps))
    for wave in (np.cos(angle), np.sin(angle)):
        norm = (wave**2).sum(axis=1)
        usable = norm > 1e-8 * len(times)
        power[usable] += (wave[usable] @ residual) ** 2 / norm[usable, np.newaxis]
    edges = np.unique(np.linspace(0, n_natural, min(N_FREQUENCIES, n_natural) + 1).astype(int))
    starts = edges[:-1]
    counts = np.diff(edges)
    binned = np.add.reduceat(power, starts, axis=0)
    centres = np.add.reduceat(natural, starts) / counts
    total = binned.sum(axis=0)
    flat = flat_columns(signals) | ~(total > 0)
    return centres, np.where(flat, np.nan, binned / np.where(flat, 1.0, total))


def run_measures(run: RunResults) -> dict[str, float]:
    """
    Boil a run down to the numbers of the cohort's table.

    Parameters
    ----------
    run : RunResults
        The run.

    Returns
    -------
    dict of str to float
        By the names of `MEASURES`; those that cannot be known are left out.
    """
    keep = run.kept
    final = run.raw[keep] if run.cleaned is None else run.cleaned
    values: dict[str, float] = {
        "n_volumes": float(len(keep)),
        "kept_share": float(keep.mean()) if len(keep) else 0.0,
        "smoothness": _median(lag_one(run.raw, keep, run.t_r)),
        "noise": _median(np.where(flat_columns(run.raw), np.nan, _sd(run.raw[keep]))),
        "mean_correlation": _mean(upper_triangle(correlation_matrix(final))),
    }
    dof = run.summary.get("degrees_of_freedom")
    if dof is not None:
        values["degrees_of_freedom"] = float(dof)
    if run.coverage is not None and len(run.coverage):
        coverage = np.nan_to_num(run.coverage)
        values["min_coverage"] = float(coverage.min())
        values["mean_coverage"] = float(coverage.mean())
    if run.r_squared is not None:
        values["r_squared"] = _median(run.r_squared)
    if run.confounds is not None and run.cleaned is not None and run.confounds.shape[1]:
        left = confound_correlations(run.cleaned, run.confounds[keep])
        values["confounds_after"] = _mean(np.abs(left))
    if run.motion is not None:
        values["motion"] = _mean(run.motion)
    return {name: value for name, value in values.items() if np.isfinite(value)}


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
