# SPDX-License-Identifier: Apache-2.0
"""Cleaned signals with a row for every volume, censored ones included."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["OutputType", "fill_censored"]

OutputType: TypeAlias = Literal["censored", "interpolated", "nan"]
"""What becomes of censored volumes: left out, filled in, or NaN."""


def fill_censored(
    cleaned: NDArray[np.float64], keep: NDArray[np.bool_], output_type: OutputType
) -> NDArray[np.float64]:
    """
    Give signals a row for every volume.

    Parameters
    ----------
    cleaned : (n_kept, K) ndarray of float
        Signals of the kept volumes.
    keep : (T,) ndarray of bool
        Which volumes those are.
    output_type : {'censored', 'interpolated', 'nan'}
        'interpolated' draws a cubic spline through the kept volumes, and continues the first and
        the last of them beyond both ends; 'nan' leaves gaps; 'censored' gives ``cleaned``.

    Returns
    -------
    (T, K) ndarray of float
        (n_kept, K) for 'censored'. Kept volumes hold what they held.

    Examples
    --------
    >>> kept = np.array([[1.0], [2.0], [4.0], [5.0]])
    >>> keep = np.array([False, True, True, False, True, True])
    >>> fill_censored(kept, keep, "interpolated").round(12).ravel().tolist()
    [1.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    >>> fill_censored(kept, keep, "nan").ravel().tolist()
    [nan, 1.0, 2.0, nan, 4.0, 5.0]
    """
    if output_type == "censored":
        return cleaned
    whole = np.full((keep.size, cleaned.shape[1]), np.nan)
    whole[keep] = cleaned
    if output_type == "nan" or keep.all():
        return whole
    places = np.flatnonzero(keep)
    whole[: places[0]] = cleaned[0]
    whole[places[-1] + 1 :] = cleaned[-1]
    holes = np.flatnonzero(~keep)
    holes = holes[(holes > places[0]) & (holes < places[-1])]
    present = np.isfinite(cleaned).all(axis=0)
    if holes.size and present.any():
        from scipy import interpolate  # a third of a second, in every worker

        spline = interpolate.CubicSpline(places, cleaned[:, present], axis=0)
        whole[np.ix_(holes, np.flatnonzero(present))] = spline(holes)
    return whole
