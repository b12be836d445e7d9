# SPDX-License-Identifier: Apache-2.0
"""NIfTI images to disk, a few volumes at a time."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from isal import isal_zlib
from numpy.typing import DTypeLike, NDArray

from nipype_mapsmasker.core.grids import Grid, voxel_sizes
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.images.nifti import DATATYPES, MAX_NIFTI1_DIM
from nipype_mapsmasker.io.images.zstd import ZSTD_SUFFIX, zstd_writer

__all__ = ["write_image"]

GZIP_LEVEL = 1
"""igzip's level: float images come out as small as with its denser one, 2."""

GZIP_CHUNK_BYTES = 1 << 20
"""Bytes that are compressed as one; fixed, so that a file does not depend on block sizes."""

_XFORM_ALIGNED = 2
_UNITS_MM_SEC = 2 | 8
_QFORM_TOLERANCE = 1e-5


def write_image(
    path: str | os.PathLike[str],
    grid: Grid,
    blocks: Iterable[NDArray[Any]],
    *,
    n_volumes: int,
    dtype: DTypeLike = np.float32,
    t_r: float | None = None,
    ndim: int | None = None,
) -> Path:
    """
    Write an image from blocks of volumes.

    Parameters
    ----------
    path : path_like
        A .nii, .nii.gz or .nii.zst file; its folder exists.
    grid : Grid
        Shape and affine of a volume.
    blocks : iterable of (n, V) ndarray
        The volumes in their order, voxels in disk order (x fastest). A block is not needed any
        more when the next one is asked for.
    n_volumes : int
        T: how many volumes the blocks hold together.
    dtype : dtype_like
        Stored type. Numbers that an integer type cannot hold are refused, not truncated.
    t_r : float, optional
        Seconds between volumes.
    ndim : int, optional
        3 or 4; by default 3 for one volume.

    Returns
    -------
    Path
        The file, complete.

    Raises
    ------
    ParameterError
        The path, type or dimension is not one that can be written, or the blocks do not hold
        ``n_volumes`` volumes of the grid.

    Notes
    -----
    NIfTI-1, or NIfTI-2 where a dimension is above 32767. The same volumes give the same bytes:
    no time and no name goes into the gzip header. The file appears under its name when it is
    complete.
    """
    final = Path(path)
    stored = _checked_dtype(final, dtype)
    ndim = (3 if n_volumes == 1 else 4) if ndim is None else ndim
    if ndim not in (3, 4) or n_volumes < 1 or (ndim == 3 and n_volumes > 1):
        msg = (
            f"{final}: ndim={ndim} with n_volumes={n_volumes} is no image; give ndim=4, or ndim=3 "
            "with one volume."
        )
        raise ParameterError(msg)
    header = _header_bytes(grid, n_volumes, stored, t_r, ndim)
    with atomic_path(final) as temporary, temporary.open("wb") as file:
        if final.name.endswith(".gz"):
            with ThreadPoolExecutor(1) as worker:
                zipped = _Gzip(file, worker)
                chunks = _Chunks(zipped.write)
                _write_all(chunks.write, header, grid, blocks, n_volumes, stored, final)
                chunks.flush()
                zipped.finish()
        elif final.name.endswith(ZSTD_SUFFIX):
            n_bytes = len(header) + n_volumes * grid.n_voxels * stored.itemsize
            with zstd_writer(file, final, n_bytes) as zipped:
                _write_all(zipped.write, header, grid, blocks, n_volumes, stored, final)
        else:
            _write_all(_whole_writer(file), header, grid, blocks, n_volumes, stored, final)
    return final


class _Gzip:
    """
    Compress chunks in a thread, each while the caller makes the next.

    isal's own threaded writer waits for ever, in some versions, once the disk is full. Here one
    chunk at most is on its way, and what went wrong with it is raised before the next is taken.

    Parameters
    ----------
    file : BinaryIO
        Gets the compressed bytes.
    worker : ThreadPoolExecutor
        Has one thread, so that chunks keep their order.
    """

    def __init__(self, file: BinaryIO, worker: ThreadPoolExecutor) -> None:
        self._file = file
        self._worker = worker
        # 31: a gzip header without name and time, and the usual window.
        self._zip = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, 31)
        self._pending: Future[int] | None = None

    def write(self, chunk: memoryview) -> int:
        """Hand a copy of a chunk over to the thread; a short one is the last, and is done here."""
        self._wait()
        if len(chunk) < GZIP_CHUNK_BYTES:
            self._compress(chunk)
        else:
            self._pending = self._worker.submit(self._compress, bytes(chunk))
        return len(chunk)

    def finish(self) -> None:
        """Write what is left, and the checksum."""
        self._wait()
        self._file.write(self._zip.flush())

    def _compress(self, chunk: bytes | memoryview) -> int:
        return self._file.write(self._zip.compress(chunk))

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()


