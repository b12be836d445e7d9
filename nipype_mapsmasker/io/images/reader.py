# SPDX-License-Identifier: Apache-2.0
"""
The voxels of an image as a stream of volumes.

A run is never in memory. `read_info` reads a few hundred bytes and refuses what cannot be true;
`iter_blocks` gives a few volumes at a time, read and inflated in a thread of its own while the
caller works on the block before, where there is a core for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nipype_mapsmasker.errors import ImageHeaderError
from nipype_mapsmasker.io.files import file_faults
from nipype_mapsmasker.io.images.foreign import ForeignStream
from nipype_mapsmasker.io.images.headers import ImageInfo, read_info, truncated
from nipype_mapsmasker.io.images.memory import blocks_of_array
from nipype_mapsmasker.io.images.packed import open_compressed
from nipype_mapsmasker.io.images.streams import ByteStream, PlainStream, read_ahead

__all__ = [
    "DEFAULT_BLOCK_BYTES",
    "ImageInfo",
    "iter_blocks",
    "iter_volumes",
    "open_stream",
    "read_info",
    "read_volumes",
]

DEFAULT_BLOCK_BYTES = 2 << 20
"""Bytes of a block of volumes; one volume at least."""

ALIGNMENT_BYTES = 64
"""Volumes in memory begin at multiples of this."""

AHEAD_BYTES = 16 << 20
"""Bytes that are read ahead while the caller is at work; one block at least."""


def open_stream(info: ImageInfo) -> ByteStream:
    """
    Open the voxels of an image: the only place of the package where they are opened.

    Parameters
    ----------
    info : ImageInfo
        What `read_info` says of it.

    Returns
    -------
    ByteStream
        Uncompressed bytes from the first voxel on, in the file's byte order.
    """
    if not info.streamed:
        return ForeignStream(info.path, info.grid.shape, info.n_volumes)
    with file_faults(info.data_path):
        if info.compressed:
            return open_compressed(info.data_path, info.data_offset)
        return PlainStream(info.data_path, info.data_offset)


def iter_blocks(
    image: ImageInfo | str | os.PathLike[str],
    *,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    threads: int | None = None,
) -> Iterator[NDArray[Any]]:
    """
    Give the volumes of an image in blocks, in their order.

    Parameters
    ----------
    image : ImageInfo or path_like
        The run or the maps, or what `read_info` says of them.
    block_bytes : int
        Bytes that a block may take; it holds one volume at least.
    threads : int, optional
        1 reads and inflates in a thread of its own, ahead of the caller; 0 does without. By
        default 1, but 0 where ``OMP_NUM_THREADS`` allows this process one thread, as it does in a
        node of one core: with a run on every core, a second thread only takes turns.

    Yields
    ------
    (n, V) ndarray
        n volumes, V voxels in disk order (x fastest: ``block[0].reshape(shape, order='F')``),
        native byte order: of the stored type, or float64 where the header scales. **It is
        overwritten once the next one is asked for**, and may be changed until then unless it is
        read-only, as what is somebody else's array is.

    Raises
    ------
    ImageFileError
        The data end too soon, or their checksum is wrong.

    Notes
    -----
    Memory is one block and what is read ahead, whatever T is. The checksum comes last in a file,
    so a fault that only it shows is raised after the last block.
    """
    info = image if isinstance(image, ImageInfo) else read_info(image)
    if threads is None:
        threads = int(os.environ.get("OMP_NUM_THREADS") != "1")
    per_volume = info.grid.n_voxels * (8 if info.scaled else info.dtype.itemsize)
    n_per_block = min(max(1, block_bytes // per_volume), info.n_volumes)
    if info.array is not None:
        yield from blocks_of_array(info, n_per_block)
        return
    n_blocks = -(-info.n_volumes // n_per_block)
    n_ahead = max(1, AHEAD_BYTES // (n_per_block * info.volume_bytes)) if threads else 0
    n_buffers = 1 + min(n_ahead, n_blocks)
    # Every volume begins where numbers of any size may, so that its values can be taken together.
    n_bytes = info.volume_bytes
    stride = -(-n_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    memory = [np.empty((n_per_block, stride), dtype=np.uint8) for _ in range(n_buffers)]
    views = [[row.data[:n_bytes] for row in buffer] for buffer in memory]
    stored = [buffer[:, :n_bytes].view(info.dtype) for buffer in memory]
    scaled = np.empty(stored[0].shape, dtype=np.float64) if info.scaled else None
    stream = open_stream(info)
    try:
        fill = _Filler(info, stream)
        filled = read_ahead(fill, views) if threads else _read_in_turn(fill, views[0])
        for index, n_volumes in filled:
            yield _values(stored[index][:n_volumes], info, scaled)
    finally:
        stream.close()


def iter_volumes(path: str | os.PathLike[str]) -> Iterator[NDArray[np.float64]]:
    """
    Give the volumes of an image one at a time, for instance maps.

    Parameters
    ----------
    path : path_like
        An image of any format that `read_info` knows.

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
        An image of any format that `read_info` knows.
    ndim : int, optional
        3 for (X, Y, Z), which a 4D image of one volume also gives; 4 for (X, Y, Z, T), which a
        3D image gives with T = 1. By default, as stored.
    dtype : dtype_like
        Type of the result.

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
        Uncompressed bytes from the first voxel on.
    """

    def __init__(self, info: ImageInfo, stream: ByteStream) -> None:
        self._info = info
        self._stream = stream
        self._done = 0

    def __call__(self, views: Sequence[memoryview]) -> int:
        """Fill one view per volume as far as there are any; return how many, 0 after the last."""
        info = self._info
        n_wanted = min(len(views), info.n_volumes - self._done)
        with file_faults(info.data_path):
            if not n_wanted:
                self._stream.finish()
            for view in views[:n_wanted]:
                n_read = self._stream.readinto(view)
                if n_read < len(view):
                    raise truncated(info, self._done * len(view) + n_read)
                self._done += 1
        return n_wanted


def _read_in_turn(fill: _Filler, views: Sequence[memoryview]) -> Iterator[tuple[int, int]]:
    """Fill one buffer again and again, without a thread."""
    while n_volumes := fill(views):
        yield 0, n_volumes


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
