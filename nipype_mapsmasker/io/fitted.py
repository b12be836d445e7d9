# SPDX-License-Identifier: Apache-2.0
"""
Fitted operators on disk: one uncompressed ``.npz``, read without pickle and by memory map.

Every array of an uncompressed ``.npz`` lies whole in the file, so the large ones can be mapped:
workers on one machine then share a single copy of the maps.
"""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.fitting import MapsOperator
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.tiles import TiledRows
from nipype_mapsmasker.errors import ImageFileError
from nipype_mapsmasker.io.atomic import atomic_path

__all__ = ["OPERATOR_FORMAT", "load_operator", "save_operator"]

OPERATOR_FORMAT = 4
"""Version of the file's layout; files of another version are refused."""

_TILES = ("starts", "row_starts", "rows", "values")
"""Parts of a matrix that is kept cube by cube."""

_MAPPED = ("basis_values", "plain_values")
"""All but everything of a file, and mapped."""

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
        "demeaned": np.array(operator.demeaned),
        "rounding": np.zeros(operator.n_maps) if operator.rounding is None else operator.rounding,
    }
    arrays |= {f"basis_{part}": getattr(operator.basis, part) for part in _TILES}
    if operator.plain is not None and operator.plain_voxels is not None:
        arrays |= {f"plain_{part}": getattr(operator.plain, part) for part in _TILES}
        arrays["plain_voxels"] = operator.plain_voxels
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    return path


def load_operator(path: str | Path, *, own: bool = False) -> MapsOperator:
    """
    Read a fitted operator; its maps are mapped from the file, not read.

    Parameters
    ----------
    path : str or Path
        A file of `save_operator`.
    own : bool
        Whether the caller may change the numbers in memory; the file stays as it is.

    Returns
    -------
    MapsOperator
        With a ``basis`` in float32 where that loses nothing, read-only unless ``own``. The same
        object every time while the file stays as it is, unless ``own``.

    Raises
    ------
    ImageFileError
        The file is missing, damaged or of another format.
    """
    path = Path(path)
    if own:
        return _read_operator(path, own=True)
    try:
        state = path.stat()
    except FileNotFoundError as error:
        raise _not_whole(path, error) from error
    return _known_operator(path, (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=4)
def _known_operator(path: Path, state: tuple[int, ...]) -> MapsOperator:
    """Read an operator once for all runs of a process, as long as its file stays as it is."""
    return _read_operator(path, own=False)


def _not_whole(path: Path, error: Exception) -> ImageFileError:
    msg = f"{path} is not a whole operator file ({error}); fit the maps again."
    return ImageFileError(msg)


def _read_operator(path: Path, *, own: bool) -> MapsOperator:
    """Read an operator from its file."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            version = int(archive["format"])
            if version != OPERATOR_FORMAT:
                msg = (
                    f"{path} is an operator of format {version}, and this version reads format "
                    f"{OPERATOR_FORMAT}; fit the maps again."
                )
                raise ImageFileError(msg)
            arrays = {name: archive[name] for name in archive.files if name not in _MAPPED}
            mapped = [name for name in _MAPPED if name in archive.files]
        for array in arrays.values():
            array.setflags(write=own)
        arrays |= {name: _map_member(path, f"{name}.npy", "c" if own else "r") for name in mapped}
        basis = _tiled(arrays, "basis")
        plain = _tiled(arrays, "plain") if "plain_voxels" in arrays else None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, FileNotFoundError) as error:
        raise _not_whole(path, error) from error
    shape = tuple(int(size) for size in arrays["shape"])
    return MapsOperator(
        grid=Grid((shape[0], shape[1], shape[2]), arrays["affine"]),
        voxels=arrays["voxels"],
        basis=basis,
        mixing=arrays["mixing"],
        factor=arrays["factor"],
        names=tuple(str(name) for name in arrays["names"]),
        coverage=arrays["coverage"],
        variance_inflation=arrays["variance_inflation"],
        n_voxels=arrays["n_voxels"],
        centres=arrays["centres"],
        smoothing_fwhm=tuple(float(width) for width in arrays["smoothing_fwhm"]) or None,
        rank=int(arrays["rank"]),
        merged=arrays["merged"],
        folded=bool(arrays["folded"]),
        demeaned=bool(arrays["demeaned"]),
        rounding=arrays["rounding"],
        plain=plain,
        plain_voxels=arrays.get("plain_voxels"),
    )


def _tiled(arrays: dict[str, NDArray[Any]], name: str) -> TiledRows:
    """Put the parts of a matrix together."""
    n_rows = len(arrays["factor"]) if name == "basis" else len(arrays["names"])
    return TiledRows(n_rows, *(arrays[f"{name}_{part}"] for part in _TILES))


def _map_member(path: Path, name: str, mode: Literal["c", "r"]) -> NDArray[np.floating]:
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
    mapped: NDArray[np.floating] = np.memmap(
        path, dtype, mode, place, shape, "F" if fortran else "C"
    )
    return np.asarray(mapped)  # so that its many slices are no memory maps of their own
