# SPDX-License-Identifier: Apache-2.0
"""
An array in memory as an image, in blocks like those of a file, and without a copy of it.

Blocks of an array that has the order of a file, x fastest, are the array's own memory. Any other
order, such as NumPy's own, is brought into that of a file a few volumes at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import ImageHeaderError, ImageKindError
from nipype_mapsmasker.io.images.headers import ImageInfo

__all__ = ["blocks_of_array", "image_of_array", "stored_type"]

_STORED = {"b1": "u1", "f2": "f4", "f16": "f8"}
"""Types that NIfTI has not, and what holds their numbers; long doubles are computed in float64."""


def image_of_array(data: NDArray[Any], affine: NDArray[Any], name: str | Path) -> ImageInfo:
    """
    Describe an array as the image that it is.

    Parameters
    ----------
    data : (X, Y, Z) or (X, Y, Z, T) ndarray
        Real numbers of any type, in any order; further axes of length 1 are left out.
    affine : (4, 4) ndarray of float
        Of the grid.
    name : str or Path
        What messages call it, in the place of a path.

    Returns
    -------
    ImageInfo
        With the array itself, not a copy.

    Raises
    ------
    ImageKindError, ImageHeaderError
        It has no three or four dimensions, no real numbers, or nothing at all.
    """
    shape = data.shape
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if 0 in shape:
        msg = f"The image is empty: its shape is {data.shape}; give one with voxels."
        raise ImageHeaderError(msg)
    if len(shape) not in (3, 4):
        msg = f"An image of 3 or 4 dimensions is expected; got shape {data.shape}."
        raise ImageKindError(msg)
    return ImageInfo(
        path=Path(name),
        grid=Grid((shape[0], shape[1], shape[2]), affine),
        n_volumes=1 if len(shape) == 3 else shape[3],
        ndim=len(shape),
        dtype=stored_type(data.dtype),
        slope=1.0,
        intercept=0.0,
        t_r=None,
        compressed=False,
        data_offset=0,
        data_path=Path(name),
        array=data.reshape((*shape[:3], -1)),
    )


def stored_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """
    Give the type that holds the numbers of another one in a file.

    Parameters
    ----------
    dtype : dtype
        Of an array.

    Returns
    -------
    dtype
        In native byte order.

    Raises
    ------
    ImageKindError
        It is none of real numbers.
    """
    if dtype.kind not in "biuf":
        msg = f"An image of real numbers is expected; got one of type {dtype}."
        raise ImageKindError(msg)
    name = f"{dtype.kind}{dtype.itemsize}"
    return np.dtype(_STORED.get(name, name))


def blocks_of_array(image: ImageInfo, n_per_block: int) -> Iterator[NDArray[Any]]:
    """
    Give the volumes of an array in blocks.

    Parameters
    ----------
    image : ImageInfo
        As `image_of_array` made it.
    n_per_block : int
        Volumes of a block.

    Yields
    ------
    (n, V) ndarray
        As from `nipype_mapsmasker.io.images.reader.iter_blocks`, but read-only where it is the
        array's own memory.
    """
    assert image.array is not None
    volumes = image.array.T  # (T, Z, Y, X)
    if volumes.dtype == image.dtype and volumes[0].flags.c_contiguous:
        for start in range(0, image.n_volumes, n_per_block):
            part = volumes[start : start + n_per_block]
            block = part.reshape(len(part), -1)
            block.flags.writeable = False
            yield block
        return
    buffer = np.empty((n_per_block, *volumes.shape[1:]), dtype=image.dtype)
    for start in range(0, image.n_volumes, n_per_block):
        part = volumes[start : start + n_per_block]
        # Slice by slice: both sides of the transposition then stay in the processor's cache.
        for y in range(part.shape[2]):
            buffer[: len(part), :, y] = part[:, :, y]
        yield buffer[: len(part)].reshape(len(part), -1)
