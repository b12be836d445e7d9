# SPDX-License-Identifier: Apache-2.0
"""Named arrays in one compressed file, without pickle, with the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.io.atomic import atomic_path

__all__ = ["load_arrays", "save_arrays"]

LEVEL = 1
"""zlib's: such files are small, and higher levels take longer than writing them."""


def save_arrays(path: str | Path, arrays: Mapping[str, NDArray[np.generic]]) -> Path:
    """
    Write arrays as a compressed ``.npz`` without dates.

    Parameters
    ----------
    path : str or Path
        The file to write; it appears whole or not at all.
    arrays : mapping of str to ndarray
        Arrays of plain numbers or text, by name.

    Returns
    -------
    Path
        The file, complete.
    """
    path = Path(path)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(name + ".npy")  # dated 1980, so that bytes repeat
            values = np.asarray(array)
            # Bytes are what somebody has packed already.
            is_packed = values.dtype == np.uint8
            method = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, values, allow_pickle=False)
            archive.writestr(member, buffer.getvalue(), method, LEVEL)
    return path


def load_arrays(
    path: str | Path | BinaryIO, *, without: str = ""
) -> dict[str, NDArray[np.generic]]:
    """
    Read the arrays of `save_arrays`.

    Parameters
    ----------
    path : str, Path or binary stream
        What `save_arrays` wrote.
    without : str
        Name of an array that is not read.

    Returns
    -------
    dict of str to ndarray
        The arrays by name, read into memory.
    """
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name != without}
