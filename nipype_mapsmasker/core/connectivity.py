# SPDX-License-Identifier: Apache-2.0
"""
Connectomes: one matrix of what regions have in common, from the signals of one run.

A region without a signal (a lost map, a constant) has no connection: its row and column are NaN,
and all others are what they would be without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from nipype_mapsmasker.core.signal_inputs import as_signals
from nipype_mapsmasker.core.standardize import ZERO_FLOOR
from nipype_mapsmasker.errors import ParameterError, SignalError

__all__ = [
    "CORRELATIONS",
    "MEASURES",
    "Connectome",
    "Measure",
    "Shrinkage",
    "connectivity",
    "ledoit_wolf",
    "usable_signals",
]

Measure: TypeAlias = Literal["pearson", "partial", "precision", "covariance"]
"""What is measured between two regions."""

Shrinkage: TypeAlias = Literal["none", "ledoit-wolf"]
"""How a covariance is estimated: as it is, or pulled towards equal variances."""

MEASURES: tuple[Measure, ...] = ("pearson", "partial", "precision", "covariance")

CORRELATIONS: tuple[Measure, ...] = ("pearson", "partial")
"""Measures between -1 and 1, of which Fisher's z can be taken."""


@dataclass(frozen=True, eq=False)
class Connectome:
    """
    Hold one matrix and how it came about.

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        Symmetric; NaN in rows and columns of regions without signal.
    measure : {'pearson', 'partial', 'precision', 'covariance'}
        What it holds.
    fisher_z : bool
        Whether it holds arctanh of that; the diagonal is NaN then.
    shrinkage : float or None
        Weight of the target in a shrunk estimate; None where nothing was shrunk.
    n_volumes : int
        Volumes that went in.
    degrees_of_freedom : int
        What is left of them.
    lost : (K,) ndarray of bool
        Regions without signal.
    """

    matrix: NDArray[np.float64]
    measure: Measure
    fisher_z: bool
    shrinkage: float | None
    n_volumes: int
    degrees_of_freedom: int
    lost: NDArray[np.bool_]


def connectivity(
    signals: ArrayLike,
    measure: Measure = "pearson",
    *,
    shrinkage: Shrinkage = "none",
    fisher_z: bool = False,
    degrees_of_freedom: int | None = None,
) -> Connectome:
    r"""
    Measure what each two regions have in common.

    .. math:: \Sigma = \tfrac{1}{T} X^\top X, \quad
              r_{ij} = \frac{\Sigma_{ij}}{\sqrt{\Sigma_{ii} \Sigma_{jj}}}, \quad
              P = \Sigma^{-1}, \quad
              \rho_{ij} = -\frac{P_{ij}}{\sqrt{P_{ii} P_{jj}}}

    Parameters
    ----------
    signals : (T, K) array_like of float
        Cleaned signals. Volumes in which every region is NaN are left out.
    measure : {'pearson', 'partial', 'precision', 'covariance'}
        r, ρ, P or Σ of the equation, of centred signals X.
    shrinkage : {'none', 'ledoit-wolf'}
        Estimate Σ as it is, or shrunk.
    fisher_z : bool, default=False
        Give arctanh of a correlation; the diagonal has none.
    degrees_of_freedom : int, optional
        Independent observations that cleaning left; by default T - 1.

    Returns
    -------
    Connectome
        The matrix.

    Raises
    ------
    ParameterError
        The measure is unknown, or has no Fisher's z.
    SignalError
        Fewer than two volumes; or precision and partial correlation without shrinkage where no
        more degrees of freedom are left than regions, or where regions repeat one another.

    Notes
    -----
    nilearn: ``ConnectivityMeasure``, whose default shrinks; there 'correlation' of 60 volumes of
    20 regions is up to 0.21 away from Pearson's, a constant signal gets correlations of 0, and a
    NaN is an error for all. Covariances are divided by T, as there.

    Examples
    --------
    A region without signal changes nothing for the others.

    >>> rng = np.random.default_rng(0)
    >>> signals = rng.normal(size=(50, 3))
    >>> with_lost = np.column_stack([signals, np.full(50, np.nan)])
    >>> matrix = connectivity(with_lost).matrix
    >>> bool(np.array_equal(matrix[:3, :3], connectivity(signals).matrix))
    True
    >>> bool(np.isnan(matrix[3]).all())
    True
    """
    _check(measure, shrinkage, fisher_z)
    used, lost = usable_signals(signals)
    n_volumes, n_regions = used.shape
    freedom = n_volumes - 1 if degrees_of_freedom is None else degrees_of_freedom
    inverse = measure in ("partial", "precision")
    if inverse and shrinkage == "none" and freedom <= n_regions:
        msg = (
            f"{measure} needs more degrees of freedom than regions, and {freedom} are left of "
            f"{n_volumes} volumes for {n_regions} regions; take shrinkage='ledoit-wolf', a "
            "coarser atlas, or measure='pearson'."
        )
        raise SignalError(msg)
    weight: float | None = None
    used = used - used.mean(axis=0)  # first of all: a mean far above the deviation costs digits
    if measure == "pearson":
        # Scaled first, so that shrinking pulls towards independence, not towards equal variances.
        used = used / _deviation(used, ddof=1)
    if shrinkage == "ledoit-wolf":
        covariance, weight = ledoit_wolf(used)
    else:
        covariance = used.T @ used / n_volumes
    values = _measured(covariance, measure)
    values = (values + values.T) / 2  # to the last digit
    if fisher_z:
        values = _fisher(values)
    matrix = np.full((lost.size, lost.size), np.nan)
    matrix[np.ix_(~lost, ~lost)] = values
    return Connectome(matrix, measure, fisher_z, weight, n_volumes, freedom, lost)


