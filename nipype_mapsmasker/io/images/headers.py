# SPDX-License-Identifier: Apache-2.0
"""What the header of an image says, checked before anything else is read."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import ImageFileError, ImageHeaderError
from nipype_mapsmasker.io.decoding import format_of
from nipype_mapsmasker.io.files import file_faults, file_state, is_settled
from nipype_mapsmasker.io.images.checks import (
    checked_grid,
    checked_offset,
    checked_scaling,
    checked_shape,
    dims_text,
)
from nipype_mapsmasker.io.images.foreign import read_foreign_header
from nipype_mapsmasker.io.images.inflate import GZIP_MAGIC, inflate_start
from nipype_mapsmasker.io.images.names import may_have_companions
from nipype_mapsmasker.io.images.nifti import (
    HEADER_BYTES,
    NiftiHeader,
    best_affine,
    parse_header,
    repetition_time,
    stored_dtype,
)
from nipype_mapsmasker.io.images.packed import (
    is_compressed,
    is_packed,
    is_zstd,
    most_bytes,
    open_compressed,
)
from nipype_mapsmasker.io.images.streams import ByteStream, PlainStream
from nipype_mapsmasker.io.images.zstd import ZSTD_SUFFIX

__all__ = ["ImageInfo", "read_info", "truncated"]

START_BYTES = 2048
"""Bytes of a file that are read at first: a compressed header is within them, as a rule."""

_TEXT_SUFFIXES = (".txt", ".tsv", ".csv", ".json")

_CIFTI_INTENTS = range(3000, 3100)

_CIFTI_NAME = re.compile(r"\.[dp](tseries|scalar|label|conn|dense)\.nii$")


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
        Whether the voxels are gzip or Zstandard data.
    data_offset : int
        Uncompressed bytes before the first voxel.
    data_path : Path
        The file with the voxels: ``path``, or the ``.img`` beside a ``.hdr``.
    streamed : bool
        Whether the bytes of ``data_path`` are read as they are; otherwise nibabel decodes them.
    array : (X, Y, Z, T) ndarray or None
        The voxels themselves, of an image that is in memory and has no file.
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
    array: NDArray[Any] | None = field(default=None, compare=False, repr=False)

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
        A .nii, .nii.gz, .nii.zst, .hdr or .img file, or another format that nibabel loads.

    Returns
    -------
    ImageInfo
        All that is needed to read the voxels, without having read any.

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
    # Plans and groups ask for the headers of ten thousand runs in turn.
    state = None if may_have_companions(path) else file_state(path, sys.maxsize)
    if state is not None and is_settled(max(state[-2:])):
        return _known_info(path, state)
    return _read_info(path)


@lru_cache(maxsize=1 << 14)
def _known_info(path: Path, _state: tuple[Path, int, int, int, int]) -> ImageInfo:
    """Read a header once, as long as the file stays as it is."""
    return _read_info(path)


def _read_info(path: Path) -> ImageInfo:
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
        With the numbers of volumes promised and found; to be raised.
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
        for zip_end in (".gz", ZSTD_SUFFIX, ""):
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


def _read_start(path: Path) -> bytes:
    """Read the bytes that may be a header, inflated."""
    with file_faults(path):
        stream: ByteStream = PlainStream(path)
        try:
            start = _read_bytes(stream, START_BYTES)
        finally:
            stream.close()
    if not start:
        msg = f"{path} is empty (0 bytes), where an image is expected; copy it again."
        raise ImageFileError(msg)
    _refuse_others(path, start)
    if not is_packed(path, start):
        return start[:HEADER_BYTES]
    header = inflate_start(start, HEADER_BYTES)
    if len(header) == HEADER_BYTES and not header.startswith(GZIP_MAGIC):
        _refuse_others(path, header)
        return header
    with file_faults(path):
        stream = open_compressed(path, chunk_bytes=4096)
        try:
            header = _read_bytes(stream, HEADER_BYTES)
            if len(header) < HEADER_BYTES:
                stream.finish()
                if is_zstd(path):  # which does not tell where its data were to end
                    msg = (
                        f"{path} holds {len(header)} inflated bytes, less than the header of an "
                        "image: it is truncated, or no image; copy it again."
                    )
                    raise ImageFileError(msg)
        finally:
            stream.close()
    if header.startswith(GZIP_MAGIC):
        msg = (
            f"{path} holds gzip data inside gzip data: it was compressed twice, as some servers "
            "and browsers do; unzip it once (gunzip), and it is the image."
        )
        raise ImageFileError(msg)
    _refuse_others(path, header)
    return header


def _refuse_others(path: Path, start: bytes) -> None:
    """Refuse what starts as a file of quite another kind."""
    if path.suffix.lower() in _TEXT_SUFFIXES:
        msg = (
            f"{path} is not an image but a file of text by its name; give a NIfTI file (.nii, "
            ".nii.gz). A table of runs ends in .tsv or .csv."
        )
        raise ImageFileError(msg)
    other = "a tar archive" if start[257:262] == b"ustar" else format_of(start)
    if other is None:
        return
    what = "get its content first" if "pointer" in other else "give a NIfTI file (.nii, .nii.gz)"
    if "Excel" in other:
        what += "; a table of runs is given as .tsv or .csv"
    msg = f"{path} is {other}, where an image is expected; {what}."
    raise ImageFileError(msg)


def _read_bytes(stream: ByteStream, n_bytes: int) -> bytes:
    """Read up to ``n_bytes`` bytes; a truncated file gives what it has."""
    buffer = bytearray(n_bytes)
    return bytes(buffer[: stream.readinto(memoryview(buffer))])


def _info_of_nifti(path: Path, header: NiftiHeader, data_path: Path) -> ImageInfo:
    """Check a NIfTI header's fields one by one."""
    name = str(path)
    if header.single_file:
        data_path = path if path == data_path else _pair(path)[0]
    if header.intent in _CIFTI_INTENTS or _CIFTI_NAME.search(path.name.lower()):
        msg = (
            f"{name} is CIFTI data (grayordinates: points of the cortical surface and voxels of "
            "single structures), which has no volumes; give the run as an image of the whole "
            "volume (NIfTI), such as fMRIPrep's ..._space-MNI152NLin2009cAsym_..._bold.nii.gz."
        )
        raise ImageHeaderError(msg)
    shape = checked_shape(header.dim[1 : 1 + max(header.dim[0], 0)], header.dim[0], name)
    dtype = stored_dtype(header, name)
    spatial = (shape[0], shape[1], shape[2])
    slope, intercept = checked_scaling(header, name)
    t_r = None
    if len(shape) == 4:
        single = header.version == 1
        t_r = repetition_time(header.pixdim[4], header.units, single_precision=single)
    return ImageInfo(
        path=path,
        grid=checked_grid(spatial, best_affine(header, spatial, name), name),
        n_volumes=shape[3] if len(shape) == 4 else 1,
        ndim=len(shape),
        dtype=dtype,
        slope=slope,
        intercept=intercept,
        t_r=t_r,
        compressed=is_compressed(data_path),
        data_offset=checked_offset(header, name),
        data_path=data_path,
    )


