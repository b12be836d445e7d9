# SPDX-License-Identifier: Apache-2.0
"""What a stored type has rounded off numbers, for decisions that must not rest on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["epsilon", "left_off"]


def epsilon(dtype: np.dtype[Any]) -> float:
    """
    Give the relative distance between neighbouring numbers of a type that is narrow.

    Parameters
    ----------
    dtype : dtype
        Any numeric type.

    Returns
    -------
    float
        0 for integers, which are exact, and for float64, the type of all arithmetic.
    """
    return float(np.finfo(dtype).eps) if dtype.kind == "f" and dtype.itemsize < 8 else 0.0


def left_off(values: NDArray[np.float64], rounding: tuple[float, float]) -> float:
    """
    Give the norm of what rounding leaves off a map, relative to the map's own.

    Parameters
    ----------
    values : (N,) ndarray of float
        The map's weights that are not zero.
    rounding : tuple of float
        Relative distance between neighbouring numbers, and absolute one: what is left off is
        uniform within one step.

    Returns
    -------
    float
        Relative norm; 0 for a map without weights.
    """
    relative, absolute = rounding
    norm = float(np.linalg.norm(values))
    return relative / 2 + (absolute * float(np.sqrt(values.size / 12.0)) / norm if norm else 0.0)
