# SPDX-License-Identifier: Apache-2.0
"""
Fitted operators on disk: one uncompressed ``.npz``, read without pickle and by memory map.

Every array of an uncompressed ``.npz`` lies whole in the file, so the large ones can be mapped:
workers on one machine then share a single copy of the maps.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.fitting import MapsOperator
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.tiles import TiledRows
from nipype_mapsmasker.errors import ImageFileError
from nipype_mapsmasker.io.atomic import atomic_path

__all__ = ["OPERATOR_FORMAT", "load_operator", "save_operator"]

OPERATOR_FORMAT = 3
"""Version of the file's layout; files of another version are refused."""

_BASIS = ("starts", "row_starts", "rows", "values")
"""Parts of the maps; the last is all but everything, and mapped."""

_LOCAL_HEADER_BYTES = 30
"""Fixed part of a zip member's own header; name and extra field follow it."""


def save_operator(path: str | Path, operator: MapsOperator) -> Path:
    """
    Write a fitted operator.

    Parameters
    ----------
    path : str or Path
        The ``.npz`` to write; appears whole or not at all.
    operator : MapsOperator
        The fitted maps.

    Returns
    -------
    Path
        The file, complete.
    """
    path = Path(path)
    arrays: dict[str, NDArray[np.generic]] = {
        "format": np.array(OPERATOR_FORMAT),
        "shape": np.array(operator.grid.shape),
        "affine": operator.grid.affine,
        "voxels": operator.voxels,
        "mixing": operator.mixing,
        "factor": operator.factor,
        "names": np.array(operator.names, dtype=np.str_),
        "coverage": operator.coverage,
        "variance_inflation": operator.variance_inflation,
        "n_voxels": operator.n_voxels,
        "centres": operator.centres,
        "smoothing_fwhm": np.array(operator.smoothing_fwhm or (), dtype=np.float64),
        "rank": np.array(operator.rank),
        "merged": operator.merged,
        "folded": np.array(operator.folded),
    }
    arrays |= {f"basis_{part}": getattr(operator.basis, part) for part in _BASIS}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    return path


def load_operator(path: str | Path) -> MapsOperator:
    """
    Read a fitted operator; its maps are mapped from the file, not read.

    Parameters
    ----------
    path : str or Path
        A file of `save_operator`.

    Returns
    -------
    MapsOperator
        With a read-only ``basis``, in float32 where that loses nothing.

    Raises
    ------
    ImageFileError
        The file is missing, damaged or of another format.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            version = int(archive["format"])
            if version != OPERATOR_FORMAT:
                msg = (
                    f"{path} is an operator of format {version}, and this version reads format "
                    f"{OPERATOR_FORMAT}; fit the maps again."
                )
                raise ImageFileError(msg)
            small = {name: archive[name] for name in archive.files if name != "basis_values"}
        values = _map_member(path, "basis_values.npy")
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, FileNotFoundError) as error:
        msg = f"{path} is not a whole operator file ({error}); fit the maps again."
        raise ImageFileError(msg) from error
    starts, row_starts, rows = (small[f"basis_{part}"] for part in _BASIS[:3])
    shape = tuple(int(size) for size in small["shape"])
    return MapsOperator(
        grid=Grid((shape[0], shape[1], shape[2]), small["affine"]),
        voxels=small["voxels"],
        basis=TiledRows(small["factor"].shape[0], starts, row_starts, rows, values),
        mixing=small["mixing"],
        factor=small["factor"],
        names=tuple(str(name) for name in small["names"]),
        coverage=small["coverage"],
        variance_inflation=small["variance_inflation"],
        n_voxels=small["n_voxels"],
        centres=small["centres"],
        smoothing_fwhm=tuple(float(width) for width in small["smoothing_fwhm"]) or None,
        rank=int(small["rank"]),
        merged=small["merged"],
        folded=bool(small["folded"]),
    )


def _map_member(path: Path, name: str) -> NDArray[np.floating]:
    """Map one array of an uncompressed archive into memory."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(name)
        if member.compress_type != zipfile.ZIP_STORED:
            msg = f"member {name} is compressed"
            raise ValueError(msg)
    with path.open("rb") as stream:
        stream.seek(member.header_offset + 26)
        lengths = np.frombuffer(stream.read(4), dtype="<u2")
        stream.seek(member.header_offset + _LOCAL_HEADER_BYTES + int(lengths.sum()))
        version = np.lib.format.read_magic(stream)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read_header(stream)
        if dtype.hasobject or 0 in shape:
            msg = f"member {name} holds no plain numbers"
            raise ValueError(msg)
        place = stream.tell()
    mapped: NDArray[np.float64] = np.memmap(
        path, dtype, "r", place, shape, "F" if fortran else "C"
    )
    return mapped