def _info_of_foreign(path: Path) -> ImageInfo:
    """Check what nibabel says of an image of another format."""
    header = read_foreign_header(path)
    name = str(path)
    shape = checked_shape(header.shape, len(header.shape), name)
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
        grid=checked_grid((shape[0], shape[1], shape[2]), header.affine, name),
        n_volumes=shape[3] if len(shape) == 4 else 1,
        ndim=len(shape),
        dtype=header.dtype,
        slope=header.slope,
        intercept=header.intercept,
        t_r=t_r,
        compressed=is_compressed(data_path),
        data_offset=header.offset,
        data_path=data_path,
        streamed=header.data_path is not None,
    )


def _check_size(info: ImageInfo) -> None:
    """Refuse a file that cannot hold what its header promises."""
    with file_faults(info.data_path):
        n_stored = info.data_path.stat().st_size
    if not info.compressed:
        if n_stored < info.data_offset + info.n_bytes:
            raise truncated(info, max(n_stored - info.data_offset, 0))
        return
    n_possible = most_bytes(info.data_path, n_stored)
    if n_possible < info.data_offset + info.n_bytes:
        n_at_most = max(n_possible - info.data_offset, 0) // info.volume_bytes
        msg = (
            f"{info.data_path} is truncated, or its header is not true: its {n_stored} bytes "
            f"can hold at most {n_at_most} of the {info.n_volumes} volumes of "
            f"{dims_text(info.grid.shape)} voxels that the header promises; copy it again."
        )
        raise ImageFileError(msg)
