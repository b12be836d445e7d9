# SPDX-License-Identifier: Apache-2.0
"""
Images from disk: what a header says, and the voxels as a stream of volumes.

A run is never in memory. `read_info` reads a few hundred bytes and refuses what cannot be true;
`iter_blocks` gives a few volumes at a time, read and inflated in a thread of its own while the
caller works on the block before.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import GridError, ImageFileError, ImageHeaderError
from nipype_mapsmasker.io.foreign import ForeignStream, read_foreign_header
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
    open_bytes,
    read_ahead,
)

__all__ = [
    "DEFAULT_BLOCK_BYTES",
    "ImageInfo",
    "iter_blocks",
    "iter_volumes",
    "open_stream",
    "read_info",
    "read_volumes",
]

DEFAULT_BLOCK_BYTES = 16 << 20
"""Bytes of a block of volumes; one volume at least. Three blocks are in memory at a time."""

N_BUFFERS = 3
"""Blocks in memory: one with the caller, one ready, one that is being read."""

_COMPRESSED_SUFFIXES = (".gz", ".mgz")


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
        return self.slope != 1.0 or self.intercept != 0.0 or self.dtype.itemsize > 8

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
    if header is None:
        info = _info_of_foreign(path)
    else:
        info = _info_of_nifti(path, header, data_path)
    if info.streamed:
        _check_size(info)
    return info


def open_stream(info: ImageInfo) -> ByteStream:
    """
    Open the voxels of an image: the only place of the package where they are opened.

    Parameters
    ----------
    info : ImageInfo
        From `read_info`.

    Returns
    -------
    ByteStream
        Uncompressed bytes from the first voxel on, in the file's byte order.
    """
    if not info.streamed:
        return ForeignStream(info.path, info.grid.shape, info.n_volumes)
    with file_faults(info.data_path):
        return open_bytes(info.data_path, info.data_offset, info.compressed)


def iter_blocks(
    image: ImageInfo | str | os.PathLike[str],
    *,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    threads: int = 1,
) -> Iterator[NDArray[Any]]:
    """
    Give the volumes of an image in blocks, in their order.

    Parameters
    ----------
    image : ImageInfo or path_like
        The image.
    block_bytes : int
        Bytes that a block may take; it holds one volume at least.
    threads : int
        1 reads and inflates in a thread of its own, ahead of the caller; 0 does without.

    Yields
    ------
    (n, V) ndarray
        n volumes, V voxels in disk order (x fastest: ``block[0].reshape(shape, order='F')``),
        native byte order: of the stored type, or float64 where the header scales. **It is
        overwritten once the next one is asked for**, and may be changed until then.

    Raises
    ------
    ImageFileError
        The data end too soon, or their checksum is wrong.

    Notes
    -----
    Memory is three blocks, whatever T is. The checksum comes last in a file, so a fault that
    only it shows is raised after the last block.
    """
    info = image if isinstance(image, ImageInfo) else read_info(image)
    per_volume = info.grid.n_voxels * (8 if info.scaled else info.dtype.itemsize)
    n_per_block = min(max(1, block_bytes // per_volume), info.n_volumes)
    n_buffers = min(N_BUFFERS if threads else 1, -(-info.n_volumes // n_per_block) + 1)
    memory = [bytearray(n_per_block * info.volume_bytes) for _ in range(n_buffers)]
    views = [memoryview(buffer) for buffer in memory]
    stored = [
        np.frombuffer(buffer, dtype=info.dtype).reshape(n_per_block, -1) for buffer in memory
    ]
    scaled = np.empty(stored[0].shape, dtype=np.float64) if info.scaled else None
    stream = open_stream(info)
    try:
        fill = _Filler(info, stream)
        filled = read_ahead(fill, views) if threads else _read_in_turn(fill, views[0])
        for index, n_bytes in filled:
            n_volumes = n_bytes // info.volume_bytes
            yield _values(stored[index][:n_volumes], info, scaled)
    finally:
        stream.close()


def iter_volumes(path: str | os.PathLike[str]) -> Iterator[NDArray[np.float64]]:
    """
    Give the volumes of an image one at a time, for instance maps.

    Parameters
    ----------
    path : path_like
        The image.

    Yields
    ------
    (X, Y, Z) ndarray of float
        A volume, x fastest in memory (Fortran order). It is the caller's to keep.
    """
    info = read_info(path)
    for block in iter_blocks(info):
        for volume in block:
            yield volume.astype(np.float64).reshape(info.grid.shape, order="F")


def read_volumes(
    path: str | os.PathLike[str], *, ndim: int | None = None, dtype: DTypeLike = np.float64
) -> NDArray[Any]:
    """
    Read a whole image into memory: a mask, a label image, a few volumes; not a run.

    Parameters
    ----------
    path : path_like
        The image.
    ndim : int, optional
        3 for (X, Y, Z), which a 4D image of one volume also gives; 4 for (X, Y, Z, T), which a
        3D image gives with T = 1. By default, as stored.
    dtype : dtype_like
        Of the result.

    Returns
    -------
    (X, Y, Z) or (X, Y, Z, T) ndarray
        The values, x fastest in memory (Fortran order).

    Raises
    ------
    ImageHeaderError
        The image has several volumes and one is expected.
    """
    info = read_info(path)
    ndim = info.ndim if ndim is None else ndim
    if ndim == 3 and info.n_volumes > 1:
        msg = (
            f"{info.path} is a 4D image of {info.n_volumes} volumes, where one 3D volume is "
            "expected; give a 3D image."
        )
        raise ImageHeaderError(msg)
    values = np.empty((info.n_volumes, info.grid.n_voxels), dtype=dtype)
    done = 0
    for block in iter_blocks(info):
        values[done : done + len(block)] = block
        done += len(block)
    x, y, z = info.grid.shape
    volumes = values.reshape(info.n_volumes, z, y, x).T
    return volumes[..., 0] if ndim == 3 else volumes


class _Filler:
    """
    Fill buffers with whole volumes, and check at the end that all have come.

    Parameters
    ----------
    info : ImageInfo
        What the header promises.
    stream : ByteStream
        The bytes.
    """

    def __init__(self, info: ImageInfo, stream: ByteStream) -> None:
        self._info = info
        self._stream = stream
        self._done = 0

    def __call__(self, view: memoryview) -> int:
        """Fill ``view`` as far as there are volumes; return the bytes, 0 after the last."""
        info = self._info
        wanted = min(len(view), info.n_bytes - self._done)
        if not wanted:
            with file_faults(info.data_path):
                self._stream.finish()
            return 0
        n_read = 0
        try:
            with file_faults(info.data_path):
                n_read = self._stream.readinto(view[:wanted])
        except ImageFileError as error:
            if isinstance(error.__cause__, EOFError):
                raise _truncated(info, self._done + n_read) from error
            raise
        if n_read < wanted:
            raise _truncated(info, self._done + n_read)
        self._done += n_read
        return n_read


def _read_in_turn(fill: _Filler, view: memoryview) -> Iterator[tuple[int, int]]:
    """Fill one buffer again and again, without a thread."""
    while n_bytes := fill(view):
        yield 0, n_bytes


def _values(
    stored: NDArray[Any], info: ImageInfo, scaled: NDArray[np.float64] | None
) -> NDArray[Any]:
    """Give stored numbers as native ones, scaled into ``scaled`` where the header says so."""
    if scaled is None:
        if stored.dtype.isnative:
            return stored
        return stored.byteswap(inplace=True).view(stored.dtype.newbyteorder("="))
    values = scaled[: len(stored)]
    # Volume by volume, for the cache; converted first, so that all arithmetic is in float64.
    for source, target in zip(stored, values, strict=True):
        target[...] = source
        if info.slope != 1.0:
            target *= info.slope
        if info.intercept != 0.0:
            target += info.intercept
    return values


def _truncated(info: ImageInfo, n_bytes: int) -> ImageFileError:
    """Say how much of the promised data there is."""
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
            return _read_bytes(stream, HEADER_BYTES)
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


_MAX_VOXELS = (1 << 63) // 16


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
            raise _truncated(info, max(n_stored - info.data_offset, 0))
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
