# SPDX-License-Identifier: Apache-2.0
"""The space of a fit: which grid, and which of its voxels, from files and options."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import check_overlap
from nipype_mapsmasker.errors import GridError, ParameterError
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.maps import MapsImage, mask_on_grid

__all__ = ["ResamplingTarget", "fit_space"]

ResamplingTarget: TypeAlias = Literal["data", "mask", "maps"] | None


def fit_space(
    maps: MapsImage,
    *,
    mask_file: str | Path | None = None,
    mask_threshold: float | None = None,
    reference_file: str | Path | None = None,
    resampling_target: ResamplingTarget = "data",
) -> tuple[Grid, NDArray[np.bool_] | None]:
    """
    Decide the grid of a fit and bring the mask onto it.

    Parameters
    ----------
    maps : MapsImage
        The maps.
    mask_file : str or Path, optional
        The mask.
    mask_threshold : float, optional
        Where to cut a mask of probabilities.
    reference_file : str or Path, optional
        A run's image, for 'data' and None.
    resampling_target : {'data', 'mask', 'maps', None}
        Whose grid is wanted; None wants one grid for all.

    Returns
    -------
    target : Grid
        The grid of the fit.
    mask : (V,) ndarray of bool or None
        The mask on that grid, disk order, by nearest neighbour.

    Raises
    ------
    ParameterError
        The image whose grid is wanted was not given.
    GridError
        Grids differ where they must not, or do not overlap.
    MapsError
        The mask is not binary, or empty once it is on the grid.
    """
    data_grid = None if reference_file is None else read_info(reference_file).grid
    mask_grid = None if mask_file is None else read_info(mask_file).grid
    files = {"data": reference_file, "mask": mask_file, "maps": maps.path}
    grids = {"data": data_grid, "mask": mask_grid, "maps": maps.grid}
    if resampling_target is None:
        _check_one_grid(grids, files)
    target = grids[resampling_target or "maps"]
    if target is None:
        needed = "a mask (mask_img)" if resampling_target == "mask" else "an image of the runs"
        msg = (
            f"resampling_target={resampling_target!r} needs {needed}, and none was given; "
            "give one, or choose another resampling_target."
        )
        raise ParameterError(msg)
    if resampling_target is not None:
        check_overlap(
            maps.grid,
            target,
            source_name=str(maps.path),
            target_name=str(files[resampling_target]),
        )
    if mask_file is None:
        return target, None
    inside = np.zeros(target.n_voxels, dtype=bool)
    inside[mask_on_grid(mask_file, target, mask_threshold)] = True
    return target, inside


def _check_one_grid(grids: dict[str, Grid | None], files: dict[str, str | Path | None]) -> None:
    """Refuse grids that differ."""
    present = {name: grid for name, grid in grids.items() if grid is not None}
    for name, grid in present.items():
        if not same_grid(grid, present["maps"]):
            msg = (
                f"resampling_target=None wants one grid, but {files[name]} has shape "
                f"{grid.shape} and affine {grid.affine.tolist()}, and the maps {files['maps']} "
                f"have {present['maps'].shape} and {present['maps'].affine.tolist()}; choose "
                "'data', 'mask' or 'maps'."
            )
            raise GridError(msg)
