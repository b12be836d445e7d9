# SPDX-License-Identifier: Apache-2.0
"""Maps to an operator on a grid: which grid, which of its voxels, and the fit, file to file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cuts import collect_map_cuts
from nipype_mapsmasker.core.fitting import solve_on_grid
from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import check_overlap
from nipype_mapsmasker.core.maps import check_no_overlap
from nipype_mapsmasker.core.parameters import FittingParameters
from nipype_mapsmasker.errors import GridError, ParameterError
from nipype_mapsmasker.io.arrays import save_arrays
from nipype_mapsmasker.io.fitted import load_operator, save_operator
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.maps import MapsImage, load_maps, mask_on_grid, open_maps
from nipype_mapsmasker.io.sidecars import checksum
from nipype_mapsmasker.io.tables.coverage import write_fit_coverage

__all__ = ["ResamplingTarget", "adopt_fit", "fit_space", "fit_to_grid"]

ResamplingTarget: TypeAlias = Literal["data", "mask", "maps"] | None


def fit_to_grid(
    folder: Path,
    *,
    maps_file: str,
    parameters: FittingParameters,
    mask_file: str | None = None,
    reference_file: str | None = None,
    labels_file: str | None = None,
    save_cuts: bool = False,
) -> dict[str, Any]:
    """
    Fit the maps of an image to a grid.

    Parameters
    ----------
    folder : Path
        Where the operator, its coverage and the cuts are written.
    maps_file : str
        4D image of weights, or 3D image of labels.
    parameters : FittingParameters
        How.
    mask_file : str, optional
        Mask of the voxels in use.
    reference_file : str, optional
        Image whose grid the runs have.
    labels_file : str, optional
        Table of the maps' names.
    save_cuts : bool
        Whether three cuts of every map are kept for the pages.

    Returns
    -------
    dict
        ``operator_file``, ``coverage_file``, ``cuts_file``, ``maps_file``, ``mask_file``,
        ``maps_checksum`` and ``n_maps``.

    Raises
    ------
    ImageFileError, GridError, MapsError, ParameterError
        An image cannot be used, or does not go with the others.
    """
    maps_image = open_maps(maps_file)
    names = maps_image.names(labels_file)
    target, mask = fit_space(
        maps_image,
        mask_file=mask_file,
        mask_threshold=parameters.mask_threshold,
        reference_file=reference_file,
        resampling_target=parameters.resampling_target,
    )
    maps = load_maps(maps_image, target, mask, mask_file=mask_file)
    if not parameters.allow_overlap:
        check_no_overlap(maps, names)
    voxels = None
    if parameters.demean:
        voxels = np.arange(target.n_voxels) if mask is None else np.flatnonzero(mask)
    cuts = None
    if save_cuts:
        cuts = save_arrays(folder / "cuts.npz", collect_map_cuts(maps))
    solved = solve_on_grid(maps, names, demean_over=voxels)
    del maps  # smoothing needs memory too
    operator = solved.operator(names, parameters.fwhm)
    return {
        "coverage_file": str(write_fit_coverage(folder / "coverage.tsv", operator)),
        "operator_file": str(save_operator(folder / "operator.npz", operator)),
        "maps_file": maps_file,
        "mask_file": mask_file,
        "n_maps": operator.n_maps,
        "cuts_file": None if cuts is None else str(cuts),
        "maps_checksum": checksum(maps_file),
    }


def adopt_fit(folder: Path, operator_file: str, maps_file: str | None) -> dict[str, Any]:
    """
    Take a fit that was made before, so that any number of runs share it.

    Parameters
    ----------
    folder : Path
        Where its coverage is written.
    operator_file : str
        The fit.
    maps_file : str or None
        The maps, to be named in the results; they are not read again, so there are no cuts of
        them for the pages.

    Returns
    -------
    dict
        As `fit_to_grid`.

    Raises
    ------
    ImageFileError
        The file is no whole fit, or the maps cannot be read.
    """
    operator = load_operator(operator_file)
    return {
        "coverage_file": str(write_fit_coverage(folder / "coverage.tsv", operator)),
        "operator_file": operator_file,
        "maps_file": maps_file,
        "mask_file": None,
        "n_maps": operator.n_maps,
        "cuts_file": None,
        "maps_checksum": None if maps_file is None else checksum(maps_file),
    }


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
