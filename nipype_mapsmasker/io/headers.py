# SPDX-License-Identifier: Apache-2.0
"""What the header of an image says, checked before anything else is read."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import GridError, ImageFileError, ImageHeaderError
from nipype_mapsmasker.io.foreign import read_foreign_header
from nipype_mapsmasker.io.nifti import (
    HEADER_BYTES,
    NiftiHeader,
    best_affine,
    parse_header,
    repetition_time,
    stored_dtype,
)
from nipype_mapsmasker.io.streams import (
    GZIP_MAGIC,
    MAX_INFLATION,
    ByteStream,
    GzipStream,
    PlainStream,
    file_faults,
)

__all__ = ["ImageInfo", "read_info", "truncated"]

_COMPRESSED_SUFFIXES = (".gz", ".mgz")

_MAX_VOXELS = (1 << 63) // 16


@dataclass(frozen=True)
class ImageInfo:
    """
    Hold what the header of an image says, checked.

    Parameters
    ----------
    path : Path
        The file as it was given.
    grid : Grid
        Shape (X, Y, Z) and affine of a volume.
    n_volumes : int
        T; 1 for a 3D image.
    ndim : int
        3 or 4.
    dtype : dtype
        Of the stored voxels, with the file's byte order.
    slope, intercept : float
        A voxel's value is ``stored * slope + intercept``.
    t_r : float or None
        Seconds between volumes; None when the header gives none.
    compressed : bool
        Whether the voxels are gzip data.
    data_offset : int
        Uncompressed bytes before the first voxel.
    data_path : Path
        The file with the voxels: ``path``, or the ``.img`` beside a ``.hdr``.
    streamed : bool
        Whether the bytes of ``data_path`` are read as they are; otherwise nibabel decodes them.
    """

    path: Path
    grid: Grid
    n_volumes: int
    ndim: int
    dtype: np.dtype[Any]
    slope: float
    intercept: float
    t_r: float | None
    compressed: bool
    data_offset: int
    data_path: Path
    streamed: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """The image's shape: (X, Y, Z) or (X, Y, Z, T)."""
        return self.grid.shape if self.ndim == 3 else (*self.grid.shape, self.n_volumes)

    @property
    def scaled(self) -> bool:
        """Whether blocks are float64 because the stored numbers are not yet the values."""
        return self.slope != 1.0 or self.intercept != 0.0

    @property
    def volume_bytes(self) -> int:
        """Uncompressed bytes of one stored volume."""
        return self.grid.n_voxels * self.dtype.itemsize

    @property
    def n_bytes(self) -> int:
        """Uncompressed bytes of all stored voxels."""
        return self.volume_bytes * self.n_volumes


def read_info(path: str | os.PathLike[str]) -> ImageInfo:
    """
    Read and check the header of an image.

    Parameters
    ----------
    path : path_like
        A .nii, .nii.gz, .hdr or .img file, or another format that nibabel loads.

    Returns
    -------
    ImageInfo
        What the header says.

    Raises
    ------
    ImageFileError
        The file is missing, not a file, not readable, empty, not an image, not the gzip data
        that its name says, or shorter than its header promises.
    ImageHeaderError
        The header cannot be true, or describes other than 3D or 4D data of real numbers.

    Notes
    -----
    No voxel is read and no memory is taken. Bytes to come are compared with the file's size: of
    a compressed file, deflate's largest ratio bounds them.
    """
    path = Path(path)
    header_path, data_path = _pair(path)
    raw = _read_start(header_path)
    header = parse_header(raw)
    if header is not None:
        info = _info_of_nifti(path, header, data_path)
    else:
        info = _info_of_foreign(path)
    if info.streamed:
        _check_size(info)
    return info


def truncated(info: ImageInfo, n_bytes: int) -> ImageFileError:
    """
    Say how much of the promised data there is.

    Parameters
    ----------
    info : ImageInfo
        What the header promises.
    n_bytes : int
        Uncompressed bytes of voxels that were found.

    Returns
    -------
    ImageFileError
        To be raised.
    """
    n_found = n_bytes // info.volume_bytes
    return ImageFileError(
        f"{info.data_path} is truncated: it holds {n_found} of the {info.n_volumes} volumes "
        "that its header promises; copy it again or make it anew."
    )


