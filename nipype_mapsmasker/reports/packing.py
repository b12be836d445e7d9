# SPDX-License-Identifier: Apache-2.0
"""
Numbers in few bytes, exact to the digits that the page shows.

A signal is kept as whole numbers of its last shown digit, so that what the page writes under the
pointer is the file's value, rounded, and not a neighbour of it.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

__all__ = ["pack_bytes", "pack_columns", "rounded"]

MAX_DIGITS = 9
"""Most decimals that are shown of a signal."""

WIDE_POINTS = 1_000_000
"""Up to so many points each has two bytes, beyond it one, which means fewer digits."""

LEVEL = 1
"""Of compression, isal's: as small as zlib's third, in a fifth of the time."""

Array = NDArray[Any]


def pack_bytes(values: Array) -> str:
    """
    Compress an array to text.

    Parameters
    ----------
    values : ndarray
        Of bytes, or of larger numbers, which are written low byte first.

    Returns
    -------
    str
        Base64 of a zlib stream.
    """
    little = np.ascontiguousarray(values)
    if little.dtype.itemsize > 1:
        little = little.astype(little.dtype.newbyteorder("<"))
    return base64.b64encode(isal_zlib.compress(little.tobytes(), LEVEL)).decode("ascii")


def pack_columns(signals: Array, *, wide: bool = True) -> dict[str, Any]:
    """
    Compress signals column by column, to as many decimals as their bytes allow.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals; values that are not finite are missing.
    wide : bool, default=True
        Two bytes a point; otherwise one.

    Returns
    -------
    dict
        ``codes``: K columns of T codes, the last code meaning none, first all low bytes, then
        all high ones; ``digits`` and ``first`` per column: a value is
        ``(first + code) / 10 ** digits``.
    """
    largest = 65534 if wide else 254
    known = np.isfinite(signals)
    low = np.where(known, signals, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, signals, -np.inf).max(axis=0, initial=-np.inf)
    low, high = (np.where(np.isfinite(ends), ends, 0.0) for ends in (low, high))
    span = np.maximum(high - low, 0.0)
    with np.errstate(divide="ignore"):
        digits = np.floor(np.log10((largest - 1) / span))
        size = np.log10(np.maximum(np.abs(low), np.abs(high)))
    # Doubles have 15 digits; a constant's are of no interest beyond the eighth.
    most = np.where(np.isfinite(size), 8 - np.ceil(size), 0)
    digits = np.minimum(np.minimum(digits, most), MAX_DIGITS).astype(int)
    scaled = np.where(known, signals, low) * 10.0**digits
    first = np.rint(low * 10.0**digits)
    codes = (np.rint(scaled) - first).astype(np.uint16)
    codes[~known] = largest + 1
    turned = np.ascontiguousarray(codes.T)
    planes = [(turned & 255).astype(np.uint8), (turned >> 8).astype(np.uint8)]
    return {
        "codes": pack_bytes(np.stack(planes) if wide else planes[0]),
        "bytes": 2 if wide else 1,
        "digits": digits.tolist(),
        "first": first.astype(np.int64).tolist(),
    }


def rounded(values: Array, digits: int) -> list[float | None]:
    """
    Round numbers for JSON.

    Parameters
    ----------
    values : 1D ndarray of float
        Values.
    digits : int
        Decimals; below 0, significant digits.

    Returns
    -------
    list of float or None
        None for what is not finite.
    """
    shown = f".{-digits}g" if digits < 0 else f".{digits}f"
    return [float(format(value, shown)) if np.isfinite(value) else None for value in values]
