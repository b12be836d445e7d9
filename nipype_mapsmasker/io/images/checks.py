# SPDX-License-Identifier: Apache-2.0
"""The fields of an image's header one by one: as they are meant, or refused."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import GridError, ImageHeaderError
from nipype_mapsmasker.io.images.nifti import NiftiHeader

__all__ = ["checked_grid", "checked_offset", "checked_scaling", "checked_shape", "dims_text"]

MAX_VOXELS = (1 << 63) // 16
"""More numbers than these can be addressed by no 64-bit processor, at 16 bytes each."""


def checked_shape(dims: tuple[int, ...], n_axes: int, name: str) -> tuple[int, ...]:
    """
    Give a shape of three or four positive numbers, or say what is wrong with it.

    Parameters
    ----------
    dims : tuple of int
        Lengths of the axes, as stored.
    n_axes : int
        How many axes the header claims.
    name : str
        The file, for the message.

    Returns
    -------
    tuple of int
        (X, Y, Z) or (X, Y, Z, T), without singleton axes after the fourth.

    Raises
    ------
    ImageHeaderError
        The dimensions cannot be true, or are not those of volumes.
    """
    if not 1 <= n_axes <= 7:
        msg = (
            f"{name} has a header with {n_axes} dimensions, where 3 or 4 are expected; the file "
            "is damaged or not an image."
        )
        raise ImageHeaderError(msg)
    if any(size < 1 for size in dims):
        msg = (
            f"{name} has a header with dimensions {dims_text(dims)}, which cannot be: each must "
            "be at least 1; the file is damaged or was not finished."
        )
        raise ImageHeaderError(msg)
    shape = tuple(int(size) for size in dims)
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) < 3:
        msg = (
            f"{name} is a {len(shape)}D image ({dims_text(shape)}), where a volume (3D) or a run "
            "of volumes (4D) is expected; give a 3D or 4D image."
        )
        raise ImageHeaderError(msg)
    if len(shape) > 4 and set(shape[3:-1]) == {1}:
        msg = (
            f"{name} is a {len(shape)}D image ({dims_text(shape)}) with one element along its "
            f"fourth axis and {shape[-1]} along its last, where volumes are expected along the "
            f"fourth; save it as {dims_text((*shape[:3], shape[-1]))} if the last axis is time."
        )
        raise ImageHeaderError(msg)
    if len(shape) > 4:
        msg = (
            f"{name} is a {len(shape)}D image ({dims_text(shape)}), where 3 or 4 dimensions with "
            "more than one element are expected; split it along its last axes."
        )
        raise ImageHeaderError(msg)
    if math.prod(shape) > MAX_VOXELS:
        msg = (
            f"{name} has a header with dimensions {dims_text(shape)}, more than any computer can "
            "address; the file is damaged or not an image."
        )
        raise ImageHeaderError(msg)
    return shape


def dims_text(dims: tuple[int, ...]) -> str:
    """
    Write dimensions.

    Parameters
    ----------
    dims : tuple of int
        Lengths of axes.

    Returns
    -------
    str
        As in ``64 x 64 x 33``.
    """
    return " x ".join(str(int(size)) for size in dims)


def checked_scaling(header: NiftiHeader, name: str) -> tuple[float, float]:
    """
    Give slope and intercept; like nibabel, a slope of zero or NaN means none.

    Parameters
    ----------
    header : NiftiHeader
        Its ``scl_slope`` and ``scl_inter``, or its ``vox_offset``, are looked at.
    name : str
        The file, for the message.

    Returns
    -------
    slope : float
        1 for no scaling.
    intercept : float
        0 for no scaling.

    Raises
    ------
    ImageHeaderError
        There is a slope, and an intercept that is not finite.
    """
    if header.slope == 0 or not math.isfinite(header.slope):
        return 1.0, 0.0
    if not math.isfinite(header.intercept):
        msg = (
            f"{name} has a header that scales voxels by {header.slope:g} and adds "
            f"{header.intercept:g}, where a finite number is expected; correct scl_inter."
        )
        raise ImageHeaderError(msg)
    return float(header.slope), float(header.intercept)


def checked_offset(header: NiftiHeader, name: str) -> int:
    """
    Give the bytes before the first voxel.

    Parameters
    ----------
    header : NiftiHeader
        Its ``scl_slope`` and ``scl_inter``, or its ``vox_offset``, are looked at.
    name : str
        The file, for the message.

    Returns
    -------
    int
        The header's own length or more, in a single file.

    Raises
    ------
    ImageHeaderError
        The header says something that cannot be.
    """
    first = (352 if header.version == 1 else 544) if header.single_file else 0
    offset = header.vox_offset
    if not math.isfinite(offset) or offset < 0 or offset != int(offset):
        msg = (
            f"{name} has a header that puts the first voxel at byte {offset:g}, where a whole "
            f"number of at least {first} is expected; the file is damaged."
        )
        raise ImageHeaderError(msg)
    if offset == 0:
        return first
    if offset < first:
        msg = (
            f"{name} has a header that puts the first voxel at byte {offset:g}, inside the header "
            f"itself, where at least {first} is expected; correct vox_offset."
        )
        raise ImageHeaderError(msg)
    return int(offset)


def checked_grid(shape: tuple[int, int, int], affine: NDArray[np.float64], name: str) -> Grid:
    """
    Make the grid, with the file's name in what is wrong with the affine.

    Parameters
    ----------
    shape : tuple of int
        Numbers of voxels (X, Y, Z).
    affine : (4, 4) ndarray of float
        From voxel indices to millimetres.
    name : str
        The file, for the message.

    Returns
    -------
    Grid
        With an affine that has an inverse.

    Raises
    ------
    ImageHeaderError
        The affine is not finite or flat.
    """
    try:
        return _grid(shape, affine.tobytes())
    except GridError as error:
        msg = (
            f"{name} has a header whose affine says nothing about positions ({error.args[0]}) "
            "Correct the image's sform or qform."
        )
        raise ImageHeaderError(msg) from error


@lru_cache(maxsize=256)
def _grid(shape: tuple[int, int, int], affine: bytes) -> Grid:
    """Make a grid once for all runs that are on it."""
    return Grid(shape, np.frombuffer(affine).reshape(4, 4))