def _pair(path: Path) -> tuple[Path, Path]:
    """Give the files with the header and with the voxels of a ``.hdr``/``.img`` pair."""
    name = path.name
    for header_end, data_end in ((".hdr", ".img"), (".HDR", ".IMG")):
        for zip_end in (".gz", ""):
            if name.endswith(header_end + zip_end):
                stem = name[: -len(header_end + zip_end)]
                return path, _first_existing(path, stem + data_end, zip_end)
            if name.endswith(data_end + zip_end):
                stem = name[: -len(data_end + zip_end)]
                return _first_existing(path, stem + header_end, zip_end), path
    return path, path


def _first_existing(path: Path, name: str, zip_end: str) -> Path:
    """Give the sibling with the same compression, or else the one with the other."""
    same = path.with_name(name + zip_end)
    other = path.with_name(name + ("" if zip_end else ".gz"))
    return other if not same.exists() and other.exists() else same


def _is_compressed(path: Path) -> bool:
    """Tell by its name whether a file is gzip data."""
    return path.name.lower().endswith(_COMPRESSED_SUFFIXES)


def _read_start(path: Path) -> bytes:
    """Read the bytes that may be a header, inflated."""
    with file_faults(path):
        stream: ByteStream = PlainStream(path)
        try:
            start = _read_bytes(stream, HEADER_BYTES)
        finally:
            stream.close()
    if not start:
        msg = f"{path} is empty (0 bytes), where an image is expected; copy it again."
        raise ImageFileError(msg)
    is_gzip = start.startswith(GZIP_MAGIC)
    if _is_compressed(path) and not is_gzip:
        msg = (
            f"{path} is named as gzip data but starts with the bytes {start[:4].hex(' ')}, where "
            "1f 8b is expected; rename it without .gz if it is an uncompressed image."
        )
        raise ImageFileError(msg)
    if not is_gzip:
        return start
    if not _is_compressed(path):
        msg = f"{path} is gzip data, but its name does not end in .gz; add that to its name."
        raise ImageFileError(msg)
    with file_faults(path):
        stream = GzipStream(path, chunk_bytes=4096)
        try:
            header = _read_bytes(stream, HEADER_BYTES)
            if len(header) < HEADER_BYTES:
                stream.finish()
            return header
        finally:
            stream.close()


def _read_bytes(stream: ByteStream, n_bytes: int) -> bytes:
    """Read up to ``n_bytes`` bytes; a truncated file gives what it has."""
    buffer = bytearray(n_bytes)
    return bytes(buffer[: stream.readinto(memoryview(buffer))])


def _info_of_nifti(path: Path, header: NiftiHeader, data_path: Path) -> ImageInfo:
    """Check a NIfTI header's fields one by one."""
    name = str(path)
    if header.single_file:
        data_path = path if path == data_path else _pair(path)[0]
    shape = _checked_shape(header.dim[1 : 1 + max(header.dim[0], 0)], header.dim[0], name)
    dtype = stored_dtype(header, name)
    spatial = (shape[0], shape[1], shape[2])
    slope, intercept = _checked_scaling(header, name)
    t_r = None
    if len(shape) == 4:
        single = header.version == 1
        t_r = repetition_time(header.pixdim[4], header.units, single_precision=single)
    return ImageInfo(
        path=path,
        grid=_checked_grid(spatial, best_affine(header, spatial, name), name),
        n_volumes=shape[3] if len(shape) == 4 else 1,
        ndim=len(shape),
        dtype=dtype,
        slope=slope,
        intercept=intercept,
        t_r=t_r,
        compressed=_is_compressed(data_path),
        data_offset=_checked_offset(header, name),
        data_path=data_path,
    )


