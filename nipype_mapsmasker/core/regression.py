# SPDX-License-Identifier: Apache-2.0
"""Confound regression: project signals on what confounds cannot explain (Friston et al. 1994)."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from nipype_mapsmasker.core.standardize import ZERO_FLOOR, magnitude, unit_of, zscore

__all__ = ["RANK_TOLERANCE", "confound_basis", "project_out", "scale_confounds"]

RANK_TOLERANCE = 1e-10
"""A pivot of the confounds' QR below this share of the largest one adds no direction."""


def scale_confounds(
    confounds: NDArray[np.float64],
    *,
    standardize: bool = True,
    scale: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """
    Bring confounds to comparable sizes, so that their rank can be told.

    Parameters
    ----------
    confounds : (T, C) ndarray of float
        One confound per column.
    standardize : bool, default=True
        True: zero mean, unit sample standard deviation. False: divided by a power of two near
        the largest absolute value, which keeps a constant a constant and every digit of what is
        small beside it. A single volume (T = 1) is never standardised.
    scale : (C,) ndarray of float or None, default=None
        Magnitude of each confound before it was detrended or filtered; None takes its own.

    Returns
    -------
    scaled : (T, C) ndarray of float
        The result; a confound that counts as zero is exactly 0.
    flat : (C,) ndarray of bool
        Which confounds count as zero: at most `ZERO_FLOOR` of ``scale`` is left of them.

    Examples
    --------
    A constant vanishes when standardised and stays when it is not.

    >>> constant = np.full((3, 1), 1234.5)
    >>> scale_confounds(constant)[0].ravel().tolist()
    [0.0, 0.0, 0.0]
    >>> scale_confounds(constant, standardize=False)[0].ravel().tolist()
    [1.20556640625, 1.20556640625, 1.20556640625]
    """
    if standardize and confounds.shape[0] > 1:
        return zscore(confounds, ddof=1, scale=scale)
    largest = np.abs(confounds).max(axis=0, initial=0.0)
    flat = largest <= ZERO_FLOOR * (largest if scale is None else scale)
    scaled = confounds / unit_of(largest)
    scaled[:, flat] = 0.0
    return scaled, flat


def confound_basis(
    confounds: NDArray[np.float64], tolerance: float = RANK_TOLERANCE
) -> NDArray[np.float64]:
    r"""
    Give an orthonormal basis of the space that the confounds span.

    .. math:: C = u a^\top + D, \quad D P = Q R, \quad
              \text{keep } q_i \text{ with } |R_{ii}| > \tau\,|R_{00}|

    Parameters
    ----------
    confounds : (T, C) ndarray of float
        One confound per column, any number of them, dependent or not.
    tolerance : float, default=RANK_TOLERANCE
        The tau of the equation.

    Returns
    -------
    (T, r) ndarray of float
        Orthonormal columns; r is the rank, 0 for confounds that are all zero.

    Notes
    -----
    The means a (u is the constant of norm 1) are split off first and every column of D is brought
    to norm 1: beside a mean of 3e10 deviations the deviations themselves would count as nothing.
    Householder QR with column pivoting: \|R_ii\| falls with i. nilearn keeps columns whose
    \|R_ii\| exceeds an absolute 2.2e-14, which is less than the round-off of ordinary confounds:
    a column given twice can cost a second, random, degree of freedom.

    References
    ----------
    Golub GH, Van Loan CF. Matrix Computations, section 5.4 (QR with column pivoting).

    Examples
    --------
    Units and copies do not change the space.

    >>> ramp = np.arange(4.0)[:, None]
    >>> confound_basis(np.hstack([ramp, 1e-6 * ramp, ramp])).shape
    (4, 1)
    """
    n_volumes = confounds.shape[0]
    if not confounds.size:
        return np.zeros((n_volumes, 0))
    confounds = confounds / unit_of(magnitude(confounds))
    constant = np.full(n_volumes, 1.0 / np.sqrt(n_volumes))
    means = constant @ confounds
    parts = confounds - np.outer(constant, means)
    left_over = constant @ parts  # the rounding of a large mean is a mean again
    means, parts = means + left_over, parts - np.outer(constant, left_over)
    sizes = np.sqrt((parts**2).sum(axis=0))
    # What is round-off of the mean is no deviation.
    flat = sizes <= ZERO_FLOOR * np.abs(means)
    parts[:, flat] = 0.0
    sizes = np.where(flat, np.where(means == 0, 1.0, np.abs(means)), sizes)
    within, triangle = _pivoted(parts / sizes, tolerance)
    levels = means / sizes
    levels[np.abs(levels) <= tolerance] = 0.0
    if not levels.any():
        return within
    return _with_means(within, triangle, levels, constant, tolerance)


def _pivoted(
    columns: NDArray[np.float64], tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give an orthonormal basis (T, r) of columns of norm 1 or 0, and R (r, C) with Q R = them."""
    orthonormal, triangle, order = scipy.linalg.qr(columns, mode="economic", pivoting=True)
    pivots = np.abs(np.diag(triangle))
    rank = int((pivots > tolerance * pivots[0]).sum())
    unsorted = np.empty((rank, columns.shape[1]))
    unsorted[:, order] = triangle[:rank]
    return np.asarray(orthonormal[:, :rank], dtype=np.float64), unsorted


def _with_means(
    within: NDArray[np.float64],
    triangle: NDArray[np.float64],
    levels: NDArray[np.float64],
    constant: NDArray[np.float64],
    tolerance: float,
) -> NDArray[np.float64]:
    """Give a basis of the columns ``constant levels + within triangle``."""
    # The constant belongs to the span unless the levels follow from the deviations: l = w' R.
    weights = scipy.linalg.lstsq(triangle.T, levels)[0] if within.shape[1] else np.zeros(0)
    rounding = tolerance * (1.0 + np.abs(levels))
    rounding += 100 * np.finfo(np.float64).eps * np.linalg.norm(weights)
    whole = np.hstack([constant[:, None], within])
    if (np.abs(levels - weights @ triangle) > rounding).any():
        return whole
    # Then the span is all of [u Q] but one direction, (1, -w), which a reflection takes out.
    away = np.concatenate([[1.0], -weights])
    rest = scipy.linalg.null_space((away / np.linalg.norm(away))[None])
    return np.asarray(whole @ rest, dtype=np.float64)


def project_out(signals: NDArray[np.float64], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""
    Remove from signals all that a basis explains.

    .. math:: \tilde{S} = S - Q\,(Q^\top S)

    Parameters
    ----------
    signals : (T, K) ndarray of float
        One signal per column.
    basis : (T, r) ndarray of float
        Orthonormal columns, from `confound_basis`.

    Returns
    -------
    (T, K) ndarray of float
        The residual of the least-squares fit.

    References
    ----------
    Friston KJ et al. Statistical parametric maps in functional imaging: a general linear
    approach. Human Brain Mapping 2:189-210, 1994.

    Examples
    --------
    The residual is orthogonal to the basis.

    >>> basis = confound_basis(np.array([[1.0], [1.0], [1.0]]))
    >>> residual = project_out(np.array([[1.0], [2.0], [6.0]]), basis)
    >>> float(abs(basis.T @ residual).max()) < 1e-14
    True
    """
    return signals - basis @ (basis.T @ signals)
