# SPDX-License-Identifier: Apache-2.0
"""
Images in every form that the reference takes, to files.

A path stays what it is. What is in memory is written once, uncompressed, so that workers map the
file instead of getting a copy each; an image that was read from a file and not changed is that
file.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.errors import GridError, ImageFileError, ImageHeaderError, ImageKindError
from nipype_mapsmasker.io.images.reader import ImageInfo, iter_blocks, read_info

__all__ = ["grid_file", "is_image", "to_file"]

Image = str | os.PathLike[str] | SpatialImage

WRITTEN_BYTES = 8 << 20
"""About how much of an image in memory is brought into the file's order at a time."""

_STORED = {"b1": "u1", "f2": "f4", "f16": "f8"}
"""Types that NIfTI has not, and what holds their numbers; long doubles are computed in float64."""


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


def to_file(image: Any, folder: Path, name: str) -> ImageInfo:
    """
    Give the file of an image, writing it where there is none.

    Parameters
    ----------
    image : path, pattern, image in memory, or sequence of 3D images
        What a user gave.
    folder : Path
        Where to write.
    name : str
        Name of the file, without an ending.

    Returns
    -------
    ImageInfo
        Header and path.

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
        return _unchanged_file(image) or _written(image, folder / f"{name}.nii")
    if isinstance(image, Iterable) and not isinstance(image, bytes | np.ndarray | dict):
        return _stacked(list(image), folder, name)
    msg = (
        f"An image is expected: a path, an image of nibabel, or a list of 3D images; got "
        f"{type(image).__name__}."
    )
    raise ImageKindError(msg)


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
    if not nib.is_proxy(image.dataobj) or getattr(image, "in_memory", True):
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


def _written(image: Any, path: Path) -> ImageInfo:
    """Write an image that is in memory."""
    shape = tuple(int(size) for size in image.shape)
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if 0 in shape:
        msg = f"The image is empty: its shape is {tuple(image.shape)}; give one with voxels."
        raise ImageHeaderError(msg)
    if len(shape) not in (3, 4):
        msg = f"An image of 3 or 4 dimensions is expected; got shape {tuple(image.shape)}."
        raise ImageKindError(msg)
    data = np.asanyarray(image.dataobj).reshape(shape)
    stored = _stored_type(data.dtype)
    grid = Grid((shape[0], shape[1], shape[2]), image.affine)
    return _write(path, grid, shape[3:], stored, _blocks(data, stored))


def _stored_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the type that holds the numbers of another one in a file."""
    if dtype.kind not in "biuf":
        msg = f"An image of real numbers is expected; got one of type {dtype}."
        raise ImageKindError(msg)
    name = f"{dtype.kind}{dtype.itemsize}"
    return np.dtype(f"<{_STORED.get(name, name)}")


def _blocks(data: NDArray[Any], stored: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Bring an array into the order of a file, a few volumes at a time."""
    whole = data if data.ndim == 4 else data[..., None]
    n_volumes = whole.shape[3]
    per_volume = max(1, whole[..., :1].size * stored.itemsize)
    step = max(1, WRITTEN_BYTES // per_volume)
    for start in range(0, n_volumes, step):
        yield np.ascontiguousarray(whole[..., start : start + step].T, dtype=stored)


def _write(
    path: Path,
    grid: Grid,
    n_volumes: tuple[int, ...],
    stored: np.dtype[Any],
    blocks: Iterable[NDArray[Any]],
) -> ImageInfo:
    """Write header and volumes."""
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
        infos.append(to_file(image, folder, f"{name}-{number}"))
    for number, info in enumerate(infos):
        if info.ndim != 3 and len(infos) != 1:
            msg = (
                f"A list of 3D images makes one run, and number {number} of it has shape "
                f"{(*info.grid.shape, info.n_volumes)}: incompatible dimensionality; give several "
                "4D runs to MultiNiftiMapsMasker."
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
    stored = _stored_type(np.result_type(*types))
    path = folder / f"{name}.nii"
    n_volumes = sum(info.n_volumes for info in infos)
    blocks = (block for info in infos for block in iter_blocks(info))
    written = _write(path, infos[0].grid, (n_volumes,), stored, blocks)
    for info in infos:
        if info.path.parent == folder:
            info.path.unlink()
    return written
