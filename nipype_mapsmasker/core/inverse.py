# SPDX-License-Identifier: Apache-2.0
"""Inverse transform: signals times maps, back to blocks of volumes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.maps import MapsMatrix
from nipype_mapsmasker.errors import SignalError

__all__ = ["reconstruct"]


def reconstruct(
    signals: NDArray[np.float64], maps: MapsMatrix, *, block_size: int = 8
) -> Iterator[NDArray[np.float64]]:
    """
    Rebuild volumes from signals, y = M s.

    Parameters
    ----------
    signals : (T, K) or (K,) ndarray of float
        One row per volume.
    maps : MapsMatrix
        The maps M on the grid of the result; the mask is part of it.
    block_size : int
        Volumes that are made at once.

    Yields
    ------
    (n, V) ndarray of float
        Consecutive volumes in disk order, 0 where there are no maps.

    Raises
    ------
    SignalError
        Not K columns, or not finite.

    Notes
    -----
    nilearn's ``signals_to_img_maps`` followed by unmasking. A column of NaN, a lost map, counts
    as 0. Memory: M and one block.
    """
    table = np.atleast_2d(np.asarray(signals, dtype=np.float64))
    if table.ndim != 2 or table.shape[1] != maps.n_maps:
        msg = (
            f"The signals have shape {np.shape(signals)}, but there are {maps.n_maps} maps; "
            "pass one column per map, in the maps' order."
        )
        raise SignalError(msg)
    lost = np.isnan(table).all(axis=0)
    table = np.where(lost, 0.0, table)
    if not np.isfinite(table).all():
        msg = "The signals hold NaN or infinite values; clean them first (ensure_finite)."
        raise SignalError(msg)
    weights = maps.matrix.T
    rows = sparse.csc_array(weights) if sparse.issparse(weights) else weights
    for start in range(0, table.shape[0], block_size):
        part = table[start : start + block_size]
        block = np.zeros((part.shape[0], maps.grid.n_voxels))
        block[:, maps.voxels] = part @ rows
        yield block
