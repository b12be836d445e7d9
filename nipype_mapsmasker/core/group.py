# SPDX-License-Identifier: Apache-2.0
"""
What a group of connectomes tells: its mean, and how much head motion is left in it.

References
----------
.. [1] Ciric R et al. Benchmarking of participant-level confound regression strategies for the
   control of motion artifact in studies of functional connectivity. NeuroImage 154:174-187, 2017.
.. [2] Wang H-T et al. Continuous evaluation of denoising strategies in resting-state fMRI
   connectivity using fMRIPrep and Nilearn. PLOS Computational Biology 20:e1011942, 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "SIGNIFICANCE",
    "MotionEdges",
    "edges_of",
    "mean_connectome",
    "modularity",
    "motion_edges",
    "region_distances",
    "standardize_runs",
]

SIGNIFICANCE = 0.05
"""Below this probability an edge counts as bound to motion, as in the benchmarks cited."""

FEWEST_SUBJECTS = 4
"""Fewer subjects than this say nothing about a correlation across subjects."""


@dataclass(frozen=True, eq=False)
class MotionEdges:
    """
    Tell how connectivity goes with motion across subjects (QC-FC).

    Parameters
    ----------
    correlation : (E,) ndarray of float
        Of each edge with motion, over subjects; NaN where too few have it.
    probability : (E,) ndarray of float
        Two-sided, uncorrected.
    n_subjects : (E,) ndarray of int
        Subjects who have the edge.
    share_significant : float
        Share of edges with a probability below `SIGNIFICANCE`.
    share_significant_fdr : float
        The same with the false discovery rate held at that (Benjamini and Hochberg).
    median_absolute : float
        Median of absolute correlations.
    distance_dependence : float
        Rank correlation of ``correlation`` with the distance between regions; NaN without one.
    """

    correlation: NDArray[np.float64]
    probability: NDArray[np.float64]
    n_subjects: NDArray[np.int64]
    share_significant: float
    share_significant_fdr: float
    median_absolute: float
    distance_dependence: float


def edges_of(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Give the edges of connectomes, each once.

    Parameters
    ----------
    matrices : (N, K, K) ndarray of float
        Symmetric matrices.

    Returns
    -------
    (N, K (K - 1) / 2) ndarray of float
        Entries above the diagonal, row by row.

    Examples
    --------
    >>> edges_of(np.arange(9.0).reshape(1, 3, 3)).tolist()
    [[1.0, 2.0, 5.0]]
    """
    rows, columns = np.triu_indices(matrices.shape[-1], k=1)
    return np.asarray(matrices[..., rows, columns])


def mean_connectome(
    matrices: NDArray[np.float64], min_share: float = 0.5
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Average connectomes, over those that have the edge.

    Parameters
    ----------
    matrices : (N, K, K) ndarray of float
        One per subject; NaN where a region has no signal.
    min_share : float, default=0.5
        An edge that a smaller share of subjects has is NaN in the mean.

    Returns
    -------
    mean : (K, K) ndarray of float
        The mean.
    share : (K, K) ndarray of float
        Share of subjects who have each edge.

    Raises
    ------
    ParameterError
        The share is not one, or there is no matrix.

    Examples
    --------
    >>> two = np.array([[[1.0, 0.2], [0.2, 1.0]], [[1.0, np.nan], [np.nan, 1.0]]])
    >>> mean_connectome(two, min_share=0.5)[0][0].tolist()
    [1.0, 0.2]
    >>> mean_connectome(two, min_share=0.6)[0][0].tolist()
    [1.0, nan]
    """
    if not 0 <= min_share <= 1:
        msg = f"min_share is a share of subjects from 0 to 1; got {min_share!r}."
        raise ParameterError(msg)
    if not len(matrices):
        msg = "A mean connectome needs one matrix at least; got none."
        raise ParameterError(msg)
    there = np.isfinite(matrices)
    counts = there.sum(axis=0)
    share = counts / len(matrices)
    total = np.where(there, matrices, 0.0).sum(axis=0)
    kept = (counts > 0) & (share >= min_share)
    return np.where(kept, total / np.maximum(counts, 1), np.nan), share


def standardize_runs(runs: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """
    Put the runs of one subject one after the other, each standardised first.

    Parameters
    ----------
    runs : list of (T_i, K) ndarray of float
        Cleaned signals; NaN where a region or volume has none.

    Returns
    -------
    (sum of T_i, K) ndarray of float
        Signals of mean 0 and variance 1 within each run; NaN for a region that some run lacks.

    Notes
    -----
    Without, a run with larger signals, or another mean, would speak for the others.
    """
    parts = []
    for run in runs:
        used = run[~np.isnan(run).all(axis=1)]
        centred = used - used.mean(axis=0)
        deviation = centred.std(axis=0)
        size = np.abs(used).max(axis=0, initial=0.0)
        flat = ~(deviation > np.finfo(np.float64).eps * size)
        parts.append(np.where(flat, np.nan, centred / np.where(flat, 1.0, deviation)))
    whole = np.concatenate(parts)
    whole[:, np.isnan(whole).any(axis=0)] = np.nan
    return whole


def motion_edges(
    edges: NDArray[np.float64],
    motion: NDArray[np.float64],
    distances: NDArray[np.float64] | None = None,
) -> MotionEdges:
    """
    Correlate each edge with motion across subjects.

    Parameters
    ----------
    edges : (N, E) ndarray of float
        Connectivity of N subjects; NaN where one has no such edge.
    motion : (N,) ndarray of float
        Mean framewise displacement of each.
    distances : (E,) ndarray of float, optional
        Between the two regions of each edge, mm.

    Returns
    -------
    MotionEdges
        QC-FC, and what is told of it.

    Examples
    --------
    An edge that follows motion is found.

    >>> rng = np.random.default_rng(0)
    >>> motion = rng.random(30)
    >>> edges = rng.normal(size=(30, 200))
    >>> edges[:, :50] += 10 * motion[:, None]
    >>> found = motion_edges(edges, motion)
    >>> bool((found.probability[:50] < 0.05).all()), round(found.share_significant, 1)
    (True, 0.3)
    """
    there = np.isfinite(edges) & np.isfinite(motion)[:, None]
    counts = there.sum(axis=0)
    enough = counts >= FEWEST_SUBJECTS
    safe = np.maximum(counts, 1)
    left = np.where(there, edges, 0.0)
    right = np.where(there, motion[:, None], 0.0)
    left = np.where(there, left - left.sum(axis=0) / safe, 0.0)
    right = np.where(there, right - right.sum(axis=0) / safe, 0.0)
    size = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
    usable = enough & (size > 0)
    correlation = np.full(edges.shape[1], np.nan)
    products = (left * right).sum(axis=0)
    correlation[usable] = np.clip(products[usable] / size[usable], -1.0, 1.0)
    probability = _probability(correlation, counts)
    known = probability[usable]
    ranked = float("nan")
    if distances is not None:
        ranked = _rank_correlation(correlation, distances)
    nothing = not usable.any()
    return MotionEdges(
        correlation,
        probability,
        counts.astype(np.int64),
        float("nan") if nothing else float((known < SIGNIFICANCE).mean()),
        float("nan") if nothing else _share_below_fdr(known),
        float("nan") if nothing else float(np.median(np.abs(correlation[usable]))),
        ranked,
    )


def region_distances(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Give the distance between the regions of each edge.

    Parameters
    ----------
    centres : (K, 3) ndarray of float
        Centres of the regions, mm.

    Returns
    -------
    (K (K - 1) / 2,) ndarray of float
        In the order of `edges_of`, mm.
    """
    between = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=-1))
    return np.asarray(edges_of(between[None])[0])


