# SPDX-License-Identifier: Apache-2.0
"""
Images in every form that the reference takes, to something that can be streamed.

A path stays what it is, and so does an array in memory: it is read where it lies. Only for other
processes it is written once, uncompressed, so that workers do not get a copy each. An image that
was read from a file and not changed is that file.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.errors import GridError, ImageFileError, ImageKindError
from nipype_mapsmasker.io.images.memory import image_of_array, stored_type
from nipype_mapsmasker.io.images.reader import ImageInfo, iter_blocks, read_info

__all__ = ["grid_file", "grid_of", "is_image", "take_image", "to_file"]

Image = str | os.PathLike[str] | SpatialImage


def is_image(value: Any) -> bool:
    """
    Tell whether a value is one image: a path, a pattern, or an image in memory.

    Parameters
    ----------
    value : object
        What a user gave.

    Returns
    -------
    bool
        Lists are not one image, whatever is in them.
    """
    return isinstance(value, str | os.PathLike) or _in_memory(value)


def take_image(image: Any, folder: Path, name: str) -> ImageInfo:
    """
    Take an image in, copying nothing but what must be put together.

    Parameters
    ----------
    image : path, pattern, image in memory, or sequence of 3D images
        What a user gave.
    folder : Path
        Where 3D images are put together.
    name : str
        What an image without a file is called.

    Returns
    -------
    ImageInfo
        Header, and path or array.

    Raises
    ------
    ImageKindError
        It is no image, or not one of three or four dimensions.
    ImageFileError, ImageHeaderError
        It cannot be read.
    GridError
        3D images that differ in their grids.
    """
    if isinstance(image, str | os.PathLike):
        return _from_path(Path(os.fspath(image)).expanduser(), folder, name)
    if _in_memory(image):
        found = _unchanged_file(image)
        return found or image_of_array(np.asarray(image.dataobj), image.affine, name)
    if isinstance(image, Iterable) and not isinstance(image, bytes | np.ndarray | dict):
        return _stacked(list(image), folder, name)
    msg = (
        f"An image is expected: a path, an image of nibabel, or a list of 3D images; got "
        f"{type(image).__name__}."
    )
    raise ImageKindError(msg)


def to_file(image: Any, folder: Path, name: str) -> ImageInfo:
    """
    Give the file of an image, writing it where there is none.

    Parameters
    ----------
    image, folder, name
        As in `take_image`; the file is put into the folder.

    Returns
    -------
    ImageInfo
        Header and path.
    """
    info = take_image(image, folder, name)
    if info.array is None:
        return info
    n_volumes = () if info.ndim == 3 else (info.n_volumes,)
    return _write(folder / f"{name}.nii", info.grid, n_volumes, info.dtype, iter_blocks(info))


def grid_of(image: Any, folder: Path) -> Grid:
    """
    Give the grid of an image, without its data.

    Parameters
    ----------
    image, folder
        As in `take_image`.

    Returns
    -------
    Grid
        Shape and affine.
    """
    if _in_memory(image):
        nothing = np.broadcast_to(np.float32(0), image.shape)
        return image_of_array(nothing, image.affine, "reference").grid
    return take_image(image, folder, "reference").grid


def grid_file(grid: Grid, path: Path) -> Path:
    """
    Write an image that has a grid and no data.

    Parameters
    ----------
    grid : Grid
        The grid.
    path : Path
        A .nii file.

    Returns
    -------
    Path
        The file, which takes no room on the disk.
    """
    header = _header(grid, (), np.dtype("u1"))
    with path.open("wb") as stream:
        stream.write(header)
        stream.truncate(len(header) + grid.n_voxels)
    return path


def _in_memory(value: Any) -> bool:
    """Tell whether a value is an image of nibabel or behaves as one."""
    return hasattr(value, "affine") and hasattr(value, "dataobj") and hasattr(value, "shape")


def _from_path(path: Path, folder: Path, name: str) -> ImageInfo:
    """Read a header, or stack what a pattern matches."""
    if path.exists() or not glob.has_magic(str(path)):
        return read_info(path)
    found = sorted(glob.glob(str(path)))  # noqa: PTH207 - a pattern may be absolute
    if not found:
        msg = f"No file matches the pattern {path}; check its spelling."
        raise ImageFileError(msg)
    return _stacked(found, folder, name)


def _unchanged_file(image: Any) -> ImageInfo | None:
    """Give the file that an image was read from, where the image still is that file."""
    # What get_fdata keeps beside the data is not the image's data: nibabel saves these as well.
    if not nib.is_proxy(image.dataobj):
        return None
    name = image.get_filename() if hasattr(image, "get_filename") else None
    if name is None or not Path(name).is_file():
        return None
    try:
        info = read_info(name)
    except ImageFileError:
        return None
    same_shape = (*info.grid.shape, info.n_volumes)[: len(image.shape)] == tuple(image.shape)
    proxy = image.dataobj
    scaling = (getattr(proxy, "slope", None), getattr(proxy, "inter", None))
    is_same = (
        same_shape
        and info.ndim == len(image.shape)
        and np.array_equal(info.grid.affine, image.affine)
        and scaling == (info.slope, info.intercept)
    )
    return info if is_same else None


def _write(
    path: Path,
    grid: Grid,
    n_volumes: tuple[int, ...],
    stored: np.dtype[Any],
    blocks: Iterable[NDArray[Any]],
) -> ImageInfo:
    """Write header and volumes."""
    stored = stored.newbyteorder("<")
    with path.open("wb") as stream:
        stream.write(_header(grid, n_volumes, stored))
        for block in blocks:
            stream.write(np.ascontiguousarray(block, dtype=stored).data)
    return read_info(path)


def _header(grid: Grid, n_volumes: tuple[int, ...], stored: np.dtype[Any]) -> bytes:
    """Make a NIfTI-2 header, whose affine is in double precision."""
    header = nib.Nifti2Header(endianness="<")
    header.set_data_shape((*grid.shape, *n_volumes))
    header.set_data_dtype(stored.newbyteorder("="))
    header.set_sform(grid.affine, code="aligned")
    zooms = np.sqrt((grid.affine[:3, :3] ** 2).sum(axis=0)).tolist()
    header.set_zooms((*zooms, *(1.0 for _ in n_volumes)))
    header["magic"], header["vox_offset"] = header.single_magic, 544
    header["scl_slope"], header["scl_inter"] = 1, 0
    return bytes(header.binaryblock) + bytes(4)


def _stacked(images: Sequence[Any], folder: Path, name: str) -> ImageInfo:
    """Write 3D images as one of four dimensions."""
    if not images:
        msg = "The list of images is empty; give at least one."
        raise ImageKindError(msg)
    infos = []
    for number, image in enumerate(images):
        if not is_image(image):
            msg = (
                f"A list of 3D images is expected; number {number} of it is "
                f"{type(image).__name__}."
            )
            raise ImageKindError(msg)
        infos.append(take_image(image, folder, f"{name}-{number}"))
    for number, info in enumerate(infos):
        if info.ndim != 3 and len(infos) != 1:
            msg = (
                f"A list of 3D images makes one run, and number {number} of it has shape "
                f"{(*info.grid.shape, info.n_volumes)}: incompatible dimensionality; several 4D "
                "runs are a list of them for MultiNiftiMapsMasker."
            )
            raise ImageKindError(msg)
        if not same_grid(info.grid, infos[0].grid):
            msg = (
                f"3D images of one run must share their grid; number {number} has shape "
                f"{info.grid.shape} and affine {info.grid.affine.tolist()}, the first has "
                f"{infos[0].grid.shape} and {infos[0].grid.affine.tolist()}."
            )
            raise GridError(msg)
    types = [np.dtype("f8") if info.scaled else info.dtype for info in infos]
    stored = stored_type(np.result_type(*types))
    path = folder / f"{name}.nii"
    n_volumes = sum(info.n_volumes for info in infos)
    blocks = (block for info in infos for block in iter_blocks(info))
    return _write(path, infos[0].grid, (n_volumes,), stored, blocks)
