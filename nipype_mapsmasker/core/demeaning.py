# SPDX-License-Identifier: Apache-2.0
"""Maps without their spatial mean, as stage 1 of a dual regression takes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.maps import MapsMatrix, to_dense
from nipype_mapsmasker.errors import MapsError

__all__ = ["demean_maps"]

FLAT = 1e-12
"""Share of a map's norm that its deviations from a constant must exceed."""


def demean_maps(maps: MapsMatrix, names: list[str], voxels: NDArray[np.int64]) -> MapsMatrix:
    """
    Take each map's mean over some voxels away.

    Parameters
    ----------
    maps : MapsMatrix
        The masked maps.
    names : list of str
        Their K names, for the error.
    voxels : (V,) ndarray of int
        Flat indices, disk order, of all voxels of the mask.

    Returns
    -------
    MapsMatrix
        On all of these voxels, dense.

    Raises
    ------
    MapsError
        A map is the same in all voxels.
    """
    # Columns in one piece are summed pairwise, to the last digits: what rounding leaves of a mean
    # would meet the mean of the image.
    matrix = np.zeros((voxels.size, maps.n_maps), order="F")
    matrix[np.searchsorted(voxels, maps.voxels)] = to_dense(maps.matrix)
    before = np.sqrt((matrix**2).sum(axis=0))
    for _ in range(2):
        matrix -= matrix.mean(axis=0)
    after = np.sqrt((matrix**2).sum(axis=0))
    # What is left of a constant is rounding.
    flat = (after <= FLAT * before) & (before > 0)
    if flat.any():
        msg = (
            f"The map {names[int(np.argmax(flat))]!r} has the same weight in all voxels, so that "
            "demean leaves nothing of it; leave it out, or do without demean."
        )
        raise MapsError(msg)
    rounding = maps.rounding
    if rounding is not None:
        rounding = rounding * np.divide(before, after, out=np.ones_like(after), where=after > 0)
    return replace(maps, voxels=voxels, matrix=matrix, rounding=rounding)
