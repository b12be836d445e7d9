# SPDX-License-Identifier: Apache-2.0
"""The mean image of a run: its extraction writes it, and its pages read it a moment later."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.io.files import file_state
from nipype_mapsmasker.io.images.headers import read_info
from nipype_mapsmasker.io.images.reader import read_volumes
from nipype_mapsmasker.io.images.writer import write_image

__all__ = ["forget_mean", "read_mean", "write_mean"]

KEPT_BYTES = 16 << 20
"""A larger image is read each time, so that what is kept stays small."""

_KEPT: dict[tuple[object, ...], NDArray[np.float32]] = {}
"""The mean image that was written or read last."""


def write_mean(path: str | os.PathLike[str], grid: Grid, mean: NDArray[np.floating]) -> Path:
    """
    Write a mean image, and keep it for whoever reads it next in this process.

    Parameters
    ----------
    path : path_like
        The image.
    grid : Grid
        The run's grid.
    mean : (V,) ndarray of float
        The mean of every voxel, in disk order.

    Returns
    -------
    Path
        The file, complete.
    """
    stored = mean.astype(np.float32)
    final = write_image(path, grid, [stored[np.newaxis]], n_volumes=1, ndim=3)
    _keep(final, stored.reshape(grid.shape, order="F"))
    return final


def read_mean(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """
    Read a mean image; once for the pages of all atlases and strategies.

    Parameters
    ----------
    path : path_like
        The image.

    Returns
    -------
    mean : (X, Y, Z) ndarray of float32
        The values; not to be written to.
    affine : (4, 4) ndarray of float
        Its affine.
    """
    state = file_state(Path(path), KEPT_BYTES)
    mean = None if state is None else _KEPT.get(state)
    if mean is None:
        mean = read_volumes(path, ndim=3, dtype=np.float32)
        _keep(Path(path), mean)
    return mean, read_info(path).grid.affine


def forget_mean() -> None:
    """Let go of what is kept, before memory is needed for the next run."""
    _KEPT.clear()


def _keep(path: Path, mean: NDArray[np.float32]) -> None:
    """Keep one image, unless it is large."""
    mean.flags.writeable = False
    _KEPT.clear()
    state = file_state(path, KEPT_BYTES)
    if state is not None and mean.nbytes <= KEPT_BYTES:
        _KEPT[state] = mean
