# SPDX-License-Identifier: Apache-2.0
"""
Pictures of numbers: a palette PNG with one pixel per value.

The style sheet scales them, so that a carpet of T by K values is T by K pixels whatever its size
in the page. Every line has filter 0: inflating the data gives back the values, which is how the
page's script reads them.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from nipype_mapsmasker.reports.packing import LEVEL

__all__ = ["data_uri", "palette_png"]

Array = NDArray[Any]


def palette_png(codes: Array, palette: Array, *, transparent: bool = False) -> bytes:
    """
    Write a picture whose pixels are numbers of colours.

    Parameters
    ----------
    codes : (rows, columns) ndarray of uint8
        The pixels.
    palette : (N, 3) ndarray of uint8
        Red, green and blue of each code, N at most 256.
    transparent : bool, default=False
        Whether code 0 is see-through.

    Returns
    -------
    bytes
        A PNG file without date or name: equal values give equal bytes.
    """
    height, width = codes.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)
    lines[:, 1:] = codes
    parts = [
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        _chunk(b"PLTE", np.ascontiguousarray(palette, dtype=np.uint8).tobytes()),
        _chunk(b"tRNS", b"\0") if transparent else b"",
        _chunk(b"IDAT", isal_zlib.compress(lines.tobytes(), LEVEL)),
        _chunk(b"IEND", b""),
    ]
    return b"".join(parts)


def data_uri(png: bytes) -> str:
    """
    Make the address of a picture that is inside the page.

    Parameters
    ----------
    png : bytes
        A PNG file.

    Returns
    -------
    str
        ``data:image/png;base64,…``.
    """
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Write a part of a PNG file: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