def _info_of_foreign(path: Path) -> ImageInfo:
    """Check what nibabel says of an image of another format."""
    header = read_foreign_header(path)
    name = str(path)
    shape = _checked_shape(header.shape, len(header.shape), name)
    if header.dtype.kind not in "iuf":
        msg = (
            f"{name} stores voxels of type {header.dtype}, where integers or floating-point "
            "numbers are expected; convert it to one real number per voxel first."
        )
        raise ImageHeaderError(msg)
    t_r = None
    if len(shape) == 4:
        t_r = repetition_time(header.spacing, header.units, single_precision=True)
    data_path = header.data_path or path
    return ImageInfo(
        path=path,
        grid=_checked_grid((shape[0], shape[1], shape[2]), header.affine, name),
        n_volumes=shape[3] if len(shape) == 4 else 1,
        ndim=len(shape),
        dtype=header.dtype,
        slope=header.slope,
        intercept=header.intercept,
        t_r=t_r,
        compressed=_is_compressed(data_path),
        data_offset=header.offset,
        data_path=data_path,
        streamed=header.data_path is not None,
    )


def _checked_shape(dims: tuple[int, ...], n_axes: int, name: str) -> tuple[int, ...]:
    """Give a shape of three or four positive numbers, or say what is wrong with it."""
    if not 1 <= n_axes <= 7:
        msg = (
            f"{name} has a header with {n_axes} dimensions, where 3 or 4 are expected; the file "
            "is damaged or not an image."
        )
        raise ImageHeaderError(msg)
    if any(size < 1 for size in dims):
        msg = (
            f"{name} has a header with dimensions {_times(dims)}, which cannot be: each must be "
            "at least 1; the file is damaged or was not finished."
        )
        raise ImageHeaderError(msg)
    shape = tuple(int(size) for size in dims)
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) < 3:
        msg = (
            f"{name} is a {len(shape)}D image ({_times(shape)}), where a volume (3D) or a run "
            "of volumes (4D) is expected; give a 3D or 4D image."
        )
        raise ImageHeaderError(msg)
    if len(shape) > 4:
        msg = (
            f"{name} is a {len(shape)}D image ({_times(shape)}), where 3 or 4 dimensions with "
            "more than one element are expected; split it along its last axes."
        )
        raise ImageHeaderError(msg)
    if math.prod(shape) > _MAX_VOXELS:
        msg = (
            f"{name} has a header with dimensions {_times(shape)}, more than any computer can "
            "address; the file is damaged or not an image."
        )
        raise ImageHeaderError(msg)
    return shape


def _times(dims: tuple[int, ...]) -> str:
    """Write dimensions as ``64 x 64 x 33``."""
    return " x ".join(str(int(size)) for size in dims)


def _checked_scaling(header: NiftiHeader, name: str) -> tuple[float, float]:
    """Give slope and intercept; like nibabel, a slope of zero or NaN means none."""
    if header.slope == 0 or not math.isfinite(header.slope):
        return 1.0, 0.0
    if not math.isfinite(header.intercept):
        msg = (
            f"{name} has a header that scales voxels by {header.slope:g} and adds "
            f"{header.intercept:g}, where a finite number is expected; correct scl_inter."
        )
        raise ImageHeaderError(msg)
    return float(header.slope), float(header.intercept)


def _checked_offset(header: NiftiHeader, name: str) -> int:
    """Give the bytes before the first voxel."""
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


def _checked_grid(shape: tuple[int, int, int], affine: NDArray[np.float64], name: str) -> Grid:
    """Make the grid, with the file's name in what is wrong with the affine."""
    try:
        return Grid(shape, affine)
    except GridError as error:
        msg = (
            f"{name} has a header whose affine says nothing about positions ({error.args[0]}) "
            "Correct the image's sform or qform."
        )
        raise ImageHeaderError(msg) from error


def _check_size(info: ImageInfo) -> None:
    """Refuse a file that cannot hold what its header promises."""
    with file_faults(info.data_path):
        n_stored = info.data_path.stat().st_size
    if not info.compressed:
        if n_stored < info.data_offset + info.n_bytes:
            raise truncated(info, max(n_stored - info.data_offset, 0))
        return
    n_possible = n_stored * MAX_INFLATION
    if n_possible < info.data_offset + info.n_bytes:
        n_at_most = max(n_possible - info.data_offset, 0) // info.volume_bytes
        msg = (
            f"{info.data_path} is truncated, or its header is not true: its {n_stored} bytes "
            f"can hold at most {n_at_most} of the {info.n_volumes} volumes of "
            f"{_times(info.grid.shape)} voxels that the header promises; copy it again."
        )
        raise ImageFileError(msg)
