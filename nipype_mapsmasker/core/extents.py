# SPDX-License-Identifier: Apache-2.0
"""Size and place of maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.tiles import TiledRows

__all__ = ["extents"]


def extents(
    plain: TiledRows, voxels: NDArray[np.int64], grid: Grid
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """
    Count each map's voxels, and find its centre of mass and its weight.

    Parameters
    ----------
    plain : (K, V) TiledRows
        The maps.
    voxels : (V,) ndarray of int
        Flat indices of their voxels.
    grid : Grid
        Their grid.

    Returns
    -------
    n_voxels : (K,) ndarray of int
        Voxels with weight.
    centres : (K, 3) ndarray of float
        In mm; NaN for an empty map.
    weight : (K,) ndarray of float
        Sum of the map's absolute weights.
    """
    x_size, y_size, _ = grid.shape
    coordinates = np.ones((4, voxels.size))
    coordinates[2], rest = np.divmod(voxels, x_size * y_size)
    coordinates[1], coordinates[0] = np.divmod(rest, x_size)
    sums = plain.absolute(coordinates.T)
    with np.errstate(invalid="ignore"):
        places = sums / sums[:, 3:]
    return plain.counts(), (places @ grid.affine.T)[:, :3], sums[:, 3]