def modularity(matrix: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
    r"""
    Find communities of regions, and how well they are apart.

    .. math:: Q = \frac{1}{2m} \sum_{ij} \left(A_{ij} - \frac{k_i k_j}{2m}\right)
              [c_i = c_j], \quad A_{ij} = \max(r_{ij}, 0)

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        A connectome; negative and missing edges count as none.

    Returns
    -------
    quality : float
        Q; NaN where there is no positive edge.
    communities : (K,) ndarray of int
        The community of each region.

    Notes
    -----
    The method of Louvain, with regions visited in their order, so that a connectome has one
    answer.

    References
    ----------
    Blondel VD et al. Fast unfolding of communities in large networks. Journal of Statistical
    Mechanics P10008, 2008.

    Examples
    --------
    Two pairs that share nothing.

    >>> quality, communities = modularity(np.kron(np.eye(2), np.ones((2, 2))))
    >>> quality, communities.tolist()
    (0.5, [0, 0, 1, 1])
    """
    weights = np.where(np.isfinite(matrix), np.maximum(matrix, 0.0), 0.0)
    np.fill_diagonal(weights, 0.0)
    total = float(weights.sum())
    communities = np.arange(len(matrix))
    if total <= 0:
        return float("nan"), communities.astype(np.int64)
    degrees = weights.sum(axis=0)
    gain = (weights - np.outer(degrees, degrees) / total) / total
    while True:
        labels = _move_regions(gain)
        n_found = int(labels.max()) + 1
        communities = labels[communities]
        if n_found == len(gain):
            break
        members = np.eye(n_found)[labels]
        gain = members.T @ gain @ members
    quality = float(np.trace(gain))
    # One community for all has a modularity of 0, but for rounding.
    return (0.0 if n_found == 1 else quality), communities.astype(np.int64)


def _move_regions(gain: NDArray[np.float64]) -> NDArray[np.intp]:
    """Move each node to the community that gains most, until none gains."""
    n_nodes = len(gain)
    labels = np.arange(n_nodes)
    moved = True
    while moved:
        moved = False
        for node in range(n_nodes):
            row = gain[node].copy()
            row[node] = 0.0
            gains = np.bincount(labels, weights=row, minlength=n_nodes)
            best = int(np.argmax(gains))
            if gains[best] > gains[labels[node]] + 1e-12:
                labels[node] = best
                moved = True
    return np.unique(labels, return_inverse=True)[1]


def _probability(
    correlation: NDArray[np.float64], counts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Give the two-sided probability of each correlation under independence."""
    freedom = np.maximum(counts - 2, 1)
    # P(|r| > x) of two independent normal variables is an incomplete beta function of 1 - x².
    from scipy import special  # here: workers that extract can do without

    value = special.betainc(freedom / 2, 0.5, np.nan_to_num(1 - correlation**2))
    return np.asarray(np.where(np.isnan(correlation), np.nan, value))


def _share_below_fdr(probability: NDArray[np.float64]) -> float:
    """Give the share of edges that are significant with a controlled false discovery rate."""
    ordered = np.sort(probability)
    levels = SIGNIFICANCE * np.arange(1, ordered.size + 1) / ordered.size
    below = np.flatnonzero(ordered <= levels)
    return 0.0 if not below.size else float(below[-1] + 1) / ordered.size


def _rank_correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Give Spearman's correlation of what both have."""
    from scipy import stats

    known = np.isfinite(left) & np.isfinite(right)
    if known.sum() < 3 or not np.ptp(left[known]) or not np.ptp(right[known]):
        return float("nan")
    return float(stats.spearmanr(left[known], right[known]).statistic)
