# SPDX-License-Identifier: Apache-2.0
"""
High-variance confounds of a run that is never in memory, by two passes over its volumes.

Pass 1 needs three sums per voxel to know its sum of squares after linear detrending; pass 2
gathers the few voxels that vary most, whose main time courses are the confounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from nipype_mapsmasker.core.standardize import detrend as remove_trend
from nipype_mapsmasker.core.variance import MeanSquares
from nipype_mapsmasker.errors import ParameterError, SignalError

__all__ = [
    "high_variance_confounds",
    "main_components",
    "mean_squares",
    "most_variable",
]

Blocks = Callable[[], Iterable[NDArray[Any]]]
"""Gives, each time it is called, a run's volumes from the first on, as (n, V) blocks."""


def high_variance_confounds(
    blocks: Blocks,
    n_volumes: int,
    *,
    n_confounds: int = 5,
    percentile: float = 2.0,
    detrend: bool = True,
    voxels: ArrayLike | None = None,
    squares: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    r"""
    Give the main time courses of the voxels that vary most.

    .. math:: S S^\top u_i = \lambda_i u_i, \quad
              S = \{x_v : \|x_v\|^2 > P_{100 - p}(\|x\|^2)\}

    Parameters
    ----------
    blocks : callable returning an iterable of (n, V) ndarray
        Called twice, or once with ``squares``; each time it gives the run's volumes in order, any
        n at a time, of any real type.
    n_volumes : int
        Number of volumes T.
    n_confounds : int, default=5
        How many time courses.
    percentile : float, default=2.0
        The p of the equation: share of voxels, in percent, that is looked at.
    detrend : bool, default=True
        Remove each voxel's mean and line first. Without, the voxels with the largest mean square
        are meant, mean included.
    voxels : (n_voxels,) array_like of int or bool or None, default=None
        Flat indices of the voxels in use, or booleans, one per voxel; None takes all V.
    squares : (V,) ndarray of float or None, default=None
        What `mean_squares` gives for the whole volumes and the same ``detrend``, where it is known
        already: the run is then read once, not twice.

    Returns
    -------
    (T, n_confounds) ndarray of float
        Orthonormal columns, the one that explains most first; the largest entry of each is
        positive.

    Raises
    ------
    ParameterError
        A parameter is out of its range.
    SignalError
        The blocks are not T volumes, or too few voxels vary to give that many confounds.

    Notes
    -----
    Memory: 40 bytes per voxel, and T x 8 bytes for each selected one. Voxels that are not finite
    in some volume are not used, neither as confounds nor for the percentile. nilearn:
    ``image.high_variance_confounds``, which holds the run in memory several times and leaves the
    sign of each confound to chance.

    References
    ----------
    Behzadi Y et al. A component based noise correction method (CompCor) for BOLD and perfusion
    based fMRI. NeuroImage 37:90-101, 2007.

    Examples
    --------
    One noisy voxel among still ones is the first confound, however the run is cut into blocks.

    >>> run = np.zeros((6, 100))
    >>> run[:, 7] = [0, 3, -1, -4, 2, 0]
    >>> whole = high_variance_confounds(lambda: [run], 6, n_confounds=1, detrend=False)
    >>> bool(np.allclose(whole[:, 0] * np.sqrt(30), -run[:, 7]))
    True
    >>> halves = high_variance_confounds(lambda: [run[:4], run[4:]], 6, n_confounds=1)
    >>> bool(np.allclose(halves, high_variance_confounds(lambda: [run], 6, n_confounds=1)))
    True
    """
    _check(n_volumes, n_confounds, percentile)
    indices = _as_indices(voxels)
    if squares is None:
        squares = mean_squares(blocks, n_volumes, detrend=detrend, voxels=indices)
    elif indices is not None:
        squares = squares[indices]
    selected = most_variable(squares, percentile)
    if not selected.size:
        msg = (
            f"No voxel lies above the {100 - percentile:g}th percentile of variance among "
            f"{squares.size} voxels, so that there are no high-variance confounds; is the image "
            "constant, or the mask empty?"
        )
        raise SignalError(msg)
    series = _gather(blocks, n_volumes, selected if indices is None else indices[selected])
    if detrend:
        series = remove_trend(series)
    return main_components(series, n_confounds)


def mean_squares(
    blocks: Blocks,
    n_volumes: int,
    *,
    detrend: bool = True,
    voxels: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    r"""
    Give each voxel's mean square over time, after linear detrending if wanted, in one pass.

    .. math:: \sum_t \tilde{x}_t^2 = \sum_t d_t^2 - \tfrac{1}{T} \left(\sum_t d_t\right)^2
              - \frac{\left(\sum_t (t - \bar{t})\, d_t\right)^2}{\sum_t (t - \bar{t})^2},
              \quad d_t = x_t - x_0

    Parameters
    ----------
    blocks : callable returning an iterable of (n, V) ndarray
        The run's volumes, in order.
    n_volumes : int
        Number of volumes T.
    detrend : bool, default=True
        False gives the plain mean square of the values.
    voxels : (n_voxels,) ndarray of int or None, default=None
        Flat indices of the voxels in use; None takes all V.

    Returns
    -------
    (n_voxels,) ndarray of float
        Mean squares; NaN for a voxel that is not finite in some volume.

    Raises
    ------
    SignalError
        The blocks are not T volumes of equal size.

    Notes
    -----
    Differences from the first volume keep the sums small: with means of 10,000 and deviations of
    10 the plain sums would cancel six digits.

    Examples
    --------
    A line has no variance left.

    >>> line = np.arange(4.0)[:, None]
    >>> mean_squares(lambda: [line], 4).tolist(), mean_squares(lambda: [line], 4, detrend=False)
    ([0.0], array([3.5]))
    """
    squares = MeanSquares(n_volumes, detrend=detrend, voxels=voxels)
    for _, block in _numbered(blocks, n_volumes):
        squares.add(block)
    return squares.finish()


def most_variable(squares: NDArray[np.float64], percentile: float) -> NDArray[np.intp]:
    """
    Pick the voxels whose mean square lies above a percentile.

    Parameters
    ----------
    squares : (n_voxels,) ndarray of float
        Mean squares, NaN for voxels that are not to be used.
    percentile : float
        Share of the voxels to pick, in percent.

    Returns
    -------
    (n_selected,) ndarray of int
        Sorted indices into ``squares``.

    Examples
    --------
    >>> most_variable(np.array([1.0, 5.0, np.nan, 2.0]), 50.0).tolist()
    [1]
    """
    if np.isnan(squares).all():
        return np.zeros(0, dtype=np.intp)
    threshold = np.nanpercentile(squares, 100.0 - percentile)
    return np.flatnonzero(squares > threshold)


def main_components(series: NDArray[np.float64], n_components: int) -> NDArray[np.float64]:
    r"""
    Give the orthonormal time courses that explain most of many series.

    .. math:: S = U\,\Sigma\,V^\top; \quad u_1 \ldots u_n

    Parameters
    ----------
    series : (T, n_series) ndarray of float
        The series, which are not centred here.
    n_components : int
        How many time courses.

    Returns
    -------
    (T, n_components) ndarray of float
        Left singular vectors by falling singular value; the largest entry of each is positive.

    Raises
    ------
    SignalError
        The series do not span that many dimensions.

    Notes
    -----
    From the eigenvectors of the smaller of S Sᵀ (T, T) and, by the singular value decomposition,
    S itself when there are fewer series than volumes.

    Examples
    --------
    The sign of the series does not matter.

    >>> series = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 0.5]])
    >>> bool(np.allclose(main_components(series, 2), main_components(-series, 2)))
    True
    """
    n_volumes, n_series = series.shape
    if n_series < n_volumes:
        vectors, values, _ = scipy.linalg.svd(series, full_matrices=False)
        powers = values**2
    else:
        powers, vectors = scipy.linalg.eigh(series @ series.T)
        powers, vectors = powers[::-1], vectors[:, ::-1]
    floor = max(series.shape) * np.finfo(np.float64).eps * max(float(powers[0]), 0.0)
    rank = int((powers > floor).sum())
    if rank < n_components:
        msg = (
            f"The {n_series} most variable voxels hold {rank} independent time courses over "
            f"{n_volumes} volumes, and n_confounds={n_components} were asked for; ask for fewer, "
            "or raise percentile."
        )
        raise SignalError(msg)
    components = vectors[:, :n_components]
    peaks = np.abs(components).argmax(axis=0)
    signs = np.sign(components[peaks, np.arange(n_components)])
    return np.ascontiguousarray(components * signs)


def _gather(blocks: Blocks, n_volumes: int, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Read the time courses of a few voxels."""
    series = np.empty((n_volumes, voxels.size))
    for start, block in _numbered(blocks, n_volumes):
        series[start : start + len(block)] = block[:, voxels]
    return series


def _numbered(blocks: Blocks, n_volumes: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Give each block with the number of its first volume; refuse more or fewer than T."""
    found = 0
    for block in blocks():
        if found + len(block) > n_volumes:
            found = -1
            break
        if len(block):
            yield found, block
        found += len(block)
    if found != n_volumes:
        msg = (
            f"The run gave {'too many' if found < 0 else found} volumes where "
            f"n_volumes={n_volumes} were promised; take n_volumes from the same image."
        )
        raise SignalError(msg)


def _as_indices(voxels: ArrayLike | None) -> NDArray[np.intp] | None:
    """Give flat indices of the voxels in use, from indices or booleans."""
    if voxels is None:
        return None
    array = np.asarray(voxels)
    if array.ndim != 1 or array.dtype.kind not in "biu" or not array.size:
        msg = (
            "voxels must be 1D flat indices or booleans, at least one; got shape "
            f"{array.shape} of type {array.dtype}."
        )
        raise ParameterError(msg)
    return np.flatnonzero(array) if array.dtype.kind == "b" else array.astype(np.intp)


def _check(n_volumes: int, n_confounds: int, percentile: float) -> None:
    """Refuse parameters out of range before anything is read."""
    # Checked as plain objects: what the annotations promise is what is being checked.
    count: object = n_confounds
    share: object = percentile
    if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
        msg = f"n_confounds must be a whole number of at least 1; got {n_confounds!r}."
        raise ParameterError(msg)
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < float(share) <= 100:
        msg = f"percentile must lie above 0 and not above 100; got {percentile!r}."
        raise ParameterError(msg)
    if n_confounds > n_volumes:
        msg = (
            f"n_confounds={n_confounds} confounds cannot be independent over {n_volumes} volumes; "
            "ask for fewer."
        )
        raise SignalError(msg)
