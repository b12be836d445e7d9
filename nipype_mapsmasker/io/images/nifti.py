# SPDX-License-Identifier: Apache-2.0
"""
NIfTI-1 and NIfTI-2 headers: bytes to facts, and back.

The layouts are those of ``nifti1.h`` and ``nifti2.h`` of the NIfTI Data Format Working Group.
Only the fields that decide where voxels are and what they mean are kept.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import ImageHeaderError

__all__ = [
    "HEADER_BYTES",
    "MAX_NIFTI1_DIM",
    "NiftiHeader",
    "best_affine",
    "parse_header",
    "repetition_time",
    "stored_dtype",
]

HEADER_BYTES = 540
"""Bytes that hold any NIfTI header: 348 for NIfTI-1, 540 for NIfTI-2."""

MAX_NIFTI1_DIM = 32767
"""Largest dimension that NIfTI-1 can state (a 16-bit integer)."""

MILLISECONDS_ABOVE = 100.0
"""A repetition time above this, in an unknown unit, is taken to be milliseconds."""

DATATYPES: dict[int, str] = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
"""NIfTI datatype codes of real numbers, as numpy type strings without byte order."""

_REFUSED_DATATYPES = {
    0: "unknown",
    1: "single bits",
    32: "complex64",
    128: "RGB colours",
    1536: "float128, which no ordinary processor computes with",
    1792: "complex128",
    2048: "complex256",
    2304: "RGBA colours",
}

_KNOWN_XFORMS = frozenset({1, 2, 3, 4, 5})

_TIME_UNITS = {0: None, 8: 1.0, 16: 1e-3, 24: 1e-6}

_QUATERNION_SLACK = {1: 3 * 2.0**-23, 2: 3 * 2.0**-52}


@dataclass(frozen=True)
class NiftiHeader:
    """
    Hold the fields of one header, as stored.

    Parameters
    ----------
    version : int
        1 or 2.
    byte_order : str
        ``'<'`` or ``'>'``.
    single_file : bool
        Whether the voxels follow in the same file (``n+1``, ``n+2``).
    dim : tuple of int
        Eight numbers: how many dimensions, then their lengths.
    datatype : int
        Code of the stored type.
    pixdim : tuple of float
        Eight numbers: qfac, then the spacing along each dimension.
    vox_offset : float
        Bytes before the first voxel.
    slope, intercept : float
        Scaling of the stored values, as stored.
    units : int
        The packed units of space and time.
    intent : int
        Code of what the numbers mean.
    qform_code, sform_code : int
        Which of the two orientations are given.
    quaternion, q_offset, srow : tuple of float
        The orientations: 3, 3 and 12 numbers.
    """

    version: int
    byte_order: str
    single_file: bool
    dim: tuple[int, ...]
    datatype: int
    pixdim: tuple[float, ...]
    vox_offset: float
    slope: float
    intercept: float
    units: int
    intent: int
    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    q_offset: tuple[float, ...]
    srow: tuple[float, ...]


def parse_header(raw: bytes) -> NiftiHeader | None:
    """
    Read a header's fields.

    Parameters
    ----------
    raw : bytes
        The first `HEADER_BYTES` bytes of the file, fewer if it is shorter.

    Returns
    -------
    NiftiHeader or None
        None when the bytes are not a NIfTI header.
    """
    if len(raw) < 348:
        return None
    for order in "<>":
        size = struct.unpack_from(order + "i", raw)[0]
        if size == 348 and raw[344:347] in (b"n+1", b"ni1"):
            return _parse_nifti1(raw, order)
        if size == 540 and len(raw) >= 540 and raw[4:7] in (b"n+2", b"ni2"):
            return _parse_nifti2(raw, order)
    return None


def _parse_nifti1(raw: bytes, order: str) -> NiftiHeader:
    """Read the fields of a 348-byte header."""

    def get(layout: str, offset: int) -> tuple[float, ...]:
        return struct.unpack_from(order + layout, raw, offset)

    slope, intercept = get("2f", 112)
    qform_code, sform_code = struct.unpack_from(order + "2h", raw, 252)
    return NiftiHeader(
        version=1,
        byte_order=order,
        single_file=raw[344:347] == b"n+1",
        dim=struct.unpack_from(order + "8h", raw, 40),
        datatype=struct.unpack_from(order + "h", raw, 70)[0],
        pixdim=get("8f", 76),
        vox_offset=get("f", 108)[0],
        slope=slope,
        intercept=intercept,
        units=raw[123],
        intent=struct.unpack_from(order + "h", raw, 68)[0],
        qform_code=qform_code,
        sform_code=sform_code,
        quaternion=get("3f", 256),
        q_offset=get("3f", 268),
        srow=get("12f", 280),
    )


def _parse_nifti2(raw: bytes, order: str) -> NiftiHeader:
    """Read the fields of a 540-byte header."""

    def get(layout: str, offset: int) -> tuple[float, ...]:
        return struct.unpack_from(order + layout, raw, offset)

    slope, intercept = get("2d", 176)
    qform_code, sform_code = struct.unpack_from(order + "2i", raw, 344)
    return NiftiHeader(
        version=2,
        byte_order=order,
        single_file=raw[4:7] == b"n+2",
        dim=struct.unpack_from(order + "8q", raw, 16),
        datatype=struct.unpack_from(order + "h", raw, 12)[0],
        pixdim=get("8d", 104),
        vox_offset=float(struct.unpack_from(order + "q", raw, 168)[0]),
        slope=slope,
        intercept=intercept,
        units=struct.unpack_from(order + "i", raw, 500)[0] & 0xFF,
        intent=struct.unpack_from(order + "i", raw, 504)[0],
        qform_code=qform_code,
        sform_code=sform_code,
        quaternion=get("3d", 352),
        q_offset=get("3d", 376),
        srow=get("12d", 400),
    )


def stored_dtype(header: NiftiHeader, name: str) -> np.dtype[np.generic]:
    """
    Give the numpy type of the stored voxels.

    Parameters
    ----------
    header : NiftiHeader
        Its type, or its two orientations and sizes of voxels, are looked at.
    name : str
        The file, for the message.

    Returns
    -------
    dtype
        With the file's byte order.

    Raises
    ------
    ImageHeaderError
        The type is not that of real numbers, or not one that NIfTI knows.
    """
    code = header.datatype
    if code in DATATYPES:
        return np.dtype(header.byte_order + DATATYPES[code])
    kind = _REFUSED_DATATYPES.get(code, "not a type of the NIfTI standard")
    msg = (
        f"{name} stores voxels of datatype {code} ({kind}), where integers or floating-point "
        "numbers are expected; convert it to one real number per voxel first."
    )
    raise ImageHeaderError(msg)


def best_affine(
    header: NiftiHeader, shape: tuple[int, int, int], name: str
) -> NDArray[np.float64]:
    """
    Give the affine, by the same precedence as nibabel: sform, then qform, then voxel sizes.

    Parameters
    ----------
    header : NiftiHeader
        Its type, or its two orientations and sizes of voxels, are looked at.
    shape : tuple of int
        Numbers of voxels (X, Y, Z).
    name : str
        The file, for the message.

    Returns
    -------
    (4, 4) ndarray of float
        From voxel indices to millimetres; it may hold NaN if the header does.

    Raises
    ------
    ImageHeaderError
        The qform is the best there is and its quaternion cannot be one.
    """
    affine = np.eye(4)
    # A spacing of zero would make the grid flat: like nibabel, one millimetre is meant then.
    spacing = [abs(size) if size else 1.0 for size in header.pixdim[1:4]]
    if header.sform_code in _KNOWN_XFORMS:
        affine[:3] = np.array(header.srow, dtype=np.float64).reshape(3, 4)
        return affine
    if header.qform_code in _KNOWN_XFORMS:
        qfac = -1.0 if header.pixdim[0] == -1 else 1.0
        rotation = _rotation(header.quaternion, _QUATERNION_SLACK[header.version], name)
        affine[:3, :3] = rotation * np.array([spacing[0], spacing[1], spacing[2] * qfac])
        affine[:3, 3] = header.q_offset
        return affine
    # The fall-back of the Analyze format, with the centre of the grid at the origin.
    n_axes = min(header.dim[0], 3)
    sizes = np.array([*spacing[:n_axes], 1.0, 1.0, 1.0])[:3]
    sizes[0] = -sizes[0]
    affine[:3, :3] = np.diag(sizes)
    affine[:3, 3] = -sizes * (np.array(shape) - 1) / 2.0
    return affine


def _rotation(quaternion: tuple[float, ...], slack: float, name: str) -> NDArray[np.float64]:
    """Give the 3 x 3 rotation of a unit quaternion of which the first part is left out."""
    b, c, d = (float(part) for part in quaternion)
    rest = 1.0 - (b * b + c * c + d * d)
    if rest <= -slack:
        msg = (
            f"{name} has a qform whose quaternion ({b:g}, {c:g}, {d:g}) is longer than 1, so it "
            "is no rotation; correct the header's qform or give the image an sform."
        )
        raise ImageHeaderError(msg)
    a = 0.0 if rest < slack else math.sqrt(rest)
    scale = 2.0 / (a * a + b * b + c * c + d * d)
    return np.array(
        [
            [1 - scale * (c * c + d * d), scale * (b * c - a * d), scale * (b * d + a * c)],
            [scale * (b * c + a * d), 1 - scale * (b * b + d * d), scale * (c * d - a * b)],
            [scale * (b * d - a * c), scale * (c * d + a * b), 1 - scale * (b * b + c * c)],
        ]
    )


def repetition_time(spacing: float, units: int, *, single_precision: bool) -> float | None:
    """
    Give the time between volumes in seconds.

    Parameters
    ----------
    spacing : float
        The header's spacing of the fourth dimension.
    units : int
        The header's packed units; bits 4 to 6 are those of time.
    single_precision : bool
        Whether the spacing was stored as a 32-bit float: it is then read as the shortest
        decimal number that is stored so, 0.8 and not 0.800000011920929.

    Returns
    -------
    float or None
        None when there is none: zero, negative, not finite, or not a unit of time.

    Notes
    -----
    Where the unit is not given, seconds are meant, unless the number is above
    `MILLISECONDS_ABOVE`: no scanner takes 100 s, nor less than 100 ms where milliseconds are
    written.

    Examples
    --------
    >>> repetition_time(2000.0, 16, single_precision=True)
    2.0
    >>> repetition_time(0.800000011920929, 8, single_precision=True)
    0.8
    """
    if not math.isfinite(spacing) or spacing <= 0:
        return None
    number = float(str(np.float32(spacing))) if single_precision else float(spacing)
    code = units & 0x38
    if code not in _TIME_UNITS:
        return None
    factor = _TIME_UNITS[code]
    if factor is None:
        factor = 1e-3 if number > MILLISECONDS_ABOVE else 1.0
    # Dividing gives the nearest number to the decimal fraction; multiplying by 1e-3 may not.
    return number / round(1.0 / factor)
