# SPDX-License-Identifier: Apache-2.0
"""Signals, confounds and sample masks as they arrive, checked and brought to one form."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nipype_mapsmasker.errors import SignalError

__all__ = ["as_confounds", "as_keep", "as_signals", "listed"]


def as_keep(sample_mask: ArrayLike | None, n_volumes: int) -> NDArray[np.bool_]:
    """
    Turn a sample mask of either kind into booleans.

    Parameters
    ----------
    sample_mask : (T,) array_like of bool, (n_kept,) array_like of int or None
        Booleans, True for a kept volume; or the sorted indices of the kept volumes; or None.
    n_volumes : int
        Number of volumes T.

    Returns
    -------
    (T,) ndarray of bool
        True for a volume that is kept.

    Raises
    ------
    SignalError
        It is neither of the two, or keeps nothing.

    Notes
    -----
    Zeros and ones are indices here, and refused as such because they repeat: whether they stand
    for booleans cannot be told from an array. nilearn takes them as the volumes 0 and 1.

    Examples
    --------
    All kinds say the same.

    >>> as_keep([0, 2], 3).tolist() == as_keep([True, False, True], 3).tolist()
    True
    >>> as_keep([0.0, 2.0], 3).tolist()  # as np.loadtxt gives numbers
    [True, False, True]
    """
    if sample_mask is None:
        return np.ones(n_volumes, dtype=np.bool_)
    mask = np.asarray(sample_mask)
    if mask.dtype.kind == "f" and (mask == np.rint(mask)).all():
        mask = mask.astype(np.int64)
    if mask.ndim != 1 or (mask.size and mask.dtype.kind not in "biu"):
        msg = (
            f"sample_mask must be 1D, booleans or integer indices; got {mask.ndim}D of type "
            f"{mask.dtype}: convert it with astype(bool), or give the indices of kept volumes."
        )
        raise SignalError(msg)
    if mask.dtype.kind == "b":
        if mask.size != n_volumes:
            msg = (
                f"sample_mask has {mask.size} booleans for {n_volumes} volumes; give one per "
                "volume of the run."
            )
            raise SignalError(msg)
        keep = mask.astype(np.bool_)
    else:
        indices = mask.astype(np.int64)
        _check_indices(indices, n_volumes)
        keep = np.zeros(n_volumes, dtype=np.bool_)
        keep[indices] = True
    if not keep.any():
        msg = f"sample_mask keeps none of the {n_volumes} volumes; nothing is left to clean."
        raise SignalError(msg)
    return keep


def as_signals(signals: ArrayLike) -> NDArray[np.float64]:
    """
    Give signals as a float64 array of two dimensions, or refuse them.

    Parameters
    ----------
    signals : (T, K) array_like of float
        One column per region, of any real type.

    Returns
    -------
    (T, K) ndarray of float
        A copy, which may be written to.

    Raises
    ------
    SignalError
        It has not two dimensions, no volume, or holds other things than real numbers.
    """
    array = np.asarray(signals)
    if array.ndim != 2 or array.dtype.kind not in "iuf" or not array.shape[0]:
        msg = (
            "signals must be a (T, K) array of real numbers with at least one volume; got shape "
            f"{array.shape} of type {array.dtype}: give one column per region."
        )
        raise SignalError(msg)
    return array.astype(np.float64)


def as_confounds(
    confounds: ArrayLike | None, n_volumes: int, keep: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """
    Give confounds as a float64 array of two dimensions, or refuse them.

    Parameters
    ----------
    confounds : (T, C) or (T,) array_like of float or None
        One column per confound; booleans may flag volumes.
    n_volumes : int
        Number of volumes T.
    keep : (T,) ndarray of bool
        Which volumes are kept; only there must confounds be finite.

    Returns
    -------
    (T, C) ndarray of float
        A copy; C = 0 for None.

    Raises
    ------
    SignalError
        Another shape, another length, not numbers, or not finite where volumes are kept.
    """
    if confounds is None:
        return np.zeros((n_volumes, 0))
    array = np.asarray(confounds)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        msg = (
            "confounds must be a (T, C) array of real numbers; got shape "
            f"{np.shape(confounds)} of type {array.dtype}: give one column per confound."
        )
        raise SignalError(msg)
    if array.shape[0] != n_volumes:
        msg = (
            f"confounds have {array.shape[0]} rows for {n_volumes} volumes; give one row per "
            "volume of the run, censored ones included."
        )
        raise SignalError(msg)
    array = array.astype(np.float64)
    broken = ~np.isfinite(array[keep]).all(axis=0)
    if broken.any():
        msg = (
            f"confounds hold NaN or infinite values in column {listed(broken)} at volumes that "
            "are kept; fill them, censor those volumes, or leave the column out."
        )
        raise SignalError(msg)
    return array


def _check_indices(indices: NDArray[np.int64], n_volumes: int) -> None:
    """Refuse indices that repeat, are unsorted, or lie outside the run."""
    if indices.size and (indices.min() < 0 or indices.max() >= n_volumes):
        outside = indices[(indices < 0) | (indices >= n_volumes)][0]
        msg = (
            f"sample_mask holds the index {outside}, but the run's {n_volumes} volumes are "
            f"numbered 0 to {n_volumes - 1}; give indices of volumes of this run."
        )
        raise SignalError(msg)
    if (np.diff(indices) <= 0).any():
        hint = ""
        if indices.size == n_volumes and set(indices.tolist()) <= {0, 1}:
            hint = "; these look like 0/1 flags: convert them with astype(bool)"
        msg = f"sample_mask indices must be sorted and without repetition{hint}."
        raise SignalError(msg)


def listed(flags: NDArray[np.bool_], most: int = 5) -> str:
    """
    Name the first few columns that are flagged.

    Parameters
    ----------
    flags : (K,) ndarray of bool
        One per column.
    most : int, default=5
        How many to name.

    Returns
    -------
    str
        Their numbers, for a message.

    Examples
    --------
    >>> listed(np.array([True, False, True]))
    '0, 2'
    """
    numbers = np.flatnonzero(flags)
    return ", ".join(map(str, numbers[:most])) + (", ..." if numbers.size > most else "")
