# SPDX-License-Identifier: Apache-2.0
"""Inverse transform from file to file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nipype_mapsmasker.core.inverse import reconstruct
from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.maps import load_maps, mask_on_grid, open_maps
from nipype_mapsmasker.io.tables.signals import read_signals

__all__ = ["inverse_transform"]


def inverse_transform(
    signals_file: str | Path,
    maps_file: str | Path,
    out_file: Path,
    *,
    mask_file: str | Path | None = None,
    mask_threshold: float | None = None,
    reference_file: str | Path | None = None,
    t_r: float | None = None,
    dtype: str = "float32",
) -> Path:
    """
    Write the image that signals and maps add up to.

    Parameters
    ----------
    signals_file : str or Path
        One row per volume, one column per map.
    maps_file : str or Path
        The maps.
    out_file : Path
        The image to write.
    mask_file : str or Path, optional
        Outside it the image is 0.
    mask_threshold : float, optional
        Where to cut a mask of probabilities.
    reference_file : str or Path, optional
        Image whose grid is wanted; else the maps' own.
    t_r : float, optional
        Repetition time for the header, s.
    dtype : str
        Type that is written.

    Returns
    -------
    Path
        ``out_file``; 3D where there is a single row.

    Raises
    ------
    SignalError
        The columns are not those of the maps.
    """
    signals, _ = read_signals(signals_file)
    maps_image = open_maps(maps_file)
    grid = maps_image.grid if reference_file is None else read_info(reference_file).grid
    mask = None
    if mask_file is not None:
        mask = np.zeros(grid.n_voxels, dtype=bool)
        mask[mask_on_grid(mask_file, grid, mask_threshold)] = True
    if signals.shape[1] != maps_image.n_maps:
        msg = (
            f"{signals_file} has {signals.shape[1]} columns, but {maps_file} has "
            f"{maps_image.n_maps} maps; give the signals of these maps, one column each."
        )
        raise SignalError(msg)
    maps = load_maps(maps_image, grid, mask)
    return write_image(
        out_file,
        grid,
        reconstruct(signals, maps),
        n_volumes=signals.shape[0],
        dtype=np.dtype(dtype),
        t_r=t_r,
        ndim=3 if signals.shape[0] == 1 else 4,
    )