class _Chunks:
    """
    Pass bytes on in chunks of one size, however they come.

    Parameters
    ----------
    write : callable
        Takes chunks of `GZIP_CHUNK_BYTES`, and a shorter last one.
    """

    def __init__(self, write: Callable[[memoryview], int]) -> None:
        self._write = write
        self._buffer = np.empty(GZIP_CHUNK_BYTES, np.uint8).data  # zeros would take memory
        self._filled = 0

    def write(self, data: memoryview) -> None:
        """Take some bytes."""
        done = 0
        while done < len(data):
            part = data[done : done + GZIP_CHUNK_BYTES - self._filled]
            self._buffer[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            done += len(part)
            if self._filled == GZIP_CHUNK_BYTES:
                self.flush()

    def flush(self) -> None:
        """Pass on what there is."""
        if self._filled:
            self._write(self._buffer[: self._filled])
            self._filled = 0


def _whole_writer(file: BinaryIO) -> Callable[[memoryview], None]:
    """Give a function that writes all bytes that it is given."""

    def write(data: memoryview) -> None:
        file.write(data)

    return write


def _write_all(
    write: Callable[[memoryview], object],
    header: bytes,
    grid: Grid,
    blocks: Iterable[NDArray[Any]],
    n_volumes: int,
    stored: np.dtype[Any],
    path: Path,
) -> None:
    """Write the header and every volume, and count them."""
    write(memoryview(header))
    n_written = 0
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != grid.n_voxels:
            msg = (
                f"{path}: a block of shape {block.shape} arrived, where (n, {grid.n_voxels}) is "
                f"expected for a grid of {grid.shape}; reshape the volumes in Fortran order."
            )
            raise ParameterError(msg)
        n_written += len(block)
        if n_written > n_volumes:
            break
        for volume in block:
            write(_cast(volume, stored, path).data.cast("B"))
    if n_written != n_volumes:
        amount = "more than" if n_written > n_volumes else f"only {n_written} of"
        msg = (
            f"{path}: {amount} the {n_volumes} announced volumes arrived; n_volumes must be the "
            "number of volumes in the blocks."
        )
        raise ParameterError(msg)


def _cast(volume: NDArray[Any], stored: np.dtype[Any], path: Path) -> NDArray[Any]:
    """Convert one volume to the stored type, exactly if that is an integer type."""
    if volume.dtype == stored:
        return np.ascontiguousarray(volume)
    if stored.kind == "f":
        return volume.astype(stored)
    with np.errstate(invalid="ignore"):
        converted = volume.astype(stored)
    if not np.array_equal(converted, volume):
        msg = (
            f"{path}: dtype={stored.name} cannot hold the values, which are not all integers in "
            "its range; use a floating-point type."
        )
        raise ParameterError(msg)
    return converted


def _checked_dtype(path: Path, dtype: DTypeLike) -> np.dtype[Any]:
    """Check name and type; give the type in the byte order that is written."""
    if not path.name.endswith((".nii", ".nii.gz", ".nii.zst")):
        msg = f"{path} is not the name of a NIfTI file; let it end in .nii, .nii.gz or .nii.zst."
        raise ParameterError(msg)
    stored = np.dtype(dtype).newbyteorder("<")
    if stored.str[1:] not in DATATYPES.values():
        names = ", ".join(np.dtype(name).name for name in DATATYPES.values())
        msg = f"dtype={np.dtype(dtype).name} cannot be stored in NIfTI; use one of {names}."
        raise ParameterError(msg)
    return stored


def _header_bytes(
    grid: Grid, n_volumes: int, stored: np.dtype[Any], t_r: float | None, ndim: int
) -> bytes:
    """Make the header and the four empty bytes of "no extension"."""
    shape = (*grid.shape, n_volumes)[:ndim]
    dim = (ndim, *shape, *(1,) * (7 - ndim))
    code = next(code for code, name in DATATYPES.items() if stored.str[1:] == name)
    bits = stored.itemsize * 8
    qform_code, qfac, quaternion = _qform(grid)
    pixdim = (qfac, *voxel_sizes(grid).tolist(), t_r or 0.0 if ndim == 4 else 0.0, 0.0, 0.0, 0.0)
    offsets = tuple(grid.affine[:3, 3].tolist())
    srow = tuple(grid.affine[:3].ravel().tolist())
    orientation = (*quaternion, *offsets, *srow)
    if max(shape) > MAX_NIFTI1_DIM:
        raw = bytearray(544)
        struct.pack_into("<i8shh8q", raw, 0, 540, b"n+2\0\r\n\x1a\n", code, bits, *dim)
        struct.pack_into("<8dqdd", raw, 104, *pixdim, 544, 1.0, 0.0)
        struct.pack_into("<ii18d", raw, 344, qform_code, _XFORM_ALIGNED, *orientation)
        struct.pack_into("<i", raw, 500, _UNITS_MM_SEC)
        return bytes(raw)
    raw = bytearray(352)
    struct.pack_into("<i", raw, 0, 348)
    # "regular" is a left-over of Analyze 7.5 that some programs still look for.
    raw[38:39] = b"r"
    struct.pack_into("<8h", raw, 40, *dim)
    struct.pack_into("<hh", raw, 70, code, bits)
    struct.pack_into("<8fffff", raw, 76, *pixdim, 352.0, 1.0, 0.0, 0.0)
    raw[123] = _UNITS_MM_SEC
    struct.pack_into("<hh18f", raw, 252, qform_code, _XFORM_ALIGNED, *orientation)
    raw[344:348] = b"n+1\0"
    return bytes(raw)


def _qform(grid: Grid) -> tuple[int, float, tuple[float, float, float]]:
    """
    Give code, qfac and quaternion of the affine.

    The qform cannot shear: its code is 0 ("not given") for an affine that does.
    """
    rotation = grid.affine[:3, :3] / voxel_sizes(grid)
    qfac = -1.0 if np.linalg.det(rotation) < 0 else 1.0
    rotation = rotation * np.array([1.0, 1.0, qfac])
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > _QFORM_TOLERANCE:
        return 0, 1.0, (0.0, 0.0, 0.0)
    # Largest eigenvector of the symmetric 4 x 4 form of a rotation (Bar-Itzhack, 2000).
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    form = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    unit = np.linalg.eigh(form)[1][:, -1]
    b, c, d = (unit * math.copysign(1.0, unit[0]))[1:].tolist()
    return _XFORM_ALIGNED, qfac, (b, c, d)
