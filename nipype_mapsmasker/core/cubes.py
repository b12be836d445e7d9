# SPDX-License-Identifier: Apache-2.0
"""
The order of voxels in work: by small cubes of the grid, in each cube by fours.

Voxels of a cube lie near each other, so that few maps have weight there and what is multiplied
stays in the processor's cache. Within a cube come first the voxels that are used together with
their neighbours, four at a time as they lie on disk, and then the others, so that most of a volume
is gathered four voxels at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CUBE", "QUAD", "cube_order", "cubes_of_quads", "whole_quads"]

CUBE = (16, 8, 8)
"""Voxels of a cube along x, y and z: with 24 volumes, its values fit into a core's cache."""

QUAD = 4
"""Voxels that are gathered at once where all are used; they lie in one cube."""


def cube_order(
    voxels: NDArray[np.int64], shape: tuple[int, int, int]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """
    Sort voxels by the cube that they lie in; within it whole quads come first, in disk order.

    Parameters
    ----------
    voxels : (V,) ndarray of int
        Flat indices, disk order, rising.
    shape : tuple of int
        Shape (X, Y, Z) of the grid.

    Returns
    -------
    order : (V,) ndarray of int
        Which voxel comes when.
    starts : (n_tiles + 1,) ndarray of int
        Where each cube that holds any begins, and at last V.
    """
    cube = cubes_of_quads(shape)[voxels // QUAD]
    order = np.argsort(2 * cube + ~whole_quads(voxels), kind="stable")
    starts = np.flatnonzero(np.diff(cube[order], prepend=-1))
    return order, np.append(starts, voxels.size).astype(np.int64)


def whole_quads(voxels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """
    Tell which voxels are used together with their neighbours.

    Parameters
    ----------
    voxels : (V,) ndarray of int
        Flat indices of the voxels in use, each once, in any order.

    Returns
    -------
    (V,) ndarray of bool
        Whether all four voxels of the quad that each lies in are among them.
    """
    quads = voxels // QUAD
    found: NDArray[np.bool_] = (np.bincount(quads, minlength=1) == QUAD)[quads]
    return found


def cubes_of_quads(shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """
    Give the cube that each quad is counted to: that of its first voxel.

    Parameters
    ----------
    shape : tuple of int
        Shape (X, Y, Z) of the grid.

    Returns
    -------
    (n_quads,) ndarray of int
        Numbers of cubes, in disk order of the cubes.
    """
    n_x, n_y = (-(-size // edge) for size, edge in zip(shape[:2], CUBE[:2], strict=True))
    n_voxels = shape[0] * shape[1] * shape[2]
    z, rest = np.divmod(np.arange(0, n_voxels, QUAD), shape[0] * shape[1])
    y, x = np.divmod(rest, shape[0])
    cubes = x // CUBE[0] + n_x * (y // CUBE[1] + n_y * (z // CUBE[2]))
    return np.asarray(cubes, dtype=np.int32)