def usable_signals(signals: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """
    Leave out volumes that hold nothing, and regions without a signal.

    Parameters
    ----------
    signals : (T, K) array_like of float
        Cleaned signals, NaN where there is no value.

    Returns
    -------
    used : (T', K') ndarray of float
        Finite signals that vary.
    lost : (K,) ndarray of bool
        Which regions are left out.

    Raises
    ------
    SignalError
        Fewer than two volumes are left.
    """
    values = as_signals(signals)
    values = values[~np.isnan(values).all(axis=1)] if values.shape[1] else values
    if values.shape[0] < 2:
        msg = f"Connectivity needs 2 volumes at least, and {values.shape[0]} hold signals."
        raise SignalError(msg)
    finite = np.isfinite(values).all(axis=0)
    varies = np.zeros(finite.size, dtype=np.bool_)
    size = np.abs(values[:, finite]).max(axis=0, initial=0.0)
    varies[finite] = np.ptp(values[:, finite], axis=0) > ZERO_FLOOR * size
    return values[:, varies], ~varies


def ledoit_wolf(signals: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    r"""
    Estimate a covariance, shrunk towards equal variances without covariance.

    .. math:: \hat\Sigma = (1 - \delta)\, \Sigma + \delta\, \tfrac{\mathrm{tr}\,\Sigma}{K} I

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Finite signals.

    Returns
    -------
    covariance : (K, K) ndarray of float
        The estimate.
    shrinkage : float
        The δ that is best on average.

    Notes
    -----
    scikit-learn: ``LedoitWolf``.

    References
    ----------
    Ledoit O, Wolf M. A well-conditioned estimator for large-dimensional covariance matrices.
    Journal of Multivariate Analysis 88:365-411, 2004.
    """
    n_volumes, n_regions = signals.shape
    centred = signals - signals.mean(axis=0)
    covariance = centred.T @ centred / n_volumes
    mean_variance = float(np.trace(covariance)) / max(n_regions, 1)
    squares = centred**2
    spread = float((squares.T @ squares).sum()) / n_volumes - float((covariance**2).sum())
    distance = float((covariance**2).sum()) - n_regions * mean_variance**2
    weight = 0.0
    if n_regions > 1 and distance > 0:
        weight = min(max(spread / n_volumes, 0.0), distance) / distance
    shrunk = (1 - weight) * covariance
    shrunk[np.diag_indices(n_regions)] += weight * mean_variance
    return shrunk, weight


def _check(measure: str, shrinkage: str, fisher_z: bool) -> None:
    """Refuse words that are not known."""
    if measure not in MEASURES:
        msg = f"measure must be one of {', '.join(map(repr, MEASURES))}; got {measure!r}."
        raise ParameterError(msg)
    if shrinkage not in ("none", "ledoit-wolf"):
        msg = f"shrinkage must be 'none' or 'ledoit-wolf'; got {shrinkage!r}."
        raise ParameterError(msg)
    if fisher_z and measure not in CORRELATIONS:
        msg = f"fisher_z is for correlations; {measure} has none: drop it, or take 'pearson'."
        raise ParameterError(msg)


def _deviation(signals: NDArray[np.float64], ddof: int) -> NDArray[np.float64]:
    """Give each column's standard deviation."""
    return np.asarray(signals.std(axis=0, ddof=ddof))


def _measured(covariance: NDArray[np.float64], measure: Measure) -> NDArray[np.float64]:
    """Turn a covariance into what is measured."""
    if measure == "covariance":
        return covariance
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    if measure == "pearson":
        return _with_ones(np.clip(correlation, -1.0, 1.0))
    # The correlation is inverted, so that the units of the regions decide nothing.
    precision = _inverse(correlation)
    if measure == "precision":
        return np.asarray(precision / np.outer(scale, scale))
    spread = np.sqrt(np.diag(precision))
    return _with_ones(np.clip(-precision / np.outer(spread, spread), -1.0, 1.0))


def _inverse(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert, unless regions repeat one another."""
    values, vectors = linalg.eigh(correlation)
    if values.size and values[0] <= values.size * np.finfo(np.float64).eps * values[-1]:
        msg = (
            f"The correlations of {values.size} regions have no inverse: some region is a "
            "combination of others to the last digit; take shrinkage='ledoit-wolf', leave it out, "
            "or take measure='pearson'."
        )
        raise SignalError(msg)
    return np.asarray((vectors / values) @ vectors.T)


def _with_ones(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Set the diagonal to exactly 1."""
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _fisher(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take arctanh where it is finite."""
    inside = np.abs(matrix) < 1
    return np.asarray(np.where(inside, np.arctanh(np.where(inside, matrix, 0.0)), np.nan))
