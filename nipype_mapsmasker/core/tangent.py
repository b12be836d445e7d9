# SPDX-License-Identifier: Apache-2.0
"""Tangent space: covariances of a group as steps from their geometric mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nipype_mapsmasker.errors import SignalError

__all__ = ["tangent_space"]

MEAN_ITERATIONS, MEAN_TOLERANCE = 30, 1e-7
"""Steps towards the geometric mean, and the gradient per entry at which it is reached."""


def tangent_space(
    covariances: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    r"""
    Give each covariance as a step from their geometric mean.

    .. math:: T_n = \log\left(G^{-1/2}\, \Sigma_n\, G^{-1/2}\right), \quad \sum_n T_n = 0

    Parameters
    ----------
    covariances : (N, K, K) ndarray of float
        Positive definite matrices, two at least.

    Returns
    -------
    mean : (K, K) ndarray of float
        The geometric mean G.
    tangents : (N, K, K) ndarray of float
        The steps.
    warnings : list of str
        Whether the mean was reached.

    Raises
    ------
    SignalError
        Fewer than two, or one that is not positive definite.

    Notes
    -----
    nilearn: ``ConnectivityMeasure(kind='tangent')``, whose steps and tolerance these are.

    References
    ----------
    Fletcher PT, Joshi S. Riemannian geometry for the statistical analysis of diffusion tensor
    data. Signal Processing 87:250-262, 2007.
    Varoquaux G et al. Detection of brain functional-connectivity difference in post-stroke
    patients using group-level covariance modeling. MICCAI 2010.
    """
    _check_definite(covariances)
    mean = covariances.mean(axis=0)
    step, best, reached = 1.0, np.inf, False
    for _ in range(MEAN_ITERATIONS):
        root, inverse_root = _roots(mean)
        logs = [_map_values(np.log, inverse_root @ one @ inverse_root) for one in covariances]
        gradient = np.mean(logs, axis=0)
        norm = float(linalg.norm(gradient))
        mean = root @ _map_values(np.exp, step * gradient) @ root
        if norm < best:
            best = norm
        elif norm > best:
            step /= 2
        if best / mean.size < MEAN_TOLERANCE:
            reached = True
            break
    _, inverse_root = _roots(mean)
    tangents = [_map_values(np.log, inverse_root @ one @ inverse_root) for one in covariances]
    warnings = []
    if not reached:
        warnings.append(
            f"The geometric mean of {len(covariances)} covariances was not reached in "
            f"{MEAN_ITERATIONS} steps: a gradient of {best / mean.size:.1g} per entry is left."
        )
    return mean, np.array(tangents), warnings


def _check_definite(covariances: NDArray[np.float64]) -> None:
    """Refuse fewer than two matrices, and those that have no logarithm."""
    if len(covariances) < 2:
        msg = f"Tangent space needs 2 covariances at least; got {len(covariances)}."
        raise SignalError(msg)
    for number, one in enumerate(covariances):
        smallest = linalg.eigvalsh(one)[0] if np.isfinite(one).all() else -1.0
        if smallest <= 0:
            msg = (
                f"Covariance {number} of {len(covariances)} is not positive definite, as tangent "
                "space needs: too few degrees of freedom for its regions; shrink it."
            )
            raise SignalError(msg)


def _roots(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the square root of a matrix and of its inverse."""
    values, vectors = linalg.eigh(matrix)
    roots = np.sqrt(values)
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T


def _map_values(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Apply a function to the eigenvalues of a symmetric matrix."""
    values, vectors = linalg.eigh(matrix)
    return np.asarray((vectors * function(values)) @ vectors.T)
